//! How long a client of Socket.IO lives: longer than its token, and no longer than its login.

use std::time::Duration;

use crate::socketio_resume::told;
use crate::sockets_sessions::{End, SOON};
use crate::story;
use crate::support::world::fresh_name;
use crate::support::{Cursors, PASSWORD, SocketIo, Travel, json};

story!(whatever_ends_a_login_ends_all_its_clients_soon, |app| {
    let root = app.administrator().await;
    for (travel, end) in Travel::BOTH.into_iter().flat_map(|travel| End::ALL.map(|end| (travel, end))) {
        let code = (travel == Travel::Socket).then_some(4014);
        let desk = app.nobody().sign_up(&fresh_name("ada")).await;
        let phone = app.nobody().login(&desk.name, PASSWORD).await;
        let mut here = SocketIo::connect(&desk, travel).await;
        let mut there = Vec::new();
        for subscribe in ["all", "none"] {
            there.push(SocketIo::connect_with(&phone, travel, json!({"subscribe": subscribe})).await);
        }

        end.of(&phone, &desk, &root).await;

        let ending = async {
            for client in &mut there {
                assert_eq!(client.ended().await, code, "{travel:?} {end:?}");
            }
        };
        let ended = tokio::time::timeout(SOON, ending).await;
        assert!(ended.is_ok(), "{travel:?} {end:?}: they are still there");
        match end {
            End::Disabled => assert_eq!(here.ended().await, code),
            _ => drop(here.request("leave_room", json!({"room": "channel:1"})).await.unwrap()),
        }
    }
});

story!(a_client_outlives_its_token_and_coming_back_needs_a_new_one, |app| {
    let (_, _, general) = app.guild_of(["ada", "bob"]).await;
    for travel in Travel::BOTH {
        let code = |code: u16| (travel == Travel::Socket).then_some(code);
        let bob = app.nobody().login("bob", PASSWORD).await;
        let mut client = SocketIo::connect_with(&bob, travel, json!({"subscribe": "all"})).await;
        let cursors = Cursors::of(&client.ready);

        app.advance(Duration::from_secs(20 * 60));
        bob.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
        let body = json!({"channel_id": general, "content": "Still here"});
        assert_eq!(client.request("send_message", body).await.unwrap()["content"], "Still here", "{travel:?}");

        let mut late = SocketIo::open(&app.url, travel).await;
        late.introduce(&bob, json!({"subscribe": "all", "cursors": cursors.json()})).await;
        assert_eq!(late.refusal().await["data"]["code"], "UNAUTHENTICATED", "{travel:?}");
        assert_eq!(late.ended().await, code(4004));
        let refresh = json!({"refresh_token": bob.refresh_token});
        let bob = bob.with_tokens(&app.nobody().post("/auth/refresh", refresh).await.expect(200));
        let session = json!({"subscribe": "all", "session_id": client.ready["session_id"]});
        let (_, missed, resyncs) = SocketIo::resume(&bob, travel, &cursors, session).await;
        assert_eq!((told(&missed), resyncs), (vec!["message_created Still here".to_owned()], vec![]), "{travel:?}");
        assert_eq!(client.ended().await, code(4010));
    }
});
