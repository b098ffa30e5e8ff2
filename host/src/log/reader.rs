//! Readers: whoever must see every row of some kinds once, and goes on where it stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Entry, EventKind, OperationFuture, Tx, store};
use crate::app::App;
use crate::error::Result;

/// Rows that a reader takes in one transaction, at most.
const PAGE: i64 = 100;
/// How long a reader rests after it has seen everything: hints come with every commit.
const REST: Duration = Duration::from_secs(1);

/// How far a reader got with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is done with it.
    Done,
    /// There is more to do: the row comes again, in a transaction of its own.
    Partly,
}

/// Somebody who follows the log under a name. What it does with a row is committed together with its
/// place in the log, so each row is dealt with exactly once, whatever ends in between.
#[derive(Clone, Copy)]
pub struct Reader {
    /// The name that its place is kept under.
    pub name: &'static str,
    /// The kinds of row that it wants, four at most.
    pub kinds: &'static [EventKind],
    /// Deals with a row.
    pub handle: for<'t> fn(&'t mut Tx, &'t Entry) -> OperationFuture<'t, Progress>,
}

impl Reader {
    /// Follows the log until the server ends.
    pub async fn follow(self, app: App) {
        let mut heads = app.feed.heads();
        let mut seen: BTreeMap<i64, i64> = BTreeMap::new();
        loop {
            let now = heads.borrow_and_update().clone();
            for (&shard, &head) in &now {
                if seen.get(&shard) == Some(&head) {
                    continue;
                }
                match self.catch_up(&app, shard).await {
                    Ok(()) => drop(seen.insert(shard, head)),
                    Err(error) => tracing::warn!(%error, reader = self.name, shard, "a reader of the log failed"),
                }
            }
            tokio::select! {
                () = app.ending() => return,
                () = tokio::time::sleep(REST) => {}
            }
            let behind = heads.borrow().iter().any(|(shard, head)| seen.get(shard) != Some(head));
            if !behind {
                tokio::select! {
                    () = app.ending() => return,
                    changed = heads.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    /// Deals with every row of a shard that it hasn't seen.
    pub async fn catch_up(self, app: &App, shard: i64) -> Result<()> {
        while self.step(app, shard).await? == Progress::Partly {}
        Ok(())
    }

    async fn step(self, app: &App, shard: i64) -> Result<Progress> {
        app.writer
            .run_on_shard(shard, move |tx| {
                Box::pin(async move {
                    let head = tx.head(shard);
                    let cursor = store::cursor(tx, self.name, shard).await?;
                    let rows = store::of_kinds_after(tx, shard, cursor, self.kinds, PAGE).await?;
                    let mut reached = if (rows.len() as i64) < PAGE { head } else { cursor };
                    let mut progress = if reached == head { Progress::Done } else { Progress::Partly };
                    for row in rows {
                        if (self.handle)(tx, &row).await? == Progress::Partly {
                            (reached, progress) = (row.position - 1, Progress::Partly);
                            break;
                        }
                        reached = reached.max(row.position);
                    }
                    store::move_cursor(tx, self.name, shard, reached).await?;
                    Ok(progress)
                })
            })
            .await
    }
}
