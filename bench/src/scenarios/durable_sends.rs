//! S3: how many durable messages a second 64 senders get acknowledged, over the native gateway and over REST.

use anyhow::Result;

use crate::Bench;
use crate::community::Community;
use crate::figures::{Measured, highest, p99_microseconds};
use crate::floors::{self, DURABLE_DATABASE, Listening, reference};
use crate::load::sends::Room;
use crate::report::{Against, Row, Target, Unit};
use crate::server::Server;

const SENDERS: usize = 64;
const LISTENERS: usize = 1;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let floor = floors::start_durable(bench)?;
    let server = Server::start_empty(bench)?;
    let community = Community::found(server.address, SENDERS + LISTENERS)?;
    let (senders, listeners) = community.tokens.split_at(SENDERS);
    let room = |what| Room {
        what,
        process: &server.process,
        address: server.address,
        database: server.database(),
        channel_id: &community.channel_id,
        senders,
        listeners,
    };

    let (mut bare, mut gateway, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        bare.push(load_floor(bench, &floor)?);
        gateway.push(room("sends over the gateway").send_over_gateway(bench.duration)?);
        rest.push(room("sends over REST").send_over_rest(bench.duration)?);
    }
    Ok(rows(&bare, &gateway, &rest))
}

/// The same load on the floor, which takes any token.
pub fn load_floor(bench: &Bench, floor: &Listening) -> Result<Measured> {
    let senders = vec!["sender".to_owned(); SENDERS];
    let listeners = vec!["listener".to_owned(); LISTENERS];
    Room {
        what: "sends to the durable floor",
        process: &floor.process,
        address: floor.address,
        database: floor.data.path().join(DURABLE_DATABASE),
        channel_id: "1",
        senders: &senders,
        listeners: &listeners,
    }
    .send_over_gateway(bench.duration)
}

fn rows(bare: &[Measured], gateway: &[Measured], rest: &[Measured]) -> Vec<Row> {
    let rate = |rounds: &[Measured]| highest(rounds, |round| round.work.per_second());
    let thrift = |rounds: &[Measured]| highest(rounds, |round| round.work.per_cpu_second());
    let tail = |rounds: &[Measured]| p99_microseconds(rounds.iter().map(|round| &round.latencies));
    let row = |what: &str, unit, ours, bare, reference, target| Row::Measured {
        scenario: "S3",
        what: format!("durable sends, {SENDERS} senders, {what}"),
        unit,
        ours,
        against: Some(Against { name: "durable floor", value: bare, reference }),
        target,
    };
    let expected = Some(reference::DURABLE_SENDS_PER_SECOND);
    vec![
        row("gateway", Unit::PerSecond, rate(gateway), rate(bare), expected, Target::RatioAtLeast(0.60)),
        row("gateway", Unit::PerCpuSecond, thrift(gateway), thrift(bare), None, Target::None),
        row("gateway, p99", Unit::Time, tail(gateway), tail(bare), None, Target::None),
        row("REST", Unit::PerSecond, rate(rest), rate(bare), expected, Target::AtLeast(5_000.0)),
        row("REST", Unit::PerCpuSecond, thrift(rest), thrift(bare), None, Target::None),
        row("REST, p99", Unit::Time, tail(rest), tail(bare), None, Target::None),
    ]
}
