//! S4: how long a message takes to its readers while the server is nearly idle, and at half of what it can do.

use anyhow::Result;

use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::p99_microseconds;
use crate::load::{Drive, FanOut, Fanned};
use crate::report::{Against, Row, Target, Unit, with_thousands};

const SENDERS: usize = 4;
const MEMBERS: usize = 104;
/// So many messages of each sender under way are as much as the server takes from one socket at a time.
const SATURATION: Drive = Drive::Closed { in_flight: 8 };
const CALM: f64 = 10.0;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let durable = Contestant::durable(bench)?;
    let server = Contestant::server(bench, SENDERS + MEMBERS)?;
    let saturated = load(bench, "saturation, server", &server, SATURATION)?.messages_per_second();
    let mut rows = Vec::new();
    for (pace, words) in [(CALM, "10 messages a second".to_owned()), half(saturated)] {
        let drive = Drive::Paced { per_second: pace };
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            bare.push(load(bench, &format!("{words}, durable floor"), &durable, drive)?);
            ours.push(load(bench, &format!("{words}, server"), &server, drive)?);
        }
        let row = |what: &str, ours, against, target| Row::Measured {
            scenario: "S4",
            what: format!("{words} to {MEMBERS} members, paced, {what}"),
            unit: Unit::Time,
            ours,
            against: Some(Against { name: "durable floor", value: against, reference: None }),
            target,
        };
        rows.push(row("p99", tail(&ours), tail(&bare), Target::RatioAtMost(1.3)));
        rows.push(row("p99", tail(&ours), tail(&bare), Target::AtMost(5_000.0)));
        rows.push(row("last receiver, p99", last_tail(&ours), last_tail(&bare), Target::None));
    }
    Ok(rows)
}

fn half(saturated: f64) -> (f64, String) {
    let pace = (saturated / 2.0).round();
    (pace, format!("{} messages a second (half of saturation)", with_thousands(pace)))
}

fn load(bench: &Bench, what: &str, contestant: &Contestant, drive: Drive) -> Result<Fanned> {
    let room = contestant.room(what, 0..SENDERS, SENDERS..SENDERS + MEMBERS)?;
    FanOut::open(&room)?.measure(drive, bench.duration)
}

fn tail(rounds: &[Fanned]) -> f64 {
    p99_microseconds(rounds.iter().map(|round| &round.latencies.each))
}

fn last_tail(rounds: &[Fanned]) -> f64 {
    p99_microseconds(rounds.iter().map(|round| &round.latencies.last))
}
