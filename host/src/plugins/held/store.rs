//! The table of messages that wait for a moderator.

use super::{Held, Kept};
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, InstallationId, UserId};

/// Keeps a message; false if its author has one waiting there under the same nonce.
pub async fn insert(conn: &mut Conn, held: &Held, draft: &str) -> Result<bool> {
    let sql = "insert into held_messages
            (id, guild_id, channel_id, author_id, nonce, installation_id, draft, rule, reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing";
    let Held { id, guild, channel, author, installation, rule, reason, .. } = held;
    let nonce = &held.draft.nonce;
    let kept = conn.execute(sql, &[id, guild, channel, author, nonce, installation, &draft, rule, reason]).await?;
    Ok(kept > 0)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    guild_id: GuildId,
    channel_id: ChannelId,
    author_id: UserId,
    installation_id: InstallationId,
    draft: String,
    rule: String,
    reason: String,
}

impl From<Row> for Held {
    fn from(row: Row) -> Held {
        // Whatever can't be read any more shows as empty, and can still be rejected.
        let draft = serde_json::from_str::<Kept>(&row.draft).unwrap_or_default();
        Held {
            id: row.id,
            guild: row.guild_id,
            channel: row.channel_id,
            author: row.author_id,
            installation: row.installation_id,
            draft,
            rule: row.rule,
            reason: row.reason,
        }
    }
}

/// A message that waits; nothing if it doesn't.
pub async fn held(conn: &mut Conn, id: i64) -> Result<Option<Held>> {
    let sql = "select id, guild_id, channel_id, author_id, installation_id, draft, rule, reason
        from held_messages where id = $1";
    Ok(conn.optional::<Row>(sql, &[&id]).await?.map(Held::from))
}

/// The newest messages that wait in a guild, before one, whose channels are still there.
pub async fn page(conn: &mut Conn, guild: GuildId, before: i64, at_most: i64) -> Result<Vec<Held>> {
    let sql = "select h.id, h.guild_id, h.channel_id, h.author_id, h.installation_id, h.draft, h.rule, h.reason
        from held_messages h where h.guild_id = $1 and h.id < $2
        and exists (select 1 from channels c where c.id = h.channel_id and c.deleted_at is null)
        order by h.id desc limit $3";
    let rows: Vec<Row> = conn.all(sql, &[&guild, &before, &at_most]).await?;
    Ok(rows.into_iter().map(Held::from).collect())
}

/// Takes a message out; false if somebody else has.
pub async fn delete(conn: &mut Conn, id: i64) -> Result<bool> {
    Ok(conn.execute("delete from held_messages where id = $1", &[&id]).await? > 0)
}

/// Forgets what waits for a place in a channel that is gone.
pub async fn forget_channel(conn: &mut Conn, guild: GuildId, channel: ChannelId) -> Result<()> {
    let sql = "delete from held_messages where guild_id = $1 and channel_id = $2";
    conn.execute(sql, &[&guild, &channel]).await.map(drop)
}
