//! Overwrites by whom they are for.

use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId};

/// A guild's channels with an overwrite for a role or a member.
pub async fn channels_naming(conn: &mut Conn, guild: GuildId, target: i64) -> Result<Vec<ChannelId>> {
    let sql = "select c.id from overwrites o join channels c on c.id = o.channel_id
        where o.target_id = $1 and c.guild_id = $2 and c.deleted_at is null order by c.id";
    let rows: Vec<(ChannelId,)> = conn.all(sql, &[&target, &guild]).await?;
    Ok(rows.into_iter().map(|(channel,)| channel).collect())
}

/// Removes a guild's overwrites for a role or a member, and raises the versions of their channels.
pub async fn remove(conn: &mut Conn, guild: GuildId, target: i64) -> Result<()> {
    let sql = "update channels set version = version + 1 where guild_id = $2
        and id in (select channel_id from overwrites where target_id = $1)";
    conn.execute(sql, &[&target, &guild]).await?;
    let sql = "delete from overwrites where target_id = $1
        and channel_id in (select id from channels where guild_id = $2)";
    conn.execute(sql, &[&target, &guild]).await.map(drop)
}
