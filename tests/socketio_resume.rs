//! Coming back over Socket.IO, both ways of travelling: with cursors in `auth`.

use crate::sockets_resync::{LongGone, long_gone};
use crate::story;
use crate::support::{Cursors, Socket, SocketIo, Travel, Value, json};

/// The names of events, with the text of messages.
pub fn told(missed: &[Value]) -> Vec<String> {
    let told = |frame: &Value| match frame["d"]["content"].as_str() {
        Some(content) => format!("{} {content}", frame["t"].as_str().unwrap_or_default()),
        None => frame["t"].as_str().unwrap_or_default().to_owned(),
    };
    missed.iter().map(told).collect()
}

story!(what_was_missed_comes_in_order_with_its_place, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    for travel in Travel::BOTH {
        let all = json!({"subscribe": "all"});
        let mut ears = SocketIo::connect_with(&bob, travel, all.clone()).await;
        let mut cursors = Cursors::of(&ears.ready);
        ada.say(&general, "one").await;
        let one = ears.event("message_created").await;
        cursors.0.insert(guild.clone(), one["s"].as_i64().unwrap());
        drop(ears);
        ada.say(&general, "two").await;
        ada.say(&general, "three").await;

        let (mut back, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, all).await;
        assert_eq!(
            (told(&missed), resyncs),
            (vec!["message_created two".into(), "message_created three".into()], vec![])
        );
        let places: Vec<_> = missed.iter().map(|frame| (frame["d"]["g"].clone(), frame["d"]["s"].as_i64())).collect();
        assert!(places.iter().all(|(g, _)| *g == guild.as_str()) && places[0].1 < places[1].1, "{places:?}");
        assert!(Cursors::of(&back.ready).at(&guild) >= places[1].1.unwrap());
        ada.say(&general, "four").await;
        assert_eq!(back.event("message_created").await["content"], "four");

        app.restart().await;
        let (_, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, json!({"subscribe": "all"})).await;
        assert_eq!((missed.len(), resyncs.len()), (3, 0), "{:?}", told(&missed));
    }
});

story!(rooms_are_told_again_by_who_comes_back, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    bob.join(&guild).await;
    for travel in Travel::BOTH {
        let mut cursors = Cursors::of(&SocketIo::connect(&bob, travel).await.ready);
        let whole = Cursors::of(&Socket::connect(&bob).await.ready);
        cursors.0.insert(guild.clone(), whole.at(&guild));
        ada.say(&general, "missed").await;
        ada.say(&other, "not asked for").await;
        let (mut back, missed, _) =
            SocketIo::resume(&bob, travel, &cursors, json!({"rooms": [format!("channel:{general}")]})).await;
        assert_eq!(told(&missed), ["message_created missed"]);
        ada.say(&other, "not asked for either").await;
        ada.say(&general, "live").await;
        assert_eq!(back.event("message_created").await["content"], "live");
    }
});

story!(a_channel_that_one_had_left_stays_silent, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let noisy = ada.make_channel(&guild, json!({"name": "noisy", "kind": "text"})).await;
    bob.join(&guild).await;
    for travel in Travel::BOTH {
        let rooms = json!({"rooms": [format!("guild:{guild}")], "muted": [noisy]});
        for wanted in [rooms, json!({"subscribe": "all", "muted": [noisy]})] {
            let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
            ada.say(&noisy, "not asked for").await;
            ada.say(&general, "missed").await;
            let (mut back, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, wanted.clone()).await;
            assert_eq!((told(&missed), resyncs), (vec!["message_created missed".to_owned()], vec![]), "{wanted}");
            ada.say(&noisy, "not asked for either").await;
            ada.say(&general, "live").await;
            assert_eq!(back.event("message_created").await["content"], "live", "{travel:?} {wanted}");
            back.request("join_room", json!({"room": format!("channel:{noisy}")})).await.unwrap();
            ada.say(&noisy, "asked for").await;
            assert_eq!(back.event("message_created").await["content"], "asked for");
        }
    }
});

story!(another_node_knows_it_too, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    if let Some(other) = app.beside().await {
        for travel in Travel::BOTH {
            let all = json!({"subscribe": "all"});
            let cursors = Cursors::of(&SocketIo::connect_with(&bob, travel, all.clone()).await.ready);
            ada.say(&general, "one").await;
            let (mut back, missed, resyncs) = SocketIo::resume(&bob.on(&other), travel, &cursors, all).await;
            assert_eq!((told(&missed), resyncs), (vec!["message_created one".to_owned()], vec![]), "{travel:?}");
            ada.say(&general, "two").await;
            ada.on(&other).say(&general, "three").await;
            for content in ["two", "three"] {
                assert_eq!(back.event("message_created").await["content"], content, "{travel:?}");
            }
        }
        other.stop().await;
    }
});

story!(
    a_cursor_older_than_the_log_brings_a_snapshot,
    |config| {
        config.retention.log_days = 1;
        config.tokens.access_seconds = 30 * 24 * 3600;
    },
    |app| {
        let LongGone { ada, bob, guild, general, cursors } = long_gone(&mut app).await;
        for travel in Travel::BOTH {
            ada.say(&general, "lately").await;
            let all = json!({"subscribe": "all"});
            let (mut back, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, all).await;
            let engines = resyncs.iter().find(|resync| resync["stream"] == guild.as_str()).expect("a resync");
            assert_eq!((&engines["reason"], &engines["snapshot"]["kind"]), (&json!("expired"), &json!("guild")));
            assert!(resyncs.iter().all(|resync| resync["reason"] == "expired"), "{travel:?} {resyncs:?}");
            assert!(!told(&missed).iter().any(|one| one.contains("lately")), "the snapshot stands after it");
            ada.say(&general, "now").await;
            let now = back.event("message_created").await;
            assert_eq!(now["content"], "now", "{travel:?}");
            assert!(now["s"].as_i64() > engines["snapshot"]["s"].as_i64());
        }
    }
);

story!(what_cant_be_told_begins_anew, |config| { config.sockets.resume_rows = 20 }, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let mut made = Vec::new();
    for name in ["Many", "Changed", "Gone", "New"] {
        made.push(ada.guild(name).await);
    }
    for travel in Travel::BOTH {
        for (guild, _) in &made[..3] {
            bob.join(guild).await;
        }
        let all = json!({"subscribe": "all"});
        let cursors = Cursors::of(&SocketIo::connect_with(&bob, travel, all.clone()).await.ready);
        for number in 0..30 {
            ada.say(&made[0].1, &number.to_string()).await;
        }
        ada.except_everyone(&made[1].1, &made[1].0, &[], &["VIEW_CHANNEL"]).await;
        ada.delete(&format!("/guilds/{}/members/{}", made[2].0, bob.id)).await.expect(204);
        bob.join(&made[3].0).await;

        let (mut back, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, all).await;
        let reason = |guild: &str| {
            let resync = resyncs.iter().find(|resync| resync["stream"] == guild);
            let resync = resync.unwrap_or_else(|| panic!("a resync of {guild}: {resyncs:?}"));
            (resync["reason"].as_str().unwrap().to_owned(), resync["snapshot"]["guild"]["name"].clone())
        };
        assert_eq!(reason(&made[0].0), ("too_many".to_owned(), json!("Many")));
        assert_eq!(reason(&made[1].0), ("changed".to_owned(), json!("Changed")));
        assert_eq!(reason(&made[2].0), ("gone".to_owned(), json!(null)));
        assert_eq!(reason(&made[3].0), ("new".to_owned(), json!("New")));
        assert_eq!((resyncs.len(), told(&missed)), (4, Vec::new()));
        ada.say(&made[0].1, "live").await;
        assert_eq!(back.event("message_created").await["content"], "live");
        // As it was before, for the other way of travelling.
        ada.delete(&format!("/channels/{}/overwrites/{}", made[1].1, made[1].0)).await.expect(204);
        for (guild, _) in [&made[0], &made[1], &made[3]] {
            bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
        }
    }
});

story!(cursors_that_no_server_gave_end_it_and_so_does_ones_own_return, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    for travel in Travel::BOTH {
        let code = |code: u16| (travel == Travel::Socket).then_some(code);
        for bad in [json!({&guild: 1_000_000}), json!({"kitchen": 1}), json!([])] {
            let mut client = SocketIo::open(&app.url, travel).await;
            client.introduce(&bob, json!({"cursors": bad, "subscribe": "all"})).await;
            assert_eq!(client.ended().await, code(4007), "{travel:?} {bad}");
        }
        let mut old = SocketIo::connect(&bob, travel).await;
        let cursors = Cursors::of(&old.ready);
        let session = json!({"session_id": old.ready["session_id"], "subscribe": "all"});
        let (mut back, _, _) = SocketIo::resume(&bob, travel, &cursors, session).await;
        assert_eq!(old.ended().await, code(4010), "{travel:?}");
        ada.say(&general, "one").await;
        assert_eq!(back.event("message_created").await["content"], "one");
    }
});

story!(a_pong_moves_past_what_one_may_not_see, |config| { config.sockets.heartbeat_seconds = 1 }, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let hidden = json!({"name": "hidden", "kind": "text", "overwrites": [
        {"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]}]});
    let hidden = ada.make_channel(&guild, hidden).await;
    bob.join(&guild).await;
    for travel in Travel::BOTH {
        let mut client = SocketIo::connect_with(&bob, travel, json!({"subscribe": "all"})).await;
        ada.say(&hidden, "secret").await;
        let head = app.log().await.iter().filter(|entry| entry.stream.to_string() == guild).map(|e| e.position).max();
        let mut moved = client.event("cursors").await;
        while moved[&guild].as_i64() < head {
            moved = client.event("cursors").await;
        }
        let mut cursors = Cursors::of(&client.ready);
        cursors.0.insert(guild.clone(), moved[&guild].as_i64().unwrap());
        let (_, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, json!({"subscribe": "all"})).await;
        assert_eq!((missed.len(), resyncs.len()), (0, 0));
    }
});

story!(much_is_missed_and_comes_whole_however_it_travels, |config| { config.sockets.resume_rows = 5_000 }, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    // More than may wait for a client at once.
    let long = "x".repeat(4_000);
    for _ in 0..6 {
        futures_util::future::join_all((0..50).map(|_| ada.say(&general, &long))).await;
    }
    for travel in Travel::BOTH {
        let (mut back, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, json!({"subscribe": "all"})).await;
        assert_eq!((resyncs.len(), missed.iter().filter(|frame| frame["d"]["content"] == long).count()), (0, 300));
        ada.say(&general, "live").await;
        assert_eq!(back.event("message_created").await["content"], "live", "{travel:?}");
    }
});
