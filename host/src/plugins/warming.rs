//! Makes plugins' code ready before anybody waits for it: when the server starts, and when one is installed.

use super::store;
use crate::app::App;
use crate::error::Result;

/// Makes everything ready that is installed somewhere, one after the other.
pub async fn run(app: App) {
    let installed = match installed(&app).await {
        Ok(installed) => installed,
        Err(error) => return tracing::warn!(%error, "plugins are made ready when they are first called"),
    };
    for plugin in installed {
        tokio::select! {
            () = make_ready(&app, &plugin) => {}
            () = app.ending() => return,
        }
    }
}

async fn installed(app: &App) -> Result<Vec<String>> {
    Ok(store::plugins(&mut app.db.read().await?).await?)
}

/// Makes one ready, if it isn't.
pub async fn make_ready(app: &App, plugin: &str) {
    if let Err(error) = app.plugins.package(&app.config, plugin).await {
        // Whoever calls it is told as well; here nobody waits.
        tracing::warn!(plugin, "a plugin can't be made ready: {error:#}");
    }
}
