//! What goes by itself: installations that were removed long ago, and those of guilds that are no more.

use std::time::Duration;

use super::interactions::whispers;
use super::kv;
use super::store::{self, Leftover};
use crate::accounts::bots;
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::Result;
use crate::id::{GuildId, InstallationId};
use crate::log::Tx;

/// How long the data of a removed installation is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Installations that one sweep removes: the next one goes on.
const AT_ONCE: i64 = 200;
/// Rows of one table that one transaction removes: others wait for it.
const ROWS: i64 = 500;
/// Transactions that one sweep makes for one installation: the next sweep goes on.
const STEPS: usize = 100;

/// Removes what is over. Called again and again by the server's timers.
pub async fn sweep(app: &App) -> Result<()> {
    let leftovers = store::leftovers(&mut app.db.read().await?, app.now().before(KEPT), AT_ONCE).await?;
    for gone in leftovers {
        let streams = [gone.guild_id.into(), gone.bot_id.into()];
        for _ in 0..STEPS {
            if app.writer.run(None, None, &streams, move |tx| Box::pin(forget(tx, gone))).await? {
                break;
            }
        }
    }
    let now = app.now();
    let expired = kv::store::expired(&mut app.db.read().await?, now, AT_ONCE).await?;
    for (installation, guild) in expired {
        let streams = [guild.into()];
        for _ in 0..STEPS {
            let step = app.writer.run(None, None, &streams, move |tx| Box::pin(free(tx, installation, now)));
            if step.await? < ROWS as usize {
                break;
            }
        }
    }
    app.writer.run_on_shard(0, move |tx| Box::pin(async move { Ok(whispers::sweep(tx, now).await?) })).await
}

/// Frees what some of an installation's expired keys take; how many.
async fn free(tx: &mut Tx, installation: InstallationId, now: Timestamp) -> Result<usize> {
    let (keys, bytes) = kv::store::sweep(tx, installation, now, ROWS).await?;
    if bytes > 0 {
        kv::store::grow(tx, installation, -bytes, kv::MAX_BYTES).await?;
    }
    Ok(keys)
}

/// Forgets some of an installation, its bot last; whether nothing is left.
async fn forget(tx: &mut Tx, gone: Leftover) -> Result<bool> {
    let done = store::purge(tx, gone.id, ROWS).await?;
    if done {
        bots::dismiss(tx, gone.bot_id).await?;
    }
    Ok(done)
}

/// Whether something of a guild is still kept here: then its own row must stay.
pub async fn is_in_use(conn: &mut Conn, guild: GuildId) -> Result<bool> {
    Ok(store::any_of(conn, guild).await?)
}
