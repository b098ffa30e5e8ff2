//! S13: how soon a server with a million messages is ready, and how much memory it then holds, against a bare axum.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tempfile::TempDir;

use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::median;
use crate::floors;
use crate::guests::{self, Guests};
use crate::process::Process;
use crate::report::{Against, Row, Target, Unit, with_thousands};
use crate::server::{self, Seed};

const MESSAGES: u64 = 1_000_000;
const MEMBERS: u64 = 64;
const PLUGINS: usize = 20;
/// Time for whatever a program puts off until after its start.
const IDLE: Duration = Duration::from_secs(2);

/// One start: microseconds until it was ready, and megabytes resident after it had been idle.
struct Start {
    microseconds: f64,
    megabytes: f64,
}

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seed = Seed::obtain(bench, MESSAGES, MEMBERS)?;
    let guests = Guests::idle_alone(bench, PLUGINS)?;
    let (mut bare, mut ours, mut with_plugins) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let floor = floors::start_ok(bench)?;
        bare.push(watch("bare axum", floor.ready_after, &floor.process)?);
        let server = server::start_on(bench, &seed)?;
        ours.push(watch("server", server.ready_after, &server.process)?);
        let server = server::start_again(bench, install_all(bench, &seed, &guests)?, guests.path())?;
        with_plugins.push(watch("server with plugins", server.ready_after, &server.process)?);
    }
    let row = |what: &str, plugins: &str, starts: &[Start], unit, figure: fn(&Start) -> f64, most| Row::Measured {
        scenario: "S13",
        what: format!("{what} with {} messages, {plugins}", with_thousands(MESSAGES as f64)),
        unit,
        ours: median(starts.iter().map(figure)),
        against: Some(Against { name: "bare axum", value: median(bare.iter().map(figure)), reference: None }),
        target: Target::AtMost(most),
    };
    let mut rows = Vec::new();
    let some = format!("{PLUGINS} plugins");
    for (plugins, starts) in [("no plugin", &ours), (&some, &with_plugins)] {
        rows.push(row("start to ready", plugins, starts, Unit::Time, |start| start.microseconds, 150_000.0));
        rows.push(row("resident when idle", plugins, starts, Unit::Megabytes, |start| start.megabytes, 40.0));
    }
    Ok(rows)
}

/// Installs the plugins on a server that ends then; answers its data.
fn install_all(bench: &Bench, seed: &Seed, guests: &Guests) -> Result<TempDir> {
    let server = Contestant::of_seed(server::start_with(bench, seed, guests.path())?, seed);
    for number in 0..PLUGINS {
        guests::install(&server, &guests::id(number), json!({}))?;
        // Nobody waits for compiling here, as nobody does where an admin installs one plugin after the other.
        guests::ask(&server, &server.stream_id, number)?;
    }
    server.running.end()
}

fn watch(what: &str, ready_after: Duration, process: &Process) -> Result<Start> {
    thread::sleep(IDLE);
    let microseconds = ready_after.as_secs_f64() * 1e6;
    let megabytes = process.resident()? as f64 / 1e6;
    eprintln!("  {what}: ready after {:.1} ms, {megabytes:.1} MB resident", microseconds / 1e3);
    Ok(Start { microseconds, megabytes })
}
