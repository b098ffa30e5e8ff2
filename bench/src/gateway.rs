//! The native gateway's client side: from connecting to `ready`, and the frames that follow.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::http;
use crate::inbox::Inbox;
use crate::websocket::{self, CLOSE, SAMPLE_KEY};

/// The front of every frame that announces a new message.
pub const MESSAGE_CREATED: &[u8] = br#"{"op":"event","t":"message_created""#;

/// Which events a session is sent without joining a room.
#[derive(Clone, Copy)]
pub enum Subscribe {
    All,
    None,
}

/// A session that has been told that it is ready, on a socket that still blocks.
pub struct Session {
    pub stream: TcpStream,
    pub inbox: Inbox,
    pub heartbeat: Heartbeat,
}

impl Session {
    /// Connects, identifies with `token` and waits for `ready`.
    pub fn open(address: SocketAddr, token: &str, subscribe: Subscribe) -> Result<Session> {
        let (mut stream, mut inbox) = (http::connect(address)?, Inbox::new());
        upgrade(&mut stream, &mut inbox)?;

        let hello = wait_for(&mut stream, &mut inbox, "hello")?;
        let interval = hello["d"]["heartbeat_interval_ms"].as_u64().context("hello names no heartbeat interval")?;
        let subscribe = match subscribe {
            Subscribe::All => "all",
            Subscribe::None => "none",
        };
        let identify = format!(r#"{{"op":"identify","d":{{"token":"{token}","subscribe":"{subscribe}"}}}}"#);
        let mut frame = Vec::new();
        websocket::push_masked_text(&mut frame, identify.as_bytes());
        stream.write_all(&frame)?;
        wait_for(&mut stream, &mut inbox, "ready")?;
        Ok(Session { stream, inbox, heartbeat: Heartbeat::every(Duration::from_millis(interval)) })
    }
}

fn upgrade(stream: &mut TcpStream, inbox: &mut Inbox) -> Result<()> {
    let request = format!(
        "GET /gateway HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {SAMPLE_KEY}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    loop {
        if let Some(reply) = http::parse_reply(inbox.received())? {
            ensure!(reply.status == 101, "the gateway answered the upgrade with {}", reply.status);
            inbox.take(reply.body.end);
            return Ok(());
        }
        inbox.read_once(stream).context("waiting for the upgrade")?;
    }
}

fn wait_for(stream: &mut TcpStream, inbox: &mut Inbox, op: &str) -> Result<Value> {
    loop {
        let frame = next_text(inbox.received())?.map(|(text, end)| (serde_json::from_slice::<Value>(text), end));
        let Some((frame, end)) = frame else {
            inbox.read_once(stream).with_context(|| format!("waiting for {op}"))?;
            continue;
        };
        inbox.take(end);
        let frame = frame?;
        if frame["op"] == op {
            return Ok(frame);
        }
        ensure!(frame["op"] != "error", "the gateway answered {frame} instead of {op}");
    }
}

/// The text of the frame at the front of `received`, and where the frame ends; none while it isn't whole.
pub fn next_text(received: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let Some(frame) = websocket::parse(received)? else {
        return Ok(None);
    };
    let (text, end) = (&received[frame.payload.clone()], frame.payload.end);
    if frame.opcode == CLOSE {
        let code = text.first_chunk().map_or(0, |code| u16::from_be_bytes(*code));
        bail!(
            "the gateway closed the connection: {code} {}",
            String::from_utf8_lossy(text.get(2..).unwrap_or_default())
        );
    }
    Ok(Some((text, end)))
}

/// The position of an event in its stream, read from the front of its frame.
pub fn position(event: &[u8]) -> Result<u64> {
    const NAME: &[u8] = br#""s":"#;
    let at = event.windows(NAME.len()).position(|window| window == NAME).context("an event without a position")?;
    let digits = event[at + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    Ok(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// Remembers when a session owes its next sign of life.
pub struct Heartbeat {
    interval: Duration,
    due: Instant,
}

impl Heartbeat {
    pub fn every(interval: Duration) -> Heartbeat {
        Heartbeat { interval, due: Instant::now() + interval }
    }

    /// Appends a heartbeat if one is owed by `now`.
    pub fn push_when_due(&mut self, now: Instant, out: &mut Vec<u8>) {
        if now >= self.due {
            self.due = now + self.interval;
            websocket::push_masked_text(out, br#"{"op":"heartbeat"}"#);
        }
    }
}
