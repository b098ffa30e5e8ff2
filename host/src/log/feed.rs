//! Brings every row of the log to those who follow it in this process, in order, once.
//!
//! What this node commits arrives by hand, the rest is read from the log: a hint that is lost,
//! doubled or late changes nothing but the delay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::Entry;
use super::source::Source;
use crate::cluster::bus::{Bus, Message};
use crate::error::Result;
use crate::known_bugs::{KnownBug, is_back};

/// How often the heads of the log are looked at, hint or no hint, unless somebody says otherwise.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Committed batches that may wait to be brought around before the writers wait.
const WAITING_BATCHES: usize = 256;
/// Hints from other nodes that may wait; more are dropped.
const WAITING_HINTS: usize = 256;
/// Rows read from the log at a time, where a gap is filled.
const PAGE: i64 = 500;
/// Rows that are brought around at once if they wait already, about.
const ROWS_AT_ONCE: usize = 512;

/// What another node says of the log. It may be lost, doubled, late or wrong about heads.
#[derive(Debug, Clone)]
pub enum Hint {
    /// Rows that it has committed.
    Rows(Vec<Arc<Entry>>),
    /// How far its commit has moved shards.
    Heads(Vec<(i64, i64)>),
}

/// Where the writers put what they have committed.
#[derive(Clone)]
pub struct Feed {
    bus: Bus,
    batches: mpsc::Sender<Vec<Arc<Entry>>>,
    hints: mpsc::Sender<Hint>,
    heads: watch::Sender<BTreeMap<i64, i64>>,
}

/// The other end: whoever drives it receives every row once, in the order of its shard.
pub struct Follower {
    batches: mpsc::Receiver<Vec<Arc<Entry>>>,
    hints: mpsc::Receiver<Hint>,
    heads: watch::Sender<BTreeMap<i64, i64>>,
    source: Source,
    seen: BTreeMap<i64, i64>,
    look: tokio::time::Interval,
    hints_first: bool,
}

/// What the follower wakes for.
enum News {
    Batch(Vec<Arc<Entry>>),
    Hint(Hint),
    Look,
}

impl Feed {
    /// A feed that begins at the present heads of the log; other servers hear of what is offered to it.
    pub async fn open(source: &Source, bus: Bus) -> Result<(Feed, Follower)> {
        let seen = source.heads().await?;
        let (batch_sender, batches) = mpsc::channel(WAITING_BATCHES);
        let (hint_sender, hints) = mpsc::channel(WAITING_HINTS);
        let (heads, _) = watch::channel(seen.clone());
        let look = every(LOOK_INTERVAL);
        let feed = Feed { bus, batches: batch_sender, hints: hint_sender, heads: heads.clone() };
        let source = source.clone();
        Ok((feed, Follower { batches, hints, heads, source, seen, look, hints_first: false }))
    }

    /// Brings committed rows around; waits if too many wait already.
    pub async fn offer(&self, entries: Vec<Arc<Entry>>) {
        if !entries.is_empty() {
            if !self.bus.is_alone() {
                self.bus.publish(Message::of_commit(&entries));
            }
            // The follower ends only with the server: then nobody is left to tell.
            let _ = self.batches.send(entries).await;
        }
    }

    /// Passes on what another node says; false if it was dropped, because too much waits already.
    pub fn hint(&self, hint: Hint) -> bool {
        self.hints.try_send(hint).is_ok()
    }

    /// How far each shard has been brought around: what readers of the log wait for.
    pub fn heads(&self) -> watch::Receiver<BTreeMap<i64, i64>> {
        self.heads.subscribe()
    }
}

fn every(interval: Duration) -> tokio::time::Interval {
    let mut look = tokio::time::interval(interval);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look
}

impl Follower {
    /// Looks at the heads more often or less.
    pub fn look_every(&mut self, interval: Duration) {
        self.look = every(interval);
    }

    /// Whether rows that this node has committed wait to be brought around.
    pub fn is_behind(&self) -> bool {
        !self.batches.is_empty()
    }

    /// The next rows, in order within each shard; nothing once the server ends.
    pub async fn next(&mut self) -> Option<Vec<Arc<Entry>>> {
        loop {
            let mut fresh = Vec::new();
            let read = match self.news().await? {
                News::Batch(rows) | News::Hint(Hint::Rows(rows)) => self.accept(rows, &mut fresh).await,
                News::Hint(Hint::Heads(heads)) => self.reach(heads, &mut fresh).await,
                News::Look => self.look_at_heads(&mut fresh).await,
            };
            let read = match read {
                Ok(()) => self.accept_waiting(&mut fresh).await,
                Err(error) => Err(error),
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

    /// What comes next, in an order that is the same each time the same things wait. Nothing
    /// starves: the look is due four times a second at most and goes first then, and hints go before
    /// our own batches every other time.
    async fn news(&mut self) -> Option<News> {
        self.hints_first = !self.hints_first;
        if self.hints_first
            && let Ok(hint) = self.hints.try_recv()
        {
            return Some(News::Hint(hint));
        }
        tokio::select! {
            biased;
            _ = self.look.tick() => Some(News::Look),
            batch = self.batches.recv() => batch.map(News::Batch),
            Some(hint) = self.hints.recv() => Some(News::Hint(hint)),
        }
    }

    /// Takes what was committed meanwhile along: what goes out together costs little more than one.
    async fn accept_waiting(&mut self, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        while fresh.len() < ROWS_AT_ONCE
            && let Ok(batch) = self.batches.try_recv()
        {
            self.accept(batch, fresh).await?;
        }
        Ok(())
    }

    async fn accept(&mut self, batch: Vec<Arc<Entry>>, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        for entry in batch {
            // A shard that the log doesn't have can only stand in a hint that is wrong.
            let Some(seen) = self.seen.get_mut(&entry.shard) else { continue };
            let is_next = entry.position == *seen + 1;
            if is_next || entry.position > *seen && is_back(KnownBug::GapSkipped) {
                *seen = entry.position;
                fresh.push(entry);
            } else if entry.position > *seen {
                self.fill(entry.shard, entry.position, fresh).await?;
            }
        }
        Ok(())
    }

    async fn look_at_heads(&mut self, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        let heads = self.source.heads().await?;
        self.reach(heads, fresh).await
    }

    async fn reach(&mut self, heads: impl IntoIterator<Item = (i64, i64)>, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        for (shard, head) in heads {
            if self.seen.get(&shard).is_some_and(|seen| head > *seen) {
                self.fill(shard, head, fresh).await?;
            }
        }
        Ok(())
    }

    /// Reads a shard's rows up to and with `to`. What an error leaves out is read at the next look.
    async fn fill(&mut self, shard: i64, to: i64, fresh: &mut Vec<Arc<Entry>>) -> Result<()> {
        let seen = self.seen.entry(shard).or_default();
        while *seen < to {
            let rows = self.source.after(shard, *seen, PAGE).await?;
            let Some(last) = rows.last() else { break };
            *seen = last.position;
            fresh.extend(rows);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::clock::Timestamp;
    use crate::id::StreamId;
    use crate::log::memory::MemoryLog;
    use crate::log::{EventKind, NewEvent};

    fn events(random: &mut StdRng) -> Vec<NewEvent> {
        let event = |random: &mut StdRng| {
            let stream = StreamId(random.random_range(1..9) << 22);
            NewEvent::encoded(EventKind::MessageCreated, stream, format!("{}", random.random::<u32>()).into())
        };
        (0..random.random_range(1..5)).map(|_| event(random)).collect()
    }

    /// What another node may say of the log by mistake.
    fn nonsense(random: &mut StdRng) -> Hint {
        let place = (random.random_range(-3..9), random.random_range(-3..i64::MAX));
        Hint::Heads(vec![place, (3, i64::MAX)])
    }

    /// Follows a log that two nodes write to, the one's commits offered, the other's hinted at badly.
    async fn follow(seed: u64) -> Vec<Arc<Entry>> {
        let mut random = StdRng::seed_from_u64(seed);
        let log = MemoryLog::new(4);
        let source = Source::Memory(log.clone());
        let (feed, mut follower) = Feed::open(&source, Bus::Alone).await.unwrap();
        let writing = async {
            let mut said: Vec<Hint> = Vec::new();
            for round in 0..300 {
                let rows = log.append(Timestamp(round), None, events(&mut random));
                let heads = rows.iter().map(|row| (row.shard, row.position)).collect();
                if random.random_bool(0.5) {
                    feed.offer(rows).await;
                } else {
                    said.push(if random.random_bool(0.5) { Hint::Rows(rows) } else { Hint::Heads(heads) });
                }
                for _ in 0..random.random_range(0..3) {
                    // Late, doubled, out of order, or never.
                    said.choose(&mut random).cloned().map(|hint| feed.hint(hint));
                }
                if random.random_bool(0.1) {
                    feed.hint(nonsense(&mut random));
                }
                log.set_away(random.random_bool(0.1));
                tokio::time::sleep(Duration::from_millis(random.random_range(0..40))).await;
            }
            log.set_away(false);
            tokio::time::sleep(2 * LOOK_INTERVAL).await;
        };
        let mut brought = Vec::new();
        tokio::pin!(writing);
        loop {
            tokio::select! {
                biased;
                () = &mut writing => break,
                rows = follower.next() => brought.extend(rows.unwrap()),
            }
        }
        for (shard, head) in source.heads().await.unwrap() {
            let of_shard: Vec<_> = brought.iter().filter(|row| row.shard == shard).cloned().collect();
            assert_eq!(of_shard, source.after(shard, 0, i64::MAX).await.unwrap(), "seed {seed}, shard {shard}");
            assert_eq!(of_shard.len() as i64, head, "seed {seed}");
        }
        brought
    }

    #[tokio::test(start_paused = true)]
    async fn hints_that_are_lost_doubled_late_or_wrong_change_nothing_but_the_delay() {
        for seed in (1..20).chain([rand::random()]) {
            println!("seed {seed}");
            let brought = follow(seed).await;
            assert_eq!(follow(seed).await, brought, "the same run is the same each time");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn neither_our_own_flood_nor_that_of_others_starves_anything() {
        let log = MemoryLog::new(1);
        let (feed, mut follower) = Feed::open(&Source::Memory(log.clone()), Bus::Alone).await.unwrap();
        drop(tokio::time::timeout(Duration::ZERO, follower.next()).await);
        let append = || {
            let event = NewEvent::encoded(EventKind::MessageCreated, StreamId(1), "{}".into());
            log.append(Timestamp(1), None, vec![event])
        };
        for _ in 0..200 {
            feed.offer(append()).await;
        }
        assert!(feed.hint(Hint::Rows(append())));
        let mut woken = 0;
        while *feed.heads().borrow() != BTreeMap::from([(0, 201)]) {
            follower.next().await.unwrap();
            woken += 1;
        }
        assert!(woken <= 2, "the hint came among the first two, and what it lacked was read");

        append();
        assert!((0..200).all(|_| feed.hint(Hint::Heads(vec![(0, 201)]))));
        tokio::time::advance(LOOK_INTERVAL).await;
        follower.next().await.unwrap();
        assert_eq!(*feed.heads().borrow(), BTreeMap::from([(0, 202)]));
        assert!(follower.hints.len() > 190, "the look came before most of the hints");
    }
}
