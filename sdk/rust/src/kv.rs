//! The installation's own storage: the interface `kv`, and JSON over it.

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::imports::guildhall::plugin::kv::{
    Entries, Entry, Space, compare_and_set, delete, get, get_many, increment, peek, peek_counters, peek_scan, scan,
    set, usage,
};
use crate::{Error, Page, Result};

/// The most keys that one call of `get_many` or `peek_counters` takes.
const MOST_KEYS: usize = 100;
/// The most entries on one page of a scan.
const MOST_ENTRIES: u16 = 1_000;

/// The JSON under a key; checked at the commit, as [`get`].
pub fn get_json<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    get(key)?.map(|entry| json(&entry)).transpose()
}

/// The JSON under a key; not checked, as [`peek`].
pub fn peek_json<T: DeserializeOwned>(key: &str) -> Result<Option<T>> {
    peek(key)?.map(|entry| json(&entry)).transpose()
}

/// Writes JSON under a key.
pub fn set_json<T: Serialize>(key: &str, value: &T) -> Result<()> {
    set(key, &serde_json::to_vec(value)?, None)
}

/// An entry's value as JSON.
pub fn json<T: DeserializeOwned>(entry: &Entry) -> Result<T> {
    serde_json::from_slice(&entry.value)
        .map_err(|error| Error::internal(format!("what is stored under {} can't be read: {error}", entry.key)))
}

/// An entry's value as a counter.
pub fn counter(entry: &Entry) -> Result<i64> {
    let bytes = entry.value.as_slice().try_into();
    bytes.map(i64::from_le_bytes).map_err(|_| Error::internal(format!("{} is no counter", entry.key)))
}

/// Counters that are checked at the commit, unlike those of [`peek_counters`]; any number of them.
pub fn get_counters(keys: &[String]) -> Result<Vec<i64>> {
    let mut counters = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MOST_KEYS) {
        for entry in get_many(keys)? {
            counters.push(entry.as_ref().map(counter).transpose()?.unwrap_or(0));
        }
    }
    Ok(counters)
}

/// All entries whose keys begin so; checked at the commit.
pub fn scan_all(prefix: &str) -> Result<Vec<Entry>> {
    let mut all = Vec::new();
    let mut page = Page { cursor: None, limit: MOST_ENTRIES };
    loop {
        let part = scan(prefix, &page)?;
        all.extend(part.items);
        match part.next {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(all),
        }
    }
}
