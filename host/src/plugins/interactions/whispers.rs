//! Messages that one person sees: what stands below them is kept for a while, so that it can be used.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, InstallationId, MessageId, UserId, first_at};
use crate::plugins::blocks::Node;

/// How long what stands below a whisper can be used.
pub const KEPT: Duration = Duration::from_secs(15 * 60);
/// Whispers that one sweep forgets.
const SWEPT: i64 = 5_000;

/// What stands below a whisper.
#[derive(Debug)]
pub struct Whispered {
    /// Whose plugin whispered.
    pub installation: InstallationId,
    /// Where.
    pub channel: ChannelId,
    /// What can be used there.
    pub blocks: Node,
}

/// What was whispered to somebody under an id, as long as it is kept.
pub async fn find(conn: &mut Conn, id: MessageId, user: UserId, now: Timestamp) -> Result<Option<Whispered>> {
    if id.created_at() < now.before(KEPT) {
        return Ok(None);
    }
    let sql = "select installation_id, channel_id, blocks from plugin_whispers where id = $1 and user_id = $2";
    let found: Option<(InstallationId, ChannelId, String)> = conn.optional(sql, &[&id, &user]).await?;
    Ok(found.and_then(|(installation, channel, blocks)| {
        let blocks = serde_json::from_str(&blocks).ok()?;
        Some(Whispered { installation, channel, blocks })
    }))
}

/// Keeps what stands below a whisper, in the place of what stood there.
pub async fn keep(
    conn: &mut Conn,
    id: MessageId,
    user: UserId,
    installation: InstallationId,
    channel: ChannelId,
    blocks: &str,
) -> Result<()> {
    let sql = "insert into plugin_whispers (id, user_id, installation_id, channel_id, blocks)
            values ($1, $2, $3, $4, $5)
        on conflict (id) do update set blocks = excluded.blocks";
    conn.execute(sql, &[&id, &user, &installation, &channel, &blocks]).await.map(drop)
}

/// Forgets those whose time is over.
pub async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<()> {
    let sql = "delete from plugin_whispers
        where id in (select id from plugin_whispers where id < $1 order by id limit $2)";
    conn.execute(sql, &[&first_at(now.before(KEPT)), &SWEPT]).await.map(drop)
}
