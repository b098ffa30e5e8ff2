//! A client on the native gateway whose network lets no WebSocket through.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, TestApp, User};

/// How long a story waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A session without a socket.
pub struct Fallback {
    /// Who makes its requests.
    pub client: User,
    /// The name of the session.
    pub sid: String,
    /// The number of the last frame that it has.
    pub after: u64,
    waiting: VecDeque<Value>,
}

impl Fallback {
    /// Opens a session that has said nothing yet.
    pub async fn open(app: &TestApp) -> Fallback {
        let client = app.nobody();
        let opened = client.post("//gateway/fallback", json!({})).await.expect(201);
        let sid = opened["sid"].as_str().expect("a name").to_owned();
        Fallback { client, sid, after: 0, waiting: VecDeque::new() }
    }

    /// Opens a session as somebody who wants to receive everything.
    pub async fn connect(app: &TestApp, user: &User) -> Fallback {
        let mut session = Fallback::open(app).await;
        assert_eq!(session.frame().await["op"], "hello");
        let token = user.token.strip_prefix("Bearer ").unwrap_or(&user.token);
        session.send(&[json!({"op": "identify", "d": {"token": token}})]).await;
        assert_eq!(session.frame().await["op"], "ready");
        session
    }

    /// A request of the session.
    pub fn request(&self, method: Method) -> reqwest::RequestBuilder {
        self.client.request(method, &format!("//gateway/fallback/{}", self.sid))
    }

    /// Posts frames, one on each line.
    pub async fn send(&self, frames: &[Value]) {
        let lines: Vec<String> = frames.iter().map(Value::to_string).collect();
        let answer = self.client.answer(self.request(Method::POST).body(lines.join("\n"))).await;
        assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    }

    /// Asks for the frames behind one.
    pub async fn poll(&self, after: u64) -> Answer {
        let request = self.client.request(Method::GET, &format!("//gateway/fallback/{}?after={after}", self.sid));
        tokio::time::timeout(PATIENCE, self.client.answer(request)).await.expect("an answer in time")
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Value {
        while self.waiting.is_empty() {
            let answer = self.poll(self.after).await.expect(200);
            let frames = answer["frames"].as_array().expect("frames");
            assert_eq!(answer["next"].as_u64(), Some(self.after + frames.len() as u64));
            self.after += frames.len() as u64;
            self.waiting.extend(frames.iter().cloned());
        }
        self.waiting.pop_front().expect("one that waits")
    }

    /// The next frame with this `op`; others are passed over.
    pub async fn next(&mut self, op: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["op"] == op {
                return frame;
            }
        }
    }
}

/// Server-sent events of a session.
pub struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    /// Begins a stream; with the number of the last event that an earlier one brought.
    pub async fn begin(session: &Fallback, last: Option<u64>) -> Events {
        let request = session.request(Method::GET).header("accept", "text/event-stream");
        let request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
        let response = request.send().await.expect("a stream");
        assert_eq!(response.status().as_u16(), 200);
        for (name, value) in
            [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
        {
            assert_eq!(response.headers()[name], value);
        }
        Events { response, text: String::new() }
    }

    /// The next event with its number; nothing if the stream has ended.
    pub async fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (id, data) = (line("id: "), line("data: "));
                self.text = rest.to_owned();
                let (Some(id), Some(data)) = (id, data) else { continue };
                return Some((id.parse().expect("a number"), serde_json::from_str(&data).expect("JSON")));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something in time");
            self.text.push_str(std::str::from_utf8(&chunk.expect("a whole stream")?).expect("text"));
        }
    }
}
