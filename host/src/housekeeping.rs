//! Chores that nobody asks for: forgetting what has run out, in small steps.

use std::time::Duration;

use crate::accounts;
use crate::app::App;
use crate::error::Result;
use crate::guilds;
use crate::log::reader::{Progress, Reader};
use crate::log::{self, Entry, EventKind, Tx};
use crate::messaging;
use crate::plugins;
use crate::sockets;

/// How often the chores are done.
const ROUND: Duration = Duration::from_secs(60);
/// Rows that one step removes, at most: a step must not hold the writer up.
const STEP_ROWS: i64 = 2_000;

/// Does the chores until the server ends.
pub async fn run(app: App) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = app.ending() => return,
        }
        if let Err(error) = round(&app).await {
            tracing::warn!(%error, "a chore failed; it is tried again in the next round");
        }
    }
}

/// Does every chore once.
pub async fn round(app: &App) -> Result<()> {
    app.limiter.forget_full();
    accounts::sweep(app).await?;
    plugins::sweep(app).await?;
    guilds::sweep(app).await?;
    sockets::voice::sweep(app).await?;
    expire_log(app).await
}

/// Removes rows of the log that are older than they are kept, but none that a reader hasn't seen.
async fn expire_log(app: &App) -> Result<()> {
    let kept = Duration::from_secs(app.config.retention.log_days * 24 * 3600);
    for shard in 0..app.writer.shards {
        loop {
            let before = app.now().before(kept);
            let removed = app
                .writer
                .run_on_shard(shard, move |tx| {
                    Box::pin(async move { Ok(log::store::expire(tx, shard, before, STEP_ROWS).await?) })
                })
                .await?;
            if removed < STEP_ROWS as u64 {
                break;
            }
        }
    }
    Ok(())
}

/// Removes what a deleted channel leaves behind: its messages and all that hangs on them.
pub const PURGE: Reader =
    Reader { name: "purge", kinds: &[EventKind::ChannelDeleted], handle: |tx, row| Box::pin(purge_channel(tx, row)) };

async fn purge_channel(tx: &mut Tx, row: &Entry) -> Result<Progress> {
    let Some(channel) = row.channel else { return Ok(Progress::Done) };
    let removed = messaging::purge_channel(tx, channel, STEP_ROWS).await?;
    Ok(if removed < STEP_ROWS as u64 { Progress::Done } else { Progress::Partly })
}
