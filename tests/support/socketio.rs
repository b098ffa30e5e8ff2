//! A client of Socket.IO, written by hand: over a WebSocket alone, or by polling alone.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{Cursors, User};

/// How long a story waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(15);

/// How packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Travel {
    /// Over a WebSocket from the first packet on.
    Socket,
    /// By requests that come and go.
    Polling,
}

impl Travel {
    /// Both ways.
    pub const BOTH: [Travel; 2] = [Travel::Socket, Travel::Polling];
}

enum Line {
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Polling { http: reqwest::Client, url: String, came: VecDeque<String> },
}

/// A client. What comes is turned into frames as the native gateway would write them, as far as it goes:
/// `{t, d}` for events, `{rid, d}` for acknowledgements, `{op, …}` for the rest.
pub struct SocketIo {
    line: Line,
    /// What the server said when it let the client in: the body of `ready` or `resumed`.
    pub ready: Value,
    waiting: Vec<Value>,
    asked: u64,
}

impl SocketIo {
    /// Connects as somebody with an access token, and waits until it is let in.
    pub async fn connect(user: &User, travel: Travel) -> SocketIo {
        SocketIo::connect_with(user, travel, json!({})).await
    }

    /// The same with more in `auth`.
    pub async fn connect_with(user: &User, travel: Travel, more: Value) -> SocketIo {
        let mut client = SocketIo::open(&user.url, travel).await;
        client.introduce(user, more).await;
        client.expect("connected").await;
        let ready = client.frame().await;
        assert_eq!(ready["t"], "ready", "{ready}");
        client.ready = ready["d"].clone();
        client
    }

    /// Comes back from where it stood: the client, the events that it missed, and the streams that it must
    /// fetch anew.
    pub async fn resume(
        user: &User,
        travel: Travel,
        cursors: &Cursors,
        more: Value,
    ) -> (SocketIo, Vec<Value>, Vec<Value>) {
        let mut client = SocketIo::open(&user.url, travel).await;
        let mut auth = more;
        auth["cursors"] = cursors.json();
        client.introduce(user, auth).await;
        client.expect("connected").await;
        let (mut missed, mut resyncs) = (Vec::new(), Vec::new());
        loop {
            let frame = client.frame().await;
            match frame["t"].as_str() {
                Some("resync") => resyncs.push(frame["d"].clone()),
                Some("resumed") => {
                    client.ready = frame["d"].clone();
                    return (client, missed, resyncs);
                }
                Some("ready") => panic!("whoever comes back isn't told everything: {frame}"),
                Some(_) => missed.push(frame),
                None => panic!("unexpected while resuming: {frame}"),
            }
        }
    }

    /// Opens a line, and says nothing yet.
    pub async fn open(url: &str, travel: Travel) -> SocketIo {
        let line = match travel {
            Travel::Socket => {
                let url = format!("{}/socket.io/?EIO=4&transport=websocket", url.replacen("http", "ws", 1));
                Line::Socket(Box::new(tokio_tungstenite::connect_async(url).await.expect("a socket").0))
            }
            Travel::Polling => {
                let url = format!("{url}/socket.io/?EIO=4&transport=polling");
                Line::Polling { http: reqwest::Client::new(), url, came: VecDeque::new() }
            }
        };
        let mut client = SocketIo { line, ready: Value::Null, waiting: Vec::new(), asked: 0 };
        let open = client.packet().await;
        let open: Value = serde_json::from_str(open.strip_prefix('0').expect("an open packet")).expect("JSON");
        if let Line::Polling { url, .. } = &mut client.line {
            *url = format!("{url}&sid={}", open["sid"].as_str().expect("a name"));
        }
        client
    }

    /// Says who it is.
    pub async fn introduce(&mut self, user: &User, more: Value) {
        let mut auth = more;
        auth["token"] = json!(user.token.strip_prefix("Bearer ").unwrap_or(&user.token));
        self.send(format!("40{auth}")).await;
    }

    /// Sends a packet of Engine.IO.
    pub async fn send(&mut self, packet: String) {
        match &mut self.line {
            Line::Socket(socket) => socket.send(Message::text(packet)).await.expect("a packet goes out"),
            Line::Polling { http, url, .. } => {
                let posted = http.post(&*url).body(packet).send().await.expect("an answer");
                assert_eq!(posted.status().as_u16(), 200, "{:?}", posted.text().await);
            }
        }
    }

    /// The next packet of Engine.IO; pings are answered. What ends the line is `1`, with the code of a
    /// WebSocket behind it.
    async fn packet(&mut self) -> String {
        loop {
            let packet = match &mut self.line {
                Line::Socket(socket) => match socket.next().await {
                    Some(Ok(Message::Text(text))) => text.to_string(),
                    Some(Ok(Message::Close(Some(end)))) => format!("1{}", u16::from(end.code)),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    _ => "1".to_owned(),
                },
                Line::Polling { http, url, came } => match came.pop_front() {
                    Some(packet) => packet,
                    None => {
                        // A server that is gone answers nothing.
                        let answer = http.get(&*url).send().await.ok().filter(|answer| answer.status() == 200);
                        match answer {
                            Some(answer) => {
                                let packets = answer.text().await.expect("text");
                                came.extend(packets.split('\x1e').map(str::to_owned));
                            }
                            None => came.push_back("1".to_owned()),
                        }
                        continue;
                    }
                },
            };
            match packet.as_str() {
                "2" => self.send("3".to_owned()).await,
                "6" => {}
                _ => return packet,
            }
        }
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Value {
        let packet = tokio::time::timeout(PATIENCE, self.packet()).await.expect("a packet in time");
        let json = |text: &str| -> Value { serde_json::from_str(text).unwrap_or_else(|_| panic!("JSON: {packet}")) };
        match packet.split_at_checked(2) {
            Some(("40", body)) => json!({"op": "connected", "d": json(body)}),
            Some(("44", body)) => json!({"op": "connect_error", "d": json(body)}),
            Some(("42", body)) => {
                let array = json(body);
                json!({"t": array[0], "d": array[1]})
            }
            Some(("43", body)) => {
                let (rid, array) = body.split_at(body.find('[').expect("an array"));
                json!({"rid": rid, "d": json(array)[0]})
            }
            _ if packet.starts_with('1') || packet == "41" => {
                json!({"op": "end", "code": packet[1..].parse::<u16>().ok()})
            }
            _ => panic!("a packet that no client knows: {packet}"),
        }
    }

    async fn expect(&mut self, op: &str) -> Value {
        let frame = self.frame().await;
        assert_eq!(frame["op"], op, "{frame}");
        frame
    }

    /// What the server says to a client that it doesn't let in.
    pub async fn refusal(&mut self) -> Value {
        self.expect("connect_error").await["d"].clone()
    }

    /// Emits an event and waits for the acknowledgement: its body, or the problem.
    pub async fn request(&mut self, name: &str, body: Value) -> Result<Value, Value> {
        self.asked += 1;
        let rid = self.asked.to_string();
        self.send(format!("42{rid}{}", json!([name, body]))).await;
        loop {
            let frame = self.frame().await;
            assert_ne!(frame["op"], "end", "{name} was not answered");
            if frame["rid"] != rid {
                self.waiting.push(frame);
                continue;
            }
            return match &frame["d"]["ok"] {
                Value::Bool(true) => Ok(frame["d"]["d"].clone()),
                _ => Err(frame["d"]["problem"].clone()),
            };
        }
    }

    /// Emits an event that nobody must acknowledge.
    pub async fn emit(&mut self, name: &str, body: Value) {
        self.send(format!("42{}", json!([name, body]))).await;
    }

    /// The body of the next event of this name; others are passed over.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = if self.waiting.is_empty() { self.frame().await } else { self.waiting.remove(0) };
            assert_ne!(frame["op"], "end", "the line ends before {name} comes");
            if frame["t"] == name {
                return frame["d"].clone();
            }
        }
    }

    /// The bodies of all events of this name that have come: asks for something, and looks at all that
    /// came before the answer.
    pub async fn drain(&mut self, name: &str) -> Vec<Value> {
        let _ = self.request("leave_room", json!({"room": "channel:1"})).await;
        let (found, rest): (Vec<Value>, Vec<Value>) = self.waiting.drain(..).partition(|frame| frame["t"] == name);
        self.waiting = rest;
        found.into_iter().map(|frame| frame["d"].clone()).collect()
    }

    /// Waits for the end; answers the code, which only a WebSocket has.
    pub async fn ended(&mut self) -> Option<u16> {
        loop {
            let frame = self.frame().await;
            if frame["op"] == "end" {
                return frame["code"].as_u64().and_then(|code| code.try_into().ok());
            }
        }
    }
}
