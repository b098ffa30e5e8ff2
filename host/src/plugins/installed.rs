//! What guilds have installed, kept in memory: every message asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::installation::Installation;
use super::store;
use crate::db::Db;
use crate::error::Result;
use crate::id::{GuildId, InstallationId};
use crate::log::{Entry, EventKind};

/// Guilds kept in memory, at most.
const GUILDS_KEPT: u64 = 20_000;

/// Guilds' installations as they are now.
pub struct Installed {
    guilds: Cache<GuildId, Arc<[Arc<Installation>]>>,
    /// Counts what was dropped: what was read before must not be kept after.
    drops: AtomicU64,
    changed: Notify,
}

impl Default for Installed {
    fn default() -> Installed {
        Installed { guilds: Cache::new(GUILDS_KEPT), drops: AtomicU64::new(0), changed: Notify::new() }
    }
}

impl Installed {
    /// What a guild has installed, whether it runs or not, in the order of filters.
    pub async fn of(&self, db: &Db, guild: GuildId) -> Result<Arc<[Arc<Installation>]>> {
        if let Some(installed) = self.guilds.get(&guild) {
            return Ok(installed);
        }
        let drops = self.drops.load(Ordering::Acquire);
        let read = store::of_guild(&mut db.read().await?, guild).await?;
        let installed: Arc<[Arc<Installation>]> = read.into_iter().map(Arc::new).collect();
        if self.drops.load(Ordering::Acquire) == drops {
            self.guilds.insert(guild, installed.clone());
        }
        Ok(installed)
    }

    /// Drops what a row of the log has made stale.
    pub fn observe(&self, entry: &Entry) {
        use EventKind::{GuildDeleted, InstallationAdded, InstallationRemoved, InstallationUpdated};
        if matches!(entry.kind, InstallationAdded | InstallationUpdated | InstallationRemoved | GuildDeleted) {
            self.drops.fetch_add(1, Ordering::AcqRel);
            self.guilds.invalidate(&GuildId(entry.stream.0));
            self.changed.notify_waiters();
        }
    }

    /// Resolves once an installation has come, changed or gone since this was called.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// An installation of a guild, if it is there and runs.
    pub async fn running(&self, db: &Db, guild: GuildId, id: InstallationId) -> Result<Option<Arc<Installation>>> {
        let installed = self.of(db, guild).await?;
        Ok(installed.iter().find(|one| one.id == id && one.is_enabled()).cloned())
    }
}
