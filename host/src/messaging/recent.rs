//! The newest messages of channels that are being read, kept in memory: what nearly every page asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use super::store::{self, MessageRow};
use crate::db::{Conn, Result};
use crate::id::ChannelId;
use crate::log::Entry;

/// Messages kept of one channel: as many as the largest page shows, and one that tells of more.
const KEPT: i64 = 101;
/// Bytes kept of all channels, about.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// What a row takes beside its text, about.
const ROW_BYTES: usize = 200;

/// The newest messages of channels.
pub struct Recent {
    channels: Cache<ChannelId, Arc<[MessageRow]>>,
    /// Counts what was dropped: what was read before must not be kept after.
    drops: AtomicU64,
}

impl Default for Recent {
    fn default() -> Recent {
        let weight = |_: &ChannelId, rows: &Arc<[MessageRow]>| {
            let bytes: usize = rows.iter().map(|row| row.content.len() + ROW_BYTES).sum();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Recent { channels: Cache::builder().max_capacity(MAX_BYTES).weigher(weight).build(), drops: AtomicU64::new(0) }
    }
}

impl Recent {
    /// Reads a channel's newest messages, the newest first, 101 at most, and keeps them.
    pub async fn read(&self, conn: &mut Conn, channel: ChannelId) -> Result<Arc<[MessageRow]>> {
        let drops = self.drops.load(Ordering::Acquire);
        let rows: Arc<[MessageRow]> = store::before(conn, channel, i64::MAX, KEPT).await?.into();
        if self.drops.load(Ordering::Acquire) == drops {
            self.channels.insert(channel, rows.clone());
            // Dropped in this very moment, before there was something to drop.
            if self.drops.load(Ordering::Acquire) != drops {
                self.channels.invalidate(&channel);
            }
        }
        Ok(rows)
    }

    /// A channel's newest messages, if they are in memory.
    pub fn known(&self, channel: ChannelId) -> Option<Arc<[MessageRow]>> {
        self.channels.get(&channel)
    }

    /// Drops what a row of the log has made stale.
    pub fn observe(&self, entry: &Entry) {
        if let Some(channel) = entry.channel {
            self.drops.fetch_add(1, Ordering::AcqRel);
            self.channels.invalidate(&channel);
        }
    }
}
