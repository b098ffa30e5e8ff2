//! S13: how soon a server with a million messages is ready, and how much memory it then holds, against a bare axum.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::Bench;
use crate::figures::median;
use crate::floors;
use crate::process::Process;
use crate::report::{Against, Row, Target, Unit, with_thousands};
use crate::server::{self, Seed};

const MESSAGES: u64 = 1_000_000;
const MEMBERS: u64 = 64;
/// Time for whatever a program puts off until after its start.
const IDLE: Duration = Duration::from_secs(2);

/// One start: microseconds until it was ready, and megabytes resident after it had been idle.
struct Start {
    microseconds: f64,
    megabytes: f64,
}

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seed = Seed::obtain(bench, MESSAGES, MEMBERS)?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let floor = floors::start_ok(bench)?;
        bare.push(watch("bare axum", floor.ready_after, &floor.process)?);
        let server = server::start_on(bench, &seed)?;
        ours.push(watch("server", server.ready_after, &server.process)?);
    }
    let row = |what: &str, unit, figure: fn(&Start) -> f64, most| Row::Measured {
        scenario: "S13",
        what: format!("{what} with {} messages, no plugin", with_thousands(MESSAGES as f64)),
        unit,
        ours: median(ours.iter().map(figure)),
        against: Some(Against { name: "bare axum", value: median(bare.iter().map(figure)), reference: None }),
        target: Target::AtMost(most),
    };
    Ok(vec![
        row("start to ready", Unit::Time, |start| start.microseconds, 150_000.0),
        row("resident when idle", Unit::Megabytes, |start| start.megabytes, 40.0),
    ])
}

fn watch(what: &str, ready_after: Duration, process: &Process) -> Result<Start> {
    thread::sleep(IDLE);
    let microseconds = ready_after.as_secs_f64() * 1e6;
    let megabytes = process.resident()? as f64 / 1e6;
    eprintln!("  {what}: ready after {:.1} ms, {megabytes:.1} MB resident", microseconds / 1e3);
    Ok(Start { microseconds, megabytes })
}
