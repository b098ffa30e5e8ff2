//! What runs for plugins by itself: nothing, as long as nothing is installed anywhere.

use super::dispatch::{self, Pace};
use super::{deliver, store, timers, topics, warming};
use crate::app::App;
use crate::error::Result;

/// Waits until something is installed, and does then what is to be done until the server ends.
pub async fn run(app: App) {
    loop {
        let changed = app.plugins.installed.changed();
        match begin(&app).await {
            Ok(true) => break,
            Ok(false) => tokio::select! {
                () = changed => {}
                () = app.ending() => return,
            },
            Err(error) => {
                tracing::warn!(%error, "it could not be read whether plugins are installed");
                tokio::select! {
                    () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
                    () = app.ending() => return,
                }
            }
        }
    }
    tokio::spawn(dispatch::run(app.clone(), Pace::Single));
    tokio::spawn(dispatch::run(app.clone(), Pace::Batched));
    tokio::spawn(deliver::run(app.clone()));
    tokio::spawn(timers::run(app.clone()));
    tokio::spawn(topics::run(app.clone()));
    warming::run(app).await;
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
