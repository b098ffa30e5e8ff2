//! What ends by itself: bans, invitations, timeouts, old audit entries, and all of a guild that was deleted.

use std::time::Duration;

use super::{audit, bans};
use crate::app::App;
use crate::error::Result;
use crate::id::GuildId;
use crate::log::Tx;
use crate::messaging;
use crate::plugins;

mod store;

/// Rows that one transaction removes: others wait for it.
const AT_ONCE: i64 = 200;
/// Transactions that one sweep makes for one guild: the next sweep goes on.
const STEPS: usize = 50;
/// The seconds of a day.
const DAY: u64 = 24 * 3600;

/// Removes what has ended, in small pieces. Called again and again by the server's timers.
pub async fn sweep(app: &App) -> Result<()> {
    while bans::sweep(app, AT_ONCE).await? as i64 == AT_ONCE {}
    app.writer.run(None, None, &[], |tx| Box::pin(forget_ended(tx))).await?;
    expire_audit(app).await?;
    for guild in store::deleted_guilds(&mut app.db.read().await?, AT_ONCE).await? {
        for _ in 0..STEPS {
            if app.writer.run(None, None, &[guild.into()], move |tx| Box::pin(purge_some(tx, guild))).await? {
                break;
            }
        }
    }
    Ok(())
}

/// Invitations and timeouts count no longer once their time is over; here their rows go.
async fn forget_ended(tx: &mut Tx) -> Result<()> {
    let now = tx.now;
    store::delete_ended_invites(tx, now, AT_ONCE).await?;
    Ok(store::delete_ended_timeouts(tx, now, AT_ONCE).await?)
}

async fn expire_audit(app: &App) -> Result<()> {
    let kept = Duration::from_secs(app.config.retention.audit_days.saturating_mul(DAY));
    let before = app.now().before(kept);
    let guilds = audit::store::guilds_with_old(&mut app.db.read().await?, before, AT_ONCE).await?;
    for guild in guilds {
        app.writer
            .run(None, None, &[guild.into()], move |tx| {
                Box::pin(async move { Ok(audit::store::expire(tx, guild, before, AT_ONCE).await?) })
            })
            .await?;
    }
    Ok(())
}

/// Removes some of a deleted guild's rows, what others refer to last; whether all are gone.
async fn purge_some(tx: &mut Tx, guild: GuildId) -> Result<bool> {
    if let Some(channel) = store::any_channel(tx, guild).await? {
        if messaging::purge_channel(tx, channel, AT_ONCE).await? < AT_ONCE as u64 {
            store::delete_channel(tx, channel).await?;
        }
        return Ok(false);
    }
    if store::delete_members(tx, guild, AT_ONCE).await? > 0 {
        return Ok(false);
    }
    // Then the next sweep goes on.
    if !plugins::is_in_use(tx, guild).await? {
        store::delete_guild(tx, guild).await?;
    }
    Ok(true)
}
