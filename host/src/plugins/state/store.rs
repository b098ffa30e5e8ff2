//! The tables of what the host keeps for installations.

use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, InstallationId, UserId};

/// Whether there is a timer of this name.
pub async fn has_timer(conn: &mut Conn, id: InstallationId, timer: &str) -> Result<bool> {
    let sql = "select 1 from plugin_timers where installation_id = $1 and id = $2";
    let row: Option<(i32,)> = conn.optional(sql, &[&id, &timer]).await?;
    Ok(row.is_some())
}

/// How many timers there are.
pub async fn count_timers(conn: &mut Conn, id: InstallationId) -> Result<i64> {
    let sql = "select count(*) from plugin_timers where installation_id = $1";
    let (count,): (i64,) = conn.one(sql, &[&id]).await?;
    Ok(count)
}

/// A timer that is to be set.
pub struct NewTimer<'t> {
    /// Its name.
    pub id: &'t str,
    /// When it is due.
    pub at: Timestamp,
    /// What the plugin is given then.
    pub payload: &'t [u8],
    /// How many plugins' doings led to it.
    pub depth: i64,
}

/// Sets a timer anew; false if there is none of this name.
pub async fn move_to(conn: &mut Conn, id: InstallationId, timer: &NewTimer<'_>) -> Result<bool> {
    let sql = "update plugin_timers set at = $3, payload = $4, depth = $5, attempt = 0, held_until = 0
        where installation_id = $1 and id = $2";
    Ok(conn.execute(sql, &[&id, &timer.id, &timer.at, &timer.payload, &timer.depth]).await? > 0)
}

/// Sets a timer, in the place of one of the same name.
pub async fn put_timer(conn: &mut Conn, id: InstallationId, timer: &NewTimer<'_>) -> Result<()> {
    let sql = "insert into plugin_timers (installation_id, id, at, payload, depth) values ($1, $2, $3, $4, $5)
        on conflict (installation_id, id) do update set at = excluded.at, payload = excluded.payload,
        depth = excluded.depth, attempt = 0, held_until = 0";
    conn.execute(sql, &[&id, &timer.id, &timer.at, &timer.payload, &timer.depth]).await.map(drop)
}

/// Takes a timer back.
pub async fn cancel_timer(conn: &mut Conn, id: InstallationId, timer: &str) -> Result<()> {
    let sql = "delete from plugin_timers where installation_id = $1 and id = $2";
    conn.execute(sql, &[&id, &timer]).await.map(drop)
}

/// Ends a timer that was set for this moment; false if it is gone or was set anew.
pub async fn delete_timer(conn: &mut Conn, id: InstallationId, timer: &str, at: Timestamp) -> Result<bool> {
    let sql = "delete from plugin_timers where installation_id = $1 and id = $2 and at = $3";
    Ok(conn.execute(sql, &[&id, &timer, &at]).await? > 0)
}

/// Sets a timer that was set for this moment to its next one; false if somebody else has.
pub async fn move_timer(
    conn: &mut Conn,
    id: InstallationId,
    timer: &str,
    at: Timestamp,
    next: Timestamp,
) -> Result<bool> {
    let sql = "update plugin_timers set at = $4, attempt = 0, held_until = 0
        where installation_id = $1 and id = $2 and at = $3";
    Ok(conn.execute(sql, &[&id, &timer, &at, &next]).await? > 0)
}

/// Ends a delivery; false if it is gone.
pub async fn delete_delivery(conn: &mut Conn, id: i64) -> Result<bool> {
    Ok(conn.execute("delete from plugin_deliveries where id = $1", &[&id]).await? > 0)
}

/// An id for routes, and what it stands for.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Resource {
    /// Whose.
    pub installation_id: InstallationId,
    /// In which guild.
    pub guild_id: GuildId,
    /// The channel whose viewers see it; every member does, if none is said.
    pub channel_id: Option<ChannelId>,
    /// What it is.
    pub kind: String,
}

/// What an id stands for.
pub async fn resource(conn: &mut Conn, id: i64) -> Result<Option<Resource>> {
    let sql = "select installation_id, guild_id, channel_id, kind from plugin_resources where id = $1";
    conn.optional(sql, &[&id]).await
}

/// How many ids an installation has.
pub async fn count_resources(conn: &mut Conn, id: InstallationId) -> Result<i64> {
    let sql = "select count(*) from plugin_resources where installation_id = $1";
    let (count,): (i64,) = conn.one(sql, &[&id]).await?;
    Ok(count)
}

/// Keeps an id.
pub async fn put_resource(
    conn: &mut Conn,
    resource: i64,
    id: InstallationId,
    guild: GuildId,
    channel: Option<ChannelId>,
    kind: &str,
) -> Result<()> {
    let sql = "insert into plugin_resources (id, installation_id, guild_id, channel_id, kind)
        values ($1, $2, $3, $4, $5)";
    conn.execute(sql, &[&resource, &id, &guild, &channel, &kind]).await.map(drop)
}

/// Forgets an id.
pub async fn delete_resource(conn: &mut Conn, resource: i64, id: InstallationId) -> Result<()> {
    let sql = "delete from plugin_resources where id = $1 and installation_id = $2";
    conn.execute(sql, &[&resource, &id]).await.map(drop)
}

/// How many topics have a value.
pub async fn count_topics(conn: &mut Conn, id: InstallationId) -> Result<i64> {
    let sql = "select count(*) from plugin_topics where installation_id = $1 and payload <> 'null'";
    let (count,): (i64,) = conn.one(sql, &[&id]).await?;
    Ok(count)
}

/// Has the topic forgotten that was changed longest ago.
pub async fn forget_oldest_topic(conn: &mut Conn, id: InstallationId, version: i64) -> Result<()> {
    let sql = "update plugin_topics set payload = 'null', version = $2 where installation_id = $1 and topic = (
        select topic from plugin_topics where installation_id = $1 and payload <> 'null' order by version limit 1)";
    conn.execute(sql, &[&id, &version]).await.map(drop)
}

/// Gives a topic another value; false if there is no such topic, or it is about to be forgotten.
pub async fn change_topic(
    conn: &mut Conn,
    id: InstallationId,
    channel: Option<ChannelId>,
    topic: &str,
    payload: &str,
    version: i64,
) -> Result<bool> {
    let sql = "update plugin_topics set channel_id = $3, payload = $4, version = $5
        where installation_id = $1 and topic = $2 and payload <> 'null'";
    Ok(conn.execute(sql, &[&id, &topic, &channel, &payload, &version]).await? > 0)
}

/// Gives a topic its first value.
pub async fn put_topic(
    conn: &mut Conn,
    id: InstallationId,
    guild: GuildId,
    channel: Option<ChannelId>,
    topic: &str,
    payload: &str,
    version: i64,
) -> Result<()> {
    let sql = "insert into plugin_topics (installation_id, topic, guild_id, channel_id, payload, version)
            values ($1, $2, $3, $4, $5, $6)
        on conflict (installation_id, topic) do update set channel_id = excluded.channel_id,
            payload = excluded.payload, version = excluded.version";
    conn.execute(sql, &[&id, &topic, &guild, &channel, &payload, &version]).await.map(drop)
}

/// How many badges a member has from an installation.
pub async fn count_badges(conn: &mut Conn, guild: GuildId, user: UserId, id: InstallationId) -> Result<i64> {
    let sql = "select count(*) from member_badges where guild_id = $1 and user_id = $2 and installation_id = $3";
    let (count,): (i64,) = conn.one(sql, &[&guild, &user, &id]).await?;
    Ok(count)
}

/// Gives a member a badge; false if they have it.
pub async fn put_badge(conn: &mut Conn, guild: GuildId, user: UserId, id: InstallationId, badge: &str) -> Result<bool> {
    let sql = "insert into member_badges (guild_id, user_id, installation_id, badge) values ($1, $2, $3, $4)
        on conflict do nothing";
    Ok(conn.execute(sql, &[&guild, &user, &id, &badge]).await? > 0)
}

/// Takes a badge from a member; false if they haven't it.
pub async fn delete_badge(
    conn: &mut Conn,
    guild: GuildId,
    user: UserId,
    id: InstallationId,
    badge: &str,
) -> Result<bool> {
    let sql = "delete from member_badges
        where guild_id = $1 and user_id = $2 and installation_id = $3 and badge = $4";
    Ok(conn.execute(sql, &[&guild, &user, &id, &badge]).await? > 0)
}
