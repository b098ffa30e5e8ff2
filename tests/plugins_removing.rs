//! How plugins go: from a guild, with a guild, and from the database.

use std::time::Duration;

use crate::guilds_cast::{actions, again, count, id, number, tamper};
use crate::plugins_installing::{install, order, path, role_of};
use crate::story;
use crate::support::source::root;
use crate::support::{Socket, json};

story!(what_is_removed_leaves_with_its_bot_and_its_role, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let made = install(&ada, &guild, "tests.greeter").await;
    let overwrite = format!("/channels/{general}/overwrites/{}", made["role_id"].as_str().unwrap());
    ada.put(&overwrite, json!({"kind": "role", "allow": [], "deny": ["SEND_MESSAGES"]})).await.expect(200);
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);

    ada.with_header("x-audit-log-reason", "Too loud").delete(&path(&made)).await.expect(204);

    assert_eq!(his.event("member_left").await["user"]["id"], made["bot_id"]);
    assert_eq!(his.event("role_deleted").await["id"], made["role_id"]);
    let gone = hers.event("installation_removed").await;
    assert_eq!((&gone["id"], &gone["state"]), (&made["id"], &json!("removed")));
    his.nothing("installation_removed").await;
    ada.get(&path(&made)).await.problem(404, "NOT_FOUND");
    ada.patch(&path(&made), json!({"enabled": true})).await.problem(404, "NOT_FOUND");
    ada.delete(&path(&made)).await.problem(404, "NOT_FOUND");
    assert_eq!(order(&ada, &guild).await, []);
    assert_eq!(role_of(&ada, &guild, &made).await, None);
    let channel = bob.get(&format!("/channels/{general}")).await.expect(200);
    assert_eq!(channel["overwrites"], json!([]));
    assert_eq!(actions(&ada, &guild).await[0], "installation_delete");
    let history = bob.get(&format!("/channels/{general}/messages")).await.expect(200);
    assert_eq!(history["items"][0]["author"]["display_name"], "Greeter", "what it said stays");

    let anew = install(&ada, &guild, "tests.greeter").await;
    assert!(anew["id"] != made["id"] && anew["bot_id"] != made["bot_id"]);
    for (days, kept) in [(29, 2), (2, 1)] {
        app.advance(Duration::from_secs(days * 24 * 3600));
        guildhall::plugins::sweep(&app.app).await.expect("a sweep");
        assert_eq!(count(&app, "select count(*) from installations", &[]).await, kept);
    }
    let ada = again(&app, "ada").await;
    let profile = ada.get(&format!("/users/{}/profile", made["bot_id"].as_str().unwrap())).await.expect(200);
    assert!(profile["display_name"].as_str().unwrap().starts_with("deleted"), "{profile}");
    assert_eq!(order(&ada, &guild).await, [("tests.greeter".into(), 0)]);
});

story!(a_guild_goes_with_all_that_it_has_installed, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let made = install(&ada, &guild, "tests.greeter").await;
    ada.delete(&format!("/guilds/{guild}")).await.expect(204);
    ada.get(&path(&made)).await.problem(404, "NOT_FOUND");
    let guilds = "select count(*) from guilds where id = $1";
    // A sweep of guilds waits for the one of plugins.
    guildhall::guilds::sweep(&app.app).await.expect("a sweep");
    assert_eq!(count(&app, guilds, &[&number(&guild)]).await, 1);
    guildhall::housekeeping::round(&app.app).await.expect("a round");
    assert_eq!(count(&app, guilds, &[&number(&guild)]).await, 0);
    assert_eq!(count(&app, "select count(*) from installations", &[]).await, 0);
});

/// Tables in which something belongs to an installation, with their columns and those columns' types.
fn tables() -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(root().join("migrations")).expect("migrations").filter_map(Result::ok) {
        let text = std::fs::read_to_string(file.path()).expect("a migration");
        for table in text.split("create table ").skip(1) {
            let (name, rest) = table.split_once(" (").expect("a table");
            let lines = rest.lines().skip(1).take_while(|line| !line.starts_with(')')).map(str::trim);
            let words = lines.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
            let columns =
                words.filter(|words| ["bigint", "text", "bytea", "boolean"].contains(&words[1].trim_matches(',')));
            let columns: Vec<_> =
                columns.map(|words| (words[0].clone(), words[1].trim_matches(',').to_owned())).collect();
            if columns.iter().any(|(column, _)| column == "installation_id") {
                found.push((name.to_owned(), columns));
            }
        }
    }
    found
}

story!(nothing_that_an_installation_kept_outlives_it, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let (gone, stays) = (install(&ada, &guild, "tests.greeter").await, install(&ada, &guild, "tests.keeper").await);
    let tables = tables();
    assert!(tables.len() >= 10, "only {} tables were found", tables.len());
    for (table, columns) in &tables {
        for (at, installation) in [&gone, &gone, &stays].into_iter().enumerate() {
            let value = |(column, kind): &(String, String)| match (column.as_str(), kind.as_str()) {
                ("installation_id", _) => id(installation),
                // What is old by its id goes by itself.
                ("id", "bigint") => format!("{}", 9_000_000_000_000_000_000 + at),
                // What is due is done, what has expired is swept, and then it is gone.
                ("at" | "due_at" | "expires_at", "bigint") => "9000000000000".to_owned(),
                (_, "bigint") => format!("{}", at + 1),
                (_, "boolean") => "false".to_owned(),
                (_, "bytea") => "$1".to_owned(),
                _ => format!("'{at}'"),
            };
            let names: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
            let values: Vec<String> = columns.iter().map(value).collect();
            let sql = format!(
                "insert into {table} ({}) values ({}) on conflict do nothing",
                names.join(", "),
                values.join(", ")
            );
            let bytes = vec![at as u8];
            let params: &[&dyn guildhall::db::Param] = if sql.contains("$1") { &[&bytes] } else { &[] };
            tamper(&app, sql.leak(), params).await;
        }
    }
    ada.delete(&path(&gone)).await.expect(204);
    app.advance(Duration::from_secs(31 * 24 * 3600));

    guildhall::plugins::sweep(&app.app).await.expect("a sweep");

    for (table, _) in &tables {
        let sql: &'static str = format!("select count(*) from {table} where installation_id = $1").leak();
        assert_eq!(count(&app, sql, &[&number(&id(&gone))]).await, 0, "{table}");
        assert_eq!(count(&app, sql, &[&number(&id(&stays))]).await, 1, "{table}: another one's stays");
    }
});
