//! Calls a plugin, and commits what it wants to be done. When others have changed what it read, it is called
//! again on what is there then.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::breaker::{Gate, Verdict};
use super::budget::{Budget, Meter};
use super::call::{Call, Filtered, Job};
use super::commit::{self, Cause, Committed, Paid};
use super::failure::{Failure, FailureCode};
use super::input::{Input, Output};
use super::installation::Installation;
use super::interactions::replies;
use super::logs;
use super::manifest::CallClass;
use super::manifest::limits::Limits;
use super::package::{self, Package};
use super::record::Ground;
use super::run::{self, Finished};
use super::spending::Purse;
use crate::app::App;
use crate::id::UserId;

/// How often a call is run again because others changed what it had read, before it runs alone.
const ATTEMPTS: u8 = 3;

/// What a plugin is to be called for.
pub struct Request {
    /// Who is called.
    pub installation: Arc<Installation>,
    /// Its code, if whoever calls has it at hand.
    pub package: Option<Arc<Package>>,
    /// What with.
    pub input: Arc<Input>,
    /// What for.
    pub class: CallClass,
    /// The event that causes it.
    pub event_id: String,
    /// Whoever causes it.
    pub actor: Option<UserId>,
    /// The language to answer in.
    pub locale: String,
    /// How many plugins' doings led here.
    pub depth: u8,
    /// How often it was tried before, by whoever asks.
    pub tried: u8,
    /// The message, for filters.
    pub filtered: Option<Filtered>,
    /// What waits until it is done.
    pub cause: Cause,
}

/// Calls a plugin. What it did stands when this answers that it went well, and nothing of it if not.
pub async fn invoke(app: &App, request: Request) -> Result<Output, Failure> {
    // Whoever waits for it may go away: it ends all the same, and what it says about the plugin counts.
    let app = app.clone();
    let called = tokio::spawn(async move { invoke_here(&app, request).await }).await;
    called.unwrap_or_else(|error| Err(Failure::new(FailureCode::Host, error.to_string())))
}

/// The same for those who wait until it has ended.
pub async fn invoke_here(app: &App, request: Request) -> Result<Output, Failure> {
    let (id, hook, now) = (request.installation.id, request.input.hook(), app.now());
    if let Gate::Open(until) = app.plugins.breakers.ask(id, hook, now) {
        return Err(Failure::new(FailureCode::BreakerOpen, format!("not called before {until}")));
    }
    let (installation, begun) = (request.installation.clone(), Instant::now());
    let outcome = in_turn(app, request, begun).await;
    let failed = match &outcome {
        Ok(_) => Some(false),
        Err(failure) => {
            let code = failure.code.as_str();
            package::timing(&installation.plugin, hook, code).record(begun.elapsed().as_secs_f64());
            failure.code.is_its_own().then(|| failure.counts())
        }
    };
    let verdict = app.plugins.breakers.tell(id, hook, failed, app.now());
    if verdict == Verdict::GivenUp {
        let why = outcome.as_ref().err().map_or_else(String::new, ToString::to_string);
        Box::pin(super::quarantine(app, &installation, hook, &why)).await;
    }
    outcome
}

/// Waits until an installation has fewer calls under way than it may have; none that has spent its minute's time. Its
/// filter has places and time of its own: whatever its other calls do, messages are checked.
async fn in_turn(app: &App, request: Request, begun: Instant) -> Result<Output, Failure> {
    match place(app, &request, begun).await {
        Ok(_place) => again_and_again(app, request, begun).await,
        Err(why) => {
            let failure = Failure::new(FailureCode::Throttled, why);
            let (installation, hook) = (&request.installation, request.input.hook());
            if app.plugins.spending.tells(installation.id, Purse::of(request.class), Instant::now()) {
                Box::pin(logs::refused(app, installation, hook, &request.event_id, &failure)).await;
            }
            Err(failure)
        }
    }
}

/// The place of a call among its installation's.
async fn place(app: &App, request: &Request, begun: Instant) -> Result<OwnedSemaphorePermit, &'static str> {
    let places = app.plugins.spending.enter(request.installation.id, Purse::of(request.class), begun);
    let places = places.ok_or("it has used its processor time of this minute")?;
    // Nearly always there is a place: then no clock is looked at.
    if let Ok(place) = places.clone().try_acquire_owned() {
        return Ok(place);
    }
    let budget = Budget::of(request.class, &Limits::default()).with_patience(app.config.plugins.patience);
    let place = timeout(budget.wall, places.acquire_owned()).await;
    place.ok().and_then(Result::ok).ok_or("too many of its calls are under way")
}

async fn again_and_again(app: &App, request: Request, begun: Instant) -> Result<Output, Failure> {
    let (installation, hook) = (request.installation.clone(), request.input.hook());
    // What is rare and large waits in boxes of its own: most calls do nothing of it, and all would carry its room.
    let refused = async |failure: Failure| {
        Box::pin(logs::refused(app, &installation, hook, &request.event_id, &failure)).await;
        Err(failure)
    };
    if app.plugins.marketplace.get(&installation.plugin).is_none() {
        return Err(Failure::new(FailureCode::Missing, format!("{} isn't there any more", installation.plugin)));
    }
    let (ground, package) = match code(app, &installation, request.package).await {
        Ok(ready) => ready,
        Err(error) => return refused(Failure::new(FailureCode::NotStarted, format!("{error:#}"))).await,
    };
    let input = request.input;
    let budget = Budget::of(request.class, &package.artifact.manifest.limits);
    let budget = budget.with_patience(app.config.plugins.patience);
    let mut filtered = request.filtered;
    let (mut attempt, mut paid) = (1, Paid::default());
    // Whoever lost often enough goes alone, while the others wait: so it ends, however many want the same.
    // Filters write nothing, and calls of other installations wait for them: they run beside everything.
    let id = request.installation.id;
    let mut beside = if request.class == CallClass::Filter { None } else { Some(app.plugins.beside(id).await) };
    let mut _alone = None;
    loop {
        let job = Job {
            installation: installation.clone(),
            package: package.clone(),
            hook,
            class: request.class,
            event_id: request.event_id.clone(),
            actor: request.actor,
            locale: request.locale.clone(),
            now: app.now(),
            attempt: attempt + request.tried,
            depth: request.depth,
        };
        let call = Box::new(Call::new(job, Meter::new(budget), Ground::Live(app.clone()), filtered.take()));
        let finished = run::run(ground.engine, call, input.clone(), budget).await;
        let Some(Finished { outcome, mut call, took }) = finished else {
            return refused(Failure::new(FailureCode::Host, "the call was broken off")).await;
        };
        app.plugins.spending.spend(id, Purse::of(request.class), f64::from(call.meter.cpu_ms()));
        let outcome = match conclude(app, &request.cause, &mut paid, &mut call, &input, outcome).await {
            Ok(Some(output)) => Ok(output),
            Ok(None) if attempt <= ATTEMPTS && !call.work.reached_outside => {
                attempt += 1;
                if attempt > ATTEMPTS {
                    drop(beside.take());
                    _alone = timeout(budget.wall, app.plugins.alone(id)).await.ok();
                }
                filtered = call.filtered.take();
                continue;
            }
            Ok(None) => Err(Failure::new(FailureCode::Conflict, "others were always faster")),
            Err(failure) => Err(failure),
        };
        if outcome.is_ok() {
            package.timing(hook).record(begun.elapsed().as_secs_f64());
        }
        if outcome.is_err() || call.has_logged() {
            Box::pin(logs::keep(app, &call, &input, &outcome, took)).await;
        }
        return outcome;
    }
}

/// Commits what a call wants to be done that has run; nothing if others have changed what it had read.
async fn conclude(
    app: &App,
    cause: &Cause,
    paid: &mut Paid,
    call: &mut Call,
    input: &Input,
    outcome: Result<Output, Failure>,
) -> Result<Option<Output>, Failure> {
    let output = match outcome? {
        output @ (Output::Reply(_) | Output::Choices(_)) => Box::pin(replies::settle(call, input, output)).await?,
        output => output,
    };
    // What it says by a refusal is that nothing was done.
    if output.is_refusal() || (call.work.is_empty() && matches!(cause, Cause::Nothing)) {
        return Ok(Some(output));
    }
    Ok(match Box::pin(commit::commit(app, call, cause.clone(), paid)).await? {
        Committed::Done => Some(output),
        Committed::Conflict => None,
    })
}

/// What runs a plugin's code, and the code.
async fn code<'a>(
    app: &'a App,
    installation: &Installation,
    package: Option<Arc<Package>>,
) -> anyhow::Result<(&'a super::Ground, Arc<Package>)> {
    let package = match package {
        Some(package) => package,
        None => app.plugins.package(&app.config, &installation.plugin).await?,
    };
    Ok((app.plugins.ground(&app.config)?, package))
}
