//! Engine.IO by hand: what its clients expect of refusals, of two requests at once, and of packets that nobody sends.

use std::time::Duration;

use reqwest::Method;
use tokio_tungstenite::tungstenite::Message;

use futures_util::{SinkExt, StreamExt};

use crate::story;
use crate::support::{Answer, Database, SocketIo, TestApp, Travel, User, Value, json};

/// A client that polls, packet by packet.
struct Polling {
    client: User,
    sid: String,
}

impl Polling {
    async fn open(app: &TestApp) -> Polling {
        let client = app.nobody();
        let opened = client.get("//socket.io/?EIO=4&transport=polling").await;
        assert_eq!(
            (opened.status, opened.headers["content-type"].as_bytes()),
            (200, &b"text/plain; charset=UTF-8"[..])
        );
        let opened: Value = serde_json::from_str(opened.text.strip_prefix('0').expect("an open packet")).expect("JSON");
        assert_eq!((&opened["upgrades"], &opened["maxPayload"]), (&json!(["websocket"]), &json!(1_000_000)));
        Polling { client, sid: opened["sid"].as_str().expect("a name").to_owned() }
    }

    async fn connect(app: &TestApp, user: &User) -> Polling {
        let polling = Polling::open(app).await;
        let token = user.token.strip_prefix("Bearer ").unwrap();
        assert_eq!(polling.post(format!("40{}", json!({"token": token}))).await.text, "ok");
        let mut packets = String::new();
        while !packets.contains("42[\"ready\"") {
            packets.push_str(&polling.poll().await.text);
        }
        assert!(packets.starts_with("40{\"sid\":"), "{packets}");
        polling
    }

    fn request(&self, method: Method) -> reqwest::RequestBuilder {
        self.client.request(method, &format!("//socket.io/?EIO=4&transport=polling&sid={}", self.sid))
    }

    async fn poll(&self) -> Answer {
        let asked = self.client.answer(self.request(Method::GET));
        tokio::time::timeout(Duration::from_secs(10), asked).await.expect("an answer in time")
    }

    async fn post(&self, packets: impl Into<reqwest::Body>) -> Answer {
        self.client.answer(self.request(Method::POST).body(packets)).await
    }
}

/// Checks that it is a refusal as Engine.IO writes it.
#[track_caller]
fn refused(answer: Answer, status: u16, code: u8, message: &str) {
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.expect(status), json!({"code": code, "message": message}));
}

story!(refusals_are_those_that_clients_know, |app| {
    let [ada] = app.users(["ada"]).await;
    let nobody = app.nobody();
    for query in ["EIO=3&transport=polling", "transport=polling", "EIO=abc&transport=websocket"] {
        let answer = nobody.get(&format!("//socket.io/?{query}")).await;
        refused(answer, 400, 5, "Unsupported protocol version");
    }
    for query in ["EIO=4", "EIO=4&transport=pigeon"] {
        refused(nobody.get(&format!("//socket.io/?{query}")).await, 400, 0, "Transport unknown");
    }
    for (method, transport) in [(Method::GET, "polling"), (Method::POST, "polling"), (Method::GET, "websocket")] {
        let path = format!("//socket.io/?EIO=4&transport={transport}&sid=nobody");
        let answer = nobody.answer(nobody.request(method, &path).body("3")).await;
        refused(answer, 400, 1, "Session ID unknown");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = nobody.answer(nobody.request(method, "//socket.io/?EIO=4&transport=polling").body("3")).await;
        refused(answer, 400, 2, "Bad handshake method");
    }
    // No upgrade, though it asks for a WebSocket.
    refused(nobody.get("//socket.io/?EIO=4&transport=websocket").await, 400, 3, "Bad request");
    let polling = Polling::connect(&app, &ada).await;
    for method in [Method::GET, Method::POST] {
        let answer = nobody.answer(polling.request(method).header("origin", "https://evil.example").body("3")).await;
        refused(answer, 403, 4, "Forbidden");
    }
    assert_eq!(polling.post("42[\"typing\",{}]").await.text, "ok");
});

story!(two_requests_for_packets_at_once_end_the_session, |app| {
    let [ada] = app.users(["ada"]).await;
    let polling = Polling::connect(&app, &ada).await;
    let (first, second) = tokio::join!(polling.poll(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        polling.poll().await
    });
    assert_eq!((first.status, first.text.as_str()), (200, "1"));
    refused(second, 400, 3, "Bad request");
    refused(polling.poll().await, 400, 1, "Session ID unknown");
});

story!(packets_that_nobody_sends_end_the_session, |app| {
    let [ada] = app.users(["ada"]).await;
    let many = vec!["3"; 257].join("\x1e");
    for bad in ["abc", "", "7", "3\x1eabc", &many] {
        let polling = Polling::connect(&app, &ada).await;
        refused(polling.post(bad.to_owned()).await, 400, 3, "Bad request");
        refused(polling.poll().await, 400, 1, "Session ID unknown");
    }
    let polling = Polling::connect(&app, &ada).await;
    refused(polling.post(vec![b'4', 0xFF]).await, 400, 3, "Bad request");

    // These are packets; but of binary data, of namespaces that aren't connected, or no Socket.IO at all.
    for bad in [
        "451-[\"typing\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==",
        "461-7[{\"_placeholder\":true,\"num\":0}]",
        "bAQIDBA==",
        "42/other,[\"typing\",{}]",
        "2",
        "49",
    ] {
        let polling = Polling::connect(&app, &ada).await;
        assert_eq!(polling.post(bad).await.text, "ok", "{bad}");
        assert_eq!(polling.poll().await.text, "1", "{bad}");
        refused(polling.poll().await, 400, 1, "Session ID unknown");
    }
    assert_eq!(app.nobody().get("//readyz").await.status, 200);
});

story!(bodies_that_are_too_large_are_refused_and_nothing_of_them_is_done, |app| {
    let [ada] = app.users(["ada"]).await;
    let polling = Polling::connect(&app, &ada).await;
    let frame = app.app.config.sockets.frame_bytes;
    let large = format!("421[\"typing\",{{}}]\x1e42[\"typing\",\"{}\"]", "x".repeat(frame));
    polling.post(large).await.problem(413, "BODY_TOO_LARGE");
    let many = vec!["3".to_owned() + &" ".repeat(frame - 1); 1_000_000 / frame + 1].join("\x1e");
    polling.post(many).await.problem(413, "BODY_TOO_LARGE");

    assert_eq!(polling.post("422[\"typing\",{}]").await.text, "ok");
    let packets = polling.poll().await.text;
    assert!(packets.starts_with("432[{\"ok\":false"), "{packets}");
});

story!(whoever_closes_is_let_go_at_once, |app| {
    let [ada] = app.users(["ada"]).await;
    let polling = Polling::connect(&app, &ada).await;
    let (held, closed) = tokio::join!(polling.poll(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        polling.post("1").await
    });
    assert_eq!((held.text.as_str(), closed.text.as_str()), ("6", "ok"));
    refused(polling.poll().await, 400, 1, "Session ID unknown");
    refused(polling.post("3").await, 400, 1, "Session ID unknown");
});

story!(other_namespaces_are_not_there_and_the_main_one_still_is, |app| {
    let [ada] = app.users(["ada"]).await;
    let polling = Polling::open(&app).await;
    let token = ada.token.strip_prefix("Bearer ").unwrap();
    polling.post("40/admin,{\"token\":\"x\"}\x1e41/admin,").await;
    assert_eq!(polling.poll().await.text, r#"44/admin,{"message":"Invalid namespace"}"#);
    polling.post(format!("40/,{}", json!({"token": token}))).await;
    assert!(polling.poll().await.text.starts_with("40{\"sid\":"));
    polling.post("40/later").await;
    let mut packets = polling.poll().await.text;
    if packets.starts_with("42[\"ready\"") && !packets.contains("44/later") {
        packets = polling.poll().await.text;
    }
    assert!(packets.ends_with(r#"44/later,{"message":"Invalid namespace"}"#), "{packets}");
});

story!(after_its_upgrade_a_session_is_the_sockets_alone, |app| {
    let [ada] = app.users(["ada"]).await;
    let polling = Polling::connect(&app, &ada).await;
    let url = format!("{}/socket.io/?EIO=4&transport=websocket&sid={}", app.url, polling.sid);
    let url = url.replacen("http", "ws", 1);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    socket.send(Message::text("2probe")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("3probe"));
    assert_eq!(polling.poll().await.text, "6");
    socket.send(Message::text("5")).await.unwrap();
    socket.send(Message::text("427[\"typing\",{}]")).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert!(answer.to_text().unwrap().starts_with("437[{\"ok\":false"), "{answer}");

    refused(polling.poll().await, 400, 1, "Session ID unknown");
    refused(polling.post("3").await, 400, 1, "Session ID unknown");
    assert!(tokio_tungstenite::connect_async(&url).await.is_err());
    socket.send(Message::text("428[\"typing\",{}]")).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().starts_with("438["));
});

/// Connects by a socket and answers no ping: how many came before the end, and the code of it.
async fn deaf_by_socket(app: &TestApp, user: &User) -> (usize, u16) {
    let url = format!("{}/socket.io/?EIO=4&transport=websocket", app.url).replacen("http", "ws", 1);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let token = user.token.strip_prefix("Bearer ").unwrap();
    socket.send(Message::text(format!("40{}", json!({"token": token})))).await.unwrap();
    let mut asked = 0;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(packet))) => asked += usize::from(packet.as_str() == "2"),
            Some(Ok(Message::Close(Some(end)))) => return (asked, end.code.into()),
            other => panic!("a ping or the end was expected, not {other:?}"),
        }
    }
}

/// Connects by polling and answers no ping: how many came before the end.
async fn deaf_by_polling(app: &TestApp, user: &User) -> usize {
    let polling = Polling::connect(app, user).await;
    let mut asked = 0;
    loop {
        let answer = polling.poll().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let count = |kind: &str| answer.text.split('\x1e').filter(|packet| *packet == kind).count();
        asked += count("2");
        if count("1") > 0 {
            refused(polling.poll().await, 400, 1, "Session ID unknown");
            return asked;
        }
    }
}

// It takes the twenty seconds that clients are promised, and no database has a part in it: one is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_no_ping_is_given_up_and_whoever_does_stays() {
    let app = TestApp::start(Database::Sqlite, |config| config.sockets.heartbeat_seconds = 1).await;
    let app = app.expect("it needs no server of a database");
    let [ada] = app.users(["ada"]).await;
    let mut ears = SocketIo::connect(&ada, Travel::Socket).await;
    let ((by_socket, code), by_polling) = {
        let deaf = async { tokio::join!(deaf_by_socket(&app, &ada), deaf_by_polling(&app, &ada)) };
        let deaf = tokio::time::timeout(Duration::from_secs(60), deaf);
        tokio::pin!(deaf);
        loop {
            tokio::select! {
                ended = &mut deaf => break ended.expect("an end in time"),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            // It answers the pings that came meanwhile; what it asks for is no sign of life.
            ears.request("leave_room", json!({"room": "channel:1"})).await.unwrap();
        }
    };
    assert_eq!(code, 4009);
    assert!(by_socket > 1 && by_polling > 1, "{by_socket} {by_polling}");
    ears.request("leave_room", json!({"room": "channel:1"})).await.unwrap();
    app.stop().await;
}
