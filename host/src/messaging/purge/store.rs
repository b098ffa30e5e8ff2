//! Who wrote which messages of a guild.

use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, MessageId, UserId};

/// A guild's channels and threads.
pub async fn channels(conn: &mut Conn, guild: GuildId) -> Result<Vec<ChannelId>> {
    let rows: Vec<(ChannelId,)> =
        conn.all("select id from channels where guild_id = $1 and deleted_at is null", &[&guild]).await?;
    Ok(rows.into_iter().map(|(channel,)| channel).collect())
}

/// Who wrote the messages before a position, the newest first, tombstones too.
pub async fn authors_before(
    conn: &mut Conn,
    channel: ChannelId,
    position: i64,
    limit: i64,
) -> Result<Vec<(MessageId, i64, UserId)>> {
    let sql = "select id, position, author_id from messages where channel_id = $1 and position < $2
        order by position desc limit $3";
    conn.all(sql, &[&channel, &position, &limit]).await
}

/// Who wrote a guild's messages after a position, of those with an id from `from` on.
pub async fn authors_after(
    conn: &mut Conn,
    guild: GuildId,
    position: i64,
    from: MessageId,
) -> Result<Vec<(ChannelId, MessageId, UserId)>> {
    let sql = "select m.channel_id, m.id, m.author_id from channels c join messages m on m.channel_id = c.id
        where c.guild_id = $1 and c.deleted_at is null and m.position > $2 and m.id >= $3";
    conn.all(sql, &[&guild, &position, &from]).await
}
