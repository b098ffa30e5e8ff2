//! What bounds a plugin that acts for somebody: it does nothing for them that they may not do themselves, as of the
//! transaction. Without this, anybody could have a plugin of great rights do their will.

use super::work::Action;
use crate::channels::{Membership, Permissions};
use crate::error::Result;
use crate::guilds::{self, roles};
use crate::id::UserId;
use crate::log::Tx;

/// Refuses what whoever the plugin acts for may not do.
pub async fn require(tx: &mut Tx, actor: &Membership, action: &Action) -> Result<()> {
    let actor = &actor.confirm(tx).await?;
    match action {
        Action::Send { channel, .. } => actor.access(*channel)?.require_speech(true),
        Action::Delete { channel, reason: Some(_), .. } => {
            actor.access(*channel)?.require(Permissions::MANAGE_MESSAGES)
        }
        // Its own messages, wherever they see them: whoever presses a button below one need not speak there.
        Action::Delete { channel, .. } | Action::Edit { channel, .. } => actor.access(*channel).map(drop),
        Action::React { channel, .. } => actor.access(*channel)?.require(Permissions::READ_HISTORY),
        Action::Thread { parent, .. } => actor.access(*parent)?.require(Permissions::CREATE_THREADS),
        Action::TimeOut { user, .. } => above(tx, actor, *user, Permissions::TIMEOUT_MEMBERS).await,
        Action::Kick { user, .. } => above(tx, actor, *user, Permissions::KICK_MEMBERS).await,
        Action::Ban { user, .. } => above(tx, actor, *user, Permissions::BAN_MEMBERS).await,
        Action::Unban { .. } => actor.require(Permissions::BAN_MEMBERS),
        Action::Role { user, role, granted } => {
            above(tx, actor, *user, Permissions::MANAGE_ROLES).await?;
            roles::require_may_hand_out(tx, actor, *role, *granted).await
        }
        _ => Ok(()),
    }
}

/// Refuses whoever lacks this permission, or doesn't stand above a member.
async fn above(tx: &mut Tx, actor: &Membership, user: UserId, needed: Permissions) -> Result<()> {
    actor.require(needed)?;
    match guilds::member_through(tx, actor.id(), user).await? {
        Some(member) => actor.require_above(&member.rules()),
        // Whoever isn't there can be banned, and nothing else.
        None => Ok(()),
    }
}
