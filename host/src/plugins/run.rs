//! Runs one call from its beginning to its end: on threads apart, in an instance of its own, within its limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::budget::Budget;
use super::call::Call;
use super::engine::Engine;
use super::failure::{Failure, FailureCode};
use super::input::{Input, Output};
use super::manifest::CallClass;
use super::package;

/// A call that has ended.
pub struct Finished {
    /// What it answered, or why it came to nothing.
    pub outcome: Result<Output, Failure>,
    /// What it did and used.
    pub call: Box<Call>,
    /// How long it took, waiting included.
    pub took: Duration,
}

/// Runs a call. Filters are called on their threads, and run there at once.
pub async fn run(engine: &'static Engine, call: Box<Call>, input: Arc<Input>, budget: Budget) -> Option<Finished> {
    if call.job.class == CallClass::Filter {
        return Some(Box::pin(within_slot(engine, call, input, budget)).await);
    }
    // Whoever waits for it may go away: then it ends all the same, by itself.
    engine.calls.spawn(within_slot(engine, call, input, budget)).await.ok()
}

async fn within_slot(engine: &'static Engine, call: Box<Call>, input: Arc<Input>, budget: Budget) -> Finished {
    let begun = Instant::now();
    let (others, slots) = (&engine.others, &engine.slots);
    let slot = async {
        let among = match call.job.class {
            CallClass::Filter => None,
            _ => Some(place(others, budget.wall).await?),
        };
        let left = budget.wall.saturating_sub(begun.elapsed());
        Some((among, place(slots, left).await?))
    };
    let Some(_slot) = slot.await else {
        let outcome = Err(Failure::new(FailureCode::Full, "no slot was free in time"));
        return Finished { outcome, call, took: begun.elapsed() };
    };
    let _clock = engine.run_clock();
    let (package, context) = (call.job.package.clone(), call.job.context(budget.wall));
    let mut store = package::store(engine, call);
    // In a box, for it would be moved: what it is made of is large.
    let running = Box::pin(async {
        let instance = package.component.instantiate_async(&mut store).await?;
        package.hooks.call(&mut store, &instance, &context, &input).await
    });
    // Ticks don't count while a call of the host is awaited: this does.
    let outcome = match tokio::time::timeout(budget.wall, running).await {
        Ok(Ok(Ok(output))) => output.check().map(|()| output),
        Ok(Ok(Err(said))) => Err(Failure::said(said)),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Failure::new(FailureCode::Deadline, format!("not ended after {} ms", budget.wall.as_millis()))),
    };
    Finished { outcome, call: store.into_data(), took: begun.elapsed() }
}

/// One of some places, if one is free in time.
async fn place(places: &Semaphore, patience: Duration) -> Option<SemaphorePermit<'_>> {
    // Nearly always one is free: then no clock is looked at.
    match places.try_acquire() {
        Ok(place) => Some(place),
        Err(_) => tokio::time::timeout(patience, places.acquire()).await.ok()?.ok(),
    }
}
