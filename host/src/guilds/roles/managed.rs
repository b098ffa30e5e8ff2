//! Roles of bots that the server itself runs: they come, change and go with what the bots are for.

use super::{Deleted, NewRole, Role, announce, order, store};
use crate::channels::{self, Permissions};
use crate::error::{Code, Error, Result};
use crate::guilds::{members, store as guilds};
use crate::id::{GuildId, RoleId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

/// Makes a bot's own role, at the bottom, and gives it to the bot.
pub(crate) async fn make(
    tx: &mut Tx,
    (guild, bot): (GuildId, UserId),
    name: &str,
    permissions: Permissions,
    max: usize,
) -> Result<RoleId> {
    if store::roles(tx, guild).await?.len() >= max {
        return Err(Error::limit("roles", max));
    }
    let (id, now) = (RoleId(tx.next_id()?), tx.now);
    let new = NewRole { name: name.to_owned(), permissions, color: 0, hoist: false, mentionable: false };
    let moved = order::make_room(tx, guild, 1).await?;
    store::insert(tx, id, guild, &new, 1, now).await?;
    store::set_manager(tx, id, bot).await?;
    members::store::give_role(tx, guild, bot, id).await?;
    guilds::raise_access_version(tx, guild).await?;
    announce(tx, &moved).await?;
    let role = store::role(tx, guild, id).await?.ok_or(Code::NotFound)?;
    tx.append(NewEvent::new(EventKind::RoleCreated, guild, &role)?)?;
    let member = members::store::member(tx, guild, bot).await?.ok_or(Code::NotFound)?;
    tx.append(NewEvent::new(EventKind::MemberUpdated, guild, &member)?)?;
    Ok(id)
}

/// Takes permissions from a bot's own role and gives it others. What admins have changed of it besides stays.
pub(crate) async fn change(
    tx: &mut Tx,
    (guild, role): (GuildId, RoleId),
    taken: Permissions,
    given: Permissions,
) -> Result<()> {
    let Some(old) = store::role(tx, guild, role).await? else { return Ok(()) };
    let permissions = (old.permissions & !taken) | given;
    if permissions == old.permissions {
        return Ok(());
    }
    store::update(tx, &Role { permissions, ..old.clone() }, old.position).await?;
    guilds::raise_access_version(tx, guild).await?;
    let now = store::role(tx, guild, role).await?.ok_or(Code::NotFound)?;
    announce(tx, std::slice::from_ref(&now)).await
}

/// Removes a bot's own role, and takes it off channels.
pub(crate) async fn remove(tx: &mut Tx, guild: GuildId, role: RoleId) -> Result<()> {
    if store::role(tx, guild, role).await?.is_none() {
        return Ok(());
    }
    channels::targets::forget(tx, guild, role.0).await?;
    store::delete(tx, role).await?;
    guilds::raise_access_version(tx, guild).await?;
    tx.append(NewEvent::new(EventKind::RoleDeleted, guild, &Deleted { id: role, guild_id: guild })?)?;
    Ok(())
}
