//! A connection on which WebSocket frames are written and read by hand, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{TestApp, User, Value, json};

/// How long what must come may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The key of every handshake.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A connection on which frames are written by hand.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A frame, byte by byte.
#[derive(Clone)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// A frame as clients send it: its first byte, and what it holds.
    pub fn frame(first: u8, payload: &[u8]) -> Bytes {
        Bytes::claiming(first, payload.len() as u64, payload)
    }

    /// A frame that says another length than it has.
    pub fn claiming(first: u8, length: u64, payload: &[u8]) -> Bytes {
        let mask = [0x11, 0x22, 0x33, 0x44];
        let mut bytes = vec![first];
        match length {
            0..126 => bytes.push(0x80 | length as u8),
            126..65_536 => {
                bytes.push(0xfe);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(0xff);
                bytes.extend(length.to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        Bytes(bytes)
    }

    /// This one, and then another.
    pub fn then(mut self, next: Bytes) -> Bytes {
        self.0.extend(next.0);
        self
    }
}

/// The bit of a message's last frame.
pub const FIN: u8 = 0x80;
/// The opcodes.
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;

/// A frame of text.
pub fn text(payload: &str) -> Bytes {
    Bytes::frame(FIN | TEXT, payload.as_bytes())
}

impl Raw {
    /// Connects, and says nothing yet.
    pub async fn connect(app: &TestApp) -> Raw {
        let stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("a connection");
        Raw { stream, read: Vec::new() }
    }

    /// A socket on which the server has said hello, or opened.
    pub async fn open(app: &TestApp, path: &str) -> Raw {
        let mut raw = Raw::connect(app).await;
        raw.write(upgrade(path, "").as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        raw.frame().await.expect("a greeting");
        raw
    }

    /// A native socket of somebody who is in.
    pub async fn enter(app: &TestApp, user: &User, path: &str) -> Raw {
        let mut raw = Raw::open(app, path).await;
        let token = user.token.trim_start_matches("Bearer ");
        raw.send(text(&json!({"op": "identify", "d": {"token": token}}).to_string())).await;
        raw.frame().await.expect("that one is in");
        raw
    }

    /// Writes; that the other side has gone already is nothing to complain of.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Writes a frame; whether the other side was still there.
    pub async fn send(&mut self, frame: Bytes) -> bool {
        self.write(&frame.0).await
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match tokio::time::timeout(2 * PATIENCE, self.stream.read(&mut buffer)).await.expect("something in time") {
            Ok(read @ 1..) => {
                self.read.extend(&buffer[..read]);
                true
            }
            _ => false,
        }
    }

    /// The head of an answer, or what came of it.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                return String::from_utf8_lossy(&head).into_owned();
            }
            if !self.more().await {
                return String::from_utf8_lossy(&self.read).into_owned();
            }
        }
    }

    /// The next frame: its first byte and what it holds; nothing if the connection ends.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((head, length)) =
                length_of(&self.read).filter(|(head, length)| self.read.len() >= head + length)
            {
                let frame: Vec<u8> = self.read.drain(..head + length).collect();
                return Some((frame[0], frame[head..].to_vec()));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The next frame of text as JSON.
    pub async fn json(&mut self) -> Value {
        loop {
            let (first, payload) = self.frame().await.expect("a frame");
            match first {
                0x81 => return serde_json::from_slice(&payload).expect("JSON"),
                0x8a => {}
                other => panic!("{other:x} {payload:?}"),
            }
        }
    }

    /// How it ended: with a code, or without.
    pub async fn end(&mut self) -> Option<u16> {
        while let Some((first, payload)) = self.frame().await {
            if first == FIN | CLOSE {
                return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            }
        }
        None
    }
}

/// How long the head of a server's frame is, and what it holds.
fn length_of(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => Some((4, u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into())),
        127 => Some((10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize)),
        length => Some((2, length.into())),
    }
}

/// The head of a handshake.
pub fn upgrade(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: guildhall.test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n{more}\r\n"
    )
}
