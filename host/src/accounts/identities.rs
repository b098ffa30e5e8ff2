//! Who is who, kept in memory: what every request asks first.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InstanceRole, UserKind, bots, sessions, store};
use crate::clock::Timestamp;
use crate::db::{Conn, Db, Result};
use crate::id::{FileId, SessionId, UserId};
use crate::log::{Entry, EventKind};

/// Accounts kept in memory, at most.
const KEPT: u64 = 50_000;
/// How long an ended session is remembered: longer than any access token of it lives.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// An account as the server needs it for nearly every request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What of it others see beside a message.
    pub author: Author,
    /// What it is.
    pub kind: UserKind,
    /// What it may do on this server.
    pub instance_role: InstanceRole,
    /// The language of messages to it.
    pub locale: String,
    /// Whether an administrator closed it.
    pub disabled: bool,
    /// Whether its e-mail address was shown to be its own.
    pub email_verified: bool,
}

/// Whoever wrote something, as it stands beside what they wrote.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Author {
    /// The account, or the webhook.
    pub id: UserId,
    /// Its unique name.
    pub username: String,
    /// The name that is shown.
    pub display_name: String,
    /// Its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_file_id: Option<FileId>,
    /// `user`, `bot`, `webhook`, `plugin` or `deleted`.
    pub kind: &'static str,
}

/// Accounts as they are now, and sessions that have ended.
pub struct Identities {
    known: Cache<UserId, Arc<Identity>>,
    bots: Cache<String, UserId>,
    ended: RwLock<HashMap<SessionId, Timestamp>>,
    /// Counts what was dropped: what was read before must not be kept after.
    drops: AtomicU64,
}

impl Identities {
    /// Begins with the sessions that ended lately.
    pub async fn load(db: &Db, now: Timestamp) -> Result<Identities> {
        let ended = sessions::store::sessions_ended_since(&mut db.read().await?, now.before(REMEMBERED)).await?;
        Ok(Identities {
            known: Cache::new(KEPT),
            bots: Cache::new(KEPT),
            ended: RwLock::new(ended.into_iter().collect()),
            drops: AtomicU64::new(0),
        })
    }

    /// An account, from memory or the database.
    pub async fn get(&self, db: &Db, user: UserId) -> Result<Option<Arc<Identity>>> {
        match self.known.get(&user) {
            Some(identity) => Ok(Some(identity)),
            None => Box::pin(async { self.get_through(&mut db.read().await?, user).await }).await,
        }
    }

    /// The same for whoever holds a connection already: asking for a second one could wait for ever.
    pub async fn get_through(&self, conn: &mut Conn, user: UserId) -> Result<Option<Arc<Identity>>> {
        if let Some(identity) = self.known.get(&user) {
            return Ok(Some(identity));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let row = store::user(conn, user).await?;
        let identity = row.map(|row| Arc::new(row.identity()));
        if let Some(identity) = &identity
            && self.drops.load(Ordering::Acquire) == drops
        {
            self.known.insert(user, identity.clone());
        }
        Ok(identity)
    }

    /// The bot whose token has this hash.
    pub async fn bot(&self, db: &Db, token_hash: &str) -> Result<Option<UserId>> {
        if let Some(bot) = self.bots.get(token_hash) {
            return Ok(Some(bot));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let bot = bots::store::bot_by_token(&mut db.read().await?, token_hash).await?;
        if let Some(bot) = bot
            && self.drops.load(Ordering::Acquire) == drops
        {
            self.bots.insert(token_hash.to_owned(), bot);
        }
        Ok(bot)
    }

    /// Whether a session was ended.
    pub fn has_ended(&self, session: SessionId) -> bool {
        self.ended.read().contains_key(&session)
    }

    /// Drops what a row of the log has made stale.
    pub fn observe(&self, entry: &Entry) {
        match entry.kind {
            EventKind::UserUpdated => {
                self.drops.fetch_add(1, Ordering::AcqRel);
                self.known.invalidate(&UserId(entry.stream.0));
                self.bots.invalidate_all();
            }
            EventKind::SessionRevoked => {
                let Ok(revoked) = serde_json::from_str::<Revoked>(&entry.payload) else { return };
                // A bot's sockets end, but it comes back with its next token under the same name.
                if revoked.id.0 == entry.stream.0 {
                    return;
                }
                let mut ended = self.ended.write();
                ended.insert(revoked.id, entry.at);
                if ended.len().is_multiple_of(1024) {
                    ended.retain(|_, at| entry.at.since(*at) < REMEMBERED);
                }
            }
            _ => {}
        }
    }
}

/// The body of `session_revoked`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionRef)]
pub(crate) struct Revoked {
    pub id: SessionId,
}
