//! Voting: one vote a user, counted exactly.

use guildhall_sdk::{Context, Error, Id, Result, members};

use crate::ballot::{self, Ballot, Fault};
use crate::live;
use crate::poll::Poll;
use crate::store::{self, Tally};

/// A vote that counts.
pub struct Cast {
    /// What about.
    pub poll: Poll,
    /// The vote.
    pub ballot: Ballot,
    /// The counts, as far as this call sees them.
    pub tally: Tally,
}

/// Makes these answers the vote of whoever acts; none takes the vote back.
pub fn vote(ctx: &Context, poll: Id, options: &[u64]) -> Result<Cast> {
    let user = ctx.actor()?;
    let (poll, before) = store::poll_and_ballot(poll, user)?;
    if poll.is_closed(ctx.now) {
        return Err(Error::refused("POLL_CLOSED", ctx.text("refused-closed", &[])));
    }
    if !poll.roles.is_empty() && !poll.admits(&members::get(user)?.roles) {
        return Err(Error::Denied(ctx.text("refused-role", &[])));
    }
    let after = Ballot::new(&poll, options).map_err(refusal)?;
    if before == after {
        let tally = store::peek_tally(&poll)?;
        return Ok(Cast { poll, ballot: after, tally });
    }
    if !before.is_empty() && !poll.changeable {
        return Err(Error::refused("ALREADY_VOTED", ctx.text("refused-voted", &[])));
    }
    store::write_ballot(poll.id, user, &after)?;
    store::add(poll.id, &ballot::changes(poll.method, &before, &after))?;
    let tally = store::peek_tally(&poll)?;
    live::publish_vote(ctx, &poll, &tally)?;
    Ok(Cast { poll, ballot: after, tally })
}

fn refusal(fault: Fault) -> Error {
    match fault {
        Fault::Unknown(index) => Error::field(&format!("/options/{index}"), "UNKNOWN_REFERENCE"),
        Fault::Repeated(index) => Error::field(&format!("/options/{index}"), "NOT_ALLOWED"),
        Fault::TooMany(most) => Error::field_with("/options", "TOO_LONG", &[("max", most.to_string())]),
    }
}
