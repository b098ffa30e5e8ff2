//! Slow mode: who waits, how long, and who doesn't.

use std::time::Duration;

use crate::story;
use crate::support::json;

story!(whoever_has_spoken_waits_in_a_slow_channel, |app| {
    let ([ada, bob, cleo], _, general) = app.guild_of(["ada", "bob", "cleo"]).await;
    ada.patch(&format!("/channels/{general}"), json!({"slowmode_seconds": 600})).await.expect(200);
    let path = format!("/channels/{general}/messages");

    bob.say(&general, "first").await;
    let before = app.log_position().await;
    let early = bob.post(&path, json!({"content": "second"})).await;
    let wait: u64 = early.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((590..=600).contains(&wait), "{wait}");
    early.problem(429, "SLOWMODE");
    assert_eq!(app.log_position().await, before);

    cleo.say(&general, "everybody has a turn of their own").await;
    app.advance(Duration::from_secs(300));
    bob.post(&path, json!({"content": "second"})).await.problem(429, "SLOWMODE");
    app.advance(Duration::from_secs(301));
    bob.say(&general, "second").await;
    bob.post(&path, json!({"content": "third"})).await.problem(429, "SLOWMODE");
});

story!(a_message_that_was_sent_before_is_not_slowed, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    ada.patch(&format!("/channels/{general}"), json!({"slowmode_seconds": 60})).await.expect(200);
    let path = format!("/channels/{general}/messages");
    let said = json!({"content": "first", "nonce": "n1"});

    let first = bob.post(&path, said.clone()).await.expect(201);

    assert_eq!(bob.post(&path, said).await.expect(200)["id"], first["id"]);
});

story!(those_who_manage_messages_or_the_channel_do_not_wait, |app| {
    let [ada, bob, cleo] = app.users(["ada", "bob", "cleo"]).await;
    let (guild, general) = ada.guild("Engines").await;
    ada.patch(&format!("/channels/{general}"), json!({"slowmode_seconds": 600})).await.expect(200);
    for (somebody, permission) in [(&bob, "MANAGE_MESSAGES"), (&cleo, "MANAGE_CHANNELS")] {
        somebody.join(&guild).await;
        somebody.say(&general, "one").await;
        ada.except(&general, somebody, &[permission], &[]).await;
        for word in ["two", "three"] {
            somebody.say(&general, word).await;
        }
    }
});
