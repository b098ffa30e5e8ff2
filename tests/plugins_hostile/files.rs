//! Files that are no plugins, or whose code isn't what their manifest says.

use crate::support::components::{BEGINNING, put_number, repacked, section};

use super::written::{self, manifest};

/// A component in the text format, and what stands in the log when it is called: it is never started, but for
/// one whose types are only looked at then.
const TEXTS: &[(&str, &str, &str, &str)] = &[
    ("nothing", "(component)", "NOT_STARTED", "doesn't export"),
    ("memory64", "(component (core module (memory i64 1)))", "NOT_STARTED", "memory64"),
    ("shared", "(component (core module (memory 1 1 shared)))", "NOT_STARTED", "threads"),
    (
        "stranger",
        r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#,
        "NOT_STARTED",
        "which no plugin may",
    ),
    ("core-import", r#"(component (import "env" (func)))"#, "NOT_STARTED", "which no plugin may"),
    (
        "unknown-interface",
        r#"(component (import "guildhall:plugin/secrets@0.1.0" (instance)))"#,
        "NOT_STARTED",
        "secrets",
    ),
    (
        "unknown-function",
        r#"(component (import "guildhall:plugin/clock@0.1.0" (instance (export "sleep" (func)))))"#,
        "NOT_STARTED",
        "sleep",
    ),
    (
        "later-contract",
        r#"(component (import "guildhall:plugin/clock@9.0.0" (instance (export "now" (func (result u64))))))"#,
        "NOT_STARTED",
        "clock@9.0.0",
    ),
    (
        "import-of-another-type",
        r#"(component (import "guildhall:plugin/clock@0.1.0" (instance (export "now" (func (result string))))))"#,
        "NOT_STARTED",
        "type mismatch",
    ),
    (
        "empty-hook",
        r#"(component (instance $i) (export "guildhall:plugin/http-routes@0.1.0" (instance $i)))"#,
        "NOT_STARTED",
        "doesn't export",
    ),
    (
        "hook-is-a-function",
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (export "guildhall:plugin/http-routes@0.1.0" (func $f)))"#,
        "NOT_STARTED",
        "doesn't export",
    ),
    (
        "two-memories",
        r#"(component (core module $m (memory 600))
            (core instance (instantiate $m)) (core instance (instantiate $m))
            (core module $f (func (export "f"))) (core instance $i (instantiate $f))
            (func $f (canon lift (core func $i "f"))) (instance $h (export "handle" (func $f)))
            (export "guildhall:plugin/http-routes@0.1.0" (instance $h)))"#,
        "MEMORY_LIMIT",
        "MEMORY",
    ),
    (
        "hook-of-another-type",
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f"))) (instance $h (export "handle" (func $f)))
            (export "guildhall:plugin/http-routes@0.1.0" (instance $h)))"#,
        "BAD_OUTPUT",
        "expected",
    ),
];

/// Files that are made byte by byte, in the same way.
pub const BYTES: &[(&str, &str, &str)] = &[
    ("garbage", "NOT_STARTED", "can't be compiled"),
    ("deep", "NOT_STARTED", ""),
    ("many-types", "NOT_STARTED", "can't be compiled"),
    ("many-exports", "NOT_STARTED", "can't be compiled"),
    ("many-functions", "NOT_STARTED", "can't be compiled"),
    ("many-locals", "NOT_STARTED", "can't be compiled"),
    ("many-instances", "NOT_STARTED", ""),
];

/// What is started and answers: a whole file, the same with a few of what others have too many of, and one that
/// imports what there is.
pub const CONTROLS: [&str; 3] = ["whole", "few", "asks-time"];

/// Files that aren't even listed.
pub const UNLISTED: [&str; 5] = ["large", "cut", "module", "empty", "sizes"];

/// All that are listed: what stands in the log, and in its words.
pub fn listed() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let texts = TEXTS.iter().map(|(name, _, code, says)| (*name, *code, *says));
    texts.chain(BYTES.iter().copied())
}

/// All files, by the names of their plugins.
pub fn components() -> Vec<(String, Vec<u8>)> {
    let named = |name: &str, component: &[u8]| {
        let plugin = format!("files.{name}");
        (plugin.clone(), repacked(component, &manifest(&plugin)))
    };
    let text = |(name, text, ..): &(&str, &str, &str, &str)| {
        named(name, &wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    let mut all: Vec<_> = TEXTS.iter().map(text).collect();
    all.extend(BYTES.iter().map(|(name, ..)| named(name, &made(name))));
    let whole = written::good();
    all.push(named("few", &[&whole[..], &few()].concat()));
    all.push(named("whole", &whole));
    all.push(named("asks-time", &written::asks_time()));
    all.extend(UNLISTED.map(|name| (format!("files.{name}"), unlisted(name))));
    all
}

/// A component with one section.
fn with(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = BEGINNING.to_vec();
    section(&mut bytes, kind, payload);
    bytes
}

/// So many times the same, as sections count.
fn many(count: usize, one: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_number(&mut bytes, count);
    bytes.extend(one.repeat(count));
    bytes
}

/// A core module of these sections.
fn module(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    sections.iter().for_each(|(kind, payload)| section(&mut module, *kind, payload));
    module
}

/// The type of a function that takes and gives nothing.
const FUNC_TYPE: &[u8] = &[1, 0x60, 0, 0];

/// A core module of so many functions that do nothing.
fn functions(count: usize) -> Vec<u8> {
    module(&[(1, FUNC_TYPE.to_vec()), (3, many(count, &[0])), (10, many(count, &[2, 0, 0x0b]))])
}

/// A core module of one function with so many locals.
fn locals(count: usize) -> Vec<u8> {
    let mut body = vec![1];
    put_number(&mut body, count);
    body.extend([0x7f, 0x0b]);
    let code = [&[1, body.len() as u8][..], &body].concat();
    module(&[(1, FUNC_TYPE.to_vec()), (3, vec![1, 0]), (10, code)])
}

/// So many components in each other.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(BEGINNING.to_vec(), |inner, _| with(4, &inner))
}

/// What `made` has too much of, in sections that any component may have.
fn few() -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, payload) in [
        (0, [&[1, b'x'][..], &[0; 100]].concat()),
        (1, functions(3)),
        (1, locals(3)),
        (4, nested(3)),
        (7, many(3, &[0x7f])),
    ] {
        section(&mut bytes, kind, &payload);
    }
    bytes
}

fn made(name: &str) -> Vec<u8> {
    match name {
        "garbage" => with(1, &[&b"\0asm\x01\0\0\0"[..], &[0x42; 1_000]].concat()),
        "deep" => nested(20_000),
        "many-types" => with(7, &many(1_000_001, &[0x7f])),
        "many-exports" => with(11, &many(200_000, &[0, 1, b'x', 1, 0, 0])),
        "many-functions" => with(1, &functions(1_000_001)),
        "many-locals" => with(1, &locals(100_000)),
        "many-instances" => {
            let instances = "(core instance (instantiate $m))".repeat(40);
            wat::parse_str(format!("(component (core module $m (memory 1)) {instances})")).expect("a text")
        }
        other => panic!("{other} isn't made here"),
    }
}

fn unlisted(name: &str) -> Vec<u8> {
    let good = |more: &[u8]| repacked(&[BEGINNING, more].concat(), &manifest(&format!("files.{name}")));
    let mut large = Vec::new();
    section(&mut large, 0, &[&[1, b'x'][..], &vec![0; 17 << 20]].concat());
    match name {
        "large" => good(&large),
        "cut" => good(&[]).into_iter().rev().skip(10).rev().collect(),
        "module" => b"\0asm\x01\0\0\0".to_vec(),
        "empty" => Vec::new(),
        "sizes" => [&good(&[])[..], &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
        other => panic!("{other} isn't made here"),
    }
}
