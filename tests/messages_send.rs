//! Sending: what a message may say, whom it reaches, and that a repeat is the same message.

use std::time::Duration;

use guildhall::channels::Permissions;

use crate::messages_cast::{block, channel, direct, everyone_may, id, ids, quiet_guild, role, time_out};
use crate::story;
use crate::support::{PASSWORD, Socket, json};

story!(a_message_says_something_and_not_too_much, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = quiet_guild(&ada, "Engines").await;
    let path = format!("/channels/{general}/messages");
    let before = app.log_position().await;

    let many = |count: usize| vec!["1"; count];
    for (body, pointers) in [
        (json!({"content": ""}), vec!["/content"]),
        (json!({"content": " \n\t\u{3000}"}), vec!["/content"]),
        (json!({"content": "é".repeat(4_001)}), vec!["/content"]),
        (json!({"content": 7, "nonce": "", "colour": "red"}), vec!["/colour", "/content", "/nonce"]),
        (json!({"content": "a", "nonce": "n".repeat(65)}), vec!["/nonce"]),
        (json!({"content": "a", "reply_to": many(6)}), vec!["/reply_to"]),
        (json!({"content": "a", "attachments": many(11)}), vec!["/attachments"]),
        (
            json!({"content": "a", "allowed_mentions": {"users": many(51), "roles": many(21)}}),
            vec!["/allowed_mentions/roles", "/allowed_mentions/users"],
        ),
        (json!({"content": "a", "reply_to": ["01"]}), vec!["/reply_to/0"]),
    ] {
        assert_eq!(ada.post(&path, body.clone()).await.faults(), pointers, "{body}");
    }
    assert_eq!(app.log_position().await, before);

    let longest = "é".repeat(4_000);
    assert_eq!(ada.say(&general, &longest).await["content"], longest);
});

story!(answers_are_to_messages_of_the_same_channel, |app| {
    let [ada, eve] = app.users(["ada", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let (_, elsewhere) = quiet_guild(&eve, "Shadows").await;
    let other = channel(&ada, &guild).await;
    let path = format!("/channels/{general}/messages");
    let mut said = Vec::new();
    for i in 0..5 {
        said.push(id(&ada.say(&general, &format!("point {i}")).await));
    }
    let here = ada.say(&other, "in the same guild").await;
    let there = eve.say(&elsewhere, "far away").await;
    let gone = id(&ada.say(&general, "never mind").await);
    ada.delete(&format!("/messages/{gone}")).await.expect(204);
    let before = app.log_position().await;

    for foreign in [id(&here), id(&there), gone, "123".to_owned()] {
        let faults = ada.post(&path, json!({"content": "?", "reply_to": [said[0], foreign]})).await.faults();
        assert_eq!(faults, ["/reply_to/1"]);
    }
    let with_file = ada.post(&path, json!({"content": "?", "attachments": ["5"]})).await;
    assert_eq!(with_file.faults(), ["/attachments/0"]);
    assert_eq!(app.log_position().await, before);

    said.reverse();
    let answer = ada.post(&path, json!({"content": "to all of it", "reply_to": said})).await.expect(201);
    assert_eq!(answer["reply_to"], json!(said));
    assert_eq!(ada.get(&format!("/messages/{}", id(&answer))).await.expect(200), answer);
});

story!(only_those_who_are_there_and_may_be_named_are_mentioned, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let crew = role(&ada, &guild, true, &[&bob]).await;
    let council = role(&ada, &guild, false, &[&ada]).await;
    let path = format!("/channels/{general}/messages");
    let text = format!("<@{}> <@{}> <@{}> <@&{crew}> <@&{council}> <@&77> @everyone", bob.id, eve.id, bob.id);

    let owners = ada.say(&general, &text).await;
    assert_eq!(owners["mentions"], json!([bob.id]), "eve isn't a member");
    assert_eq!(owners["mention_roles"], json!([crew, council]));
    assert_eq!(owners["mention_everyone"], true);

    let members = bob.say(&general, &text).await;
    assert_eq!(members["mention_roles"], json!([crew]), "the council may not be called by everybody");
    assert_eq!(members["mention_everyone"], false);
    assert_eq!(members["content"], text, "what doesn't count stays text");

    for (allowed, users, roles, everyone) in [
        (json!({}), json!([bob.id]), json!([crew, council]), false),
        (json!({"users": [], "everyone": true}), json!([]), json!([crew, council]), true),
        (json!({"users": [bob.id], "roles": [council]}), json!([bob.id]), json!([council]), false),
        (json!({"users": [eve.id], "roles": []}), json!([]), json!([]), false),
    ] {
        let body = json!({"content": text, "allowed_mentions": allowed});
        let sent = ada.post(&path, body).await.expect(201);
        assert_eq!((&sent["mentions"], &sent["mention_roles"]), (&users, &roles), "{allowed}");
        assert_eq!(sent["mention_everyone"], everyone, "{allowed}");
    }
});

story!(the_same_nonce_is_the_same_message_for_a_day, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let other = channel(&ada, &guild).await;
    bob.join(&guild).await;
    let path = format!("/channels/{general}/messages");
    let first = ada.post(&path, json!({"content": "once", "nonce": "a"})).await.expect(201);
    let before = app.log_position().await;

    let again = ada.post(&path, json!({"content": "once", "nonce": "a"})).await.expect(200);
    assert_eq!(again, first);
    assert_eq!(app.log_position().await, before);

    for (sender, place) in [(&bob, &general), (&ada, &other)] {
        let path = format!("/channels/{place}/messages");
        let independent = sender.post(&path, json!({"content": "mine", "nonce": "a"})).await.expect(201);
        assert_ne!(independent["id"], first["id"]);
    }
    app.advance(Duration::from_secs(24 * 3600 - 60));
    let ada = app.nobody().login("ada", PASSWORD).await;
    assert_eq!(ada.post(&path, json!({"content": "once", "nonce": "a"})).await.expect(200), first);
    app.advance(Duration::from_secs(61));
    let second = ada.post(&path, json!({"content": "anew", "nonce": "a"})).await.expect(201);
    assert_ne!(second["id"], first["id"]);
    assert_eq!(ada.post(&path, json!({"content": "anew", "nonce": "a"})).await.expect(200), second);
    assert_eq!(ada.get(&format!("/messages/{}", id(&first))).await.expect(200)["content"], "once");
});

story!(repeats_at_the_same_moment_wait_for_the_first, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = quiet_guild(&ada, "Engines").await;
    let path = format!("/channels/{general}/messages");
    for round in 0..5 {
        let sends = (0..20).map(|_| {
            let (ada, path) = (ada.clone(), path.clone());
            tokio::spawn(async move { ada.post(&path, json!({"content": "me!", "nonce": format!("r{round}")})).await })
        });
        let mut answers = Vec::new();
        for send in sends.collect::<Vec<_>>() {
            answers.push(send.await.expect("an answer"));
        }
        let created = answers.iter().filter(|answer| answer.status == 201).count();
        let repeated = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!((created, repeated), (1, 19));
        assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    }
    assert_eq!(ids(&ada.get(&path).await.expect(200)).len(), 5);
});

story!(whoever_may_not_read_back_still_gets_their_own_message_again, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    everyone_may(&ada, &guild, Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES).await;
    let path = format!("/channels/{general}/messages");

    let first = bob.post(&path, json!({"content": "into the box", "nonce": "b"})).await.expect(201);

    assert_eq!(bob.post(&path, json!({"content": "into the box", "nonce": "b"})).await.expect(200), first);
    bob.get(&path).await.problem(403, "MISSING_PERMISSION");
    bob.get(&format!("/messages/{}", id(&first))).await.problem(403, "MISSING_PERMISSION");
});

story!(whoever_may_not_speak_is_refused_and_nothing_is_written, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let private = direct(&ada, &bob).await;
    let path = format!("/channels/{general}/messages");
    let hello = json!({"content": "hello"});
    bob.post(&format!("/channels/{private}/messages"), hello.clone()).await.expect(201);
    time_out(&ada, &guild, &bob).await;
    block(&ada, &bob).await;
    let before = app.log_position().await;

    app.nobody().post(&path, hello.clone()).await.problem(401, "UNAUTHENTICATED");
    eve.post(&path, hello.clone()).await.problem(404, "NOT_FOUND");
    bob.post(&path, hello.clone()).await.problem(403, "TIMED_OUT");
    eve.post(&format!("/channels/{private}/messages"), hello.clone()).await.problem(404, "NOT_FOUND");
    for one in [&ada, &bob] {
        one.post(&format!("/channels/{private}/messages"), hello.clone()).await.problem(403, "BLOCKED");
    }
    assert_eq!(app.log_position().await, before);

    everyone_may(&ada, &guild, Permissions::VIEW_CHANNEL).await;
    app.advance(Duration::from_secs(3_601));
    let bob = app.nobody().login("bob", PASSWORD).await;
    let problem = bob.post(&path, hello).await.problem(403, "MISSING_PERMISSION");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("SEND_MESSAGES")), "{problem}");
});

story!(people_in_a_private_conversation_mention_only_each_other, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let private = direct(&ada, &bob).await;
    let mut ears = Socket::connect(&bob).await;

    let sent = ada.say(&private, &format!("<@{}> <@{}> @everyone", bob.id, eve.id)).await;

    assert_eq!(sent["mentions"], json!([bob.id]));
    assert_eq!(sent["mention_everyone"], false);
    assert_eq!(sent.get("guild_id"), None);
    assert_eq!(ears.event("message_created").await, sent);
});
