//! Commits what a call wants to be done: whole, or not at all.

use std::sync::Arc;

use parking_lot::Mutex;

use super::actions;
use super::call::{Call, bot_caller};
use super::failure::{Failure, FailureCode};
use super::installation::{Installation, InstallationState};
use super::kv::{self, Obstacle};
use super::manifest::Permission;
use super::spending::Purse;
use super::work::{Action, Work};
use super::{state, store};
use crate::app::App;
use crate::channels::{self, Membership};
use crate::clock::Timestamp;
use crate::error::{Code, Error, Result};
use crate::id::{GuildId, InstallationId};
use crate::log::Tx;

/// What waits until a call is done, and goes with its commit.
#[derive(Debug, Clone, Default)]
pub enum Cause {
    /// Nothing: somebody asked, or it is called once and never again.
    #[default]
    Nothing,
    /// A row of the log that the plugin is told of.
    Delivery(i64),
    /// A timer, as it was set.
    Timer { id: String, at: Timestamp, next: Option<Timestamp> },
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It stands.
    Done,
    /// Others have changed what the call had read.
    Conflict,
}

/// Why a transaction was given up, for those reasons that aren't errors of the house.
#[derive(Debug)]
enum GivenUp {
    Conflict,
    Failed(Failure),
}

/// Commits what a call wants to be done, and what it was caused by along with it.
pub async fn commit(
    app: &App,
    call: &mut Call,
    cause: Cause,
    paid: &mut Paid,
) -> std::result::Result<Committed, Failure> {
    let mut work = std::mem::take(&mut call.work);
    let job = call.job.clone();
    let bot = bot_caller(app, &job, job.installation.bot_id).await.map_err(host)?;
    let standing = channels::membership(app, &bot, job.installation.guild_id).await.map_err(host)?;
    afford(app, &job.installation, &work, paid)?;
    let prepared = actions::prepare(app, &job, &bot, &mut work).await?;
    let (given_up, slot) = {
        let slot: Arc<Mutex<Option<GivenUp>>> = Arc::default();
        (slot.clone(), slot)
    };
    let reached_outside = work.reached_outside;
    let streams = prepared.streams(job.installation.guild_id);
    let acting = bot.clone();
    let (guild, id) = (job.installation.guild_id, job.installation.id);
    let woken = Woken::by(&work);
    let written = bot
        .write(app, &streams, move |tx| {
            Box::pin(async move {
                let step = Step { tx, installation: &job.installation, standing: &standing, work: &work };
                match step.take(&acting, &prepared, cause).await? {
                    None => Ok(()),
                    Some(reason) => {
                        *slot.lock() = Some(reason);
                        // Whatever the error is: it undoes the step, and who asked reads the reason.
                        Err(Code::Forbidden.into())
                    }
                }
            })
        })
        .await;
    call.work.reached_outside = reached_outside;
    match (written, given_up.lock().take()) {
        (Ok(()), _) => {
            woken.wake(app, guild, id);
            Ok(Committed::Done)
        }
        (Err(_), Some(GivenUp::Conflict)) => Ok(Committed::Conflict),
        (Err(_), Some(GivenUp::Failed(failure))) => Err(failure),
        (Err(error), None) => Err(refused(error)),
    }
}

/// What a call has paid for when it was run before.
#[derive(Default)]
pub struct Paid([usize; Purse::ALL.len()]);

/// Refuses what is too much for one minute.
fn afford(app: &App, installation: &Installation, work: &Work, paid: &mut Paid) -> std::result::Result<(), Failure> {
    for (purse, permission) in
        [(Purse::Messages, Permission::MessagesWrite), (Purse::Moderation, Permission::Moderation)]
    {
        let count = work.actions.iter().filter(|action| needs(action) == Some(permission)).count();
        let paid = &mut paid.0[purse as usize];
        let more = count.saturating_sub(*paid);
        if more > 0 && !app.plugins.spending.take(installation.id, purse, more as f64) {
            return Err(Failure::new(FailureCode::Throttled, format!("too much of this in a minute: {purse}")));
        }
        *paid += more;
    }
    Ok(())
}

/// What goes on by itself once a call is committed.
struct Woken {
    timer: Option<Timestamp>,
    topics: Vec<String>,
}

impl Woken {
    fn by(work: &Work) -> Woken {
        let topics = work.actions.iter().filter_map(|action| match action {
            Action::Publish { topic, .. } => Some(topic.clone()),
            _ => None,
        });
        let timers = work.actions.iter().filter_map(|action| match action {
            Action::Timer { at, .. } => Some(*at),
            _ => None,
        });
        Woken { timer: timers.min(), topics: topics.collect() }
    }

    fn wake(self, app: &App, guild: GuildId, installation: InstallationId) {
        if let Some(at) = self.timer {
            app.plugins.timers.set(at);
        }
        for topic in self.topics {
            app.plugins.topics.mark(guild, installation, topic);
        }
    }
}

/// One step of a transaction: everything of one call.
struct Step<'t> {
    tx: &'t mut Tx,
    installation: &'t Installation,
    standing: &'t Membership,
    work: &'t Work,
}

impl Step<'_> {
    async fn take(
        self,
        bot: &crate::accounts::Caller,
        prepared: &actions::Prepared,
        cause: Cause,
    ) -> Result<Option<GivenUp>> {
        let Step { tx, installation, standing, work } = self;
        if let Some(failure) = revoked(tx, installation, standing, work).await? {
            return Ok(Some(GivenUp::Failed(failure)));
        }
        if !settle(tx, installation, cause).await? {
            // Somebody else has done it meanwhile: then it must not be done again.
            return Ok(Some(GivenUp::Failed(Failure::new(FailureCode::Revoked, "done by another already"))));
        }
        match kv::commit(tx, installation.id, work).await? {
            None => {}
            Some(Obstacle::Conflict) => return Ok(Some(GivenUp::Conflict)),
            Some(Obstacle::Full) => return Ok(Some(failed(FailureCode::Refused, "quota: kv.bytes"))),
            Some(Obstacle::NoCounter) => return Ok(Some(failed(FailureCode::BadOutput, "no counter, or too large"))),
        }
        match actions::apply(tx, bot, installation, standing, prepared, &work.actions).await {
            Err(error) if error.code() == Code::Conflict => Ok(Some(GivenUp::Conflict)),
            applied => applied.map(|()| None),
        }
    }
}

fn failed(code: FailureCode, detail: &str) -> GivenUp {
    GivenUp::Failed(Failure::new(code, detail))
}

/// Whether the installation was switched off or lost what this call needs while the call ran.
async fn revoked(
    tx: &mut Tx,
    installation: &Installation,
    standing: &Membership,
    work: &Work,
) -> Result<Option<Failure>> {
    let Some(now) = store::installation(tx, installation.id).await? else {
        return Ok(Some(Failure::new(FailureCode::Revoked, "the plugin was uninstalled")));
    };
    if now.revision == installation.revision {
        return Ok(None);
    }
    if !matches!(now.state, InstallationState::Enabled) {
        return Ok(Some(Failure::new(FailureCode::Revoked, format!("the plugin is {}", now.state))));
    }
    let missing = work.actions.iter().filter_map(needs).find(|needed| !now.may(*needed));
    if let Some(missing) = missing {
        return Ok(Some(Failure::new(FailureCode::Revoked, format!("{missing} was revoked"))));
    }
    let taken = work.actions.iter().filter_map(Action::channel).find(|channel| {
        let access = standing.access(*channel).ok();
        let parent = access.as_ref().and_then(|access| access.rule()?.parent);
        !now.is_given(*channel, parent)
    });
    Ok(taken.map(|channel| Failure::new(FailureCode::Revoked, format!("channel {channel} was taken from it"))))
}

/// The permission that something needs.
fn needs(action: &Action) -> Option<Permission> {
    match action {
        Action::Send { .. }
        | Action::Direct { .. }
        | Action::Edit { .. }
        | Action::Delete { reason: None, .. }
        | Action::React { .. } => Some(Permission::MessagesWrite),
        Action::Delete { .. }
        | Action::TimeOut { .. }
        | Action::Kick { .. }
        | Action::Ban { .. }
        | Action::Unban { .. } => Some(Permission::Moderation),
        Action::Role { .. } => Some(Permission::Roles),
        Action::Thread { .. } => Some(Permission::Channels),
        Action::Badge { .. } => Some(Permission::Badges),
        Action::Publish { .. } => Some(Permission::Realtime),
        Action::Timer { .. }
        | Action::CancelTimer { .. }
        | Action::Whisper { .. }
        | Action::Resource { .. }
        | Action::ForgetResource { .. } => None,
    }
}

/// Takes away what caused the call; false if it is gone already.
async fn settle(tx: &mut Tx, installation: &Installation, cause: Cause) -> Result<bool> {
    Ok(match cause {
        Cause::Nothing => true,
        Cause::Delivery(id) => state::store::delete_delivery(tx, id).await?,
        Cause::Timer { id, at, next: None } => state::store::delete_timer(tx, installation.id, &id, at).await?,
        Cause::Timer { id, at, next: Some(next) } => {
            state::store::move_timer(tx, installation.id, &id, at, next).await?
        }
    })
}

fn host(error: Error) -> Failure {
    match error.code() {
        Code::NotFound => Failure::new(FailureCode::Revoked, "its bot has left the guild"),
        _ => Failure::new(FailureCode::Host, error.to_string()),
    }
}

/// What the house refused of what a plugin wanted to be done.
fn refused(error: Error) -> Failure {
    match error.code() {
        Code::Unavailable | Code::ReadOnly | Code::Internal => Failure::new(FailureCode::Host, error.to_string()),
        code => Failure::new(FailureCode::Refused, format!("{code}: {error}")),
    }
}
