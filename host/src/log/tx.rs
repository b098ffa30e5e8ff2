//! The transaction that an operation writes in: its connection, its moment, and the rows it adds to the log.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::clock::Timestamp;
use crate::db::{Conn, Db};
use crate::error::Result;
use crate::id::{Ids, StreamId, UserId};
use crate::log::{Entry, NewEvent, shard_of, store};

/// A transaction that has taken its shards. It reads like a connection, and what it appends to the
/// log becomes visible with its commit, in order and without gaps.
pub struct Tx {
    conn: Conn,
    /// The moment of the transaction: the same for all that it writes.
    pub now: Timestamp,
    ids: Arc<Ids>,
    shards: i64,
    heads: SmallVec<[Head; 1]>,
    entries: Vec<Arc<Entry>>,
    actor: Option<UserId>,
    request_id: Option<Arc<str>>,
}

/// A shard that this transaction has taken, and the position of its last row.
#[derive(Clone, Copy)]
struct Head {
    shard: i64,
    position: i64,
    taken_at: i64,
}

/// How far a transaction had come: what a failed operation falls back to.
pub(super) struct Mark {
    heads: SmallVec<[Head; 1]>,
    entries: usize,
}

impl Tx {
    /// Begins a transaction and takes `shards`, which must be sorted: whoever takes several takes
    /// them in the same order, so nobody waits for each other in a circle.
    pub(super) async fn begin(db: &Db, ids: &Arc<Ids>, now: Timestamp, shard_count: i64, shards: &[i64]) -> Result<Tx> {
        let mut conn = db.begin().await?;
        let mut heads = SmallVec::new();
        for &shard in shards {
            let position = store::take_shard(&mut conn, shard).await?;
            heads.push(Head { shard, position, taken_at: position });
        }
        let ids = ids.clone();
        Ok(Tx { conn, now, ids, shards: shard_count, heads, entries: Vec::new(), actor: None, request_id: None })
    }

    /// Says on whose behalf the rows that follow are written.
    pub(crate) fn on_behalf_of(&mut self, actor: Option<UserId>, request_id: Option<Arc<str>>) {
        (self.actor, self.request_id) = (actor, request_id);
    }

    /// Who acts in this transaction; nobody if the server does.
    pub fn actor(&self) -> Option<UserId> {
        self.actor
    }

    /// The request that this transaction serves.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// A new number for the id of something that is made in this transaction.
    pub fn next_id(&self) -> Result<i64> {
        Ok(self.ids.next()?)
    }

    /// Adds a row to the log; answers its position, which orders it among all in its stream.
    ///
    /// The stream must be one of those that the operation named when it asked to write.
    pub fn append(&mut self, event: NewEvent) -> Result<i64> {
        let shard = shard_of(event.stream, self.shards);
        let Some(head) = self.heads.iter_mut().find(|head| head.shard == shard) else {
            return Err(anyhow::anyhow!("an operation wrote {} to a stream that it did not name", event.kind).into());
        };
        head.position += 1;
        self.entries.push(Arc::new(Entry {
            shard,
            position: head.position,
            stream: event.stream,
            channel: event.channel,
            kind: event.kind,
            payload: event.payload,
            actor: self.actor,
            request_id: self.request_id.clone(),
            at: self.now,
        }));
        Ok(head.position)
    }

    /// How many rows it has added to the log.
    pub(crate) fn written(&self) -> usize {
        self.entries.len()
    }

    /// The rows that it has added since there were `from`.
    pub(crate) fn written_since(&self, from: usize) -> &[Arc<Entry>] {
        self.entries.get(from..).unwrap_or_default()
    }

    /// The position that the next row of `stream` will get.
    pub fn next_position(&self, stream: StreamId) -> i64 {
        let shard = shard_of(stream, self.shards);
        self.heads.iter().find(|head| head.shard == shard).map_or(1, |head| head.position + 1)
    }

    /// The shard that a stream belongs to.
    pub fn shard_of(&self, stream: StreamId) -> i64 {
        shard_of(stream, self.shards)
    }

    /// The position of a shard's last row, if this transaction has taken the shard.
    pub(super) fn head(&self, shard: i64) -> i64 {
        self.heads.iter().find(|head| head.shard == shard).map_or(0, |head| head.position)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { heads: self.heads.clone(), entries: self.entries.len() }
    }

    pub(super) fn fall_back(&mut self, mark: Mark) {
        self.heads = mark.heads;
        self.entries.truncate(mark.entries);
    }

    /// Writes the rows, moves the heads, commits; answers the rows.
    pub(super) async fn commit(mut self) -> Result<Vec<Arc<Entry>>> {
        store::insert(&mut self.conn, &self.entries).await?;
        for head in self.heads.iter().filter(|head| head.position != head.taken_at) {
            store::move_shard(&mut self.conn, head.shard, head.position).await?;
        }
        self.conn.commit().await?;
        Ok(self.entries)
    }
}

impl Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}
impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}
