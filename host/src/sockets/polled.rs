//! Sessions whose frames travel in requests that come and go: Engine.IO's polling, and the native fallback.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::mailbox::Mailbox;
use super::protocol::Protocol;
use super::session;
use super::transport::{Socket, Transport};
use super::wire::Wire;
use crate::accounts::{Caller, token};
use crate::app::App;
use crate::error::Result;

/// Bytes of one request's frames, at most.
pub const MAX_PAYLOAD: usize = 1_000_000;
/// Frames of one request, at most.
pub const MAX_FRAMES: usize = 256;
/// Frames of a client that may wait for its session.
const POSTED_FRAMES: usize = 64;
/// How long a client that was shown out may take to ask why.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What reaches a session from its client's requests.
pub enum FromPolling {
    /// A frame that was posted.
    Frame(Utf8Bytes),
    /// The WebSocket that replaces polling.
    Upgraded(Box<Socket>),
    /// The client leaves.
    Gone,
    /// The client sent something that can't be read.
    Bad,
}

/// Clients without sockets by the name that their requests carry. It is a secret: whoever knows it is the client.
#[derive(Default)]
pub struct Polls(Mutex<HashMap<String, Polled>>);

/// A client without a socket.
#[derive(Clone)]
pub struct Polled {
    protocol: Protocol,
    posted: mpsc::Sender<FromPolling>,
    /// What waits for its requests.
    pub mailbox: Mailbox,
}

impl Polls {
    /// The client of a dialect with this name.
    pub fn find(&self, protocol: Protocol, sid: &str) -> Option<Polled> {
        self.0.lock().get(sid).filter(|polled| polled.protocol == protocol).cloned()
    }

    /// From here on nobody has this name.
    pub fn forget(&self, sid: &str) {
        self.0.lock().remove(sid);
    }
}

impl Polled {
    /// Hands something to the client's session, once it has room; false if the session has ended.
    pub async fn post(&self, posted: FromPolling) -> bool {
        self.posted.send(posted).await.is_ok()
    }
}

/// Begins a session; answers the name that its client's requests must carry.
pub fn open(app: &App, wire: Wire, guest: Caller) -> Result<String> {
    let place = app.hub.admit()?;
    let sid = token::random();
    let (sender, posted) = mpsc::channel(POSTED_FRAMES);
    let protocol = wire.protocol();
    let mailbox = Mailbox::new(match protocol {
        Protocol::Native => super::fallback::goodbye,
        Protocol::SocketIo => super::engineio::goodbye,
    });
    app.hub.polls.0.lock().insert(sid.clone(), Polled { protocol, posted: sender, mailbox: mailbox.clone() });
    let (app, name) = (app.clone(), sid.clone());
    tokio::spawn(async move {
        let transport = Transport::polling(posted, mailbox.clone());
        session::serve(app.clone(), transport, wire, guest).await;
        // A request that is held goes home at once, if nobody was told why it ends: some clients wait for it.
        mailbox.close(super::CloseCode::Unknown);
        // The last words are for a client that must come and ask for them.
        let _ = tokio::time::timeout(LAST_WORDS, mailbox.emptied()).await;
        app.hub.polls.forget(&name);
        drop(place);
    });
    Ok(sid)
}
