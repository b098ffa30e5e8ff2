//! The sockets' own description: an AsyncAPI 3 document, made of the tables and types that the sockets use.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

mod bodies;
mod messages;

use bodies::Schemas;
use messages::Messages;

use super::CloseCode;

/// A way in: messages are the same for the native gateway and its fallback.
struct Door {
    name: &'static str,
    address: &'static str,
    title: &'static str,
    about: &'static str,
    servers: &'static [&'static str],
}

const GATEWAY: Door = Door {
    name: "gateway",
    address: "/gateway",
    title: "The native gateway",
    about: "JSON frames in a WebSocket, or the same as MessagePack.",
    servers: &["ws", "wss"],
};
const FALLBACK: Door = Door {
    name: "fallback",
    address: "/gateway/fallback/{sid}",
    title: "The native gateway without WebSocket",
    about: "The same frames: posted one a line, and received by long polling or as server-sent events.",
    servers: &["http", "https"],
};
const SOCKETIO: Door = Door {
    name: "socketio",
    address: "/socket.io/",
    title: "Socket.IO",
    about: "Engine.IO 4, main namespace. A message is the one argument of an event or of its acknowledgement.",
    servers: &["ws", "wss", "http", "https"],
};

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());

/// `GET /api/v1/asyncapi.json`.
pub async fn get() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT.clone())
}

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::default();
    let (native, socketio) = (messages::native(&mut schemas), messages::socketio(&mut schemas));
    let doors = [(&GATEWAY, &native), (&FALLBACK, &native), (&SOCKETIO, &socketio)];
    let mut channels = Map::new();
    let mut operations = Map::new();
    for (door, messages) in doors {
        channels.insert(door.name.into(), channel(door, messages));
        operations.extend(operations_of(door, messages));
    }
    let mut messages = native.into_inner();
    messages.extend(socketio.into_inner());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Guildhall",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Guildhall's sockets say and understand. Fields and events may be added at any time.",
        },
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas.into_inner() },
    })
}

fn servers() -> Value {
    let server = |protocol: &str| {
        let host = json!({ "default": "localhost:5000", "description": "Where this server listens." });
        (protocol.to_owned(), json!({ "host": "{host}", "protocol": protocol, "variables": { "host": host } }))
    };
    ["ws", "wss", "http", "https"].into_iter().map(server).collect::<Map<String, Value>>().into()
}

/// The groups of messages, by who sends them.
const OF_CLIENTS: [&str; 2] = ["client", "command"];
const OF_THE_SERVER: [&str; 4] = ["frame", "event", "moment", "ack"];

fn channel(door: &Door, messages: &Messages) -> Value {
    let keys = OF_CLIENTS.iter().chain(&OF_THE_SERVER).flat_map(|group| messages.keys_of(group));
    let keys = keys.filter(|key| is_said(door, key));
    let refs: Map<String, Value> =
        keys.map(|key| (key.clone(), json!({ "$ref": format!("#/components/messages/{key}") }))).collect();
    let codes = CloseCode::ALL.iter().map(|code| json!({ "code": *code as u16, "description": code.about() }));
    let servers = door.servers.iter().map(|server| json!({ "$ref": format!("#/servers/{server}") }));
    let mut channel = json!({
        "address": door.address,
        "title": door.title,
        "description": door.about,
        "servers": servers.collect::<Vec<_>>(),
        "messages": refs,
        "x-close-codes": codes.collect::<Vec<_>>(),
    });
    if door.address.contains("{sid}") {
        channel["parameters"] = json!({ "sid": { "description": "What `POST /gateway/fallback` answered." } });
    }
    channel
}

/// Whether a message goes through this door: a WebSocket is closed with a code instead of a frame.
fn is_said(door: &Door, key: &str) -> bool {
    door.name != GATEWAY.name || key != "frame.close"
}

/// What the server receives through a door, and what it sends.
fn operations_of(door: &Door, messages: &Messages) -> Map<String, Value> {
    let channel = || json!({ "$ref": format!("#/channels/{}", door.name) });
    let refs = |keys: &[String]| -> Vec<Value> {
        let said = keys.iter().filter(|key| is_said(door, key));
        said.map(|key| json!({ "$ref": format!("#/channels/{}/messages/{key}", door.name) })).collect()
    };
    let mut operations = Map::new();
    let frame = |name: &str| messages.key("frame", name);
    for group in OF_CLIENTS {
        for key in messages.keys_of(group) {
            let name = key.rsplit('.').next().unwrap_or_default();
            let answers = match name {
                "identify" => vec![frame("ready"), frame("error")],
                "resume" => vec![frame("resumed"), frame("resync"), frame("error")],
                "connect" => vec![frame("ready"), frame("resumed"), frame("resync"), frame("connect_error")],
                "heartbeat" => vec![frame("heartbeat_ack")],
                command => vec![messages.key("ack", command), frame("error")],
            };
            let operation = json!({
                "action": "receive",
                "channel": channel(),
                "messages": refs(std::slice::from_ref(key)),
                "reply": { "channel": channel(), "messages": refs(&answers) },
            });
            operations.insert(format!("{}.{name}", door.name), operation);
        }
    }
    let told: Vec<String> =
        ["frame", "event", "moment"].into_iter().flat_map(|group| messages.keys_of(group)).cloned().collect();
    let tell = json!({ "action": "send", "channel": channel(), "messages": refs(&told) });
    operations.insert(format!("{}.tell", door.name), tell);
    operations
}
