//! What each node knows of its own, mirrored on all others: deltas, beats, and the whole where something is missing.
//!
//! A node owns its entries and nobody else changes them. Each of its deltas has the next number; a
//! beat says the last one, so whoever missed some notices and asks for the whole. A node that says
//! nothing for a while is dropped with all its entries. Nothing here waits or reads a clock: time
//! comes in with each call, as a duration since any moment that stays the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Node;

mod other;

use other::Other;

/// How often a node says that it lives.
const BEAT: Duration = Duration::from_secs(2);
/// After how long without a word a node is dropped.
const SILENCE: Duration = Duration::from_secs(8);
/// How long it takes until a node that didn't answer is asked again, and the shortest time between
/// two answers of the whole.
const PATIENCE: Duration = Duration::from_secs(1);
/// Entries in one message, at most.
const ENTRIES_IN_MESSAGE: usize = 2_000;
/// Nodes that are mirrored at most: as many as can have a number.
const NODES: usize = 1_024;

/// What one node says to all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Said<K: Ord, V> {
    /// Entries of the sender that changed; gone where there is no value.
    Delta {
        /// Whose they are.
        node: Node,
        /// The number of the delta: one more than of the last.
        seq: u64,
        /// The entries.
        changes: Vec<(K, Option<V>)>,
    },
    /// The sender lives, and this is the number of its last delta.
    Beat {
        /// Who says it.
        node: Node,
        /// The number.
        seq: u64,
    },
    /// Somebody wants to hear the whole of a node, or of every node.
    Ask {
        /// Of whom; of everybody if of none.
        of: Option<Node>,
    },
    /// A part of all entries of the sender, as they are after the delta with this number.
    Whole {
        /// Whose they are.
        node: Node,
        /// The number of the last delta in it.
        seq: u64,
        /// Which part this is, from 0.
        part: u32,
        /// How many parts there are.
        parts: u32,
        /// The entries of the part.
        entries: Vec<(K, V)>,
    },
    /// The sender goes, and takes its entries along.
    Gone {
        /// Who goes.
        node: Node,
    },
}

impl<K: Ord, V> Said<K, V> {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Said::Delta { changes, .. } => 100 + changes.len() * 40,
            Said::Whole { entries, .. } => 100 + entries.len() * 40,
            Said::Beat { .. } | Said::Ask { .. } | Said::Gone { .. } => 100,
        }
    }
}

/// What comes of a look at the time.
#[derive(Debug, PartialEq)]
pub struct Tick<K: Ord, V> {
    /// What is to be published.
    pub publish: Vec<Said<K, V>>,
    /// Keys whose values, of whatever node, are no longer the same.
    pub changed: BTreeSet<K>,
}

/// One's own entries and those of others.
pub struct Mirror<K: Ord, V> {
    node: Node,
    entries: BTreeMap<K, V>,
    /// Keys that changed since the last delta.
    pending: BTreeSet<K>,
    seq: u64,
    beaten: Option<Duration>,
    whole_wanted: bool,
    whole_told: Option<Duration>,
    others: BTreeMap<Node, Other<K, V>>,
    new: bool,
}

impl<K, V> Mirror<K, V>
where
    K: Ord + Clone,
    V: Clone + PartialEq,
{
    /// The mirror of a node that has no entries and knows of no others.
    pub fn new(node: Node) -> Mirror<K, V> {
        Mirror {
            node,
            entries: BTreeMap::new(),
            pending: BTreeSet::new(),
            seq: 0,
            beaten: None,
            whole_wanted: false,
            whole_told: None,
            others: BTreeMap::new(),
            new: true,
        }
    }

    /// The same entries belong to another node from here on, because the server has a new number.
    pub fn rename(&mut self, node: Node) {
        self.node = node;
        self.seq = 0;
        self.pending = self.entries.keys().cloned().collect();
        self.beaten = None;
        self.others.remove(&node);
    }

    /// Sets an entry of this node's own. Others hear of it after the next [`Mirror::tick`].
    pub fn set(&mut self, key: K, value: V) {
        if self.entries.get(&key) != Some(&value) {
            self.pending.insert(key.clone());
            self.entries.insert(key, value);
        }
    }

    /// Removes an entry of this node's own.
    pub fn remove(&mut self, key: &K) {
        if self.entries.remove(key).is_some() {
            self.pending.insert(key.clone());
        }
    }

    /// The values that other nodes give a key, in the order of nodes.
    pub fn elsewhere(&self, key: &K) -> impl Iterator<Item = &V> {
        self.others.values().filter_map(move |other| other.entries.get(key))
    }

    /// Nodes that are heard of at the moment, but this one.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.others.keys().copied()
    }

    /// Takes in what another node said; gives the keys whose values are no longer the same.
    pub fn receive(&mut self, said: Said<K, V>, now: Duration) -> BTreeSet<K> {
        let mut changed = BTreeSet::new();
        match said {
            Said::Ask { of } => self.whole_wanted |= of.is_none_or(|node| node == self.node),
            Said::Gone { node } => self.drop_other(node, &mut changed),
            Said::Delta { node, seq, changes } => {
                if let Some(other) = self.other(node, now) {
                    other.delta(seq, changes, now, &mut changed);
                }
            }
            Said::Beat { node, seq } => {
                if let Some(other) = self.other(node, now) {
                    other.beat(seq, now);
                }
            }
            Said::Whole { node, seq, part, parts, entries } => {
                if let Some(other) = self.other(node, now) {
                    other.whole(seq, (part, parts), entries, now, &mut changed);
                }
            }
        }
        changed
    }

    /// Looks at the time, several times a second: what must be said now, and who is silent for too long.
    pub fn tick(&mut self, now: Duration) -> Tick<K, V> {
        let (mut publish, mut changed) = (Vec::new(), BTreeSet::new());
        if std::mem::take(&mut self.new) {
            publish.push(Said::Ask { of: None });
        }
        self.say_changes(&mut publish);
        self.say_whole(now, &mut publish);
        if self.beaten.is_none_or(|beaten| now.saturating_sub(beaten) >= BEAT) {
            self.beaten = Some(now);
            publish.push(Said::Beat { node: self.node, seq: self.seq });
        }
        let silent = self.others.iter().filter(|(_, other)| now.saturating_sub(other.heard) >= SILENCE);
        let silent: Vec<Node> = silent.map(|(node, _)| *node).collect();
        silent.into_iter().for_each(|node| self.drop_other(node, &mut changed));
        for (node, other) in &mut self.others {
            if other.must_ask(now) {
                publish.push(Said::Ask { of: Some(*node) });
            }
        }
        Tick { publish, changed }
    }

    /// What is to be published when this node goes.
    pub fn farewell(&self) -> Said<K, V> {
        Said::Gone { node: self.node }
    }

    fn say_changes(&mut self, publish: &mut Vec<Said<K, V>>) {
        let pending: Vec<K> = std::mem::take(&mut self.pending).into_iter().collect();
        for some in pending.chunks(ENTRIES_IN_MESSAGE) {
            self.seq += 1;
            let changes = some.iter().map(|key| (key.clone(), self.entries.get(key).cloned())).collect();
            publish.push(Said::Delta { node: self.node, seq: self.seq, changes });
        }
    }

    fn say_whole(&mut self, now: Duration, publish: &mut Vec<Said<K, V>>) {
        let rested = self.whole_told.is_none_or(|told| now.saturating_sub(told) >= PATIENCE);
        if !(self.whole_wanted && rested) {
            return;
        }
        (self.whole_wanted, self.whole_told) = (false, Some(now));
        let entries: Vec<(K, V)> = self.entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let parts = entries.chunks(ENTRIES_IN_MESSAGE).len().max(1) as u32;
        for part in 0..parts {
            let from = part as usize * ENTRIES_IN_MESSAGE;
            let some = entries.iter().skip(from).take(ENTRIES_IN_MESSAGE).cloned().collect();
            publish.push(Said::Whole { node: self.node, seq: self.seq, part, parts, entries: some });
        }
    }

    fn other(&mut self, node: Node, now: Duration) -> Option<&mut Other<K, V>> {
        let room = self.others.len() < NODES || self.others.contains_key(&node);
        (node != self.node && room).then(|| self.others.entry(node).or_insert_with(|| Other::new(now)))
    }

    fn drop_other(&mut self, node: Node, changed: &mut BTreeSet<K>) {
        if let Some(other) = self.others.remove(&node) {
            changed.extend(other.entries.into_keys());
        }
    }
}

#[cfg(test)]
mod tests;
