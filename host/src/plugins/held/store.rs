//! The table of messages that wait for a moderator.

use super::Held;
use crate::db::{Conn, Result};

/// Keeps a message.
pub async fn insert(conn: &mut Conn, held: &Held, draft: &str) -> Result<()> {
    let sql = "insert into held_messages
            (id, guild_id, channel_id, author_id, installation_id, draft, rule, reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
    conn.execute(
        sql,
        &[&held.id, &held.guild, &held.channel, &held.author, &held.installation, &draft, &held.rule, &held.reason],
    )
    .await
    .map(drop)
}
