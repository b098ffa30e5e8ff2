//! Roles: what members may do, and who stands above whom.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audit::{Action, Note};
use super::{check_name, standing, store as guilds};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, Membership, Permissions};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::http::page::IfMatch;
use crate::id::{GuildId, RoleId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub(crate) mod managed;
mod order;
pub mod routes;
pub(crate) mod store;

/// The largest color, 0xRRGGBB.
const MAX_COLOR: i64 = 0xff_ffff;

/// A role as members see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Role {
    /// The role's id; `@everyone` has the guild's.
    pub id: RoleId,
    /// The guild.
    pub guild_id: GuildId,
    /// Its name.
    pub name: String,
    /// What its members may do, as a decimal number.
    #[schema(value_type = String)]
    pub permissions: Permissions,
    /// The same, by name.
    pub permission_names: Vec<&'static str>,
    /// Its color, as 0xRRGGBB.
    pub color: i64,
    /// Whether its members are shown apart.
    pub hoist: bool,
    /// Whether anybody may mention it.
    pub mentionable: bool,
    /// Its place: higher ones stand above lower ones.
    pub position: i64,
    /// The bot or plugin that it belongs to.
    pub managed_by: Option<UserId>,
    /// Raised by every change: the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// `POST /guilds/{id}/roles`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// 1 to 100 characters.
    pub name: String,
    /// What its members may do, by name: nothing that one may not do oneself.
    #[serde(default)]
    pub permissions: Permissions,
    /// Its color, as 0xRRGGBB.
    #[serde(default)]
    pub color: i64,
    /// Whether its members are shown apart.
    #[serde(default)]
    pub hoist: bool,
    /// Whether anybody may mention it.
    #[serde(default)]
    pub mentionable: bool,
}

impl Validate for NewRole {
    fn check(&self, faults: &mut Faults) {
        check_name("/name", &self.name, faults);
        faults.range("/color", self.color, 0, MAX_COLOR);
    }
}

/// `PATCH /guilds/{id}/roles/{role_id}`: what isn't said stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleChange {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// What its members may do, by name: nothing more that one may not do oneself.
    pub permissions: Option<Permissions>,
    /// Its color, as 0xRRGGBB.
    pub color: Option<i64>,
    /// Whether its members are shown apart.
    pub hoist: Option<bool>,
    /// Whether anybody may mention it.
    pub mentionable: Option<bool>,
    /// Its place, below one's own highest role; those between move by one.
    pub position: Option<i64>,
}

impl Validate for RoleChange {
    fn check(&self, faults: &mut Faults) {
        if let Some(name) = &self.name {
            check_name("/name", name, faults);
        }
        faults.range("/color", self.color.unwrap_or(0), 0, MAX_COLOR);
        faults.range("/position", self.position.unwrap_or(1), 1, i64::MAX);
    }
}

impl RoleChange {
    /// Of `@everyone` only the permissions can be changed.
    fn check_everyone(&self) -> Result<()> {
        let mut faults = Faults::default();
        for (pointer, said) in [
            ("/name", self.name.is_some()),
            ("/color", self.color.is_some()),
            ("/hoist", self.hoist.is_some()),
            ("/mentionable", self.mentionable.is_some()),
            ("/position", self.position.is_some()),
        ] {
            if said {
                faults.note(pointer, FieldCode::NotAllowed);
            }
        }
        faults.into_result()
    }

    fn applied_to(&self, old: &Role) -> Role {
        let permissions = self.permissions.unwrap_or(old.permissions);
        Role {
            name: self.name.clone().unwrap_or_else(|| old.name.clone()),
            permissions,
            permission_names: permissions.names(),
            color: self.color.unwrap_or(old.color),
            hoist: self.hoist.unwrap_or(old.hoist),
            mentionable: self.mentionable.unwrap_or(old.mentionable),
            ..old.clone()
        }
    }
}

/// Refuses to grant what one doesn't hold.
pub(crate) fn require_held(membership: &Membership, granted: Permissions) -> Result<()> {
    let lacking = granted & !membership.permissions;
    if lacking == Permissions::NONE { Ok(()) } else { Err(Error::missing(lacking.first_name())) }
}

/// Refuses to give or take a role that doesn't stand below one's own, and to give what one doesn't hold.
pub(crate) async fn require_may_hand_out(
    conn: &mut Conn,
    membership: &Membership,
    role: RoleId,
    give: bool,
) -> Result<()> {
    let role = store::role(conn, membership.id(), role).await?.ok_or(Code::NotFound)?;
    require_rank(membership, &role, give)
}

/// The same for a role that was read already.
pub(crate) fn require_rank(membership: &Membership, role: &Role, give: bool) -> Result<()> {
    membership.require_position(role.position)?;
    if give { require_held(membership, role.permissions) } else { Ok(()) }
}

/// A guild's roles, the highest first.
pub async fn list(app: &App, caller: &Caller, guild: GuildId) -> Result<Vec<Role>> {
    channels::membership(app, caller, guild).await?;
    Ok(store::roles(&mut app.db.read().await?, guild).await?)
}

/// Makes a role, at the bottom: just above `@everyone`.
pub async fn create(app: &App, caller: &Caller, guild: GuildId, new: NewRole) -> Result<Role> {
    let standing = standing(app, caller, guild).await?;
    let max = app.config.limits.roles;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::MANAGE_ROLES, move |tx, membership| {
            Box::pin(async move {
                // Whoever has no role at all stands at the bottom, and a new one would stand above them.
                membership.require_position(0)?;
                require_held(&membership, new.permissions)?;
                if membership.guild.roles.len() >= max {
                    return Err(Error::limit("roles", max));
                }
                let (id, now) = (RoleId(tx.next_id()?), tx.now);
                let moved = order::make_room(tx, guild, 1).await?;
                store::insert(tx, id, guild, &new, 1, now).await?;
                let role = store::role(tx, guild, id).await?.ok_or(Code::NotFound)?;
                let note = Note::new(guild, Action::RoleCreate).target(id.0).change("name", None::<&str>, &role.name);
                let note = note.change("permissions", None::<&str>, &role.permission_names);
                note.reason(&reason).write(tx).await?;
                guilds::raise_access_version(tx, guild).await?;
                announce(tx, &moved).await?;
                tx.append(NewEvent::new(EventKind::RoleCreated, guild, &role)?)?;
                Ok(role)
            })
        })
        .await
}

/// Tells everybody how roles are now.
async fn announce(tx: &mut Tx, roles: &[Role]) -> Result<()> {
    for role in roles {
        tx.append(NewEvent::new(EventKind::RoleUpdated, role.guild_id, role)?)?;
    }
    Ok(())
}

/// Changes a role that stands lower than one's own highest; a stale version is refused.
pub async fn change(
    app: &App,
    caller: &Caller,
    (guild, role): (GuildId, RoleId),
    change: RoleChange,
    if_match: IfMatch,
) -> Result<Role> {
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::MANAGE_ROLES, move |tx, membership| {
            Box::pin(async move {
                let old = store::role(tx, guild, role).await?.ok_or(Code::NotFound)?;
                membership.require_position(old.position)?;
                if_match.check(old.version)?;
                if role == guild.everyone() {
                    change.check_everyone()?;
                }
                let new = change.applied_to(&old);
                require_held(&membership, new.permissions & !old.permissions)?;
                let position = match change.position {
                    Some(position) => order::check(&membership, position)?,
                    None => old.position,
                };
                let note = Note::new(guild, Action::RoleUpdate)
                    .changed("name", &old.name, &new.name)
                    .changed("permissions", &old.permission_names, &new.permission_names)
                    .changed("color", old.color, new.color)
                    .changed("hoist", old.hoist, new.hoist)
                    .changed("mentionable", old.mentionable, new.mentionable)
                    .changed("position", old.position, position);
                if note.is_empty() {
                    return Ok(old);
                }
                let moved = order::shift(tx, &old, position).await?;
                store::update(tx, &new, position).await?;
                note.target(role.0).reason(&reason).write(tx).await?;
                guilds::raise_access_version(tx, guild).await?;
                announce(tx, &moved).await?;
                let now = store::role(tx, guild, role).await?.ok_or(Code::NotFound)?;
                announce(tx, std::slice::from_ref(&now)).await?;
                Ok(now)
            })
        })
        .await
}

/// The body of `role_deleted`. Members lose the role with it, and channels what they said of it.
#[derive(Serialize, ToSchema)]
#[schema(as = RoleDeleted)]
pub(crate) struct Deleted {
    id: RoleId,
    guild_id: GuildId,
}

/// Deletes a role that stands lower than one's own highest, and takes it off members and channels.
pub async fn delete(app: &App, caller: &Caller, (guild, role): (GuildId, RoleId), if_match: IfMatch) -> Result<()> {
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::MANAGE_ROLES, move |tx, membership| {
            Box::pin(async move {
                let old = store::role(tx, guild, role).await?.ok_or(Code::NotFound)?;
                membership.require_position(old.position)?;
                if role == guild.everyone() || old.managed_by.is_some() {
                    return Err(Code::Forbidden.into());
                }
                if_match.check(old.version)?;
                channels::targets::forget(tx, guild, role.0).await?;
                store::delete(tx, role).await?;
                let note = Note::new(guild, Action::RoleDelete).target(role.0).change("name", &old.name, None::<&str>);
                note.reason(&reason).write(tx).await?;
                guilds::raise_access_version(tx, guild).await?;
                tx.append(NewEvent::new(EventKind::RoleDeleted, guild, &Deleted { id: role, guild_id: guild })?)?;
                Ok(())
            })
        })
        .await
}
