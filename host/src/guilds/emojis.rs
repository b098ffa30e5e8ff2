//! Custom emoji of a guild.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audit::{Action, Note};
use super::standing;
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, Permissions};
use crate::clock::Timestamp;
use crate::closed_set;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{EmojiId, GuildId, UserId};
use crate::log::{EventKind, NewEvent};

pub mod routes;
pub(crate) mod store;

/// The most bytes of an image.
const MAX_IMAGE: usize = 64 * 1024;
/// Emoji of one guild, at most.
const MAX_EMOJIS: usize = 200;

closed_set! {
    /// The types of image that an emoji can be.
    pub enum ImageType {
        /// PNG.
        Png = "image/png",
        /// GIF.
        Gif = "image/gif",
        /// JPEG.
        Jpeg = "image/jpeg",
        /// WebP.
        Webp = "image/webp",
    }
}

impl ImageType {
    /// What an image really is, by its first bytes.
    fn of(bytes: &[u8]) -> Option<ImageType> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageType::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(ImageType::Gif),
            [0xff, 0xd8, 0xff, ..] => Some(ImageType::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(ImageType::Webp),
            _ => None,
        }
    }
}

/// A custom emoji.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Emoji {
    /// The emoji's id; `GET /emojis/{id}` is its image.
    pub id: EmojiId,
    /// The guild.
    pub guild_id: GuildId,
    /// Its name.
    pub name: String,
    /// What its image is.
    pub content_type: ImageType,
    /// Who made it.
    pub creator_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An emoji's image.
pub struct Image {
    /// What it is.
    pub content_type: ImageType,
    /// It itself.
    pub bytes: Vec<u8>,
}

/// `POST /guilds/{id}/emojis`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmoji {
    /// 2 to 32 of `a` to `z`, digits and `_`.
    pub name: String,
    /// `data:image/png;base64,…`, at most 64 KiB of PNG, GIF, JPEG or WebP.
    pub image: String,
}

impl Validate for NewEmoji {
    fn check(&self, faults: &mut Faults) {
        faults.length("/name", &self.name, 2, 32);
        if !self.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            faults.note("/name", FieldCode::InvalidFormat);
        }
        match decode(&self.image) {
            None => faults.note("/image", FieldCode::InvalidFormat),
            Some(image) if image.bytes.len() > MAX_IMAGE => {
                faults.note_with("/image", FieldCode::TooLong, vec![("max", MAX_IMAGE.to_string())]);
            }
            Some(_) => {}
        }
    }
}

/// The image in a `data:` address, if it is what it says.
fn decode(address: &str) -> Option<Image> {
    let (named, encoded) = address.strip_prefix("data:")?.split_once(";base64,")?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let content_type = ImageType::of(&bytes)?;
    (content_type.as_str() == named).then_some(Image { content_type, bytes })
}

/// A guild's emoji, in the order of their names.
pub async fn list(app: &App, caller: &Caller, guild: GuildId) -> Result<Vec<Emoji>> {
    channels::membership(app, caller, guild).await?;
    Ok(store::of_guild(&mut app.db.read().await?, guild).await?)
}

/// Makes an emoji.
pub async fn create(app: &App, caller: &Caller, guild: GuildId, new: NewEmoji) -> Result<Emoji> {
    let standing = standing(app, caller, guild).await?;
    standing.require(Permissions::MANAGE_EMOJIS)?;
    let Image { content_type, bytes } =
        decode(&new.image).ok_or_else(|| Error::field("/image", FieldCode::InvalidFormat))?;
    let (creator_id, reason) = (caller.user, caller.reason.clone());
    standing
        .change(app, caller, Permissions::MANAGE_EMOJIS, move |tx, _| {
            Box::pin(async move {
                let there = store::of_guild(tx, guild).await?;
                if there.iter().any(|emoji| emoji.name == new.name) {
                    return Err(Code::AlreadyExists.into());
                }
                if there.len() >= MAX_EMOJIS {
                    return Err(Error::limit("emojis", MAX_EMOJIS));
                }
                let (id, created_at) = (EmojiId(tx.next_id()?), tx.now);
                let emoji = Emoji { id, guild_id: guild, name: new.name, content_type, creator_id, created_at };
                store::insert(tx, &emoji, &bytes).await?;
                let note = Note::new(guild, Action::EmojiCreate).target(id.0);
                note.change("name", None::<&str>, &emoji.name).reason(&reason).write(tx).await?;
                tx.append(NewEvent::new(EventKind::EmojiCreated, guild, &emoji)?)?;
                Ok(emoji)
            })
        })
        .await
}

/// Deletes an emoji.
pub async fn delete(app: &App, caller: &Caller, guild: GuildId, id: EmojiId) -> Result<()> {
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::MANAGE_EMOJIS, move |tx, _| {
            Box::pin(async move {
                let emoji = store::emoji(tx, guild, id).await?.ok_or(Code::NotFound)?;
                store::delete(tx, id).await?;
                let note = Note::new(guild, Action::EmojiDelete).target(id.0);
                note.change("name", &emoji.name, None::<&str>).reason(&reason).write(tx).await?;
                tx.append(NewEvent::new(EventKind::EmojiDeleted, guild, &emoji)?)?;
                Ok(())
            })
        })
        .await
}

/// An emoji's image, for whoever knows its id.
pub async fn image(app: &App, id: EmojiId) -> Result<Image> {
    store::image(&mut app.db.read().await?, id).await?.ok_or(Code::NotFound.into())
}

/// Whether a guild has an emoji of this id and name: what a reaction with it needs.
pub async fn emoji_exists(conn: &mut Conn, guild: GuildId, id: EmojiId, name: &str) -> Result<bool> {
    Ok(store::emoji(conn, guild, id).await?.is_some_and(|emoji| emoji.name == name))
}
