//! Removing what has ended: a little in each transaction, so that nobody waits for it.

use std::time::Duration;

use super::{one_time, sessions, token};
use crate::app::App;
use crate::error::Result;
use crate::http::idempotency;
use crate::log::{OperationFuture, Tx};

/// Rows removed in one transaction.
const AT_ONCE: i64 = 500;
/// How long an ended session is kept: longer than any node remembers that it ended.
const ENDED_SESSION_KEPT: Duration = Duration::from_secs(48 * 3600);

/// Removes one-time tokens, refresh tokens, sessions, keys and kept answers that are of no more use.
pub async fn sweep(app: &App) -> Result<()> {
    let session = Duration::from_secs(app.config.tokens.session_days.unsigned_abs() * 24 * 3600);
    let now = app.now();
    until_nothing(app, move |tx| Box::pin(async move { Ok(one_time::store::sweep(tx, now, AT_ONCE).await?) })).await?;
    let ended = now.before(ENDED_SESSION_KEPT);
    until_nothing(app, move |tx| {
        Box::pin(async move { Ok(sessions::store::sweep_sessions(tx, ended, AT_ONCE).await?) })
    })
    .await?;
    // A used token tells of theft as long as the one that followed it could live.
    let used = now.before(session);
    until_nothing(app, move |tx| {
        Box::pin(async move { Ok(sessions::store::sweep_used_tokens(tx, used, AT_ONCE).await?) })
    })
    .await?;
    let retired = now.before(token::RETIRED_KEY_GOOD);
    until_nothing(app, move |tx| Box::pin(async move { Ok(token::store::sweep(tx, retired).await?) })).await?;
    until_nothing(app, |tx| Box::pin(idempotency::sweep(tx, AT_ONCE))).await
}

/// Runs a removal again and again, each time in a transaction of its own, until it finds nothing.
async fn until_nothing<F>(app: &App, remove: F) -> Result<()>
where
    F: for<'t> Fn(&'t mut Tx) -> OperationFuture<'t, u64> + Copy + Send + 'static,
{
    while app.writer.run(None, None, &[], remove).await? > 0 {}
    Ok(())
}
