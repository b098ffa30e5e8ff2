//! Tells installations what they are to be told: one after the other within a lane, each until it is done.
//!
//! A call's commit deletes its delivery, so it has an effect once, whatever ends in between. Several nodes keep
//! out of each other's way by holding deliveries for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::commit::Cause;
use super::contract::types;
use super::failure::{Failure, FailureCode};
use super::input::Input;
use super::installation::Installation;
use super::invoke::{Request, invoke};
use super::lifecycle;
use super::manifest::{CallClass, Hook};
use super::state;
use super::{logs, trying};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::i18n;
use crate::id::MessageId;
use crate::messaging;

pub(super) mod lanes;
pub(super) mod store;

pub use lanes::Lane;
use lanes::Left;
use store::Delivery;

/// Lanes that are worked on at once, at most.
const AT_ONCE: usize = 32;
/// How often it is looked for what no other way has told of.
const LOOK: Duration = Duration::from_secs(5);
/// Lanes that one look finds, at most.
const LANES: i64 = 1_000;
/// Deliveries that are taken together, at most.
const TAKEN: i64 = 32;
/// How long a node is known to be at what it has taken after it has said so: others may take it then.
const HELD: Duration = Duration::from_secs(15);
/// How often it says so.
const RENEW: Duration = Duration::from_secs(5);
/// How long something waits for a plugin that has spent all it may, or fails: one that is slower than its guild would be
/// told of everything ever later, and what waits would never end.
const TOLD_WITHIN: Duration = Duration::from_secs(24 * 3_600);
/// How long a lane waits while its installation is being told of its own life.
const BEHIND_LIFECYCLE: Duration = Duration::from_millis(100);

/// What came of looking at a lane.
enum Taken {
    /// These, until then.
    Rows(Vec<Delivery>, Timestamp),
    /// Nothing before then.
    NotBefore(Timestamp),
    /// Nothing.
    Nothing,
}

/// How a delivery stands after it was tried.
enum Outcome {
    /// It is gone.
    Over,
    /// It is tried again then, and whatever comes behind it waits.
    NotBefore(Timestamp),
}

/// Delivers until the server ends.
pub async fn run(app: App) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let (poked, changed) = (app.plugins.lanes.poked(), app.plugins.installed.changed());
        tokio::pin!(poked, changed);
        look(&app).await;
        let look_again = tokio::time::Instant::now() + LOOK;
        loop {
            while let Some(lane) = app.plugins.lanes.take(app.now()) {
                let slot = tokio::select! {
                    Ok(slot) = slots.clone().acquire_owned() => slot,
                    () = app.ending() => return,
                };
                tokio::spawn(work(app.clone(), lane, slot));
            }
            let next = app.plugins.lanes.next().map_or(LOOK, |at| at.since(app.now())).max(Duration::from_millis(1));
            let next = look_again.min(tokio::time::Instant::now() + next);
            tokio::select! {
                () = &mut poked => poked.set(app.plugins.lanes.poked()),
                () = &mut changed => {
                    app.plugins.lanes.hurry();
                    break;
                }
                () = tokio::time::sleep_until(next) => if next == look_again { break },
                () = app.ending() => return,
            }
        }
    }
}

/// Finds what waits: what was left when a server ended, and what others have left.
async fn look(app: &App) {
    let found = async { store::lanes(&mut app.db.read().await?, LANES).await };
    match found.await {
        Ok(lanes) if lanes.is_empty() => {}
        Ok(lanes) => app.plugins.lanes.add(lanes),
        Err(error) => tracing::warn!(%error, "what plugins are to be told could not be read"),
    }
}

async fn work(app: App, lane: Lane, _slot: tokio::sync::OwnedSemaphorePermit) {
    let left = match through(&app, lane).await {
        Ok(left) => left,
        Err(error) => {
            tracing::warn!(%error, installation = %lane.installation, "a plugin could not be told of something");
            Left::Later(app.now().after(LOOK))
        }
    };
    app.plugins.lanes.done(lane, left);
}

/// Works through what stands first in a lane.
async fn through(app: &App, lane: Lane) -> Result<Left> {
    let (rows, mut until) = match take(app, lane).await? {
        Taken::Rows(rows, until) => (rows, until),
        Taken::NotBefore(at) => return Ok(Left::Later(at)),
        Taken::Nothing => return Ok(Left::Nothing),
    };
    let more = rows.len() == TAKEN as usize;
    for row in rows {
        let mut call = Box::pin(deliver(app, lane, row));
        let outcome = loop {
            let rest = until.before(HELD - RENEW).since(app.now());
            match tokio::time::timeout(rest, &mut call).await {
                Ok(outcome) => break outcome?,
                Err(_) => until = renew(app, lane, until).await?,
            }
        };
        if let Outcome::NotBefore(at) = outcome {
            release(app, lane, until).await?;
            return Ok(Left::Later(at));
        }
    }
    // Whatever came meanwhile has put the lane on the list again.
    Ok(if more { Left::More } else { Left::Nothing })
}

/// Says that this node is still at what it has taken of a lane.
async fn renew(app: &App, lane: Lane, held: Timestamp) -> Result<Timestamp> {
    let until = app.now().after(HELD);
    app.writer
        .run(None, None, &[lane.guild.into()], move |tx| {
            Box::pin(async move { Ok(store::renew(tx, lane, held, until).await?) })
        })
        .await?;
    Ok(until)
}

async fn release(app: &App, lane: Lane, until: Timestamp) -> Result<()> {
    app.writer
        .run(None, None, &[lane.guild.into()], move |tx| {
            Box::pin(async move { Ok(store::release(tx, lane, until).await?) })
        })
        .await
}

/// Takes what waits first in a lane, if nobody else is at it.
async fn take(app: &App, lane: Lane) -> Result<Taken> {
    let now = app.now();
    app.writer
        .run(None, None, &[lane.guild.into()], move |tx| {
            Box::pin(async move {
                let mut rows = store::first(tx, lane, TAKEN).await?;
                let Some(first) = rows.first() else { return Ok(Taken::Nothing) };
                let free_at = first.due_at.max(first.held_until);
                if free_at > now {
                    return Ok(Taken::NotBefore(free_at));
                }
                if lane.lane != lifecycle::LANE
                    && let Some(due) = store::due(tx, lane.installation, lifecycle::LANE).await?
                {
                    return Ok(Taken::NotBefore(due.max(now.after(BEHIND_LIFECYCLE))));
                }
                let free = rows.iter().take_while(|row| row.due_at <= now && row.held_until <= now).count();
                rows.truncate(free);
                let until = now.after(HELD);
                for row in &rows {
                    store::hold(tx, row.id, row.held_until, until).await?;
                }
                Ok(Taken::Rows(rows, until))
            })
        })
        .await
}

/// Tells an installation of one thing.
async fn deliver(app: &App, lane: Lane, row: Delivery) -> Result<Outcome> {
    // Whoever was switched off or removed isn't told of what happened meanwhile.
    let Some(installation) = app.plugins.installed.running(&app.db, lane.guild, lane.installation).await? else {
        return drop_it(app, lane, &row, None).await;
    };
    let Ok(mut input) = serde_json::from_str::<Input>(&row.input) else {
        return drop_it(app, lane, &row, Some((Hook::Lifecycle, "what it was to be told can't be read"))).await;
    };
    if let Input::MessageEdited(message, previous) = &mut input {
        *previous = text_before(app, message).await?;
    }
    let input = Arc::new(input);
    let hook = input.hook();
    if !handles(app, &installation, hook) {
        return drop_it(app, lane, &row, None).await;
    }
    let class = if hook == Hook::Lifecycle { CallClass::Lifecycle } else { CallClass::Event };
    let request = Request {
        installation: installation.clone(),
        package: None,
        input: input.clone(),
        class,
        event_id: row.event_id.clone(),
        actor: row.actor_id,
        locale: i18n::DEFAULT.to_owned(),
        depth: u8::try_from(row.depth).unwrap_or(u8::MAX),
        tried: u8::try_from(row.attempt).unwrap_or(u8::MAX - 1),
        filtered: None,
        cause: Cause::Delivery(row.id),
    };
    match invoke(app, request).await {
        Ok(_) => Ok(Outcome::Over),
        Err(failure) => failed(app, lane, &row, &installation, &input, failure).await,
    }
}

/// What an edited message said before, if that is still known.
async fn text_before(app: &App, message: &types::Message) -> Result<Option<String>> {
    let Some(edited_at) = message.edited_at else { return Ok(None) };
    let (id, edited_at) = (MessageId(message.id as i64), Timestamp(edited_at as i64));
    messaging::text_before(&mut app.db.read().await?, id, edited_at).await
}

/// Whether an installation can be called at this hook, as things stand now.
fn handles(app: &App, installation: &Installation, hook: Hook) -> bool {
    let artifact = app.plugins.marketplace.get(&installation.plugin);
    // Whose files aren't there is told of it when they are back.
    artifact.is_none_or(|artifact| artifact.manifest.hook(hook).is_some())
        && hook.needs().is_none_or(|needed| installation.may(needed))
}

async fn failed(
    app: &App,
    lane: Lane,
    row: &Delivery,
    installation: &Installation,
    input: &Input,
    failure: Failure,
) -> Result<Outcome> {
    let (hook, now) = (input.hook(), app.now());
    let slow = matches!(failure.code, FailureCode::Throttled | FailureCode::BreakerOpen);
    let late = slow && MessageId(row.id).created_at() < now.before(TOLD_WITHIN);
    match trying::after(app, installation.id, hook, &failure, row.attempt) {
        trying::Next::Again { .. } if late => {
            drop_it(app, lane, row, Some((hook, "given up: the plugin was too slow for a day"))).await
        }
        trying::Next::Again { attempt, wait } => postpone(app, lane, row.id, attempt, now.after(wait)).await,
        trying::Next::GiveUp => {
            let attempts = row.attempt + 1;
            tracing::debug!(installation = %installation.id, %hook, attempts, "a delivery was given up");
            let outcome = drop_it(app, lane, row, Some((hook, "given up after three attempts"))).await?;
            lifecycle::given_up(app, installation, input, &failure).await;
            Ok(outcome)
        }
        // Whoever did it instead has deleted it; whoever may not be called any more isn't told again.
        trying::Next::Over if failure.code == FailureCode::Revoked => drop_it(app, lane, row, None).await,
        trying::Next::Over => {
            let outcome = drop_it(app, lane, row, None).await?;
            lifecycle::given_up(app, installation, input, &failure).await;
            Ok(outcome)
        }
    }
}

async fn postpone(app: &App, lane: Lane, id: i64, attempt: i64, due: Timestamp) -> Result<Outcome> {
    app.writer
        .run(None, None, &[lane.guild.into()], move |tx| {
            Box::pin(async move { Ok(store::postpone(tx, id, attempt, due).await?) })
        })
        .await?;
    Ok(Outcome::NotBefore(due))
}

/// Forgets a delivery, with a line in the installation's log if there is something to say.
async fn drop_it(app: &App, lane: Lane, row: &Delivery, why: Option<(Hook, &'static str)>) -> Result<Outcome> {
    let (id, event_id, line) = (row.id, row.event_id.clone(), app.next_id()?);
    app.writer
        .run(None, None, &[lane.guild.into()], move |tx| {
            Box::pin(async move {
                let there = state::store::delete_delivery(tx, id).await?;
                match why.filter(|_| there) {
                    Some((hook, why)) => {
                        logs::note(tx, line, lane.installation, "DROPPED", hook.as_str(), event_id, why).await
                    }
                    None => Ok(()),
                }
            })
        })
        .await?;
    Ok(Outcome::Over)
}
