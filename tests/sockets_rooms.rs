//! Who receives what: rooms, what always arrives, and what comes into sight and leaves it.

use crate::story;
use crate::support::{Socket, User, Value, id_of, json};

async fn join(socket: &mut Socket, room: &str) {
    socket.request("join_room", json!({"room": room})).await.unwrap();
}

async fn leave(socket: &mut Socket, room: &str) {
    socket.request("leave_room", json!({"room": room})).await.unwrap();
}

async fn direct(one: &User, other: &User) -> String {
    id_of(&one.post("/users/@me/channels", json!({"recipient_ids": [other.id]})).await.expect(201))
}

/// Says a last word where everybody hears it, and answers what was heard before it.
async fn heard_until(ears: &mut Socket, last: &str) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let message = ears.event("message_created").await;
        if message["content"] == last {
            return heard;
        }
        heard.push(message["content"].clone());
    }
}

story!(however_many_rooms_hold_an_event_it_comes_once, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let private = direct(&ada, &bob).await;
    for subscribe in ["all", "none"] {
        let mut ears = Socket::connect_with(&bob, subscribe).await;
        let rooms = [format!("guild:{guild}"), format!("channel:{general}"), format!("channel:{private}")];
        for room in rooms.iter().chain(&rooms) {
            join(&mut ears, room).await;
        }
        ada.say(&general, "one").await;
        ada.say(&private, "two").await;
        ada.say(&general, "last").await;
        let mut heard = heard_until(&mut ears, "last").await;
        heard.extend(ears.drain("message_created").await.iter().map(|message| message["content"].clone()));
        heard.sort_by_key(ToString::to_string);
        assert_eq!(heard, ["one", "two"], "{subscribe}");
    }
});

story!(ones_own_account_and_direct_messages_always_arrive, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let before = direct(&ada, &bob).await;
    let mut ears = Socket::connect_with(&bob, "none").await;
    let kinds: Vec<_> = ears.ready["streams"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["account", "direct"]);

    ada.say(&general, "not asked for").await;
    ada.say(&before, "one").await;
    bob.put("/users/@me/profile", json!({"bio": "Here"})).await.expect(200);
    let [eve] = app.users(["eve"]).await;
    let later = direct(&eve, &bob).await;
    eve.say(&later, "two").await;

    assert_eq!(heard_until(&mut ears, "two").await, ["one"]);
    bob.put("/users/@me/profile", json!({"bio": "Still here"})).await.expect(200);
    ears.event("user_updated").await;
});

story!(a_guild_that_was_left_says_nothing_but_of_rooms_that_were_not, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    let last = direct(&ada, &bob).await;
    bob.join(&guild).await;
    let mut ears = Socket::connect_with(&bob, "none").await;
    join(&mut ears, &format!("guild:{guild}")).await;
    join(&mut ears, &format!("channel:{other}")).await;
    ada.say(&general, "1").await;
    // Whoever leaves before it has come doesn't hear it any more.
    assert_eq!(ears.event("message_created").await["content"], "1");
    leave(&mut ears, &format!("guild:{guild}")).await;
    ada.say(&general, "2").await;
    ada.say(&other, "3").await;
    assert_eq!(ears.event("message_created").await["content"], "3");
    leave(&mut ears, &format!("channel:{other}")).await;
    ada.say(&other, "4").await;
    ada.say(&last, "last").await;
    assert_eq!(heard_until(&mut ears, "last").await, Vec::<Value>::new());
});

story!(a_muted_channel_is_muted_for_one_socket_until_it_is_joined_again, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let room = format!("channel:{general}");
    let (mut muted, mut other) = (Socket::connect(&bob).await, Socket::connect(&bob).await);
    let last = direct(&ada, &bob).await;

    leave(&mut muted, &room).await;
    // A second time changes nothing.
    leave(&mut muted, &room).await;
    ada.say(&general, "1").await;
    join(&mut muted, &room).await;
    ada.say(&general, "2").await;
    leave(&mut muted, &room).await;
    // The guild's own events are not the channel's.
    ada.put(&format!("/guilds/{guild}/settings"), json!({"description": "Loud"})).await.expect(200);
    ada.say(&last, "last").await;

    muted.event("guild_updated").await;
    assert_eq!(heard_until(&mut muted, "last").await, Vec::<Value>::new());
    assert_eq!(heard_until(&mut other, "last").await, ["1", "2"]);
});

story!(a_channel_that_comes_into_sight_brings_all_of_itself, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    ada.patch(&format!("/channels/{general}"), json!({"topic": "Steam"})).await.expect(200);
    bob.join(&guild).await;
    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
    let mut ears = Socket::connect(&bob).await;

    ada.say(&general, "unseen").await;
    ada.delete(&format!("/channels/{general}/overwrites/{guild}")).await.expect(204);
    ada.say(&general, "seen").await;

    let shown = ears.event("channel_shown").await;
    assert_eq!((&shown["guild_id"], &shown["channel"]["id"]), (&json!(guild), &json!(general)));
    let channel = ada.get(&format!("/channels/{general}")).await.expect(200);
    for field in ["name", "kind", "topic", "position", "overwrites"] {
        assert_eq!(shown["channel"][field], channel[field], "{field} of {shown}");
    }
    assert_eq!(ears.event("message_created").await["content"], "seen");
});

story!(whoever_is_thrown_out_hears_that_and_nothing_after_it, |app| {
    let [ada, kicked, banned, ears] = app.users(["ada", "kicked", "banned", "ears"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&kicked, &banned, &ears] {
        user.join(&guild).await;
    }
    let mut sockets = Vec::new();
    for user in [&kicked, &banned] {
        let last = direct(&ada, user).await;
        sockets.push((Socket::connect(user).await, user.clone(), last));
    }
    let mut loyal = Socket::connect(&ears).await;

    ada.say(&general, "before").await;
    ada.delete(&format!("/guilds/{guild}/members/{}", kicked.id)).await.expect(204);
    ada.post(&format!("/guilds/{guild}/bans"), json!({"user_id": banned.id})).await.expect(201);
    ada.say(&general, "after").await;
    for (socket, user, last) in &mut sockets {
        ada.say(last, "last").await;
        let mut heard = Vec::new();
        loop {
            let frame = socket.frame().await;
            if frame["d"]["content"] == "last" {
                break;
            }
            heard.push(frame);
        }
        let out = heard.iter().position(|frame| frame["t"] == "member_left" && frame["d"]["user"]["id"] == user.id);
        let after = &heard[out.expect("that they are out") + 1..];
        assert!(after.iter().all(|frame| frame["g"] != guild.as_str()), "{after:?}");
        assert!(heard.iter().any(|frame| frame["d"]["content"] == "before"));
        // Nor is there a way back in.
        let refused = socket.request("join_room", json!({"room": format!("guild:{guild}")})).await.unwrap_err();
        assert_eq!(refused["code"], "NOT_FOUND");
    }
    loyal.event("message_created").await;
    assert_eq!(heard_until(&mut loyal, "after").await, Vec::<Value>::new());
});

/// Everything that a socket hears before this is said where it hears everything.
async fn frames_until(ears: &mut Socket, last: &str) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let frame = ears.frame().await;
        if frame["d"]["content"] == last {
            return heard;
        }
        heard.push(frame);
    }
}

story!(whoever_listens_to_one_channel_hears_that_it_goes_and_comes_and_is_gone, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    bob.join(&guild).await;
    let last = direct(&ada, &bob).await;
    let mut ears = Socket::connect_with(&bob, "none").await;
    join(&mut ears, &format!("channel:{general}")).await;

    ada.except_everyone(&other, &guild, &[], &["VIEW_CHANNEL"]).await;
    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
    ada.say(&general, "unseen").await;
    ada.delete(&format!("/channels/{general}/overwrites/{guild}")).await.expect(204);
    ada.say(&general, "seen").await;
    ada.delete(&format!("/guilds/{guild}/members/{}", bob.id)).await.expect(204);
    ada.say(&general, "after").await;
    ada.say(&last, "last").await;

    let heard = frames_until(&mut ears, "last").await;
    let of_general = |frame: &&Value| frame["d"]["channel_id"] == general || frame["d"]["id"] == general;
    assert!(heard.iter().all(|frame| of_general(&frame)), "nothing of other channels: {heard:?}");
    let kinds: Vec<&str> = heard.iter().filter_map(|frame| frame["t"].as_str()).collect();
    let expected = ["channel_hidden", "channel_shown", "channel_updated", "message_created", "channel_hidden"];
    assert_eq!(kinds, expected);
    assert_eq!(heard[3]["d"]["content"], "seen");
    let refused = ears.request("join_room", json!({"room": format!("channel:{general}")})).await.unwrap_err();
    assert_eq!(refused["code"], "NOT_FOUND");
});

story!(a_muted_channel_still_says_that_it_goes, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    bob.join(&guild).await;
    let mut ears = Socket::connect(&bob).await;
    for channel in [&general, &other] {
        leave(&mut ears, &format!("channel:{channel}")).await;
    }

    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
    ada.delete(&format!("/channels/{other}")).await.expect(204);

    for channel in [&general, &other] {
        assert_eq!(ears.event("channel_hidden").await["channel_id"], channel.as_str());
    }
});
