//! S5: what ten thousand sockets cost that are only there, and how long a message takes to all of them.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::p99_microseconds;
use crate::floors::reference;
use crate::load::{Drive, FanOut, Fanned};
use crate::report::{Against, Row, Target, Unit, with_thousands};

const CONNECTIONS: usize = 10_000;
/// Enough to tell a peer's cost for each; more would take some of them long to let in.
const CONNECTIONS_OF_PEERS: usize = 2_000;
const SENDERS: usize = 4;
const PACE: f64 = 50.0;
/// Time for whatever a program puts off until after its start.
const IDLE: Duration = Duration::from_secs(1);
/// The processor's clock ticks in hundredths of a second, so so little work is watched for longer.
const WATCHES: u32 = 4;

/// What one connection costs.
struct Cost {
    kilobytes: f64,
    /// Microseconds of processor time a second.
    cpu: f64,
}

/// Each is measured once, for memory hardly varies and ten thousand connections take their time.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let bare = watch(bench, &Contestant::sockets(bench)?, CONNECTIONS)?;
    let server = Contestant::server(bench, CONNECTIONS + SENDERS)?;
    let ours = watch(bench, &server, CONNECTIONS)?;
    let mut rows = idle_rows("bare axum", Some(reference::CONNECTION), &ours, &bare);
    for peer in Contestant::peers(bench)? {
        let theirs = watch(bench, &peer, CONNECTIONS_OF_PEERS)?;
        rows.push(memory_row(&ours, peer.name, None, &theirs, Target::None));
    }
    rows.extend(crowd(bench, &server)?);
    Ok(rows)
}

fn watch(bench: &Bench, contestant: &Contestant, connections: usize) -> Result<Cost> {
    thread::sleep(IDLE);
    let before = contestant.running.process.resident()?;
    let what = format!("{connections} idle connections, {}", contestant.name);
    let room = contestant.room(&what, 0..0, 0..connections)?;
    let Fanned { work, resident, .. } = FanOut::open(&room)?.measure(Drive::Silent, WATCHES * bench.duration)?;
    let each = |total: f64| total / connections as f64;
    let cost = Cost {
        kilobytes: each(resident.saturating_sub(before) as f64 / 1e3),
        cpu: each(work.cpu.as_secs_f64() * 1e6 / work.elapsed.as_secs_f64()),
    };
    eprintln!("    {:.1} kB and {:.2} µs a second for each", cost.kilobytes, cost.cpu);
    Ok(cost)
}

fn idle_rows(name: &'static str, reference: Option<f64>, ours: &Cost, bare: &Cost) -> Vec<Row> {
    let against = Against { name, value: bare.cpu, reference: None };
    vec![
        memory_row(ours, name, reference, bare, Target::RatioAtMost(0.65)),
        row("idle, processor time a second for each", Unit::Time, ours.cpu, against, Target::AtMost(2.0)),
    ]
}

fn memory_row(ours: &Cost, name: &'static str, reference: Option<f64>, theirs: &Cost, target: Target) -> Row {
    let against = Against { name, value: theirs.kilobytes, reference };
    row("idle, memory for each", Unit::Kilobytes, ours.kilobytes, against, target)
}

/// All of them in one guild, where somebody talks.
fn crowd(bench: &Bench, server: &Contestant) -> Result<Vec<Row>> {
    let durable = Contestant::durable(bench)?;
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        for (contestant, rounds) in [(&durable, &mut bare), (server, &mut ours)] {
            let what = format!("a crowd, {}", contestant.name);
            let room = contestant.room(&what, 0..SENDERS, SENDERS..SENDERS + CONNECTIONS)?;
            rounds.push(FanOut::open(&room)?.measure(Drive::Paced { per_second: PACE }, bench.duration)?);
        }
    }
    let tail = |rounds: &[Fanned]| p99_microseconds(rounds.iter().map(|round| &round.latencies.each));
    let against = Against { name: "durable floor", value: tail(&bare), reference: None };
    let what = format!("in one guild with {PACE} messages a second, paced, p99");
    Ok(vec![row(&what, Unit::Time, tail(&ours), against, Target::AtMost(250_000.0))])
}

fn row(what: &str, unit: Unit, ours: f64, against: Against, target: Target) -> Row {
    let what = format!("{} connections, {what}", with_thousands(CONNECTIONS as f64));
    Row::Measured { scenario: "S5", what, unit, ours, against: Some(against), target }
}
