//! The table: each figure beside what it is measured against, its target, and whether that was met.

use std::fmt::Write;

use anyhow::{Error, Result};

use crate::floors::{TOLERANCE, reference};
use crate::server::SETTINGS;
use crate::{Bench, machine, peers};

const ABOUT: &str = include_str!("report/about.md");

/// What a figure counts, and so how it is printed.
#[derive(Clone, Copy)]
pub enum Unit {
    PerSecond,
    PerCpuSecond,
    /// In microseconds.
    Time,
    Kilobytes,
    Megabytes,
}

impl Unit {
    fn print(self, value: f64) -> String {
        match self {
            Unit::PerSecond => format!("{}/s", with_thousands(value)),
            Unit::PerCpuSecond => format!("{}/CPU s", with_thousands(value)),
            Unit::Time if value < 1e3 => format!("{value:.1} µs"),
            Unit::Time if value < 1e6 => format!("{:.1} ms", value / 1e3),
            Unit::Time => format!("{:.1} s", value / 1e6),
            Unit::Kilobytes => format!("{value:.1} kB"),
            Unit::Megabytes => format!("{value:.1} MB"),
        }
    }
}

/// What a figure must reach.
#[derive(Clone, Copy)]
pub enum Target {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtLeast(f64),
    AtMost(f64),
    /// Shown because it explains another.
    None,
}

/// The figure that ours is put in a ratio to.
pub struct Against {
    pub name: &'static str,
    pub value: f64,
    /// What it is on the machine that the targets were set on, where that was recorded.
    pub reference: Option<f64>,
}

/// One line of the table.
pub enum Row {
    Measured {
        scenario: &'static str,
        what: String,
        unit: Unit,
        ours: f64,
        against: Option<Against>,
        target: Target,
    },
    /// A promise was broken, so that no figure of this scenario counts.
    Void {
        scenario: String,
        reason: String,
    },
}

impl Row {
    pub fn void(scenario: &str, error: &Error) -> Row {
        Row::Void { scenario: scenario.to_uppercase(), reason: format!("{error:#}") }
    }

    fn print(&self) -> String {
        match self {
            Row::Void { scenario, reason } => {
                let reason = reason.replace('|', "/").replace('\n', " ");
                format!("| {scenario} | {reason} | | | | | **void** |")
            }
            Row::Measured { scenario, what, unit, ours, against, target } => {
                let (beside, ratio) = match against {
                    Some(against) => (
                        format!("{} {}", against.name, unit.print(against.value)),
                        format!("{:.2}", ours / against.value),
                    ),
                    None => ("–".to_owned(), "–".to_owned()),
                };
                let ours_printed = unit.print(*ours);
                let (target, verdict) = judge(*unit, *ours, against.as_ref(), *target);
                format!("| {scenario} | {what} | {ours_printed} | {beside} | {ratio} | {target} | {verdict} |")
            }
        }
    }
}

/// The target in words, and the verdict on it. A floor that isn't what it was leaves the verdict standing, but marked.
fn judge(unit: Unit, ours: f64, against: Option<&Against>, target: Target) -> (String, String) {
    let ratio = against.map_or(f64::NAN, |against| ours / against.value);
    let (words, met) = match target {
        Target::RatioAtLeast(least) => (format!("≥ {least:.2} ×"), Some(ratio >= least)),
        Target::RatioAtMost(most) => (format!("≤ {most:.2} ×"), Some(ratio <= most)),
        Target::AtLeast(least) => (format!("≥ {}", unit.print(least)), Some(ours >= least)),
        Target::AtMost(most) => (format!("≤ {}", unit.print(most)), Some(ours <= most)),
        Target::None => ("–".to_owned(), None),
    };
    let verdict = match met {
        Some(true) => "met",
        Some(false) => "**not met**",
        None => "–",
    };
    let off = against.and_then(|against| Some((against.value / against.reference? - 1.0).abs() > TOLERANCE));
    (words, if off == Some(true) { format!("{verdict}, floor off") } else { verdict.to_owned() })
}

/// A number as people read it, with its thousands apart.
pub fn with_thousands(value: f64) -> String {
    if value.abs() < 1000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// All rows of a run, under what must be known to read them.
pub struct Report {
    heading: String,
    rows: Vec<Row>,
}

impl Report {
    /// Notes machine, date, commit and load before anything is measured.
    pub fn begin(bench: &Bench) -> Result<Report> {
        let settings = SETTINGS.map(|(name, value)| format!("`{name}={value}`")).join(", ");
        let heading = format!(
            "- Machine: {}\n- Date: {}\n- Commit: {}\n- Load before the run: {}\n\
             - A write of 4 KiB forced to the disk: {}\n\
             - Peers: {}\n\
             - Each load: {} rounds of {} s in turn with the others, each after a warm-up of a fifth of that\n\
             - The server's settings that differ from its defaults: {settings}\n",
            machine::describe()?,
            machine::date()?,
            machine::commit()?,
            machine::load()?,
            Unit::Time.print(machine::forced_write(bench.scratch.path())?),
            peers::describe()?,
            bench.rounds,
            bench.duration.as_secs(),
        );
        eprint!("{heading}");
        Ok(Report { heading, rows: Vec::new() })
    }

    pub fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    pub fn has_void(&self) -> bool {
        self.rows.iter().any(|row| matches!(row, Row::Void { .. }))
    }

    /// The table alone.
    pub fn table(&self) -> String {
        let mut table = "| # | measured | ours | against | ratio | target | verdict |\n\
                         |---|---|---:|---:|---:|---|---|\n"
            .to_owned();
        for row in &self.rows {
            // Writing to memory cannot fail.
            let _ = writeln!(table, "{}", row.print());
        }
        table
    }

    /// The document that keeps the table.
    pub fn document(&self) -> String {
        let Report { heading, .. } = self;
        let (table, about) = (self.table(), about());
        format!("# Benchmarks\n\nWritten by `cargo xtask bench`.\n\n{heading}\n{table}\n{about}")
    }
}

/// How the figures came about and what they mean, with what the floors reached on the machine of the targets.
fn about() -> String {
    let per_cpu_second = |value| Unit::PerCpuSecond.print(value);
    let per_second = |value| Unit::PerSecond.print(value);
    let facts = [
        ("{tolerance}", format!("{:.0}", TOLERANCE * 100.0)),
        ("{quiet}", per_cpu_second(reference::QUIET_PER_CPU_SECOND)),
        ("{busy}", per_cpu_second(reference::BUSY_PER_CPU_SECOND)),
        ("{durable_quiet}", per_cpu_second(reference::DURABLE_QUIET_PER_CPU_SECOND)),
        ("{durable_busy}", per_cpu_second(reference::DURABLE_BUSY_PER_CPU_SECOND)),
        ("{durable_sends}", per_second(reference::DURABLE_SENDS_PER_SECOND)),
        ("{connection}", Unit::Kilobytes.print(reference::CONNECTION)),
        ("{ok}", per_second(reference::OK_PER_SECOND)),
        ("{page}", Unit::Time.print(reference::HISTORY_PAGE)),
        ("{passwords}", per_cpu_second(reference::PASSWORDS_PER_CPU_SECOND)),
        ("{postgres}", per_second(reference::POSTGRES_ROWS_PER_SECOND)),
        ("{forced}", Unit::Time.print(reference::FORCED_WRITE)),
    ];
    facts.iter().fold(ABOUT.to_owned(), |about, (place, fact)| about.replace(place, fact))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ours: f64, floor: f64, target: Target) -> String {
        let against = Against { name: "floor", value: floor, reference: Some(100.0) };
        judge(Unit::PerSecond, ours, Some(&against), target).1
    }

    #[test]
    fn a_target_is_met_at_its_bound() {
        assert_eq!(verdict(60.0, 100.0, Target::RatioAtLeast(0.6)), "met");
        assert_eq!(verdict(59.0, 100.0, Target::RatioAtLeast(0.6)), "**not met**");
        assert_eq!(verdict(59.0, 100.0, Target::AtMost(59.0)), "met");
    }

    #[test]
    fn a_floor_far_from_its_reference_is_marked() {
        assert_eq!(verdict(60.0, 74.0, Target::RatioAtLeast(0.6)), "met, floor off");
        assert_eq!(verdict(60.0, 80.0, Target::None), "–");
    }

    #[test]
    fn every_fact_has_its_place() {
        assert!(!about().contains(['{', '}']), "{}", about());
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(with_thousands(1_234_567.4), "1,234,567");
        assert_eq!(with_thousands(57.04), "57.0");
    }
}
