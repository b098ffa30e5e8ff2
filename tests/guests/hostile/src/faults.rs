//! What can go wrong in every hook.

use std::hint::black_box;

use guildhall_sdk::log::{self, Level};
use guildhall_sdk::{
    Context, Draft, Error, Fault, Id, Message, Result, channels, clock, i18n, kv, messages_write, random, schedule,
};

const MIB: usize = 1 << 20;

/// Commits the fault of this name, if it is one of those that can happen everywhere.
pub fn commit(fault: &str) -> Result<()> {
    match fault {
        "loop" => spin(),
        "panic" => panic!("on purpose"),
        "panic-loud" => panic!("{}", "on purpose, and loud ".repeat(20_000)),
        "recurse" => {
            black_box(recurse(0));
        }
        "recurse-wide" => {
            black_box(recurse_widely(0));
        }
        "memory" => hoard(),
        "memory-at-once" => drop(black_box(vec![1_u8; 512 * MIB])),
        "host-calls" => loop {
            black_box(clock::now());
        },
        "random" => drop(random::bytes(64 * 1024 + 1)),
        "random-huge" => drop(random::bytes(u32::MAX)),
        "string-huge" => drop(i18n::t("en", &"x".repeat(3 * MIB), &[])),
        "list-huge" => drop(kv::get_many(&vec![String::new(); 300_000])?),
        "list-long" => drop(kv::get_many(&vec!["k".to_owned(); 101])?),
        "echo" => (0..40).for_each(|_| drop(i18n::t("en", &"x".repeat(MIB), &[]))),
        _ if fault.starts_with("kv-") => return store(fault),
        _ if fault.starts_with("log-") => write_lines(fault),
        _ if fault.starts_with("timer") => return set_timers(fault),
        _ if fault.starts_with("error-") => return Err(error(fault)),
        _ => {}
    }
    Ok(())
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX { 0 } else { 1 + recurse(black_box(depth + 1)) }
}

fn recurse_widely(depth: u64) -> u64 {
    let room = black_box([depth; 32]);
    if room[0] == u64::MAX {
        return 0;
    }
    1 + recurse_widely(depth + 1) + black_box(room)[7]
}

fn hoard() {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; MIB]);
        black_box(&all);
    }
}

fn store(fault: &str) -> Result<()> {
    match fault {
        "kv-writes" => (0..101).try_for_each(|at| kv::set(&format!("k{at}"), b"x", None)),
        "kv-reads" => loop {
            kv::get_many(&vec!["k".to_owned(); 100])?;
        },
        // Twice is too much.
        "kv-full" | "kv-full-for-a-while" => {
            let (value, name) = (vec![7; 64 * 1024], random::number());
            let lasts = (fault != "kv-full").then_some(60_000);
            (0..90).try_for_each(|at| kv::set(&format!("{name}/{at}"), &value, lasts))
        }
        "kv-value" => kv::set("k", &vec![7; 64 * 1024 + 1], None),
        "kv-value-huge" => kv::set("k", &vec![7; 3 * MIB], None),
        "kv-key" => kv::set(&"k".repeat(257), b"x", None),
        "kv-no-key" => kv::set("", b"x", None),
        "kv-nul" => {
            kv::set("a\0b", b"x", None)?;
            let found = kv::get("a\0b")?;
            if found.is_some() { Ok(()) } else { Err(Error::NotFound) }
        }
        // Twice is too much.
        "kv-overflow" => kv::increment("counter", i64::MAX),
        "kv-no-counter" => {
            kv::set("text", b"text", None)?;
            kv::increment("text", 1)
        }
        "kv-page" => kv::scan("", &guildhall_sdk::Page { cursor: None, limit: 1_001 }).map(drop),
        "kv-usage" => (0..900).try_for_each(|_| kv::usage().map(drop)),
        _ => Ok(()),
    }
}

fn write_lines(fault: &str) {
    let line = |text: &str| log::write(Level::Info, text, &[("field".to_owned(), text.to_owned())]);
    match fault {
        "log-bytes" => (0..90).for_each(|_| line(&"x".repeat(1_000))),
        "log-lines" => (0..500).for_each(|_| line("x")),
        "log-line" => line(&"x".repeat(900_000)),
        "log-huge" => line(&"x".repeat(3 * MIB)),
        "log-nul" => {
            line("a\0b");
            panic!("c\0d");
        }
        _ => {}
    }
}

fn set_timers(fault: &str) -> Result<()> {
    let soon = clock::now() + 3_600_000;
    match fault {
        "timers" => (0..51).try_for_each(|at| schedule::once(&format!("t{at}"), soon, b"")),
        "timer-far" => schedule::once("t", u64::MAX, b""),
        "timer-cron" => schedule::once("cron:daily", soon, b""),
        "timer-payload" => schedule::once("t", soon, &vec![0; 16 * 1024 + 1]),
        "timer-nul" => schedule::once("a\0b", soon, b""),
        _ => Ok(()),
    }
}

fn error(fault: &str) -> Error {
    let many = |count: usize| {
        (0..count).map(|at| Fault { pointer: format!("/{at}"), code: "NO".into(), args: Vec::new() }).collect()
    };
    match fault {
        "error-huge" => Error::Internal("x".repeat(MIB)),
        "error-huge-denial" => Error::Denied("x".repeat(MIB)),
        "error-faults" => Error::Invalid(many(5_000)),
        "error-quota" => Error::Quota("mine".into()),
        "error-wait" => Error::RateLimited(u32::MAX),
        "error-away" => Error::Unavailable("gone".into()),
        "error-other" => Error::Other(("odd".into(), "x\0y".into())),
        "error-denied" => Error::Denied("no".into()),
        "error-refused" => Error::refused("CLOSED", "It is closed."),
        _ => Error::Internal("failed".into()),
    }
}

/// Waits until the topic of the channel named is `go`, and then says something in it.
pub fn wait(payload: &[u8]) -> Result<()> {
    let channel = std::str::from_utf8(payload)?;
    let channel = Id::parse(channel).ok_or(Error::NotFound)?.0;
    kv::set("waited", b"yes", None)?;
    for _ in 0..450 {
        pass_time();
        if channels::get(channel)?.topic == "go" {
            messages_write::send(channel, &Draft::text("went"))?;
            return Ok(());
        }
    }
    Err(Error::internal("it never came"))
}

/// Reads what the timer `other` writes and, in so many first attempts, goes on once that was faster; then it says
/// which attempt this was.
pub fn race(ctx: &Context, timer: &str, attempts: u8) -> Result<()> {
    if timer == "other" {
        return kv::set("raced", b"other", None);
    }
    let version = |entry: Option<kv::Entry>| entry.map(|entry| entry.version);
    let read = version(kv::get("raced")?);
    if ctx.attempt <= attempts {
        let mut looks = 0..450;
        while version(kv::peek("raced")?) == read {
            looks.next().ok_or_else(|| Error::internal("nobody was faster"))?;
            pass_time();
        }
    }
    kv::set("attempt", ctx.attempt.to_string().as_bytes(), None)
}

fn pass_time() {
    for turn in 0..1_000_000_u32 {
        black_box(turn);
    }
}

/// Says something to whatever people or others like it have said.
pub fn answer(message: &Message) -> Result<()> {
    if !["hello", "and so?"].contains(&message.content.as_str()) {
        return Ok(());
    }
    messages_write::send(message.channel, &Draft::text("and so?")).map(drop)
}
