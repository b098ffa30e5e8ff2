//! S3: how many durable messages a second 64 senders get acknowledged, over sockets and over REST, on both databases.

use anyhow::Result;

use crate::Bench;
use crate::community::Community;
use crate::contestant::Contestant;
use crate::database::{Kept, PostgresDatabase};
use crate::figures::{Measured, highest, p99_microseconds};
use crate::floors::{self, reference};
use crate::load::Room;
use crate::report::{Against, Row, Target, Unit};
use crate::server;

const SENDERS: usize = 64;
const LISTENERS: usize = 1;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let floor = Contestant::durable(bench)?;
    let server = Contestant::server(bench, SENDERS + LISTENERS)?;
    let peers = Contestant::peers(bench)?;
    let (mut bare, mut gateway, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let mut of_peers: Vec<_> = peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..bench.rounds {
        bare.push(load(bench, "sends to the durable floor", &floor)?);
        gateway.push(load(bench, "sends over the gateway", &server)?);
        rest.push(room("sends over REST", &server)?.send_over_rest(bench.duration)?);
        for (peer, rounds) in peers.iter().zip(&mut of_peers) {
            rounds.push(load(bench, &format!("sends to {}", peer.name), peer)?);
        }
    }
    let mut rows = rows(&bare, &gateway, &rest);
    for (peer, theirs) in peers.iter().zip(&of_peers) {
        let target = if peer.name == "Node" { Target::RatioAtLeast(6.0) } else { Target::None };
        let against = Against { name: peer.name, value: rate(theirs), reference: None };
        rows.push(row("gateway", Unit::PerSecond, rate(&gateway), against, target));
    }
    rows.extend(measure_on_postgres(bench)?);
    Ok(rows)
}

/// The same load on a floor, the server or a peer.
pub fn load(bench: &Bench, what: &str, contestant: &Contestant) -> Result<Measured> {
    room(what, contestant)?.send_over_sockets(bench.duration)
}

fn room<'a>(what: &'a str, contestant: &'a Contestant) -> Result<Room<'a>> {
    contestant.room(what, 0..SENDERS, SENDERS..SENDERS + LISTENERS)
}

/// Nothing where the run was given no PostgreSQL.
fn measure_on_postgres(bench: &Bench) -> Result<Vec<Row>> {
    let Some(database) = PostgresDatabase::create()? else {
        return Ok(Vec::new());
    };
    let running = server::start_on_postgres(bench, &database)?;
    let community = Community::found(running.address, SENDERS + LISTENERS)?;
    let server = Contestant::on_postgres(running, database, community);
    let (mut raw, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        if let Kept::Postgres(database) = &server.kept {
            raw.push(floors::insert_rows(bench, database, SENDERS)?);
        }
        ours.push(load(bench, "sends on PostgreSQL", &server)?);
    }
    let against = Against {
        name: "pgbench",
        value: highest(&raw, |rate| *rate),
        reference: Some(reference::POSTGRES_ROWS_PER_SECOND),
    };
    Ok(vec![row("gateway, on PostgreSQL", Unit::PerSecond, rate(&ours), against, Target::RatioAtLeast(1.0))])
}

fn rate(rounds: &[Measured]) -> f64 {
    highest(rounds, |round| round.work.per_second())
}

fn rows(bare: &[Measured], gateway: &[Measured], rest: &[Measured]) -> Vec<Row> {
    let thrift = |rounds: &[Measured]| highest(rounds, |round| round.work.per_cpu_second());
    let tail = |rounds: &[Measured]| p99_microseconds(rounds.iter().map(|round| &round.latencies));
    let floor = |value, reference| Against { name: "durable floor", value, reference };
    let expected = Some(reference::DURABLE_SENDS_PER_SECOND);
    let bare_rate = || floor(rate(bare), expected);
    let bare_thrift = || floor(thrift(bare), None);
    let bare_tail = || floor(tail(bare), None);
    vec![
        row("gateway", Unit::PerSecond, rate(gateway), bare_rate(), Target::RatioAtLeast(0.60)),
        row("gateway", Unit::PerCpuSecond, thrift(gateway), bare_thrift(), Target::None),
        row("gateway, p99", Unit::Time, tail(gateway), bare_tail(), Target::None),
        row("REST", Unit::PerSecond, rate(rest), bare_rate(), Target::AtLeast(5_000.0)),
        row("REST", Unit::PerCpuSecond, thrift(rest), bare_thrift(), Target::None),
        row("REST, p99", Unit::Time, tail(rest), bare_tail(), Target::None),
    ]
}

fn row(what: &str, unit: Unit, ours: f64, against: Against, target: Target) -> Row {
    let what = format!("durable sends, {SENDERS} senders, {what}");
    Row::Measured { scenario: "S3", what, unit, ours, against: Some(against), target }
}
