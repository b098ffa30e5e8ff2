//! Pins: what a channel keeps at hand.

use guildhall::channels::Permissions;

use crate::messages_cast::{channel, direct, everyone_may, id, number, quiet_guild, time_out};
use crate::story;
use crate::support::{Socket, json};

story!(a_pin_keeps_a_message_at_hand, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let said = bob.say(&general, "the rules").await;
    let path = format!("/channels/{general}/pins");
    let mut ears = Socket::connect(&bob).await;

    let pin = ada.post(&path, json!({"message_id": said["id"]})).await.expect(201);

    assert_eq!((&pin["message_id"], &pin["pinned_by"]), (&said["id"], &json!(ada.id)));
    assert_eq!((&pin["message"]["pinned"], &pin["message"]["content"]), (&json!(true), &said["content"]));
    assert_eq!(ears.event("pin_added").await, pin);
    let told = ears.event("message_created").await;
    assert_eq!((&told["kind"], &told["reply_to"]), (&json!("pin"), &json!([said["id"]])));
    assert_eq!(told["author"]["id"], ada.id);
    let before = app.log_position().await;
    assert_eq!(ada.post(&path, json!({"message_id": said["id"]})).await.expect(200), pin);
    assert_eq!(app.log_position().await, before);
    assert_eq!(bob.get(&path).await.expect(200), json!({"items": [pin], "has_more": false}));
    assert_eq!(bob.get(&format!("/messages/{}", id(&said))).await.expect(200)["pinned"], true);

    ada.delete(&format!("{path}?message_id={}", id(&said))).await.expect(204);
    let removed = json!({"channel_id": general, "guild_id": guild, "message_id": said["id"]});
    assert_eq!(ears.event("pin_removed").await, removed);
    ada.delete(&format!("{path}?message_id={}", id(&said))).await.problem(404, "NOT_FOUND");
    assert_eq!(bob.get(&format!("/messages/{}", id(&said))).await.expect(200)["pinned"], false);
});

story!(a_pin_is_taken_off_by_body_query_or_path, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = quiet_guild(&ada, "Engines").await;
    let said = id(&ada.say(&general, "a").await);
    let path = format!("/channels/{general}/pins");
    for way in 0..3 {
        ada.post(&path, json!({"message_id": said})).await.expect(201);
        match way {
            0 => ada.delete_with(&path, json!({"message_id": said})).await.expect(204),
            1 => ada.delete(&format!("{path}?message_id={said}")).await.expect(204),
            _ => ada.delete(&format!("{path}/{said}")).await.expect(204),
        };
    }
    assert_eq!(ada.delete(&path).await.faults(), ["/message_id"]);
    let contrary = ada.delete_with(&format!("{path}?message_id={said}"), json!({"message_id": "5"})).await;
    assert_eq!(contrary.faults(), ["/message_id"]);
    ada.delete(&format!("{path}?message_id=05")).await.problem(400, "INVALID_QUERY");
});

story!(pins_are_listed_newest_first_and_are_not_too_many, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = quiet_guild(&ada, "Engines").await;
    let path = format!("/channels/{general}/pins");
    let mut said = Vec::new();
    for i in 0..251 {
        said.push(id(&ada.say(&general, &i.to_string()).await));
    }
    let mut pinned = Vec::new();
    for message in said[..250].iter().rev() {
        let pin = ada.post(&path, json!({"message_id": message})).await.expect(201);
        let at = pin["pinned_at"].as_str().expect("a time").to_owned();
        pinned.push((at, number(message)));
    }
    let before = app.log_position().await;
    ada.post(&path, json!({"message_id": said[250]})).await.problem(409, "LIMIT_REACHED");
    assert_eq!(app.log_position().await, before);

    let mut seen: Vec<(String, i64)> = Vec::new();
    let mut more = true;
    while more {
        let before = seen.last().map(|(_, last)| format!("&before={last}")).unwrap_or_default();
        let page = ada.get(&format!("{path}?limit=100{before}")).await.expect(200);
        for pin in page["items"].as_array().expect("pins") {
            assert_eq!(pin["message"]["id"], pin["message_id"]);
            let message = number(pin["message_id"].as_str().expect("an id"));
            seen.push((pin["pinned_at"].as_str().expect("a time").to_owned(), message));
        }
        more = page["has_more"] == true;
    }
    pinned.sort();
    pinned.reverse();
    assert_eq!(seen, pinned);
    ada.delete(&format!("{path}/{}", said[0])).await.expect(204);
    ada.post(&path, json!({"message_id": said[250]})).await.expect(201);
    ada.get(&format!("{path}?before={}", said[0])).await.problem(404, "NOT_FOUND");
});

story!(who_may_pin_and_what, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let other = channel(&ada, &guild).await;
    let here = id(&bob.say(&general, "here").await);
    let there = id(&bob.say(&other, "there").await);
    let gone = id(&bob.say(&general, "gone").await);
    bob.delete(&format!("/messages/{gone}")).await.expect(204);
    let path = format!("/channels/{general}/pins");
    ada.post(&path, json!({"message_id": here})).await.expect(201);
    let before = app.log_position().await;

    bob.post(&path, json!({"message_id": here})).await.problem(403, "MISSING_PERMISSION");
    bob.delete(&format!("{path}/{here}")).await.problem(403, "MISSING_PERMISSION");
    eve.post(&path, json!({"message_id": here})).await.problem(404, "NOT_FOUND");
    eve.get(&path).await.problem(404, "NOT_FOUND");
    eve.delete(&format!("{path}/{here}")).await.problem(404, "NOT_FOUND");
    app.nobody().get(&path).await.problem(401, "UNAUTHENTICATED");
    for foreign in [there.as_str(), gone.as_str(), "77"] {
        assert_eq!(ada.post(&path, json!({"message_id": foreign})).await.faults(), ["/message_id"]);
        ada.delete(&format!("{path}/{foreign}")).await.problem(404, "NOT_FOUND");
    }
    assert_eq!(ada.post(&path, json!({"message": here})).await.faults(), ["/message", "/message_id"]);
    assert_eq!(app.log_position().await, before);

    let rights = Permissions::VIEW_CHANNEL | Permissions::PIN_MESSAGES | Permissions::READ_HISTORY;
    everyone_may(&ada, &guild, rights).await;
    bob.delete(&format!("{path}/{here}")).await.expect(204);
    time_out(&ada, &guild, &bob).await;
    bob.post(&path, json!({"message_id": here})).await.problem(403, "TIMED_OUT");
    bob.get(&path).await.expect(200);
    everyone_may(&ada, &guild, Permissions::VIEW_CHANNEL).await;
    bob.get(&path).await.problem(403, "MISSING_PERMISSION");
});

story!(two_people_pin_what_they_wrote_each_other, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let private = direct(&ada, &bob).await;
    let letter = ada.say(&private, "remember").await;

    let pin = bob.post(&format!("/channels/{private}/pins"), json!({"message_id": letter["id"]})).await.expect(201);

    assert_eq!(pin.get("guild_id"), None);
    assert_eq!(ada.get(&format!("/channels/{private}/pins")).await.expect(200)["items"], json!([pin]));
});
