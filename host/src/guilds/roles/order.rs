//! The order of roles: who moves when one is put elsewhere.

use std::cmp::Ordering;

use super::{Role, store};
use crate::channels::Membership;
use crate::error::{Error, FieldCode, Result};
use crate::id::GuildId;
use crate::log::Tx;

/// Moves the roles from `position` on up by one; answers them as they are then.
pub async fn make_room(tx: &mut Tx, guild: GuildId, position: i64) -> Result<Vec<Role>> {
    move_between(tx, guild, (position, i64::MAX), 1).await
}

/// A position that the caller may put a role at: below their own highest role, and no higher than
/// the highest there is.
pub fn check(membership: &Membership, position: i64) -> Result<i64> {
    let highest = membership.guild.roles.values().map(|role| role.position).max().unwrap_or(0);
    if position > highest {
        return Err(Error::field("/position", FieldCode::OutOfRange));
    }
    membership.require_position(position)?;
    Ok(position)
}

/// Moves what stands between a role and where it is to go by one, into the gap that it leaves;
/// answers what was moved, as it is then. All of it stands below whoever may move the role.
pub async fn shift(tx: &mut Tx, role: &Role, to: i64) -> Result<Vec<Role>> {
    let from = role.position;
    let mut moved = match to.cmp(&from) {
        Ordering::Equal => return Ok(Vec::new()),
        Ordering::Greater => move_between(tx, role.guild_id, (from + 1, to), -1).await?,
        Ordering::Less => move_between(tx, role.guild_id, (to, from - 1), 1).await?,
    };
    // It stands in the gap itself, until it is put where it is to go.
    moved.retain(|one| one.id != role.id);
    Ok(moved)
}

async fn move_between(tx: &mut Tx, guild: GuildId, (low, high): (i64, i64), by: i64) -> Result<Vec<Role>> {
    store::move_between(tx, guild, (low, high), by).await?;
    let moved = |role: &Role| (low..=high).contains(&(role.position - by)) && role.id != guild.everyone();
    Ok(store::roles(tx, guild).await?.into_iter().filter(moved).collect())
}
