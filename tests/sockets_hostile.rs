//! Bytes that no client sends: the socket ends, and the server serves everybody else as before.

use std::time::Duration;

use guildhall::config::Config;

use crate::support::{Database, Socket, TestApp, Value, json};

pub mod raw;

use raw::{BINARY, Bytes, CLOSE, FIN, KEY, PATIENCE, PING, PONG, Raw, TEXT, text, upgrade};

/// A server; which database it has makes no difference to what a socket takes.
async fn served(settings: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::start(Database::Sqlite, settings).await.expect("it needs no server of a database")
}

/// The server lives, and serves somebody else.
async fn serves(ears: &mut Socket, channel: &str, after: &str) {
    let body = json!({"channel_id": channel, "content": after});
    assert_eq!(ears.request("send_message", body).await.expect("a message")["content"], after);
    assert_eq!(ears.event("message_created").await["content"], after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_against_the_protocol_end_their_own_socket_alone() {
    let app = served(|_| {}).await;
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (_, general) = ada.guild("Engines").await;
    let mut ears = Socket::connect(&ada).await;
    let unmasked = Bytes([&[FIN | TEXT, 2][..], b"{}"].concat());
    let beat = br#"{"op":"heartbeat"}"#;
    let bad: Vec<(&str, Bytes)> = vec![
        ("a gigabyte", Bytes::claiming(FIN | TEXT, 1 << 30, b"x")),
        ("more than there is", Bytes::claiming(FIN | BINARY, u64::MAX, b"x")),
        ("a little too much", Bytes::frame(FIN | TEXT, &[b'x'; 16_385])),
        ("a fragment that is too large", Bytes::claiming(TEXT, 1 << 20, b"x")),
        ("no mask", unmasked),
        ("the first reserved bit", Bytes::frame(FIN | 0x40 | TEXT, beat)),
        ("the second reserved bit", Bytes::frame(FIN | 0x20 | TEXT, beat)),
        ("a reserved opcode", Bytes::frame(FIN | 0x3, beat)),
        ("a reserved control opcode", Bytes::frame(FIN | 0xb, b"")),
        ("no text", Bytes::frame(FIN | TEXT, b"{\"op\":\"\xff\xfe\"}")),
        ("half a character", Bytes::frame(FIN | TEXT, b"{\"op\":\"\xe2\x82")),
        ("a ping that is too long", Bytes::frame(FIN | PING, &[0; 126])),
        ("a ping in pieces", Bytes::frame(PING, b"x")),
        ("a close in pieces", Bytes::frame(CLOSE, b"")),
        ("a close of one byte", Bytes::frame(FIN | CLOSE, b"x")),
        ("a close with a code that there isn't", Bytes::frame(FIN | CLOSE, &[0, 1])),
        ("a continuation of nothing", Bytes::frame(FIN, beat)),
        ("a text within another", Bytes::frame(TEXT, b"{").then(Bytes::frame(FIN | TEXT, beat))),
        ("bytes on a socket of text", Bytes::frame(FIN | BINARY, beat)),
        ("a compressed frame that nobody agreed to", Bytes::frame(FIN | 0x40 | BINARY, &[0x78, 0x9c, 0x01])),
        ("an answer of HTTP", Bytes(b"HTTP/1.1 200 OK\r\n\r\n".repeat(20))),
    ];
    for (what, bytes) in bad {
        for path in ["/gateway", "/socket.io/?EIO=4&transport=websocket"] {
            let mut raw =
                if path == "/gateway" { Raw::enter(&app, &bob, path).await } else { Raw::open(&app, path).await };
            raw.send(bytes.clone()).await;
            let code = tokio::time::timeout(PATIENCE, raw.end()).await;
            let code = code.unwrap_or_else(|_| panic!("{what} on {path} doesn't end it"));
            assert!(!matches!(code, Some(1000 | 1001 | 4000)), "{what} on {path}: {code:?}");
        }
        serves(&mut ears, &general, what).await;
    }
    assert!(settles(|| app.app.hub.sockets() == 1).await, "{} sockets are left", app.app.hub.sockets());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_may_be_sixteen_kibibytes_long_and_no_byte_longer() {
    let app = served(|_| {}).await;
    let [ada] = app.users(["ada"]).await;
    let padded = |length: usize| text(&format!("{:length$}", r#"{"op":"heartbeat"}"#));
    let mut raw = Raw::enter(&app, &ada, "/gateway").await;
    raw.send(padded(16_384)).await;
    assert_eq!(raw.json().await["op"], "heartbeat_ack");
    raw.send(padded(16_385)).await;
    assert_eq!(raw.end().await, Some(4001));

    let mut raw = Raw::open(&app, "/socket.io/?EIO=4&transport=websocket").await;
    raw.send(padded(16_385)).await;
    assert_eq!(raw.end().await, Some(4001));
    app.stop().await;
}

/// Waits until something is so.
async fn settles(is_so: impl Fn() -> bool) -> bool {
    let begun = std::time::Instant::now();
    while !is_so() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_so()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_legal_works_however_unusual_it_is() {
    let app = served(|_| {}).await;
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let mut raw = Raw::enter(&app, &ada, "/gateway").await;
    // In pieces, down to nothing at all, with pings in between, and a character torn in two.
    let body = json!({"op": "send_message", "rid": "€", "d": {"channel_id": general, "content": "In pieces: €"}});
    let body = body.to_string().into_bytes();
    let torn = body.windows(3).position(|three| three == "€".as_bytes()).expect("a euro") + 1;
    raw.send(Bytes::frame(TEXT, &body[..torn])).await;
    raw.send(Bytes::frame(0, b"")).await;
    raw.send(Bytes::frame(FIN | PING, b"still there?")).await;
    raw.send(Bytes::frame(FIN | PONG, b"nobody asked")).await;
    for piece in body[torn..body.len() - 1].chunks(7) {
        raw.send(Bytes::frame(0, piece)).await;
    }
    raw.send(Bytes::frame(FIN, &body[body.len() - 1..])).await;
    assert_eq!(raw.frame().await, Some((FIN | PONG, b"still there?".to_vec())));
    let mut frames = [raw.json().await, raw.json().await];
    frames.sort_by_key(|frame| frame["op"].to_string());
    assert_eq!((&frames[0]["op"], &frames[0]["rid"]), (&json!("ack"), &json!("€")));
    assert_eq!(frames[1]["d"]["content"], "In pieces: €");

    // Byte by byte, and many in one write.
    for byte in text(r#"{"op":"heartbeat"}"#).0 {
        raw.write(&[byte]).await;
    }
    assert_eq!(raw.json().await["op"], "heartbeat_ack");
    let many = text(r#"{"op":"heartbeat"}"#).then(text(r#"{"op":"heartbeat"}"#));
    raw.send(many).await;
    for _ in 0..2 {
        assert_eq!(raw.json().await["op"], "heartbeat_ack");
    }
    raw.send(Bytes::frame(FIN | CLOSE, &1000_u16.to_be_bytes())).await;
    assert_eq!(raw.end().await, Some(1000));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fragments_without_an_end_are_bounded() {
    let app = served(|_| {}).await;
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let mut ears = Socket::connect(&ada).await;
    let mut raw = Raw::enter(&app, &ada, "/gateway").await;
    raw.send(Bytes::frame(TEXT, b"{")).await;
    // As many as it takes: what a message may have is used up soon, and then the line is closed.
    let mut sent = 0;
    while sent < 100_000_000 && raw.send(Bytes::frame(0, &[b' '; 1_000])).await {
        sent += 1_000;
    }
    assert!(sent < 100_000_000, "{sent} bytes of one message were taken");

    // Empty ones take no room, for as long as they last.
    let mut raw = Raw::enter(&app, &ada, "/gateway").await;
    raw.send(Bytes::frame(TEXT, br#"{"op":"#)).await;
    for _ in 0..10_000 {
        raw.send(Bytes::frame(0, b"")).await;
    }
    serves(&mut ears, &general, "meanwhile").await;
    raw.send(Bytes::frame(FIN, br#""heartbeat"}"#)).await;
    while raw.json().await["op"] != "heartbeat_ack" {}
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_is_no_frame_ends_the_socket_however_deep_it_is() {
    let app = served(|_| {}).await;
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let mut ears = Socket::connect(&ada).await;
    let deep = |open: &str| format!("{}{}", open.repeat(8_000 / open.len()), "");
    let whole = |open: &str, close: &str| format!("{}1{}", open.repeat(1_500), close.repeat(1_500));
    let nested = whole("[", "]");
    let mut bad = vec![
        ("open arrays", deep("[")),
        ("open objects", deep(r#"{"a":"#)),
        ("an identification that is deep", format!(r#"{{"op":"identify","d":{}}}"#, whole(r#"{"a":"#, "}"))),
        ("a token that is deep", format!(r#"{{"op":"identify","d":{{"token":{nested}}}}}"#)),
        ("cursors that are deep", format!(r#"{{"op":"resume","d":{{"token":"x","cursors":{nested}}}}}"#)),
        ("a name that is too long", format!(r#"{{"op":"typing","rid":"{}"}}"#, "x".repeat(65))),
        (
            "a number beyond numbers",
            format!(r#"{{"op":"resume","d":{{"token":"x","cursors":{{"1":{}}}}}}}"#, "9".repeat(4_000)),
        ),
        ("a null byte", "\0".to_owned()),
        ("half an escape", r#"{"op":"\ud800"#.to_owned()),
    ];
    bad.push(("nothing", String::new()));
    for (what, frame) in bad {
        let mut raw = Raw::open(&app, "/gateway").await;
        raw.send(text(&frame)).await;
        let code = raw.end().await;
        assert!(code.is_some_and(|code| code != 1000), "{what}: {code:?}");
        serves(&mut ears, &general, what).await;
    }
    // A command's body is refused, and the socket goes on.
    let mut socket = Socket::connect(&ada).await;
    for body in [nested.clone(), format!(r#"{{"channel_id":"1","content":{nested}}}"#)] {
        socket.send_text(format!(r#"{{"op":"send_message","rid":"deep","d":{body}}}"#)).await;
        let mut answer = socket.frame().await;
        while answer["op"] == "event" {
            answer = socket.frame().await;
        }
        assert_eq!((&answer["op"], &answer["rid"]), (&json!("error"), &json!("deep")), "{answer}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_message_end_the_socket_however_much_they_promise() {
    let app = served(|_| {}).await;
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let mut ears = Socket::connect(&ada).await;
    let good = b"\x81\xa2op\xa9heartbeat";
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("half a message", good[..8].to_vec()),
        ("more than a message", [&good[..], b"\x01"].concat()),
        ("a text of four gigabytes", b"\xdb\xff\xff\xff\xff".to_vec()),
        ("a list of four billions", b"\xdd\xff\xff\xff\xff".to_vec()),
        ("a map of four billions", b"\xdf\xff\xff\xff\xff".to_vec()),
        ("four gigabytes of bytes", b"\xc6\xff\xff\xff\xff".to_vec()),
        ("an extension of four gigabytes", b"\xc9\xff\xff\xff\xff\x01".to_vec()),
        ("lists in lists", vec![0x91; 16_000]),
        ("maps in maps", b"\x81\xa1a".repeat(5_000)),
        ("a byte that is never used", vec![0xc1]),
        ("a key that is no text", b"\x81\x01\x01".to_vec()),
        ("text that is none", b"\x81\xa2op\xa2\xff\xfe".to_vec()),
        ("what isn't compressed", [&[0x78, 0x9c][..], &[0xff; 600]].concat()),
    ];
    for (what, bytes) in bad {
        for path in ["/gateway?encoding=msgpack", "/gateway?encoding=msgpack&compress=deflate"] {
            let mut raw = Raw::open(&app, path).await;
            raw.send(Bytes::frame(FIN | BINARY, &bytes)).await;
            let code = raw.end().await;
            assert!(code.is_some_and(|code| code != 1000), "{what}: {code:?}");
        }
        serves(&mut ears, &general, what).await;
    }
    for bad in ["encoding=xml", "compress=zip", "encoding=", "encoding=json&compress="] {
        let mut raw = Raw::connect(&app).await;
        raw.write(upgrade(&format!("/gateway?{bad}"), "").as_bytes()).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 400"), "{bad}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_are_slow_or_wrong_hold_nobody_up() {
    let app = served(|_| {}).await;
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut raw = Raw::connect(&app).await;
        raw.write(&upgrade("/gateway", "").as_bytes()[..60]).await;
        waiting.push(raw);
    }
    let mut ears = Socket::connect(&ada).await;
    serves(&mut ears, &general, "meanwhile").await;
    // Whoever is slow and right is let in.
    let slow = &mut waiting[0];
    for byte in &upgrade("/gateway", "").as_bytes()[60..] {
        slow.write(&[*byte]).await;
    }
    assert!(slow.head().await.starts_with("HTTP/1.1 101"));
    assert_eq!(slow.json().await["op"], "hello");

    let good = upgrade("/gateway", "");
    let wrong = [
        good.replace("upgrade: websocket\r\n", ""),
        good.replace("websocket-version: 13", "websocket-version: 8"),
        good.replace(&format!("sec-websocket-key: {KEY}\r\n"), ""),
        good.replace("GET", "POST"),
        good.replace("connection: upgrade", "connection: close"),
        upgrade("/gateway", &format!("x: {}\r\n", "x".repeat(40_000))),
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03".to_owned() + "\r\n\r\n",
    ];
    for wrong in wrong {
        let mut raw = Raw::connect(&app).await;
        raw.write(wrong.as_bytes()).await;
        let head = raw.head().await;
        assert!(head.is_empty() || head.starts_with("HTTP/1.1 4"), "{wrong}: {head}");
    }
    serves(&mut ears, &general, "afterwards").await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_strangers_open_nothing() {
    let app = served(|config| {
        config.allowed_origins = vec!["https://chat.example".into()];
    })
    .await;
    let polling = |origin: &str| {
        format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: guildhall.test\r\norigin: {origin}\r\n\r\n")
    };
    let socket = |path: &str, origin: &str| upgrade(path, &format!("origin: {origin}\r\n"));
    let engine = "/socket.io/?EIO=4&transport=websocket";
    for origin in ["https://evil.example", "null", "https://chat.example.evil.example", "http://chat.example"] {
        for request in [socket("/gateway", origin), socket(engine, origin), polling(origin)] {
            let mut raw = Raw::connect(&app).await;
            raw.write(request.as_bytes()).await;
            let head = raw.head().await;
            assert!(head.starts_with("HTTP/1.1 403"), "{request}: {head}");
        }
    }
    for origin in ["https://chat.example", "http://guildhall.test"] {
        for (request, status) in
            [(socket("/gateway", origin), 101), (socket(engine, origin), 101), (polling(origin), 200)]
        {
            let mut raw = Raw::connect(&app).await;
            raw.write(request.as_bytes()).await;
            let head = raw.head().await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {head}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_takes_no_more_than_it_should() {
    let app = served(|_| {}).await;
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let mut ears = Socket::connect(&ada).await;
    let http = reqwest::Client::new();
    let base = format!("{}/socket.io/?EIO=4&transport=polling", app.url);
    let open = async || {
        let opened = http.get(&base).send().await.expect("an answer").text().await.expect("text");
        let opened: Value = serde_json::from_str(&opened[1..]).expect("JSON");
        format!("{base}&sid={}", opened["sid"].as_str().expect("a name"))
    };
    let post =
        async |url: &str, body: Vec<u8>| http.post(url).body(body).send().await.expect("an answer").status().as_u16();
    let url = open().await;
    assert_eq!(post(&url, vec![b'3'; 1_000_001]).await, 413);
    assert_eq!(post(&url, [b"4", &[b'x'; 16_384][..]].concat()).await, 413);
    assert_eq!(post(&url, b"4\xff\xfe".to_vec()).await, 400);
    assert_eq!(post(&base, b"3".to_vec()).await, 400);
    assert_eq!(post(&format!("{base}&sid=nobody"), b"3".to_vec()).await, 400);
    serves(&mut ears, &general, "so far").await;

    for bad in ["4", "49", "45-[]", "42", "42[]", "42[1]", "42{", "40{", "421234567890[", "x", "5", "2probe"] {
        let url = open().await;
        let status = post(&url, bad.as_bytes().to_vec()).await;
        assert!([200, 400].contains(&status), "{bad}: {status}");
        serves(&mut ears, &general, bad).await;
    }
    // Thousands of packets in one request, two requests for packets at once, and nobody who asks for them.
    let url = open().await;
    let many = tokio::time::timeout(PATIENCE, post(&url, "3\x1e".repeat(20_000).into_bytes())).await;
    assert!(many.is_ok_and(|status| [200, 400].contains(&status)));
    let url = open().await;
    let polls = [http.get(&url).send(), http.get(&url).send()];
    let polls: Vec<_> = polls.into_iter().map(|poll| tokio::time::timeout(Duration::from_millis(100), poll)).collect();
    futures_util::future::join_all(polls).await;
    serves(&mut ears, &general, "and after all").await;
    app.stop().await;
}
