//! The two dialects: how frames are read, and how answers are written.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::CloseCode;
use crate::error::{Code, Error, Result};
use crate::http::Problem;

/// Which dialect a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `/gateway`: JSON frames with `op`.
    Native,
    /// `/socket.io/`: Socket.IO 5 over Engine.IO 4.
    SocketIo,
}

/// Which events a session receives from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subscribe {
    /// All that it may see.
    #[default]
    All,
    /// Those of rooms it joins, its own and its direct messages'.
    None,
}

/// Who a client says it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identify {
    /// An access token; or a bot's, after `Bot `.
    pub token: String,
    /// What it wants to receive.
    pub subscribe: Option<Subscribe>,
    /// The language of messages to it.
    pub locale: Option<String>,
}

/// A frame from a client.
#[derive(Debug)]
pub enum Inbound<'f> {
    /// Says who it is.
    Identify(Identify),
    /// Is still there.
    Heartbeat,
    /// Wants something done.
    Command {
        /// What.
        name: Cow<'f, str>,
        /// Under which name it wants the answer; none if it doesn't.
        rid: Option<Cow<'f, str>>,
        /// With what.
        body: &'f RawValue,
    },
    /// Wants something that only Socket.IO has, and that isn't here.
    Elsewhere {
        /// A namespace that is not the main one.
        namespace: &'f str,
    },
    /// Goes away.
    Leave,
    /// Says nothing that needs an answer.
    Nothing,
}

#[derive(Deserialize)]
struct NativeFrame<'f> {
    #[serde(borrow)]
    op: Cow<'f, str>,
    #[serde(borrow)]
    rid: Option<Cow<'f, str>>,
    #[serde(borrow)]
    d: Option<&'f RawValue>,
}

/// The longest name that a client may give to a request, in bytes.
const MAX_RID: usize = 64;

impl Protocol {
    /// Reads a frame.
    pub fn read<'f>(self, frame: &'f str) -> Result<Inbound<'f>, CloseCode> {
        match self {
            Protocol::Native => read_native(frame),
            Protocol::SocketIo => read_socketio(frame),
        }
    }

    /// The answer to a request that was done.
    pub fn ack(self, rid: &str, body: &str) -> Utf8Bytes {
        match self {
            Protocol::Native => {
                let rid = serde_json::Value::from(rid);
                format!(r#"{{"op":"ack","rid":{rid},"d":{body}}}"#).into()
            }
            Protocol::SocketIo => format!(r#"43{rid}[{{"ok":true,"d":{body}}}]"#).into(),
        }
    }

    /// The answer to a request that was refused.
    pub fn refusal(self, rid: Option<&str>, problem: &Problem) -> Option<Utf8Bytes> {
        let problem = serde_json::to_string(problem).ok()?;
        match (self, rid) {
            (Protocol::Native, rid) => {
                let rid = rid.map(|rid| format!(r#""rid":{},"#, serde_json::Value::from(rid))).unwrap_or_default();
                Some(format!(r#"{{"op":"error",{rid}"problem":{problem}}}"#).into())
            }
            (Protocol::SocketIo, Some(rid)) => Some(format!(r#"43{rid}[{{"ok":false,"problem":{problem}}}]"#).into()),
            (Protocol::SocketIo, None) => Some(format!(r#"42["error",{problem}]"#).into()),
        }
    }

    /// What a client is told once it is known.
    pub fn ready(self, session: &str, body: &str) -> Vec<Utf8Bytes> {
        match self {
            Protocol::Native => vec![format!(r#"{{"op":"ready","d":{body}}}"#).into()],
            Protocol::SocketIo => {
                vec![format!(r#"40{{"sid":"{session}"}}"#).into(), format!(r#"42["ready",{body}]"#).into()]
            }
        }
    }

    /// What a client is told whose word isn't good enough.
    pub fn not_let_in(self, problem: &Problem) -> Option<Utf8Bytes> {
        let said = serde_json::to_string(problem).ok()?;
        match self {
            Protocol::Native => self.refusal(None, problem),
            Protocol::SocketIo => {
                let message = serde_json::Value::from(problem.title.as_str());
                Some(format!(r#"44{{"message":{message},"data":{said}}}"#).into())
            }
        }
    }

    /// What a client is told who wants a namespace that isn't there.
    pub fn no_such_namespace(namespace: &str) -> Utf8Bytes {
        format!(r#"44{namespace},{{"message":"Invalid namespace"}}"#).into()
    }

    /// The answer to a heartbeat; the server asks for those of Socket.IO itself.
    pub fn heartbeat_ack(self) -> Option<Utf8Bytes> {
        match self {
            Protocol::Native => Some(Utf8Bytes::from_static(r#"{"op":"heartbeat_ack"}"#)),
            Protocol::SocketIo => None,
        }
    }
}

fn read_native(frame: &str) -> Result<Inbound<'_>, CloseCode> {
    let NativeFrame { op, rid, d } = serde_json::from_str(frame).map_err(|_| CloseCode::BadFrame)?;
    if rid.as_ref().is_some_and(|rid| rid.len() > MAX_RID) {
        return Err(CloseCode::BadFrame);
    }
    match &*op {
        "heartbeat" => Ok(Inbound::Heartbeat),
        "identify" => {
            let identify = serde_json::from_str(d.map_or("{}", RawValue::get)).map_err(|_| CloseCode::BadFrame)?;
            Ok(Inbound::Identify(identify))
        }
        _ => Ok(Inbound::Command { name: op, rid, body: d.unwrap_or(RawValue::NULL) }),
    }
}

/// An Engine.IO packet is a digit and its data; a message (4) holds a Socket.IO packet, which is a
/// digit, an acknowledgement's number if one is wanted, and JSON. We have the main namespace only.
fn read_socketio(packet: &str) -> Result<Inbound<'_>, CloseCode> {
    let mut kinds = packet.chars();
    match kinds.next() {
        Some('3') => return Ok(Inbound::Heartbeat),
        Some('1') => return Ok(Inbound::Leave),
        Some('4') => {}
        Some('0' | '5' | '6') => return Ok(Inbound::Nothing),
        _ => return Err(CloseCode::BadFrame),
    }
    let (kind, rest) = (kinds.next(), kinds.as_str());
    let (namespace, rest) = match rest.starts_with('/') {
        true => rest.split_once(',').unwrap_or((rest, "")),
        false => ("/", rest),
    };
    match kind {
        Some('0') if namespace != "/" => Ok(Inbound::Elsewhere { namespace }),
        Some('1') if namespace != "/" => Ok(Inbound::Nothing),
        _ if namespace != "/" => Err(CloseCode::BadFrame),
        Some('0') => {
            let auth = if rest.is_empty() { "{}" } else { rest };
            let identify: SocketIoAuth = serde_json::from_str(auth).map_err(|_| CloseCode::BadFrame)?;
            Ok(Inbound::Identify(Identify {
                token: identify.token,
                subscribe: Some(identify.subscribe.unwrap_or(Subscribe::None)),
                locale: identify.locale,
            }))
        }
        Some('1') => Ok(Inbound::Leave),
        Some('2') => read_socketio_event(rest),
        _ => Err(CloseCode::BadFrame),
    }
}

/// What a Socket.IO client gives in `auth`; other fields are the client's own business.
#[derive(Deserialize)]
struct SocketIoAuth {
    #[serde(default)]
    token: String,
    subscribe: Option<Subscribe>,
    locale: Option<String>,
}

fn read_socketio_event(rest: &str) -> Result<Inbound<'_>, CloseCode> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (rid, array) = rest.split_at(digits);
    if rid.len() > MAX_RID {
        return Err(CloseCode::BadFrame);
    }
    let arguments: Vec<&RawValue> = serde_json::from_str(array).map_err(|_| CloseCode::BadFrame)?;
    let name = arguments.first().ok_or(CloseCode::BadFrame)?.get();
    let name: Cow<'_, str> =
        serde_json::from_str(name).map(Cow::Owned).map_err(|_: serde_json::Error| CloseCode::BadFrame)?;
    let body = arguments.get(1).copied().unwrap_or(RawValue::NULL);
    let rid = Some(rid).filter(|rid| !rid.is_empty()).map(Cow::Borrowed);
    Ok(Inbound::Command { name, rid, body })
}

/// A refusal for a session's client, in its language.
pub fn problem(error: &Error, locale: &str, session: &str) -> Problem {
    if error.code() == Code::Internal {
        tracing::error!(session, cause = %error, "a command failed");
    }
    Problem::new(error, locale, session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_say_the_same() {
        let native = r#"{"op":"join_room","rid":"7","d":{"room":"guild:1"}}"#;
        let socketio = r#"427["join_room",{"room":"guild:1"}]"#;
        for (protocol, frame) in [(Protocol::Native, native), (Protocol::SocketIo, socketio)] {
            match protocol.read(frame) {
                Ok(Inbound::Command { name, rid, body }) => {
                    assert_eq!((&*name, rid.as_deref(), body.get()), ("join_room", Some("7"), r#"{"room":"guild:1"}"#));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_main_namespace_is_the_only_one() {
        let read = |frame| Protocol::SocketIo.read(frame);
        assert!(matches!(read("40/,{\"token\":\"t\"}"), Ok(Inbound::Identify(identify)) if identify.token == "t"));
        assert!(matches!(read("42/,7[\"typing\",{}]"), Ok(Inbound::Command { .. })));
        for frame in ["40/other", "40/other,", "40/other,{\"token\":\"t\"}"] {
            assert!(matches!(read(frame), Ok(Inbound::Elsewhere { namespace: "/other" })), "{frame}");
        }
        assert!(matches!(read("41/other,"), Ok(Inbound::Nothing)));
        assert!(matches!(read("41"), Ok(Inbound::Leave)));
    }

    #[test]
    fn frames_that_say_nothing_readable_are_bad() {
        for frame in ["", "{", "[]", r#"{"op":1}"#, r#"{"op":"identify","d":{"token":1}}"#] {
            assert!(Protocol::Native.read(frame).is_err(), "{frame}");
        }
        // Binary data, which begins with 45, 46 or b, a ping of the wrong side, and what isn't connected.
        let unknown =
            ["451-[\"x\",{\"_placeholder\":true,\"num\":0}]", "461-7[{\"_placeholder\":true,\"num\":0}]", "bAQIDBA=="];
        let unasked = ["", "abc", "7", "2", "42/other,[\"typing\",{}]", "43/other,1[]"];
        for frame in ["42", "42{}", "42[]", "42[1]", "49", "40{\"token\":1}"].iter().chain(&unknown).chain(&unasked) {
            assert!(Protocol::SocketIo.read(frame).is_err(), "{frame}");
        }
    }
}
