//! What a client and a server say to each other on a socket, in the two dialects that a load can speak.

use anyhow::{Context, Result, bail};

use crate::websocket::{self, CLOSE};

/// How a program under test wants to be spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Guildhall's own gateway, and the floors'.
    Native,
    /// Socket.IO 5 over Engine.IO 4, on a WebSocket from the start.
    SocketIo,
}

/// Which events a session is sent without joining a room.
#[derive(Clone, Copy)]
pub enum Subscribe {
    All,
    None,
}

/// What a frame from a server tells, as far as a load needs to know.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// The server speaks first.
    Hello,
    /// The client is in: it has been told where things stand, or that it has missed nothing.
    Ready,
    /// A new message.
    Message,
    /// The request of this number was done.
    Done(u64),
    Refused,
    /// Whether the client is still there, which Socket.IO's servers ask.
    Asked,
    Other,
}

impl Dialect {
    /// Where a server listens for it.
    pub fn path(self) -> &'static str {
        match self {
            Dialect::Native => "/gateway",
            Dialect::SocketIo => "/socket.io/?EIO=4&transport=websocket",
        }
    }

    /// What a frame tells. A load reads thousands of messages for each other frame, so these are looked for first.
    pub fn read(self, text: &[u8]) -> Told {
        let begins = |front: &str| text.starts_with(front.as_bytes());
        match self {
            Dialect::Native => match () {
                () if begins(r#"{"op":"event","t":"message_created""#) => Told::Message,
                () if begins(r#"{"op":"ack","rid":""#) => Told::Done(digits(&text[r#"{"op":"ack","rid":""#.len()..]).0),
                () if begins(r#"{"op":"error""#) => Told::Refused,
                () if begins(r#"{"op":"hello""#) => Told::Hello,
                () if begins(r#"{"op":"ready""#) || begins(r#"{"op":"resumed""#) => Told::Ready,
                () => Told::Other,
            },
            Dialect::SocketIo => match () {
                () if begins(r#"42["message_created""#) => Told::Message,
                () if begins("43") => match digits(&text[2..]) {
                    (number, rest) if rest.starts_with(br#"[{"ok":true"#) => Told::Done(number),
                    _ => Told::Refused,
                },
                () if begins("44") || begins("41") || begins(r#"42["error""#) => Told::Refused,
                () if begins("0{") => Told::Hello,
                () if begins(r#"42["ready""#) || begins(r#"42["resumed""#) => Told::Ready,
                () if text == b"2" => Told::Asked,
                () => Told::Other,
            },
        }
    }

    /// Appends the frame in which a client says who it is.
    pub fn push_entry(self, out: &mut Vec<u8>, token: &str, subscribe: Subscribe) {
        let subscribe = match subscribe {
            Subscribe::All => "all",
            Subscribe::None => "none",
        };
        let wish = format!(r#"{{"token":"{token}","subscribe":"{subscribe}"}}"#);
        let entry = match self {
            Dialect::Native => format!(r#"{{"op":"identify","d":{wish}}}"#),
            Dialect::SocketIo => format!("40{wish}"),
        };
        websocket::push_masked_text(out, entry.as_bytes());
    }

    /// Appends the frame that sends a message and asks to be told under `number` that it was done.
    pub fn push_message(self, out: &mut Vec<u8>, number: u64, channel_id: &str, content: &str) {
        let body = format!(r#"{{"channel_id":"{channel_id}","content":"{content}"}}"#);
        let request = match self {
            Dialect::Native => format!(r#"{{"op":"send_message","rid":"{number}","d":{body}}}"#),
            Dialect::SocketIo => format!(r#"42{number}["send_message",{body}]"#),
        };
        websocket::push_masked_text(out, request.as_bytes());
    }
}

/// The number at the front of `text`, and what follows it.
fn digits(text: &[u8]) -> (u64, &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = text[..length].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    (number, &text[length..])
}

/// The text of the frame at the front of `received`, and where the frame ends; none while it isn't whole.
pub fn next_text(received: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let Some(frame) = websocket::parse(received)? else {
        return Ok(None);
    };
    let (text, end) = (&received[frame.payload.clone()], frame.payload.end);
    if frame.opcode == CLOSE {
        let code = text.first_chunk().map_or(0, |code| u16::from_be_bytes(*code));
        let reason = String::from_utf8_lossy(text.get(2..).unwrap_or_default());
        bail!("the server closed the connection: {code} {reason}");
    }
    Ok(Some((text, end)))
}

/// The position of a message in its stream, read from the front of its frame.
pub fn position(message: &[u8]) -> Result<u64> {
    let rest = behind(message, br#""s":"#).context("a message without a position")?;
    Ok(digits(rest).0)
}

/// The number and the sender of a message that a load has written.
pub fn authorship(message: &[u8]) -> Result<(u64, usize)> {
    let unread = || format!("a message that this load has not written: {}", String::from_utf8_lossy(message));
    let content = behind(message, br#""content":""#).with_context(unread)?;
    let (number, rest) = digits(content);
    let (sender, _) = digits(rest.strip_prefix(b" from ").with_context(unread)?);
    Ok((number, sender as usize))
}

/// What follows the first `mark` in `text`.
pub fn behind<'t>(text: &'t [u8], mark: &[u8]) -> Option<&'t [u8]> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some(&text[at + mark.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_tell_the_same() {
        for (native, socket_io, told) in [
            (r#"{"op":"event","t":"message_created","g":"1"}"#, r#"42["message_created",{"g":"1"}]"#, Told::Message),
            (r#"{"op":"ack","rid":"17","d":{}}"#, r#"4317[{"ok":true,"d":{}}]"#, Told::Done(17)),
            (r#"{"op":"error","rid":"17","problem":{}}"#, r#"4317[{"ok":false,"problem":{}}]"#, Told::Refused),
            (r#"{"op":"ready","d":{}}"#, r#"42["ready",{}]"#, Told::Ready),
            (r#"{"op":"heartbeat_ack"}"#, r#"40{"sid":"a"}"#, Told::Other),
        ] {
            assert_eq!(Dialect::Native.read(native.as_bytes()), told, "{native}");
            assert_eq!(Dialect::SocketIo.read(socket_io.as_bytes()), told, "{socket_io}");
        }
    }

    #[test]
    fn a_message_tells_its_place_and_who_wrote_it() {
        let message = br#"42["message_created",{"g":"7","s":40,"content":"0000012 from 003, and some words"}]"#;
        assert_eq!(position(message).unwrap(), 40);
        assert_eq!(authorship(message).unwrap(), (12, 3));
        assert!(authorship(br#"{"content":"hello"}"#).is_err());
    }
}
