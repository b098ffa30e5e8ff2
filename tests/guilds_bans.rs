//! Bans: how they keep people out, what goes with them, and how they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guildhall::log::EventKind;

use crate::guilds_cast::{actions, body, promote, rows};
use crate::story;
use crate::support::{Socket, TestApp, User, Value, json};

async fn contents(user: &User, channel: &str) -> Vec<String> {
    let page = user.get(&format!("/channels/{channel}/messages?limit=100")).await.expect(200);
    let items = page["items"].as_array().unwrap().iter();
    items.map(|message| message["content"].as_str().unwrap().to_owned()).filter(|text| !text.is_empty()).collect()
}

story!(who_is_banned_is_out_and_stays_out_until_unbanned, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let bans = format!("/guilds/{guild}/bans");
    let mut hers = Socket::connect(&ada).await;
    let mut others = Socket::connect(&cy).await;

    let ban = ada.post(&bans, json!({"user_id": bob.id, "reason": "noise"})).await.expect(201);

    assert_eq!(
        (&ban["user"]["id"], &ban["reason"], &ban["actor_id"]),
        (&json!(bob.id), &json!("noise"), &json!(ada.id))
    );
    assert_eq!(hers.event("ban_added").await, ban);
    assert_eq!(others.event("member_left").await["user"]["id"], bob.id);
    others.nothing("ban_added").await;
    bob.post(&format!("/channels/{general}/messages"), json!({"content": "But"})).await.problem(404, "NOT_FOUND");
    assert_eq!(ada.get(&bans).await.expect(200)["items"], json!([ban]));
    let before = app.log_position().await;
    bob.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.problem(403, "BANNED");
    ada.post(&bans, json!({"user_id": bob.id})).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(app.log_position().await, before);

    ada.delete(&format!("{bans}/{}", bob.id)).await.expect(204);
    assert_eq!(hers.event("ban_removed").await["user"]["id"], bob.id);
    bob.join(&guild).await;
    // The target also stands in the body or in the query, for people who aren't members too.
    let [eve] = app.users(["eve"]).await;
    ada.post(&bans, json!({"user_id": eve.id})).await.expect(201);
    ada.delete_with(&bans, json!({"user_id": eve.id})).await.expect(204);
    ada.post(&bans, json!({"user_id": eve.id})).await.expect(201);
    ada.delete(&format!("{bans}?user_id={}", eve.id)).await.expect(204);
    assert_eq!(ada.delete(&bans).await.faults(), ["/user_id"]);
    ada.delete(&format!("{bans}/{}", eve.id)).await.problem(404, "NOT_FOUND");
    assert_eq!(actions(&ada, &guild).await[..2], ["ban_remove", "ban_add"]);
});

story!(only_those_below_are_banned_and_the_owner_never, |app| {
    let [ada, bob, cy, eve] = app.users(["ada", "bob", "cy", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let bans = format!("/guilds/{guild}/bans");
    bob.get(&bans).await.problem(403, "MISSING_PERMISSION");
    promote(&ada, &guild, &bob, &["BAN_MEMBERS"]).await;
    promote(&ada, &guild, &cy, &["ADMINISTRATOR"]).await;
    let before = app.log_position().await;
    let target = |user: &User| json!({"user_id": user.id});
    eve.get(&bans).await.problem(404, "NOT_FOUND");
    eve.post(&bans, target(&bob)).await.problem(404, "NOT_FOUND");
    bob.post(&bans, target(&cy)).await.problem(403, "ROLE_TOO_HIGH");
    bob.post(&bans, target(&bob)).await.problem(403, "FORBIDDEN");
    for user in [&ada, &bob, &cy] {
        user.post(&bans, target(&ada)).await.problem(403, "OWNER_PROTECTED");
    }
    bob.post(&bans, json!({"user_id": "1"})).await.problem(404, "NOT_FOUND");
    let wrong = json!({"user_id": eve.id, "delete_message_seconds": 604_801, "reason": "x".repeat(513), "days": 1});
    assert_eq!(bob.post(&bans, wrong).await.faults(), ["/days", "/delete_message_seconds", "/reason"]);
    let past = json!({"user_id": eve.id, "expires_at": "2025-01-01T00:00:00Z"});
    assert_eq!(bob.post(&bans, past).await.faults(), ["/expires_at"]);
    assert_eq!(app.log_position().await, before);
    bob.post(&bans, target(&eve)).await.expect(201);
    cy.post(&bans, target(&bob)).await.expect(201);
});

story!(a_ban_takes_what_was_said_lately_with_it, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    bob.say(&general, "long ago").await;
    app.advance(Duration::from_secs(800));
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        said.push(bob.say(&general, text).await["id"].clone());
        ada.say(&general, "hers").await;
    }
    let (other, elsewhere) = bob.guild("Elsewhere").await;
    bob.say(&elsewhere, "kept").await;
    let mut ears = Socket::connect(&ada).await;

    let ban = json!({"user_id": bob.id, "delete_message_seconds": 700});
    ada.post(&format!("/guilds/{guild}/bans"), ban).await.expect(201);

    let deleted = ears.event("messages_deleted").await;
    assert_eq!(deleted, json!({"ids": said, "channel_id": general, "guild_id": guild}));
    assert_eq!(contents(&ada, &general).await, ["hers", "hers", "hers", "long ago"]);
    ada.get(&format!("/messages/{}", said[0].as_str().unwrap())).await.problem(404, "NOT_FOUND");
    assert_eq!(contents(&bob, &elsewhere).await, ["kept"]);
    assert_eq!(rows(&app, &other, "messages_deleted").await, [Value::Null; 0]);
});

story!(many_are_banned_at_once_as_far_as_one_may, |app| {
    let [ada, bob, cy, dee, eve] = app.users(["ada", "bob", "cy", "dee", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &cy, &dee] {
        user.join(&guild).await;
    }
    promote(&ada, &guild, &bob, &["BAN_MEMBERS"]).await;
    let bulk = format!("/guilds/{guild}/bans/bulk");
    for user in [&cy, &dee] {
        user.say(&general, "raid").await;
    }
    cy.post(&bulk, json!({"user_ids": [dee.id]})).await.problem(403, "MISSING_PERMISSION");
    let many: Vec<String> = (1..=201).map(|id: i64| id.to_string()).collect();
    assert_eq!(bob.post(&bulk, json!({"user_ids": many})).await.faults(), ["/user_ids"]);
    assert_eq!(bob.post(&bulk, json!({"user_ids": []})).await.faults(), ["/user_ids"]);

    let wanted = json!({"user_ids": [cy.id, ada.id, dee.id, "1", eve.id, bob.id, cy.id], "reason": "raid",
        "delete_message_seconds": 600});
    let outcome = bob.post(&bulk, wanted.clone()).await.expect(200);

    let mut banned: Vec<&str> = outcome["banned"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    banned.sort_unstable();
    let mut expected = [cy.id.as_str(), &dee.id, &eve.id];
    expected.sort_unstable();
    assert_eq!(banned, expected);
    let failed = outcome["failed"].as_array().unwrap();
    for (user, code) in [(ada.id.as_str(), "OWNER_PROTECTED"), ("1", "NOT_FOUND"), (&bob.id, "FORBIDDEN")] {
        assert!(failed.contains(&json!({"user_id": user, "code": code})), "{user} {code}");
    }
    assert_eq!(contents(&ada, &general).await, [""; 0]);
    assert_eq!(rows(&app, &guild, "messages_deleted").await.len(), 1);
    let before = app.log_position().await;
    let again = bob.post(&bulk, wanted).await.expect(200);
    assert_eq!((&again["banned"], again["failed"].as_array().unwrap().len()), (&json!([]), 6));
    assert_eq!(app.log_position().await, before);
});

story!(a_ban_for_a_time_ends_by_itself, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let bans = format!("/guilds/{guild}/bans");
    let until = app.app.now().after(Duration::from_secs(600)).to_string();
    let ban = ada.post(&bans, json!({"user_id": bob.id, "expires_at": until})).await.expect(201);
    assert_eq!(ban["expires_at"], until);
    guildhall::guilds::sweep(&app.app).await.expect("a sweep");
    bob.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.problem(403, "BANNED");

    app.advance(Duration::from_secs(601));

    bob.join(&guild).await;
    assert_eq!(ada.get(&bans).await.expect(200)["items"], json!([]));
    ada.delete(&format!("{bans}/{}", bob.id)).await.problem(404, "NOT_FOUND");
    assert_eq!(rows(&app, &guild, "ban_removed").await.len(), 0);
    guildhall::guilds::sweep(&app.app).await.expect("a sweep");
    guildhall::guilds::sweep(&app.app).await.expect("a sweep");
    assert_eq!(rows(&app, &guild, "ban_removed").await[0]["user"]["id"], bob.id);
    let log = ada.get(&format!("/guilds/{guild}/audit-log?action=ban_remove")).await.expect(200);
    assert_eq!((log["items"].as_array().unwrap().len(), &log["items"][0]["actor_kind"]), (1, &json!("system")));
    // Banned anew before the sweep came: the new ban counts.
    let until = app.app.now().after(Duration::from_secs(60)).to_string();
    ada.post(&bans, json!({"user_id": bob.id, "expires_at": until})).await.expect(201);
    app.advance(Duration::from_secs(61));
    ada.post(&bans, json!({"user_id": bob.id})).await.expect(201);
    guildhall::guilds::sweep(&app.app).await.expect("a sweep");
    bob.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.problem(403, "BANNED");
});

story!(bans_are_listed_in_pages, |app| {
    let [ada, bob, cy, dee] = app.users(["ada", "bob", "cy", "dee"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let bans = format!("/guilds/{guild}/bans");
    for user in [&dee, &bob, &cy] {
        ada.post(&bans, json!({"user_id": user.id})).await.expect(201);
    }
    let first = ada.get(&format!("{bans}?limit=2")).await.expect(200);
    assert_eq!((&first["items"][1]["user"]["username"], &first["has_more"]), (&json!("cy"), &json!(true)));
    let next = ada.get(&format!("{bans}?limit=2&after={}", cy.id)).await.expect(200);
    assert_eq!((&next["items"][0]["user"]["username"], &next["has_more"]), (&json!("dee"), &json!(false)));
});

/// Several clients of one user send without pause until told to stop.
fn chatter(user: &User, channel: &str, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<u16>> {
    let task = |_| {
        let (user, stop) = (user.clone(), stop.clone());
        let path = format!("/channels/{channel}/messages");
        tokio::spawn(async move {
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                last = user.post(&path, json!({"content": "spam"})).await.status;
            }
            last
        })
    };
    (0..6).map(task).collect()
}

async fn rows_after_the_ban(app: &TestApp, guild: &str, user: &User) -> usize {
    let of_guild: Vec<_> = app.log().await.into_iter().filter(|entry| entry.stream.to_string() == guild).collect();
    let banned_at = of_guild
        .iter()
        .rposition(|entry| entry.kind == EventKind::BanAdded && body(entry)["user"]["id"] == user.id.as_str());
    let banned_at = banned_at.expect("a ban");
    let own = |id: Option<String>| id.as_deref() == Some(user.id.as_str());
    let spoken = of_guild.iter().filter(|entry| own(entry.actor.map(|actor| actor.to_string()))).count();
    assert!(spoken > 10, "the story needs somebody who talks, not {spoken} rows");
    of_guild[banned_at..].iter().filter(|entry| own(entry.actor.map(|actor| actor.to_string()))).count()
}

story!(no_row_of_a_user_stands_after_the_row_that_banned_them, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let bans = format!("/guilds/{guild}/bans");
    for round in 0..3 {
        bob.join(&guild).await;
        let stop = Arc::new(AtomicBool::new(false));
        let clients = chatter(&bob, &general, &stop);
        let spoken =
            || async { app.log().await.iter().filter(|entry| entry.kind == EventKind::MessageCreated).count() };
        let enough = spoken().await + 20;
        while spoken().await < enough {
            tokio::task::yield_now().await;
        }

        ada.post(&bans, json!({"user_id": bob.id, "delete_message_seconds": 3600})).await.expect(201);

        // What is on its way now must be refused, too.
        for _ in 0..10 {
            bob.post(&format!("/channels/{general}/messages"), json!({"content": "spam"}))
                .await
                .problem(404, "NOT_FOUND");
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            assert_eq!(client.await.expect("a client"), 404);
        }
        assert_eq!(rows_after_the_ban(&app, &guild, &bob).await, 0, "round {round}");
        assert_eq!(contents(&ada, &general).await, [""; 0], "round {round}");
        ada.delete(&format!("{bans}/{}", bob.id)).await.expect(204);
    }
});
