//! Socket.IO by hand, both ways of travelling: getting in, rooms, answers, and being shown out.

use guildhall::app::Phase;
use guildhall::i18n;

use crate::story;
use crate::support::{SocketIo, Travel, id_of, json};

story!(whoever_has_no_token_is_told_so_and_ended, |app| {
    let [ada] = app.users(["ada"]).await;
    let forged = ada.with_authorization("Bearer e30.e30.e30");
    for travel in Travel::BOTH {
        let mut client = SocketIo::open(&app.url, travel).await;
        client.introduce(&forged, json!({})).await;
        let refusal = client.refusal().await;
        assert_eq!(refusal["data"]["code"], "UNAUTHENTICATED", "{travel:?}");
        assert_eq!(refusal["message"], refusal["data"]["title"]);
        let code = client.ended().await;
        assert_eq!(code, (travel == Travel::Socket).then_some(4004));
    }
});

story!(whoever_does_not_connect_in_time_is_shown_out, |config| { config.sockets.identify_seconds = 1 }, |app| {
    for travel in Travel::BOTH {
        let mut silent = SocketIo::open(&app.url, travel).await;
        assert_eq!(silent.ended().await, (travel == Travel::Socket).then_some(4003), "{travel:?}");
    }
});

story!(whoever_asks_for_something_before_connecting_is_shown_out, |app| {
    for travel in Travel::BOTH {
        let mut hasty = SocketIo::open(&app.url, travel).await;
        hasty.emit("typing", json!({"channel_id": "1"})).await;
        assert_eq!(hasty.ended().await, (travel == Travel::Socket).then_some(4003), "{travel:?}");
    }
});

story!(packets_that_no_client_sends_end_the_line, |app| {
    let [ada] = app.users(["ada"]).await;
    for travel in Travel::BOTH {
        for bad in ["49", "42{"] {
            let mut client = SocketIo::connect(&ada, travel).await;
            client.send(bad.to_owned()).await;
            assert_eq!(client.ended().await, (travel == Travel::Socket).then_some(4001), "{bad} {travel:?}");
        }
    }
});

story!(it_begins_with_no_room_and_hears_its_own_and_what_it_joins_once, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let direct = id_of(&ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201));
    for travel in Travel::BOTH {
        let mut ears = SocketIo::connect(&bob, travel).await;
        let kinds: Vec<_> = ears.ready["streams"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
        assert_eq!(kinds, ["account", "direct"], "{travel:?}");
        ada.say(&general, "not asked for").await;
        ada.say(&direct, "psst").await;
        let private = ears.event("message_created").await;
        assert_eq!((&private["content"], &private["g"]), (&json!("psst"), &json!(direct)));
        assert!(private["s"].is_i64());

        for room in [format!("guild:{guild}"), format!("channel:{general}"), format!("guild:{guild}")] {
            assert_eq!(ears.request("join_room", json!({"room": room})).await.unwrap(), json!({"room": room}));
        }
        ada.say(&general, "one").await;
        ada.say(&direct, "last").await;
        let mut heard = vec![ears.event("message_created").await["content"].clone()];
        heard.push(ears.event("message_created").await["content"].clone());
        heard.sort_by_key(ToString::to_string);
        assert_eq!(heard, ["last", "one"]);
        assert_eq!(ears.drain("message_created").await, Vec::<serde_json::Value>::new());

        ears.request("leave_room", json!({"room": format!("channel:{general}")})).await.unwrap();
        ada.say(&general, "muted").await;
        bob.put("/users/@me/profile", json!({"bio": format!("{travel:?}")})).await.expect(200);
        ears.event("user_updated").await;
        assert_eq!(ears.drain("message_created").await, Vec::<serde_json::Value>::new());
    }
});

story!(answers_say_whether_it_was_done_and_why_not, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    for travel in Travel::BOTH {
        let mut client = SocketIo::connect_with(&ada, travel, json!({"locale": "de"})).await;
        let body = json!({"channel_id": general, "content": "Hello", "nonce": format!("{travel:?}")});
        let message = client.request("send_message", body.clone()).await.unwrap();
        assert_eq!(client.request("send_message", body).await.unwrap()["id"], message["id"]);
        let problem = client.request("send_message", json!({"channel_id": general})).await.unwrap_err();
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["pointer"]),
            (&json!("INVALID_FIELDS"), &json!("/content"))
        );
        assert_eq!(problem["title"], i18n::title("de", "INVALID_FIELDS"));
        assert_eq!(problem["errors"][0]["detail"], i18n::detail("de", "FIELD_REQUIRED", &[]));
        let problem = client.request("join_room", json!({"room": "guild:1"})).await.unwrap_err();
        assert_eq!(problem["code"], "NOT_FOUND");
        let problem = client.request("dance", json!({})).await.unwrap_err();
        assert_eq!(problem["code"], "INVALID_FIELDS");
        // Nobody waits for this one.
        client.emit("send_message", json!({"channel_id": "1", "content": "x"})).await;
        let problem = client.event("error").await;
        assert_eq!(
            (&problem["code"], &problem["title"]),
            (&json!("NOT_FOUND"), &json!(i18n::title("de", "NOT_FOUND")))
        );
    }
});

story!(a_login_that_ends_takes_its_clients_along, |app| {
    for travel in Travel::BOTH {
        let name = format!("{travel:?}").to_lowercase();
        let user = app.nobody().sign_up(&name).await;
        let mut client = SocketIo::connect(&user, travel).await;
        user.post("/logout", json!({})).await.expect(200);
        assert_eq!(client.ended().await, (travel == Travel::Socket).then_some(4014));
    }
});

story!(
    whoever_sends_too_much_is_shown_out,
    |config| {
        config.limits.enabled = true;
        config.sockets.commands = 5;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        for travel in Travel::BOTH {
            let mut client = SocketIo::connect(&ada, travel).await;
            for _ in 0..5 {
                client.request("join_room", json!({"room": "guild:1"})).await.unwrap_err();
            }
            client.emit("join_room", json!({"room": "guild:1"})).await;
            assert_eq!(client.ended().await, (travel == Travel::Socket).then_some(4008));
        }
    }
);

story!(
    heartbeats_need_no_allowance,
    |config| {
        config.limits.enabled = true;
        config.sockets.commands = 5;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        for travel in Travel::BOTH {
            let mut client = SocketIo::connect(&ada, travel).await;
            let beats = ["3"; 50];
            match travel {
                Travel::Socket => {
                    for beat in beats {
                        client.send(beat.to_owned()).await;
                    }
                }
                Travel::Polling => client.send(beats.join("\x1e")).await,
            }
            for _ in 0..5 {
                client.request("join_room", json!({"room": "guild:1"})).await.unwrap_err();
            }
        }
    }
);

story!(a_server_that_ends_says_when_to_come_again, |app| {
    let [ada] = app.users(["ada"]).await;
    let mut clients = Vec::new();
    for travel in Travel::BOTH {
        clients.push((SocketIo::connect(&ada, travel).await, travel));
    }
    app.app.shutdown.send_replace(Phase::Draining);
    for (client, travel) in &mut clients {
        // Whoever asks for packets only now finds nobody there, which says the same.
        if *travel == Travel::Socket {
            let told = client.event("reconnect").await;
            assert!(told["after_ms"].as_u64().is_some(), "{told}");
        }
        assert_eq!(client.ended().await, (*travel == Travel::Socket).then_some(1001));
    }
});

story!(what_goes_out_of_sight_is_said_before_anything_later, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let direct = id_of(&ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201));
    for travel in Travel::BOTH {
        for room in [format!("guild:{guild}"), format!("channel:{general}")] {
            let mut ears = SocketIo::connect(&bob, travel).await;
            ears.request("join_room", json!({"room": room})).await.unwrap();

            ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
            ada.say(&general, "unseen").await;
            ada.delete(&format!("/channels/{general}/overwrites/{guild}")).await.expect(204);
            ada.say(&general, "seen").await;
            ada.say(&direct, "last").await;

            let mut heard = Vec::new();
            loop {
                let frame = ears.frame().await;
                if frame["d"]["content"] == "last" {
                    break;
                }
                heard.push((frame["t"].as_str().unwrap().to_owned(), frame["d"]["content"].clone()));
            }
            let kinds: Vec<&str> = heard.iter().map(|(kind, _)| kind.as_str()).collect();
            let expected = ["channel_hidden", "channel_shown", "channel_updated", "message_created"];
            assert_eq!(kinds, expected, "{travel:?} {room}");
            assert_eq!(heard[3].1, "seen");
        }
    }
});
