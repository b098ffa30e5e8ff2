//! What runs for plugins by itself: nothing, as long as nothing is installed anywhere.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::dispatch::{self, Pace};
use super::{deliver, store, timers, topics, warming};
use crate::app::App;
use crate::error::Result;

/// How long a start waits for plugins' code to be ready, so that who comes first need not. What isn't ready by then
/// gets ready by and by.
const START_WAITS: Duration = Duration::from_millis(10);
/// How long it takes until it is asked again whether something is installed, where that couldn't be read.
const ASKS_AGAIN: Duration = Duration::from_secs(1);

/// Sets everything to work that is to be done for plugins until the server ends.
pub async fn start(app: &App) {
    let (ready, readiness) = oneshot::channel();
    tokio::spawn(run(app.clone(), ready));
    let _ = timeout(START_WAITS, readiness).await;
}

/// Waits until something is installed, and does then what is to be done. Drops `ready` when nothing is left that
/// a start should wait for.
async fn run(app: App, ready: oneshot::Sender<()>) {
    let mut ready = Some(ready);
    loop {
        let changed = app.plugins.installed.changed();
        let begun = begin(&app).await;
        if matches!(begun, Ok(true)) {
            break;
        }
        drop(ready.take());
        let again = async {
            match &begun {
                Ok(_) => changed.await,
                Err(error) => {
                    tracing::warn!(%error, "it could not be read whether plugins are installed");
                    sleep(ASKS_AGAIN).await;
                }
            }
        };
        tokio::select! {
            () = again => {}
            () = app.ending() => return,
        }
    }
    tokio::spawn(dispatch::run(app.clone(), Pace::Single));
    tokio::spawn(dispatch::run(app.clone(), Pace::Batched));
    tokio::spawn(deliver::run(app.clone()));
    tokio::spawn(timers::run(app.clone()));
    tokio::spawn(topics::run(app.clone()));
    warming::run(app).await;
    drop(ready);
}

/// Whether anything is installed; if so, nobody holds any more what a server held that has ended.
async fn begin(app: &App) -> Result<bool> {
    if !store::is_any_installed(&mut app.db.read().await?).await? {
        dispatch::end(app).await?;
        return Ok(false);
    }
    // SQLite has one server: whatever is held was held by the last one. Others may be at it elsewhere.
    if !app.db.is_postgres() {
        app.writer
            .run_on_shard(0, |tx| {
                Box::pin(async move {
                    deliver::store::release_all(tx).await?;
                    Ok(timers::store::release_all(tx).await?)
                })
            })
            .await?;
    }
    Ok(true)
}
