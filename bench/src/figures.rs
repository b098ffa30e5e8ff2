//! What a load was measured at, and the rules by which several rounds become one figure.

use std::time::Duration;

use hdrhistogram::Histogram;

/// An amount of work, the time it took and the processor time that its doer spent.
pub struct Work {
    pub done: u64,
    pub elapsed: Duration,
    pub cpu: Duration,
}

impl Work {
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64()
    }

    pub fn per_cpu_second(&self) -> f64 {
        self.done as f64 / self.cpu.as_secs_f64()
    }

    /// Microseconds of elapsed time for each piece of work.
    pub fn microseconds_each(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e6 / self.done as f64
    }

    /// Microseconds of processor time for each piece of work.
    pub fn cpu_microseconds_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.done as f64
    }
}

/// Work done for a load generator, with the latencies that it saw.
pub struct Measured {
    pub work: Work,
    /// Nanoseconds.
    pub latencies: Histogram<u64>,
}

/// The best of the rounds where more is better: noise only ever takes away from a rate.
pub fn highest<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    rounds.iter().map(figure).fold(f64::MIN, f64::max)
}

/// The best of the rounds where less is better, for times and processor costs.
pub fn lowest<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    rounds.iter().map(figure).fold(f64::MAX, f64::min)
}

/// The median of the rounds' 99th percentiles, in microseconds: a tail is no matter of the best case.
pub fn p99_microseconds<'a>(rounds: impl IntoIterator<Item = &'a Histogram<u64>>) -> f64 {
    median(rounds.into_iter().map(|latencies| latencies.value_at_quantile(0.99) as f64 / 1e3))
}

/// The middle of the values, or the lower of the middle two.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median([9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median([9.0, 1.0]), 1.0);
    }
}
