//! S11: how soon plugins are there: the first call after a start, installing, and a start with a hundred of them.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::{Work, lowest, median};
use crate::floors;
use crate::guests::{self, Guests};
use crate::http::{self, Client};
use crate::report::{Against, Row, Target, Unit};
use crate::server;

/// Plugins that a server starts with.
const INSTALLED: usize = 100;
/// The plugin that is installed and asked at once; it is a large one.
const POLLS: &str = "guildhall.polls";
/// How often the floor compiles it.
const COMPILED: u64 = 3;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (few, many) = (Guests::gather(bench, 1)?, Guests::gather(bench, INSTALLED)?);
    let polls = few.path().join(format!("{POLLS}.wasm"));
    let (mut first, mut second, mut installs, mut compiles, mut each) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        compiles.push(floors::compile_component(&polls, COMPILED)?);
        let server = Contestant::server_with(bench, 2, &few)?;
        installs.push(install_and_ask(&server)?);
        let (one, other) = ask_after_a_start(bench, server, &few)?;
        first.push(one);
        second.push(other);
        each.push(start_with_many(bench, &many)?);
    }
    let row = |what: String, unit, ours, against, target| Row::Measured {
        scenario: "S11",
        what,
        unit,
        ours,
        against,
        target,
    };
    let against = |name, value| Some(Against { name, value, reference: None });
    let fastest = |times: &[f64]| times.iter().copied().fold(f64::MAX, f64::min);
    Ok(vec![
        row(
            "the first request to a plugin after a start".to_owned(),
            Unit::Time,
            median(first),
            against("the second", median(second)),
            Target::AtMost(1_000.0),
        ),
        row(
            format!("installing {POLLS} and asking it for the first time"),
            Unit::Time,
            fastest(&installs),
            against("bare compiling", lowest(&compiles, Work::microseconds_each)),
            Target::RatioAtMost(1.2),
        ),
        row(
            format!("what each of {INSTALLED} plugins adds to a start"),
            Unit::Time,
            fastest(&each),
            None,
            Target::AtMost(300.0),
        ),
    ])
}

/// Microseconds from asking for an installation to the first answer of the plugin.
fn install_and_ask(server: &Contestant) -> Result<f64> {
    let request = http::request("GET", &list(server), Some(&server.tokens[0]), None);
    let begun = Instant::now();
    guests::install(server, POLLS, json!({}))?;
    ask(server, &request)?;
    Ok(begun.elapsed().as_secs_f64() * 1e6)
}

fn list(server: &Contestant) -> String {
    format!("/api/v1/polls?guild_id={}", server.stream_id)
}

fn ask(server: &Contestant, request: &[u8]) -> Result<()> {
    let (status, body) = Client::connect(server.running.address)?.exchange(request)?;
    ensure!(status == 200, "a plugin's route answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

/// Microseconds of the first and of the second request to a plugin whose code is compiled already, on a server that
/// has just started.
fn ask_after_a_start(bench: &Bench, server: Contestant, guests: &Guests) -> Result<(f64, f64)> {
    let request = http::request("GET", &list(&server), Some(&server.tokens[0]), None);
    let Contestant { running, .. } = server;
    let data = running.end()?;
    let again = server::start_again(bench, data, guests.path())?;
    let mut client = Client::connect(again.address)?;
    // What has nothing to do with plugins is warm: the connection, who asks, and their guild.
    client.exchange(&http::request("GET", "/api/v1/guilds", request_token(&request), None))?;
    let mut times = [0.0; 2];
    for time in &mut times {
        let begun = Instant::now();
        let (status, _) = client.exchange(&request)?;
        ensure!(status == 200, "a plugin's route answered {status} after a start");
        *time = begun.elapsed().as_secs_f64() * 1e6;
    }
    Ok((times[0], times[1]))
}

fn request_token(request: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(request).ok()?;
    text.lines().find_map(|line| line.strip_prefix("authorization: Bearer "))
}

/// Microseconds that each of many plugins in its guilds adds to a start.
fn start_with_many(bench: &Bench, guests: &Guests) -> Result<f64> {
    let server = Contestant::server_with(bench, 2, guests)?;
    let bare = server.running.ready_after;
    // A guild has at most fifty: the folder is what a start reads, whoever has installed what.
    for number in 0..40 {
        guests::install(&server, &guests::id(number), json!({}))?;
    }
    let Contestant { running, .. } = server;
    let data = running.end()?;
    let with = server::start_again(bench, data, guests.path())?.ready_after;
    let none = Contestant::server(bench, 2).context("a server without plugins")?.running.ready_after;
    let slower = with.max(bare).saturating_sub(none);
    Ok(slower.as_secs_f64() * 1e6 / INSTALLED as f64)
}
