//! A client on the native gateway.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{User, check_frame};

/// How long a story waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket that has said who it is.
pub struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What the server said when it let the client in.
    pub ready: Value,
    waiting: Vec<Value>,
    next_rid: u64,
}

impl Socket {
    /// Opens a socket that has said nothing yet; the server's greeting is read.
    pub async fn open(url: &str) -> Socket {
        let url = format!("{}/gateway", url.replacen("http", "ws", 1));
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        let mut socket = Socket { socket, ready: Value::Null, waiting: Vec::new(), next_rid: 1 };
        assert_eq!(socket.frame().await["op"], "hello");
        socket
    }

    /// Connects as somebody who wants to receive everything.
    pub async fn connect(user: &User) -> Socket {
        Socket::connect_with(user, "all").await
    }

    /// Connects as somebody who subscribes to `all` or `none`.
    pub async fn connect_with(user: &User, subscribe: &str) -> Socket {
        let mut socket = Socket::open(&user.url).await;
        let token = user.token.strip_prefix("Bearer ").unwrap_or(&user.token);
        socket.send(json!({"op": "identify", "d": {"token": token, "subscribe": subscribe}})).await;
        let ready = socket.frame().await;
        assert_eq!(ready["op"], "ready", "{ready}");
        socket.ready = ready["d"].clone();
        socket
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    /// Sends text.
    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.expect("a frame goes out");
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text).expect("JSON");
                    check_frame(&frame);
                    return frame;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a frame was expected, not {other:?}"),
            }
        }
    }

    /// Asks for something; answers the body of the acknowledgement, or the problem.
    pub async fn request(&mut self, op: &str, body: Value) -> Result<Value, Value> {
        let rid = self.next_rid.to_string();
        self.next_rid += 1;
        self.send(json!({"op": op, "rid": rid, "d": body})).await;
        loop {
            let frame = self.frame().await;
            if frame["rid"] != rid {
                self.waiting.push(frame);
            } else if frame["op"] == "ack" {
                return Ok(frame["d"].clone());
            } else {
                return Err(frame["problem"].clone());
            }
        }
    }

    /// The body of the next event of this name; others are passed over.
    pub async fn event(&mut self, name: &str) -> Value {
        self.event_frame(name).await["d"].clone()
    }

    /// The next event of this name with its stream and position; others are passed over.
    pub async fn event_frame(&mut self, name: &str) -> Value {
        loop {
            let frame = if self.waiting.is_empty() { self.frame().await } else { self.waiting.remove(0) };
            if frame["op"] == "event" && frame["t"] == name {
                return frame;
            }
        }
    }

    /// Checks that no event of this name has come: asks for something and looks at all before the answer.
    pub async fn nothing(&mut self, name: &str) {
        // An answer comes after every event that was handed over before it.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.send(json!({"op": "heartbeat"})).await;
        loop {
            let frame = self.frame().await;
            if frame["op"] == "heartbeat_ack" {
                break;
            }
            self.waiting.push(frame);
        }
        let found = self.waiting.iter().find(|frame| frame["t"] == name);
        assert_eq!(found, None, "no {name} was expected");
    }

    /// The bodies of all events of this name that have come: asks for something, and looks at all that
    /// came before the answer.
    pub async fn drain(&mut self, name: &str) -> Vec<Value> {
        self.send(json!({"op": "heartbeat"})).await;
        loop {
            let frame = self.frame().await;
            if frame["op"] == "heartbeat_ack" {
                break;
            }
            self.waiting.push(frame);
        }
        let (found, rest) = self.waiting.drain(..).partition(|frame: &Value| frame["t"] == name);
        self.waiting = rest;
        let found: Vec<Value> = found;
        found.into_iter().map(|frame| frame["d"].clone()).collect()
    }

    /// Everything that has come: asks for something, and takes all that came up to the answer.
    pub async fn drain_all(&mut self) -> Vec<Value> {
        self.send(json!({"op": "heartbeat"})).await;
        let mut all = std::mem::take(&mut self.waiting);
        while all.last().is_none_or(|frame| frame["op"] != "heartbeat_ack") {
            all.push(self.frame().await);
        }
        all
    }

    /// The code with which the server closes; frames before it are passed over.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("an end in time") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return 1006,
                Some(Ok(_)) => {}
            }
        }
    }
}
