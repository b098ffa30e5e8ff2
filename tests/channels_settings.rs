//! Making, changing and deleting channels.

use crate::story;
use crate::support::{TestApp, Value, id_of, json};

/// The newest row of a stream.
async fn last_row(app: &TestApp, stream: &str) -> guildhall::log::Entry {
    app.log().await.into_iter().rfind(|row| row.stream.to_string() == stream).expect("a row")
}

story!(a_guild_gets_channels_of_every_kind, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let category = ada.make_channel(&guild, json!({"name": "Work", "kind": "category"})).await;

    for (place, kind) in ["text", "announcement", "forum", "voice"].into_iter().enumerate() {
        let asked = json!({"name": format!(" {kind} "), "kind": kind, "parent_id": category, "topic": "t",
            "slowmode_seconds": 5, "nsfw": true});
        let made = ada.post(&format!("/guilds/{guild}/channels"), asked).await.expect(201);
        let expected = json!({"id": made["id"], "guild_id": guild, "kind": kind, "name": kind, "topic": "t",
            "parent_id": category, "position": place + 2, "inherits": true, "nsfw": true, "slowmode_seconds": 5,
            "owner_id": null, "starter_message_id": null, "archived": false, "locked": false, "user_limit": 0,
            "overwrites": [], "version": 1, "created_at": made["created_at"]});
        assert_eq!(made, expected);
        let read = bob.get(&format!("/channels/{}", id_of(&made))).await;
        assert_eq!(read.headers["etag"], "\"1\"");
        assert_eq!(read.expect(200), made);
        let row = last_row(&app, &guild).await;
        assert_eq!((row.kind.as_str(), row.channel.map(|id| id.to_string())), ("channel_created", Some(id_of(&made))));
        assert_eq!(serde_json::from_str::<Value>(&row.payload).unwrap(), made);
    }

    let listed = bob.get(&format!("/guilds/{guild}/channels")).await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(6));
    assert_eq!(listed["items"][0]["id"], general);
});

story!(a_channel_that_makes_no_sense_is_refused, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let category = ada.make_channel(&guild, json!({"name": "Work", "kind": "category"})).await;
    let (other, _) = ada.guild("Others").await;
    let elsewhere = ada.make_channel(&other, json!({"name": "Away", "kind": "category"})).await;
    let path = format!("/guilds/{guild}/channels");
    let before = app.log_position().await;

    let long = "x".repeat(101);
    let topic = "x".repeat(1_025);
    for (asked, faults) in [
        (json!({"name": " ", "kind": "text"}), vec!["/name"]),
        (json!({"name": long, "kind": "text", "topic": topic}), vec!["/name", "/topic"]),
        (json!({"name": "a", "kind": "direct"}), vec!["/kind"]),
        (json!({"name": "a", "kind": "thread"}), vec!["/kind"]),
        (json!({"name": "a", "kind": "stage"}), vec!["/kind"]),
        (json!({"kind": "text"}), vec!["/name"]),
        (json!({"name": "a", "kind": "text", "colour": 1}), vec!["/colour"]),
        (
            json!({"name": "a", "kind": "text", "slowmode_seconds": 21_601, "position": -1}),
            vec!["/position", "/slowmode_seconds"],
        ),
        (json!({"name": "a", "kind": "category", "parent_id": category}), vec!["/parent_id"]),
        (json!({"name": "a", "kind": "text", "parent_id": general}), vec!["/parent_id"]),
        (json!({"name": "a", "kind": "text", "parent_id": elsewhere}), vec!["/parent_id"]),
        (
            json!({"name": "a", "kind": "text", "overwrites": [
                {"target_id": guild, "kind": "role", "allow": ["VIEW_CHANNEL"], "deny": ["VIEW_CHANNEL"]},
                {"target_id": guild, "kind": "role", "allow": ["ADMINISTRATOR"]},
            ]}),
            vec!["/overwrites/0/deny", "/overwrites/1/allow", "/overwrites/1/target_id"],
        ),
        (
            json!({"name": "a", "kind": "text", "overwrites": [{"target_id": "12345", "kind": "member"}]}),
            vec!["/overwrites/0/target_id"],
        ),
    ] {
        assert_eq!(ada.post(&path, asked.clone()).await.faults(), faults, "{asked}");
    }
    assert_eq!(app.log_position().await, before);
});

story!(only_those_who_manage_channels_make_change_and_delete_them, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let before = app.log_position().await;

    let asked = json!({"name": "mine", "kind": "text"});
    let path = format!("/guilds/{guild}/channels");
    bob.post(&path, asked.clone()).await.problem(403, "MISSING_PERMISSION");
    eve.post(&path, asked.clone()).await.problem(404, "NOT_FOUND");
    app.nobody().post(&path, asked).await.problem(401, "UNAUTHENTICATED");
    let path = format!("/channels/{general}");
    bob.patch(&path, json!({"name": "ours"})).await.problem(403, "MISSING_PERMISSION");
    eve.patch(&path, json!({"name": "ours"})).await.problem(404, "NOT_FOUND");
    bob.delete(&path).await.problem(403, "MISSING_PERMISSION");
    eve.delete(&path).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);

    ada.except(&general, &bob, &["MANAGE_CHANNELS"], &[]).await;
    assert_eq!(bob.patch(&path, json!({"name": "ours"})).await.expect(200)["name"], "ours");
    bob.delete(&path).await.expect(204);
    ada.get(&path).await.problem(404, "NOT_FOUND");
});

story!(a_change_is_checked_against_the_version_it_is_based_on, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let category = ada.make_channel(&guild, json!({"name": "Work", "kind": "category"})).await;
    let path = format!("/channels/{general}");

    let change = json!({"name": "talk", "topic": "all", "parent_id": category, "position": 7, "slowmode_seconds": 3,
        "nsfw": true, "inherits": false});
    let changed = ada.with_header("if-match", "\"1\"").patch(&path, change.clone()).await;
    assert_eq!(changed.headers["etag"], "\"2\"");
    let changed = changed.expect(200);
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    let before = app.log_position().await;
    ada.with_header("if-match", "\"1\"").patch(&path, json!({"name": "other"})).await.problem(412, "STALE_VERSION");
    assert_eq!(ada.patch(&path, json!({"name": "talk"})).await.expect(200), changed);
    assert_eq!(app.log_position().await, before, "what changes nothing is no row");

    let out = ada.patch(&path, json!({"parent_id": null})).await.expect(200);
    assert_eq!((&out["parent_id"], &out["version"]), (&Value::Null, &json!(3)));
    let row = last_row(&app, &guild).await;
    assert_eq!(row.kind.as_str(), "channel_updated");
    assert_eq!(serde_json::from_str::<Value>(&row.payload).unwrap(), out);
});

story!(what_a_kind_of_channel_does_not_have_is_refused, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let category = ada.make_channel(&guild, json!({"name": "Work", "kind": "category"})).await;
    let direct = id_of(&ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201));
    let before = app.log_position().await;

    let refused = ada.patch(&format!("/channels/{general}"), json!({"archived": true, "locked": true})).await;
    assert_eq!(refused.faults(), ["/archived", "/locked"]);
    let nested = ada.patch(&format!("/channels/{category}"), json!({"parent_id": category, "inherits": false})).await;
    assert_eq!(nested.faults(), ["/inherits", "/parent_id"]);
    let under = ada.patch(&format!("/channels/{general}"), json!({"parent_id": general})).await;
    assert_eq!(under.faults(), ["/parent_id"]);
    let kind = ada.patch(&format!("/channels/{general}"), json!({"kind": "voice"})).await;
    assert_eq!(kind.faults(), ["/kind"]);
    ada.patch(&format!("/channels/{direct}"), json!({"name": "us"})).await.problem(422, "WRONG_CHANNEL_KIND");
    ada.delete(&format!("/channels/{direct}")).await.problem(422, "WRONG_CHANNEL_KIND");
    assert_eq!(app.log_position().await, before);
});

story!(nobody_wins_permissions_by_moving_a_channel, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let quiet = ada.make_channel(&guild, json!({"name": "Quiet", "kind": "category"})).await;
    let read = ada.make_channel(&guild, json!({"name": "read", "kind": "text", "parent_id": quiet})).await;
    ada.except_everyone(&quiet, &guild, &[], &["SEND_MESSAGES"]).await;
    ada.except(&read, &bob, &["MANAGE_CHANNELS"], &[]).await;
    let path = format!("/channels/{read}");
    let before = app.log_position().await;

    bob.patch(&path, json!({"parent_id": null})).await.problem(403, "MISSING_PERMISSION");
    bob.patch(&path, json!({"inherits": false})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);
    assert_eq!(bob.get(&path).await.expect(200)["parent_id"], quiet);
    ada.patch(&path, json!({"parent_id": null})).await.expect(200);
    bob.say(&read, "now I may").await;
});

story!(a_category_that_goes_sets_its_channels_free_and_hides_what_it_hid, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let staff = ada
        .make_channel(
            &guild,
            json!({"name": "Staff", "kind": "category", "overwrites": [
        {"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]}]}),
        )
        .await;
    let plans = ada.make_channel(&guild, json!({"name": "plans", "kind": "text", "parent_id": staff})).await;
    bob.get(&format!("/channels/{plans}")).await.problem(404, "NOT_FOUND");

    ada.delete(&format!("/channels/{staff}")).await.expect(204);

    let free = ada.get(&format!("/channels/{plans}")).await.expect(200);
    assert_eq!(free["parent_id"], Value::Null);
    assert_eq!(
        free["overwrites"],
        json!([{"target_id": guild, "kind": "role", "allow": [], "deny": ["VIEW_CHANNEL"]}])
    );
    bob.get(&format!("/channels/{plans}")).await.problem(404, "NOT_FOUND");
    assert_eq!(last_row(&app, &guild).await.kind.as_str(), "channel_deleted");
});

story!(a_channel_that_goes_takes_its_threads_and_webhooks_along, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let said = id_of(&ada.say(&general, "hello").await);
    let thread = ada.post(&format!("/channels/{general}/threads"), json!({"name": "t", "message_id": said})).await;
    let thread = id_of(&thread.expect(201));
    let hook = ada.post(&format!("/channels/{general}/webhooks"), json!({"name": "w"})).await.expect(201);
    let version = ada.get(&format!("/guilds/{guild}/settings")).await.expect(200)["version"].as_i64().unwrap();
    let before = app.log_position().await;

    ada.delete(&format!("/channels/{general}")).await.expect(204);

    assert_eq!(app.log_position().await, before + 4);
    let rows = app.log().await.into_iter().filter(|row| row.stream.to_string() == guild).collect::<Vec<_>>();
    let told = rows[rows.len() - 4..].iter().map(|row| (row.kind.as_str(), row.channel.map(|id| id.to_string())));
    let expected = [
        ("channel_deleted", Some(thread.clone())),
        ("webhook_deleted", Some(general.clone())),
        ("channel_deleted", Some(general.clone())),
        ("guild_updated", None),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    for gone in [&thread, &general] {
        bob.get(&format!("/channels/{gone}")).await.problem(404, "NOT_FOUND");
        bob.post(&format!("/channels/{gone}/messages"), json!({"content": "?"})).await.problem(404, "NOT_FOUND");
    }
    let settings = ada.get(&format!("/guilds/{guild}/settings")).await.expect(200);
    assert_eq!((&settings["system_channel_id"], &settings["version"]), (&Value::Null, &json!(version + 1)));
    let address = format!("/webhooks/{}/{}", id_of(&hook), hook["token"].as_str().unwrap());
    app.nobody().post(&address, json!({"content": "?"})).await.problem(404, "NOT_FOUND");
});

story!(
    a_guild_has_so_many_channels_and_no_more,
    |config| {
        config.limits.channels = 3;
    },
    |app| {
        let ([ada], guild, general) = app.guild_of(["ada"]).await;
        ada.make_channel(&guild, json!({"name": "two", "kind": "text"})).await;
        let thread = ada.post(&format!("/channels/{general}/threads"), json!({"name": "three"})).await.expect(201);
        let before = app.log_position().await;

        ada.post(&format!("/guilds/{guild}/channels"), json!({"name": "four", "kind": "text"}))
            .await
            .problem(409, "LIMIT_REACHED");
        ada.post(&format!("/channels/{general}/threads"), json!({"name": "four"})).await.problem(409, "LIMIT_REACHED");
        assert_eq!(app.log_position().await, before);

        ada.patch(&format!("/channels/{}", id_of(&thread)), json!({"archived": true})).await.expect(200);
        ada.make_channel(&guild, json!({"name": "four", "kind": "text"})).await;
    }
);

story!(
    changes_are_limited_for_each_guild,
    |config| {
        config.limits.enabled = true;
        config.limits.changes = 8;
    },
    |app| {
        let ([ada], guild, general) = app.guild_of(["ada"]).await;
        for name in ["a", "b"] {
            ada.patch(&format!("/channels/{general}"), json!({"name": name})).await.expect(200);
        }
        let refused = ada.post(&format!("/guilds/{guild}/channels"), json!({"name": "c", "kind": "text"})).await;
        assert!(refused.headers.contains_key("retry-after"));
        refused.problem(429, "RATE_LIMITED");
    }
);

story!(a_role_that_manages_channels_makes_them_where_its_category_allows_it, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let role = ada.make_role(&guild, &["MANAGE_CHANNELS"], &bob).await;
    let category = ada.make_channel(&guild, json!({"name": "Work", "kind": "category"})).await;
    let path = format!("/guilds/{guild}/channels");
    bob.make_channel(&guild, json!({"name": "one", "kind": "text", "parent_id": category})).await;

    let deny = json!({"kind": "role", "deny": ["MANAGE_CHANNELS"]});
    ada.put(&format!("/channels/{category}/overwrites/{role}"), deny).await.expect(200);
    let before = app.log_position().await;
    let inside = json!({"name": "two", "kind": "text", "parent_id": category});
    bob.post(&path, inside).await.problem(403, "MISSING_PERMISSION");
    let excepted = json!({"name": "two", "kind": "text", "overwrites": [
        {"target_id": guild, "kind": "role", "deny": ["SPEAK"]}]});
    bob.post(&path, excepted.clone()).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);

    ada.make_role(&guild, &["MANAGE_ROLES"], &bob).await;
    let foreign = json!({"name": "two", "kind": "text", "overwrites": [
        {"target_id": guild, "kind": "role", "allow": ["BAN_MEMBERS"]}]});
    bob.post(&path, foreign).await.problem(403, "MISSING_PERMISSION");
    bob.post(&path, excepted).await.expect(201);
});
