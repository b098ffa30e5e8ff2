//! The documents say what the code says: their tables are written from it, and every file that they name is there.
//!
//! A table stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. With `GUILDHALL_WRITE_DOCS=1` the
//! tables are written anew instead of compared; the text around them is written by hand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use guildhall::channels::Permissions;
use guildhall::config::Config;
use guildhall::error::{Code, FieldCode};
use guildhall::i18n;
use guildhall::log::{Audience, EventKind};
use guildhall::sockets::CloseCode;
use guildhall::sockets::command::CommandName;
use guildhall::sockets::event::{Class, Moment};
use guildhall::sockets::frames::ServerFrame;

mod told;

/// The longest document, in lines: what is longer isn't read.
const MAX_LINES: usize = 350;
/// Every document that people read.
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "docs/ARCHITECTURE.md",
    "docs/CONTRIBUTING.md",
    "docs/OPERATING.md",
    "docs/EVENTS.md",
    "docs/ERRORS.md",
];

/// What the acknowledgement of each command holds.
const ANSWERS: [(CommandName, &str); 11] = [
    (CommandName::JoinRoom, "the room"),
    (CommandName::LeaveRoom, "the room"),
    (CommandName::SendMessage, "the message"),
    (CommandName::Interact, "what the one who acted sees: `{kind, …}`, as in `POST /interactions`"),
    (CommandName::Typing, "what others receive"),
    (CommandName::StopTyping, "what others receive"),
    (CommandName::RequestMembers, "`{items, has_more}`: members, each with `presence`"),
    (CommandName::SetPresence, "the presence that others see"),
    (CommandName::JoinVoice, "the voice state"),
    (CommandName::LeaveVoice, "the channel"),
    (CommandName::VoiceState, "the voice state"),
];

/// What stands in the frames of the server.
const FRAMES: [(ServerFrame, &str); 10] = [
    (ServerFrame::Hello, "`{heartbeat_interval_ms}`"),
    (ServerFrame::Ready, "`{session_id, user, blocked, streams, presences}`"),
    (ServerFrame::Resync, "`{stream, reason, snapshot}`, and `user`, `blocked` for one's own account"),
    (ServerFrame::Resumed, "`{session_id, streams: [{id, s}], presences}`"),
    (ServerFrame::Event, "the event's body, with `t`, `g`, `s`"),
    (ServerFrame::Ack, "the answer, with `rid`"),
    (ServerFrame::Error, "none; `problem`, and `rid` if it answers a command"),
    (ServerFrame::HeartbeatAck, "`{cursors: {stream: s}}`"),
    (ServerFrame::Reconnect, "`{after_ms}`"),
    (ServerFrame::Close, "`{code}`"),
];

#[test]
fn the_tables_of_events_are_those_of_the_code() {
    hold(
        "docs/EVENTS.md",
        &[
            ("events", events()),
            ("moments", moments()),
            ("commands", commands()),
            ("frames", frames()),
            ("close codes", close_codes()),
        ],
    );
}

#[test]
fn the_tables_of_errors_are_those_of_the_code() {
    hold("docs/ERRORS.md", &[("codes", codes()), ("field codes", field_codes())]);
}

#[test]
fn the_table_of_settings_is_that_of_the_code() {
    hold("docs/OPERATING.md", &[("settings", settings())]);
}

#[test]
fn every_measure_is_told_of() {
    let told = read("docs/OPERATING.md");
    for entry in walkdir::WalkDir::new(root().join("host/src")).into_iter().filter_map(Result::ok) {
        let source = std::fs::read_to_string(entry.path()).unwrap_or_default();
        for name in source.split("!(\"guildhall_").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(
                told.contains(&format!("`guildhall_{name}`")),
                "docs/OPERATING.md doesn't tell of guildhall_{name}"
            );
        }
    }
}

#[test]
fn what_the_documents_name_is_there() {
    for document in DOCUMENTS {
        let text = read(document);
        assert!(text.lines().count() <= MAX_LINES, "{document} has more than {MAX_LINES} lines");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let folder = root().join(document);
            let path = folder.parent().expect("a folder").join(target);
            let elsewhere = target.is_empty() || target.contains("://");
            assert!(elsewhere || path.exists(), "{document} links to {target}, which isn't there");
        }
        for named in text.split('`').skip(1).step_by(2).filter(|named| is_path(named)) {
            let (file, test) = named.split_once("::").unwrap_or((named, ""));
            let Some(path) = found(file) else { panic!("{document} names {file}, which isn't there") };
            let there = test.is_empty() || std::fs::read_to_string(&path).is_ok_and(|source| source.contains(test));
            assert!(there, "{document} names {named}: {file} has no such test");
        }
    }
}

/// The file that a document means: by its path from the workspace or the server's sources, or by its bare name.
fn found(file: &str) -> Option<PathBuf> {
    if !file.contains('/') {
        let everywhere =
            ["host", "docs", "tests"].into_iter().flat_map(|folder| walkdir::WalkDir::new(root().join(folder)));
        let named = everywhere.filter_map(Result::ok).find(|entry| entry.file_name() == file);
        return named
            .map(walkdir::DirEntry::into_path)
            .or_else(|| Some(root().join(file)).filter(|path| path.exists()));
    }
    ["", "host/", "host/src/"].iter().map(|base| root().join(base).join(file)).find(|path| path.exists())
}

/// Whether a document means a file of the house by this: `log/tx.rs`, `tests/main.rs::a_test`, `docs/`.
fn is_path(named: &str) -> bool {
    let file = named.split("::").next().unwrap_or(named);
    let plain = file.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let ours = ["rs", "sql", "md", "ftl"].iter().any(|end| file.ends_with(&format!(".{end}")));
    plain && !file.starts_with(['/', '.']) && (ours || (file.ends_with('/') && !file.starts_with("target")))
}

fn events() -> String {
    let rows = EventKind::ALL.iter().map(|kind| {
        let audience = match kind.audience() {
            Audience::All => "all who see it".to_owned(),
            Audience::Holders(needed) => format!("holders of {}", names(needed)),
            Audience::Moderators => "holders of `MANAGE_MESSAGES` in the channel".to_owned(),
            Audience::Nobody => "nobody".to_owned(),
        };
        vec![format!("`{kind}`"), kind.about().to_owned(), stream(*kind).to_owned(), audience]
    });
    table(&["Event", "What happened", "Stream", "Who receives it"], rows)
}

fn names(permissions: Permissions) -> String {
    permissions.names().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// The stream that events of a kind stand in, by what they are about.
fn stream(kind: EventKind) -> &'static str {
    match kind.as_str().split('_').next().unwrap_or_default() {
        "message" if matches!(kind, EventKind::MessageHeld | EventKind::MessageReleased) => "guild",
        "message" | "messages" | "reaction" | "pin" | "channel" | "voice" => "guild, or direct channel",
        "guild" | "member" | "role" | "emoji" | "ban" | "invite" | "webhook" => "guild",
        "installation" | "plugin" | "badge" | "moderation" => "guild",
        "user" | "session" | "block" | "read" | "bot" => "account",
        "instance" => "server",
        other => panic!("say in this function which stream events of {other} stand in"),
    }
}

fn moments() -> String {
    let rows = Moment::ALL.iter().map(|moment| {
        let dropped = match moment.class() {
            Class::Critical => "waits",
            Class::Coalescible => "waits, the last alone",
            Class::Droppable => "is dropped first",
        };
        vec![format!("`{moment}`"), moment.about().to_owned(), dropped.to_owned()]
    });
    table(&["Event", "What happened", "For a slow client it"], rows)
}

fn commands() -> String {
    let bodies = told::commands("host/src/sockets/command.rs", "host/src/sockets/command/name.rs");
    let answers: HashMap<CommandName, &str> = ANSWERS.into_iter().collect();
    let rows = CommandName::ALL.iter().map(|name| {
        let answer = answers.get(name).unwrap_or_else(|| panic!("say above what the answer to {name} holds"));
        vec![format!("`{name}`"), bodies[name.as_str()].clone(), name.about().to_owned(), (*answer).to_owned()]
    });
    table(&["Command", "Body", "What it does", "Acknowledged with"], rows)
}

fn frames() -> String {
    let mut there = BTreeSet::new();
    for file in ["event", "protocol", "session/entrance", "fallback"] {
        let source = read(&format!("host/src/sockets/{file}.rs"));
        let code = source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        there.extend(code.split(r#""op":""#).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    let known: BTreeSet<String> = ServerFrame::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(known, there, "the frames in frames.rs, and those that the sockets send");
    let bodies: HashMap<ServerFrame, &str> = FRAMES.into_iter().collect();
    let rows = ServerFrame::ALL.iter().map(|frame| {
        let body = bodies.get(frame).unwrap_or_else(|| panic!("say above what stands in {frame}"));
        vec![format!("`{frame}`"), (*body).to_owned(), frame.about().to_owned()]
    });
    table(&["`op`", "`d`", "What it says"], rows)
}

fn close_codes() -> String {
    let row = |code: &CloseCode| vec![format!("`{}`", *code as u16), code.about().to_owned()];
    table(&["Code", "Why"], CloseCode::ALL.iter().map(row))
}

fn codes() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let title = i18n::title(i18n::DEFAULT, code.as_str());
        let detail = i18n::detail(i18n::DEFAULT, code.as_str(), &[]);
        let status = code.status().as_u16().to_string();
        vec![format!("`{code}`"), status, code.about().to_owned(), format!("{title}. {detail}")]
    });
    table(&["Code", "Status", "When", "What an English reader is told"], rows)
}

fn field_codes() -> String {
    let rows = FieldCode::ALL.iter().map(|code| {
        let message = i18n::title(i18n::DEFAULT, &format!("FIELD_{code}"));
        vec![format!("`{code}`"), code.about().to_owned(), message]
    });
    table(&["Code", "When", "What an English reader is told"], rows)
}

fn settings() -> String {
    let defaults = toml::Table::try_from(Config::default()).expect("the defaults as TOML");
    let mut left: BTreeMap<String, String> = leaves(&defaults, "").into_iter().collect();
    let mut rows = Vec::new();
    for (key, told) in told::settings("host/src/config.rs") {
        let default = left.remove(&key).unwrap_or_else(|| panic!("{key} is told of twice, or is no setting"));
        let variable = format!("`GUILDHALL_{}`", key.replace('.', "_").to_uppercase());
        rows.push(vec![format!("`{key}`"), format!("`{default}`"), variable, told]);
    }
    assert!(left.is_empty(), "settings that config.rs has and this test doesn't find: {left:?}");
    table(&["Key", "Default", "Variable", "Meaning"], rows)
}

fn leaves(table: &toml::Table, prefix: &str) -> Vec<(String, String)> {
    let leaf = |(key, value): (&String, &toml::Value)| match value {
        toml::Value::Table(inner) => leaves(inner, &format!("{prefix}{key}.")),
        value => vec![(format!("{prefix}{key}"), value.to_string())],
    };
    table.iter().flat_map(leaf).collect()
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        writeln!(text, "| {} |", cells.join(" | ")).expect("text takes text");
    }
    text
}

/// Compares the tables of a document with these or, if asked to, puts these in.
fn hold(document: &str, tables: &[(&str, String)]) {
    let before = read(document);
    let mut after = before.clone();
    for (name, table) in tables {
        let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
        let from = after.find(&begin).unwrap_or_else(|| panic!("{document} has no {begin}")) + begin.len();
        let to = after.find(&end).unwrap_or_else(|| panic!("{document} has no {end}"));
        after.replace_range(from..to, &format!("\n{table}\n"));
    }
    assert_eq!(before.matches("<!-- begin ").count(), tables.len(), "{document} has a table that nobody writes");
    if std::env::var_os("GUILDHALL_WRITE_DOCS").is_some() {
        std::fs::write(root().join(document), after).expect("the document can be written");
        return;
    }
    let stale = after.lines().zip(before.lines()).find(|(new, old)| new != old);
    assert!(
        before == after,
        "{document} says something else than the code, first in {stale:?}; \
         GUILDHALL_WRITE_DOCS=1 cargo test -p guildhall --test stories documents puts that right"
    );
}

fn read(document: &str) -> String {
    let path = root().join(document);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
