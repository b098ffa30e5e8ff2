//! Engine.IO 4, what Socket.IO travels in: long polling first, a WebSocket once that works.

use std::time::Duration;

use axum::body::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::mailbox::{Read, Unread};
use super::polled::{self, FromPolling, MAX_PAYLOAD, Polled};
use super::protocol::Protocol;
use super::transport::{Socket, Transport};
use super::wire::Wire;
use super::{CloseCode, session};
use crate::accounts::{Caller, token};
use crate::app::App;
use crate::error::{Code, Result};

mod refusal;

pub use refusal::Refusal;

/// How long a client may take to answer a ping.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a request for packets is held while there are none.
const POLL_HELD: Duration = Duration::from_secs(50);
/// How long the steps of an upgrade may take.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// A packet that says nothing: a request that is held goes home with it.
const NOOP: Utf8Bytes = Utf8Bytes::from_static("6");

/// What a polling client is told last.
pub fn goodbye(_: CloseCode) -> Utf8Bytes {
    Utf8Bytes::from_static("1")
}

fn open_packet(app: &App, sid: &str, upgrades: &str) -> String {
    let interval = app.config.sockets.heartbeat_seconds * 1000;
    let timeout = PING_TIMEOUT.as_millis();
    format!(
        r#"0{{"sid":"{sid}","upgrades":{upgrades},"pingInterval":{interval},"pingTimeout":{timeout},"maxPayload":{MAX_PAYLOAD}}}"#
    )
}

/// Begins a session whose frames travel by polling; answers its first packet.
pub fn open_polling(app: &App, guest: Caller) -> Result<String> {
    let sid = polled::open(app, Wire::SocketIo, guest)?;
    Ok(open_packet(app, &sid, r#"["websocket"]"#))
}

/// Answers a request for packets, once there are some. There is one at a time: two would share out what waits.
pub async fn poll(app: &App, sid: &str) -> Result<String, Refusal> {
    let polled = find(app, sid)?;
    let mut reader = match polled.mailbox.read_alone() {
        Ok(reader) => reader,
        Err(Unread::Over) => return Err(Refusal::UnknownSid),
        Err(Unread::Busy | Unread::Wrong | Unread::Lost(_)) => {
            end(app, sid, &polled).await;
            return Err(Refusal::BadRequest);
        }
    };
    let packets = match reader.next(POLL_HELD).await {
        Read::Frames(packets) => packets,
        Read::Nothing | Read::TakenOver | Read::Ended => vec![NOOP],
    };
    polled.mailbox.acknowledge(reader.last());
    Ok(packets.iter().map(Utf8Bytes::as_str).collect::<Vec<_>>().join("\x1e"))
}

/// Takes a client's packets. Those that nobody could have sent end the session.
pub async fn post(app: &App, sid: &str, body: Bytes) -> Result<&'static str, Refusal> {
    let polled = find(app, sid)?;
    let packets: Vec<&str> = std::str::from_utf8(&body).unwrap_or_default().split('\x1e').collect();
    if packets.len() > polled::MAX_FRAMES || !packets.iter().all(|packet| is_packet(packet)) {
        end(app, sid, &polled).await;
        return Err(Refusal::BadRequest);
    }
    if packets.iter().any(|packet| packet.len() > app.config.sockets.frame_bytes) {
        return Err(Code::BodyTooLarge.into());
    }
    for packet in packets {
        if packet == "1" {
            // The client leaves: a request that is held goes home.
            app.hub.polls.forget(sid);
            polled.mailbox.abandon();
        }
        if !polled.post(FromPolling::Frame(packet.into())).await {
            return Err(Refusal::UnknownSid);
        }
    }
    Ok("ok")
}

/// Whether it begins as a packet does: with the digit of its kind, or as one with binary data in base64.
fn is_packet(packet: &str) -> bool {
    packet.starts_with(['0', '1', '2', '3', '4', '5', '6', 'b'])
}

/// A client that polls, by its name.
pub fn find(app: &App, sid: &str) -> Result<Polled, Refusal> {
    app.hub.polls.find(Protocol::SocketIo, sid).ok_or(Refusal::UnknownSid)
}

/// Ends the session of a client that breaks the protocol.
async fn end(app: &App, sid: &str, polled: &Polled) {
    app.hub.polls.forget(sid);
    polled.mailbox.close(CloseCode::BadFrame);
    // If the session has ended meanwhile, it needn't be told.
    let _ = polled.post(FromPolling::Bad).await;
}

/// Begins a session on a WebSocket.
pub async fn open_socket(app: App, mut socket: Box<Socket>, guest: Caller) {
    let opened = open_packet(&app, &token::random(), "[]");
    if socket.send(Message::Text(opened.into())).await.is_ok() {
        session::serve(app, Transport::Socket(socket), Wire::SocketIo, guest).await;
    }
}

/// Moves a polling session to a WebSocket: the client probes it, then says that it has moved.
pub async fn upgrade(app: &App, sid: &str, polled: Polled, mut socket: Box<Socket>) {
    let moved = async {
        expect(&mut socket, "2probe").await?;
        socket.send(Message::Text(Utf8Bytes::from_static("3probe"))).await.ok()?;
        polled.mailbox.put_small(NOOP);
        expect(&mut socket, "5").await
    };
    if let Ok(Some(())) = tokio::time::timeout(UPGRADE_TIMEOUT, moved).await {
        // From here on the session is the socket's: neither requests nor another socket reach it.
        app.hub.polls.forget(sid);
        // If the session has ended meanwhile, the socket ends with it.
        let _ = polled.post(FromPolling::Upgraded(socket)).await;
    }
}

async fn expect(socket: &mut Socket, packet: &str) -> Option<()> {
    match socket.next().await {
        Some(Ok(Message::Text(text))) if text.as_str() == packet => Some(()),
        _ => None,
    }
}
