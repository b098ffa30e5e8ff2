//! The table of installations.

use super::configuration::Configuration;
use super::installation::{Installation, InstallationState};
use super::manifest::Permission;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, InstallationId, RoleId, UserId};

#[derive(sqlx::FromRow)]
struct InstallationRow {
    id: InstallationId,
    guild_id: GuildId,
    plugin: String,
    version: String,
    digest: String,
    permissions: String,
    channels: Option<String>,
    config: String,
    state: InstallationState,
    state_reason: String,
    bot_id: UserId,
    role_id: RoleId,
    position: i64,
    revision: i64,
    installed_by: UserId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<InstallationRow> for Installation {
    type Error = sqlx::Error;

    fn try_from(row: InstallationRow) -> Result<Installation> {
        Ok(Installation {
            id: row.id,
            guild_id: row.guild_id,
            plugin: row.plugin,
            version: row.version,
            digest: row.digest,
            permissions: decode::<Vec<Permission>>(&row.permissions)?,
            channels: row.channels.as_deref().map(decode::<Vec<ChannelId>>).transpose()?,
            config: decode::<Configuration>(&row.config)?,
            state: row.state,
            state_reason: row.state_reason,
            bot_id: row.bot_id,
            role_id: row.role_id,
            position: row.position,
            revision: row.revision,
            installed_by: row.installed_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn decode<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn encode<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// An installation that isn't removed.
pub async fn installation(conn: &mut Conn, id: InstallationId) -> Result<Option<Installation>> {
    let sql =
        "select id, guild_id, plugin, version, digest, permissions, channels, config, state, state_reason, bot_id,
        role_id, position, revision, installed_by, created_at, updated_at from installations
        where id = $1 and removed_at is null";
    conn.optional::<InstallationRow>(sql, &[&id]).await?.map(Installation::try_from).transpose()
}

/// A plugin in a guild, if it is installed there.
pub async fn in_guild(conn: &mut Conn, guild: GuildId, plugin: &str) -> Result<Option<Installation>> {
    let sql =
        "select id, guild_id, plugin, version, digest, permissions, channels, config, state, state_reason, bot_id,
        role_id, position, revision, installed_by, created_at, updated_at from installations
        where guild_id = $1 and plugin = $2 and removed_at is null";
    conn.optional::<InstallationRow>(sql, &[&guild, &plugin]).await?.map(Installation::try_from).transpose()
}

/// All that a guild has installed, in the order of filters.
pub async fn of_guild(conn: &mut Conn, guild: GuildId) -> Result<Vec<Installation>> {
    let sql =
        "select id, guild_id, plugin, version, digest, permissions, channels, config, state, state_reason, bot_id,
        role_id, position, revision, installed_by, created_at, updated_at from installations
        where guild_id = $1 and removed_at is null order by position, id";
    let rows: Vec<InstallationRow> = conn.all(sql, &[&guild]).await?;
    rows.into_iter().map(Installation::try_from).collect()
}

/// Installations after one, in the order of their ids.
pub async fn after(conn: &mut Conn, after: InstallationId, limit: i64) -> Result<Vec<Installation>> {
    let sql =
        "select id, guild_id, plugin, version, digest, permissions, channels, config, state, state_reason, bot_id,
        role_id, position, revision, installed_by, created_at, updated_at from installations
        where id > $1 and removed_at is null order by id limit $2";
    let rows: Vec<InstallationRow> = conn.all(sql, &[&after, &limit]).await?;
    rows.into_iter().map(Installation::try_from).collect()
}

pub async fn insert(conn: &mut Conn, new: &Installation) -> Result<()> {
    let sql = "insert into installations (id, guild_id, plugin, version, digest, permissions, channels, config,
        state, state_reason, bot_id, role_id, position, revision, installed_by, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let (permissions, config) = (encode(&new.permissions)?, encode(&new.config)?);
    let channels = new.channels.as_ref().map(encode).transpose()?;
    conn.execute(
        sql,
        &[
            &new.id,
            &new.guild_id,
            &new.plugin,
            &new.version,
            &new.digest,
            &permissions,
            &channels,
            &config,
            &new.state,
            &new.state_reason,
            &new.bot_id,
            &new.role_id,
            &new.position,
            &new.revision,
            &new.installed_by,
            &new.created_at,
            &new.updated_at,
        ],
    )
    .await
    .map(drop)
}

/// Stores an installation as it is to be.
pub async fn update(conn: &mut Conn, new: &Installation) -> Result<()> {
    let sql = "update installations set version = $2, digest = $3, permissions = $4, channels = $5, config = $6,
        state = $7, state_reason = $8, position = $9, revision = $10, updated_at = $11 where id = $1";
    let (permissions, config) = (encode(&new.permissions)?, encode(&new.config)?);
    let channels = new.channels.as_ref().map(encode).transpose()?;
    conn.execute(
        sql,
        &[
            &new.id,
            &new.version,
            &new.digest,
            &permissions,
            &channels,
            &config,
            &new.state,
            &new.state_reason,
            &new.position,
            &new.revision,
            &new.updated_at,
        ],
    )
    .await
    .map(drop)
}

pub async fn set_removed(conn: &mut Conn, id: InstallationId, now: Timestamp) -> Result<()> {
    let sql = "update installations set state = 'removed', removed_at = $2, updated_at = $2 where id = $1";
    conn.execute(sql, &[&id, &now]).await.map(drop)
}

/// What is left of an installation that nobody needs any more.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Leftover {
    pub id: InstallationId,
    pub guild_id: GuildId,
    pub bot_id: UserId,
}

/// Installations that were removed before then, and those of deleted guilds.
pub async fn leftovers(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<Vec<Leftover>> {
    let sql = "select i.id, i.guild_id, i.bot_id from installations i join guilds g on g.id = i.guild_id
        where i.removed_at <= $1 or g.deleted_at is not null order by i.id limit $2";
    conn.all(sql, &[&before, &limit]).await
}

/// Some of what installations keep, by the table.
const KEPT: [&str; 11] = [
    "delete from plugin_kv where installation_id = $1
        and key in (select key from plugin_kv where installation_id = $1 limit $2)",
    "delete from plugin_resources where id in (select id from plugin_resources where installation_id = $1 limit $2)",
    "delete from plugin_timers where installation_id = $1
        and id in (select id from plugin_timers where installation_id = $1 limit $2)",
    "delete from plugin_deliveries where id in (select id from plugin_deliveries where installation_id = $1 limit $2)",
    "delete from plugin_topics where installation_id = $1
        and topic in (select topic from plugin_topics where installation_id = $1 limit $2)",
    "delete from plugin_logs where id in (select id from plugin_logs where installation_id = $1 limit $2)",
    "delete from plugin_bundles where id in (select id from plugin_bundles where installation_id = $1 limit $2)",
    "delete from held_messages where id in (select id from held_messages where installation_id = $1 limit $2)",
    "delete from plugin_whispers where id in (select id from plugin_whispers where installation_id = $1 limit $2)",
    "delete from member_badges where installation_id = $1 and (guild_id, user_id, badge) in
        (select guild_id, user_id, badge from member_badges where installation_id = $1 limit $2)",
    "delete from plugin_usage where installation_id = $1 and $2 > 0",
];

/// Removes some of what an installation has kept, its own row last; whether all of it is gone.
pub async fn purge(conn: &mut Conn, id: InstallationId, at_most: i64) -> Result<bool> {
    for sql in KEPT {
        if conn.execute(sql, &[&id, &at_most]).await? >= at_most.unsigned_abs() {
            return Ok(false);
        }
    }
    conn.execute("delete from installations where id = $1", &[&id]).await?;
    Ok(true)
}

/// Whether anything is installed anywhere.
pub async fn is_any_installed(conn: &mut Conn) -> Result<bool> {
    let sql = "select 1 from installations where removed_at is null limit 1";
    conn.optional::<(i32,)>(sql, &[]).await.map(|found| found.is_some())
}

/// The plugins that are installed anywhere and run.
pub async fn plugins(conn: &mut Conn) -> Result<Vec<String>> {
    let sql = "select distinct plugin from installations where removed_at is null and state = 'enabled'";
    let found: Vec<(String,)> = conn.all(sql, &[]).await?;
    Ok(found.into_iter().map(|(plugin,)| plugin).collect())
}

/// Whether a guild has installations, removed ones too.
pub async fn any_of(conn: &mut Conn, guild: GuildId) -> Result<bool> {
    let sql = "select 1 from installations where guild_id = $1 limit 1";
    conn.optional::<(i32,)>(sql, &[&guild]).await.map(|found| found.is_some())
}
