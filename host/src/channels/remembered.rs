//! What decides permissions, kept in memory: guilds' rules, members, and where channels belong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;
use smallvec::SmallVec;

use super::rules::{ChannelKind, GuildRules, MemberRules};
use super::{Channel, store};
use crate::db::Db;
use crate::error::Result;
use crate::id::{ChannelId, GuildId, UserId};
use crate::log::{Entry, EventKind};

/// Guilds whose rules are kept in memory, at most.
const GUILDS_KEPT: u64 = 20_000;
/// Members and channels kept in memory, at most.
const MEMBERS_KEPT: u64 = 200_000;
/// Channels kept in memory as clients see them, at most.
const CHANNELS_SHOWN: u64 = 10_000;

/// Guilds' rules and members as they were at some version, for permissions without a query.
pub struct Rules {
    pub(super) guilds: Cache<GuildId, Arc<GuildRules>>,
    pub(super) members: Cache<(GuildId, UserId), (i64, Arc<MemberRules>)>,
    homes: Cache<ChannelId, Home>,
    views: Cache<ChannelId, Arc<Channel>>,
    /// Counts what was dropped: what was read before must not be kept after.
    drops: AtomicU64,
}

/// Where a channel belongs.
#[derive(Debug, Clone)]
pub enum Home {
    /// In a guild.
    Guild(GuildId),
    /// Between people.
    Direct(Arc<Direct>),
}

/// A direct or group channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Direct {
    /// The channel, which is its own stream.
    pub id: ChannelId,
    /// Direct or group.
    pub kind: ChannelKind,
    /// Who is in it.
    pub recipients: SmallVec<[UserId; 2]>,
    /// Who made it, for a group.
    pub owner: Option<UserId>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            guilds: Cache::new(GUILDS_KEPT),
            members: Cache::new(MEMBERS_KEPT),
            homes: Cache::new(MEMBERS_KEPT),
            views: Cache::new(CHANNELS_SHOWN),
            drops: AtomicU64::new(0),
        }
    }
}

impl Rules {
    /// A guild's rules; nothing if there is no such guild. What isn't in memory is read in a box, for it is rare.
    pub async fn guild(&self, db: &Db, guild: GuildId) -> Result<Option<Arc<GuildRules>>> {
        if let Some(rules) = self.guilds.get(&guild) {
            return Ok(Some(rules));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let rules = Box::pin(async { store::guild_rules(&mut db.snapshot().await?, guild).await }).await?.map(Arc::new);
        if let Some(rules) = &rules
            && self.drops.load(Ordering::Acquire) == drops
        {
            self.guilds.insert(guild, rules.clone());
        }
        Ok(rules)
    }

    /// A member as of `rules`; nothing if they are none.
    pub async fn member(&self, db: &Db, rules: &GuildRules, user: UserId) -> Result<Option<Arc<MemberRules>>> {
        let key = (rules.id, user);
        if let Some((version, member)) = self.members.get(&key)
            && version == rules.version
        {
            return Ok(Some(member));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let read = Box::pin(async { store::member_rules(&mut db.read().await?, rules.id, user).await });
        let member = read.await?.map(Arc::new);
        if let Some(member) = &member
            && self.drops.load(Ordering::Acquire) == drops
        {
            self.members.insert(key, (rules.version, member.clone()));
        }
        Ok(member)
    }

    /// Where a channel belongs; nothing if there is no such channel.
    pub async fn home(&self, db: &Db, channel: ChannelId) -> Result<Option<Home>> {
        if let Some(home) = self.homes.get(&channel) {
            return Ok(Some(home));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let home = Box::pin(async { store::home(&mut db.read().await?, channel).await }).await?;
        if let Some(home) = &home
            && self.drops.load(Ordering::Acquire) == drops
        {
            self.homes.insert(channel, home.clone());
        }
        Ok(home)
    }

    /// A channel as those who see it see it; nothing if there is no such channel.
    pub async fn view(&self, db: &Db, channel: ChannelId) -> Result<Option<Arc<Channel>>> {
        if let Some(view) = self.views.get(&channel) {
            return Ok(Some(view));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let view = Box::pin(async { store::channel(&mut db.read().await?, channel).await }).await?.map(Arc::new);
        if let Some(view) = &view
            && self.drops.load(Ordering::Acquire) == drops
        {
            self.views.insert(channel, view.clone());
        }
        Ok(view)
    }

    /// Drops what a row of the log has made stale.
    pub fn observe(&self, entry: &Entry) {
        if !entry.kind.changes_access() {
            return;
        }
        self.drops.fetch_add(1, Ordering::AcqRel);
        self.guilds.invalidate(&GuildId(entry.stream.0));
        self.homes.invalidate(&ChannelId(entry.stream.0));
        match (entry.kind, entry.channel) {
            (EventKind::ChannelUpdated, Some(channel)) => self.views.invalidate(&channel),
            // Gone with their overwrites, or with their children's parent: rare enough to begin anew.
            (EventKind::ChannelDeleted | EventKind::RoleDeleted | EventKind::GuildDeleted, _)
            | (EventKind::ChannelUpdated | EventKind::MemberLeft, None) => self.views.invalidate_all(),
            _ => {}
        }
    }
}
