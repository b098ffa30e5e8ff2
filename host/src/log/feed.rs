//! Brings every row of the log to those who follow it in this process, in order, once.
//!
//! What this node commits arrives by hand, the rest is read from the log: a hint that is lost,
//! doubled or late changes nothing but the delay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::{Entry, store};
use crate::db::{Db, Result};

/// How often the heads of the log are looked at, hint or no hint.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Committed batches that may wait to be brought around before the writers wait.
const WAITING_BATCHES: usize = 256;
/// Rows read from the log at a time, where a gap is filled.
const PAGE: i64 = 500;

/// Where the writers put what they have committed.
#[derive(Clone)]
pub struct Feed {
    batches: mpsc::Sender<Vec<Arc<Entry>>>,
    heads: watch::Sender<BTreeMap<i64, i64>>,
}

/// The other end: whoever drives it receives every row once, in the order of its shard.
pub struct Follower {
    batches: mpsc::Receiver<Vec<Arc<Entry>>>,
    heads: watch::Sender<BTreeMap<i64, i64>>,
    db: Db,
    seen: BTreeMap<i64, i64>,
    look: tokio::time::Interval,
}

impl Feed {
    /// A feed that begins at the present heads of the log.
    pub async fn open(db: &Db) -> Result<(Feed, Follower)> {
        let seen: BTreeMap<i64, i64> = store::heads(&mut db.read().await?).await?.into_iter().collect();
        let (sender, batches) = mpsc::channel(WAITING_BATCHES);
        let (heads, _) = watch::channel(seen.clone());
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let follower = Follower { batches, heads: heads.clone(), db: db.clone(), seen, look };
        Ok((Feed { batches: sender, heads }, follower))
    }

    /// Brings committed rows around; waits if too many wait already.
    pub(super) async fn offer(&self, entries: Vec<Arc<Entry>>) {
        if !entries.is_empty() {
            // The follower ends only with the server: then nobody is left to tell.
            let _ = self.batches.send(entries).await;
        }
    }

    /// How far each shard has been brought around: what readers of the log wait for.
    pub fn heads(&self) -> watch::Receiver<BTreeMap<i64, i64>> {
        self.heads.subscribe()
    }
}

impl Follower {
    /// The next rows, in order within each shard; nothing once the server ends.
    pub async fn next(&mut self) -> Option<Vec<Arc<Entry>>> {
        loop {
            let mut fresh = Vec::new();
            let read = tokio::select! {
                batch = self.batches.recv() => self.accept(batch?, &mut fresh).await,
                _ = self.look.tick() => self.look_at_heads(&mut fresh).await,
            };
            if let Err(error) = read {
                // What was missed is still in the log: the next look finds it.
                tracing::warn!(%error, "the log can't be read");
            }
            if !fresh.is_empty() {
                self.heads.send_replace(self.seen.clone());
                return Some(fresh);
            }
        }
    }

    async fn accept(&mut self, batch: Vec<Arc<Entry>>, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        for entry in batch {
            let seen = self.seen.entry(entry.shard).or_default();
            if entry.position == *seen + 1 {
                *seen = entry.position;
                fresh.push(entry);
            } else if entry.position > *seen {
                self.fill(entry.shard, entry.position, fresh).await?;
            }
        }
        Ok(())
    }

    async fn look_at_heads(&mut self, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        let heads = store::heads(&mut self.db.read().await?).await?;
        for (shard, head) in heads {
            if head > self.seen.get(&shard).copied().unwrap_or_default() {
                self.fill(shard, head, fresh).await?;
            }
        }
        Ok(())
    }

    /// Reads a shard's rows up to and with `to`. What an error leaves out is read at the next look.
    async fn fill(&mut self, shard: i64, to: i64, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        let mut conn = self.db.read().await?;
        let seen = self.seen.entry(shard).or_default();
        while *seen < to {
            let rows = store::after(&mut conn, shard, *seen, PAGE).await?;
            let Some(last) = rows.last() else { break };
            *seen = last.position;
            fresh.extend(rows.into_iter().map(Arc::new));
        }
        Ok(())
    }
}
