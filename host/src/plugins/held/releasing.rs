//! Looking at held messages: moderators read them, and send them or throw them away.

use super::{Held, Kept, Released, Shown, store};
use crate::accounts::{Caller, CallerKind};
use crate::app::App;
use crate::channels::{self, Access, Membership, Permissions};
use crate::error::{Code, Error, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::limits::Group;
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{GuildId, MessageId, UserId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::messaging::{self, Draft, send_as};

/// Messages that are looked at together for a page.
const LOOKED_AT: i64 = 200;
/// How often more are looked at, when a moderator may not release them: what is older isn't found.
const LOOKS: usize = 50;

/// What waits in a guild, the newest first, in those channels where the caller may release it.
pub async fn list(app: &App, caller: &Caller, guild: GuildId, query: PageQuery) -> Result<Page<Shown>> {
    let membership = channels::membership(app, caller, guild).await?;
    membership.require_somewhere(Permissions::MANAGE_MESSAGES)?;
    let before = match query.anchor::<i64>()? {
        None => i64::MAX,
        Some(Anchor::Before(id)) => id,
        Some(Anchor::After(_) | Anchor::Around(_)) => return Err(Code::InvalidQuery.into()),
    };
    let (limit, mut before, mut seen) = (query.limit(), before, Vec::new());
    let moderates = |held: &Held| membership.access(held.channel).is_ok_and(|it| it.may(Permissions::MANAGE_MESSAGES));
    let mut conn = app.db.read().await?;
    // What stands in other channels takes no place on a page.
    for _ in 0..LOOKS {
        let found = store::page(&mut conn, guild, before, LOOKED_AT).await?;
        let more = found.len() as i64 == LOOKED_AT;
        before = found.last().map_or(before, |held| held.id);
        seen.extend(found.into_iter().filter(moderates).map(Shown::from));
        if !more || seen.len() as i64 > limit {
            break;
        }
    }
    Ok(Page::cut(seen, limit))
}

/// A message that waits, and the standing of a moderator who sees where.
async fn find(app: &App, caller: &Caller, id: MessageId) -> Result<(Held, Membership)> {
    caller.identity()?;
    let held = store::held(&mut app.db.read().await?, id.0).await?.ok_or(Code::NotFound)?;
    let membership = channels::membership(app, caller, held.guild).await?;
    app.limiter.check(caller, Group::Changes, held.guild.0)?;
    // What is in a channel that one doesn't see isn't there; without the permission there is nothing to see.
    membership.access(held.channel)?.require(Permissions::MANAGE_MESSAGES)?;
    Ok((held, membership))
}

/// Sends a message that waits, on behalf of its author and under the id that it had from the beginning. It goes
/// on waiting if its author may not say it there any more.
pub async fn approve(app: &App, caller: &Caller, id: MessageId) -> Result<()> {
    let (held, membership) = find(app, caller, id).await?;
    let author = app.identities.get(&app.db, held.author).await?.ok_or(Code::AuthorSilenced)?;
    let kind = if author.author.kind == "bot" { CallerKind::Bot } else { CallerKind::Anonymous };
    let request_id = caller.request_id.clone();
    let author = Caller { identity: Some(author), request_id, ..Caller::nobody(held.author, kind) };
    let before = channels::membership_of(app, held.guild, held.author).await?.ok_or(Code::AuthorSilenced)?;
    let (reason, moderator) = (caller.reason.clone(), caller.user);
    membership
        .change(app, caller, Permissions::NONE, move |tx, membership| {
            Box::pin(async move {
                membership.access(held.channel)?.require(Permissions::MANAGE_MESSAGES)?;
                let access = may_still_speak(tx, &author, &before, &held).await?;
                // First, because the message is its author's doing and not the moderator's.
                note(tx, &held, true, moderator, &reason).await?;
                let draft = draft(tx, &access, held.draft).await?;
                send_as(tx, &author, &access, id, &draft).await?;
                channels::wake_thread(tx, &access).await
            })
        })
        .await
}

/// Throws a message away that waits.
pub async fn reject(app: &App, caller: &Caller, id: MessageId) -> Result<()> {
    let (held, membership) = find(app, caller, id).await?;
    let (reason, moderator) = (caller.reason.clone(), caller.user);
    membership
        .change(app, caller, Permissions::NONE, move |tx, membership| {
            Box::pin(async move {
                membership.access(held.channel)?.require(Permissions::MANAGE_MESSAGES)?;
                note(tx, &held, false, moderator, &reason).await
            })
        })
        .await
}

/// The author's standing in the channel, if they may still write there.
async fn may_still_speak(tx: &mut Tx, author: &Caller, before: &Membership, held: &Held) -> Result<Access> {
    let silenced = |error: Error| match error {
        Error::Internal(_) | Error::Wait(..) => error,
        _ => Code::AuthorSilenced.into(),
    };
    let access = before.confirm(tx).await.and_then(|now| now.access(held.channel)).map_err(silenced)?;
    access.require_speech(author.identity()?.email_verified).map_err(silenced)?;
    Ok(access)
}

/// Takes a message out of the queue, and says who did that.
async fn note(tx: &mut Tx, held: &Held, approved: bool, moderator_id: UserId, reason: &str) -> Result<()> {
    if !store::delete(tx, held.id).await? {
        return Err(Code::NotFound.into());
    }
    let action = if approved { Action::MessageApprove } else { Action::MessageReject };
    let note = Note::new(held.guild, action).target(held.id).reason(reason);
    note.change("channel_id", held.channel, ()).change("author_id", held.author, ()).write(tx).await?;
    let (guild_id, channel_id) = (held.guild, held.channel);
    let released = Released { id: MessageId(held.id), guild_id, channel_id, approved, moderator_id };
    tx.append(NewEvent::new(EventKind::MessageReleased, held.guild, &released)?.in_channel(channel_id)).map(drop)
}

/// What is sent. Messages that it answers may be gone by now.
async fn draft(tx: &mut Tx, access: &Access, kept: Kept) -> Result<Draft> {
    let Kept { content, nonce, reply_to, attachments, allowed_mentions, silent } = kept;
    let mut there = Vec::with_capacity(reply_to.len());
    for message in reply_to {
        if messaging::stands_in(tx, access.channel, message).await? {
            there.push(message);
        }
    }
    Ok(Draft { content, nonce, reply_to: there, attachments, allowed_mentions, silent, blocks: None })
}
