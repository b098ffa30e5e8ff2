//! The table of guilds; what belongs to them has stores of its own.

use super::{Guild, NewGuild};
use crate::channels::{Permissions, Verification};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, FileId, GuildId, UserId};

pub use super::members::store::member;
pub use super::roles::store::roles;

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

/// The ids of the guilds that somebody is a member of.
pub async fn guild_ids_of(conn: &mut Conn, user: UserId) -> Result<Vec<GuildId>> {
    let sql = "select g.id from members m join guilds g on g.id = m.guild_id
        where m.user_id = $1 and g.deleted_at is null order by g.id";
    Ok(conn.all::<(GuildId,)>(sql, &[&user]).await?.into_iter().map(|(guild,)| guild).collect())
}

/// How many guilds somebody owns.
pub async fn owned(conn: &mut Conn, owner: UserId) -> Result<i64> {
    let sql = "select count(*) from guilds where owner_id = $1 and deleted_at is null";
    conn.one::<(i64,)>(sql, &[&owner]).await.map(|(count,)| count)
}

pub async fn set_system_channel(conn: &mut Conn, guild: GuildId, channel: ChannelId) -> Result<()> {
    conn.execute("update guilds set system_channel_id = $2 where id = $1", &[&guild, &channel]).await.map(drop)
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

/// Stores a guild's settings as they are to be.
pub async fn update_settings(conn: &mut Conn, new: &Guild) -> Result<()> {
    let sql = "update guilds set name = $2, description = $3, public = $4, default_locale = $5, system_channel_id = $6,
        verification = $7, version = version + 1, access_version = access_version + 1 where id = $1";
    conn.execute(
        sql,
        &[
            &new.id,
            &new.name,
            &new.description,
            &new.public,
            &new.default_locale,
            &new.system_channel_id,
            &new.verification,
        ],
    )
    .await
    .map(drop)
}

pub async fn set_owner(conn: &mut Conn, guild: GuildId, owner: UserId) -> Result<()> {
    let sql = "update guilds set owner_id = $2, version = version + 1, access_version = access_version + 1
        where id = $1";
    conn.execute(sql, &[&guild, &owner]).await.map(drop)
}

pub async fn set_deleted(conn: &mut Conn, guild: GuildId, now: Timestamp) -> Result<()> {
    let sql = "update guilds set deleted_at = $2, access_version = access_version + 1 where id = $1";
    conn.execute(sql, &[&guild, &now]).await.map(drop)
}

/// Raises the version of a guild's rules: every change that decides permissions must.
pub async fn raise_access_version(conn: &mut Conn, guild: GuildId) -> Result<()> {
    conn.execute("update guilds set access_version = access_version + 1 where id = $1", &[&guild]).await.map(drop)
}

/// Where the server's own messages go, if there is such a channel.
pub async fn system_channel(conn: &mut Conn, guild: GuildId) -> Result<Option<ChannelId>> {
    let sql = "select c.id from guilds g join channels c on c.id = g.system_channel_id
        where g.id = $1 and c.guild_id = $1 and c.deleted_at is null";
    Ok(conn.optional::<(ChannelId,)>(sql, &[&guild]).await?.map(|(channel,)| channel))
}

/// Takes the system channel away from a guild, if it is this one; whether it was.
pub async fn forget_system_channel(conn: &mut Conn, guild: GuildId, channel: ChannelId) -> Result<bool> {
    let sql = "update guilds set system_channel_id = null, version = version + 1
        where id = $1 and system_channel_id = $2";
    conn.execute(sql, &[&guild, &channel]).await.map(|rows| rows > 0)
}

/// Public guilds smaller than one with `(members, id)`, the largest first; `pattern` is what name or
/// description is like.
pub async fn discoverable(
    conn: &mut Conn,
    (members, id): (i64, GuildId),
    pattern: &str,
    limit: i64,
) -> Result<Vec<Guild>> {
    let sql = "select id, name, description, public, owner_id, icon_file_id, default_locale, system_channel_id,
        verification, member_count, version, created_at from guilds
        where public and deleted_at is null and (member_count < $1 or (member_count = $1 and id < $2))
        and ($3 = '%' or lower(name) like $3 escape '\\' or lower(description) like $3 escape '\\')
        order by member_count desc, id desc limit $4";
    Ok(conn.all::<GuildRow>(sql, &[&members, &id, &pattern, &limit]).await?.into_iter().map(Guild::from).collect())
}
