//! Messages: sending, reading, and what hangs on them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::Author;
use crate::channels::{Access, ChannelKind, Membership, Permissions, Place};
use crate::clock::Timestamp;
use crate::closed_set;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{ChannelId, FileId, GuildId, MessageId, RoleId, TargetId, UserId};
use crate::log::Tx;
use crate::plugins::blocks::Node;

pub mod commit;
pub mod deleting;
pub mod editing;
pub mod emoji;
pub mod history;
pub mod mentions;
pub mod pins;
pub(crate) mod purge;
pub mod reacting;
pub mod reactions;
pub mod read_states;
pub mod recent;
pub mod routes;
mod sending;
pub(crate) mod store;
pub(crate) mod system;
pub(crate) mod webhooks;

use mentions::AllowedMentions;
pub use sending::{Sent, send};
pub(crate) use sending::{send_as, send_within, sent_under};

/// The longest message, in characters.
pub const MAX_CONTENT: usize = 4_000;
/// The most messages that one may answer at once.
pub const MAX_REPLIES: usize = 5;
/// The most files on one message.
pub const MAX_ATTACHMENTS: usize = 10;
/// The longest nonce, in characters.
pub const MAX_NONCE: usize = 64;

closed_set! {
    /// What a message is.
    pub enum MessageKind {
        /// Somebody said something.
        Default = "default",
        /// Somebody joined.
        Join = "join",
        /// Somebody pinned a message.
        Pin = "pin",
        /// Somebody started a thread.
        Thread = "thread",
    }
}

closed_set! {
    /// What wrote a message.
    pub enum AuthorKind {
        /// A person.
        User = "user",
        /// A bot account.
        Bot = "bot",
        /// An incoming webhook.
        Webhook = "webhook",
        /// A plugin.
        Plugin = "plugin",
        /// Somebody whose account is gone.
        Deleted = "deleted",
    }
}

/// A message as everybody receives it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// Where it stands.
    pub channel_id: ChannelId,
    /// The guild of that channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// What it is.
    pub kind: MessageKind,
    /// Who wrote it.
    pub author: Author,
    /// What it says, with references such as `<@id>`, `<#id>`, `<@&id>`, `<:name:id>` and `<t:ms>`.
    pub content: String,
    /// The messages it answers.
    pub reply_to: Vec<MessageId>,
    /// Its files.
    pub attachments: Vec<FileId>,
    /// The people it mentions.
    pub mentions: Vec<UserId>,
    /// The roles it mentions.
    pub mention_roles: Vec<RoleId>,
    /// Whether it mentions everyone.
    pub mention_everyone: bool,
    /// How people reacted.
    pub reactions: Vec<ReactionCount>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Whether clients are to notify nobody of it; not there if they may.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Buttons and the like below the text: a tree of nodes that a plugin made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Node>,
    /// What the sender calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
}

impl Message {
    /// The message as it goes to all alike: nobody in particular reads it.
    fn for_everybody(&self) -> Message {
        let mut message = self.clone();
        message.reactions.iter_mut().for_each(|reaction| reaction.me = false);
        message
    }
}

/// How many reacted with one emoji.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReactionCount {
    /// A Unicode emoji, or `name:id` of a custom one.
    pub emoji: String,
    /// How many.
    pub count: i64,
    /// Whether the reader is among them; false in events, which are the same for all.
    pub me: bool,
}

/// `POST /channels/{id}/messages`, and `send_message` on the sockets.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What to say, at most 4,000 characters.
    pub content: String,
    /// The sender's own name for it: the same again within a day is the same message.
    pub nonce: Option<String>,
    /// The messages it answers.
    #[serde(default)]
    pub reply_to: Vec<MessageId>,
    /// Its files.
    #[serde(default)]
    pub attachments: Vec<FileId>,
    /// Which of the mentions in its text count; all that the sender may make, if this isn't said.
    pub allowed_mentions: Option<AllowedMentions>,
    /// Whether clients are to notify nobody of it. It counts as unread all the same.
    #[serde(default)]
    pub silent: bool,
    /// What plugins show below the text; people have nothing there.
    #[serde(skip)]
    pub blocks: Option<Node>,
}

impl Validate for Draft {
    fn check(&self, faults: &mut Faults) {
        match self.blocks {
            Some(_) => faults.length("/content", &self.content, 0, MAX_CONTENT),
            None => check_content("/content", &self.content, faults),
        }
        if let Some(nonce) = &self.nonce {
            faults.length("/nonce", nonce, 1, MAX_NONCE);
        }
        faults.items("/reply_to", self.reply_to.len(), MAX_REPLIES);
        faults.items("/attachments", self.attachments.len(), MAX_ATTACHMENTS);
        if let Some(allowed) = &self.allowed_mentions {
            allowed.check(faults);
        }
    }
}

/// Notes content that is empty or too long.
pub(crate) fn check_content(pointer: &str, content: &str, faults: &mut Faults) {
    if content.trim().is_empty() {
        faults.note(pointer, FieldCode::TooShort);
    }
    faults.length(pointer, content, 0, MAX_CONTENT);
}

/// What a query, a body or both say of one field; a refusal if they contradict each other.
fn said_once<T: PartialEq>(pointer: &str, query: Option<T>, body: Option<T>) -> Result<Option<T>> {
    match (query, body) {
        (Some(query), Some(body)) if query != body => Err(Error::field(pointer, FieldCode::NotAllowed)),
        (query, body) => Ok(body.or(query)),
    }
}

/// What a message said before it was edited at this moment; nothing if that is forgotten.
pub(crate) async fn text_before(conn: &mut Conn, id: MessageId, edited_at: Timestamp) -> Result<Option<String>> {
    Ok(store::text_before(conn, id, edited_at).await?)
}

/// Whether a message that isn't deleted stands in this channel.
pub(crate) async fn stands_in(conn: &mut Conn, channel: ChannelId, message: MessageId) -> Result<bool> {
    Ok(!store::in_channel(conn, channel, &[message]).await?.is_empty())
}

/// Refuses what would reach somebody who has blocked, or was blocked by, the one who does it.
async fn refuse_blocked(conn: &mut Conn, access: &Access) -> Result<()> {
    if let Place::Direct(direct, user) = &access.place
        && direct.kind == ChannelKind::Direct
    {
        for other in direct.recipients.iter().filter(|other| *other != user) {
            crate::accounts::refuse_blocked(conn, *user, *other).await?;
        }
    }
    Ok(())
}

/// Refuses to leave marks on messages to whoever may only read: the timed out, and all in a locked thread.
pub(crate) fn require_participation(access: &Access, now: Timestamp) -> Result<()> {
    access.require(Permissions::READ_HISTORY)?;
    if let Some(membership) = access.membership() {
        refuse_timed_out(membership, now)?;
    }
    let locked = access.rule().is_some_and(|rule| rule.locked);
    if locked && !access.may(Permissions::MANAGE_THREADS) { Err(Code::ThreadLocked.into()) } else { Ok(()) }
}

/// Refuses whoever may only read for a while.
pub(crate) fn refuse_timed_out(membership: &Membership, now: Timestamp) -> Result<()> {
    let spared = membership.permissions.contains(Permissions::ADMINISTRATOR);
    if membership.member.is_timed_out(now) && !spared { Err(Code::TimedOut.into()) } else { Ok(()) }
}

/// What a message has beside its text; most have nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Extras {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reply_to: Vec<MessageId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<FileId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mention_roles: Vec<RoleId>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mention_everyone: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// The name that a webhook gave itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// What a plugin shows below the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Node>,
}

impl Extras {
    /// As it is stored: nothing if there is nothing.
    pub fn encode(&self) -> Result<Option<String>> {
        if *self == Extras::default() { Ok(None) } else { Ok(Some(serde_json::to_string(self)?)) }
    }
    /// Everybody whom unread mentions are counted for: people, roles and, under the guild's id, everyone.
    pub fn targets(&self, guild: Option<GuildId>) -> Vec<TargetId> {
        let everyone = guild.filter(|_| self.mention_everyone).map(|guild| TargetId(guild.0));
        let roles = self.mention_roles.iter().map(|role| TargetId(role.0));
        self.mentions.iter().map(|user| TargetId(user.0)).chain(roles).chain(everyone).collect()
    }
    /// From what is stored.
    pub fn decode(stored: Option<&str>) -> Extras {
        stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// Removes some of what a deleted channel leaves behind; answers how many messages.
pub(crate) async fn purge_channel(tx: &mut Tx, channel: ChannelId, at_most: i64) -> Result<u64> {
    Ok(store::purge_channel(tx, channel, at_most).await?)
}
