//! Channels: where people talk, who may do what there, and how they are arranged.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::Caller;
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, MessageId, StreamId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub mod access;
pub mod change;
pub mod create;
pub mod delete;
pub mod directs;
pub mod explain;
pub mod overwrites;
pub mod permissions;
mod remembered;
pub mod routes;
pub mod rules;
pub(crate) mod store;
pub(crate) mod targets;
pub mod threads;
pub mod webhooks;

pub(crate) use access::membership_through;
pub use access::{Access, Membership, Place, access, access_of, membership, membership_of};
pub(crate) use directs::{direct_between, directs_of, partners_of};
pub use permissions::Permissions;
pub use remembered::{Direct, Home, Rules};
pub use rules::{
    ChannelKind, ChannelRule, GuildRules, MemberRules, Overwrite, OverwriteKind, RoleRule, Step, Verification,
    without_category,
};

/// A channel as those who see it see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Channel {
    /// The channel's id.
    pub id: ChannelId,
    /// The guild that it is in; none for direct messages and groups.
    pub guild_id: Option<GuildId>,
    /// Its kind.
    pub kind: ChannelKind,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// The category it is in or, for a thread, the channel it branches from.
    pub parent_id: Option<ChannelId>,
    /// Its place among its siblings.
    pub position: i64,
    /// Whether its parent's overwrites apply before its own.
    pub inherits: bool,
    /// Whether it is for adults.
    pub nsfw: bool,
    /// Seconds that a member must wait between messages.
    pub slowmode_seconds: i64,
    /// Who made it, for a thread or a group.
    pub owner_id: Option<UserId>,
    /// The message that a thread branches from.
    pub starter_message_id: Option<MessageId>,
    /// Whether a thread is put away.
    pub archived: bool,
    /// Whether only those who manage threads may write in it or wake it.
    pub locked: bool,
    /// How many may be in a voice channel at once; 0 for any number.
    pub user_limit: i64,
    /// Its exceptions.
    pub overwrites: Vec<OverwriteView>,
    /// Who is in it, for direct messages and groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<UserId>,
    /// Raised by every change: the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An exception for one role or member, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OverwriteView {
    /// The role's or the member's id.
    pub target_id: crate::id::TargetId,
    /// Which of the two it is.
    pub kind: OverwriteKind,
    /// What it adds, by name.
    pub allow: Vec<&'static str>,
    /// What it takes away, by name.
    pub deny: Vec<&'static str>,
}

impl From<&Overwrite> for OverwriteView {
    fn from(one: &Overwrite) -> OverwriteView {
        OverwriteView {
            target_id: crate::id::TargetId(one.target),
            kind: one.kind,
            allow: one.allow.names(),
            deny: one.deny.names(),
        }
    }
}

/// A channel, for whoever sees it.
pub async fn get(app: &App, caller: &Caller, channel: ChannelId) -> Result<Arc<Channel>> {
    access(app, caller, channel).await?;
    app.rules.view(&app.db, channel).await?.ok_or(Code::NotFound.into())
}

/// The channels of a guild that the caller sees, in their order.
pub async fn list(app: &App, caller: &Caller, guild: GuildId) -> Result<Vec<Channel>> {
    let membership = membership(app, caller, guild).await?;
    let all = store::channels(&mut app.db.read().await?, guild).await?;
    Ok(all.into_iter().filter(|channel| membership.access(channel.id).is_ok()).collect())
}

/// Gives a new guild its first channel.
pub(crate) async fn insert_first(tx: &mut Tx, guild: GuildId, id: ChannelId, name: &str) -> Result<()> {
    let now = tx.now;
    Ok(store::insert(tx, &store::NewRow::text(id, guild, name), now).await?)
}

/// A message wakes the thread that it is sent to.
pub(crate) async fn wake_thread(tx: &mut Tx, access: &Access) -> Result<()> {
    if access.rule().is_none_or(|rule| !rule.archived) {
        return Ok(());
    }
    store::set_archived(tx, access.channel, false).await?;
    announce_update(tx, access.channel).await.map(drop)
}

/// Tells those who see a channel how it is now; answers it.
pub(crate) async fn announce_update(tx: &mut Tx, channel: ChannelId) -> Result<Channel> {
    let channel = store::channel(tx, channel).await?.ok_or(Code::NotFound)?;
    announce(tx, EventKind::ChannelUpdated, &channel).await?;
    Ok(channel)
}

/// Tells those who see a channel, or saw it, what became of it.
pub(crate) async fn announce(tx: &mut Tx, kind: EventKind, channel: &Channel) -> Result<()> {
    let stream = match channel.guild_id {
        Some(guild) => {
            store::raise_access_version(tx, guild).await?;
            StreamId::from(guild)
        }
        None => channel.id.into(),
    };
    tx.append(NewEvent::new(kind, stream, channel)?.in_channel(channel.id))?;
    Ok(())
}

/// A channel as somebody sees it who holds a connection already.
pub(crate) async fn get_through(conn: &mut Conn, channel: ChannelId) -> Result<Option<Channel>> {
    Ok(store::channel(conn, channel).await?)
}

/// The version of a guild's rules as of the moment that this connection reads: the last there will ever be
/// if there is no such guild any more.
pub(crate) async fn access_version(conn: &mut Conn, guild: GuildId) -> Result<i64> {
    Ok(store::access_version(conn, guild).await?.unwrap_or(i64::MAX))
}

/// All of a guild that decides permissions, for somebody who holds a connection already.
pub(crate) async fn rules_through(conn: &mut Conn, guild: GuildId) -> Result<Option<GuildRules>> {
    Ok(store::guild_rules(conn, guild).await?)
}

/// All channels of a guild, whoever may see them, for somebody who holds a connection already.
pub(crate) async fn list_through(conn: &mut Conn, guild: GuildId) -> Result<Vec<Channel>> {
    Ok(store::channels(conn, guild).await?)
}
