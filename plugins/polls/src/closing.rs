//! The end of a poll: by its timer, by its author or a moderator, or by being deleted.

use guildhall_sdk::{Context, Error, Id, Result, members, messages_write, permissions, resources, schedule};

use crate::poll::{End, Method, Poll};
use crate::{announcement, live, store};

/// Ends a poll: counts exactly, and has the result told. One that has ended stays as it is.
pub fn close(ctx: &Context, id: Id) -> Result<Poll> {
    let mut poll = store::poll(id)?;
    if poll.end.is_some() {
        return Ok(poll);
    }
    let tally = store::exact_tally(&poll)?;
    let runoff = if poll.method == Method::Ranked { Some(store::exact_runoff(&poll)?) } else { None };
    let winners = runoff.as_ref().map_or_else(|| tally.winners(), |runoff| runoff.winners.clone());
    poll.end = Some(End { at: ctx.now, winners, runoff });
    store::write(&poll)?;
    schedule::cancel(&format!("close:{id}"))?;
    if poll.message_id.is_some() {
        // In calls of their own: a filter may refuse what we say, and the poll ends all the same. They speak the language
        // of whoever ends it.
        for step in ["end", "tell"] {
            schedule::once(&format!("{step}:{id}"), ctx.now, ctx.locale.as_bytes())?;
        }
    }
    live::publish(ctx, &poll, &tally)?;
    live::retire(ctx, &poll)?;
    if poll.anonymous {
        // Who chose what was only kept so that one could change it.
        sweep_later(ctx, &store::votes_of(id))?;
    }
    Ok(poll)
}

/// Shows in a poll's announcement how it ended, and takes the buttons away.
pub fn end(ctx: &Context, id: Id) -> Result<()> {
    let poll = store::poll(id)?;
    let (Some(channel), Some(message)) = (poll.channel_id, poll.message_id) else { return Ok(()) };
    let tally = store::peek_tally(&poll)?;
    unless_gone(messages_write::edit(channel.0, message.0, &announcement::ended(ctx, &poll, &tally))).map(drop)
}

/// Tells how a poll ended.
pub fn tell(ctx: &Context, id: Id) -> Result<()> {
    let poll = store::poll(id)?;
    let (Some(end), Some(channel)) = (&poll.end, poll.channel_id) else { return Ok(()) };
    let tally = store::peek_tally(&poll)?;
    unless_gone(messages_write::send(channel.0, &announcement::results(ctx, &poll, end, &tally)).map(drop)).map(drop)
}

/// Deletes a poll and all that belongs to it.
pub fn delete(ctx: &Context, poll: &Poll) -> Result<()> {
    store::remove(poll.id)?;
    resources::delete(poll.id.0)?;
    schedule::cancel(&format!("close:{}", poll.id))?;
    if let (Some(channel), Some(message)) = (poll.channel_id, poll.message_id) {
        unless_gone(messages_write::delete(channel.0, message.0))?;
    }
    live::forget(poll)?;
    sweep_later(ctx, &store::votes_of(poll.id))?;
    sweep_later(ctx, &store::counts_of(poll.id))
}

/// Refuses whoever is neither the author nor a moderator where the poll was asked.
pub fn require_author_or_moderator(ctx: &Context, poll: &Poll) -> Result<()> {
    let user = ctx.actor()?;
    if poll.author_id.0 == user {
        return Ok(());
    }
    let held = match poll.channel_id {
        Some(channel) => members::permissions_in(user, channel.0)?,
        None => members::get(user)?.permissions,
    };
    if permissions::may(held, permissions::MANAGE_MESSAGES) {
        return Ok(());
    }
    Err(Error::Denied("MANAGE_MESSAGES".to_owned()))
}

/// Deletes a part of what begins so, and comes back for the rest: a call may only write so much.
pub fn sweep(ctx: &Context, prefix: &str) -> Result<()> {
    if store::sweep(prefix)? { sweep_later(ctx, prefix) } else { Ok(()) }
}

fn sweep_later(ctx: &Context, prefix: &str) -> Result<()> {
    schedule::once(&format!("sweep:{prefix}"), ctx.now, prefix.as_bytes())
}

/// Whether something could be done to a message that may be gone, or out of reach, by now.
fn unless_gone(outcome: Result<()>) -> Result<bool> {
    match outcome {
        Err(Error::NotFound | Error::Denied(_)) => Ok(false),
        outcome => outcome.map(|()| true),
    }
}
