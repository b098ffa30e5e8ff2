//! Rows that have ended, and those of deleted guilds.

use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId};

pub async fn delete_ended_invites(conn: &mut Conn, now: Timestamp, at_most: i64) -> Result<()> {
    let sql = "delete from invites where code in (select code from invites where expires_at <= $1 limit $2)";
    conn.execute(sql, &[&now, &at_most]).await.map(drop)
}

pub async fn delete_ended_timeouts(conn: &mut Conn, now: Timestamp, at_most: i64) -> Result<()> {
    let sql = "delete from absent_timeouts where (guild_id, user_id) in
        (select guild_id, user_id from absent_timeouts where until <= $1 limit $2)";
    conn.execute(sql, &[&now, &at_most]).await.map(drop)
}

pub async fn deleted_guilds(conn: &mut Conn, limit: i64) -> Result<Vec<GuildId>> {
    let sql = "select id from guilds where deleted_at is not null order by deleted_at limit $1";
    let rows: Vec<(GuildId,)> = conn.all(sql, &[&limit]).await?;
    Ok(rows.into_iter().map(|(guild,)| guild).collect())
}

/// A channel of a guild that no other branches from or stands in.
pub async fn any_channel(conn: &mut Conn, guild: GuildId) -> Result<Option<ChannelId>> {
    let sql = "select c.id from channels c where c.guild_id = $1
        and not exists (select 1 from channels child where child.guild_id = $1 and child.parent_id = c.id) limit 1";
    Ok(conn.optional::<(ChannelId,)>(sql, &[&guild]).await?.map(|(channel,)| channel))
}

/// Removes an empty channel.
pub async fn delete_channel(conn: &mut Conn, channel: ChannelId) -> Result<()> {
    conn.execute("delete from overwrites where channel_id = $1", &[&channel]).await?;
    conn.execute("delete from webhooks where channel_id = $1", &[&channel]).await?;
    conn.execute("delete from channels where id = $1", &[&channel]).await.map(drop)
}

/// Removes some members; answers how many.
pub async fn delete_members(conn: &mut Conn, guild: GuildId, at_most: i64) -> Result<u64> {
    let sql = "delete from member_roles where guild_id = $1 and user_id in
        (select user_id from members where guild_id = $1 order by user_id limit $2)";
    conn.execute(sql, &[&guild, &at_most]).await?;
    let sql = "delete from members where guild_id = $1 and user_id in
        (select user_id from members where guild_id = $1 order by user_id limit $2)";
    conn.execute(sql, &[&guild, &at_most]).await
}

/// Removes a guild that has neither channels nor members. Its audit log stays as long as any.
pub async fn delete_guild(conn: &mut Conn, guild: GuildId) -> Result<()> {
    conn.execute("delete from member_roles where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from roles where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from bans where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from invites where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from emojis where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from absent_timeouts where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from absent_mutes where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from webhooks where guild_id = $1", &[&guild]).await?;
    conn.execute("delete from guilds where id = $1", &[&guild]).await.map(drop)
}
