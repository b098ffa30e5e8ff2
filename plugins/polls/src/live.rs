//! What clients that look at a poll see without asking.

use guildhall_sdk::{Context, Error, Id, Result, realtime, schedule, serde_json};

use crate::poll::Poll;
use crate::store::Tally;
use crate::view::View;

/// How soon counts that were published too early are put right.
const SETTLED_AFTER_MS: u64 = 1_000;
/// How long a closed poll stays in the snapshots that clients begin with.
const KEPT_MS: u64 = 3_600_000;

fn topic(poll: Id) -> String {
    format!("poll:{poll}")
}

/// Shows a poll as it is in this call.
pub fn publish(ctx: &Context, poll: &Poll, tally: &Tally) -> Result<()> {
    let payload = serde_json::to_string(&View::new(ctx, poll, tally))?;
    send(poll, &payload)
}

/// Shows a poll after a vote. Of two votes at the same time neither sees the other, so a timer
/// shows the counts again when both are there. It has the same id for all votes within a second,
/// and one that no later vote can put off.
pub fn publish_vote(ctx: &Context, poll: &Poll, tally: &Tally) -> Result<()> {
    publish(ctx, poll, tally)?;
    let second = ctx.now / SETTLED_AFTER_MS + 1;
    schedule::once(&format!("live:{}:{second}", poll.id), (second + 1) * SETTLED_AFTER_MS, &[])
}

/// Leaves a closed poll in snapshots for a while.
pub fn retire(ctx: &Context, poll: &Poll) -> Result<()> {
    schedule::once(&format!("retire:{}", poll.id), ctx.now + KEPT_MS, &[])
}

/// Takes a poll out of the snapshots.
pub fn forget(poll: &Poll) -> Result<()> {
    send(poll, "null")
}

/// Neither a vote nor the end of a poll must fail because its channel is gone, or is ours no longer:
/// then nobody looks at it.
fn send(poll: &Poll, payload: &str) -> Result<()> {
    match realtime::publish(poll.channel_id.map(|id| id.0), &topic(poll.id), payload) {
        Err(Error::NotFound | Error::Denied(_)) => Ok(()),
        outcome => outcome,
    }
}
