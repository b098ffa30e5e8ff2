//! A client's session as the hub knows it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use crate::config::Sockets;
use crate::id::{SessionId, StreamId, UserId};
use crate::sockets::outbox::Outbox;
use crate::sockets::progress::{Desk, Progress};
use crate::sockets::relations::Relations;
use crate::sockets::wire::Wire;

/// A client's session as the hub knows it.
pub struct Handle {
    /// Its name, unlike that of any other session on any node.
    pub id: i64,
    /// Whose it is.
    pub user: UserId,
    /// The login that it ends with.
    pub session: SessionId,
    /// How its frames are written.
    pub wire: Wire,
    /// What waits to be written to it.
    pub outbox: Outbox,
    /// How far it was told, and where more is written.
    pub progress: Mutex<Progress>,
    /// Whether it wants every guild that its user joins.
    pub(super) wants_all: AtomicBool,
    /// What it listens to.
    pub(super) streams: Mutex<Vec<StreamId>>,
    /// Of whose moments it doesn't hear.
    blocked: RwLock<BTreeSet<UserId>>,
    begun: Instant,
    /// Whether it has ever taken part in a voice channel.
    pub(super) spoke: AtomicBool,
    /// Milliseconds from its beginning to the last sign of life.
    heard_ms: AtomicU64,
}

impl Handle {
    /// A session that listens to nothing yet; `session` is the login that it ends with.
    pub(super) fn new(id: i64, user: UserId, session: SessionId, wire: Wire, settings: &Sockets) -> Handle {
        Handle {
            id,
            user,
            session,
            wire,
            outbox: Outbox::new(settings),
            progress: Mutex::default(),
            wants_all: AtomicBool::new(false),
            streams: Mutex::default(),
            blocked: RwLock::default(),
            begun: Instant::now(),
            spoke: AtomicBool::new(false),
            heard_ms: AtomicU64::new(0),
        }
    }

    /// A session of a test.
    #[cfg(test)]
    pub fn of(id: i64, user: UserId, wire: Wire, settings: &Sockets) -> Handle {
        Handle::new(id, user, SessionId(id), wire, settings)
    }

    /// Sees to it that what waits is written: here if that goes at once, or by the session.
    pub(super) fn flush(&self, desk: &mut Desk) {
        if !self.progress.lock().flush(&self.outbox, self.wire, desk) {
            self.outbox.nudge();
        }
    }

    /// Takes over who has blocked whom.
    pub(super) fn set_blocked(&self, relations: &Relations) {
        self.blocked.write().clone_from(&relations.blocked);
    }

    /// Whether it has ever taken part in a voice channel.
    pub fn has_spoken(&self) -> bool {
        self.spoke.load(Ordering::Acquire)
    }

    /// Notes a sign of life.
    pub fn hear(&self) {
        self.heard_ms.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// How long there was no sign of life.
    pub fn silence(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_millis(self.heard_ms.load(Ordering::Relaxed)))
    }

    /// Whether it hears of somebody's moments: not if one of the two has blocked the other.
    pub fn hears(&self, user: UserId) -> bool {
        !self.blocked.read().contains(&user)
    }
}
