//! A log that stands in memory alone: what simulations and tests read and write instead of a database.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Entry, NewEvent, shard_of};
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::id::{StreamId, UserId};

/// Shards with positions that have no gaps, as the database keeps them. Clones are the same log.
#[derive(Clone)]
pub struct MemoryLog(Arc<Mutex<Kept>>);

struct Kept {
    shards: Vec<Shard>,
    away: bool,
}

#[derive(Default)]
struct Shard {
    head: i64,
    rows: VecDeque<Arc<Entry>>,
}

impl MemoryLog {
    /// An empty log of so many shards.
    pub fn new(shards: i64) -> MemoryLog {
        let shards = (0..shards).map(|_| Shard::default()).collect();
        MemoryLog(Arc::new(Mutex::new(Kept { shards, away: false })))
    }

    /// Whether the log can't be read at the moment, as if the database were away.
    pub fn set_away(&self, away: bool) {
        self.0.lock().away = away;
    }

    /// How many shards there are.
    pub fn shards(&self) -> i64 {
        self.0.lock().shards.len() as i64
    }

    /// Commits events as one transaction; answers the rows, as the writers hand them to the feed.
    pub fn append(&self, at: Timestamp, actor: Option<UserId>, events: Vec<NewEvent>) -> Vec<Arc<Entry>> {
        let mut kept = self.0.lock();
        let count = kept.shards.len() as i64;
        let write = |event: NewEvent| {
            let number = shard_of(event.stream, count);
            let shard = kept.shards.get_mut(number as usize)?;
            shard.head += 1;
            let entry = Arc::new(Entry {
                shard: number,
                position: shard.head,
                stream: event.stream,
                channel: event.channel,
                kind: event.kind,
                payload: event.payload,
                actor,
                request_id: None,
                at,
            });
            shard.rows.push_back(entry.clone());
            Some(entry)
        };
        events.into_iter().filter_map(write).collect()
    }

    /// Removes the oldest rows of a shard that were written before `before`, some at a time; answers
    /// how many.
    pub fn expire(&self, shard: i64, before: Timestamp, at_most: usize) -> usize {
        let mut kept = self.0.lock();
        let Some(shard) = kept.shards.get_mut(shard as usize) else { return 0 };
        let old = shard.rows.iter().take(at_most).take_while(|row| row.at < before).count();
        shard.rows.drain(..old);
        old
    }

    /// The last position of every shard.
    pub fn heads(&self) -> Result<BTreeMap<i64, i64>> {
        self.read(|shards| (0..).zip(shards).map(|(number, shard)| (number, shard.head)).collect())
    }

    /// The oldest position of a shard that is kept; the one after its head if none is.
    pub fn first(&self, shard: i64) -> Result<i64> {
        self.read(|shards| {
            shards.get(shard as usize).map_or(1, |shard| shard.rows.front().map_or(shard.head + 1, |row| row.position))
        })
    }

    /// Rows of a shard after `position`, in order, `limit` at most.
    pub fn after(&self, shard: i64, position: i64, limit: i64) -> Result<Vec<Arc<Entry>>> {
        self.read(|shards| {
            let rows = shards.get(shard as usize).into_iter().flat_map(|shard| &shard.rows);
            rows.filter(|row| row.position > position).take(limit.max(0) as usize).cloned().collect()
        })
    }

    /// Rows of a stream after one position, up to and with another, in order, `limit` at most.
    pub fn of_stream(&self, stream: StreamId, after: i64, through: i64, limit: i64) -> Result<Vec<Arc<Entry>>> {
        self.read(|shards| {
            let shard = shards.get(shard_of(stream, shards.len() as i64) as usize);
            let rows = shard.into_iter().flat_map(|shard| &shard.rows);
            let wanted = rows.filter(|row| row.stream == stream && row.position > after && row.position <= through);
            wanted.take(limit.max(0) as usize).cloned().collect()
        })
    }

    fn read<T>(&self, look: impl FnOnce(&[Shard]) -> T) -> Result<T> {
        let kept = self.0.lock();
        if kept.away {
            return Err(Code::Unavailable.into());
        }
        Ok(look(&kept.shards))
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::clock::Clock;
    use crate::cluster::bus::Bus;
    use crate::db::Db;
    use crate::id::{ChannelId, Ids};
    use crate::log::feed::Feed;
    use crate::log::source::Source;
    use crate::log::{EventKind, OperationFuture, Writer, store};

    const STREAMS: [StreamId; 4] = [StreamId(11 << 22), StreamId(12 << 22), StreamId(13 << 22), StreamId(14 << 22)];

    fn event(stream: StreamId, number: u32) -> NewEvent {
        let kind = if number.is_multiple_of(3) { EventKind::PinAdded } else { EventKind::MessageCreated };
        let event = NewEvent::encoded(kind, stream, format!("{{\"n\":{number}}}").into());
        if number.is_multiple_of(2) { event.in_channel(ChannelId(i64::from(number) + 1)) } else { event }
    }

    /// Runs the same random commits and removals on both, and compares whatever can be read.
    async fn hold_equal(seed: u64, shards: i64) {
        let mut random = StdRng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", folder.path().join("log.db").display())).await.unwrap();
        db.migrate().await.unwrap();
        let mut conn = db.begin().await.unwrap();
        for shard in 0..shards {
            conn.execute("insert into log_shards (shard, position) values ($1, 0)", &[&shard]).await.unwrap();
        }
        conn.commit().await.unwrap();
        let clock = Clock::manual(Timestamp(crate::id::EPOCH_MS + 1_000_000));
        let (feed, mut follower) = Feed::open(&Source::Database(db.clone()), Bus::Alone).await.unwrap();
        tokio::spawn(async move { while follower.next().await.is_some() {} });
        let ids = Arc::new(Ids::new(0, clock.clone()));
        let writer = Writer::start(&db, &clock, &ids, shards, &feed, Arc::new(|_| {}));
        let memory = MemoryLog::new(shards);
        let (stored, kept) = (Source::Database(db.clone()), Source::Memory(memory.clone()));

        for step in 0..120 {
            clock.advance(std::time::Duration::from_millis(random.random_range(0..20)));
            if random.random_bool(0.05) {
                // Clocks of machines differ, so time may run back in a shard.
                clock.set(clock.now().before(std::time::Duration::from_millis(30)));
            }
            if random.random_bool(0.7) {
                let actor = random.random_bool(0.5).then_some(UserId(7));
                let events: Vec<(StreamId, u32)> = (0..random.random_range(1..6))
                    .filter_map(|_| Some((*STREAMS.choose(&mut random)?, random.random())))
                    .collect();
                let mut rows = memory.append(clock.now(), actor, events.iter().map(|&(s, n)| event(s, n)).collect());
                let streams: Vec<StreamId> = events.iter().map(|(stream, _)| *stream).collect();
                let work = move |tx: &mut crate::log::Tx| -> Result<Vec<i64>> {
                    events.iter().map(|&(stream, number)| tx.append(event(stream, number))).collect()
                };
                let positions = writer
                    .run(actor, None, &streams, move |tx| -> OperationFuture<'_, Vec<i64>> {
                        Box::pin(async move { work(tx) })
                    })
                    .await
                    .unwrap();
                assert_eq!(positions, rows.drain(..).map(|row| row.position).collect::<Vec<_>>(), "step {step}");
            } else {
                let (shard, at_most) = (random.random_range(0..shards), random.random_range(1..30));
                let before = clock.now().before(std::time::Duration::from_millis(random.random_range(0..400)));
                let mut conn = db.begin().await.unwrap();
                let removed = store::expire(&mut conn, shard, before, at_most).await.unwrap();
                conn.commit().await.unwrap();
                assert_eq!(memory.expire(shard, before, at_most as usize) as u64, removed, "step {step}");
            }
            let heads = kept.heads().await.unwrap();
            assert_eq!(stored.heads().await.unwrap(), heads);
            let (shard, limit) = (random.random_range(0..shards), random.random_range(1..50));
            assert_eq!(stored.first(shard).await.unwrap(), kept.first(shard).await.unwrap(), "step {step}");
            let from = random.random_range(-1..=heads[&shard] + 1);
            assert_eq!(
                stored.after(shard, from, limit).await.unwrap(),
                kept.after(shard, from, limit).await.unwrap(),
                "step {step}"
            );
            let stream = *STREAMS.choose(&mut random).unwrap();
            let through = from + random.random_range(0..40);
            assert_eq!(
                stored.of_stream(stream, from, through, limit).await.unwrap(),
                kept.of_stream(stream, from, through, limit).await.unwrap(),
                "step {step}"
            );
        }
    }

    #[tokio::test]
    async fn memory_and_database_keep_the_same_log() {
        for (seed, shards) in [(1, 1), (2, 3), (3, 4), (rand::random(), 2)] {
            println!("seed {seed}, {shards} shards");
            hold_equal(seed, shards).await;
        }
    }

    #[tokio::test]
    async fn a_log_that_is_away_says_so() {
        let memory = MemoryLog::new(1);
        let source = Source::Memory(memory.clone());
        memory.set_away(true);
        assert_eq!(source.heads().await.unwrap_err().code(), Code::Unavailable);
        memory.set_away(false);
        assert_eq!(source.first(0).await.unwrap(), 1);
    }
}
