//! Sending: from a draft to a message that everybody receives.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::commit::{self, Outcome, Pending};
use super::store::{self, NewMessage};
use super::{AuthorKind, Draft, Extras, Message, MessageKind, history, mentions};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{Access, Permissions, access};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::Faults;
use crate::http::limits::Group;
use crate::id::{ChannelId, MessageId, UserId};
use crate::log::OperationFuture;
use crate::plugins::filtering::{self, Stage};

/// A message that was sent: the JSON that its author and everybody else receives.
pub struct Sent {
    /// The message.
    pub message: Arc<str>,
    /// False if it was sent before under the same nonce.
    pub created: bool,
}

/// Sends a message, and answers once that is durable.
pub async fn send(app: &App, caller: &Caller, channel: ChannelId, mut draft: Draft) -> Result<Sent> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Messages, channel.0)?;
    let identity = caller.identity()?;
    access.require_speech(identity.email_verified)?;
    if !draft.reply_to.is_empty() || !draft.attachments.is_empty() {
        Box::pin(check_references(app, &access, &draft)).await?;
    }
    let id = MessageId(app.next_id()?);
    filtering::draft(app, caller, &access, id, &mut draft, Stage::Create).await?;
    let present = mentions::present(app, &access, &draft.content).await?;
    let pending = compose(caller, &access, id, MessageKind::Default, &draft, &present)?;
    let payload = pending.payload.clone();
    let mut outcome = Outcome::RulesMoved;
    if can_wait_with_others(&access) {
        let (answer, answered) = oneshot::channel();
        app.writer.send(Pending { answer: Some(answer), ..pending }).await?;
        outcome = answered.await.map_err(|_| Code::Unavailable)??;
    }
    if outcome == Outcome::RulesMoved {
        let nonce = draft.nonce.clone();
        // Rare and large: in a box of its own it doesn't weigh on every message under way.
        let (sent, outcome) = Box::pin(send_alone(app, caller, access, draft, present, id)).await?;
        return finish(app, caller, outcome, sent, nonce).await;
    }
    finish(app, caller, outcome, payload, draft.nonce).await
}

/// The answer to a message that was sent. Whoever sent it before gets the first one back, even if
/// they may not read what others said.
async fn finish(
    app: &App,
    caller: &Caller,
    outcome: Outcome,
    payload: Arc<str>,
    nonce: Option<String>,
) -> Result<Sent> {
    match outcome {
        Outcome::Repeated(first) => {
            let message = Box::pin(first_sent(app, caller, first)).await?;
            let message = Message { nonce, ..message };
            Ok(Sent { message: serde_json::to_string(&message)?.into(), created: false })
        }
        Outcome::Written | Outcome::RulesMoved => Ok(Sent { message: payload, created: true }),
    }
}

async fn first_sent(app: &App, caller: &Caller, first: MessageId) -> Result<Message> {
    let (access, row) = history::find(app, caller, first).await?;
    history::whole(app, &access, row).await
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
    present: Vec<UserId>,
    id: MessageId,
) -> Result<(Arc<str>, Outcome)> {
    let author = caller.clone();
    let email_verified = caller.identity()?.email_verified;
    access
        .change(app, caller, Permissions::VIEW_CHANNEL, move |tx, access| -> OperationFuture<'_, (Arc<str>, Outcome)> {
            Box::pin(async move {
                access.require_speech(email_verified)?;
                super::refuse_blocked(tx, &access).await?;
                let composed = compose(&author, &access, id, MessageKind::Default, &draft, &present)?;
                let payload = composed.payload.clone();
                let outcome = write_alone(tx, composed).await?;
                if outcome == Outcome::Written {
                    wait_for_slowmode(tx, &access).await?;
                    crate::channels::wake_thread(tx, &access).await?;
                }
                Ok((payload, outcome))
            })
        })
        .await
}

/// Writes a message that was allowed in this very transaction.
pub(super) async fn write_alone(tx: &mut crate::log::Tx, message: Pending) -> Result<Outcome> {
    let mut pending = [Pending { allowed_under: None, ..message }];
    commit::write(tx, &mut pending).await?;
    Ok(pending[0].outcome)
}

/// Sends a message as part of a larger change: the first one of a thread that is being made.
pub(crate) async fn send_within(
    tx: &mut crate::log::Tx,
    caller: &Caller,
    access: &Access,
    draft: &Draft,
) -> Result<()> {
    let id = MessageId(tx.next_id()?);
    send_as(tx, caller, access, id, draft).await.map(drop)
}

/// The same under an id that was promised before; false if it was sent before under its nonce.
pub(crate) async fn send_as(
    tx: &mut crate::log::Tx,
    caller: &Caller,
    access: &Access,
    id: MessageId,
    draft: &Draft,
) -> Result<bool> {
    let present = mentions::present_through(tx, access, &draft.content).await?;
    let message = compose(caller, access, id, MessageKind::Default, draft, &present)?;
    Ok(write_alone(tx, message).await? == Outcome::Written)
}

/// The message that somebody sent under a nonce, as long as it stands for it.
pub(crate) async fn sent_under(
    conn: &mut Conn,
    (author, channel, nonce): (UserId, ChannelId, &str),
    now: Timestamp,
) -> Result<Option<MessageId>> {
    let found = store::by_nonces(conn, &[(author, channel, nonce)]).await?;
    Ok(found.first().map(|found| found.0).filter(|id| id.created_at() >= now.before(commit::NONCE_GOOD)))
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
pub(super) fn compose(
    caller: &Caller,
    access: &Access,
    id: MessageId,
    kind: MessageKind,
    draft: &Draft,
    present: &[UserId],
) -> Result<Pending> {
    let identity = caller.identity()?;
    let found = mentions::resolve(&draft.content, draft.allowed_mentions.as_ref(), access, present);
    let extras = Extras {
        reply_to: draft.reply_to.clone(),
        attachments: draft.attachments.clone(),
        mentions: found.users,
        mention_roles: found.roles,
        mention_everyone: found.everyone,
        silent: draft.silent,
        webhook: None,
        blocks: draft.blocks.clone(),
    };
    Ok(Pending {
        stream: access.stream(),
        message: NewMessage {
            id,
            channel_id: access.channel,
            position: 0,
            kind,
            author_id: caller.user,
            author_kind: if caller.is_bot() { AuthorKind::Bot } else { AuthorKind::User },
            content: draft.content.clone(),
            nonce: draft.nonce.clone(),
            mentions: extras.targets(access.guild()),
            extras: extras.encode()?,
        },
        payload: encode(&identity.author, access, id, kind, draft, extras)?,
        allowed_under: access.membership().map(|membership| (membership.id(), membership.guild.version)),
        request_id: caller.request_id.clone(),
        outcome: Outcome::Written,
        answer: None,
    })
}

fn encode(
    author: &Author,
    access: &Access,
    id: MessageId,
    kind: MessageKind,
    draft: &Draft,
    extras: Extras,
) -> Result<Arc<str>> {
    let message = Message {
        id,
        channel_id: access.channel,
        guild_id: access.guild(),
        kind,
        author: author.clone(),
        content: draft.content.clone(),
        reply_to: extras.reply_to,
        attachments: extras.attachments,
        mentions: extras.mentions,
        mention_roles: extras.mention_roles,
        mention_everyone: extras.mention_everyone,
        reactions: Vec::new(),
        pinned: false,
        silent: draft.silent,
        blocks: extras.blocks,
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
