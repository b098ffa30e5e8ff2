//! Components that no compiler makes: each is one core module in the text format, of which one part is wrong.

use crate::support::components::{component, repacked};

/// A module that answers requests: with its parts as they should be it answers 204.
pub struct Module {
    /// What it imports.
    imports: &'static str,
    /// Its memory.
    memory: &'static str,
    /// How it makes room for what it is given; `$size` bytes.
    realloc: &'static str,
    /// What it does with a request.
    handle: &'static str,
    /// Whatever else it has.
    more: &'static str,
}

/// A module without faults.
const GOOD: Module = Module {
    imports: "",
    memory: "(memory (export \"memory\") 2)",
    realloc: "(local.get $at)",
    handle: "(i32.const 1024)",
    more: "",
};

/// Where functions of the hook are.
const HOOK: &str = "guildhall:plugin/http-routes@0.1.0#handle";
/// Writes a line to the log; its text stands at 16, its pairs at 24.
const LOG: &str = r#"(import "guildhall:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#;

impl Module {
    fn text(&self) -> String {
        let Module { imports, memory, realloc, handle, more } = self;
        format!(
            r#"(module {imports} {memory} {more}
              (global $next (mut i32) (i32.const 65536))
              (data (memory 0) (i32.const 1024) "\00\00\00\00\cc\00\00\00")
              (func $realloc (export "cabi_realloc")
                  (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $next))
                (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
                {realloc})
              (func (export "{HOOK}") (param i32) (result i32) {handle})
            )"#
        )
    }
}

/// What goes wrong, the code that stands in the log then, and the module.
pub type Case = (&'static str, &'static str, Module);

const fn handle(handle: &'static str) -> Module {
    Module { handle, ..GOOD }
}

const fn realloc(realloc: &'static str) -> Module {
    Module { realloc, ..GOOD }
}

const fn more(more: &'static str) -> Module {
    Module { more, ..GOOD }
}

const fn memory(memory: &'static str, handle: &'static str) -> Module {
    Module { memory, handle, ..GOOD }
}

/// Answers with what a store has put at 1024.
macro_rules! answers {
    ($($store:literal)+) => {
        handle(concat!($($store,)+ "(i32.const 1024)"))
    };
}

/// Logs something whose places are wrong.
macro_rules! logs {
    ($arguments:literal) => {
        Module { imports: LOG, ..handle(concat!("(call $log ", $arguments, ") (i32.const 1024)")) }
    };
}

/// Cases that go wrong in the same place: their name, a module that does the same things there as it should, and
/// what goes wrong.
pub type Family = (&'static str, Module, &'static [Case]);

/// All of them.
pub const FAMILIES: &[Family] = &[
    ("computes-well", COMPUTES_WELL, COMPUTES),
    ("uses-well", USES_WELL, USES),
    ("begins-well", BEGINS_WELL, BEGINS),
    ("makes-room-well", realloc("(i32.add (local.get $at) (i32.const 64))"), MAKES_ROOM),
    ("answers-well", ANSWERS_WELL, ANSWERS),
    ("tells-well", TELLS_WELL, TELLS),
    ("leaves-well", more(LEAVES_WELL), LEAVES),
];

const COMPUTES_WELL: Module = Module {
    more: "(table 1 funcref) (elem (i32.const 0) $f) (type $t (func)) (func $f)",
    ..handle(
        "(drop (i32.div_u (i32.const 1) (i32.const 1)))
         (i32.store (i32.const 16) (i32.load (i32.const 24)))
         (drop (i32.trunc_f64_s (f64.const 1)))
         (call_indirect (type $t) (i32.const 0))
         (i32.const 1024)",
    )
};
const USES_WELL: Module = Module {
    memory: "(memory (export \"memory\") 100)",
    more: "(table $t 100 funcref)
        (func $f (param $n i32) (result i32)
          (if (result i32) (local.get $n)
            (then (call $f (i32.sub (local.get $n) (i32.const 1))))
            (else (i32.const 1024))))",
    ..handle(
        "(if (i32.lt_s (memory.grow (i32.const 16)) (i32.const 0)) (then unreachable))
         (if (i32.lt_s (table.grow $t (ref.null func) (i32.const 100)) (i32.const 0)) (then unreachable))
         (call $f (i32.const 100))",
    )
};
const BEGINS_WELL: Module = more(
    "(func $s (drop (memory.grow (i32.const 16)))) (start $s)
     (data (i32.const 131068) \"abcd\")
     (table 1 funcref) (elem (i32.const 0) $realloc)",
);
/// A type of content and one header, each of them the word that stands at 16.
const ANSWERS_WELL: Module = Module {
    more: r#"(data (i32.const 16) "fine") (data (i32.const 32) "\10\00\00\00\04\00\00\00\10\00\00\00\04\00\00\00")"#,
    ..handle(
        "(i32.store (i32.const 1032) (i32.const 16)) (i32.store (i32.const 1036) (i32.const 4))
         (i32.store (i32.const 1040) (i32.const 32)) (i32.store (i32.const 1044) (i32.const 1))
         (i32.const 1024)",
    )
};
/// A line with one pair, all of it the same word.
const TELLS_WELL: Module = Module {
    more: r#"(data (i32.const 16) "fine") (data (i32.const 24) "\10\00\00\00\04\00\00\00\10\00\00\00\04\00\00\00")"#,
    ..logs!("(i32.const 0) (i32.const 16) (i32.const 4) (i32.const 24) (i32.const 1)")
};
const LEAVES_WELL: &str = r#"(func (export "cabi_post_guildhall:plugin/http-routes@0.1.0#handle") (param i32))"#;

/// What can't be computed.
const COMPUTES: &[Case] = &[
    ("unreachable", "TRAPPED", handle("unreachable")),
    ("divides", "TRAPPED", handle("(i32.div_u (i32.const 1) (i32.const 0))")),
    ("reads-outside", "TRAPPED", handle("(i32.load (i32.const -16))")),
    ("writes-outside", "TRAPPED", handle("(i32.store (i32.const 0x7fff0000) (i32.const 1)) (i32.const 1024)")),
    ("rounds", "TRAPPED", handle("(i32.trunc_f64_s (f64.const nan))")),
    (
        "calls-nothing",
        "TRAPPED",
        Module {
            more: "(table 1 funcref) (type $t (func))",
            ..handle("(call_indirect (type $t) (i32.const 0)) (i32.const 1024)")
        },
    ),
    (
        "calls-another-type",
        "TRAPPED",
        Module {
            more: "(table 1 funcref) (elem (i32.const 0) $realloc) (type $t (func))",
            ..handle("(call_indirect (type $t) (i32.const 0)) (i32.const 1024)")
        },
    ),
];

/// Time, stack, memory and tables.
const USES: &[Case] = &[
    ("spins", "CPU_BUDGET", handle("(loop (br 0)) unreachable")),
    (
        "recurses",
        "STACK_OVERFLOW",
        Module { more: "(func $f (result i32) (i32.add (call $f) (i32.const 1)))", ..handle("(call $f)") },
    ),
    ("grows", "MEMORY_LIMIT", handle("(loop (drop (memory.grow (i32.const 16))) (br 0)) unreachable")),
    ("grows-at-once", "MEMORY_LIMIT", handle("(drop (memory.grow (i32.const 65000))) (i32.const 1024)")),
    ("begins-large", "MEMORY_LIMIT", memory("(memory (export \"memory\") 1100)", "(i32.const 1024)")),
    ("second-memory", "NOT_STARTED", memory("(memory (export \"memory\") 600) (memory 600)", "(i32.const 1024)")),
    ("begins-beyond", "NOT_STARTED", memory("(memory (export \"memory\") 3000)", "(i32.const 1024)")),
    (
        "four-memories",
        "NOT_STARTED",
        memory("(memory (export \"memory\") 2) (memory 1) (memory 1) (memory 1)", "(i32.const 1024)"),
    ),
    (
        "table-grows",
        "TABLE_LIMIT",
        Module {
            more: "(table $t 1 funcref)",
            ..handle("(drop (table.grow $t (ref.null func) (i32.const 200000))) (i32.const 1024)")
        },
    ),
    ("table-large", "NOT_STARTED", more("(table 25000 funcref)")),
    (
        "many-tables",
        "NOT_STARTED",
        more(
            "(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
             (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)",
        ),
    ),
];

/// Before it is called.
const BEGINS: &[Case] = &[
    ("start-spins", "CPU_BUDGET", more("(func $s (loop (br 0))) (start $s)")),
    ("start-traps", "TRAPPED", more("(func $s unreachable) (start $s)")),
    ("start-grows", "MEMORY_LIMIT", more("(func $s (loop (drop (memory.grow (i32.const 16))) (br 0))) (start $s)")),
    ("start-recurses", "STACK_OVERFLOW", more("(func $s (call $s) (call $s)) (start $s)")),
    ("data-outside", "TRAPPED", more("(data (i32.const 131070) \"abcd\")")),
    ("elements-outside", "TRAPPED", more("(table 1 funcref) (elem (i32.const 5) $realloc)")),
];

/// Room for what it is given.
const MAKES_ROOM: &[Case] = &[
    ("room-spins", "CPU_BUDGET", realloc("(loop (br 0)) unreachable")),
    ("room-traps", "TRAPPED", realloc("unreachable")),
    ("room-outside", "BAD_OUTPUT", realloc("(i32.const -16)")),
    ("room-behind-the-end", "BAD_OUTPUT", realloc("(i32.const 131071)")),
    ("room-odd", "BAD_OUTPUT", realloc("(i32.add (local.get $at) (i32.const 1))")),
    (
        "room-asks",
        "TRAPPED",
        Module {
            imports: LOG,
            ..realloc(
                "(call $log (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0)) (local.get $at)",
            )
        },
    ),
];

/// What it answers.
const ANSWERS: &[Case] = &[
    ("answer-outside", "BAD_OUTPUT", handle("(i32.const -16)")),
    ("answer-behind-the-end", "BAD_OUTPUT", handle("(i32.const 131064)")),
    ("answer-odd", "BAD_OUTPUT", handle("(i32.const 1025)")),
    ("answer-neither", "BAD_OUTPUT", answers!("(i32.store8 (i32.const 1024) (i32.const 7))")),
    (
        "answer-no-error",
        "BAD_OUTPUT",
        answers!("(i32.store8 (i32.const 1024) (i32.const 1))" "(i32.store8 (i32.const 1028) (i32.const 99))"),
    ),
    (
        "text-outside",
        "BAD_OUTPUT",
        answers!("(i32.store (i32.const 1032) (i32.const -16))" "(i32.store (i32.const 1036) (i32.const 8))"),
    ),
    (
        "text-wraps",
        "BAD_OUTPUT",
        answers!("(i32.store (i32.const 1032) (i32.const -16))" "(i32.store (i32.const 1036) (i32.const 64))"),
    ),
    ("text-endless", "BAD_OUTPUT", answers!("(i32.store (i32.const 1036) (i32.const -1))")),
    (
        "text-no-text",
        "BAD_OUTPUT",
        answers!("(i32.store (i32.const 16) (i32.const 0xfffefdfc))" "(i32.store (i32.const 1032) (i32.const 16))" "(i32.store (i32.const 1036) (i32.const 4))"),
    ),
    (
        "list-outside",
        "BAD_OUTPUT",
        answers!("(i32.store (i32.const 1040) (i32.const 131064))" "(i32.store (i32.const 1044) (i32.const 1000))"),
    ),
    ("list-endless", "BAD_OUTPUT", answers!("(i32.store (i32.const 1044) (i32.const -1))")),
    (
        "list-odd",
        "BAD_OUTPUT",
        answers!("(i32.store (i32.const 1040) (i32.const 17))" "(i32.store (i32.const 1044) (i32.const 1))"),
    ),
    ("bytes-endless", "BAD_OUTPUT", answers!("(i32.store (i32.const 1052) (i32.const -1))")),
    (
        "list-of-much",
        "DATA_LIMIT",
        memory(
            "(memory (export \"memory\") 500)",
            "(i32.store (i32.const 1040) (i32.const 131072)) (i32.store (i32.const 1044) (i32.const 1500000)) (i32.const 1024)",
        ),
    ),
];

/// What it tells the host.
const TELLS: &[Case] = &[
    ("tells-no-level", "BAD_OUTPUT", logs!("(i32.const 9) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0)")),
    ("tells-outside", "BAD_OUTPUT", logs!("(i32.const 0) (i32.const -16) (i32.const 64) (i32.const 0) (i32.const 0)")),
    ("tells-endless", "BAD_OUTPUT", logs!("(i32.const 0) (i32.const 16) (i32.const -1) (i32.const 0) (i32.const 0)")),
    (
        "tells-endless-pairs",
        "BAD_OUTPUT",
        logs!("(i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const -1)"),
    ),
    (
        "tells-no-text",
        "BAD_OUTPUT",
        Module {
            more: "(data (i32.const 16) \"\\ff\\fe\\fd\\fc\")",
            ..logs!("(i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0)")
        },
    ),
];

/// After it has answered.
const LEAVES: &[Case] = &[
    (
        "leaves-badly",
        "TRAPPED",
        more(r#"(func (export "cabi_post_guildhall:plugin/http-routes@0.1.0#handle") (param i32) unreachable)"#),
    ),
    (
        "never-leaves",
        "CPU_BUDGET",
        more(r#"(func (export "cabi_post_guildhall:plugin/http-routes@0.1.0#handle") (param i32) (loop (br 0)))"#),
    ),
    (
        "leaves-asking",
        "TRAPPED",
        Module {
            imports: LOG,
            ..more(
                r#"(func (export "cabi_post_guildhall:plugin/http-routes@0.1.0#handle") (param i32)
                  (call $log (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0)))"#,
            )
        },
    ),
];

/// A world whose guests may make things of their own.
const THINGS: &str = "package hostile:handles;
interface things { resource thing { constructor(); } }
world handles { include guildhall:plugin/hook-http-routes@0.1.0; export things; }";

/// Makes handles until it may keep no more.
const HANDLES: Module = Module {
    imports: r#"(import "[export]hostile:handles/things" "[resource-new]thing" (func $new (param i32) (result i32)))"#,
    more: r#"(func (export "hostile:handles/things#[constructor]thing") (result i32) (call $new (i32.const 1)))"#,
    ..handle("(loop (drop (call $new (i32.const 1))) (br 0)) unreachable")
};

/// Makes two.
const FEW_HANDLES: Module = Module {
    imports: HANDLES.imports,
    more: HANDLES.more,
    ..handle("(drop (call $new (i32.const 1))) (drop (call $new (i32.const 1))) (i32.const 1024)")
};

/// Acts on others without asking for that in its manifest.
const UNDECLARED: Module = Module {
    imports: r#"(import "guildhall:plugin/moderation@0.1.0" "kick" (func $kick (param i64 i32 i32 i32)))"#,
    ..handle("(call $kick (i64.const 1) (i32.const 16) (i32.const 0) (i32.const 2048)) (i32.const 1024)")
};
/// What its manifest lacks.
const ASKS: &str = "[[permissions]]\nname = 'moderation'\nreason = 'To act on others.'\n";
const MODERATES: &str = "package hostile:undeclared;
world undeclared { include guildhall:plugin/hook-http-routes@0.1.0; import guildhall:plugin/moderation@0.1.0; }";
/// A world in which one may log.
const LOGS: &str = "package hostile:logs;
world logs { include guildhall:plugin/hook-http-routes@0.1.0; import guildhall:plugin/log@0.1.0; }";

/// Asks what time it is.
const ASKS_TIME: Module = Module {
    imports: r#"(import "guildhall:plugin/clock@0.1.0" "now" (func $now (result i64)))"#,
    ..handle("(drop (call $now)) (i32.const 1024)")
};
const CLOCKS: &str = "package hostile:clocks;
world clocks { include guildhall:plugin/hook-http-routes@0.1.0; import guildhall:plugin/clock@0.1.0; }";

/// The cases that need a world of their own, the plugins that do the same as they should, and why they come to
/// nothing.
pub const APART: &[(&str, &str, &str)] =
    &[("handles", "few-handles", "DATA_LIMIT"), ("undeclared", "declared", "NOT_STARTED")];

/// The manifest of a component that answers requests and nothing else.
pub fn manifest(plugin: &str) -> String {
    format!(
        "[plugin]\nid = '{plugin}'\nname = 'Written'\nversion = '0.1.0'\napi = '0.1'\nsummary = 'Is written by hand.'
[[hooks]]\nname = 'http-routes'
[[routes]]\nname = 'do'\nmethod = 'POST'\npath = '/do'\nguild = 'query:guild_id'\n"
    )
}

/// A component without faults.
pub fn good() -> Vec<u8> {
    make(&GOOD)
}

/// One that imports something, which is there.
pub fn asks_time() -> Vec<u8> {
    component(&ASKS_TIME.text(), "clocks", Some(CLOCKS))
}

fn make(module: &Module) -> Vec<u8> {
    component(&module.text(), "logs", Some(LOGS))
}

/// All components, by the names of their plugins.
pub fn components() -> Vec<(String, Vec<u8>)> {
    let described = |name: &str, bytes: Vec<u8>, more: &str| {
        let plugin = format!("written.{name}");
        (plugin.clone(), repacked(&bytes, &(manifest(&plugin) + more)))
    };
    let named = |name: &str, bytes: Vec<u8>| described(name, bytes, "");
    let undeclared = component(&UNDECLARED.text(), "undeclared", Some(MODERATES));
    // The same import, which isn't used: what it is about is whether it may be there.
    let declared = Module { handle: GOOD.handle, ..UNDECLARED };
    let mut all = vec![
        named("none", good()),
        named("handles", component(&HANDLES.text(), "handles", Some(THINGS))),
        named("few-handles", component(&FEW_HANDLES.text(), "handles", Some(THINGS))),
        named("undeclared", undeclared),
        described("declared", component(&declared.text(), "undeclared", Some(MODERATES)), ASKS),
    ];
    for (family, well, cases) in FAMILIES {
        all.push(named(family, make(well)));
        all.extend(cases.iter().map(|(name, _, module)| named(name, make(module))));
    }
    all
}
