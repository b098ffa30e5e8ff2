//! S9: a REST read with token and permission check against "ok", and logins against argon2id alone and beside reads.

use std::net::SocketAddr;
use std::thread;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::json;

use crate::Bench;
use crate::community::Community;
use crate::figures::{Measured, Work, highest, p99_microseconds};
use crate::floors::{self, reference};
use crate::http;
use crate::inbox::Inbox;
use crate::load::{ClosedLoop, Exchange, HttpExchange, Pace, paced};
use crate::process::{Listening, Process};
use crate::report::{Against, Row, Target, Unit};
use crate::server;

const CONNECTIONS: usize = 32;
/// Twice the cores of a small machine: enough that a login always waits for a core, few enough that none waits long.
const LOGINS: usize = 4;
/// Slow enough that reads alone leave the machine nearly idle, fast enough for a meaningful tail in seconds.
const READS: Pace = Pace { per_second: 500, connections: 8 };

/// What the rounds have measured so far.
#[derive(Default)]
struct Rounds {
    oks: Vec<Measured>,
    reads: Vec<Measured>,
    passwords: Vec<Work>,
    logins: Vec<Measured>,
    quiet: Vec<Histogram<u64>>,
    beside_logins: Vec<Histogram<u64>>,
}

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let ok = floors::start_ok(bench)?;
    let server = server::start_empty(bench)?;
    let community = Community::found(server.address, CONNECTIONS)?;
    let path = format!("/api/v1/channels/{}", community.channel_id);
    let read = |token: &String| http::request("GET", &path, Some(token), None);
    let reads: Vec<_> = community.tokens.iter().map(read).collect();
    let logins: Vec<_> = community.user_names[..LOGINS].iter().map(|name| login(name, &community.password)).collect();

    let mut rounds = Rounds::default();
    for _ in 0..bench.rounds {
        rounds.oks.push(load_ok(bench, &ok)?);
        rounds.reads.push(load(bench, "reads of a channel", &server.process, server.address, &reads)?);
        rounds.passwords.push(floors::hash_passwords(bench, cores()?)?);
        rounds.quiet.push(paced(server.address, &reads[..1], READS, bench.duration)?);
        let (logins, beside) = log_in_beside_reads(bench, &server, &logins, &reads[0])?;
        rounds.logins.push(logins);
        rounds.beside_logins.push(beside);
    }
    Ok(rows(&rounds))
}

/// The cores that a program may use at once.
pub fn cores() -> Result<usize> {
    Ok(thread::available_parallelism()?.get())
}

/// The load of every read, on the floor that answers "ok".
pub fn load_ok(bench: &Bench, ok: &Listening) -> Result<Measured> {
    load(bench, "ok", &ok.process, ok.address, &[http::request("GET", "/", None, None)])
}

/// Requests on 32 connections, each sending its next when its last was answered; the connections take turns at the
/// given requests and then keep theirs.
pub fn load(
    bench: &Bench,
    what: &str,
    process: &Process,
    address: SocketAddr,
    requests: &[Vec<u8>],
) -> Result<Measured> {
    closed_loop(address, requests.iter().cycle().take(CONNECTIONS))?.measure(what, process, bench.duration)
}

fn closed_loop<'a>(
    address: SocketAddr,
    requests: impl Iterator<Item = &'a Vec<u8>>,
) -> Result<ClosedLoop<impl Exchange>> {
    let mut sockets = Vec::new();
    for request in requests {
        let exchange = HttpExchange::new(move |out: &mut Vec<u8>| out.extend_from_slice(request));
        sockets.push((http::connect(address)?, Inbox::new(), exchange));
    }
    ClosedLoop::new(sockets)
}

/// Requests on a connection each, which alternates between two of them.
pub fn alternating(bench: &Bench, what: &str, server: &Listening, requests: &[[Vec<u8>; 2]]) -> Result<Measured> {
    let mut sockets = Vec::new();
    for pair in requests {
        let mut turn = 0;
        let exchange = HttpExchange::new(move |out: &mut Vec<u8>| {
            out.extend_from_slice(&pair[turn]);
            turn = 1 - turn;
        });
        sockets.push((http::connect(server.address)?, Inbox::new(), exchange));
    }
    ClosedLoop::new(sockets)?.measure(what, &server.process, bench.duration)
}

fn login(user_name: &str, password: &str) -> Vec<u8> {
    let body = json!({ "username": user_name, "password": password }).to_string();
    http::request("POST", "/api/v1/login", None, Some(&body))
}

/// Logins without a pause, and the latencies of paced reads meanwhile.
fn log_in_beside_reads(
    bench: &Bench,
    server: &Listening,
    logins: &[Vec<u8>],
    read: &[u8],
) -> Result<(Measured, Histogram<u64>)> {
    let mut logins = closed_loop(server.address, logins.iter())?;
    thread::scope(|scope| {
        let reads = scope.spawn(|| {
            // The logins first warm up, and they alone are to be under way while the reads are timed.
            thread::sleep(bench.duration / 5);
            paced(server.address, &[read], READS, bench.duration)
        });
        let logins = logins.measure("logins", &server.process, bench.duration)?;
        Ok((logins, reads.join().expect("the paced reads panicked")?))
    })
}

fn rows(rounds: &Rounds) -> Vec<Row> {
    let row = |what: String, unit, ours, against, target| Row::Measured {
        scenario: "S9",
        what,
        unit,
        ours,
        against: Some(against),
        target,
    };
    let against = |name, value, reference| Against { name, value, reference };

    let rate = |rounds: &[Measured]| highest(rounds, |round| round.work.per_second());
    let thrift = |rounds: &[Measured]| highest(rounds, |round| round.work.per_cpu_second());
    let ok = against("ok", rate(&rounds.oks), Some(reference::OK_PER_SECOND));
    let thrifty_ok = against("ok", thrift(&rounds.oks), None);

    let hashes = highest(&rounds.passwords, Work::per_second);
    let thrifty_hashes = highest(&rounds.passwords, Work::per_cpu_second);
    let hashes = against("argon2id", hashes, None);
    let thrifty_hashes = against("argon2id", thrifty_hashes, Some(reference::PASSWORDS_PER_CPU_SECOND));

    let quiet = against("without logins", p99_microseconds(&rounds.quiet), None);
    let beside = p99_microseconds(&rounds.beside_logins);
    let pace = READS.per_second;
    let (read, logins) =
        (format!("reads of a channel, {CONNECTIONS} connections"), format!("{LOGINS} logins at a time"));
    vec![
        row(read.clone(), Unit::PerSecond, rate(&rounds.reads), ok, Target::RatioAtLeast(0.5)),
        row(read, Unit::PerCpuSecond, thrift(&rounds.reads), thrifty_ok, Target::None),
        row(logins.clone(), Unit::PerSecond, rate(&rounds.logins), hashes, Target::RatioAtLeast(0.9)),
        row(logins, Unit::PerCpuSecond, thrift(&rounds.logins), thrifty_hashes, Target::None),
        row(
            format!("reads paced at {pace} a second beside logins, p99"),
            Unit::Time,
            beside,
            quiet,
            Target::RatioAtMost(2.0),
        ),
    ]
}
