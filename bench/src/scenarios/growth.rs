//! S14: what durable sends cost once a channel holds a million messages or a guild a hundred thousand members.

use anyhow::Result;

use crate::Bench;
use crate::community::Community;
use crate::dialect::Dialect;
use crate::figures::{Measured, lowest, p99_microseconds};
use crate::load::Room;
use crate::report::{Against, Row, Target, Unit};
use crate::server::{self, Seed};

const SENDERS: usize = 64;

/// How much a community holds before the load begins, and how many of its sessions listen to it.
#[derive(Clone, Copy)]
struct Size {
    name: &'static str,
    messages: u64,
    members: u64,
    listeners: usize,
}

const FEW_MESSAGES: Size = Size { name: "1,000 messages", messages: 1_000, members: 64, listeners: 1 };
const MANY_MESSAGES: Size = Size { name: "1,000,000 messages", messages: 1_000_000, ..FEW_MESSAGES };
const VERY_MANY_MESSAGES: Size = Size { name: "10,000,000 messages", messages: 10_000_000, ..FEW_MESSAGES };

/// As many sessions listen as in the large guild, several to a member: otherwise the ratio would tell of deliveries.
const FEW_MEMBERS: Size = Size { name: "10 members, 100 online", messages: 1_000, members: 10, listeners: 100 };
const MANY_MEMBERS: Size = Size { name: "100,000 members, 100 online", members: 100_000, ..FEW_MEMBERS };

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut pairs = vec![(FEW_MESSAGES, MANY_MESSAGES), (FEW_MEMBERS, MANY_MEMBERS)];
    if bench.ten_million {
        pairs.push((FEW_MESSAGES, VERY_MANY_MESSAGES));
    }
    let mut rows = Vec::new();
    for (small, large) in pairs {
        rows.extend(compare(bench, small, large)?);
    }
    Ok(rows)
}

fn compare(bench: &Bench, small: Size, large: Size) -> Result<Vec<Row>> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        before.push(send(bench, small)?);
        after.push(send(bench, large)?);
    }
    let row = |what: &str, figure: fn(&[Measured]) -> f64, target| Row::Measured {
        scenario: "S14",
        what: format!("durable sends, {SENDERS} senders, {}, {what}", large.name),
        unit: Unit::Time,
        ours: figure(&after),
        against: Some(Against { name: small.name, value: figure(&before), reference: None }),
        target,
    };
    let time = |rounds: &[Measured]| lowest(rounds, |round| round.work.microseconds_each());
    let cpu = |rounds: &[Measured]| lowest(rounds, |round| round.work.cpu_microseconds_each());
    let tail = |rounds: &[Measured]| p99_microseconds(rounds.iter().map(|round| &round.latencies));
    Ok(vec![
        row("time a message", time, Target::RatioAtMost(1.2)),
        row("processor time a message", cpu, Target::None),
        row("p99", tail, Target::RatioAtMost(1.2)),
    ])
}

/// One load on a fresh copy: each round finds as many messages there as the last.
fn send(bench: &Bench, size: Size) -> Result<Measured> {
    let seed = Seed::obtain(bench, size.messages, size.members)?;
    let server = server::start_on(bench, &seed)?;
    let community = Community::enter(server.address, &seed, SENDERS + size.listeners)?;
    let (senders, listeners) = community.tokens.split_at(SENDERS);
    let room = Room {
        what: size.name,
        process: &server.process,
        address: server.address,
        dialect: Dialect::Native,
        kept: &server::kept_by(&server),
        channel_id: &community.channel_id,
        stream_id: &seed.contents.guild_id,
        senders,
        listeners,
        deaf: &[],
    };
    room.send_over_sockets(bench.duration)
}
