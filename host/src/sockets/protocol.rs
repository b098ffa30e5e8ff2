//! The two dialects: how frames are read, and how answers are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::CloseCode;
use crate::closed_set;
use crate::error::{Code, Error, Result};
use crate::http::Problem;
use crate::id::{ChannelId, GuildId, StreamId};

/// Which dialect a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `/gateway`: JSON frames with `op`.
    Native,
    /// `/socket.io/`: Socket.IO 5 over Engine.IO 4.
    SocketIo,
}

/// Which events a session receives from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Subscribe {
    /// All that it may see.
    #[default]
    All,
    /// Those of rooms it joins, its own and its direct messages'.
    None,
}

/// Who a client says it is, that comes for the first time.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identify {
    /// An access token; or a bot's, after `Bot `.
    pub token: String,
    /// What it wants to receive.
    pub subscribe: Option<Subscribe>,
    /// The language of messages to it.
    pub locale: Option<String>,
}

/// Who a client says it is, that comes back, and where it was.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// An access token; or a bot's, after `Bot `.
    pub token: String,
    /// The last position that it has seen of each stream.
    #[serde(deserialize_with = "cursors")]
    #[schema(value_type = BTreeMap<StreamId, i64>)]
    pub cursors: Cursors,
    /// The session that it had, whose socket is closed if it is still there.
    pub session_id: Option<String>,
    /// What it wants to receive.
    pub subscribe: Option<Subscribe>,
    /// The rooms that it had joined.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub rooms: Vec<Room>,
    /// The channels that it had left inside of guilds that it receives.
    #[serde(default)]
    pub muted: Vec<ChannelId>,
    /// The language of messages to it.
    pub locale: Option<String>,
}

/// The last position that was seen of each stream; nothing if they can't be read.
pub type Cursors = Option<BTreeMap<StreamId, i64>>;

fn cursors<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Cursors, D::Error> {
    let read = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(read.get()).ok())
}

/// What a client can join: `channel:ID` or `guild:ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// One channel.
    Channel(ChannelId),
    /// All of a guild.
    Guild(GuildId),
}

impl FromStr for Room {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Room, &'static str> {
        let room = match text.split_once(':') {
            Some(("channel", id)) => id.parse().ok().map(Room::Channel),
            Some(("guild", id)) => id.parse().ok().map(Room::Guild),
            _ => None,
        };
        room.ok_or("neither `channel:ID` nor `guild:ID`")
    }
}

impl<'de> Deserialize<'de> for Room {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Room, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A frame from a client.
#[derive(Debug)]
pub enum Inbound<'f> {
    /// Says who it is.
    Identify(Identify),
    /// Says who it is, and where it was.
    Resume(Box<Resume>),
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
    pub fn ack(self, rid: &str, body: &str) -> String {
        match self {
            Protocol::Native => {
                let rid = serde_json::Value::from(rid);
                format!(r#"{{"op":"ack","rid":{rid},"d":{body}}}"#)
            }
            Protocol::SocketIo => format!(r#"43{rid}[{{"ok":true,"d":{body}}}]"#),
        }
    }

    /// The answer to a request that was refused.
    pub fn refusal(self, rid: Option<&str>, problem: &Problem) -> Option<String> {
        let problem = serde_json::to_string(problem).ok()?;
        match (self, rid) {
            (Protocol::Native, rid) => {
                let rid = rid.map(|rid| format!(r#""rid":{},"#, serde_json::Value::from(rid))).unwrap_or_default();
                Some(format!(r#"{{"op":"error",{rid}"problem":{problem}}}"#))
            }
            (Protocol::SocketIo, Some(rid)) => Some(format!(r#"43{rid}[{{"ok":false,"problem":{problem}}}]"#)),
            (Protocol::SocketIo, None) => Some(format!(r#"42["error",{problem}]"#)),
        }
    }

    /// What a client is told of the session itself. Its body is JSON.
    pub fn notice(self, notice: Notice, body: &str) -> String {
        match (self, notice) {
            (Protocol::Native, Notice::Ready) => format!(r#"{{"op":"ready","d":{body}}}"#),
            (Protocol::Native, Notice::Resumed) => format!(r#"{{"op":"resumed","d":{body}}}"#),
            (Protocol::Native, Notice::Resync) => format!(r#"{{"op":"resync","d":{body}}}"#),
            (Protocol::Native, Notice::Reconnect) => format!(r#"{{"op":"reconnect","d":{body}}}"#),
            (Protocol::SocketIo, notice) => format!(r#"42["{notice}",{body}]"#),
        }
    }

    /// What goes before everything else once a client is known.
    pub fn let_in(self, session: i64) -> Option<String> {
        match self {
            Protocol::Native => None,
            Protocol::SocketIo => Some(format!(r#"40{{"sid":"{session}"}}"#)),
        }
    }

    /// What a client is told whose word isn't good enough.
    pub fn not_let_in(self, problem: &Problem) -> Option<String> {
        let said = serde_json::to_string(problem).ok()?;
        match self {
            Protocol::Native => self.refusal(None, problem),
            Protocol::SocketIo => {
                let message = serde_json::Value::from(problem.title.as_str());
                Some(format!(r#"44{{"message":{message},"data":{said}}}"#))
            }
        }
    }

    /// What a client is told who wants a namespace that isn't there.
    pub fn no_such_namespace(namespace: &str) -> String {
        format!(r#"44{namespace},{{"message":"Invalid namespace"}}"#)
    }

    /// The answer to a heartbeat, with how far those streams have come that went on; Socket.IO's
    /// clients answer heartbeats themselves, and are told only if there is something to tell.
    pub fn heartbeat_ack(self, moved: &[(StreamId, i64)]) -> Option<String> {
        let cursors: Vec<String> = moved.iter().map(|(stream, position)| format!(r#""{stream}":{position}"#)).collect();
        let cursors = cursors.join(",");
        match self {
            Protocol::Native => Some(format!(r#"{{"op":"heartbeat_ack","d":{{"cursors":{{{cursors}}}}}}}"#)),
            Protocol::SocketIo if moved.is_empty() => None,
            Protocol::SocketIo => Some(format!(r#"42["cursors",{{{cursors}}}]"#)),
        }
    }
}

closed_set! {
    /// What a client is told of its own session.
    pub enum Notice {
        /// It is let in; where everything stands.
        Ready = "ready",
        /// It has everything that it missed.
        Resumed = "resumed",
        /// What it missed of a stream can't be told row by row: here is the stream as it stands.
        Resync = "resync",
        /// The server ends: it should come again, to this one or another.
        Reconnect = "reconnect",
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
        "resume" => {
            let resume = serde_json::from_str(d.map_or("{}", RawValue::get)).map_err(|_| CloseCode::BadFrame)?;
            Ok(Inbound::Resume(Box::new(resume)))
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
            let auth: SocketIoAuth = serde_json::from_str(auth).map_err(|_| CloseCode::BadFrame)?;
            Ok(auth.into_inbound())
        }
        Some('1') => Ok(Inbound::Leave),
        Some('2') => read_socketio_event(rest),
        _ => Err(CloseCode::BadFrame),
    }
}

/// What a Socket.IO client gives in `auth`; other fields are the client's own business.
#[derive(Deserialize)]
struct SocketIoAuth<'f> {
    #[serde(default)]
    token: String,
    subscribe: Option<Subscribe>,
    locale: Option<String>,
    #[serde(borrow)]
    cursors: Option<&'f RawValue>,
    session_id: Option<String>,
    #[serde(default)]
    rooms: Vec<Room>,
    #[serde(default)]
    muted: Vec<ChannelId>,
}

impl SocketIoAuth<'_> {
    /// Whoever has cursors comes back.
    fn into_inbound<'f>(self) -> Inbound<'f> {
        let SocketIoAuth { token, subscribe, locale, cursors, session_id, rooms, muted } = self;
        let subscribe = Some(subscribe.unwrap_or(Subscribe::None));
        match cursors.filter(|cursors| cursors.get() != "null") {
            None => Inbound::Identify(Identify { token, subscribe, locale }),
            Some(cursors) => {
                let cursors = serde_json::from_str(cursors.get()).ok();
                Inbound::Resume(Box::new(Resume { token, cursors, session_id, subscribe, rooms, muted, locale }))
            }
        }
    }
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
