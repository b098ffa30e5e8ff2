//! How often something happened of late, in this server's memory: what filters count by.

use std::collections::VecDeque;
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::id::{InstallationId, MessageId};

/// Keys of one installation, at most: the longest unused goes first.
const MAX_KEYS: usize = 1_000;
/// Messages that are remembered under one key, at most.
const MAX_COUNTED: usize = 1_000;
/// The longest window that is counted over: what is older is forgotten.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(3_600);
/// Installations that count, at most: the first to begin goes first.
const MAX_INSTALLATIONS: usize = 10_000;

/// What one installation has counted, by its keys: what was used last stands last.
type Keys = IndexMap<String, VecDeque<(Timestamp, MessageId)>>;

/// What installations have counted.
#[derive(Default)]
pub struct Counters(Mutex<IndexMap<InstallationId, Keys>>);

impl Counters {
    /// Counts a message under a key, once however often it is asked; answers how many were counted within the
    /// window that ends now.
    pub fn count(
        &self,
        installation: InstallationId,
        key: &str,
        window: Duration,
        message: MessageId,
        now: Timestamp,
    ) -> u32 {
        let mut all = self.0.lock();
        if all.len() >= MAX_INSTALLATIONS && !all.contains_key(&installation) {
            all.shift_remove_index(0);
        }
        let keys = all.entry(installation).or_default();
        // What was used last stands last.
        let mut counted = keys.shift_remove(key).unwrap_or_default();
        if !counted.iter().any(|(_, one)| *one == message) {
            counted.push_back((now, message));
        }
        if counted.len() > MAX_COUNTED {
            counted.pop_front();
        }
        let (begin, oldest) = (now.before(window), now.before(LONGEST_WINDOW));
        while counted.front().is_some_and(|(at, _)| *at < oldest) {
            counted.pop_front();
        }
        let within = counted.iter().filter(|(at, _)| *at > begin).count();
        if keys.len() >= MAX_KEYS {
            keys.shift_remove_index(0);
        }
        keys.insert(key.to_owned(), counted);
        within as u32
    }

    /// Forgets what an installation counted.
    pub fn forget(&self, installation: InstallationId) {
        self.0.lock().shift_remove(&installation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_counts_once_and_for_as_long_as_the_window_is() {
        let (counters, id) = (Counters::default(), InstallationId(1));
        let count = |message, second: i64| {
            counters.count(id, "key", Duration::from_secs(10), MessageId(message), Timestamp(second * 1_000))
        };
        assert_eq!((count(1, 0), count(1, 1), count(2, 5), count(3, 10)), (1, 1, 2, 2));
        assert_eq!(counters.count(id, "other", Duration::from_secs(10), MessageId(9), Timestamp(0)), 1);
    }

    #[test]
    fn the_longest_unused_keys_go_first() {
        let (counters, id) = (Counters::default(), InstallationId(1));
        let count = |key: usize| {
            counters.count(id, &key.to_string(), Duration::from_secs(10), MessageId(key as i64), Timestamp(0))
        };
        for key in 0..=MAX_KEYS {
            count(key);
        }
        assert_eq!(counters.0.lock()[&id].len(), MAX_KEYS);
        assert_eq!(counters.0.lock()[&id].first().map(|(key, _)| key.as_str()), Some("1"));
    }
}
