//! Another node's entries, as far as they were heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::PATIENCE;

/// Deltas that are kept while one before them is missing.
const DELTAS_AHEAD: usize = 64;
/// Entries of one node that are mirrored; a node has fewer sockets.
const ENTRIES: usize = 1_000_000;
/// Parts of a whole that are believed.
const PARTS: u32 = 1_000;

/// Entries that changed; gone where there is no value.
type Changes<K, V> = Vec<(K, Option<V>)>;

pub(super) struct Other<K: Ord, V> {
    pub(super) entries: BTreeMap<K, V>,
    /// When it was heard of last.
    pub(super) heard: Duration,
    /// The number of the last delta that stands in `entries`; none before a whole was heard.
    seq: Option<u64>,
    /// The highest number that was heard of.
    highest: u64,
    ahead: BTreeMap<u64, Changes<K, V>>,
    gathered: Gathered<K, V>,
    asked: Option<Duration>,
}

/// Parts of a whole, until all are there.
struct Gathered<K, V> {
    seq: u64,
    parts: u32,
    there: BTreeMap<u32, Vec<(K, V)>>,
}

impl<K, V> Other<K, V>
where
    K: Ord + Clone,
    V: Clone + PartialEq,
{
    pub(super) fn new(now: Duration) -> Other<K, V> {
        Other {
            entries: BTreeMap::new(),
            heard: now,
            seq: None,
            highest: 0,
            ahead: BTreeMap::new(),
            gathered: Gathered { seq: 0, parts: 0, there: BTreeMap::new() },
            asked: None,
        }
    }

    pub(super) fn delta(&mut self, seq: u64, changes: Changes<K, V>, now: Duration, changed: &mut BTreeSet<K>) {
        self.hear(seq, now);
        if self.seq.is_some_and(|last| seq <= last) {
            return;
        }
        if self.ahead.len() < DELTAS_AHEAD {
            self.ahead.insert(seq, changes);
        }
        // The first delta of a node follows on nothing at all.
        if self.seq.is_none() && seq == 1 {
            self.seq = Some(0);
        }
        self.catch_up(changed);
    }

    pub(super) fn beat(&mut self, seq: u64, now: Duration) {
        self.hear(seq, now);
        if self.seq.is_none() && seq == 0 {
            self.seq = Some(0);
        }
    }

    pub(super) fn whole(
        &mut self,
        seq: u64,
        (part, parts): (u32, u32),
        entries: Vec<(K, V)>,
        now: Duration,
        changed: &mut BTreeSet<K>,
    ) {
        self.hear(seq, now);
        let late = self.seq.is_some_and(|last| seq <= last) || seq < self.gathered.seq;
        if late || part >= parts || parts > PARTS {
            return;
        }
        if (self.gathered.seq, self.gathered.parts) != (seq, parts) {
            self.gathered = Gathered { seq, parts, there: BTreeMap::new() };
        }
        self.gathered.there.insert(part, entries);
        if self.gathered.there.len() == parts as usize {
            let all = std::mem::take(&mut self.gathered.there).into_values().flatten().take(ENTRIES).collect();
            self.replace(all, changed);
            self.seq = Some(seq);
            self.catch_up(changed);
        }
    }

    /// Whether the whole must be asked for now.
    pub(super) fn must_ask(&mut self, now: Duration) -> bool {
        let missing = self.seq.is_none_or(|seq| seq < self.highest);
        let rested = self.asked.is_none_or(|asked| now.saturating_sub(asked) >= PATIENCE);
        if missing && rested {
            self.asked = Some(now);
        }
        missing && rested
    }

    fn hear(&mut self, seq: u64, now: Duration) {
        self.heard = now;
        self.highest = self.highest.max(seq);
    }

    /// Applies the deltas that follow on what is known.
    fn catch_up(&mut self, changed: &mut BTreeSet<K>) {
        let Some(mut seq) = self.seq else { return };
        self.ahead.retain(|ahead, _| *ahead > seq);
        while let Some(changes) = self.ahead.remove(&seq.saturating_add(1)) {
            seq += 1;
            for (key, value) in changes {
                self.put(key, value, changed);
            }
        }
        self.seq = Some(seq);
    }

    fn put(&mut self, key: K, value: Option<V>, changed: &mut BTreeSet<K>) {
        let before = match value.clone() {
            Some(value) if self.entries.len() < ENTRIES => self.entries.insert(key.clone(), value),
            Some(_) => return,
            None => self.entries.remove(&key),
        };
        if before != value {
            changed.insert(key);
        }
    }

    fn replace(&mut self, all: BTreeMap<K, V>, changed: &mut BTreeSet<K>) {
        let before = std::mem::replace(&mut self.entries, all);
        let gone_or_other = before.iter().filter(|(key, value)| self.entries.get(*key) != Some(*value));
        changed.extend(gone_or_other.map(|(key, _)| key.clone()));
        changed.extend(self.entries.keys().filter(|key| !before.contains_key(*key)).cloned());
    }
}
