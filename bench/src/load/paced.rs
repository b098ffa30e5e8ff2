//! The paced load: requests that are due at fixed times, whether or not the earlier ones were answered by then.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;

use crate::http::Client;

/// How many requests are due in a second, and on how many connections they take turns.
#[derive(Clone, Copy)]
pub struct Pace {
    pub per_second: u32,
    pub connections: u32,
}

/// Sends `requests`, one after the other and then anew, at `pace` for `duration`. Their latencies, in nanoseconds, are counted from when each was due, so one
/// that had to wait for a slow reply before it tells of that wait too.
///
/// A blocking thread for each connection sleeps more exactly than an epoll, whose timeouts are whole milliseconds.
pub fn paced<R: AsRef<[u8]> + Sync>(
    address: SocketAddr,
    requests: &[R],
    pace: Pace,
    duration: Duration,
) -> Result<Histogram<u64>> {
    let start = Instant::now();
    let mut latencies = Histogram::new(3)?;
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..pace.connections)
            .map(|lane| scope.spawn(move || run_lane(address, requests, pace, start, lane, duration)))
            .collect();
        for lane in lanes {
            latencies.add(lane.join().expect("a lane of the load panicked")?)?;
        }
        Ok(latencies)
    })
}

fn run_lane<R: AsRef<[u8]>>(
    address: SocketAddr,
    requests: &[R],
    pace: Pace,
    start: Instant,
    lane: u32,
    duration: Duration,
) -> Result<Histogram<u64>> {
    let mut client = Client::connect(address)?;
    let mut latencies = Histogram::new(3)?;
    let interval = Duration::from_secs(1) / pace.per_second;
    let mut due = start + interval * lane;
    let mut next = requests.iter().cycle().skip(lane as usize).step_by(pace.connections as usize);
    while due < start + duration {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let Some(request) = next.next() else { break };
        let (status, body) = client.exchange(request.as_ref())?;
        ensure!(
            matches!(status, 200 | 201),
            "a paced request was answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        latencies.record(due.elapsed().as_nanos() as u64)?;
        due += interval * pace.connections;
    }
    Ok(latencies)
}
