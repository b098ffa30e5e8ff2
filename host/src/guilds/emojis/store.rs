//! The table of custom emoji.

use super::{Emoji, Image, ImageType};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{EmojiId, GuildId, UserId};

#[derive(sqlx::FromRow)]
struct EmojiRow {
    id: EmojiId,
    guild_id: GuildId,
    name: String,
    content_type: ImageType,
    creator_id: UserId,
    created_at: Timestamp,
}

impl From<EmojiRow> for Emoji {
    fn from(row: EmojiRow) -> Emoji {
        Emoji {
            id: row.id,
            guild_id: row.guild_id,
            name: row.name,
            content_type: row.content_type,
            creator_id: row.creator_id,
            created_at: row.created_at,
        }
    }
}

pub async fn of_guild(conn: &mut Conn, guild: GuildId) -> Result<Vec<Emoji>> {
    let sql = "select id, guild_id, name, content_type, creator_id, created_at from emojis
        where guild_id = $1 order by name";
    Ok(conn.all::<EmojiRow>(sql, &[&guild]).await?.into_iter().map(Emoji::from).collect())
}

/// An emoji of a guild; nothing if the guild has none of this id.
pub async fn emoji(conn: &mut Conn, guild: GuildId, id: EmojiId) -> Result<Option<Emoji>> {
    let sql = "select id, guild_id, name, content_type, creator_id, created_at from emojis
        where id = $2 and guild_id = $1";
    Ok(conn.optional::<EmojiRow>(sql, &[&guild, &id]).await?.map(Emoji::from))
}

pub async fn insert(conn: &mut Conn, new: &Emoji, image: &Vec<u8>) -> Result<()> {
    let sql = "insert into emojis (id, guild_id, name, content_type, image, creator_id, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let Emoji { id, guild_id, name, content_type, creator_id, created_at } = new;
    conn.execute(sql, &[id, guild_id, name, content_type, image, creator_id, created_at]).await.map(drop)
}

pub async fn delete(conn: &mut Conn, id: EmojiId) -> Result<()> {
    conn.execute("delete from emojis where id = $1", &[&id]).await.map(drop)
}

/// An emoji's image, if its guild is there.
pub async fn image(conn: &mut Conn, id: EmojiId) -> Result<Option<Image>> {
    let sql = "select e.content_type, e.image from emojis e join guilds g on g.id = e.guild_id
        where e.id = $1 and g.deleted_at is null";
    let found: Option<(ImageType, Vec<u8>)> = conn.optional(sql, &[&id]).await?;
    Ok(found.map(|(content_type, bytes)| Image { content_type, bytes }))
}
