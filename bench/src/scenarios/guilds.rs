//! S12: what a hundred thousand installations in ten thousand guilds cost, against ten of them in one.

use std::thread;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use serde_json::json;

use crate::Bench;
use crate::figures::{median, p99_microseconds};
use crate::guests::Guests;
use crate::http::{self, Client};
use crate::load::{Pace, paced};
use crate::process::Listening;
use crate::report::{Against, Row, Target, Unit};
use crate::server::{self, Seed};

const GUILDS: u64 = 10_000;
/// Each of them a filter that does nothing, which looks at every message.
const INSTALLATIONS: u64 = 10;
const PACE: Pace = Pace { per_second: 200, connections: 4 };
/// Connections over which every guild is written to once.
const VISITORS: usize = 8;

#[derive(Default)]
struct Rounds {
    one: Vec<Histogram<u64>>,
    many: Vec<Histogram<u64>>,
    megabytes: Vec<f64>,
}

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let guests = Guests::idle_alone(bench, INSTALLATIONS as usize)?;
    let one = Seed::with_plugins(bench, 1, INSTALLATIONS, guests.path())?;
    let many = Seed::with_plugins(bench, GUILDS, INSTALLATIONS, guests.path())?;
    let mut rounds = Rounds::default();
    for _ in 0..bench.rounds {
        let server = server::start_with(bench, &one, guests.path())?;
        rounds.one.push(write(bench, &server, &one, std::slice::from_ref(&one.contents.channel_id))?);
        let server = server::start_with(bench, &many, guests.path())?;
        visit(&server, &many)?;
        rounds.many.push(write(bench, &server, &many, &many.contents.channels)?);
        let megabytes = server.process.resident()? as f64 / 1e6;
        eprintln!("  {} installations: {megabytes:.1} MB resident", GUILDS * INSTALLATIONS);
        rounds.megabytes.push(megabytes);
    }
    let row = |what: &str, unit, ours, against, target| Row::Measured {
        scenario: "S12",
        what: format!("10,000 guilds with ten filters each, {what}"),
        unit,
        ours,
        against,
        target,
    };
    let one = Against { name: "one guild", value: p99_microseconds(&rounds.one), reference: None };
    Ok(vec![
        row("a message, paced, p99", Unit::Time, p99_microseconds(&rounds.many), Some(one), Target::RatioAtMost(1.2)),
        row(
            "resident once all were written to",
            Unit::Megabytes,
            median(rounds.megabytes),
            None,
            Target::AtMost(300.0),
        ),
    ])
}

/// The same message to each of some channels.
fn messages(seed: &Seed, channels: &[String]) -> Vec<Vec<u8>> {
    let message = json!({"content": "Some words to fill a usual sentence"}).to_string();
    let path = |channel: &String| format!("/api/v1/channels/{channel}/messages");
    channels
        .iter()
        .map(|channel| http::request("POST", &path(channel), Some(&seed.contents.tokens[0]), Some(&message)))
        .collect()
}

/// Writes to every guild once: then the server has all of them in memory.
fn visit(server: &Listening, seed: &Seed) -> Result<()> {
    let requests = messages(seed, &seed.contents.channels);
    thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS)
            .map(|visitor| {
                let requests = requests.iter().skip(visitor).step_by(VISITORS);
                scope.spawn(move || {
                    let mut client = Client::connect(server.address)?;
                    for request in requests {
                        let (status, body) = client.exchange(request)?;
                        ensure!(status == 201, "a message was answered {status}: {}", String::from_utf8_lossy(&body));
                    }
                    Ok(())
                })
            })
            .collect();
        visitors.into_iter().try_for_each(|visitor| visitor.join().expect("a visitor panicked"))
    })
}

fn write(bench: &Bench, server: &Listening, seed: &Seed, channels: &[String]) -> Result<Histogram<u64>> {
    let requests = messages(seed, channels);
    // The first calls make the plugins ready.
    paced(server.address, &requests, PACE, bench.duration / 5)?;
    paced(server.address, &requests, PACE, bench.duration)
}
