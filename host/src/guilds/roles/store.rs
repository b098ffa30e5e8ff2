//! The table of roles.

use super::{NewRole, Role};
use crate::channels::Permissions;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{GuildId, RoleId, UserId};

#[derive(sqlx::FromRow)]
struct RoleRow {
    id: RoleId,
    guild_id: GuildId,
    name: String,
    permissions: Permissions,
    color: i64,
    hoist: bool,
    mentionable: bool,
    position: i64,
    managed_by: Option<UserId>,
    version: i64,
    created_at: Timestamp,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Role {
        Role {
            id: row.id,
            guild_id: row.guild_id,
            name: row.name,
            permissions: row.permissions,
            permission_names: row.permissions.names(),
            color: row.color,
            hoist: row.hoist,
            mentionable: row.mentionable,
            position: row.position,
            managed_by: row.managed_by,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// A guild's roles, the highest first.
pub async fn roles(conn: &mut Conn, guild: GuildId) -> Result<Vec<Role>> {
    let sql = "select id, guild_id, name, permissions, color, hoist, mentionable, position, managed_by, version,
        created_at from roles where guild_id = $1 order by position desc, id";
    Ok(conn.all::<RoleRow>(sql, &[&guild]).await?.into_iter().map(Role::from).collect())
}

/// A role of a guild; nothing if the guild has none of this id.
pub async fn role(conn: &mut Conn, guild: GuildId, id: RoleId) -> Result<Option<Role>> {
    let sql = "select id, guild_id, name, permissions, color, hoist, mentionable, position, managed_by, version,
        created_at from roles where id = $2 and guild_id = $1";
    Ok(conn.optional::<RoleRow>(sql, &[&guild, &id]).await?.map(Role::from))
}

pub async fn insert(
    conn: &mut Conn,
    id: RoleId,
    guild: GuildId,
    new: &NewRole,
    position: i64,
    now: Timestamp,
) -> Result<()> {
    let sql = "insert into roles (id, guild_id, name, permissions, color, hoist, mentionable, position, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let NewRole { name, permissions, color, hoist, mentionable } = new;
    conn.execute(sql, &[&id, &guild, name, permissions, color, hoist, mentionable, &position, &now]).await.map(drop)
}

/// Says that a role is a bot's own.
pub async fn set_manager(conn: &mut Conn, role: RoleId, bot: UserId) -> Result<()> {
    conn.execute("update roles set managed_by = $2 where id = $1", &[&role, &bot]).await.map(drop)
}

/// Stores a role as it is to be.
pub async fn update(conn: &mut Conn, new: &Role, position: i64) -> Result<()> {
    let sql = "update roles set name = $2, permissions = $3, color = $4, hoist = $5, mentionable = $6, position = $7,
        version = version + 1 where id = $1";
    conn.execute(sql, &[&new.id, &new.name, &new.permissions, &new.color, &new.hoist, &new.mentionable, &position])
        .await
        .map(drop)
}

/// Moves roles between two positions, both included; `@everyone` stays where it is.
pub async fn move_between(conn: &mut Conn, guild: GuildId, (low, high): (i64, i64), by: i64) -> Result<()> {
    let sql = "update roles set position = position + $4, version = version + 1
        where guild_id = $1 and position between $2 and $3 and id <> $1";
    conn.execute(sql, &[&guild, &low, &high, &by]).await.map(drop)
}

/// Removes a role from members and from the guild.
pub async fn delete(conn: &mut Conn, role: RoleId) -> Result<()> {
    conn.execute("delete from member_roles where role_id = $1", &[&role]).await?;
    conn.execute("delete from roles where id = $1", &[&role]).await.map(drop)
}
