//! One SQL text for two databases: every statement and every migration is held to what both share.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenTree};

use sqlx::postgres::PgTypeInfo;
use sqlx::{Connection, Executor, SqlSafeStr};

use crate::story;
use crate::support::source::{Source, files, is_sign, is_word, literal, root, sources};

/// Statements found when this was written; far fewer means that the search is broken, not the house.
const AT_LEAST: usize = 140;

/// The types that both databases know by the same name and keep in the same way.
const TYPES: &[&str] = &["bigint", "text", "boolean", "double precision", "bytea"];

/// What one of the two databases understands otherwise or not at all.
const NOT_PORTABLE: &[&str] = &[
    "::",
    "now()",
    "current_timestamp",
    "current_date",
    "random()",
    "serial",
    "autoincrement",
    "ilike",
    "similar to",
    "interval",
    "jsonb",
    "array[",
    "any(",
    "unnest(",
    "generate_series",
    "to_timestamp",
    "strftime",
    "datetime(",
    "group_concat",
    "string_agg",
    "array_agg",
    "ifnull",
    "rowid",
    "last_insert_rowid",
    "or replace",
    "or ignore",
    "glob",
    "pragma",
    "limit all",
    "uuid",
    "varchar",
    "timestamptz",
    "insert into t default values",
    "~*",
];

story!(every_statement_is_understood, |app| {
    let statements = statements();
    let mut conn = app.app.db.read().await.expect("a connection");
    let mut misunderstood = Vec::new();
    for (sql, place) in &statements {
        let sql: &'static str = Box::leak(sql.clone().into_boxed_str());
        match conn.check(sql).await {
            Ok(()) => println!("understood: {place}: {}", one_line(sql)),
            // Rows of values have no types of their own: the drivers give those of the parameters.
            Err(_)
                if app.app.db.is_postgres() && is_understood_with_types(&app.app.config.database_url(), sql).await =>
            {
                println!("understood, with types: {place}: {}", one_line(sql));
            }
            Err(error) => misunderstood.push(format!("{place}: {error}: {}", one_line(sql))),
        }
    }
    println!("{} statements", statements.len());
    assert!(misunderstood.is_empty(), "{}", misunderstood.join("\n"));
    assert!(statements.len() >= AT_LEAST, "only {} statements were found", statements.len());
});

/// Whether PostgreSQL understands a statement for some choice of types for its parameters.
async fn is_understood_with_types(database: &str, sql: &'static str) -> bool {
    const TYPES: [&str; 3] = ["int8", "text", "bytea"];
    let parameters = (1..=9).take_while(|place| sql.contains(&format!("${place}"))).count() as u32;
    let mut connection = sqlx::PgConnection::connect(database).await.expect("a connection");
    for choice in 0..TYPES.len().pow(parameters) {
        let kind = |place| TYPES[choice / TYPES.len().pow(place) % TYPES.len()];
        let types: Vec<PgTypeInfo> = (0..parameters).map(|place| PgTypeInfo::with_name(kind(place))).collect();
        if connection.prepare_with(sql.into_sql_str(), &types).await.is_ok() {
            return true;
        }
    }
    false
}

#[test]
fn every_statement_is_in_the_portable_subset() {
    for (sql, place) in statements() {
        assert_portable(&sql, &place);
    }
}

#[test]
fn every_migration_is_in_the_portable_subset() {
    let migrations = files("migrations");
    assert!(migrations.iter().any(|path| path.ends_with(".sql")), "there are migrations");
    for path in migrations {
        let text = std::fs::read_to_string(root().join(&path)).expect("a migration");
        let text: String =
            text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        assert_portable(&text, &path);
        let mut columns = 0;
        for table in text.split("create table ").skip(1) {
            let (_, rest) = table.split_once('(').expect("columns");
            for column in parts(rest) {
                columns += 1;
                assert_typed(column.trim(), &path);
            }
        }
        assert!(columns > 0 || !text.contains("create table"), "{path}: no column was found");
    }
}

/// Whether the definition of a column, or a constraint, is in the subset.
fn assert_typed(definition: &str, path: &str) {
    let constraint = ["primary key", "foreign key", "unique", "check"].iter().any(|word| definition.starts_with(word));
    let kind = definition.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    let known = TYPES
        .iter()
        .any(|one| kind.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)));
    assert!(constraint || known, "{path}: `{definition}` has none of the types {TYPES:?}");
}

fn assert_portable(sql: &str, place: &str) {
    let low = sql.to_lowercase();
    for word in NOT_PORTABLE {
        assert!(!low.contains(word), "{place}: `{word}` is not the same on both databases: {}", one_line(sql));
    }
}

/// What stands between the commas of a list, up to the bracket that ends it.
fn parts(list: &str) -> Vec<&str> {
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, sign) in list.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' => {
                found.push(&list[from..at]);
                break;
            }
            ',' if depth == 0 => {
                found.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every statement in the sources and where it stands, those over rows of values in their form for one row.
fn statements() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // db.rs and what is below it know the two drivers, and speak to each in its own words.
    for source in sources("host/src").into_iter().filter(|source| !source.path.starts_with("host/src/db")) {
        let mut heads = Vec::new();
        source.visit(|tokens| {
            for at in 0..tokens.len() {
                if let Some((head, sql)) = over_rows(&tokens[at..]) {
                    found.insert(sql, place(&source, tokens[at].span().start().line));
                    heads.push(head);
                }
            }
        });
        for literal in source.literals() {
            if is_statement(&literal.text) && !heads.contains(&literal.text) {
                found.insert(literal.text, place(&source, literal.line));
            }
        }
    }
    found
}

fn place(source: &Source, line: usize) -> String {
    format!("{}:{line}", source.path)
}

/// `Rows::new(head, columns, tail)`: its head, and the whole for one row.
fn over_rows(tokens: &[TokenTree]) -> Option<(String, String)> {
    let [rows, colon, _, new, TokenTree::Group(arguments), ..] = tokens else { return None };
    let named = is_word(Some(rows), "Rows") && is_sign(Some(colon), ':') && is_word(Some(new), "new");
    if !named || arguments.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let arguments: Vec<TokenTree> = arguments.stream().into_iter().collect();
    let [head, _, TokenTree::Literal(columns), _, tail, ..] = arguments.as_slice() else { return None };
    let (head, tail) = (literal(head)?.text, literal(tail)?.text);
    let columns: usize = columns.to_string().parse().ok()?;
    let places: Vec<String> = (1..=columns).map(|place| format!("${place}")).collect();
    Some((head.clone(), format!("{head} ({}) {tail}", places.join(", "))))
}

fn is_statement(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match first {
        "select" => true,
        "insert" => second == "into",
        "delete" => second == "from",
        "update" => words.next() == Some("set"),
        "with" => words.next() == Some("as") || second == "recursive",
        _ => false,
    }
}
