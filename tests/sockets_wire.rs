//! The native gateway as JSON and as MessagePack, compressed or not: the same is said and heard on every wire.

use std::io::Read;
use std::time::Duration;

use flate2::read::ZlibDecoder;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::story;
use crate::support::{Cursors, Socket, User, Value, check_frame, json};

/// How long a story waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Frames of so many bytes are compressed where that is asked for; smaller ones are not.
const LARGE: usize = 512;

/// How frames are written, and how a client asks for it.
#[derive(Debug, Clone, Copy)]
struct Wire {
    query: &'static str,
    packs: bool,
    compresses: bool,
}

const WIRES: [Wire; 5] = [
    Wire { query: "", packs: false, compresses: false },
    Wire { query: "?encoding=json", packs: false, compresses: false },
    Wire { query: "?compress=deflate", packs: false, compresses: true },
    Wire { query: "?encoding=msgpack", packs: true, compresses: false },
    Wire { query: "?encoding=msgpack&compress=deflate", packs: true, compresses: true },
];

/// A client that reads frames as they travel.
struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    wire: Wire,
    /// The last frame, as it came.
    bytes: Vec<u8>,
}

impl Client {
    /// Opens a socket; the server's greeting is read.
    async fn open(user: &User, wire: Wire) -> Client {
        let url = format!("{}/gateway{}", user.url.replacen("http", "ws", 1), wire.query);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        let mut client = Client { socket, wire, bytes: Vec::new() };
        assert_eq!(client.frame().await["op"], "hello");
        client
    }

    /// Comes in, wanting everything; answers the body of `ready`, too.
    async fn connect(user: &User, wire: Wire) -> (Client, Value) {
        let mut client = Client::open(user, wire).await;
        client.send(&json!({"op": "identify", "d": {"token": token(user)}})).await;
        let ready = client.frame().await;
        assert_eq!(ready["op"], "ready", "{ready}");
        (client, ready["d"].clone())
    }

    /// Sends a frame.
    async fn send(&mut self, frame: &Value) {
        let message = match self.wire.packs {
            true => Message::binary(rmp_serde::to_vec(frame).expect("MessagePack")),
            false => Message::text(frame.to_string()),
        };
        self.socket.send(message).await.expect("a frame goes out");
    }

    /// The next frame. It must have come as the wire says: packed or not, and compressed only if that is worth it.
    async fn frame(&mut self) -> Value {
        let (came, is_text) = loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => break (text.as_bytes().to_vec(), true),
                Some(Ok(Message::Binary(bytes))) => break (bytes.to_vec(), false),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a frame was expected, not {other:?}"),
            }
        };
        // No MessagePack map begins with this byte.
        let is_compressed = !is_text && came.first() == Some(&0x78);
        let mut whole = came.clone();
        if is_compressed {
            whole.clear();
            ZlibDecoder::new(&came[..]).read_to_end(&mut whole).expect("zlib data");
        }
        let wire = self.wire;
        assert_eq!(is_compressed, wire.compresses && whole.len() >= LARGE, "{wire:?}: {} bytes", whole.len());
        assert_eq!(is_text, !wire.packs && !is_compressed, "{wire:?}");
        assert!(!is_compressed || came.len() < whole.len(), "{wire:?}: {} of {} bytes", came.len(), whole.len());
        let frame: Value = match wire.packs {
            true => rmp_serde::from_slice(&whole).expect("MessagePack"),
            false => serde_json::from_slice(&whole).expect("JSON"),
        };
        check_frame(&frame);
        self.bytes = came;
        frame
    }

    /// The next message that it hears of, as a frame; other events are passed over.
    async fn message(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["t"] == "message_created" {
                return frame;
            }
            assert_eq!(frame["op"], "event", "{frame}");
        }
    }
}

fn token(user: &User) -> &str {
    user.token.strip_prefix("Bearer ").unwrap_or(&user.token)
}

/// Four thousand characters, and more bytes.
fn long() -> String {
    "ğüş👍.".repeat(800)
}

story!(a_client_on_any_wire_says_and_hears_what_others_do, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut plain = Socket::connect(&ada).await;
    for wire in WIRES {
        let (mut client, ready) = Client::connect(&bob, wire).await;
        assert_eq!(ready["streams"], Socket::connect(&bob).await.ready["streams"], "{wire:?}");
        for content in [long(), "short".to_owned()] {
            let body = json!({"channel_id": general, "content": content});
            client.send(&json!({"op": "send_message", "rid": "ğ", "d": body})).await;
            let (mut ack, mut event) = (Value::Null, Value::Null);
            while ack.is_null() || event.is_null() {
                let frame = client.frame().await;
                match frame["op"].as_str() {
                    Some("ack") => ack = frame,
                    _ => event = frame,
                }
            }
            let expected = plain.event_frame("message_created").await;
            assert_eq!(expected["d"]["content"], content);
            assert_eq!(event, expected, "{wire:?}");
            assert_eq!(ack, json!({"op": "ack", "rid": "ğ", "d": expected["d"]}), "{wire:?}");
        }
        client.send(&json!({"op": "dance", "rid": "1"})).await;
        let refused = client.frame().await;
        assert_eq!((&refused["op"], &refused["problem"]["code"]), (&json!("error"), &json!("INVALID_FIELDS")));
        client.send(&json!({"op": "heartbeat"})).await;
        assert_eq!(client.frame().await["op"], "heartbeat_ack", "{wire:?}");
    }
});

story!(a_client_on_any_wire_comes_back, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mut plain = Socket::connect(&ada).await;
    for wire in WIRES {
        let (mut client, ready) = Client::connect(&bob, wire).await;
        let mut cursors = Cursors::of(&ready);
        ada.say(&general, "heard").await;
        cursors.hear(&client.message().await);
        plain.event("message_created").await;
        drop(client);
        let mut expected = Vec::new();
        for content in [long(), "short".to_owned()] {
            ada.say(&general, &content).await;
            expected.push(plain.event_frame("message_created").await);
        }

        let mut back = Client::open(&bob, wire).await;
        let resume = json!({"token": token(&bob), "cursors": cursors.json()});
        back.send(&json!({"op": "resume", "d": resume})).await;

        let missed = [back.frame().await, back.frame().await];
        assert_eq!(missed.as_slice(), expected, "{wire:?}");
        let resumed = back.frame().await;
        assert_eq!(resumed["op"], "resumed", "{wire:?}: {resumed}");
        assert!(Some(Cursors::of(&resumed["d"]).at(&guild)) >= expected[1]["s"].as_i64(), "{wire:?}: {resumed}");
        ada.say(&general, "live").await;
        assert_eq!(back.message().await, plain.event_frame("message_created").await, "{wire:?}");
    }
});

story!(who_asked_for_the_same_wire_receives_the_same_bytes, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut plain = Socket::connect(&ada).await;
    let mut pairs = Vec::new();
    for wire in WIRES {
        pairs.push([Client::connect(&ada, wire).await.0, Client::connect(&bob, wire).await.0]);
    }
    for content in [long(), "short".to_owned()] {
        ada.say(&general, &content).await;
        let expected = plain.event_frame("message_created").await;
        for [hers, his] in &mut pairs {
            assert_eq!(hers.message().await, expected, "{:?}", hers.wire);
            assert_eq!(his.message().await, expected, "{:?}", his.wire);
            assert!(hers.bytes == his.bytes, "{:?}", his.wire);
        }
    }
});
