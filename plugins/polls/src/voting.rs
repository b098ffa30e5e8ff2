//! Voting: one vote a user, counted exactly.

use guildhall_sdk::{Context, Error, Id, Result, members};

use crate::ballot::{self, Ballot, Fault};
use crate::poll::Poll;
use crate::{live, store};

/// Makes these answers the vote of whoever acts; none takes the vote back. Answers the poll.
pub fn vote(ctx: &Context, poll: Id, options: &[u64]) -> Result<Poll> {
    let poll = store::poll(poll)?;
    if poll.is_closed(ctx.now) {
        return Err(Error::refused("POLL_CLOSED", ctx.text("refused-closed", &[])));
    }
    let user = ctx.actor()?;
    if !poll.roles.is_empty() && !poll.admits(&members::get(user)?.roles) {
        return Err(Error::Denied(ctx.text("refused-role", &[])));
    }
    let after = Ballot::new(&poll, options).map_err(refusal)?;
    let before = store::ballot(poll.id, user)?;
    if before == after {
        return Ok(poll);
    }
    if !before.is_empty() && !poll.changeable {
        return Err(Error::refused("ALREADY_VOTED", ctx.text("refused-voted", &[])));
    }
    store::write_ballot(poll.id, user, &after)?;
    store::add(poll.id, &ballot::changes(poll.method, &before, &after))?;
    live::publish_vote(ctx, &poll)?;
    Ok(poll)
}

fn refusal(fault: Fault) -> Error {
    match fault {
        Fault::Unknown(index) => Error::field(&format!("/options/{index}"), "UNKNOWN_REFERENCE"),
        Fault::Repeated(index) => Error::field(&format!("/options/{index}"), "NOT_ALLOWED"),
        Fault::TooMany(most) => Error::field_with("/options", "TOO_LONG", &[("max", most.to_string())]),
    }
}
