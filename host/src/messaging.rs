//! Messages: sending, reading, and what hangs on them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{Access, ChannelKind, Permissions, Place, access};
use crate::clock::Timestamp;
use crate::closed_set;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, FileId, GuildId, MessageId, RoleId, UserId};
use crate::log::OperationFuture;

pub mod commit;
pub mod history;
pub mod mentions;
pub mod read_states;
pub mod routes;
pub(crate) mod store;
pub(crate) mod system;
pub(crate) mod webhooks;

use commit::{Outcome, Pending};
use mentions::AllowedMentions;
use store::NewMessage;

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
    /// What the sender calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it was last edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
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
#[derive(Debug, Clone, Deserialize, ToSchema)]
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
}

impl Validate for Draft {
    fn check(&self, faults: &mut Faults) {
        check_content("/content", &self.content, faults);
        if let Some(nonce) = &self.nonce {
            faults.length("/nonce", nonce, 1, MAX_NONCE);
        }
        faults.items("/reply_to", self.reply_to.len(), MAX_REPLIES);
        faults.items("/attachments", self.attachments.len(), MAX_ATTACHMENTS);
    }
}

/// Notes content that is empty or too long.
pub(crate) fn check_content(pointer: &str, content: &str, faults: &mut Faults) {
    if content.trim().is_empty() {
        faults.note(pointer, FieldCode::TooShort);
    }
    faults.length(pointer, content, 0, MAX_CONTENT);
}

/// A message that was sent: the JSON that its author and everybody else receives.
pub struct Sent {
    /// The message.
    pub message: Box<RawValue>,
    /// False if it was sent before under the same nonce.
    pub created: bool,
}

/// Sends a message, and answers once that is durable.
pub async fn send(app: &App, caller: &Caller, channel: ChannelId, draft: Draft) -> Result<Sent> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Messages, channel.0)?;
    let identity = caller.identity()?;
    access.require_speech(identity.email_verified)?;
    check_references(app, &access, &draft).await?;
    let id = MessageId(app.next_id()?);
    let pending = compose(caller, &access, &draft, id)?;
    let payload = pending.payload.clone();
    let mut outcome = Outcome::RulesMoved;
    if can_wait_with_others(&access) {
        let (answer, answered) = oneshot::channel();
        app.writer.send(Pending { answer: Some(answer), ..pending }).await?;
        outcome = answered.await.map_err(|_| Code::Unavailable)??;
    }
    if outcome == Outcome::RulesMoved {
        let (sent, outcome) = send_alone(app, caller, access, draft, id).await?;
        return finish(app, caller, outcome, sent).await;
    }
    finish(app, caller, outcome, payload).await
}

async fn finish(app: &App, caller: &Caller, outcome: Outcome, payload: Arc<str>) -> Result<Sent> {
    match outcome {
        Outcome::Repeated(first) => {
            let message = history::get(app, caller, first).await?;
            Ok(Sent { message: serde_json::value::to_raw_value(&message)?, created: false })
        }
        Outcome::Written | Outcome::RulesMoved => {
            Ok(Sent { message: RawValue::from_string(payload.to_string())?, created: true })
        }
    }
}

/// Sends a message as part of a larger change: the first one of a thread that is being made.
pub(crate) async fn send_within(
    tx: &mut crate::log::Tx,
    caller: &Caller,
    access: &Access,
    draft: &Draft,
    id: MessageId,
) -> Result<()> {
    let mut pending = [Pending { allowed_under: None, ..compose(caller, access, draft, id)? }];
    commit::write(tx, &mut pending).await
}

/// Whether a message that isn't deleted stands in this channel.
pub(crate) async fn stands_in(tx: &mut crate::log::Tx, channel: ChannelId, message: MessageId) -> Result<bool> {
    Ok(!store::in_channel(tx, channel, &[message]).await?.is_empty())
}

/// Whether nothing but the guild's rules decides if a message may be sent: then it can be written
/// as data, together with all others that wait.
fn can_wait_with_others(access: &Access) -> bool {
    access.rule().is_some_and(|rule| rule.slowmode_seconds == 0 && !rule.archived)
}

/// Sends a message in a transaction step of its own, where everything that decides is read anew.
async fn send_alone(
    app: &App,
    caller: &Caller,
    access: Access,
    draft: Draft,
    id: MessageId,
) -> Result<(Arc<str>, Outcome)> {
    let author = caller.clone();
    let email_verified = caller.identity()?.email_verified;
    access
        .change(app, caller, Permissions::VIEW_CHANNEL, move |tx, access| -> OperationFuture<'_, (Arc<str>, Outcome)> {
            Box::pin(async move {
                access.require_speech(email_verified)?;
                if let Place::Direct(direct, user) = &access.place
                    && direct.kind == ChannelKind::Direct
                {
                    for other in direct.recipients.iter().filter(|other| *other != user) {
                        crate::accounts::refuse_blocked(tx, *user, *other).await?;
                    }
                }
                let mut pending = [Pending { allowed_under: None, ..compose(&author, &access, &draft, id)? }];
                commit::write(tx, &mut pending).await?;
                let [Pending { payload, outcome, .. }] = pending;
                if outcome == Outcome::Written {
                    wait_for_slowmode(tx, &access).await?;
                    crate::channels::wake_thread(tx, &access).await?;
                }
                Ok((payload, outcome))
            })
        })
        .await
}

async fn wait_for_slowmode(tx: &mut crate::log::Tx, access: &Access) -> Result<()> {
    let seconds = access.rule().map_or(0, |rule| rule.slowmode_seconds);
    let exempt = access.may(Permissions::MANAGE_MESSAGES) || access.may(Permissions::MANAGE_CHANNELS);
    if seconds == 0 || exempt {
        return Ok(());
    }
    let until = tx.now.after(std::time::Duration::from_secs(seconds as u64));
    let (channel, user, now) = (access.channel, access.user(), tx.now);
    match store::take_slowmode(tx, channel, user, now, until).await? {
        None => Ok(()),
        Some(free_at) => Err(Error::Wait(Code::Slowmode, free_at.since(now))),
    }
}

/// The row and the JSON of a message, with those of its mentions that its author may make.
fn compose(caller: &Caller, access: &Access, draft: &Draft, id: MessageId) -> Result<Pending> {
    let identity = caller.identity()?;
    let found = mentions::resolve(&draft.content, draft.allowed_mentions.as_ref(), access);
    let extras = Extras {
        reply_to: draft.reply_to.clone(),
        attachments: draft.attachments.clone(),
        mentions: found.users,
        mention_roles: found.roles,
        mention_everyone: found.everyone,
        webhook: None,
    };
    Ok(Pending {
        stream: access.stream(),
        message: NewMessage {
            id,
            channel_id: access.channel,
            position: 0,
            kind: MessageKind::Default,
            author_id: caller.user,
            author_kind: if caller.is_bot() { AuthorKind::Bot } else { AuthorKind::User },
            content: draft.content.clone(),
            nonce: draft.nonce.clone(),
            mentions: extras.mentions.clone(),
            extras: extras.encode()?,
        },
        payload: encode(&identity.author, access, draft, id, extras)?,
        allowed_under: access.membership().map(|membership| (membership.id(), membership.guild.version)),
        request_id: caller.request_id.clone(),
        outcome: Outcome::Written,
        answer: None,
    })
}

fn encode(author: &Author, access: &Access, draft: &Draft, id: MessageId, extras: Extras) -> Result<Arc<str>> {
    let message = Message {
        id,
        channel_id: access.channel,
        guild_id: access.guild(),
        kind: MessageKind::Default,
        author: author.clone(),
        content: draft.content.clone(),
        reply_to: extras.reply_to,
        attachments: extras.attachments,
        mentions: extras.mentions,
        mention_roles: extras.mention_roles,
        mention_everyone: extras.mention_everyone,
        reactions: Vec::new(),
        pinned: false,
        nonce: draft.nonce.clone(),
        created_at: id.created_at(),
        edited_at: None,
    };
    Ok(serde_json::to_string(&message)?.into())
}

/// Refuses answers to messages that aren't in this channel, and files that aren't there.
async fn check_references(app: &App, access: &Access, draft: &Draft) -> Result<()> {
    let mut faults = Faults::default();
    if !draft.reply_to.is_empty() {
        let there = store::in_channel(&mut app.db.read().await?, access.channel, &draft.reply_to).await?;
        for (i, _) in draft.reply_to.iter().enumerate().filter(|(_, id)| !there.contains(id)) {
            faults.note(&format!("/reply_to/{i}"), FieldCode::UnknownReference);
        }
    }
    for i in 0..draft.attachments.len() {
        faults.note(&format!("/attachments/{i}"), FieldCode::UnknownReference);
    }
    faults.into_result()
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
    /// The name that a webhook gave itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

impl Extras {
    /// As it is stored: nothing if there is nothing.
    pub fn encode(&self) -> Result<Option<String>> {
        if *self == Extras::default() { Ok(None) } else { Ok(Some(serde_json::to_string(self)?)) }
    }
    /// From what is stored.
    pub fn decode(stored: Option<&str>) -> Extras {
        stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}
