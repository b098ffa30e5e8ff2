//! Messages that the server itself writes: what happened, in the place where people will see it.

use std::sync::Arc;

use super::commit::{self, Outcome, Pending};
use super::store::NewMessage;
use super::{AuthorKind, Extras, Message, MessageKind};
use crate::accounts::Author;
use crate::error::Result;
use crate::id::{ChannelId, GuildId, MessageId};
use crate::log::Tx;

/// What happened, about to be said.
pub(crate) struct Notice {
    /// The id of the message that says it.
    pub id: MessageId,
    /// The guild.
    pub guild: GuildId,
    /// The channel to say it in.
    pub channel: ChannelId,
    /// What happened.
    pub kind: MessageKind,
    /// Who did it.
    pub author: Author,
    /// What it was done to, in the grammar of references.
    pub content: String,
    /// The messages that it is about.
    pub reply_to: Vec<MessageId>,
}

/// Says what happened, in the transaction in which it happens.
pub(crate) async fn post(tx: &mut Tx, notice: Notice) -> Result<()> {
    let Notice { id, guild, channel, kind, author, content, reply_to } = notice;
    let message = Message {
        blocks: None,
        id,
        channel_id: channel,
        guild_id: Some(guild),
        kind,
        author,
        content,
        reply_to,
        attachments: Vec::new(),
        mentions: Vec::new(),
        mention_roles: Vec::new(),
        mention_everyone: false,
        reactions: Vec::new(),
        pinned: false,
        silent: false,
        nonce: None,
        created_at: id.created_at(),
        edited_at: None,
    };
    let author_kind = if message.author.kind == "bot" { AuthorKind::Bot } else { AuthorKind::User };
    let extras = Extras { reply_to: message.reply_to.clone(), ..Extras::default() };
    let payload = serde_json::to_string(&message)?.into();
    let row = NewMessage {
        id,
        channel_id: channel,
        position: 0,
        kind,
        author_id: message.author.id,
        author_kind,
        content: message.content,
        nonce: None,
        mentions: Vec::new(),
        extras: extras.encode()?,
    };
    let pending = Pending {
        stream: guild.into(),
        message: row,
        payload,
        allowed_under: None,
        request_id: tx.request_id().map(Arc::from),
        outcome: Outcome::Written,
        answer: None,
    };
    commit::write(tx, &mut [pending]).await
}
