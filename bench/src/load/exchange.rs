//! The two things that a connection under load can do over and over: a HTTP request, and a message over a socket.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::dialect::{self, Dialect, Told};
use crate::http;
use crate::session::Heartbeat;

/// One request and the reply that it waits for, again and again on one connection.
pub trait Exchange {
    /// Appends the next request to `out`.
    fn push_request(&mut self, out: &mut Vec<u8>);

    /// Where the reply ends in what was received since; none while it isn't whole. A refusal is an error.
    fn reply_end(&self, received: &[u8]) -> Result<Option<usize>>;
}

/// HTTP requests on a connection that is kept alive.
pub struct HttpExchange<F> {
    push: F,
}

impl<F: FnMut(&mut Vec<u8>)> HttpExchange<F> {
    /// Each request is what `push` appends.
    pub fn new(push: F) -> HttpExchange<F> {
        HttpExchange { push }
    }
}

impl<F: FnMut(&mut Vec<u8>)> Exchange for HttpExchange<F> {
    fn push_request(&mut self, out: &mut Vec<u8>) {
        (self.push)(out);
    }

    fn reply_end(&self, received: &[u8]) -> Result<Option<usize>> {
        let Some(reply) = http::parse_reply(received)? else {
            return Ok(None);
        };
        ensure!(
            (200..300).contains(&reply.status),
            "a request under load was answered {}: {}",
            reply.status,
            String::from_utf8_lossy(&received[reply.body])
        );
        Ok(Some(reply.body.end))
    }
}

/// Messages over a socket, each waiting for its own acknowledgement.
pub struct SocketExchange {
    texts: Texts,
    channel_id: String,
    dialect: Dialect,
    heartbeat: Heartbeat,
}

impl SocketExchange {
    /// Sends as the `sender`-th of its load.
    pub fn new(sender: usize, channel_id: &str, dialect: Dialect, heartbeat: Heartbeat) -> SocketExchange {
        SocketExchange { texts: Texts::of(sender), channel_id: channel_id.to_owned(), dialect, heartbeat }
    }
}

impl Exchange for SocketExchange {
    fn push_request(&mut self, out: &mut Vec<u8>) {
        self.heartbeat.push_when_due(Instant::now(), out);
        let text = self.texts.next();
        self.dialect.push_message(out, self.texts.number(), &self.channel_id, &text);
    }

    fn reply_end(&self, received: &[u8]) -> Result<Option<usize>> {
        let mut start = 0;
        while let Some((text, length)) = dialect::next_text(&received[start..])? {
            start += length;
            match self.dialect.read(text) {
                Told::Done(number) if number == self.texts.number() => return Ok(Some(start)),
                Told::Refused => bail!("a message was refused: {}", String::from_utf8_lossy(text)),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Message texts of the length of an ordinary sentence, no two alike.
pub struct Texts {
    sender: usize,
    number: u64,
}

impl Texts {
    pub fn of(sender: usize) -> Texts {
        Texts { sender, number: 0 }
    }

    /// The number of the last text.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn next(&mut self) -> String {
        self.number += 1;
        format!("{:07} from {:03}, and some words to fill a usual sentence", self.number, self.sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket;

    #[test]
    fn only_the_acknowledgement_of_the_last_request_is_its_reply() {
        let mut sender = SocketExchange::new(1, "7", Dialect::Native, Heartbeat::never());
        sender.push_request(&mut Vec::new());
        let mut received = Vec::new();
        websocket::push_text(&mut received, br#"{"op":"heartbeat_ack"}"#);
        websocket::push_text(&mut received, br#"{"op":"ack","rid":"10","d":{}}"#);
        assert_eq!(sender.reply_end(&received).unwrap(), None);
        websocket::push_text(&mut received, br#"{"op":"ack","rid":"1","d":{}}"#);
        assert_eq!(sender.reply_end(&received).unwrap(), Some(received.len()));
    }

    #[test]
    fn a_refusal_ends_the_load() {
        let sender = HttpExchange::new(|_: &mut Vec<u8>| {});
        assert!(sender.reply_end(b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n").is_err());
    }
}
