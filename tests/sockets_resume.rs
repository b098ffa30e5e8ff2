//! Coming back to the native gateway: what was missed comes in order, once, and nothing else does.

use crate::story;
use crate::support::{Back, Cursors, Socket, json};

story!(what_was_missed_comes_in_order_and_then_what_happens, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let direct = eve.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201);
    let direct = direct["id"].as_str().unwrap();
    let mut ears = Socket::connect(&bob).await;
    let mut cursors = Cursors::of(&ears.ready);
    let one = ada.say(&general, "one").await;
    cursors.hear(&ears.event_frame("message_created").await);
    drop(ears);

    let two = ada.say(&general, "two").await;
    ada.say(&general, "three").await;
    ada.patch(&format!("/messages/{}", two["id"].as_str().unwrap()), json!({"content": "2"})).await.expect(200);
    ada.delete(&format!("/messages/{}", one["id"].as_str().unwrap())).await.expect(204);
    eve.say(direct, "psst").await;
    bob.put("/users/@me/profile", json!({"bio": "Away"})).await.expect(200);

    let mut back = Back::from(&bob, &cursors).await;
    assert_eq!(back.resyncs, Vec::<serde_json::Value>::new());
    let of =
        |stream: &str| -> Vec<&serde_json::Value> { back.missed.iter().filter(|frame| frame["g"] == stream).collect() };
    let said: Vec<_> = of(&guild).iter().map(|frame| (frame["t"].clone(), frame["d"]["content"].clone())).collect();
    let expected = [
        (json!("message_created"), json!("two")),
        (json!("message_created"), json!("three")),
        (json!("message_updated"), json!("2")),
        (json!("message_deleted"), json!(null)),
    ];
    assert_eq!(said, expected);
    let positions: Vec<i64> = of(&guild).iter().map(|frame| frame["s"].as_i64().unwrap()).collect();
    assert!(positions[0] > cursors.at(&guild) && positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    assert_eq!(of(direct)[0]["d"]["content"], "psst");
    assert_eq!(of(&bob.id)[0]["t"], "user_updated");
    assert_eq!(back.missed.len(), 6, "{:?}", back.told());
    let resumed = &back.socket.ready;
    assert!(Cursors::of(resumed).at(&guild) >= positions[3], "{resumed}");

    ada.say(&general, "four").await;
    let live = back.socket.event_frame("message_created").await;
    assert_eq!((&live["d"]["content"], live["s"].as_i64() > Some(positions[3])), (&json!("four"), true));
    drop(back);
    let again = Back::from(&bob, &cursors).await;
    assert_eq!(again.missed.len(), 7, "the same cursors give the same and what came since: {:?}", again.told());
});

story!(who_missed_nothing_is_told_nothing, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let socket = Socket::connect(&bob).await;
    let cursors = Cursors::of(&socket.ready);
    let first = socket.ready["session_id"].clone();
    drop(socket);

    let back = Back::from(&bob, &cursors).await;
    assert_eq!((back.told(), back.resyncs.len()), (Vec::new(), 0));
    assert_ne!(back.socket.ready["session_id"], first);
    ada.say(&general, "one").await;
    drop(back);
    let mut back = Back::from(&bob, &Cursors::of(&Back::from(&bob, &cursors).await.socket.ready)).await;
    assert_eq!(back.told(), Vec::<String>::new(), "what `resumed` stands for is not told again");
    back.socket.nothing("message_created").await;
});

story!(a_restart_forgets_nothing_of_it, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;
    let cursors = Cursors::of(&ears.ready);
    ada.say(&general, "before").await;
    ears.event("message_created").await;

    app.restart().await;
    ada.say(&general, "after").await;

    let back = Back::from(&bob, &cursors).await;
    assert_eq!(back.told(), ["message_created before", "message_created after"]);
    app.restart().await;
    let back = Back::from(&bob, &back.cursors).await;
    assert_eq!((back.told(), back.resyncs.len()), (Vec::new(), 0));
});

story!(another_node_knows_it_too, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    if let Some(other) = app.beside().await {
        let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
        ada.say(&general, "one").await;

        let mut bob_there = bob.clone();
        bob_there.url = other.url.clone();
        let mut back = Back::from(&bob_there, &cursors).await;
        assert_eq!(back.told(), ["message_created one"]);
        let mut ada_there = ada.clone();
        ada_there.url = other.url.clone();
        ada.say(&general, "two").await;
        ada_there.say(&general, "three").await;
        for content in ["two", "three"] {
            assert_eq!(back.socket.event("message_created").await["content"], content);
        }
        let back = Back::from(&bob, &cursors).await;
        assert_eq!(back.told(), ["message_created one", "message_created two", "message_created three"]);
        other.stop().await;
    }
});

story!(rooms_are_told_again_by_who_comes_back, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    bob.join(&guild).await;
    let mut ears = Socket::connect_with(&bob, "none").await;
    ears.request("join_room", json!({"room": format!("channel:{general}")})).await.unwrap();
    let mut cursors = Cursors::of(&ears.ready);
    ada.say(&general, "heard").await;
    cursors.hear(&ears.event_frame("message_created").await);
    drop(ears);
    ada.say(&general, "missed").await;
    ada.say(&other, "not asked for").await;

    let more = json!({"subscribe": "none", "rooms": [format!("channel:{general}")]});
    let mut back = Back::with(&bob, &cursors, more).await;
    assert_eq!(back.told(), ["message_created missed"]);
    ada.say(&other, "not asked for either").await;
    ada.say(&general, "live").await;
    assert_eq!(back.socket.event("message_created").await["content"], "live");
    drop(back);

    let whole = json!({"subscribe": "none", "rooms": [format!("guild:{guild}")]});
    let back = Back::with(&bob, &cursors, whole).await;
    let heard = ["missed", "not asked for", "not asked for either", "live"];
    assert_eq!(back.told(), heard.map(|content| format!("message_created {content}")));
});

story!(a_channel_that_one_had_left_stays_silent, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let noisy = ada.make_channel(&guild, json!({"name": "noisy", "kind": "text"})).await;
    bob.join(&guild).await;
    let wanted = [
        json!({"muted": [noisy]}),
        json!({"subscribe": "none", "rooms": [format!("guild:{guild}")], "muted": [noisy]}),
    ];
    for wanted in wanted {
        let mut ears = Socket::connect(&bob).await;
        let cursors = Cursors::of(&ears.ready);
        ears.request("leave_room", json!({"room": format!("channel:{noisy}")})).await.unwrap();
        ada.say(&noisy, "not asked for").await;
        ada.say(&general, "heard").await;
        assert_eq!(ears.event("message_created").await["content"], "heard");
        drop(ears);
        ada.say(&noisy, "not asked for either").await;
        ada.say(&general, "missed").await;

        let mut back = Back::with(&bob, &cursors, wanted.clone()).await;
        assert_eq!(back.told(), ["message_created heard", "message_created missed"], "{wanted}");
        assert_eq!(back.resyncs.len(), 0);
        ada.say(&noisy, "still not asked for").await;
        ada.say(&general, "live").await;
        assert_eq!(back.socket.event("message_created").await["content"], "live");
        back.socket.request("join_room", json!({"room": format!("channel:{noisy}")})).await.unwrap();
        ada.say(&noisy, "asked for").await;
        assert_eq!(back.socket.event("message_created").await["content"], "asked for", "{wanted}");
    }
});

story!(what_one_may_not_see_is_not_told_later_either, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let hidden = json!({"name": "hidden", "kind": "text", "overwrites": [
        {"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]}]});
    let hidden = ada.make_channel(&guild, hidden).await;
    bob.join(&guild).await;
    eve.join(&guild).await;
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);

    ada.say(&hidden, "secret").await;
    ada.post(&format!("/channels/{general}/webhooks"), json!({"name": "w"})).await.expect(201);
    ada.post(&format!("/guilds/{guild}/invites"), json!({})).await.expect(201);
    ada.post(&format!("/guilds/{guild}/bans"), json!({"user_id": eve.id})).await.expect(201);
    ada.say(&general, "for all").await;

    let back = Back::from(&bob, &cursors).await;
    assert_eq!(back.told(), ["member_left", "message_created for all"]);
    assert_eq!(back.resyncs.len(), 0);
});

story!(cursors_that_no_server_gave_are_refused, |app| {
    let ([_, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    let ahead = cursors.at(&guild) + 1_000;
    for bad in [json!({&guild: ahead}), json!({&guild: -1}), json!({"kitchen": 1}), json!({&bob.id: i64::MAX})] {
        assert_eq!(Back::refused(&bob, bad.clone(), json!({})).await, 4007, "{bad}");
    }
    for bad in [json!({&guild: "many"}), json!([]), json!(7)] {
        let code = Back::refused(&bob, bad.clone(), json!({})).await;
        assert!([4001, 4007].contains(&code), "{bad}: {code}");
    }
    let forged = bob.with_authorization("Bearer e30.e30.e30");
    assert_eq!(Back::refused(&forged, cursors.json(), json!({})).await, 4004);
    assert_eq!(Back::from(&bob, &cursors).await.resyncs.len(), 0);
});

story!(whoever_comes_back_replaces_who_they_were, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut old = Socket::connect(&bob).await;
    let mut other_device = Socket::connect(&bob).await;
    let mut hers = Socket::connect(&ada).await;
    let cursors = Cursors::of(&old.ready);
    let session = |socket: &Socket| json!({"session_id": socket.ready["session_id"]});

    // Nobody replaces somebody else.
    let back = Back::with(&bob, &cursors, session(&hers)).await;
    drop(back);
    let mut back = Back::with(&bob, &cursors, session(&old)).await;
    assert_eq!(old.close_code().await, 4010);

    ada.say(&general, "one").await;
    for socket in [&mut back.socket, &mut other_device, &mut hers] {
        assert_eq!(socket.event("message_created").await["content"], "one");
    }
    // Whoever it was is gone: that is nothing to complain of.
    Back::with(&bob, &cursors, session(&old)).await;
    Back::with(&bob, &cursors, json!({"session_id": "12345"})).await;
});
