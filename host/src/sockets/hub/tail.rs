//! The newest rows of the log, kept in memory with their frames: what clients that come back have missed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::id::StreamId;
use crate::log::Entry;
use crate::sockets::event::Event;

/// Rows that are kept, over all shards.
const ROWS: usize = 8_192;
/// Bytes of rows that are kept, over all shards.
const BYTES: usize = 16 * 1024 * 1024;
/// Rows that a shard may keep, however many shards there are.
const LEAST_ROWS: usize = 128;

/// A row of the log, and the event that sockets receive of it.
#[derive(Clone)]
pub struct Told {
    /// The row.
    pub entry: Arc<Entry>,
    /// Its event, encoded by the first who asks.
    pub event: Arc<Event>,
}

impl Told {
    /// A row that nobody has asked for yet.
    pub fn new(entry: Arc<Entry>) -> Told {
        let event = Event::logged(&entry);
        Told { entry, event }
    }
}

/// What was published last, of every shard.
#[derive(Default)]
pub struct Tail {
    shards: BTreeMap<i64, Shard>,
}

#[derive(Default)]
struct Shard {
    /// The position of the last row that was published.
    head: i64,
    /// The last rows, without a gap up to the head.
    rows: VecDeque<Told>,
    bytes: usize,
}

impl Tail {
    /// Nothing yet, where the log has come to these positions already.
    pub fn begin(heads: &BTreeMap<i64, i64>) -> Tail {
        let shard = |(&shard, &head): (&i64, &i64)| (shard, Shard { head, ..Shard::default() });
        Tail { shards: heads.iter().map(shard).collect() }
    }

    /// Adds a row that was published.
    pub fn add(&mut self, told: Told) {
        let shards = self.shards.len().max(1);
        let shard = self.shards.entry(told.entry.shard).or_default();
        if told.entry.position != shard.head + 1 {
            // A shard that began anew: what was kept has nothing to do with it.
            shard.rows.clear();
            shard.bytes = 0;
        }
        shard.head = told.entry.position;
        shard.bytes += told.event.size();
        shard.rows.push_back(told);
        while shard.rows.len() > (ROWS / shards).max(LEAST_ROWS) || shard.bytes > BYTES / shards {
            let Some(oldest) = shard.rows.pop_front() else { break };
            shard.bytes -= oldest.event.size();
        }
    }

    /// The position of the last row of a shard that was published.
    pub fn head(&self, shard: i64) -> i64 {
        self.shards.get(&shard).map_or(0, |shard| shard.head)
    }

    /// Whether everything up to these positions was published.
    pub fn has_reached(&self, heads: &BTreeMap<i64, i64>) -> bool {
        heads.iter().all(|(shard, head)| self.head(*shard) >= *head)
    }

    /// A stream's rows after a position; nothing if they aren't all here.
    pub fn of_stream(&self, shard: i64, stream: StreamId, after: i64) -> Option<Vec<Told>> {
        let rows = self.shards.get(&shard)?.after(after)?;
        Some(rows.filter(|told| told.entry.stream == stream).cloned().collect())
    }

    /// A shard's rows after a position, `limit` at most; nothing if they aren't all here.
    pub fn after(&self, shard: i64, after: i64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        let rows = self.shards.get(&shard)?.after(after)?;
        Some(rows.take(limit).map(|told| told.entry.clone()).collect())
    }
}

impl Shard {
    fn after(&self, position: i64) -> Option<impl Iterator<Item = &Told>> {
        let first = self.head + 1 - self.rows.len() as i64;
        let skipped = usize::try_from(position + 1 - first).ok()?;
        Some(self.rows.range(skipped.min(self.rows.len())..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::log::EventKind;

    fn row(position: i64, stream: i64) -> Told {
        Told::new(Arc::new(Entry {
            shard: 0,
            position,
            stream: StreamId(stream),
            channel: None,
            kind: EventKind::MessageCreated,
            payload: "{}".into(),
            actor: None,
            request_id: None,
            at: Timestamp(0),
        }))
    }
    fn positions(rows: Option<Vec<Told>>) -> Option<Vec<i64>> {
        rows.map(|rows| rows.iter().map(|told| told.entry.position).collect())
    }

    #[test]
    fn a_streams_rows_are_found_as_long_as_they_are_all_there() {
        let mut tail = Tail::begin(&BTreeMap::from([(0, 10)]));
        (11..=20).for_each(|position| tail.add(row(position, position % 2)));
        assert_eq!(tail.head(0), 20);
        assert_eq!(positions(tail.of_stream(0, StreamId(1), 15)), Some(vec![17, 19]));
        assert_eq!(positions(tail.of_stream(0, StreamId(1), 10)), Some(vec![11, 13, 15, 17, 19]));
        assert_eq!(positions(tail.of_stream(0, StreamId(1), 20)), Some(vec![]));
        assert_eq!(positions(tail.of_stream(0, StreamId(1), 9)), None);
        assert_eq!(positions(tail.of_stream(7, StreamId(1), 9)), None);
        let after = |position, limit| tail.after(0, position, limit).map(|rows| rows.len());
        assert_eq!((after(10, 4), after(18, 4), after(99, 4), after(9, 4)), (Some(4), Some(2), Some(0), None));
    }

    #[test]
    fn it_keeps_no_more_than_its_bounds() {
        let mut tail = Tail::begin(&BTreeMap::new());
        (1..=ROWS as i64 + 5).for_each(|position| tail.add(row(position, 1)));
        assert!(tail.of_stream(0, StreamId(1), 4).is_none());
        assert_eq!(tail.of_stream(0, StreamId(1), 5).map(|rows| rows.len()), Some(ROWS));
    }
}
