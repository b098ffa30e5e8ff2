//! Messages that a filter holds until a moderator has looked at them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::Result;
use crate::id::{ChannelId, FileId, GuildId, InstallationId, MessageId, UserId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::messaging::Draft;
use crate::messaging::mentions::AllowedMentions;

pub mod releasing;
pub mod routes;
mod store;

/// A message that waits for a moderator.
#[derive(Debug, Clone)]
pub struct Held {
    /// The message's id.
    pub id: i64,
    /// The guild.
    pub guild: GuildId,
    /// Where it is to stand.
    pub channel: ChannelId,
    /// Who wrote it.
    pub author: UserId,
    /// Who holds it.
    pub installation: InstallationId,
    /// What it says.
    pub draft: Kept,
    /// The rule.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
}

/// A draft as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = HeldDraft)]
pub struct Kept {
    /// What it says.
    pub content: String,
    /// What its author's client calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The messages it answers.
    #[serde(default)]
    pub reply_to: Vec<MessageId>,
    /// Its files.
    #[serde(default)]
    pub attachments: Vec<FileId>,
    /// Which of its mentions count.
    pub allowed_mentions: Option<AllowedMentions>,
    /// Whether clients are to notify nobody of it.
    #[serde(default)]
    pub silent: bool,
}

impl Kept {
    /// What of a draft is kept.
    pub fn of(draft: &Draft) -> Kept {
        Kept {
            content: draft.content.clone(),
            nonce: draft.nonce.clone(),
            reply_to: draft.reply_to.clone(),
            attachments: draft.attachments.clone(),
            allowed_mentions: draft.allowed_mentions.clone(),
            silent: draft.silent,
        }
    }
}

/// A message that waits, as moderators see it: the body of `message_held`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldMessage)]
pub struct Shown {
    /// Its id, under which it is sent when it is approved.
    pub id: MessageId,
    /// The guild.
    pub guild_id: GuildId,
    /// Where it is to stand.
    pub channel_id: ChannelId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Who holds it.
    pub installation_id: InstallationId,
    /// What it says.
    pub draft: Kept,
    /// The rule.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
}

impl From<Held> for Shown {
    fn from(held: Held) -> Shown {
        Shown {
            id: MessageId(held.id),
            guild_id: held.guild,
            channel_id: held.channel,
            author_id: held.author,
            installation_id: held.installation,
            draft: held.draft,
            rule: held.rule,
            reason: held.reason,
        }
    }
}

/// A moderator has looked at a message: the body of `message_released`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Released {
    pub id: MessageId,
    pub guild_id: GuildId,
    pub channel_id: ChannelId,
    /// Whether it was sent.
    pub approved: bool,
    /// Who looked at it.
    pub moderator_id: UserId,
}

/// Keeps a message for the moderators, and tells them; once, however often it is sent under one nonce.
pub async fn keep(app: &App, held: Held) -> Result<()> {
    let (guild, author) = (held.guild, held.author);
    app.writer
        .run(Some(author), None, &[guild.into()], move |tx| {
            Box::pin(async move {
                if !store::insert(tx, &held, &serde_json::to_string(&held.draft)?).await? {
                    return Ok(());
                }
                let channel = held.channel;
                let told = NewEvent::new(EventKind::MessageHeld, guild, &Shown::from(held))?;
                tx.append(told.in_channel(channel)).map(drop)
            })
        })
        .await
}

/// Forgets what waits for a place in a channel that is being deleted.
pub(crate) async fn forget_channel(tx: &mut Tx, guild: GuildId, channel: ChannelId) -> Result<()> {
    Ok(store::forget_channel(tx, guild, channel).await?)
}
