//! What and whom somebody belongs to, kept in memory: what each socket asks when it begins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;
use serde::Deserialize;

use super::hub::subject;
use crate::accounts;
use crate::channels;
use crate::db::Db;
use crate::error::Result;
use crate::guilds;
use crate::id::{ChannelId, GuildId, UserId};
use crate::log::{Entry, EventKind};

/// Accounts whose relations are kept in memory, at most.
const KEPT: u64 = 50_000;

/// What and whom somebody belongs to.
#[derive(Debug, Clone, Default)]
pub struct Relations {
    /// Their direct and group channels.
    pub directs: Vec<ChannelId>,
    /// Their guilds.
    pub guilds: Vec<GuildId>,
    /// Those whom they talk to in direct and group channels, with the channel.
    pub partners: Vec<(ChannelId, UserId)>,
    /// Whom they have blocked, and who has blocked them: neither hears of the other's moments.
    pub blocked: BTreeSet<UserId>,
}

/// Relations as they are now.
pub struct Related {
    known: Cache<UserId, Arc<Relations>>,
    /// Counts what was dropped: what was read before must not be kept after.
    drops: AtomicU64,
}

impl Default for Related {
    fn default() -> Related {
        Related { known: Cache::new(KEPT), drops: AtomicU64::new(0) }
    }
}

impl Related {
    /// Somebody's relations, from memory or the database.
    pub async fn of(&self, db: &Db, user: UserId) -> Result<Arc<Relations>> {
        if let Some(relations) = self.known.get(&user) {
            return Ok(relations);
        }
        let drops = self.drops.load(Ordering::Acquire);
        let mut conn = db.read().await?;
        let relations = Arc::new(Relations {
            directs: channels::directs_of(&mut conn, user).await?,
            guilds: guilds::ids_of(&mut conn, user).await?,
            partners: channels::partners_of(&mut conn, user).await?,
            blocked: accounts::blocks_around(&mut conn, user).await?.into_iter().collect(),
        });
        if self.drops.load(Ordering::Acquire) == drops {
            self.known.insert(user, relations.clone());
        }
        Ok(relations)
    }

    /// Drops what a row of the log has made stale.
    pub fn observe(&self, entry: &Entry) {
        #[derive(Deserialize)]
        struct Block {
            user_id: UserId,
        }
        let is_direct = entry.channel.is_some_and(|channel| channel.0 == entry.stream.0);
        match entry.kind {
            EventKind::BlockAdded | EventKind::BlockRemoved => {
                self.drops.fetch_add(1, Ordering::AcqRel);
                self.known.invalidate(&UserId(entry.stream.0));
                match serde_json::from_str::<Block>(&entry.payload) {
                    Ok(block) => self.known.invalidate(&block.user_id),
                    Err(_) => self.known.invalidate_all(),
                }
            }
            EventKind::MemberJoined | EventKind::MemberLeft => {
                self.drops.fetch_add(1, Ordering::AcqRel);
                match subject(entry) {
                    Ok(user) => self.known.invalidate(&user),
                    Err(_) => self.known.invalidate_all(),
                }
            }
            EventKind::GuildCreated | EventKind::GuildDeleted => self.drop_all(),
            // Whoever was in it before isn't told: rare enough to begin anew.
            EventKind::ChannelCreated | EventKind::ChannelUpdated | EventKind::ChannelDeleted if is_direct => {
                self.drop_all();
            }
            _ => {}
        }
    }

    fn drop_all(&self) {
        self.drops.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
    }
}
