//! Reactions: one picture for a message, from each person once.

use guildhall::channels::Permissions;

use crate::messages_cast::{block, direct, emoji, everyone_may, id, quiet_guild, time_out};
use crate::story;
use crate::support::{Socket, Value, json};

fn count(answer: &Value, emoji: &str) -> (i64, bool) {
    let counts = answer["reactions"].as_array().expect("counts").iter();
    let found = counts.into_iter().find(|one| one["emoji"] == emoji);
    found.map_or((0, false), |one| (one["count"].as_i64().unwrap_or(-1), one["me"] == true))
}

story!(reactions_are_counted_and_told, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let said = ada.say(&general, "lunch?").await;
    let path = format!("/messages/{}/reactions", id(&said));
    let mut ears = Socket::connect(&ada).await;

    let first = ada.post(&path, json!({"emoji": "🍕"})).await.expect(201);
    assert_eq!(first, json!({"message_id": said["id"], "reactions": [{"emoji": "🍕", "count": 1, "me": true}]}));
    let added =
        json!({"message_id": said["id"], "channel_id": general, "guild_id": guild, "user_id": ada.id, "emoji": "🍕"});
    assert_eq!(ears.event("reaction_added").await, added);
    let before = app.log_position().await;
    assert_eq!(ada.post(&path, json!({"emoji": "🍕"})).await.expect(200), first);
    assert_eq!(app.log_position().await, before);

    assert_eq!(count(&bob.post(&path, json!({"emoji": "🍕"})).await.expect(201), "🍕"), (2, true));
    bob.post(&path, json!({"emoji": "🍜"})).await.expect(201);
    let read = ada.get(&format!("/channels/{general}/messages")).await.expect(200);
    assert_eq!((count(&read["items"][0], "🍕"), count(&read["items"][0], "🍜")), ((2, true), (1, false)));

    let left = ada.delete(&format!("{path}?emoji=%F0%9F%8D%95")).await.expect(200);
    assert_eq!((count(&left, "🍕"), count(&left, "🍜")), ((1, false), (1, false)));
    assert_eq!(ears.event("reaction_removed").await, added);
    let left = bob.delete_with(&path, json!({"emoji": "🍜"})).await.expect(200);
    assert_eq!(left["reactions"], json!([{"emoji": "🍕", "count": 1, "me": true}]));
    bob.delete_with(&path, json!({"emoji": "🍜"})).await.problem(404, "NOT_FOUND");
});

story!(an_emoji_is_one_emoji, |app| {
    let [ada] = app.users(["ada"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let path = format!("/messages/{}/reactions", id(&ada.say(&general, "hm").await));
    let party = emoji(&ada, &guild, "party").await;
    let (_, number) = party.split_once(':').expect("a name and an id");
    let before = app.log_position().await;

    for bad in ["", "a", "👍👍", "👍 ", ":party:", "party:x"] {
        assert_eq!(ada.post(&path, json!({"emoji": bad})).await.faults(), ["/emoji"], "{bad:?}");
    }
    for unknown in ["party:5".to_owned(), format!("other:{number}")] {
        assert_eq!(ada.post(&path, json!({"emoji": unknown})).await.faults(), ["/emoji"], "{unknown:?}");
    }
    assert_eq!(ada.post(&path, json!({})).await.faults(), ["/emoji"]);
    assert_eq!(ada.delete(&path).await.faults(), ["/emoji"]);
    let contrary = ada.delete_with(&format!("{path}?emoji={party}"), json!({"emoji": "👍"})).await;
    assert_eq!(contrary.faults(), ["/emoji"]);
    ada.get(&path).await.problem(400, "INVALID_QUERY");
    ada.get(&format!("{path}?emoji=a")).await.problem(400, "INVALID_QUERY");
    assert_eq!(app.log_position().await, before);

    assert_eq!(count(&ada.post(&path, json!({"emoji": party})).await.expect(201), &party), (1, true));
    ada.post(&path, json!({"emoji": "\u{2764}"})).await.expect(201);
    let heart = ada.post(&path, json!({"emoji": "\u{2764}\u{fe0f}"})).await.expect(200);
    assert_eq!(count(&heart, "\u{2764}\u{fe0f}"), (1, true), "the same heart, however it is spelt");
});

story!(twenty_kinds_are_enough_but_each_may_be_joined, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let path = format!("/messages/{}/reactions", id(&ada.say(&general, "zoo").await));
    let animals = "🐵🐶🐺🦊🦝🐱🦁🐯🐴🦄🦓🦌🐮🐷🐗🐭🐹🐰🐻🐨🐼";
    let animals: Vec<String> = animals.chars().map(String::from).collect();
    for animal in &animals[..20] {
        ada.post(&path, json!({"emoji": animal})).await.expect(201);
    }
    let before = app.log_position().await;
    bob.post(&path, json!({"emoji": animals[20]})).await.problem(409, "LIMIT_REACHED");
    assert_eq!(app.log_position().await, before);
    let joined = bob.post(&path, json!({"emoji": animals[19]})).await.expect(201);
    assert_eq!(count(&joined, &animals[19]), (2, true));
    ada.delete_with(&path, json!({"emoji": animals[0]})).await.expect(200);
    bob.post(&path, json!({"emoji": animals[20]})).await.expect(201);
});

story!(many_react_at_once_and_each_counts_once, |app| {
    let [ada] = app.users(["ada"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let said = id(&ada.say(&general, "go").await);
    let path = format!("/messages/{said}/reactions");
    let crowd = app.users(["b0", "b1", "b2", "b3", "b4", "b5"]).await;
    for one in &crowd {
        one.join(&guild).await;
    }
    let animals: Vec<String> = "🐵🐶🐺🦊🦝🐱🦁🐯🐴🦄🦓🦌🐮🐷🐗🐭🐹🐰🐻🐨🐼🐸🐍🐢".chars().map(String::from).collect();

    let mut under_way = Vec::new();
    for one in &crowd {
        for animal in animals.iter().chain(&animals) {
            let (one, path, animal) = (one.clone(), path.clone(), animal.clone());
            under_way.push(tokio::spawn(async move { one.post(&path, json!({"emoji": animal})).await.status }));
        }
    }
    let (mut new, mut known, mut full) = (0, 0, 0);
    for answer in under_way {
        match answer.await.expect("an answer") {
            201 => new += 1,
            200 => known += 1,
            409 => full += 1,
            other => panic!("{other}"),
        }
    }

    assert_eq!((new, known, full), (6 * 20, 6 * 20, 6 * 8), "twenty kinds of twenty-four, each from each once");
    let message = ada.get(&format!("/messages/{said}")).await.expect(200);
    let counts = message["reactions"].as_array().expect("counts");
    assert_eq!(counts.len(), 20);
    assert!(counts.iter().all(|one| one["count"] == 6), "{counts:?}");
    let told = app.log().await.iter().filter(|entry| entry.kind.as_str() == "reaction_added").count();
    assert_eq!(told, 6 * 20);
});

story!(who_may_begin_a_reaction_and_who_may_join, |app| {
    let [ada, bob, cem, eve] = app.users(["ada", "bob", "cem", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    cem.join(&guild).await;
    let path = format!("/messages/{}/reactions", id(&ada.say(&general, "vote").await));
    ada.post(&path, json!({"emoji": "👍"})).await.expect(201);
    everyone_may(&ada, &guild, Permissions::VIEW_CHANNEL | Permissions::READ_HISTORY).await;
    time_out(&ada, &guild, &cem).await;
    let before = app.log_position().await;

    let problem = bob.post(&path, json!({"emoji": "👎"})).await.problem(403, "MISSING_PERMISSION");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("ADD_REACTIONS")), "{problem}");
    cem.post(&path, json!({"emoji": "👍"})).await.problem(403, "TIMED_OUT");
    eve.post(&path, json!({"emoji": "👍"})).await.problem(404, "NOT_FOUND");
    eve.delete_with(&path, json!({"emoji": "👍"})).await.problem(404, "NOT_FOUND");
    eve.get(&format!("{path}?emoji=👍")).await.problem(404, "NOT_FOUND");
    app.nobody().post(&path, json!({"emoji": "👍"})).await.problem(401, "UNAUTHENTICATED");
    bob.delete_with(&path, json!({"emoji": "👍", "user_id": ada.id})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);

    bob.post(&path, json!({"emoji": "👍"})).await.expect(201);
    let left = ada.delete(&format!("{path}?emoji=👍&user_id={}", bob.id)).await.expect(200);
    assert_eq!(count(&left, "👍"), (1, true));
    everyone_may(&ada, &guild, Permissions::VIEW_CHANNEL).await;
    bob.post(&path, json!({"emoji": "👍"})).await.problem(403, "MISSING_PERMISSION");
    bob.get(&format!("{path}?emoji=👍")).await.problem(403, "MISSING_PERMISSION");
});

story!(who_reacted_can_be_read_in_pages, |app| {
    let [ada, bob, cem] = app.users(["ada", "bob", "cem"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let path = format!("/messages/{}/reactions", id(&ada.say(&general, "hi").await));
    for one in [&bob, &cem] {
        one.join(&guild).await;
        one.post(&path, json!({"emoji": "👋"})).await.expect(201);
    }
    ada.post(&path, json!({"emoji": "👋"})).await.expect(201);
    let mut everybody = vec![ada.id.clone(), bob.id.clone(), cem.id.clone()];
    everybody.sort_by_key(|id| id.parse::<i64>().unwrap_or_default());

    let mut seen = Vec::new();
    let mut more = true;
    while more {
        let after = seen.last().map(|last| format!("&after={last}")).unwrap_or_default();
        let page = bob.get(&format!("{path}?emoji=👋&limit=1{after}")).await.expect(200);
        seen.push(page["items"][0]["user"]["id"].as_str().expect("an id").to_owned());
        more = page["has_more"] == true;
    }
    assert_eq!(seen, everybody);
    assert_eq!(bob.get(&format!("{path}?emoji=👀")).await.expect(200), json!({"items": [], "has_more": false}));
    bob.get(&format!("{path}?emoji=👋&limit=101")).await.problem(400, "INVALID_QUERY");
});

story!(the_blocked_do_not_react_in_private, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let private = direct(&ada, &bob).await;
    let path = format!("/messages/{}/reactions", id(&ada.say(&private, "well").await));
    bob.post(&path, json!({"emoji": "🙂"})).await.expect(201);
    block(&ada, &bob).await;
    let before = app.log_position().await;

    bob.post(&path, json!({"emoji": "😡"})).await.problem(403, "BLOCKED");
    assert_eq!(app.log_position().await, before);
    bob.delete_with(&path, json!({"emoji": "🙂"})).await.expect(200);
});
