//! S14, the part of members online: what a delivery costs when ten of a guild are online, and when ten thousand are.

use anyhow::Result;

use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::lowest;
use crate::load::{Drive, FanOut, Fanned};
use crate::report::{Against, Row, Target, Unit, with_thousands};

const MOST: usize = 10_000;
/// With fewer, the message's own cost is the greater part.
const USUAL: usize = 100;
const ONLINE: [usize; 4] = [10, USUAL, 1_000, MOST];

/// So many online, and what was measured on the server and on the floor.
struct Case {
    online: usize,
    ours: Vec<Fanned>,
    bare: Vec<Fanned>,
}

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = Contestant::server(bench, MOST + 1)?;
    let floor = Contestant::durable(bench)?;
    let mut cases = ONLINE.map(|online| Case { online, ours: Vec::new(), bare: Vec::new() });
    for _ in 0..bench.rounds {
        for case in &mut cases {
            case.bare.push(load(bench, &floor, case.online)?);
            case.ours.push(load(bench, &server, case.online)?);
        }
    }
    let usual = cases.iter().find(|case| case.online == USUAL).map_or(f64::NAN, |case| cost(&case.ours));
    Ok(cases.iter().flat_map(|case| rows(case, usual)).collect())
}

fn load(bench: &Bench, contestant: &Contestant, online: usize) -> Result<Fanned> {
    let what = format!("{online} online, {}", contestant.name);
    let room = contestant.room(&what, 0..1, 1..1 + online)?;
    FanOut::open(&room)?.measure(Drive::Closed { in_flight: 1 }, bench.duration)
}

/// Microseconds of processor time a delivery.
fn cost(rounds: &[Fanned]) -> f64 {
    lowest(rounds, |round| round.work.cpu_microseconds_each())
}

fn rows(case: &Case, usual: f64) -> Vec<Row> {
    let row = |against, target| Row::Measured {
        scenario: "S14",
        what: format!(
            "quiet room, {} of {} members online, processor time a delivery",
            with_thousands(case.online as f64).trim_end_matches(".0"),
            with_thousands(MOST as f64)
        ),
        unit: Unit::Time,
        ours: cost(&case.ours),
        against: Some(against),
        target,
    };
    let mut rows = vec![row(Against { name: "durable floor", value: cost(&case.bare), reference: None }, Target::None)];
    if case.online > USUAL {
        rows.push(row(Against { name: "100 online", value: usual, reference: None }, Target::RatioAtMost(1.2)));
    }
    rows
}
