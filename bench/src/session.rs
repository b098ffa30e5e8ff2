//! A client's session on the sockets of a program under test: from connecting until it is in.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::dialect::{self, Dialect, Subscribe, Told};
use crate::http;
use crate::inbox::Inbox;
use crate::websocket::{self, SAMPLE_KEY};

/// A session that has been told that it is ready, on a socket that still blocks.
pub struct Session {
    pub stream: TcpStream,
    pub inbox: Inbox,
    pub dialect: Dialect,
    pub heartbeat: Heartbeat,
}

impl Session {
    /// Connects, says who it is by its `token` and waits until it is in.
    pub fn open(address: SocketAddr, dialect: Dialect, token: &str, subscribe: Subscribe) -> Result<Session> {
        Ok(Session::open_with_snapshot(address, dialect, token, subscribe)?.0)
    }

    /// The same, and what the server said of where things stand.
    pub fn open_with_snapshot(
        address: SocketAddr,
        dialect: Dialect,
        token: &str,
        subscribe: Subscribe,
    ) -> Result<(Session, Vec<u8>)> {
        let (mut stream, mut inbox) = (http::connect(address)?, Inbox::new());
        stream.write_all(&upgrade_request(dialect))?;
        while !take_upgrade(&mut inbox)? {
            inbox.read_once(&mut stream).context("waiting for the upgrade")?;
        }
        let hello = wait_for(&mut stream, &mut inbox, dialect, Told::Hello)?;
        let mut entry = Vec::new();
        dialect.push_entry(&mut entry, token, subscribe);
        stream.write_all(&entry)?;
        let ready = wait_for(&mut stream, &mut inbox, dialect, Told::Ready)?;
        let heartbeat = match dialect {
            Dialect::Native => Heartbeat::announced(&hello)?,
            Dialect::SocketIo => Heartbeat::never(),
        };
        Ok((Session { stream, inbox, dialect, heartbeat }, ready))
    }
}

/// The request that asks for a WebSocket.
pub fn upgrade_request(dialect: Dialect) -> Vec<u8> {
    let path = dialect.path();
    format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {SAMPLE_KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// Takes the answer to [`upgrade_request`]; `false` while it isn't whole.
pub fn take_upgrade(inbox: &mut Inbox) -> Result<bool> {
    let Some(reply) = http::parse_reply(inbox.received())? else {
        return Ok(false);
    };
    ensure!(reply.status == 101, "an upgrade was answered with {}", reply.status);
    inbox.take(reply.body.end);
    Ok(true)
}

fn wait_for(stream: &mut TcpStream, inbox: &mut Inbox, dialect: Dialect, wanted: Told) -> Result<Vec<u8>> {
    loop {
        let Some((text, end)) = dialect::next_text(inbox.received())? else {
            inbox.read_once(stream).with_context(|| format!("waiting for {wanted:?}"))?;
            continue;
        };
        let (told, text) = (dialect.read(text), text.to_vec());
        inbox.take(end);
        if told == wanted {
            return Ok(text);
        }
        ensure!(told != Told::Refused, "a client was not let in: {}", String::from_utf8_lossy(&text));
    }
}

/// Remembers when a session owes its next sign of life.
pub struct Heartbeat {
    interval: Duration,
    due: Option<Instant>,
}

impl Heartbeat {
    fn announced(hello: &[u8]) -> Result<Heartbeat> {
        let hello: Value = serde_json::from_slice(hello)?;
        let interval = hello["d"]["heartbeat_interval_ms"].as_u64().context("hello names no heartbeat interval")?;
        Ok(Heartbeat::every(Duration::from_millis(interval)))
    }

    pub fn every(interval: Duration) -> Heartbeat {
        Heartbeat { interval, due: Some(Instant::now() + interval) }
    }

    /// For a dialect whose server asks.
    pub fn never() -> Heartbeat {
        Heartbeat { interval: Duration::ZERO, due: None }
    }

    /// Moves the first beat forward to a `share` of the interval, so that many clients don't beat at once.
    pub fn stagger(&mut self, share: f64) {
        self.due = self.due.map(|_| Instant::now() + self.interval.mul_f64(share));
    }

    /// Appends a heartbeat if one is owed by `now`.
    pub fn push_when_due(&mut self, now: Instant, out: &mut Vec<u8>) {
        if self.due.is_some_and(|due| now >= due) {
            self.due = Some(now + self.interval);
            websocket::push_masked_text(out, br#"{"op":"heartbeat"}"#);
        }
    }
}
