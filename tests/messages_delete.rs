//! Deleting: a message is gone, with all that hung on it; its place stays.

use guildhall::channels::Permissions;

use crate::messages_cast::{channel, direct, everyone_may, id, ids, quiet_guild, time_out};
use crate::story;
use crate::support::{Socket, TestApp, json};

/// How many rows tell of messages beside the messages themselves.
async fn hanging(app: &TestApp) -> [i64; 4] {
    let mut conn = app.app.db.read().await.expect("a connection");
    let mut counts = [0; 4];
    for (i, sql) in [
        "select count(*) from reactions",
        "select count(*) from pins",
        "select count(*) from mentions",
        "select count(*) from revisions",
    ]
    .into_iter()
    .enumerate()
    {
        (counts[i],) = conn.one::<(i64,)>(sql, &[]).await.expect("a count");
    }
    counts
}

story!(a_deleted_message_takes_all_with_it, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let earlier = ada.say(&general, "before").await;
    let said = bob.say(&general, &format!("<@{}>", ada.id)).await;
    let path = format!("/messages/{}", id(&said));
    bob.patch(&path, json!({"content": format!("<@{}>!", ada.id)})).await.expect(200);
    ada.post(&format!("{path}/reactions"), json!({"emoji": "👀"})).await.expect(201);
    ada.post(&format!("/channels/{general}/pins"), json!({"message_id": said["id"]})).await.expect(201);
    assert_eq!(hanging(&app).await, [1, 1, 1, 1]);
    let mut ears = Socket::connect(&ada).await;

    bob.delete(&path).await.expect(204);

    let event = ears.event("message_deleted").await;
    assert_eq!(event, json!({"id": said["id"], "channel_id": general, "guild_id": guild}));
    assert_eq!(hanging(&app).await, [0, 0, 0, 0]);
    let before = app.log_position().await;
    for gone in [ada.get(&path).await, bob.delete(&path).await, bob.patch(&path, json!({"content": "back"})).await] {
        gone.problem(404, "NOT_FOUND");
    }
    ada.get(&format!("{path}/revisions")).await.problem(404, "NOT_FOUND");
    ada.post(&format!("{path}/reactions"), json!({"emoji": "👀"})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
    let anchored = ada.get(&format!("/channels/{general}/messages?before={}", id(&said))).await.expect(200);
    assert_eq!(ids(&anchored), [id(&earlier)], "a tombstone keeps its place");
});

story!(messages_of_others_are_for_those_who_manage_messages, |app| {
    let [ada, bob, cem, eve] = app.users(["ada", "bob", "cem", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    cem.join(&guild).await;
    let path = format!("/messages/{}", id(&bob.say(&general, "mine").await));
    let before = app.log_position().await;

    cem.delete(&path).await.problem(403, "MISSING_PERMISSION");
    eve.delete(&path).await.problem(404, "NOT_FOUND");
    app.nobody().delete(&path).await.problem(401, "UNAUTHENTICATED");
    assert_eq!(app.log_position().await, before);

    everyone_may(&ada, &guild, Permissions::VIEW_CHANNEL | Permissions::MANAGE_MESSAGES).await;
    cem.delete(&path).await.expect(204);
});

story!(whoever_is_silenced_may_still_take_back_what_they_said, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let path = format!("/messages/{}", id(&bob.say(&general, "oh").await));
    time_out(&ada, &guild, &bob).await;

    bob.delete(&path).await.expect(204);
});

story!(nobody_deletes_the_other_ones_letters, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let private = direct(&ada, &bob).await;
    let letter = id(&bob.say(&private, "dear ada").await);

    ada.delete(&format!("/messages/{letter}")).await.problem(403, "MISSING_PERMISSION");
    ada.post(&format!("/channels/{private}/messages/bulk-delete"), json!({"ids": [letter]}))
        .await
        .problem(403, "MISSING_PERMISSION");
    bob.delete(&format!("/messages/{letter}")).await.expect(204);
});

story!(many_messages_go_at_once_with_one_event, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let other = channel(&ada, &guild).await;
    let mut said = Vec::new();
    for i in 0..100 {
        said.push(id(&bob.say(&general, &format!("{i} <@{}> @everyone", ada.id)).await));
    }
    let elsewhere = id(&bob.say(&other, "not meant").await);
    for message in [&said[3], &said[70]] {
        ada.post(&format!("/messages/{message}/reactions"), json!({"emoji": "💥"})).await.expect(201);
        ada.post(&format!("/channels/{general}/pins"), json!({"message_id": message})).await.expect(201);
        bob.patch(&format!("/messages/{message}"), json!({"content": "changed"})).await.expect(200);
    }
    ada.delete(&format!("/messages/{}", said[0])).await.expect(204);
    let path = format!("/channels/{general}/messages/bulk-delete");
    let mut ears = Socket::connect(&bob).await;
    let before = app.log_position().await;

    let mut asked: Vec<_> = said.iter().rev().take(98).cloned().collect();
    asked.extend([elsewhere.clone(), said[0].clone()]);
    let answer = ada.post(&path, json!({"ids": asked})).await.expect(200);

    assert_eq!(answer["deleted"], json!(said[2..]), "the oldest first, others passed over");
    assert_eq!(app.log_position().await, before + 1);
    let event = ears.event("messages_deleted").await;
    assert_eq!(event, json!({"ids": said[2..], "channel_id": general, "guild_id": guild}));
    assert_eq!(hanging(&app).await, [0, 0, 1, 0]);
    let left = ada.get(&format!("/channels/{general}/messages")).await.expect(200);
    let kinds: Vec<_> = left["items"].as_array().expect("items").iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["pin", "pin", "default"]);
    ada.get(&format!("/messages/{elsewhere}")).await.expect(200);

    let before = app.log_position().await;
    assert_eq!(ada.post(&path, json!({"ids": asked})).await.expect(200), json!({"deleted": []}));
    assert_eq!(ada.post(&path, json!({"ids": []})).await.faults(), ["/ids"]);
    assert_eq!(ada.post(&path, json!({"ids": vec!["1"; 101]})).await.faults(), ["/ids"]);
    assert_eq!(ada.post(&path, json!({"ids": ["x"]})).await.faults(), ["/ids/0"]);
    bob.post(&path, json!({"ids": asked})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);
});

story!(what_was_done_to_others_is_told_in_the_audit_log, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let ada = ada.with_header("x-audit-log-reason", "house rules");
    let mut said = Vec::new();
    for i in 0..4 {
        said.push(id(&bob.say(&general, &i.to_string()).await));
    }
    bob.post(&format!("/messages/{}/reactions", said[0]), json!({"emoji": "👎"})).await.expect(201);

    bob.delete(&format!("/messages/{}", said[3])).await.expect(204);
    let target = json!({"emoji": "👎", "user_id": bob.id});
    ada.delete_with(&format!("/messages/{}/reactions", said[0]), target).await.expect(200);
    ada.post(&format!("/channels/{general}/pins"), json!({"message_id": said[0]})).await.expect(201);
    ada.delete(&format!("/channels/{general}/pins/{}", said[0])).await.expect(204);
    ada.delete(&format!("/messages/{}", said[0])).await.expect(204);
    ada.post(&format!("/channels/{general}/messages/bulk-delete"), json!({"ids": said})).await.expect(200);

    let log = ada.get(&format!("/guilds/{guild}/audit-log?limit=5")).await.expect(200);
    let entries = log["items"].as_array().expect("entries");
    let told: Vec<_> = entries.iter().map(|one| (one["action"].as_str(), one["target_id"].as_str())).collect();
    let message = Some(said[0].as_str());
    let expected = [
        (Some("messages_bulk_delete"), Some(general.as_str())),
        (Some("message_delete"), message),
        (Some("message_unpin"), message),
        (Some("message_pin"), message),
        (Some("reaction_remove"), message),
    ];
    assert_eq!(told, expected, "and nothing of what bob did to his own");
    assert!(entries.iter().all(|one| one["reason"] == "house rules" && one["actor_id"] == *ada.id));
});
