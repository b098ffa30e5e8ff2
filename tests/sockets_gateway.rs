//! The native gateway: getting in, being told where things stand, staying, and being shown out.

use std::time::Duration;

use guildhall::i18n::{self, LOCALES};

use crate::sockets_hostile::raw::Raw;
use crate::story;
use crate::support::{Socket, json};

story!(whoever_does_not_say_who_they_are_is_shown_out, |config| { config.sockets.identify_seconds = 1 }, |app| {
    let mut silent = Socket::open(&app.url).await;
    assert_eq!(silent.close_code().await, 4003);

    let mut hasty = Socket::open(&app.url).await;
    hasty.send(json!({"op": "send_message", "rid": "1", "d": {}})).await;
    assert_eq!(hasty.close_code().await, 4003);

    let mut forger = Socket::open(&app.url).await;
    forger.send(json!({"op": "identify", "d": {"token": "e30.e30.e30"}})).await;
    assert_eq!(forger.frame().await["problem"]["code"], "UNAUTHENTICATED");
    assert_eq!(forger.close_code().await, 4004);
});

story!(frames_that_no_client_sends_end_the_socket, |config| { config.sockets.frame_bytes = 2_000 }, |app| {
    let [ada] = app.users(["ada"]).await;
    for bad in ["{".to_owned(), "[]".to_owned(), "{\"op\":7}".to_owned(), "[".repeat(1_900)] {
        let mut socket = Socket::connect(&ada).await;
        socket.send_text(bad).await;
        assert_eq!(socket.close_code().await, 4001);
    }
    let mut large = Socket::connect(&ada).await;
    large.send_text(format!("{{\"op\":\"heartbeat\",\"d\":\"{}\"}}", "x".repeat(3_000))).await;
    assert_ne!(large.close_code().await, 1000);
    assert_eq!(app.nobody().get("//readyz").await.status, 200);
});

story!(a_client_that_falls_silent_is_given_up, |config| { config.sockets.heartbeat_seconds = 1 }, |app| {
    let [ada] = app.users(["ada"]).await;
    let mut socket = Socket::connect(&ada).await;
    socket.send(json!({"op": "heartbeat"})).await;
    assert_eq!(socket.frame().await["op"], "heartbeat_ack");

    assert_eq!(socket.close_code().await, 4009);
});

story!(
    whoever_beats_stays_and_whoever_only_talks_is_given_up,
    |config| { config.sockets.heartbeat_seconds = 1 },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let (_, general) = ada.guild("Engines").await;
        let mut socket = Socket::connect(&ada).await;
        // Twice as long as silence is borne.
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            socket.send(json!({"op": "heartbeat"})).await;
            assert_eq!(socket.frame().await["op"], "heartbeat_ack");
        }

        let mut code = None;
        for _ in 0..50 {
            socket.send(json!({"op": "typing", "d": {"channel_id": general}})).await;
            code = tokio::time::timeout(Duration::from_millis(200), socket.close_code()).await.ok();
            if code.is_some() {
                break;
            }
        }
        assert_eq!(code, Some(4009));
    }
);

story!(logging_out_closes_the_sockets_of_that_login_and_no_other, |app| {
    let [ada] = app.users(["ada"]).await;
    let elsewhere = ada.login("ada", crate::support::PASSWORD).await;
    let mut here = Socket::connect(&ada).await;
    let mut there = Socket::connect(&elsewhere).await;

    ada.post("/logout", json!({})).await.expect(200);

    assert_eq!(here.close_code().await, 4014);
    assert_eq!(there.event("session_revoked").await["id"].as_str().map(str::is_empty), Some(false));
    there.request("typing", json!({"channel_id": "1"})).await.unwrap_err();
    ada.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    elsewhere.get("/users/@me/profile").await.expect(200);
});

story!(a_session_begins_with_where_things_stand, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    ada.say(&general, "one").await;
    ada.say(&general, &format!("two, <@{}>", bob.id)).await;

    let socket = Socket::connect(&bob).await;

    let streams = socket.ready["streams"].as_array().unwrap();
    let engines = streams.iter().find(|stream| stream["id"] == guild.as_str()).unwrap();
    let head = app.log().await.iter().filter(|entry| entry.stream.to_string() == guild).map(|e| e.position).max();
    assert!(engines["s"].as_i64() >= head);
    assert_eq!(engines["guild"]["name"], "Engines");
    assert_eq!(engines["channels"][0]["id"], general);
    assert_eq!(engines["roles"][0]["name"], "@everyone");
    assert_eq!(engines["member"]["user"]["id"], bob.id);
    let read = engines["read_states"].as_array().unwrap().iter().find(|state| state["channel_id"] == general.as_str());
    assert_eq!(read.unwrap()["mention_count"], 1);
});

story!(everybody_gets_the_same_bytes_of_an_event, |app| {
    let ([ada, bob, eve], _, general) = app.guild_of(["ada", "bob", "eve"]).await;
    for path in ["/gateway", "/gateway?encoding=msgpack"] {
        let (mut his, mut hers) = (Raw::enter(&app, &bob, path).await, Raw::enter(&app, &eve, path).await);
        ada.say(&general, "one for all").await;
        let heard = his.frame().await.expect("an event");
        assert!(heard.1.windows(11).any(|part| part == b"one for all"), "{path}: {heard:?}");
        assert_eq!(hers.frame().await, Some(heard), "{path}");
    }
});

story!(problems_are_told_in_the_language_that_the_client_names, |app| {
    let [ada] = app.users(["ada"]).await;
    let token = ada.token.strip_prefix("Bearer ").unwrap();
    // One that isn't spoken here leaves the account's.
    for (asked, told) in LOCALES.map(|locale| (locale, locale)).into_iter().chain([("tlh", "en")]) {
        let mut socket = Socket::open(&app.url).await;
        socket.send(json!({"op": "identify", "d": {"token": token, "locale": asked}})).await;
        assert_eq!(socket.frame().await["op"], "ready");
        let problem = socket.request("join_room", json!({"room": "guild:1"})).await.unwrap_err();
        assert_eq!(problem["title"], i18n::title(told, "NOT_FOUND"), "{asked}");
        assert_eq!(problem["detail"], i18n::detail(told, "NOT_FOUND", &[]), "{asked}");
    }
});

story!(rooms_decide_what_a_socket_without_subscription_receives, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let room = json!({"room": format!("channel:{general}")});
    let mut ears = Socket::connect_with(&bob, "none").await;

    ada.say(&general, "unheard").await;
    ears.nothing("message_created").await;
    ears.request("join_room", room.clone()).await.unwrap();
    ada.say(&general, "heard").await;
    assert_eq!(ears.event("message_created").await["content"], "heard");
    ears.request("leave_room", room).await.unwrap();
    ada.say(&general, "unheard again").await;
    ears.nothing("message_created").await;

    let refused = ears.request("join_room", json!({"room": "channel:12345"})).await.unwrap_err();
    assert_eq!(refused["code"], "NOT_FOUND");
    let refused = ears.request("join_room", json!({"room": "kitchen", "door": 1})).await.unwrap_err();
    assert_eq!(refused["code"], "INVALID_FIELDS");
});

story!(leaving_a_room_mutes_it_inside_a_guild_that_is_listened_to, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;

    ears.request("leave_room", json!({"room": format!("channel:{general}")})).await.unwrap();
    ada.say(&general, "unheard").await;

    ears.nothing("message_created").await;
});

story!(joining_a_guild_brings_all_of_it_to_an_open_socket, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;
    let (guild, general) = ada.guild("Engines").await;

    bob.join(&guild).await;

    let whole = ears.event("guild_available").await;
    assert_eq!((whole["id"].as_str(), &whole["channels"][0]["id"]), (Some(guild.as_str()), &json!(general)));
    assert_eq!(ears.event("message_created").await["kind"], "join");
    ada.say(&general, "welcome").await;
    assert_eq!(ears.event("message_created").await["content"], "welcome");
});

story!(voice_states_are_seen_by_others_and_end_with_the_socket, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let lounge = ada.post(&format!("/guilds/{guild}/channels"), json!({"name": "Lounge", "kind": "voice"})).await;
    let lounge = lounge.expect(201)["id"].as_str().unwrap().to_owned();
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;

    let refused = his.request("join_voice", json!({"channel_id": general})).await.unwrap_err();
    assert_eq!(refused["code"], "WRONG_CHANNEL_KIND");
    his.request("join_voice", json!({"channel_id": lounge})).await.unwrap();
    assert_eq!(hers.event("voice_state").await["channel_id"], lounge);
    his.request("voice_state", json!({"channel_id": lounge, "muted": true, "speaking": true})).await.unwrap();
    let state = hers.event("voice_state").await;
    assert_eq!((&state["muted"], &state["speaking"]), (&json!(true), &json!(false)));
    drop(his);

    let gone = hers.event("voice_state").await;
    assert_eq!((gone["user_id"].as_str(), &gone["channel_id"]), (Some(bob.id.as_str()), &json!(null)));
});

story!(
    whoever_sends_too_much_is_shown_out,
    |config| {
        config.limits.enabled = true;
        config.sockets.commands = 5;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let mut socket = Socket::connect(&ada).await;
        for rid in 0..6 {
            socket.send(json!({"op": "join_room", "rid": rid.to_string(), "d": {"room": "guild:1"}})).await;
        }
        assert_eq!(socket.close_code().await, 4008);
    }
);

story!(
    a_client_that_does_not_read_is_shown_out_and_delays_nobody,
    |config| {
        config.sockets.queue_frames = 64;
    },
    |app| {
        let ([ada, bob, eve], _, general) = app.guild_of(["ada", "bob", "eve"]).await;
        let mut deaf = Socket::connect(&eve).await;
        let mut ears = Socket::connect(&bob).await;
        let long = "x".repeat(4_000);
        let mut sent = 0;
        // The kernel takes some megabytes before anything waits here.
        while app.app.hub.sockets() == 2 && sent < 10_000 {
            let round = (0..50).map(|_| ada.say(&general, &long));
            futures_util::future::join_all(round).await;
            for _ in 0..50 {
                ears.event("message_created").await;
            }
            sent += 50;
            // Whoever overflowed has a second for what is being written.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(app.app.hub.sockets(), 1, "after {sent} messages");
        assert!([4008, 1006].contains(&deaf.close_code().await));
    }
);

story!(
    a_page_of_a_stranger_opens_no_socket,
    |config| {
        config.allowed_origins = vec!["https://chat.example".into()];
    },
    |app| {
        let upgrade = |origin: &'static str| {
            app.nobody()
                .request(reqwest::Method::GET, "//gateway")
                .header("origin", origin)
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        };
        let refused = app.nobody().answer(upgrade("https://evil.example")).await;
        refused.problem(403, "FORBIDDEN");
        let response = tokio::time::timeout(Duration::from_secs(5), upgrade("https://chat.example").send()).await;
        assert_eq!(response.unwrap().unwrap().status().as_u16(), 101);
    }
);
