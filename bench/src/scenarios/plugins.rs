//! S10: what plugins cost: filters on the send path, loops beside good neighbours, and votes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{durable_sends, rest};
use crate::Bench;
use crate::contestant::Contestant;
use crate::figures::{Measured, Work, highest, lowest, median, p99_microseconds};
use crate::floors;
use crate::guests::{self, Guests};
use crate::http::{self, Client};
use crate::load::{Drive, FanOut, Pace, paced};
use crate::report::{Against, Row, Target, Unit};

/// Filters that do nothing, where many are wanted.
const MANY: usize = 10;
/// Filters on the way of the paced messages.
const SOME: usize = 5;
const MEMBERS: usize = 104;
const SENDERS: usize = 4;
/// Messages a second whose latency is looked at: far below saturation, enough for a tail.
const CALM: Drive = Drive::Paced { per_second: 200.0 };
/// Requests of endless loops under way at once.
const LOOPS: usize = 4;
/// Installations that they take turns with, in a guild of their own: the breaker of one opens after five of them.
const LOOPING: usize = 40;
/// How long a server may take to make a dozen plugins ready.
const SETTLED_AFTER: Duration = Duration::from_secs(6);
/// Whatever ends sooner wasn't let loop.
const SHORTEST_LOOP: Duration = Duration::from_millis(50);
const PINGS: Pace = Pace { per_second: 200, connections: 4 };
const VOTERS: usize = 64;

/// Servers with so many filters, and what was measured on them.
#[derive(Default)]
struct Rounds {
    bare: Vec<Work>,
    none: Vec<Measured>,
    one: Vec<Measured>,
    many: Vec<Measured>,
    scanning: Vec<Measured>,
    deaf: Vec<Measured>,
    calm: Vec<Histogram<u64>>,
    calm_filtered: Vec<Histogram<u64>>,
    calm_many: Vec<Histogram<u64>>,
    calm_beside: Vec<Histogram<u64>>,
    pings: Vec<f64>,
    pings_beside: Vec<f64>,
    votes: Vec<Measured>,
}

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let guests = Guests::gather(bench, LOOPING)?;
    let none = Contestant::server_with(bench, SENDERS + MEMBERS, &guests)?;
    let (one, many) = (with_idle(bench, &guests, 1)?, with_idle(bench, &guests, MANY)?);
    let looping = looping_guild(&many)?;
    let some = with_idle(bench, &guests, SOME)?;
    let scanning = Contestant::server_with(bench, SENDERS + MEMBERS, &guests)?;
    guests::install(&scanning, "guildhall.automod", scanning_config())?;
    let deaf = Contestant::server_with(bench, SENDERS + MEMBERS, &guests)?;
    for number in 0..MANY {
        guests::install(&deaf, &guests::deaf_id(number), json!({}))?;
    }
    let voting = Contestant::server_with(bench, SENDERS + MEMBERS, &guests)?;
    guests::install(&voting, "guildhall.polls", json!({}))?;

    // The others are made ready by and by, and nothing tells when they are.
    thread::sleep(SETTLED_AFTER);
    let mut rounds = Rounds::default();
    for _ in 0..bench.rounds {
        rounds.bare.push(floors::call_component(bench, rest::cores()?)?);
        rounds.none.push(durable_sends::load(bench, "sends, no filter", &none)?);
        rounds.one.push(durable_sends::load(bench, "sends, one filter", &one)?);
        rounds.many.push(durable_sends::load(bench, "sends, ten filters", &many)?);
        rounds.scanning.push(durable_sends::load(bench, "sends, automod", &scanning)?);
        rounds.deaf.push(durable_sends::load(bench, "sends, ten plugins that none concerns", &deaf)?);
        rounds.calm.push(calm(bench, "paced, no filter", &none)?);
        rounds.calm_filtered.push(calm(bench, "paced, five filters", &some)?);
        rounds.calm_many.push(calm(bench, "paced, ten filters", &many)?);
        rounds.pings.push(ping(bench, &many)?);
        let (pings, messages) =
            beside_loops(&many, &looping, || Ok((ping(bench, &many)?, calm(bench, "paced, beside loops", &many)?)))?;
        rounds.pings_beside.push(pings);
        rounds.calm_beside.push(messages);
        rounds.votes.push(vote(bench, &voting)?);
    }
    Ok(rows(&rounds))
}

fn with_idle(bench: &Bench, guests: &Guests, count: usize) -> Result<Contestant> {
    let server = Contestant::server_with(bench, SENDERS + MEMBERS, guests)?;
    for number in 0..count {
        guests::install(&server, &guests::id(number), json!({}))?;
        guests::ask(&server, &server.stream_id, number)?;
    }
    Ok(server)
}

/// Automod with what a guild may have: words, patterns, links.
fn scanning_config() -> Value {
    let words: Vec<String> = (0..50).map(|number| format!("forbidden{number}")).collect();
    json!({
        "keywords": words, "keywords-action": "block", "links-action": "block", "links-denied": ["example.com"],
        "repeats-action": "off", "flood-action": "off", "exempt-moderators": false
    })
}

fn calm(bench: &Bench, what: &str, server: &Contestant) -> Result<Histogram<u64>> {
    let room = server.room(what, 0..SENDERS, SENDERS..SENDERS + MEMBERS)?;
    Ok(FanOut::open(&room)?.measure(CALM, bench.duration)?.latencies.each)
}

/// The median of requests that a plugin answers at once, in microseconds.
fn ping(bench: &Bench, server: &Contestant) -> Result<f64> {
    let path = format!("/api/v1/idle0/ping?guild_id={}", server.stream_id);
    let request = http::request("GET", &path, Some(&server.tokens[0]), None);
    let latencies = paced(server.running.address, &[request], PINGS, bench.duration)?;
    Ok(latencies.value_at_quantile(0.5) as f64 / 1e3)
}

/// A guild of its own whose plugins will loop; answers its id.
fn looping_guild(server: &Contestant) -> Result<String> {
    let (token, mut client) = (Some(server.tokens[0].as_str()), Client::connect(server.running.address)?);
    let guild = client.json("POST", "/api/v1/guilds", token, Some(json!({"name": "Loops"})))?;
    let guild = guild["id"].as_str().context("a guild without an id")?.to_owned();
    for number in 0..LOOPING {
        guests::install_in(server, &guild, &guests::id(number), json!({}))?;
        guests::ask(server, &guild, number)?;
    }
    Ok(guild)
}

/// Does something while guests of another guild run in endless loops, each until its time is up and then anew.
fn beside_loops<T>(server: &Contestant, guild: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LOOPS)
            .map(|lane| {
                scope.spawn({
                    let stop = &stop;
                    move || {
                        let mut client = Client::connect(server.running.address)?;
                        let mut looped = 0;
                        for number in (0..LOOPING).cycle().skip(lane * LOOPING / LOOPS) {
                            if stop.load(Ordering::Relaxed) {
                                break;
                            }
                            let path = format!("/api/v1/idle{number}/loop?guild_id={guild}");
                            let request = http::request("GET", &path, Some(&server.tokens[0]), None);
                            let begun = Instant::now();
                            let (status, _) = client.exchange(&request)?;
                            ensure!(status == 502, "a loop was answered {status}");
                            // One whose breaker is open answers at once.
                            looped += u32::from(begun.elapsed() > SHORTEST_LOOP);
                        }
                        Ok(looped)
                    }
                })
            })
            .collect();
        let done = work();
        stop.store(true, Ordering::Relaxed);
        let looped =
            lanes.into_iter().map(|lane| lane.join().expect("a lane of loops panicked")).sum::<Result<u32>>()?;
        eprintln!("  beside loops: {looped} were broken off");
        done
    })
}

/// Votes of many people on one poll, each changing their mind again and again; counted in the end.
fn vote(bench: &Bench, server: &Contestant) -> Result<Measured> {
    let poll = json!({
        "guild_id": server.stream_id, "channel_id": server.channel_id,
        "question": "Tea or coffee?", "options": ["Tea", "Coffee"]
    });
    let mut client = Client::connect(server.running.address)?;
    let poll = client.json("POST", "/api/v1/polls", Some(&server.tokens[0]), Some(poll))?;
    let id = poll["id"].as_str().context("a poll without an id")?;
    let path = format!("/api/v1/polls/{id}/vote");
    let vote = |token: &String, option: &str| {
        let body = json!({"options": [option]}).to_string();
        http::request("POST", &path, Some(token), Some(&body))
    };
    let both = |token: &String| ["1", "2"].map(|option| vote(token, option));
    let votes: Vec<[Vec<u8>; 2]> = server.tokens[..VOTERS].iter().map(both).collect();
    let measured = rest::alternating(bench, "votes", &server.running, &votes)?;
    let poll = client.json("GET", &format!("/api/v1/polls/{id}"), Some(&server.tokens[0]), None)?;
    let counted: u64 = poll["options"].as_array().into_iter().flatten().filter_map(|one| one["votes"].as_u64()).sum();
    ensure!(counted == VOTERS as u64, "{counted} votes of {VOTERS} people were counted");
    Ok(measured)
}

fn rows(rounds: &Rounds) -> Vec<Row> {
    let row = |what: &str, unit, ours, against: Option<Against>, target| Row::Measured {
        scenario: "S10",
        what: what.to_owned(),
        unit,
        ours,
        against,
        target,
    };
    let against = |name, value| Some(Against { name, value, reference: None });
    let each = |rounds: &[Measured]| lowest(rounds, |round| round.work.cpu_microseconds_each());
    let rate = |rounds: &[Measured]| highest(rounds, |round| round.work.per_second());
    let bare_each = lowest(&rounds.bare, Work::cpu_microseconds_each);
    let bare_rate = highest(&rounds.bare, Work::per_second);
    let call = (each(&rounds.many) - each(&rounds.none)) / MANY as f64;
    let tail = |rounds: &[Histogram<u64>]| p99_microseconds(rounds);
    let middle = |pings: &[f64]| median(pings.iter().copied());
    vec![
        row(
            "a call of a filter that does nothing, processor time",
            Unit::Time,
            call,
            against("bare wasmtime", bare_each),
            Target::RatioAtMost(1.5),
        ),
        row(
            "calls, saturated with ten filters",
            Unit::PerSecond,
            rate(&rounds.many) * MANY as f64,
            against("bare wasmtime", bare_rate),
            Target::RatioAtLeast(0.6),
        ),
        row(
            "durable sends, one filter",
            Unit::PerSecond,
            rate(&rounds.one),
            against("no filter", rate(&rounds.none)),
            Target::None,
        ),
        row(
            "durable sends, ten filters",
            Unit::PerSecond,
            rate(&rounds.many),
            against("no filter", rate(&rounds.none)),
            Target::None,
        ),
        row(
            "durable sends, automod with fifty words",
            Unit::PerSecond,
            rate(&rounds.scanning),
            against("no filter", rate(&rounds.none)),
            Target::None,
        ),
        row(
            "processor time of a message, one filter",
            Unit::Time,
            each(&rounds.one),
            against("no filter", each(&rounds.none)),
            Target::None,
        ),
        row(
            "an event that a plugin isn't told of, processor time",
            Unit::Time,
            ((each(&rounds.deaf) - each(&rounds.none)) / MANY as f64).max(0.0),
            None,
            Target::AtMost(1.0),
        ),
        row(
            "what five filters add to a paced message, p99",
            Unit::Time,
            (tail(&rounds.calm_filtered) - tail(&rounds.calm)).max(0.0),
            against("no filter", tail(&rounds.calm)),
            Target::AtMost(1_000.0),
        ),
        row(
            "what four endless loops add to a paced message, p99",
            Unit::Time,
            (tail(&rounds.calm_beside) - tail(&rounds.calm_many)).max(0.0),
            against("no loop", tail(&rounds.calm_many)),
            Target::AtMost(5_000.0),
        ),
        row(
            "what four endless loops add to a good plugin's answer, p50",
            Unit::Time,
            (middle(&rounds.pings_beside) - middle(&rounds.pings)).max(0.0),
            against("no loop", middle(&rounds.pings)),
            Target::AtMost(1_000.0),
        ),
        row("votes of 64 people on one poll", Unit::PerSecond, rate(&rounds.votes), None, Target::AtLeast(2_000.0)),
    ]
}
