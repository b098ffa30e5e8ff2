//! The messages of both dialects: each with its name, what it means, and the schema of what it holds.

use serde_json::{Map, Value, json};

use super::bodies::{Schemas, object, without};
use crate::http::Problem;
use crate::id::StreamId;
use crate::log::{Audience, EventKind};
use crate::sockets::CloseCode;
use crate::sockets::command::CommandName;
use crate::sockets::event::Moment;
use crate::sockets::frames::{ClientFrame, ServerFrame};
use crate::sockets::protocol::{Identify, Notice, Resume};

/// The longest name that a client may give to a request.
const MAX_RID: usize = 64;

/// The messages of one dialect. A message's key begins with what it is: `event.`, `moment.`, `frame.`, `client.`,
/// `command.` or `ack.`.
pub struct Messages {
    /// What goes before the keys.
    prefix: &'static str,
    all: Map<String, Value>,
}

impl Messages {
    fn new(prefix: &'static str) -> Messages {
        Messages { prefix, all: Map::new() }
    }

    fn add(&mut self, group: &str, name: &str, about: &str, payload: Value) {
        let message = json!({ "name": name, "summary": about, "payload": payload });
        self.all.insert(format!("{}{group}.{name}", self.prefix), message);
    }

    /// The keys of a group.
    pub fn keys_of<'m>(&'m self, group: &'m str) -> impl Iterator<Item = &'m String> + 'm {
        self.all.keys().filter(move |key| {
            key.strip_prefix(self.prefix).and_then(|key| key.split('.').next()).is_some_and(|one| one == group)
        })
    }

    /// The key of one message.
    pub fn key(&self, group: &str, name: &str) -> String {
        format!("{}{group}.{name}", self.prefix)
    }

    /// All of them, by key.
    pub fn into_inner(self) -> Map<String, Value> {
        self.all
    }
}

/// The kinds of event that anybody receives.
fn told() -> impl Iterator<Item = EventKind> {
    EventKind::ALL.iter().copied().filter(|kind| kind.audience() != Audience::Nobody)
}

/// Whether it has a place in its stream, though the log doesn't hold it.
fn is_placed(moment: Moment) -> bool {
    moment == Moment::GuildAvailable
}

fn stream(schemas: &mut Schemas) -> Value {
    schemas.of::<StreamId>()
}

fn position() -> Value {
    json!({ "type": "integer", "minimum": 1 })
}

fn cursors() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } })
}

fn rid() -> Value {
    json!({ "type": "string", "maxLength": MAX_RID })
}

/// The messages of the native gateway and its fallback: JSON frames.
pub fn native(schemas: &mut Schemas) -> Messages {
    let mut messages = Messages::new("");
    let event = |name: &str, body: Value, place: Option<Value>| {
        let frame = json!({ "op": { "const": ServerFrame::Event.as_str() }, "t": { "const": name }, "d": body });
        match (frame, place) {
            (Value::Object(mut frame), Some(stream)) => {
                frame.insert("g".into(), stream);
                frame.insert("s".into(), position());
                object(Value::Object(frame))
            }
            (frame, _) => object(frame),
        }
    };
    for kind in told() {
        let (body, place) = (schemas.of_event(kind), stream(schemas));
        messages.add("event", kind.as_str(), kind.about(), event(kind.as_str(), body, Some(place)));
    }
    for moment in Moment::ALL {
        let (body, place) = (schemas.of_moment(*moment), stream(schemas));
        let payload = event(moment.as_str(), body, Some(place).filter(|_| is_placed(*moment)));
        messages.add("moment", moment.as_str(), moment.about(), payload);
    }
    for frame in ServerFrame::ALL {
        if let Some(payload) = server_frame(schemas, *frame) {
            messages.add("frame", frame.as_str(), frame.about(), payload);
        }
    }
    for frame in ClientFrame::ALL {
        let op = json!({ "const": frame.as_str() });
        let payload = match frame {
            ClientFrame::Identify => object(json!({ "op": op, "d": schemas.of::<Identify>() })),
            ClientFrame::Resume => object(json!({ "op": op, "d": schemas.of::<Resume>() })),
            ClientFrame::Heartbeat => object(json!({ "op": op })),
        };
        messages.add("client", frame.as_str(), frame.about(), payload);
    }
    for name in CommandName::ALL {
        let (body, answer) = (schemas.of_command(*name), schemas.of_answer(*name));
        let command = json!({ "op": { "const": name.as_str() }, "rid": rid(), "d": body });
        messages.add("command", name.as_str(), name.about(), without(object(command), &["rid"]));
        let ack = json!({ "op": { "const": ServerFrame::Ack.as_str() }, "rid": rid(), "d": answer });
        messages.add("ack", name.as_str(), ServerFrame::Ack.about(), object(ack));
    }
    messages
}

/// What a frame of the server holds; nothing for those whose form is that of what they carry.
fn server_frame(schemas: &mut Schemas, frame: ServerFrame) -> Option<Value> {
    let op = json!({ "const": frame.as_str() });
    let notice = |schemas: &mut Schemas, notice| object(json!({ "op": op.clone(), "d": schemas.of_notice(notice) }));
    let payload = match frame {
        ServerFrame::Event | ServerFrame::Ack => return None,
        ServerFrame::Hello => {
            let interval = json!({ "type": "integer", "minimum": 1 });
            object(json!({ "op": op, "d": object(json!({ "heartbeat_interval_ms": interval })) }))
        }
        ServerFrame::Ready => notice(schemas, Notice::Ready),
        ServerFrame::Resync => notice(schemas, Notice::Resync),
        ServerFrame::Resumed => notice(schemas, Notice::Resumed),
        ServerFrame::Reconnect => notice(schemas, Notice::Reconnect),
        ServerFrame::Error => {
            without(object(json!({ "op": op, "rid": rid(), "problem": schemas.of::<Problem>() })), &["rid"])
        }
        ServerFrame::HeartbeatAck => object(json!({ "op": op, "d": object(json!({ "cursors": cursors() })) })),
        ServerFrame::Close => {
            let codes: Vec<u16> = CloseCode::ALL.iter().map(|code| *code as u16).collect();
            object(json!({ "op": op, "d": object(json!({ "code": { "enum": codes } })) }))
        }
    };
    Some(payload)
}

/// The messages of Socket.IO: the one argument of each event, and of each acknowledgement.
pub fn socketio(schemas: &mut Schemas) -> Messages {
    let mut messages = Messages::new("socketio.");
    let placed =
        |body: Value, stream: Value| json!({ "allOf": [body, object(json!({ "g": stream, "s": position() }))] });
    for kind in told() {
        let (body, stream) = (schemas.of_event(kind), stream(schemas));
        messages.add("event", kind.as_str(), kind.about(), placed(body, stream));
    }
    for moment in Moment::ALL {
        let (body, stream) = (schemas.of_moment(*moment), stream(schemas));
        let payload = if is_placed(*moment) { placed(body, stream) } else { body };
        messages.add("moment", moment.as_str(), moment.about(), payload);
    }
    for notice in Notice::ALL {
        let body = schemas.of_notice(*notice);
        messages.add("frame", notice.as_str(), notice.about(), body);
    }
    let problem = schemas.of::<Problem>();
    messages.add("frame", "error", "A command without an acknowledgement was refused.", problem.clone());
    messages.add("frame", "cursors", "After a sign of life: how far the streams have come that went on.", cursors());
    let refused = object(json!({ "message": { "type": "string" }, "data": problem.clone() }));
    messages.add("frame", "connect_error", "The token isn't valid.", refused);
    messages.add("client", "connect", "Say who one is and, with `cursors`, where one was.", auth(schemas));
    for name in CommandName::ALL {
        let (body, answer) = (schemas.of_command(*name), schemas.of_answer(*name));
        messages.add("command", name.as_str(), name.about(), body);
        let done = object(json!({ "ok": { "const": true }, "d": answer }));
        let refused = object(json!({ "ok": { "const": false }, "problem": problem.clone() }));
        let about = "The command was done, or refused.";
        messages.add("ack", name.as_str(), about, json!({ "oneOf": [done, refused] }));
    }
    messages
}

/// What a Socket.IO client gives in `auth`: what it would say natively, and whatever it likes beside.
fn auth(schemas: &mut Schemas) -> Value {
    let first = schemas.of::<Identify>();
    json!({ "anyOf": [first, schemas.of::<Resume>()] })
}
