//! Clients that come back to the native gateway with where they stood.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Socket, User};

/// Where a client stands in each stream, as the server told it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cursors(pub BTreeMap<String, i64>);

impl Cursors {
    /// As `ready` or `resumed` say.
    pub fn of(standing: &Value) -> Cursors {
        let streams = standing["streams"].as_array().expect("streams").iter();
        let stands = |stream: &Value| Some((stream["id"].as_str()?.to_owned(), stream["s"].as_i64()?));
        Cursors(streams.map(|stream| stands(stream).expect("a stream and its position")).collect())
    }

    /// Takes in what a frame says of a position: an event, a `resync`, or a heartbeat's answer.
    pub fn hear(&mut self, frame: &Value) {
        let (op, body) = (frame["op"].as_str().unwrap_or_default(), &frame["d"]);
        match op {
            "event" => {
                if let (Some(stream), Some(position)) = (frame["g"].as_str(), frame["s"].as_i64()) {
                    self.0.insert(stream.to_owned(), position);
                }
            }
            "resync" => {
                let stream = body["stream"].as_str().expect("a stream").to_owned();
                match body["snapshot"]["s"].as_i64() {
                    Some(position) => drop(self.0.insert(stream, position)),
                    None => drop(self.0.remove(&stream)),
                }
            }
            "heartbeat_ack" => {
                for (stream, position) in body["cursors"].as_object().into_iter().flatten() {
                    self.0.insert(stream.clone(), position.as_i64().expect("a position"));
                }
            }
            _ => {}
        }
    }

    /// The position in a stream.
    pub fn at(&self, stream: &str) -> i64 {
        *self.0.get(stream).unwrap_or_else(|| panic!("a position in {stream}: {self:?}"))
    }

    /// As `resume` wants them.
    pub fn json(&self) -> Value {
        json!(self.0)
    }
}

/// A client that has come back.
pub struct Back {
    /// Its socket, from here on.
    pub socket: Socket,
    /// Everything that it was told before `resumed`, in order.
    pub frames: Vec<Value>,
    /// The events that it had missed, as frames.
    pub missed: Vec<Value>,
    /// The streams that it must fetch anew.
    pub resyncs: Vec<Value>,
    /// Where it stands now.
    pub cursors: Cursors,
}

impl Back {
    /// Comes back from where it stood, wanting everything.
    pub async fn from(user: &User, cursors: &Cursors) -> Back {
        Back::with(user, cursors, json!({})).await
    }

    /// Comes back with more to say than where it stood.
    pub async fn with(user: &User, cursors: &Cursors, more: Value) -> Back {
        let mut socket = Socket::open(&user.url).await;
        socket.send(resume(user, &cursors.json(), more)).await;
        let (mut frames, mut cursors) = (Vec::new(), cursors.clone());
        loop {
            let frame = socket.frame().await;
            cursors.hear(&frame);
            match frame["op"].as_str() {
                Some("event" | "resync") => frames.push(frame),
                Some("resumed") => {
                    socket.ready = frame["d"].clone();
                    cursors.0.extend(Cursors::of(&frame["d"]).0);
                    let (missed, resyncs): (Vec<Value>, Vec<Value>) =
                        frames.iter().cloned().partition(|frame| frame["op"] == "event");
                    let resyncs = resyncs.into_iter().map(|frame| frame["d"].clone()).collect();
                    return Back { socket, frames, missed, resyncs, cursors };
                }
                _ => panic!("unexpected while resuming: {frame}"),
            }
        }
    }

    /// Wants to come back in a way that isn't accepted; answers the code.
    pub async fn refused(user: &User, cursors: Value, more: Value) -> u16 {
        let mut socket = Socket::open(&user.url).await;
        socket.send(resume(user, &cursors, more)).await;
        socket.close_code().await
    }

    /// What happened meanwhile, as names with the text of messages.
    pub fn told(&self) -> Vec<String> {
        let told = |frame: &Value| match frame["d"]["content"].as_str() {
            Some(content) => format!("{} {content}", frame["t"].as_str().unwrap_or_default()),
            None => frame["t"].as_str().unwrap_or_default().to_owned(),
        };
        self.missed.iter().map(told).collect()
    }

    /// The one stream that must be fetched anew: its id and the reason.
    #[track_caller]
    pub fn resync(&self) -> (&str, &str) {
        match &self.resyncs[..] {
            [one] => (one["stream"].as_str().expect("a stream"), one["reason"].as_str().expect("a reason")),
            other => panic!("one resync was expected, not {other:?}; missed: {:?}", self.told()),
        }
    }
}

fn resume(user: &User, cursors: &Value, more: Value) -> Value {
    let token = user.token.strip_prefix("Bearer ").unwrap_or(&user.token);
    let mut body = json!({"token": token, "cursors": cursors});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    json!({"op": "resume", "d": body})
}
