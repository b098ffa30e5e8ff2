//! The walls of the house: who may name what, and habits that no compiler checks.

use std::collections::BTreeMap;

use crate::support::source::{Name, Source, files, is_sign, is_word, root, sources};

/// A crate or a part of one, and the modules that may name it; `**` stands for any folders.
const WALLS: &[(&str, &[&str])] = &[
    ("sqlx", &["db.rs", "db/**", "**/store.rs", "error.rs"]),
    ("axum", &["http.rs", "http/**", "**/routes.rs", "sockets/**", "error.rs"]),
    ("wasmtime", &["plugins.rs", "plugins/**"]),
    ("aws_sdk_s3", &["files/blobs.rs"]),
    ("meilisearch_sdk", &["search/meili.rs"]),
    ("elasticsearch", &["search/elastic.rs"]),
    ("async_nats", &["cluster/nats.rs"]),
    ("jsonwebtoken", &["accounts/token.rs"]),
    ("std::env", &["config.rs"]),
    ("std::time::SystemTime", &["clock.rs"]),
    ("std::time::UNIX_EPOCH", &["clock.rs"]),
    ("jiff::Timestamp::now", &["clock.rs"]),
    ("jiff::Zoned::now", &["clock.rs"]),
];

/// Who reaches into another slice's tables all the same, and why.
const REACHES: &[(&str, &str, &str)] =
    &[("seed.rs", "messaging", "writes a long history at once, which no operation of messages does")];

/// The longest file, in lines.
const MAX_LINES: usize = 450;

#[test]
fn every_crate_stays_behind_its_wall() {
    let mut breaches = Vec::new();
    for source in server() {
        let module = source.module().expect("below host/src").to_owned();
        for name in source.names() {
            let wall = WALLS.iter().find(|(walled, _)| begins_with(&name, walled));
            if let Some((walled, allowed)) = wall.filter(|(_, allowed)| !allowed.iter().any(|one| fits(one, &module))) {
                breaches.push(format!("{}:{}: {walled} belongs in {}", source.path, name.line, allowed.join(", ")));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn a_slice_never_names_another_ones_store() {
    let sources = sources("host/src");
    let modules = || sources.iter().filter_map(Source::module);
    // Which slice a module with tables belongs to: `blocks` of `accounts/blocks/store.rs` to `accounts`.
    let owners: BTreeMap<&str, &str> = modules()
        .filter_map(|module| module.strip_suffix("/store.rs"))
        .map(|folder| (folder.rsplit('/').next().unwrap_or(folder), slice_of(folder)))
        // The log is no slice: all readers read it, and its tables are its interface.
        .filter(|(_, slice)| *slice != "log")
        .collect();
    assert!(owners.len() >= 4, "the slices were not found: {owners:?}");
    let (mut breaches, mut used) = (Vec::new(), Vec::new());
    for source in &sources {
        let module = source.module().unwrap_or_default();
        for name in source.names() {
            let owner = name.parts.windows(2).find(|pair| pair[1] == "store").and_then(|pair| owners.get(&*pair[0]));
            let Some(owner) = owner.filter(|owner| **owner != slice_of(module)) else { continue };
            match REACHES.iter().position(|(file, slice, _)| *file == module && slice == owner) {
                Some(excuse) => used.push(excuse),
                None => breaches.push(format!("{}:{}: {}", source.path, name.line, name.parts.join("::"))),
            }
        }
    }
    assert!(breaches.is_empty(), "ask an operation of the slice instead:\n{}", breaches.join("\n"));
    for (excuse, (file, slice, why)) in REACHES.iter().enumerate() {
        assert!(used.contains(&excuse), "{file} doesn't reach into {slice} any more ({why}): strike it out");
    }
}

/// The first part of a path.
fn slice_of(module: &str) -> &str {
    module.split(['/', '.']).next().unwrap_or(module)
}

#[test]
fn every_module_says_what_it_is_for() {
    for source in all_sources() {
        assert!(source.text.starts_with("//! "), "{} begins with no sentence about itself", source.path);
    }
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = all_sources()
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "over {MAX_LINES} lines, split by topic: {}", long.join(", "));
}

#[test]
fn the_server_never_panics_on_purpose() {
    let mut found = Vec::new();
    for source in server() {
        source.visit(|tokens| {
            for (at, token) in tokens.iter().enumerate() {
                let word = |words: &[&str]| words.iter().any(|word| is_word(Some(token), word));
                let called = at > 0 && is_sign(tokens.get(at - 1), '.');
                let invoked = is_sign(tokens.get(at + 1), '!');
                if called && word(&["unwrap", "expect", "unwrap_err", "expect_err"])
                    || invoked && word(&["panic", "unreachable", "todo", "unimplemented", "dbg"])
                {
                    found.push(format!("{}:{}: {token}", source.path, token.span().start().line));
                }
            }
        });
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_is_left_to_do() {
    // Written apart, so that this file doesn't find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK")];
    for (path, text) in all_texts() {
        for (index, line) in text.lines().enumerate() {
            assert!(!marks.iter().any(|mark| line.contains(mark)), "{path}:{}: {line}", index + 1);
        }
    }
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let homes = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
    for (path, text) in all_texts() {
        for (index, line) in text.lines().enumerate() {
            assert!(!homes.iter().any(|home| line.contains(home)), "{path}:{}: {line}", index + 1);
        }
    }
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("a lock file");
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(line, "source = \"registry+https://github.com/rust-lang/crates.io-index\"");
    }
    for path in ["tests/clients/package-lock.json", "bench/peers/node/package-lock.json"] {
        let lock = std::fs::read_to_string(root().join(path)).expect("a lock file");
        assert!(!lock.contains("\"resolved\""), "{path} says from which server a package was fetched");
    }
}

/// What the server is made of: not the simulation, which is a test although it stands among the sources.
fn server() -> Vec<Source> {
    sources("host/src").into_iter().filter(|source| !source.path.starts_with("host/src/simulation") && !source.path.ends_with("/tests.rs")).collect()
}

fn all_sources() -> Vec<Source> {
    ["host", "tests", "bench", "xtask"].into_iter().flat_map(sources).collect()
}

/// Every text file of the project but the lock files.
fn all_texts() -> Vec<(String, String)> {
    let known = ["rs", "toml", "sql", "ftl", "md", "py", "mjs", "json", "txt", "wit", "yml", "html", "js", "css"];
    let is_text = |path: &String| path.rsplit_once('.').is_some_and(|(_, end)| known.contains(&end));
    let ours = files("").into_iter().filter(is_text).filter(|path| !path.ends_with("package-lock.json"));
    ours.map(|path| (std::fs::read_to_string(root().join(&path)).expect("text"), path)).map(|(t, p)| (p, t)).collect()
}

/// Whether a name is this one or stands below it. An import may give the parts piece by piece.
fn begins_with(name: &Name, walled: &str) -> bool {
    let wanted: Vec<&str> = walled.split("::").collect();
    name.parts.len() >= wanted.len() && wanted.iter().zip(&name.parts).all(|(wanted, part)| wanted == part)
}

/// Whether a module's path is of this form.
fn fits(form: &str, module: &str) -> bool {
    match form.split_once("**") {
        Some((before, after)) => module.len() > form.len() - 2 && module.starts_with(before) && module.ends_with(after),
        None => form == module,
    }
}

#[test]
fn walls_stand_where_they_should() {
    let name = |text: &str| Name { parts: text.split("::").map(str::to_owned).collect(), line: 1 };
    assert!(begins_with(&name("std::env::var"), "std::env"));
    assert!(!begins_with(&name("std::environment"), "std::env"));
    assert!(fits("**/store.rs", "guilds/store.rs") && fits("**/store.rs", "accounts/blocks/store.rs"));
    assert!(fits("plugins/**", "plugins/imports/kv.rs") && fits("db.rs", "db.rs"));
    assert!(!fits("**/store.rs", "store.rs") && !fits("**/store.rs", "guilds/bookstore.rs"));
    assert!(!fits("db.rs", "db/fault.rs") && !fits("plugins/**", "plugins.rs"));
}

#[test]
fn names_are_found_wherever_they_hide() {
    let text = r#"
        use std::{collections::HashMap, env::{self, var}};
        #[derive(sqlx::FromRow)]
        struct Row { at: std::time::SystemTime }
        fn run() { trace!("{}", axum::serve()) } // wasmtime::Engine
        /// jsonwebtoken::encode
        #[cfg(test)]
        mod tests { use elasticsearch::Elasticsearch; }
        fn after() { std::env::args(); }
    "#;
    let names = Source::of("host/src/x.rs", text.to_owned()).names();
    let count = |walled: &str| names.iter().filter(|name| begins_with(name, walled)).count();
    assert_eq!((count("std::env"), count("sqlx"), count("axum"), count("std::time::SystemTime")), (3, 1, 1, 1));
    assert_eq!((count("wasmtime"), count("jsonwebtoken"), count("elasticsearch")), (0, 0, 0));
}
