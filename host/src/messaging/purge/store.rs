//! Messages of one author, wherever they stand in a guild; and all that stands in a channel.

use crate::clock::Timestamp;
use crate::db::{Conn, Result, Rows};
use crate::id::{ChannelId, GuildId, MessageId, UserId};
use crate::messaging::store::MessageRow;

static MESSAGES: Rows = Rows::new(
    "select id, channel_id, position, kind, author_id, author_kind, content, extras, flags, edited_at, deleted_at
        from messages where id in (",
    1,
    ")",
);

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

/// These messages, tombstones too.
pub async fn messages(conn: &mut Conn, ids: &[MessageId]) -> Result<Vec<MessageRow>> {
    let mut rows: Vec<MessageRow> = conn.look_up(&MESSAGES, ids.len(), |i| [&ids[i]]).await?;
    rows.sort_by_key(|row| row.position);
    rows.dedup_by_key(|row| row.id);
    Ok(rows)
}

/// Makes a tombstone of a message.
pub async fn bury(conn: &mut Conn, row: &MessageRow, now: Timestamp) -> Result<()> {
    let sql = "update messages set content = '', extras = null, flags = 0, deleted_at = $2 where id = $1";
    conn.execute(sql, &[&row.id, &now]).await?;
    conn.execute("delete from reactions where message_id = $1", &[&row.id]).await?;
    conn.execute("delete from revisions where message_id = $1", &[&row.id]).await?;
    let sql = "delete from pins where channel_id = $1 and message_id = $2";
    conn.execute(sql, &[&row.channel_id, &row.id]).await.map(drop)
}

/// Removes the oldest messages of a channel for good, with all that hangs on them, some at a time;
/// answers how many. For channels that nobody sees any more.
pub async fn delete_oldest(conn: &mut Conn, channel: ChannelId, at_most: i64) -> Result<u64> {
    let sql = "select id from messages where channel_id = $1 order by position limit $2";
    let oldest: Vec<(MessageId,)> = conn.all(sql, &[&channel, &at_most]).await?;
    for (id,) in &oldest {
        conn.execute("delete from reactions where message_id = $1", &[id]).await?;
        conn.execute("delete from revisions where message_id = $1", &[id]).await?;
        conn.execute("delete from messages where id = $1", &[id]).await?;
    }
    Ok(oldest.len() as u64)
}

/// Removes what else tells of a channel that has no messages any more.
pub async fn delete_marks(conn: &mut Conn, channel: ChannelId) -> Result<()> {
    conn.execute("delete from pins where channel_id = $1", &[&channel]).await?;
    conn.execute("delete from mentions where channel_id = $1", &[&channel]).await?;
    conn.execute("delete from read_states where channel_id = $1", &[&channel]).await.map(drop)
}
