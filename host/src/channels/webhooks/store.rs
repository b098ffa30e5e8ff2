//! The table of incoming webhooks.

use super::Webhook;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, UserId, WebhookId};

#[derive(sqlx::FromRow)]
struct WebhookRow {
    id: WebhookId,
    guild_id: GuildId,
    channel_id: ChannelId,
    name: String,
    creator_id: UserId,
    created_at: Timestamp,
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Webhook {
        Webhook {
            id: row.id,
            guild_id: row.guild_id,
            channel_id: row.channel_id,
            name: row.name,
            creator_id: row.creator_id,
            created_at: row.created_at,
            token: None,
        }
    }
}

pub async fn insert(conn: &mut Conn, webhook: &Webhook, token_hash: &str) -> Result<()> {
    let sql = "insert into webhooks (id, guild_id, channel_id, name, token_hash, creator_id, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let Webhook { id, guild_id, channel_id, name, creator_id, created_at, .. } = webhook;
    conn.execute(sql, &[id, guild_id, channel_id, name, &token_hash, creator_id, created_at]).await.map(drop)
}

/// The webhooks of a channel, the oldest first.
pub async fn of_channel(conn: &mut Conn, channel: ChannelId) -> Result<Vec<Webhook>> {
    let sql = "select id, guild_id, channel_id, name, creator_id, created_at from webhooks
        where channel_id = $1 order by id";
    Ok(conn.all::<WebhookRow>(sql, &[&channel]).await?.into_iter().map(Webhook::from).collect())
}

pub async fn webhook(conn: &mut Conn, id: WebhookId) -> Result<Option<Webhook>> {
    let sql = "select id, guild_id, channel_id, name, creator_id, created_at from webhooks where id = $1";
    Ok(conn.optional::<WebhookRow>(sql, &[&id]).await?.map(Webhook::from))
}

/// The webhook with this id and token, while its guild is there.
pub async fn proved(conn: &mut Conn, id: WebhookId, token_hash: &str) -> Result<Option<Webhook>> {
    let sql = "select w.id, w.guild_id, w.channel_id, w.name, w.creator_id, w.created_at
        from webhooks w join guilds g on g.id = w.guild_id
        where w.id = $1 and w.token_hash = $2 and g.deleted_at is null";
    Ok(conn.optional::<WebhookRow>(sql, &[&id, &token_hash]).await?.map(Webhook::from))
}

pub async fn delete(conn: &mut Conn, id: WebhookId) -> Result<()> {
    conn.execute("delete from webhooks where id = $1", &[&id]).await.map(drop)
}
