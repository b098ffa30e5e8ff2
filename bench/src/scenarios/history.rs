//! S7: pages of 50 messages over REST, from a short and a long channel, against "ok" and against SQLite alone.

use anyhow::{Result, ensure};

use crate::Bench;
use crate::community::Community;
use crate::figures::{Measured, Work, highest, lowest};
use crate::floors::{self, reference};
use crate::http::{self, Client};
use crate::process::Listening;
use crate::report::{Against, Row, Target, Unit, with_thousands};
use crate::scenarios::rest;
use crate::server::{self, Seed};

const PAGE: usize = 50;
const FEW: u64 = 1_000;
pub const MANY: u64 = 1_000_000;
const VERY_MANY: u64 = 10_000_000;
const MEMBERS: u64 = 64;

/// A server whose channel holds so many messages, and what was measured there.
struct Case {
    messages: u64,
    server: Listening,
    request: Vec<u8>,
    rounds: Vec<Measured>,
    raw: Vec<Work>,
}

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let sizes = if bench.ten_million { vec![FEW, MANY, VERY_MANY] } else { vec![FEW, MANY] };
    let mut cases = sizes.into_iter().map(|messages| prepare(bench, messages)).collect::<Result<Vec<_>>>()?;
    let ok = floors::start_ok(bench)?;
    let mut oks = Vec::new();
    for _ in 0..bench.rounds {
        oks.push(rest::load_ok(bench, &ok)?);
        for case in &mut cases {
            let what = format!("history of {} messages", with_thousands(case.messages as f64));
            let Case { server, request, .. } = case;
            case.rounds.push(rest::load(bench, &what, &server.process, server.address, std::slice::from_ref(request))?);
            case.raw.push(floors::read_history(bench, case.messages)?);
        }
    }
    let ok = highest(&oks, |round| round.work.per_second());
    let short = microseconds(&cases[0]);
    Ok(cases.iter().flat_map(|case| rows(case, ok, short)).collect())
}

fn prepare(bench: &Bench, messages: u64) -> Result<Case> {
    let seed = Seed::obtain(bench, messages, MEMBERS)?;
    let server = server::start_on(bench, &seed)?;
    let community = Community::enter(server.address, &seed, 1)?;
    let path = format!("/api/v1/channels/{}/messages?limit={PAGE}", community.channel_id);
    let token = Some(community.tokens[0].as_str());
    let page = Client::connect(server.address)?.json("GET", &path, token, None)?;
    let items = page["items"].as_array().map_or(0, Vec::len);
    ensure!(items == PAGE, "a page of history held {items} messages");
    let request = http::request("GET", &path, token, None);
    Ok(Case { messages, server, request, rounds: Vec::new(), raw: Vec::new() })
}

fn microseconds(case: &Case) -> f64 {
    lowest(&case.rounds, |round| round.work.microseconds_each())
}

fn rows(case: &Case, ok: f64, short: f64) -> Vec<Row> {
    let Case { messages, rounds, raw, .. } = case;
    let row = |what: &str, unit, ours, against, target| Row::Measured {
        scenario: "S7",
        what: format!("history page of {PAGE} from {} messages{what}", with_thousands(*messages as f64)),
        unit,
        ours,
        against: Some(against),
        target,
    };
    let rate = highest(rounds, |round| round.work.per_second());
    let cpu = lowest(rounds, |round| round.work.cpu_microseconds_each());
    let ok = Against { name: "ok", value: ok, reference: Some(reference::OK_PER_SECOND) };
    let raw = lowest(raw, Work::cpu_microseconds_each);
    let raw = Against { name: "SQLite", value: raw, reference: Some(reference::HISTORY_PAGE) };
    let mut rows = vec![
        row("", Unit::PerSecond, rate, ok, Target::RatioAtLeast(0.17)),
        row(", processor time", Unit::Time, cpu, raw, Target::None),
    ];
    if *messages > FEW {
        let short = Against { name: "the short channel", value: short, reference: None };
        rows.push(row(", time a page", Unit::Time, microseconds(case), short, Target::RatioAtMost(1.5)));
    }
    rows
}
