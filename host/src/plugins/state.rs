//! What the host keeps for installations beside their storage: timers, ids for routes, live state, badges.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::installation::Installation;
use super::interactions::whispers;
use super::work::Action;
use crate::error::{Error, Result};
use crate::id::{ChannelId, GuildId, InstallationId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub(super) mod store;

/// Timers of one installation, at most.
const MAX_TIMERS: i64 = 10_000;
/// Ids for routes of one installation, at most.
const MAX_RESOURCES: i64 = 100_000;
/// Topics of one installation, at most: the one that was changed longest ago is forgotten for a new one.
const MAX_TOPICS: i64 = 100;
/// Badges of one installation on one member, at most.
const MAX_BADGES: i64 = 25;

/// How something of a plugin stands: the body of `plugin_event`, and of what snapshots list under `plugins`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TopicState {
    pub guild_id: GuildId,
    /// Where it is shown; in the whole guild, if it isn't said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    pub installation_id: InstallationId,
    /// The plugin: `publisher.name`.
    pub plugin: String,
    pub topic: String,
    /// Whatever the plugin says of it; null if it is forgotten.
    #[schema(value_type = serde_json::Value)]
    pub payload: Box<RawValue>,
}

/// A member's badges changed: the body of `badge_granted` and `badge_revoked`.
#[derive(Serialize, ToSchema)]
#[schema(as = Badge)]
pub(crate) struct Badge<'a> {
    guild_id: GuildId,
    user_id: UserId,
    installation_id: InstallationId,
    badge: &'a str,
}

/// Whether something concerns nothing but the installation's own things.
pub fn is_its_own(action: &Action) -> bool {
    match action {
        Action::Badge { .. }
        | Action::Publish { .. }
        | Action::Timer { .. }
        | Action::CancelTimer { .. }
        | Action::Whisper { .. }
        | Action::Resource { .. }
        | Action::ForgetResource { .. } => true,
        Action::Send { .. }
        | Action::Direct { .. }
        | Action::Edit { .. }
        | Action::Delete { .. }
        | Action::React { .. }
        | Action::TimeOut { .. }
        | Action::Kick { .. }
        | Action::Ban { .. }
        | Action::Unban { .. }
        | Action::Role { .. }
        | Action::Thread { .. } => false,
    }
}

/// Does what concerns nothing but the installation's own things.
pub async fn apply(tx: &mut Tx, installation: &Installation, action: &Action) -> Result<()> {
    let id = installation.id;
    match action {
        Action::Timer { id: timer, at, payload, depth } => {
            let timer = store::NewTimer { id: timer, at: *at, payload, depth: i64::from(*depth) };
            if store::move_to(tx, id, &timer).await? {
                return Ok(());
            }
            if store::count_timers(tx, id).await? >= MAX_TIMERS {
                return Err(Error::limit("timers", MAX_TIMERS as usize));
            }
            Ok(store::put_timer(tx, id, &timer).await?)
        }
        Action::Whisper { id: whisper, user, channel, blocks } => {
            Ok(whispers::keep(tx, *whisper, *user, id, *channel, blocks).await?)
        }
        Action::CancelTimer { id: timer } => Ok(store::cancel_timer(tx, id, timer).await?),
        Action::Resource { id: resource, kind, channel } => {
            if store::count_resources(tx, id).await? >= MAX_RESOURCES {
                return Err(Error::limit("resources", MAX_RESOURCES as usize));
            }
            Ok(store::put_resource(tx, *resource, id, installation.guild_id, *channel, kind).await?)
        }
        Action::ForgetResource { id: resource } => Ok(store::delete_resource(tx, *resource, id).await?),
        Action::Publish { channel, topic, payload } => publish(tx, installation, *channel, topic, payload).await,
        Action::Badge { user, badge, granted } => change_badge(tx, installation, *user, badge, *granted).await,
        _ => Ok(()),
    }
}

async fn publish(
    tx: &mut Tx,
    installation: &Installation,
    channel: Option<ChannelId>,
    topic: &str,
    payload: &str,
) -> Result<()> {
    let (id, version) = (installation.id, tx.next_id()?);
    // However it is written, it is one word for those who look for it.
    let payload = if payload.trim() == "null" { "null" } else { payload };
    if store::change_topic(tx, id, channel, topic, payload, version).await? {
        return Ok(());
    }
    if payload == "null" {
        return Ok(());
    }
    if store::count_topics(tx, id).await? >= MAX_TOPICS {
        let forgotten = tx.next_id()?;
        store::forget_oldest_topic(tx, id, forgotten).await?;
    }
    Ok(store::put_topic(tx, id, installation.guild_id, channel, topic, payload, version).await?)
}

async fn change_badge(
    tx: &mut Tx,
    installation: &Installation,
    user_id: UserId,
    badge: &str,
    granted: bool,
) -> Result<()> {
    let (id, guild_id) = (installation.id, installation.guild_id);
    let changed = if granted {
        if store::count_badges(tx, guild_id, user_id, id).await? >= MAX_BADGES {
            return Err(Error::limit("badges", MAX_BADGES as usize));
        }
        store::put_badge(tx, guild_id, user_id, id, badge).await?
    } else {
        store::delete_badge(tx, guild_id, user_id, id, badge).await?
    };
    if changed {
        let kind = if granted { EventKind::BadgeGranted } else { EventKind::BadgeRevoked };
        tx.append(NewEvent::new(kind, guild_id, &Badge { guild_id, user_id, installation_id: id, badge })?)?;
    }
    Ok(())
}
