//! Where rows of the log are read from: the database, or memory where a simulation stands in for it.

use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(any(test, feature = "simulation"))]
use super::memory::MemoryLog;
use super::{Entry, store};
use crate::db::Db;
use crate::error::Result;
use crate::id::StreamId;

/// A log to read from.
#[derive(Clone)]
pub enum Source {
    /// The tables of the database.
    Database(Db),
    /// A log that stands in memory alone.
    #[cfg(any(test, feature = "simulation"))]
    Memory(MemoryLog),
}

impl Source {
    /// The last position of every shard; 0 where nothing was written yet.
    pub async fn heads(&self) -> Result<BTreeMap<i64, i64>> {
        match self {
            Source::Database(db) => Ok(store::heads(&mut db.read().await?).await?.into_iter().collect()),
            #[cfg(any(test, feature = "simulation"))]
            Source::Memory(log) => log.heads(),
        }
    }

    /// The oldest position of a shard that is kept; the one after its head if none is. Whoever has
    /// seen everything before it can be told all the rest.
    pub async fn first(&self, shard: i64) -> Result<i64> {
        match self {
            Source::Database(db) => Ok(store::first(&mut db.read().await?, shard).await?),
            #[cfg(any(test, feature = "simulation"))]
            Source::Memory(log) => log.first(shard),
        }
    }

    /// Rows of a shard after `position`, in order, `limit` at most.
    pub async fn after(&self, shard: i64, position: i64, limit: i64) -> Result<Vec<Arc<Entry>>> {
        match self {
            Source::Database(db) => {
                let rows = store::after(&mut db.read().await?, shard, position, limit).await?;
                Ok(rows.into_iter().map(Arc::new).collect())
            }
            #[cfg(any(test, feature = "simulation"))]
            Source::Memory(log) => log.after(shard, position, limit),
        }
    }

    /// Rows of a stream after one position, up to and with another, in order, `limit` at most.
    pub async fn of_stream(&self, stream: StreamId, after: i64, through: i64, limit: i64) -> Result<Vec<Arc<Entry>>> {
        match self {
            Source::Database(db) => {
                let rows = store::of_stream(&mut db.read().await?, stream, after, through, limit).await?;
                Ok(rows.into_iter().map(Arc::new).collect())
            }
            #[cfg(any(test, feature = "simulation"))]
            Source::Memory(log) => log.of_stream(stream, after, through, limit),
        }
    }
}
