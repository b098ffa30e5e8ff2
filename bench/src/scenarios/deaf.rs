//! S15: what those who read notice of sockets that never do, and what such sockets cost in memory.

use anyhow::Result;

use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::{lowest, p99_microseconds};
use crate::load::{Drive, FanOut, Fanned};
use crate::report::{Against, Row, Target, Unit};

const SENDERS: usize = 4;
const MEMBERS: usize = 200;
const DEAF: usize = MEMBERS / 100;
/// Fast enough that the queue of a socket that doesn't read is full within a load, with room for those who do.
const PACE: f64 = 500.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (mut reading, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        reading.push(load(bench, "all reading", 0)?);
        beside.push(load(bench, "some deaf", DEAF)?);
    }
    let row = |what: &str, unit, figure: fn(&[Fanned]) -> f64| Row::Measured {
        scenario: "S15",
        what: format!("{PACE} messages a second to {MEMBERS} members, {DEAF} of whom never read, {what}"),
        unit,
        ours: figure(&beside),
        against: Some(Against { name: "all reading", value: figure(&reading), reference: None }),
        target: Target::RatioAtMost(1.2),
    };
    let tail = |rounds: &[Fanned]| p99_microseconds(rounds.iter().map(|round| &round.latencies.each));
    let memory = |rounds: &[Fanned]| lowest(rounds, |round| round.peak_resident as f64 / 1e6);
    Ok(vec![row("p99 of the others", Unit::Time, tail), row("most memory resident", Unit::Megabytes, memory)])
}

/// On a server of its own, whose memory tells of this load alone.
fn load(bench: &Bench, what: &str, deaf: usize) -> Result<Fanned> {
    let server = Contestant::server(bench, SENDERS + MEMBERS)?;
    let hearing = SENDERS..SENDERS + MEMBERS - deaf;
    let mut room = server.room(what, 0..SENDERS, hearing.clone())?;
    room.deaf = &server.tokens[hearing.end..][..deaf];
    FanOut::open(&room)?.measure(Drive::Paced { per_second: PACE }, bench.duration)
}
