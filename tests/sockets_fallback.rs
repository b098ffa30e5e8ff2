//! The native gateway without WebSocket: long polling and server-sent events carry the same session.

use std::time::Duration;

use reqwest::Method;

use crate::story;
use crate::support::{Events, Fallback, Value, json};

fn say(rid: &str, channel: &str, content: &str) -> Value {
    json!({"op": "send_message", "rid": rid, "d": {"channel_id": channel, "content": content}})
}

story!(long_polling_carries_a_whole_conversation, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut session = Fallback::open(&app).await;
    let hello = session.frame().await;
    assert_eq!(hello, json!({"op": "hello", "d": {"heartbeat_interval_ms": 25_000}}));
    let token = ada.token.strip_prefix("Bearer ").unwrap();
    session.send(&[json!({"op": "identify", "d": {"token": token}})]).await;
    let ready = session.frame().await;
    assert_eq!((&ready["op"], &ready["d"]["user"]["id"]), (&json!("ready"), &json!(ada.id)));

    // Several frames in one request, and one that waits for what comes.
    session.send(&[json!({"op": "heartbeat"}), say("1", &general, "from the fallback")]).await;
    assert_eq!(session.next("heartbeat_ack").await, json!({"op": "heartbeat_ack", "d": {"cursors": {}}}));
    let (mut ack, mut event) = (Value::Null, Value::Null);
    while ack.is_null() || event.is_null() {
        let frame = session.frame().await;
        let place = if frame["op"] == "ack" { &mut ack } else { &mut event };
        *place = frame;
    }
    assert_eq!((&ack["rid"], &event["t"]), (&json!("1"), &json!("message_created")));
    assert_eq!(ack["d"], event["d"]);
    let (heard, _) = tokio::join!(session.next("event"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bob.say(&general, "an answer").await
    });
    assert_eq!(heard["d"]["content"], "an answer");
    session.send(&[json!({"op": "typing", "rid": "2", "d": {"channel_id": "1"}})]).await;
    assert_eq!(session.next("error").await["problem"]["code"], "NOT_FOUND");

    let left = session.client.answer(session.request(Method::DELETE)).await;
    assert_eq!((left.status, left.text.as_str()), (204, ""));
    session.poll(session.after).await.problem(404, "NOT_FOUND");
});

story!(an_answer_that_was_lost_is_asked_for_again, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut session = Fallback::connect(&app, &ada).await;
    let before = session.after;
    for number in 0..3 {
        bob.say(&general, &format!("{number}")).await;
    }
    // As often as it likes, until it says that it has them.
    let mut lost = Vec::new();
    while lost.len() < 3 {
        lost = session.poll(before).await.expect(200)["frames"].as_array().unwrap().clone();
    }
    bob.say(&general, "3").await;
    let mut heard = Vec::new();
    while heard.len() < 4 {
        heard.push(session.next("event").await["d"]["content"].clone());
    }
    assert_eq!(heard, ["0", "1", "2", "3"]);

    // What it has is gone, and what was never sent can't have been received.
    bob.say(&general, "4").await;
    session.frame().await;
    session.send(&[json!({"op": "heartbeat"})]).await;
    session.frame().await;
    for wrong in [before, session.after + 100] {
        session.poll(wrong).await.problem(400, "INVALID_QUERY");
    }
    for query in ["after=x", "after=-1", "from=1"] {
        let path = format!("//gateway/fallback/{}?{query}", session.sid);
        session.client.get(&path).await.problem(400, "INVALID_QUERY");
    }
});

story!(the_later_of_two_requests_takes_over, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut session = Fallback::connect(&app, &ada).await;
    let (first, heard) = tokio::join!(session.poll(session.after), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut stream = Events::begin(&session, Some(session.after)).await;
        bob.say(&general, "to the later one").await;
        stream.next().await.unwrap()
    });
    assert_eq!(first.expect(200), json!({"frames": [], "next": session.after}));
    assert_eq!((heard.0, &heard.1["d"]["content"]), (session.after + 1, &json!("to the later one")));
    assert_eq!(session.frame().await, heard.1);
});

story!(server_sent_events_carry_a_conversation_and_go_on_where_they_broke_off, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let session = Fallback::open(&app).await;
    let mut stream = Events::begin(&session, None).await;
    assert_eq!(stream.next().await.unwrap().1["op"], "hello");
    let token = ada.token.strip_prefix("Bearer ").unwrap();
    session.send(&[json!({"op": "identify", "d": {"token": token}})]).await;
    let (number, ready) = stream.next().await.unwrap();
    assert_eq!((number, &ready["op"]), (2, &json!("ready")));
    session.send(&[json!({"op": "heartbeat"})]).await;
    assert_eq!(stream.next().await, Some((3, json!({"op": "heartbeat_ack", "d": {"cursors": {}}}))));
    bob.say(&general, "one").await;
    let (number, one) = stream.next().await.unwrap();
    assert_eq!((number, &one["d"]["content"]), (4, &json!("one")));
    drop(stream);

    // Two come while nobody listens; the client had received all but the last that was sent.
    bob.say(&general, "two").await;
    bob.say(&general, "three").await;
    let mut again = Events::begin(&session, Some(3)).await;
    for (number, content) in [(4, "one"), (5, "two"), (6, "three")] {
        let (id, frame) = again.next().await.unwrap();
        assert_eq!((id, &frame["d"]["content"]), (number, &json!(content)));
    }
    let malformed = session.request(Method::GET).header("last-event-id", "last");
    session.client.answer(malformed).await.problem(400, "INVALID_QUERY");
});

story!(the_end_of_the_login_is_the_last_frame, |app| {
    let [ada] = app.users(["ada"]).await;
    let elsewhere = ada.login("ada", crate::support::PASSWORD).await;
    let mut polling = Fallback::connect(&app, &ada).await;
    let streaming = Fallback::connect(&app, &ada).await;
    let mut stream = Events::begin(&streaming, Some(streaming.after)).await;
    let mut other = Fallback::connect(&app, &elsewhere).await;

    ada.post("/logout", json!({})).await.expect(200);

    let goodbye = json!({"op": "close", "d": {"code": 4014}});
    assert_eq!(polling.next("close").await, goodbye);
    polling.poll(polling.after).await.problem(404, "NOT_FOUND");
    let late = polling.client.answer(polling.request(Method::POST).body("{\"op\":\"heartbeat\"}")).await;
    late.problem(404, "NOT_FOUND");
    let mut last = Value::Null;
    while let Some((_, frame)) = stream.next().await {
        last = frame;
    }
    assert_eq!(last, goodbye);
    other.send(&[json!({"op": "heartbeat"})]).await;
    other.next("heartbeat_ack").await;
});

story!(
    a_client_that_stays_away_is_given_up,
    |config| {
        config.sockets.heartbeat_seconds = 1;
        config.sockets.identify_seconds = 1;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let silent = Fallback::open(&app).await;
        let mut known = Fallback::connect(&app, &ada).await;
        // Frames that it comes for are no sign of life, as on a socket.
        assert_eq!(known.next("close").await["d"]["code"], 4009);
        let frames = silent.poll(0).await.expect(200)["frames"].clone();
        assert_eq!(frames[1], json!({"op": "close", "d": {"code": 4003}}));
        assert_eq!(app.app.hub.sockets(), 0);
    }
);

story!(what_no_client_sends_ends_the_session_or_is_refused, |config| { config.sockets.frame_bytes = 2_000 }, |app| {
    let [ada] = app.users(["ada"]).await;
    for bad in ["{", "[]", "{\"op\":7}", "{\"op\":\"heartbeat\"}\nword"] {
        let mut session = Fallback::connect(&app, &ada).await;
        session.client.answer(session.request(Method::POST).body(bad)).await.expect(202);
        assert_eq!(session.next("close").await["d"]["code"], 4001, "{bad}");
    }

    let mut session = Fallback::connect(&app, &ada).await;
    let beat = "{\"op\":\"heartbeat\"}\n";
    let padded = format!("{beat}{{\"op\":\"heartbeat\",\"d\":\"{}\"}}", "x".repeat(2_000));
    for (body, status, code) in [
        (padded, 413, "BODY_TOO_LARGE"),
        (beat.repeat(257), 413, "BODY_TOO_LARGE"),
        (format!("{beat}{}", "\n".repeat(1_000_000)), 413, "BODY_TOO_LARGE"),
        (String::new(), 400, "MALFORMED_BODY"),
        ("\n \r\n".to_owned(), 400, "MALFORMED_BODY"),
    ] {
        session.client.answer(session.request(Method::POST).body(body)).await.problem(status, code);
    }
    session.client.answer(session.request(Method::POST).body(vec![0xFF])).await.problem(400, "MALFORMED_BODY");
    // Nothing of what was refused was done.
    session.send(&[json!({"op": "typing", "rid": "1", "d": {"channel_id": "1"}})]).await;
    assert_eq!(session.frame().await["rid"], "1");
});

story!(strangers_and_unknown_names_are_refused, |app| {
    let [ada] = app.users(["ada"]).await;
    let session = Fallback::connect(&app, &ada).await;
    let foreign = |request: reqwest::RequestBuilder| request.header("origin", "https://evil.example");
    let nobody = app.nobody();
    let open = foreign(nobody.request(Method::POST, "//gateway/fallback"));
    nobody.answer(open).await.problem(403, "FORBIDDEN");
    for method in [Method::GET, Method::POST, Method::DELETE] {
        nobody.answer(foreign(session.request(method.clone()))).await.problem(403, "FORBIDDEN");
        let unknown = nobody.request(method.clone(), "//gateway/fallback/no-such-name").body("{\"op\":\"heartbeat\"}");
        nobody.answer(unknown).await.problem(404, "NOT_FOUND");
    }
    // The name of a session of the other dialect is none here, and the other way about.
    let opened = nobody.get("//socket.io/?EIO=4&transport=polling").await.text;
    let opened: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
    let path = format!("//gateway/fallback/{}", opened["sid"].as_str().unwrap());
    nobody.get(&path).await.problem(404, "NOT_FOUND");
    let path = format!("//socket.io/?EIO=4&transport=polling&sid={}", session.sid);
    assert_eq!(nobody.get(&path).await.expect(400)["code"], 1);
    assert!(session.sid.len() >= 43, "the name is a secret");
});

story!(sessions_without_sockets_count_as_connections, |config| { config.sockets.connections = 2 }, |app| {
    let [ada] = app.users(["ada"]).await;
    let first = Fallback::connect(&app, &ada).await;
    let _second = Fallback::connect(&app, &ada).await;
    app.nobody().post("//gateway/fallback", json!({})).await.problem(503, "UNAVAILABLE");

    first.client.answer(first.request(Method::DELETE)).await.expect(204);
    while app.app.hub.sockets() > 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Fallback::connect(&app, &ada).await;
});

story!(a_client_that_does_not_come_for_its_frames_is_shown_out, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut deaf = Fallback::connect(&app, &bob).await;
    let long = "x".repeat(4_000);
    while app.app.hub.sockets() == 1 {
        futures_util::future::join_all((0..50).map(|_| ada.say(&general, &long))).await;
    }
    // Everything in order that had a place, then why there is no more.
    let waiting = deaf.poll(deaf.after).await.expect(200)["frames"].as_array().unwrap().clone();
    assert_eq!(waiting.last(), Some(&json!({"op": "close", "d": {"code": 4008}})));
    let positions: Vec<i64> = waiting.iter().filter_map(|frame| frame["s"].as_i64()).collect();
    assert!(positions.len() > 100 && positions.is_sorted(), "{}", positions.len());
    assert_eq!(deaf.next("close").await["d"]["code"], 4008);
});
