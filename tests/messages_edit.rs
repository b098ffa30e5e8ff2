//! Editing: a message says something else, and those who may can read what it said.

use guildhall::channels::Permissions;

use crate::messages_cast::{block, direct, everyone_may, id, quiet_guild, time_out};
use crate::story;
use crate::support::{Socket, json};

story!(an_edit_reaches_all_and_keeps_what_was_said, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let first = bob.say(&general, "helo").await;
    let path = format!("/messages/{}", id(&first));
    ada.post(&format!("{path}/reactions"), json!({"emoji": "👍"})).await.expect(201);
    let mut ears = Socket::connect(&ada).await;

    let second = bob.patch(&path, json!({"content": "hello"})).await.expect(200);
    let third = bob.patch(&path, json!({"content": "hello!"})).await.expect(200);

    assert_eq!(second["content"], "hello");
    assert_eq!((&third["id"], &third["created_at"]), (&first["id"], &first["created_at"]));
    assert!(third["edited_at"].is_string());
    assert_eq!(ears.event("message_updated").await, second);
    assert_eq!(ears.event("message_updated").await, third);
    assert_eq!(bob.get(&path).await.expect(200), third);
    assert_eq!(third["reactions"], json!([{"emoji": "👍", "count": 1, "me": false}]));

    for reader in [&ada, &bob] {
        let revisions = reader.get(&format!("{path}/revisions")).await.expect(200);
        assert_eq!(revisions["has_more"], false);
        let items = revisions["items"].as_array().expect("revisions");
        let said: Vec<_> = items.iter().map(|one| (&one["content"], &one["written_at"], &one["revision"])).collect();
        assert_eq!(
            said,
            [(&json!("hello"), &second["edited_at"], &json!(2)), (&json!("helo"), &first["created_at"], &json!(1))]
        );
    }
    let newest = bob.get(&format!("{path}/revisions?limit=1")).await.expect(200);
    assert_eq!((newest["items"][0]["revision"].as_i64(), newest["has_more"].as_bool()), (Some(2), Some(true)));
    let older = bob.get(&format!("{path}/revisions?before=2")).await.expect(200);
    assert_eq!((older["items"][0]["revision"].as_i64(), older["has_more"].as_bool()), (Some(1), Some(false)));
    bob.get(&format!("{path}/revisions?after=1")).await.problem(400, "INVALID_QUERY");
});

story!(the_same_text_again_changes_nothing, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = quiet_guild(&ada, "Engines").await;
    let said = ada.say(&general, "as it is").await;
    let before = app.log_position().await;

    let same = ada.patch(&format!("/messages/{}", id(&said)), json!({"content": "as it is"})).await.expect(200);

    assert_eq!(same, said);
    assert_eq!(app.log_position().await, before);
});

story!(an_edit_mentions_anew, |app| {
    let [ada, bob, cem] = app.users(["ada", "bob", "cem"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    cem.join(&guild).await;
    let said = ada.say(&general, &format!("<@{}>", bob.id)).await;

    let content = format!("<@{}> @everyone", cem.id);
    let body = json!({"content": content, "allowed_mentions": {"everyone": false}});
    let edited = ada.patch(&format!("/messages/{}", id(&said)), body).await.expect(200);

    assert_eq!((&edited["mentions"], &edited["mention_everyone"]), (&json!([cem.id]), &json!(false)));
    for (reader, mentions) in [(&bob, 0), (&cem, 1)] {
        let states = reader.get("/users/@me/read-states").await.expect(200);
        assert_eq!(states["items"][0]["mention_count"], mentions, "{}", reader.name);
        assert_eq!(states["items"][0]["unread_count"], 1);
    }
});

story!(nobody_edits_what_others_said, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let path = format!("/messages/{}", id(&bob.say(&general, "mine").await));
    let other = json!({"content": "yours"});
    let before = app.log_position().await;

    ada.patch(&path, other.clone()).await.problem(403, "FORBIDDEN");
    eve.patch(&path, other.clone()).await.problem(404, "NOT_FOUND");
    app.nobody().patch(&path, other.clone()).await.problem(401, "UNAUTHENTICATED");
    bob.patch("/messages/99", other.clone()).await.problem(404, "NOT_FOUND");
    assert_eq!(bob.patch(&path, json!({"content": " "})).await.faults(), ["/content"]);
    assert_eq!(
        bob.patch(&path, json!({"content": "a".repeat(4_001), "kind": 1})).await.faults(),
        ["/content", "/kind"]
    );
    assert_eq!(bob.patch(&path, json!({})).await.faults(), ["/content"]);
    eve.get(&format!("{path}/revisions")).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
});

story!(revisions_are_for_the_author_and_those_who_manage_messages, |app| {
    let [ada, bob, cem] = app.users(["ada", "bob", "cem"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    cem.join(&guild).await;
    let path = format!("/messages/{}", id(&bob.say(&general, "one").await));
    bob.patch(&path, json!({"content": "two"})).await.expect(200);

    cem.get(&format!("{path}/revisions")).await.problem(403, "MISSING_PERMISSION");
    everyone_may(&ada, &guild, Permissions::VIEW_CHANNEL | Permissions::MANAGE_MESSAGES).await;
    let seen = cem.get(&format!("{path}/revisions")).await.expect(200);

    assert_eq!(seen["items"][0]["content"], "one");
});

story!(whoever_may_not_speak_any_more_may_not_edit, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let private = direct(&ada, &bob).await;
    let public = id(&bob.say(&general, "then").await);
    let letter = id(&bob.say(&private, "then").await);
    time_out(&ada, &guild, &bob).await;
    block(&ada, &bob).await;
    let before = app.log_position().await;

    bob.patch(&format!("/messages/{public}"), json!({"content": "now"})).await.problem(403, "TIMED_OUT");
    bob.patch(&format!("/messages/{letter}"), json!({"content": "now"})).await.problem(403, "BLOCKED");

    assert_eq!(app.log_position().await, before);
});
