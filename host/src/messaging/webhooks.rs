//! Messages that come through incoming webhooks: the same write path, another kind of author.

use std::sync::Arc;

use super::commit::{self, Outcome, Pending};
use super::mentions::{self, AllowedMentions};
use super::store::{self, MessageRow, NewMessage};
use super::{AuthorKind, Extras, Message, MessageKind, Sent};
use crate::accounts::Author;
use crate::channels::Access;
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use crate::log::Tx;

/// What a webhook says.
pub(crate) struct WebhookDraft {
    /// The id of the message.
    pub id: MessageId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The name that it speaks under.
    pub name: String,
    /// What it says.
    pub content: String,
    /// Its own name for the message.
    pub nonce: Option<String>,
    /// Which of the mentions in its text count.
    pub allowed_mentions: Option<AllowedMentions>,
}

/// Writes what a webhook says into its channel. It mentions those whom its maker may mention there.
pub(crate) async fn send_as_webhook(
    tx: &mut Tx,
    (guild, channel): (GuildId, ChannelId),
    maker: Option<&Access>,
    draft: WebhookDraft,
) -> Result<Sent> {
    let present = match maker {
        Some(maker) => mentions::present_through(tx, maker, &draft.content).await?,
        None => Vec::new(),
    };
    let row = compose((guild, channel), maker, &present, draft)?;
    let payload: Arc<str> = serde_json::to_string(&shown(guild, &row))?.into();
    let mut pending = [Pending {
        stream: guild.into(),
        message: row,
        payload: payload.clone(),
        allowed_under: None,
        request_id: tx.request_id().map(Arc::from),
        outcome: Outcome::Written,
        answer: None,
    }];
    commit::write(tx, &mut pending).await?;
    let Outcome::Repeated(first) = pending[0].outcome else { return Ok(Sent { message: payload, created: true }) };
    let row = store::message(tx, first).await?.filter(|row| row.deleted_at.is_none()).ok_or(Code::NotFound)?;
    let [Pending { message: NewMessage { nonce, .. }, .. }] = pending;
    let message = Message { edited_at: row.edited_at, nonce, ..shown(guild, &new_again(row)) };
    Ok(Sent { message: serde_json::to_string(&message)?.into(), created: false })
}

fn compose(
    (guild, channel): (GuildId, ChannelId),
    maker: Option<&Access>,
    present: &[UserId],
    draft: WebhookDraft,
) -> Result<NewMessage> {
    let allowed = draft.allowed_mentions.as_ref();
    let found = match maker {
        Some(maker) => mentions::resolve(&draft.content, allowed, maker, present),
        None => mentions::Mentions::default(),
    };
    let extras = Extras {
        blocks: None,
        mentions: found.users,
        mention_roles: found.roles,
        mention_everyone: found.everyone,
        webhook: Some(draft.name),
        ..Extras::default()
    };
    Ok(NewMessage {
        id: draft.id,
        channel_id: channel,
        position: 0,
        kind: MessageKind::Default,
        author_id: UserId(draft.webhook.0),
        author_kind: AuthorKind::Webhook,
        content: draft.content,
        nonce: draft.nonce,
        mentions: extras.targets(Some(guild)),
        extras: extras.encode()?,
    })
}

/// A stored message in the form in which it came.
fn new_again(row: MessageRow) -> NewMessage {
    NewMessage {
        id: row.id,
        channel_id: row.channel_id,
        position: row.position,
        kind: row.kind,
        author_id: row.author_id,
        author_kind: row.author_kind,
        content: row.content,
        nonce: None,
        mentions: Vec::new(),
        extras: row.extras,
    }
}

/// A webhook as the author of what it says under a name.
pub(crate) fn author(id: UserId, name: String) -> Author {
    let kind = AuthorKind::Webhook.as_str();
    Author { id, username: name.clone(), display_name: name, avatar_file_id: None, kind }
}

/// A webhook's message as everybody receives it.
fn shown(guild: GuildId, row: &NewMessage) -> Message {
    let extras = Extras::decode(row.extras.as_deref());
    let name = extras.webhook.unwrap_or_default();
    Message {
        blocks: None,
        id: row.id,
        channel_id: row.channel_id,
        guild_id: Some(guild),
        kind: row.kind,
        author: author(row.author_id, name),
        content: row.content.clone(),
        reply_to: extras.reply_to,
        attachments: extras.attachments,
        mentions: extras.mentions,
        mention_roles: extras.mention_roles,
        mention_everyone: extras.mention_everyone,
        reactions: Vec::new(),
        pinned: false,
        silent: false,
        nonce: row.nonce.clone(),
        created_at: row.id.created_at(),
        edited_at: None,
    }
}
