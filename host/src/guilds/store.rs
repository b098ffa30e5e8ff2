//! The tables of guilds: settings, roles, members.

use super::members::Member;
use super::roles::Role;
use super::{Guild, NewGuild};
use crate::accounts::{Author, UserKind};
use crate::channels::{Permissions, Verification};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, FileId, GuildId, RoleId, UserId};

#[derive(sqlx::FromRow)]
struct GuildRow {
    id: GuildId,
    name: String,
    description: String,
    public: bool,
    owner_id: UserId,
    icon_file_id: Option<FileId>,
    default_locale: String,
    system_channel_id: Option<ChannelId>,
    verification: Verification,
    member_count: i64,
    version: i64,
    created_at: Timestamp,
}

impl From<GuildRow> for Guild {
    fn from(row: GuildRow) -> Guild {
        Guild {
            id: row.id,
            name: row.name,
            description: row.description,
            public: row.public,
            owner_id: row.owner_id,
            icon_file_id: row.icon_file_id,
            default_locale: row.default_locale,
            system_channel_id: row.system_channel_id,
            verification: row.verification,
            member_count: row.member_count,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

pub async fn insert(
    conn: &mut Conn,
    id: GuildId,
    owner: UserId,
    new: &NewGuild,
    locale: &str,
    now: Timestamp,
) -> Result<()> {
    let sql = "insert into guilds (id, name, description, public, owner_id, default_locale, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    conn.execute(sql, &[&id, &new.name, &new.description, &new.public, &owner, &locale, &now]).await.map(drop)
}

pub async fn guild(conn: &mut Conn, id: GuildId) -> Result<Option<Guild>> {
    let sql = "select id, name, description, public, owner_id, icon_file_id, default_locale, system_channel_id,
        verification, member_count, version, created_at from guilds where id = $1 and deleted_at is null";
    Ok(conn.optional::<GuildRow>(sql, &[&id]).await?.map(Guild::from))
}

pub async fn guilds_of(conn: &mut Conn, user: UserId) -> Result<Vec<Guild>> {
    let sql = "select g.id, g.name, g.description, g.public, g.owner_id, g.icon_file_id, g.default_locale,
        g.system_channel_id, g.verification, g.member_count, g.version, g.created_at
        from members m join guilds g on g.id = m.guild_id
        where m.user_id = $1 and g.deleted_at is null order by g.id";
    Ok(conn.all::<GuildRow>(sql, &[&user]).await?.into_iter().map(Guild::from).collect())
}

/// How many guilds somebody owns.
pub async fn owned(conn: &mut Conn, owner: UserId) -> Result<i64> {
    let sql = "select count(*) from guilds where owner_id = $1 and deleted_at is null";
    conn.one::<(i64,)>(sql, &[&owner]).await.map(|(count,)| count)
}

pub async fn set_system_channel(conn: &mut Conn, guild: GuildId, channel: ChannelId) -> Result<()> {
    conn.execute("update guilds set system_channel_id = $2 where id = $1", &[&guild, &channel]).await.map(drop)
}

/// Takes the system channel away, if it is this one; whether it was.
pub async fn clear_system_channel(conn: &mut Conn, guild: GuildId, channel: ChannelId) -> Result<bool> {
    let sql = "update guilds set system_channel_id = null, version = version + 1
        where id = $1 and system_channel_id = $2";
    conn.execute(sql, &[&guild, &channel]).await.map(|changed| changed > 0)
}

pub async fn insert_everyone(conn: &mut Conn, guild: GuildId, permissions: Permissions, now: Timestamp) -> Result<()> {
    let sql = "insert into roles (id, guild_id, name, permissions, position, created_at)
        values ($1, $1, '@everyone', $2, 0, $3)";
    conn.execute(sql, &[&guild, &permissions, &now]).await.map(drop)
}

/// Adds a member; whether they were none before.
pub async fn insert_member(conn: &mut Conn, guild: GuildId, user: UserId, now: Timestamp) -> Result<bool> {
    let sql = "insert into members (guild_id, user_id, joined_at) values ($1, $2, $3) on conflict do nothing";
    if conn.execute(sql, &[&guild, &user, &now]).await? == 0 {
        return Ok(false);
    }
    let sql = "update guilds set member_count = member_count + 1, access_version = access_version + 1 where id = $1";
    conn.execute(sql, &[&guild]).await?;
    Ok(true)
}

// Roles and members ---------------------------------------------------------------

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

#[derive(sqlx::FromRow)]
struct MemberRow {
    user_id: UserId,
    username: String,
    display_name: String,
    avatar_file_id: Option<FileId>,
    kind: UserKind,
    nick: Option<String>,
    joined_at: Timestamp,
    timed_out_until: Option<Timestamp>,
}

impl MemberRow {
    fn member(self, roles: Vec<RoleId>) -> Member {
        let user = Author {
            id: self.user_id,
            username: self.username,
            display_name: self.display_name,
            avatar_file_id: self.avatar_file_id,
            kind: self.kind.as_str(),
        };
        Member { user, nick: self.nick, roles, joined_at: self.joined_at, timed_out_until: self.timed_out_until }
    }
}

pub async fn member(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<Option<Member>> {
    let sql = "select m.user_id, u.username, u.display_name, u.avatar_file_id, u.kind, m.nick, m.joined_at,
        m.timed_out_until from members m join users u on u.id = m.user_id where m.guild_id = $1 and m.user_id = $2";
    let Some(row) = conn.optional::<MemberRow>(sql, &[&guild, &user]).await? else { return Ok(None) };
    let sql = "select role_id from member_roles where guild_id = $1 and user_id = $2 order by role_id";
    let roles: Vec<(RoleId,)> = conn.all(sql, &[&guild, &user]).await?;
    Ok(Some(row.member(roles.into_iter().map(|(role,)| role).collect())))
}
