//! Engine.IO 4, what Socket.IO travels in: long polling first, a WebSocket once that works.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::session;
use super::transport::{Socket, Transport};
use super::wire::Wire;
use crate::accounts::{Caller, token};
use crate::app::App;
use crate::error::{Code, Result};

/// How long a client may take to answer a ping.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of one request's packets, at most.
pub const MAX_PAYLOAD: usize = 1_000_000;
/// Packets of a polling client that may wait for its session.
const POSTED_PACKETS: usize = 64;
/// Bytes that may wait for a polling client's next request.
const MAILBOX_BYTES: usize = 1_048_576;
/// How long a request for packets is held while there are none.
const POLL_HELD: Duration = Duration::from_secs(50);
/// How long a client that was shown out may take to ask why.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long the steps of an upgrade may take.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// What reaches a session from a polling client.
pub enum FromPolling {
    /// A packet that was posted.
    Packet(Utf8Bytes),
    /// The WebSocket that replaces polling.
    Upgraded(Box<Socket>),
}

/// Polling clients by the name that their requests carry.
#[derive(Default)]
pub struct Engines(Mutex<HashMap<String, Polled>>);

#[derive(Clone)]
struct Polled {
    posted: mpsc::Sender<FromPolling>,
    mailbox: Mailbox,
}

impl Engines {
    /// Where a client's packets go.
    pub fn posted(&self, sid: &str) -> Option<mpsc::Sender<FromPolling>> {
        self.0.lock().get(sid).map(|polled| polled.posted.clone())
    }
}

/// What waits for a polling client's next request.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    packets: Mutex<Packets>,
    news: Notify,
    taken: Notify,
}

#[derive(Default)]
struct Packets {
    waiting: Vec<Utf8Bytes>,
    bytes: usize,
    closed: bool,
}

impl Mailbox {
    /// Adds packets; false if the client doesn't come for them any more.
    pub fn put(&self, frames: &mut Vec<Utf8Bytes>) -> bool {
        let mut packets = self.0.packets.lock();
        packets.bytes += frames.iter().map(|frame| frame.len()).sum::<usize>();
        packets.waiting.append(frames);
        self.0.news.notify_one();
        packets.bytes <= MAILBOX_BYTES && !packets.closed
    }

    /// Takes all that waits.
    pub fn take(&self) -> Vec<Utf8Bytes> {
        let mut packets = self.0.packets.lock();
        packets.bytes = 0;
        self.0.taken.notify_one();
        std::mem::take(&mut packets.waiting)
    }

    /// Resolves once nothing waits any more.
    async fn emptied(&self) {
        loop {
            let taken = self.0.taken.notified();
            if self.0.packets.lock().waiting.is_empty() {
                return;
            }
            taken.await;
        }
    }

    /// Ends it: the client's next request is answered with a farewell.
    pub fn close(&self) {
        self.0.packets.lock().closed = true;
        self.0.news.notify_one();
    }

    /// Lets a request that is held go with nothing, because the client is moving.
    fn release(&self) {
        self.put(&mut vec![Utf8Bytes::from_static("6")]);
    }

    async fn next(&self) -> Vec<Utf8Bytes> {
        loop {
            let news = self.0.news.notified();
            let taken = self.take();
            if !taken.is_empty() {
                return taken;
            }
            if self.0.packets.lock().closed {
                return vec![Utf8Bytes::from_static("1")];
            }
            if tokio::time::timeout(POLL_HELD, news).await.is_err() {
                return vec![Utf8Bytes::from_static("6")];
            }
        }
    }
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
    let place = app.hub.admit()?;
    let sid = token::random();
    let (sender, posted) = mpsc::channel(POSTED_PACKETS);
    let mailbox = Mailbox::default();
    let polled = Polled { posted: sender, mailbox: mailbox.clone() };
    app.hub.engines.0.lock().insert(sid.clone(), polled.clone());
    let (app, name) = (app.clone(), sid.clone());
    let opened = open_packet(&app, &sid, r#"["websocket"]"#);
    tokio::spawn(async move {
        let transport = Transport::Polling { posted, mailbox };
        session::serve(app.clone(), transport, Wire::SocketIo, guest).await;
        // A request that is held goes home at once: some clients wait for it before they are gone.
        polled.mailbox.close();
        // The last words are for a client that must come and ask for them.
        let _ = tokio::time::timeout(LAST_WORDS, polled.mailbox.emptied()).await;
        app.hub.engines.0.lock().remove(&name);
        drop(place);
    });
    Ok(opened)
}

/// Answers a request for packets, once there are some.
pub async fn poll(app: &App, sid: &str) -> Result<String> {
    let mailbox = app.hub.engines.0.lock().get(sid).map(|polled| polled.mailbox.clone()).ok_or(Code::NotFound)?;
    let packets = mailbox.next().await;
    Ok(packets.iter().map(Utf8Bytes::as_str).collect::<Vec<_>>().join("\x1e"))
}

/// Begins a session on a WebSocket.
pub async fn open_socket(app: App, mut socket: Box<Socket>, guest: Caller) {
    let opened = open_packet(&app, &token::random(), "[]");
    if socket.send(Message::Text(opened.into())).await.is_ok() {
        session::serve(app, Transport::Socket(socket), Wire::SocketIo, guest).await;
    }
}

/// Moves a polling session to a WebSocket: the client probes it, then says that it has moved.
pub async fn upgrade(app: &App, sid: &str, mut socket: Box<Socket>) {
    let Some(polled) = app.hub.engines.0.lock().get(sid).cloned() else { return };
    let moved = async {
        expect(&mut socket, "2probe").await?;
        socket.send(Message::Text(Utf8Bytes::from_static("3probe"))).await.ok()?;
        polled.mailbox.release();
        expect(&mut socket, "5").await
    };
    if let Ok(Some(())) = tokio::time::timeout(UPGRADE_TIMEOUT, moved).await {
        // If the session has ended meanwhile, the socket ends with it.
        let _ = polled.posted.send(FromPolling::Upgraded(socket)).await;
    }
}

async fn expect(socket: &mut Socket, packet: &str) -> Option<()> {
    match socket.next().await {
        Some(Ok(Message::Text(text))) if text.as_str() == packet => Some(()),
        _ => None,
    }
}
