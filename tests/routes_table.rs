//! Who gets which answer from every route: one reviewed table, each cell tried on both databases.

mod table;

use std::collections::BTreeSet;

use reqwest::Method;

use crate::story;
use crate::support::TestApp;
use crate::support::world::{Cast, World, operations};

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
