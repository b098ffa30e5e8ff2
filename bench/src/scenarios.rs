//! The scenarios of the benchmark, one file with one function each.

mod cold;
mod connections;
mod deaf;
mod durable_sends;
mod fan_out;
mod growth;
mod guilds;
mod history;
mod latency;
mod online;
mod plugins;
mod rest;
mod startup;
mod storm;

use anyhow::{Context, Result};

use crate::contestant::Contestant;
use crate::figures::{highest, lowest};
use crate::floors::{self, reference};
use crate::report::{Against, Row, Target, Unit};
use crate::{Bench, machine};

/// Measures one scenario; an error voids it.
pub type Scenario = fn(&Bench) -> Result<Vec<Row>>;

const ALL: &[(&str, Scenario)] = &[
    ("s1", fan_out::quiet),
    ("s2", fan_out::busy),
    ("s3", durable_sends::measure),
    ("s4", latency::measure),
    ("s5", connections::measure),
    ("s6", storm::measure),
    ("s7", history::measure),
    ("s9", rest::measure),
    ("s10", plugins::measure),
    ("s11", cold::measure),
    ("s12", guilds::measure),
    ("s13", startup::measure),
    ("s14", growth::measure),
    ("s14-online", online::measure),
    ("s15", deaf::measure),
];

/// The scenarios of these names, or all of them for none.
pub fn choose(names: &[String]) -> Result<Vec<(&'static str, Scenario)>> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let known = || ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let find = |name: &String| ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).copied();
    names
        .iter()
        .map(|name| find(name).with_context(|| format!("no scenario {name:?}; there are {}", known())))
        .collect()
}

/// Measures each floor as its scenarios do, and sets it against what it was on the machine of the targets.
pub fn floors_alone(bench: &Bench) -> Result<Vec<Row>> {
    let (ok, durable) = (floors::start_ok(bench)?, Contestant::durable(bench)?);
    let (mut oks, mut sends, mut pages, mut passwords) = (vec![], vec![], vec![], vec![]);
    for _ in 0..bench.rounds {
        oks.push(rest::load_ok(bench, &ok)?);
        sends.push(durable_sends::load(bench, "sends to the durable floor", &durable)?);
        pages.push(floors::read_history(bench, history::MANY)?);
        passwords.push(floors::hash_passwords(bench, rest::cores()?)?);
    }
    let row = |what: &str, unit, ours, reference| Row::Measured {
        scenario: "floor",
        what: what.to_owned(),
        unit,
        ours,
        against: Some(Against { name: "its reference", value: reference, reference: None }),
        target: Target::None,
    };
    let forced_write = machine::forced_write(bench.scratch.path())?;
    let mut rows = vec![
        row("a write of 4 KiB forced to the disk", Unit::Time, forced_write, reference::FORCED_WRITE),
        row("ok", Unit::PerSecond, highest(&oks, |round| round.work.per_second()), reference::OK_PER_SECOND),
        row(
            "durable sends",
            Unit::PerSecond,
            highest(&sends, |round| round.work.per_second()),
            reference::DURABLE_SENDS_PER_SECOND,
        ),
        row(
            "history pages",
            Unit::Time,
            lowest(&pages, |round| round.cpu_microseconds_each()),
            reference::HISTORY_PAGE,
        ),
        row(
            "passwords",
            Unit::PerCpuSecond,
            highest(&passwords, |round| round.per_cpu_second()),
            reference::PASSWORDS_PER_CPU_SECOND,
        ),
    ];
    rows.extend(fan_out::floors_alone(bench)?);
    Ok(rows)
}
