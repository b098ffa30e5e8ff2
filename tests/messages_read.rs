//! Read states: how far somebody has read, and how much they have not.

use guildhall::channels::Permissions;

use crate::messages_cast::{channel, direct, everyone_may, id, number, quiet_guild, role};
use crate::story;
use crate::support::{Socket, User, Value, json};

async fn state(user: &User, channel: &str) -> Value {
    let states = user.get("/users/@me/read-states").await.expect(200);
    let states = states["items"].as_array().expect("states").clone();
    states.into_iter().find(|state| state["channel_id"] == channel).unwrap_or(Value::Null)
}

fn unread(last_read_id: Value, channel: &str, unread: i64, mentions: i64) -> Value {
    json!({"channel_id": channel, "last_read_id": last_read_id, "unread_count": unread, "mention_count": mentions})
}

story!(what_others_said_is_unread_until_it_is_read, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let private = direct(&ada, &bob).await;
    let first = ada.say(&general, "one").await;
    let second = ada.say(&general, &format!("two <@{}>", bob.id)).await;
    bob.say(&general, "mine doesn't count, @everyone").await;
    ada.say(&private, &format!("psst <@{}>", bob.id)).await;
    let mut ears = Socket::connect(&bob).await;
    let path = format!("/channels/{general}/read");

    assert_eq!(state(&bob, &general).await, unread(Value::Null, &general, 2, 1));
    assert_eq!(state(&bob, &private).await, unread(Value::Null, &private, 1, 1));
    assert_eq!(state(&ada, &general).await, unread(Value::Null, &general, 1, 0));

    let read = bob.put(&path, json!({"message_id": first["id"]})).await.expect(200);
    assert_eq!(read, unread(first["id"].clone(), &general, 1, 1));
    let event = ears.event_frame("read_state_updated").await;
    assert_eq!((&event["d"], &event["g"]), (&read, &json!(bob.id)));
    let before = app.log_position().await;
    assert_eq!(bob.put(&path, json!({"message_id": first["id"]})).await.expect(200), read);
    assert_eq!(app.log_position().await, before);

    let read = bob.put(&path, json!({"message_id": second["id"]})).await.expect(200);
    assert_eq!(read, unread(second["id"].clone(), &general, 0, 0));
    assert_eq!(state(&bob, &general).await, read);
    let back = bob.put(&path, json!({"message_id": first["id"]})).await.expect(200);
    assert_eq!(back["unread_count"], 1, "what follows is unread again");
    assert_eq!(state(&ada, &general).await["last_read_id"], Value::Null, "nobody else's state has moved");
});

story!(a_mention_of_ones_role_or_of_everyone_counts_once, |app| {
    let [ada, bob, cem] = app.users(["ada", "bob", "cem"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    cem.join(&guild).await;
    let crew = role(&ada, &guild, true, &[&bob]).await;
    let (ours, all) = (format!("<@&{crew}>"), format!("<@&{crew}> <@{}> @everyone", bob.id));
    let called = ada.say(&general, &ours).await;
    ada.say(&general, &all).await;
    ada.say(&general, "@here").await;
    cem.say(&general, "@everyone, which cem may not say").await;

    assert_eq!(state(&bob, &general).await["mention_count"], 3);
    assert_eq!(state(&cem, &general).await["mention_count"], 2);
    assert_eq!(state(&ada, &general).await["mention_count"], 0, "she called herself");
    ada.delete(&format!("/messages/{}", id(&called))).await.expect(204);
    assert_eq!(state(&bob, &general).await, unread(Value::Null, &general, 3, 2));
    let read_states = &Socket::connect(&bob).await.ready["streams"];
    let guilds = read_states.as_array().expect("streams").iter().find(|stream| stream["id"] == *guild);
    assert_eq!(guilds.expect("the guild")["read_states"], json!([unread(Value::Null, &general, 3, 2)]));
});

story!(only_what_one_sees_is_there_to_be_read, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let (_, elsewhere) = quiet_guild(&eve, "Shadows").await;
    bob.join(&guild).await;
    let other = channel(&ada, &guild).await;
    let foreign = id(&eve.say(&elsewhere, "far").await);
    let there = id(&ada.say(&other, "near").await);
    let here = id(&ada.say(&general, "here").await);
    let path = format!("/channels/{general}/read");
    let before = app.log_position().await;

    for message in [foreign.as_str(), there.as_str(), "9"] {
        assert_eq!(bob.put(&path, json!({"message_id": message})).await.faults(), ["/message_id"]);
    }
    eve.put(&path, json!({"message_id": here})).await.problem(404, "NOT_FOUND");
    app.nobody().put(&path, json!({"message_id": here})).await.problem(401, "UNAUTHENTICATED");
    assert_eq!(app.log_position().await, before);

    let mut expected = vec![number(&general), number(&other)];
    expected.sort();
    let states = bob.get("/users/@me/read-states").await.expect(200);
    let states = states["items"].as_array().expect("states").clone();
    let seen: Vec<i64> = states.iter().map(|state| number(state["channel_id"].as_str().expect("an id"))).collect();
    assert_eq!(seen, expected);
    everyone_may(&ada, &guild, Permissions::NONE).await;
    assert_eq!(bob.get("/users/@me/read-states").await.expect(200)["items"], json!([]));
});

story!(states_of_many_channels_come_at_once, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, _) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let mut channels = Vec::new();
    for i in 0..70 {
        let channel = channel(&ada, &guild).await;
        for _ in 0..i % 3 {
            ada.say(&channel, &format!("<@{}>", bob.id)).await;
        }
        channels.push(channel);
    }
    let states = bob.get("/users/@me/read-states").await.expect(200);
    let states = states["items"].as_array().expect("states");
    assert_eq!(states.len(), 71);
    for (i, channel) in channels.iter().enumerate() {
        let count = i as i64 % 3;
        assert!(states.contains(&unread(Value::Null, channel, count, count)), "{i}");
    }
});
