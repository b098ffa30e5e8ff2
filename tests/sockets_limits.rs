//! What a socket may send, and how it is told that the server goes away.

use std::collections::BTreeSet;

use guildhall::app::Phase;

use crate::story;
use crate::support::{Back, Cursors, Socket, json};

story!(
    typing_has_an_allowance_of_its_own_and_heartbeats_need_none,
    |config| {
        config.limits.enabled = true;
        config.sockets.commands = 5;
        config.sockets.ephemeral = 20;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let (_, general) = ada.guild("Engines").await;
        let mut socket = Socket::connect(&ada).await;
        for _ in 0..50 {
            socket.send(json!({"op": "heartbeat"})).await;
        }
        for _ in 0..10 {
            socket.request("typing", json!({"channel_id": general})).await.unwrap();
        }
        for _ in 0..5 {
            socket.request("join_room", json!({"room": "guild:1"})).await.unwrap_err();
        }
        socket.send(json!({"op": "join_room", "d": {"room": "guild:1"}})).await;
        assert_eq!(socket.close_code().await, 4008);
    }
);

story!(
    what_passes_has_one_allowance_and_what_is_refused_counts_too,
    |config| {
        config.limits.enabled = true;
        config.sockets.commands = 60;
        config.sockets.ephemeral = 5;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let (_, general) = ada.guild("Engines").await;
        let here = json!({"channel_id": general});
        let mut socket = Socket::connect(&ada).await;
        socket.request("typing", here.clone()).await.unwrap();
        socket.request("stop_typing", here.clone()).await.unwrap();
        socket.request("voice_state", here.clone()).await.unwrap_err();
        socket.request("typing", json!({"channel_id": "1"})).await.unwrap_err();
        socket.request("stop_typing", json!({})).await.unwrap_err();
        socket.send(json!({"op": "typing", "d": here})).await;
        assert_eq!(socket.close_code().await, 4008);

        // Another socket has its own, and commands have theirs.
        let mut socket = Socket::connect(&ada).await;
        for _ in 0..5 {
            socket.request("typing", here.clone()).await.unwrap();
        }
        let body = json!({"channel_id": general, "content": "Hello"});
        assert_eq!(socket.request("send_message", body).await.unwrap()["content"], "Hello");
        socket.send(json!({"op": "voice_state", "d": here})).await;
        assert_eq!(socket.close_code().await, 4008);
    }
);

story!(
    whoever_was_shown_out_for_their_haste_may_come_back,
    |config| {
        config.limits.enabled = true;
        config.sockets.commands = 5;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let mut socket = Socket::connect(&ada).await;
        let cursors = Cursors::of(&socket.ready);
        for _ in 0..6 {
            socket.send(json!({"op": "join_room", "d": {"room": "guild:1"}})).await;
        }
        assert_eq!(socket.close_code().await, 4008);
        let back = Back::from(&ada, &cursors).await;
        assert_eq!(back.resyncs.len(), 0);
    }
);

story!(a_server_that_ends_says_when_to_come_again, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut socket = Socket::connect(&bob).await;
    let mut cursors = Cursors::of(&socket.ready);
    ada.say(&general, "one").await;
    cursors.hear(&socket.event_frame("message_created").await);

    app.app.shutdown.send_replace(Phase::Draining);

    let told = socket.frame().await;
    assert_eq!(told["op"], "reconnect");
    assert!(told["d"]["after_ms"].as_u64().is_some(), "{told}");
    assert_eq!(socket.close_code().await, 1001);
    app.restart().await;
    ada.say(&general, "two").await;
    assert_eq!(Back::from(&bob, &cursors).await.told(), ["message_created two"]);
});

story!(
    a_server_that_ends_shows_its_sockets_out_one_after_another,
    |config| { config.sockets.drain_seconds = 2 },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let (_, general) = ada.guild("Engines").await;
        let mut sockets = Vec::new();
        for _ in 0..20 {
            sockets.push(Socket::connect(&ada).await);
        }

        app.app.shutdown.send_replace(Phase::Draining);

        let mut leaving = Vec::new();
        for mut socket in sockets {
            let told = socket.frame().await;
            assert_eq!(told["op"], "reconnect");
            leaving.push((told["d"]["after_ms"].as_u64().expect("a time"), socket));
        }
        let times: BTreeSet<u64> = leaving.iter().map(|(after, _)| *after).collect();
        assert!(times.len() >= 5 && times.iter().all(|after| *after < 2_000), "{times:?}");
        leaving.sort_by_key(|(after, _)| *after);
        // Until its turn comes a socket is served as before.
        let (_, last) = leaving.last_mut().expect("twenty sockets");
        let body = json!({"channel_id": general, "content": "still here"});
        assert_eq!(last.request("send_message", body).await.unwrap()["content"], "still here");
        for (after, socket) in &mut leaving {
            assert_eq!(socket.close_code().await, 1001, "{after}");
        }
    }
);
