//! The audit log: what it tells, to whom, and how a change of it shows.

use std::time::Duration;

use guildhall::guilds::audit;
use guildhall::id::{GuildId, UserId};

use crate::guilds_cast::{actions, again, count, number, promote, role, tamper};
use crate::story;
use crate::support::{User, Value, json};

async fn verdict(user: &User, guild: &str) -> Value {
    user.get(&format!("/guilds/{guild}/audit-log/verify")).await.expect(200)
}

story!(every_change_is_accounted_for_with_who_what_and_why, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let role = role(&ada, &guild, "weavers", &["KICK_MEMBERS"]).await;
    let because = ada.with_header("x-audit-log-reason", "spring cleaning");
    because.patch(&format!("/guilds/{guild}/roles/{role}"), json!({"name": "spinners"})).await.expect(200);
    ada.delete(&format!("/guilds/{guild}/members/{}", bob.id)).await.expect(204);
    let log = format!("/guilds/{guild}/audit-log");

    let all = ada.get(&log).await.expect(200);

    assert_eq!(actions(&ada, &guild).await, ["member_kick", "role_update", "role_create", "guild_create"]);
    let entry = &all["items"][1];
    assert_eq!((&entry["actor_id"], &entry["actor_kind"]), (&json!(ada.id), &json!("user")));
    assert_eq!((&entry["target_id"], &entry["reason"]), (&json!(role), &json!("spring cleaning")));
    assert_eq!(entry["changes"], json!([{"key": "name", "old": "weavers", "new": "spinners"}]));
    assert_eq!((&entry["erased"], entry["request_id"].is_string()), (&json!(false), true));
    let only = |answer: Value| -> Vec<Value> {
        answer["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect()
    };
    assert_eq!(only(ada.get(&format!("{log}?action=role_create")).await.expect(200)), ["role_create"]);
    let by_target = ada.get(&format!("{log}?target_id={role}")).await.expect(200);
    assert_eq!(only(by_target), ["role_update", "role_create"]);
    assert_eq!(only(ada.get(&format!("{log}?actor_id={}", bob.id)).await.expect(200)), [Value::Null; 0]);
    let page = ada.get(&format!("{log}?limit=2&before={}", all["items"][0]["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(
        (&page["has_more"], only(page.clone())),
        (&json!(true), vec![json!("role_update"), json!("role_create")])
    );
    assert_eq!(verdict(&ada, &guild).await, json!({"entries": 4, "intact": true}));
    ada.get(&format!("{log}?action=flight")).await.problem(400, "INVALID_QUERY");
    ada.get(&format!("{log}?before=1")).await.problem(404, "NOT_FOUND");
});

story!(the_audit_log_is_for_those_who_may_view_it, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    bob.join(&guild).await;
    for path in [format!("/guilds/{guild}/audit-log"), format!("/guilds/{guild}/audit-log/verify")] {
        app.nobody().get(&path).await.problem(401, "UNAUTHENTICATED");
        eve.get(&path).await.problem(404, "NOT_FOUND");
        bob.get(&path).await.problem(403, "MISSING_PERMISSION");
    }
    promote(&ada, &guild, &bob, &["VIEW_AUDIT_LOG"]).await;
    assert_eq!(verdict(&bob, &guild).await["intact"], true);
    // A refusal is no change, and nothing to account for.
    let before = actions(&ada, &guild).await;
    bob.put(&format!("/guilds/{guild}/settings"), json!({"name": "Mine"})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(actions(&ada, &guild).await, before);
});

story!(a_changed_row_shows, |app| {
    let [ada] = app.users(["ada"]).await;
    for (sql, broken_from_end) in [
        ("update audit_entries set action = 'member_kick' where guild_id = $1 and sequence = 3", 1),
        ("update audit_entries set at = at + 1 where guild_id = $1 and sequence = 3", 1),
        ("update audit_entries set target_id = 7 where guild_id = $1 and sequence = 3", 1),
        ("update audit_entries set hash = 'x' where guild_id = $1 and sequence = 3", 1),
        ("delete from audit_entries where guild_id = $1 and sequence = 3", 0),
        ("update audit_entries set sequence = 9 where guild_id = $1 and sequence = 4", 0),
        (
            "update audit_details set reason = 'another'
                where id = (select id from audit_entries where guild_id = $1 and sequence = 3)",
            1,
        ),
        (
            "update audit_details set actor_id = 7
                where id = (select id from audit_entries where guild_id = $1 and sequence = 3)",
            1,
        ),
        (
            "update audit_details set changes = '[]'
                where id = (select id from audit_entries where guild_id = $1 and sequence = 3)",
            1,
        ),
    ] {
        let (guild, _) = ada.guild("Engines").await;
        for name in ["one", "two", "three"] {
            role(&ada, &guild, name, &[]).await;
        }
        let all = ada.get(&format!("/guilds/{guild}/audit-log")).await.expect(200);
        assert_eq!(verdict(&ada, &guild).await, json!({"entries": 4, "intact": true}));

        assert_eq!(tamper(&app, sql, &[&number(&guild)]).await, 1, "{sql}");

        let found = verdict(&ada, &guild).await;
        assert_eq!(
            (&found["intact"], &found["first_broken"]),
            (&json!(false), &all["items"][broken_from_end]["id"]),
            "{sql}"
        );
        let mut conn = app.app.db.read().await.unwrap();
        let inside = audit::verify(&mut conn, GuildId(number(&guild))).await.unwrap();
        assert!(!inside.intact, "{sql}");
    }
});

story!(a_chain_written_by_many_at_once_is_whole, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let makers = (0..20).map(|i| {
        let (ada, guild) = (ada.clone(), guild.clone());
        async move { role(&ada, &guild, &format!("role {i}"), &[]).await }
    });
    futures_util::future::join_all(makers).await;
    assert_eq!(verdict(&ada, &guild).await, json!({"entries": 21, "intact": true}));
});

story!(a_person_is_erased_and_the_chain_stays_whole, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    promote(&ada, &guild, &bob, &["MANAGE_ROLES"]).await;
    let low = role(&ada, &guild, "low", &[]).await;
    let because = bob.with_header("x-audit-log-reason", "bob's own words");
    because.patch(&format!("/guilds/{guild}/roles/{low}"), json!({"name": "lower"})).await.expect(200);
    ada.patch(&format!("/guilds/{guild}/members/{}", bob.id), json!({"nick": "Robert"})).await.expect(200);
    let entries = verdict(&ada, &guild).await["entries"].clone();

    let person = UserId(number(&bob.id));
    let erase = app.app.writer.run(None, None, &[], move |tx| Box::pin(audit::erase(tx, person)));
    erase.await.expect("an erasure");

    assert_eq!(verdict(&ada, &guild).await, json!({"entries": entries, "intact": true}));
    let log = ada.get(&format!("/guilds/{guild}/audit-log")).await;
    for word in ["own words", "Robert"] {
        assert!(!log.text.contains(word), "{word}");
    }
    let log = log.expect(200);
    assert_eq!((&log["items"][1]["action"], &log["items"][1]["erased"]), (&json!("role_update"), &json!(true)));
    assert_eq!((&log["items"][1]["actor_id"], &log["items"][1]["changes"]), (&Value::Null, &json!([])));
    // A change of what stays still shows.
    tamper(&app, "update audit_entries set action = 'ban_add' where action = 'role_update'", &[]).await;
    assert_eq!(verdict(&ada, &guild).await["intact"], false);
});

story!(old_entries_go_and_the_rest_of_the_chain_still_holds, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    role(&ada, &guild, "old", &[]).await;
    app.advance(Duration::from_secs(399 * 24 * 3600));
    let ada = again(&app, "ada").await;
    role(&ada, &guild, "new", &[]).await;
    app.advance(Duration::from_secs(2 * 24 * 3600));

    guildhall::guilds::sweep(&app.app).await.expect("a sweep");

    let ada = again(&app, "ada").await;
    assert_eq!(actions(&ada, &guild).await, ["role_create"]);
    role(&ada, &guild, "newer", &[]).await;
    assert_eq!(verdict(&ada, &guild).await, json!({"entries": 2, "intact": true}));
    assert_eq!(count(&app, "select count(*) from audit_details", &[]).await, 2);
});
