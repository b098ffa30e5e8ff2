//! Just enough HTTP/1.1: requests as bytes, replies by their length, and a blocking client for the preparations.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::inbox::Inbox;

/// Long enough for the slowest preparation, short enough that a server which hangs is noticed.
const PATIENCE: Duration = Duration::from_secs(30);

/// One whole request on a connection that is kept alive.
pub fn request(method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    if let Some(token) = token {
        request += &format!("authorization: Bearer {token}\r\n");
    }
    if let Some(body) = body {
        request += &format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    } else {
        request += "\r\n";
    }
    request.into_bytes()
}

/// Where the parts of one reply lie in the bytes it was read from.
pub struct Reply {
    pub status: u16,
    /// The body; its end is the end of the reply.
    pub body: Range<usize>,
}

/// The reply at the front of `received`; none while it isn't whole.
pub fn parse_reply(received: &[u8]) -> Result<Option<Reply>> {
    let Some(head_length) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &received[..head_length];
    let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status = status.with_context(|| format!("no status in {:?}", String::from_utf8_lossy(head)))?;
    let length = match content_length(head) {
        Some(length) => length,
        None => {
            // Only these two end with their head; anything else here is a body that this client cannot measure.
            ensure!(matches!(status, 101 | 204), "a reply without a content length: {}", String::from_utf8_lossy(head));
            0
        }
    };
    let body = head_length + 4..head_length + 4 + length;
    Ok((body.end <= received.len()).then_some(Reply { status, body }))
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    head.split(|byte| *byte == b'\n')
        .find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))
        .and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok())
}

/// Opens a connection that sends each small request at once.
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A blocking client on one connection that is kept alive.
pub struct Client {
    stream: TcpStream,
    inbox: Inbox,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Client> {
        Ok(Client { stream: connect(address)?, inbox: Inbox::new() })
    }

    /// Sends one request and waits for its reply: status and body.
    pub fn exchange(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>)> {
        self.stream.write_all(request)?;
        loop {
            if let Some(reply) = parse_reply(self.inbox.received())? {
                let body = self.inbox.received()[reply.body.clone()].to_vec();
                self.inbox.take(reply.body.end);
                return Ok((reply.status, body));
            }
            self.inbox.read_once(&mut self.stream).context("waiting for a reply")?;
        }
    }

    /// Sends one request and takes nothing but success; an empty body reads as null.
    pub fn json(&mut self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Result<Value> {
        let body = body.map(|body| body.to_string());
        let (status, answer) = self.exchange(&request(method, path, token, body.as_deref()))?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path} answered {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).with_context(|| format!("the answer to {method} {path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_whole_when_its_body_is() {
        let bytes = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nokHTTP/1.1";
        assert!(parse_reply(&bytes[..40]).unwrap().is_none());
        let reply = parse_reply(bytes).unwrap().unwrap();
        assert_eq!((reply.status, &bytes[reply.body]), (201, b"ok".as_slice()));
    }

    #[test]
    fn a_reply_of_unknown_length_is_refused() {
        assert!(parse_reply(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
