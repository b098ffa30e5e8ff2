//! S6: two thousand clients come back at once: what each costs, whether they miss anything, and what others notice.

use std::thread;

use anyhow::Result;

use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::{Work, highest, p99_microseconds};
use crate::load::{Drive, FanOut, Fanned, Return, Storm};
use crate::report::{Against, Row, Target, Unit, with_thousands};

const CLIENTS: usize = 2_000;
const IN_FLIGHT: usize = 512;
/// Those who stay, and read what somebody says meanwhile.
const OTHERS: usize = 104;
/// Slow, because everybody who came back is told as well: this is to be a load of connections, not of deliveries.
const PACE: Drive = Drive::Paced { per_second: 10.0 };

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let bare = Contestant::sockets(bench)?;
    let server = Contestant::server(bench, CLIENTS + OTHERS + 1)?;
    let (mut floor, mut ours, mut calm, mut beside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        floor.push(blow(bench, "storm, bare axum", &bare)?);
        ours.push(blow(bench, "storm, server", &server)?);
        calm.push(talk(bench, "calm, others", &server)?);
        beside.push(talk_in_storm(bench, &server)?);
    }
    Ok(rows(bench, &floor, &ours, &calm, &beside))
}

fn way(bench: &Bench) -> Return {
    if bench.resume { Return::Resume } else { Return::Identify }
}

fn blow(bench: &Bench, what: &str, contestant: &Contestant) -> Result<Work> {
    let room = contestant.room(what, 0..0, 0..CLIENTS)?;
    let mut storm = Storm::prepare(&room, IN_FLIGHT, way(bench))?;
    let work = storm.blow(bench.duration)?;
    storm.settle(&[])?;
    Ok(work)
}

fn talk(bench: &Bench, what: &str, server: &Contestant) -> Result<Fanned> {
    let (others, sender) = (CLIENTS..CLIENTS + OTHERS, CLIENTS + OTHERS);
    let room = server.room(what, sender..sender + 1, others)?;
    FanOut::open(&room)?.measure(PACE, bench.duration)
}

/// What others notice while clients come back again and again; whoever came back is held to have missed nothing.
fn talk_in_storm(bench: &Bench, server: &Contestant) -> Result<Fanned> {
    let room = server.room("storm beside others", 0..0, 0..CLIENTS)?;
    let mut storm = Storm::prepare(&room, IN_FLIGHT, way(bench))?;
    thread::scope(|scope| {
        let others = scope.spawn(|| talk(bench, "storm, others", server));
        // As long as the others' load with its warm-up.
        storm.blow(bench.duration * 6 / 5)?;
        let others = others.join().expect("the others' load panicked")?;
        storm.settle(&others.positions)?;
        Ok(others)
    })
}

fn rows(bench: &Bench, floor: &[Work], ours: &[Work], calm: &[Fanned], beside: &[Fanned]) -> Vec<Row> {
    let row = |what: String, unit, ours, against, target| Row::Measured {
        scenario: "S6",
        what,
        unit,
        ours,
        against: Some(against),
        target,
    };
    let against = |name, value| Against { name, value, reference: None };
    let verb = if bench.resume { "resume" } else { "identify anew" };
    let storm = format!("{} clients {verb}, {IN_FLIGHT} at once", with_thousands(CLIENTS as f64));
    let thrift = |rounds: &[Work]| highest(rounds, Work::per_cpu_second);
    let rate = |rounds: &[Work]| highest(rounds, Work::per_second);
    let tail = |rounds: &[Fanned]| p99_microseconds(rounds.iter().map(|round| &round.latencies.each));
    let bare_thrift = against("bare axum", thrift(floor));
    let bare_rate = against("bare axum", rate(floor));
    vec![
        row(storm.clone(), Unit::PerCpuSecond, thrift(ours), bare_thrift, Target::RatioAtLeast(0.55)),
        row(storm.clone(), Unit::PerSecond, rate(ours), bare_rate, Target::None),
        row(
            format!("{storm}, again and again, p99 of {OTHERS} others"),
            Unit::Time,
            tail(beside),
            against("without storm", tail(calm)),
            Target::RatioAtMost(2.0),
        ),
    ]
}
