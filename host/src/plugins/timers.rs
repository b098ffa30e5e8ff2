//! Calls plugins at the times that they have set, and at those of their manifests' cron entries: each once, in
//! the order of time within an installation.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use super::commit::Cause;
use super::failure::{Failure, FailureCode};
use super::input::Input;
use super::installation::Installation;
use super::invoke::{Request, invoke};
use super::manifest::{CallClass, Hook, Manifest};
use super::{logs, state, trying};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::i18n;
use crate::id::InstallationId;
use crate::log::Tx;

pub(super) mod store;

use store::Due;

/// Timers that run at once, at most.
const AT_ONCE: usize = 16;
/// Timers that are looked at together.
const PAGE: i64 = 256;
/// How often it is looked for timers that other nodes have set, and those of nodes that ended.
const LOOK: Duration = Duration::from_secs(5);
/// How long a node is known to be at a timer after it has said so: others may take it then.
const HELD: Duration = Duration::from_secs(15);
/// How often it says so.
const RENEW: Duration = Duration::from_secs(5);
/// What the ids of cron entries' timers begin with.
const CRON: &str = "cron:";

/// What is known of timers in memory.
#[derive(Default)]
pub struct Timers {
    /// When it is looked for timers again: whatever is set for later needs no other look.
    next: AtomicI64,
    poked: Notify,
    busy: Mutex<HashSet<InstallationId>>,
}

impl Timers {
    /// A timer was set.
    pub fn set(&self, at: Timestamp) {
        if at.0 < self.next.load(Ordering::Acquire) {
            self.poke();
        }
    }

    /// There may be something to do.
    fn poke(&self) {
        self.poked.notify_waiters();
    }
}

/// Sets the times of an installation's cron entries, from now on.
pub async fn plan(tx: &mut Tx, installation: &Installation, manifest: &Manifest) -> Result<()> {
    let now = tx.now;
    store::clear_cron(tx, installation.id).await?;
    for cron in &manifest.cron {
        if let Some(at) = cron.schedule.next(now) {
            let id = format!("{CRON}{}", cron.name);
            let timer = state::store::NewTimer { id: &id, at, payload: &[], depth: 0 };
            state::store::put_timer(tx, installation.id, &timer).await?;
        }
    }
    Ok(())
}

/// Calls what is due until the server ends.
pub async fn run(app: App) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let timers = &app.plugins.timers;
        let (poked, changed) = (timers.poked.notified(), app.plugins.installed.changed());
        // What is set during the look may be too late for it.
        timers.next.store(i64::MAX, Ordering::Release);
        let wait = match look(&app, &slots).await {
            Ok(wait) => wait.min(LOOK),
            Err(error) => {
                tracing::warn!(%error, "timers of plugins could not be read");
                LOOK
            }
        };
        timers.next.store(app.now().after(wait).0, Ordering::Release);
        tokio::select! {
            () = poked => {}
            () = changed => {}
            () = tokio::time::sleep(wait) => {}
            () = app.ending() => return,
        }
    }
}

/// Begins with what is due; answers how long nothing else is.
async fn look(app: &App, slots: &Arc<Semaphore>) -> Result<Duration> {
    let now = app.now();
    let mut conn = app.db.read().await?;
    let due = store::due(&mut conn, now, PAGE).await?;
    let next = store::next(&mut conn, now).await?;
    drop(conn);
    let mut groups: Vec<Vec<Due>> = Vec::new();
    for timer in due {
        match groups.iter_mut().find(|group| group[0].installation_id == timer.installation_id) {
            Some(group) => group.push(timer),
            None => groups.push(vec![timer]),
        }
    }
    for group in groups {
        let Some(id) = group.first().map(|timer| timer.installation_id) else { continue };
        // Whoever is at it looks again when it is done.
        if !app.plugins.timers.busy.lock().insert(id) {
            continue;
        }
        let (app, slots) = (app.clone(), slots.clone());
        tokio::spawn(async move {
            for timer in group {
                // One for each: those who have many stand behind those who have few.
                let _slot = slots.acquire().await;
                if let Err(error) = ring(&app, &timer).await {
                    tracing::warn!(%error, installation = %id, "a timer of a plugin could not be run");
                    break;
                }
            }
            app.plugins.timers.busy.lock().remove(&id);
            app.plugins.timers.poke();
        });
    }
    Ok(next.map_or(LOOK, |at| at.since(app.now())))
}

/// Calls the plugin for one timer.
async fn ring(app: &App, timer: &Due) -> Result<()> {
    let Some(installation) = app.plugins.installed.running(&app.db, timer.guild_id, timer.installation_id).await?
    else {
        return Ok(());
    };
    let held_until = app.now().after(HELD);
    if !within(app, timer, move |tx, timer| Box::pin(async move { Ok(store::hold(tx, timer, held_until).await?) }))
        .await?
    {
        return Ok(());
    }
    let next = next(app, &installation, timer);
    let request = Request {
        installation: installation.clone(),
        package: None,
        input: Arc::new(Input::Scheduled(timer.id.clone(), timer.payload.clone())),
        class: CallClass::Scheduled,
        event_id: format!("timer-{}-{}-{}", timer.installation_id, timer.at.0, timer.id),
        actor: None,
        locale: i18n::DEFAULT.to_owned(),
        depth: u8::try_from(timer.depth).unwrap_or(u8::MAX),
        tried: u8::try_from(timer.attempt).unwrap_or(u8::MAX - 1),
        filtered: None,
        cause: Cause::Timer { id: timer.id.clone(), at: timer.at, next },
    };
    match while_held(app, timer, held_until, Box::pin(invoke(app, request))).await {
        Ok(_) => Ok(()),
        Err(failure) => failed(app, timer, next, failure).await,
    }
}

/// Keeps others from a timer for as long as a call takes.
async fn while_held<T>(
    app: &App,
    timer: &Due,
    mut held_until: Timestamp,
    mut call: impl Future<Output = T> + Unpin,
) -> T {
    loop {
        if let Ok(outcome) = tokio::time::timeout(RENEW, &mut call).await {
            return outcome;
        }
        let (held, until) = (Due { held_until, ..timer.clone() }, app.now().after(HELD));
        // Whether it can be said or not, the commit alone decides whose call counts.
        let renewed =
            within(app, &held, move |tx, timer| Box::pin(async move { Ok(store::hold(tx, timer, until).await?) }));
        if matches!(renewed.await, Ok(true)) {
            held_until = until;
        }
    }
}

/// The next time of a cron entry.
fn next(app: &App, installation: &Installation, timer: &Due) -> Option<Timestamp> {
    let name = timer.id.strip_prefix(CRON)?;
    let artifact = app.plugins.marketplace.get(&installation.plugin)?;
    artifact.manifest.cron.iter().find(|cron| cron.name == name)?.schedule.next(app.now())
}

async fn failed(app: &App, timer: &Due, next: Option<Timestamp>, failure: Failure) -> Result<()> {
    let (now, line) = (app.now(), app.next_id()?);
    let given_up = match trying::after(app, timer.installation_id, Hook::Scheduled, &failure, timer.attempt) {
        trying::Next::Again { attempt, wait } => {
            let until = now.after(wait);
            return within(app, timer, move |tx, timer| {
                Box::pin(async move { Ok(store::postpone(tx, timer, attempt, until).await?) })
            })
            .await;
        }
        // Switched off while it ran: it is run when it is switched on again.
        trying::Next::Over if failure.code == FailureCode::Revoked => {
            let off = app.plugins.installed.running(&app.db, timer.guild_id, timer.installation_id).await?.is_none();
            if off {
                let attempt = timer.attempt;
                return within(app, timer, move |tx, timer| {
                    Box::pin(async move { Ok(store::postpone(tx, timer, attempt, Timestamp(0)).await?) })
                })
                .await;
            }
            false
        }
        trying::Next::Over => false,
        trying::Next::GiveUp => true,
    };
    within(app, timer, move |tx, timer| {
        Box::pin(async move {
            let (installation, at) = (timer.installation_id, timer.at);
            let there = match next {
                Some(next) => state::store::move_timer(tx, installation, &timer.id, at, next).await?,
                None => state::store::delete_timer(tx, installation, &timer.id, at).await?,
            };
            if !there || !given_up {
                return Ok(());
            }
            let (hook, event_id) = (Hook::Scheduled.as_str(), format!("timer-{installation}-{}-{}", at.0, timer.id));
            logs::note(tx, line, installation, "DROPPED", hook, event_id, "given up after three attempts").await
        })
    })
    .await
}

/// Runs work on a timer in a transaction of its guild.
async fn within<T, F>(app: &App, timer: &Due, work: F) -> Result<T>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx, &'t Due) -> crate::log::OperationFuture<'t, T> + Send + 'static,
{
    let timer = timer.clone();
    app.writer
        .run(None, None, &[timer.guild_id.into()], move |tx| Box::pin(async move { work(tx, &timer).await }))
        .await
}
