//! Who gets which answer from every route: one reviewed table, each cell tried on both databases.

mod table;

use std::collections::BTreeSet;

use guildhall::http::AT_ROOT;
use proc_macro2::TokenTree;
use reqwest::Method;

use crate::story;
use crate::support::source::{is_sign, is_word, literal, sources};
use crate::support::world::{Cast, World, operations};
use crate::support::{Answer, TestApp, json};

/// A line of the table: what is asked, and the status that each of the cast gets.
#[derive(Clone)]
pub struct Row {
    /// `GET` and the like.
    pub method: Method,
    /// The path; `{name:which}` says which one of its kind.
    pub path: String,
    /// The body, if one is sent.
    pub body: Option<String>,
    statuses: Vec<u16>,
    line: String,
}

impl Row {
    /// The status that one of the cast gets.
    pub fn status(&self, cast: Cast) -> u16 {
        self.statuses[cast as usize]
    }

    /// The path as the document writes it.
    pub fn route(&self) -> String {
        let parts = self.path.split('?').next().unwrap_or_default().split('/');
        let plain = parts.map(|part| match part.split_once(':') {
            Some((name, _)) if part.starts_with('{') => format!("{name}}}"),
            _ => part.to_owned(),
        });
        plain.collect::<Vec<_>>().join("/")
    }
}

/// Reads lines of `METHOD path status × 9 | body`; empty lines and those that begin with `#` say nothing.
pub fn rows(table: &str) -> Vec<Row> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (head, body) =
                line.split_once(" | ").map_or((line, None), |(head, body)| (head, Some(body.to_owned())));
            let words: Vec<&str> = head.split_whitespace().collect();
            let [method, path, statuses @ ..] = words.as_slice() else { panic!("no route: {line}") };
            let statuses: Vec<u16> =
                statuses.iter().map(|one| one.parse().unwrap_or_else(|_| panic!("{one}: {line}"))).collect();
            assert_eq!(statuses.len(), Cast::ALL.len(), "a cell is missing, or one too many: {line}");
            Row {
                method: method.parse().expect("a method"),
                path: path.to_string(),
                body,
                statuses,
                line: line.to_owned(),
            }
        })
        .collect()
}

/// Every line of every area.
pub fn all_rows() -> Vec<Row> {
    table::AREAS.iter().flat_map(|(_, table)| rows(table)).collect()
}

story!(every_route_of_accounts_answers_as_reviewed, |app| {
    try_area(&app, "accounts").await;
});

story!(every_route_of_administration_answers_as_reviewed, |app| {
    try_area(&app, "administration").await;
});

story!(every_route_of_guilds_answers_as_reviewed, |app| {
    try_area(&app, "guilds").await;
});

story!(every_route_of_roles_and_members_answers_as_reviewed, |app| {
    try_area(&app, "roles and members").await;
});

story!(every_route_of_channels_answers_as_reviewed, |app| {
    try_area(&app, "channels").await;
});

story!(every_route_of_messages_answers_as_reviewed, |app| {
    try_area(&app, "messages").await;
});

story!(every_route_of_plugins_answers_as_reviewed, |app| {
    try_area(&app, "plugins").await;
});

story!(every_route_has_its_line, |app| {
    let (operations, _) = operations(&app).await;
    let documented: BTreeSet<String> =
        operations.iter().map(|operation| format!("{} {}", operation.method, operation.path)).collect();
    let lines: BTreeSet<String> = all_rows().iter().map(|row| format!("{} {}", row.method, row.route())).collect();
    let missing: Vec<_> = documented.difference(&lines).collect();
    assert!(missing.is_empty(), "tests/routes_table/table.rs has no line for {missing:#?}");
    let strange: Vec<_> = lines.difference(&documented).collect();
    assert!(strange.is_empty(), "no such routes: {strange:#?}");
});

/// Routes that stand beside the document, by the file that makes them.
const BESIDE_THE_DOCUMENT: &[(&str, &str)] = &[
    ("host/src/accounts/pages/routes.rs", "/reset/{token}"),
    ("host/src/accounts/pages/routes.rs", "/setup/{token}"),
    ("host/src/accounts/pages/routes.rs", "/verify/{token}"),
    ("host/src/guilds/invites/routes.rs", "/i/{code}"),
    ("host/src/http.rs", "/"),
    ("host/src/http/openapi.rs", "/api/v1/docs/problems"),
    ("host/src/http/operating.rs", "/healthz"),
    ("host/src/http/operating.rs", "/metrics"),
    ("host/src/http/operating.rs", "/readyz"),
    ("host/src/sockets/routes.rs", "/api/v1/asyncapi.json"),
    ("host/src/sockets/routes.rs", "/gateway"),
    ("host/src/sockets/routes.rs", "/gateway/fallback"),
    ("host/src/sockets/routes.rs", "/gateway/fallback/{sid}"),
    ("host/src/sockets/routes.rs", "/socket.io"),
    ("host/src/sockets/routes.rs", "/socket.io/"),
];

#[test]
fn routes_beside_the_document_are_a_closed_list() {
    let mut found = Vec::new();
    for source in sources("host/src") {
        source.visit(|tokens| {
            for window in tokens.windows(3) {
                let called = is_sign(window.first(), '.')
                    && ["route", "route_service", "nest_service"].iter().any(|word| is_word(window.get(1), word));
                if let (true, TokenTree::Group(arguments)) = (called, &window[2]) {
                    let path = arguments.stream().into_iter().next().as_ref().and_then(literal);
                    found.push((source.path.clone(), path.map_or("no literal".to_owned(), |path| path.text)));
                }
            }
        });
    }
    found.sort();
    let known: Vec<(String, String)> =
        BESIDE_THE_DOCUMENT.iter().map(|(file, path)| (file.to_string(), path.to_string())).collect();
    assert_eq!(found, known, "routes belong in the document, through OpenApiRouter");
}

story!(the_routes_of_the_first_documentation_answer_at_the_root_and_no_others, |app| {
    let (operations, _) = operations(&app).await;
    let nobody = app.nobody();
    for operation in &operations {
        let path = operation.path.replace(['{', '}'], "");
        let method: Method = operation.method.parse().expect("a method");
        let ask = async |path: String| nobody.answer(nobody.request(method.clone(), &path).json(&json!({}))).await;
        let (based, rooted) = (ask(path.clone()).await, ask(format!("/{path}")).await);
        let code = |answer: &Answer| (answer.status, answer.body["code"].clone());
        if AT_ROOT.contains(&operation.path.as_str()) {
            assert_eq!(code(&rooted), code(&based), "{} {path} at the root", operation.method);
        } else {
            assert_eq!(code(&rooted), (404, json!("NOT_FOUND")), "{} {path} at the root", operation.method);
        }
    }
    let documented: BTreeSet<&str> = operations.iter().map(|operation| operation.path.as_str()).collect();
    let strange: Vec<_> = AT_ROOT.iter().filter(|path| !documented.contains(*path)).collect();
    assert_eq!(strange, [&"/gateway", &"/socket.io/"], "what answers at the root is a route");
});

/// Tries every cell of an area; tells of all that differ at once, as lines that could stand in the table.
async fn try_area(app: &TestApp, area: &str) {
    let (_, table) = table::AREAS.iter().find(|(name, _)| *name == area).expect("an area");
    let mut differences = Vec::new();
    let mut world = world_for(app, area).await;
    for row in rows(table) {
        let mut statuses = Vec::new();
        for cast in Cast::ALL {
            let (status, moved) = try_cell(&world, &row, cast).await;
            statuses.push(status);
            if status >= 400 && moved {
                differences.push(format!("refused, and yet the log moved, for {cast:?}: {}", row.line));
            }
            // What was changed may be what the next one would act on.
            if status < 400 && row.method != Method::GET {
                world = world_for(app, area).await;
            }
        }
        if statuses != row.statuses {
            let cells = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
            differences.push(format!("table:  {}\nserver: {:<6} {} {cells}", row.line, row.method, row.path));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn world_for<'a>(app: &'a TestApp, area: &str) -> World<'a> {
    let world = World::new(app).await;
    if area == "administration" {
        world.promote(Cast::Administrator).await;
    }
    world
}

/// Asks as one of the cast; answers the status, and whether the log moved.
async fn try_cell(world: &World<'_>, row: &Row, cast: Cast) -> (u16, bool) {
    let path = world.fill(&row.path, cast).await;
    let person = world.person(cast);
    let mut request = person.request(row.method.clone(), &path);
    if let Some(body) = &row.body {
        let body = world.fill(body, cast).await;
        request = request.header("content-type", "application/json").body(body);
    }
    let before = world.log_position().await;
    let answer = person.answer(request).await;
    assert!(answer.status < 500 || answer.status == row.status(cast), "{cast:?}: {}: {}", row.line, answer.text);
    (answer.status, world.log_position().await != before)
}
