//! The installation's own storage. What a call reads is remembered, to be checked at its commit.

use wasmtime::Result;

use super::messages::allowed;
use crate::clock::Timestamp;
use crate::plugins::call::{Call, answer, read};
use crate::plugins::contract::kv;
use crate::plugins::contract::types::{Error, Page};
use crate::plugins::kv::MAX_BYTES;
use crate::plugins::kv::store::{self, Row};
use crate::plugins::work::{Scan, Write, counter, invalid};

/// The longest key, in bytes.
const MAX_KEY: usize = 256;
/// The largest value, in bytes.
const MAX_VALUE: usize = 64 << 10;
/// Keys of one `get-many` or `peek-counters`, at most.
const MAX_KEYS: usize = 100;
/// Entries of one page, at most.
const MAX_PAGE: u16 = 1_000;

type Answer<T> = std::result::Result<T, Error>;

impl kv::Host for Call {
    async fn get(&mut self, key: String) -> Result<Answer<Option<kv::Entry>>> {
        answer!(self, "kv.get", self.one(&key, true).await?)
    }

    async fn get_many(&mut self, keys: Vec<String>) -> Result<Answer<Vec<Option<kv::Entry>>>> {
        answer!(self, "kv.get-many", self.many(&keys, true).await?)
    }

    async fn scan(&mut self, prefix: String, page: Page) -> Result<Answer<kv::Entries>> {
        answer!(self, "kv.scan", self.range(prefix, page, true).await?)
    }

    async fn peek(&mut self, key: String) -> Result<Answer<Option<kv::Entry>>> {
        answer!(self, "kv.peek", self.one(&key, false).await?)
    }

    async fn peek_scan(&mut self, prefix: String, page: Page) -> Result<Answer<kv::Entries>> {
        answer!(self, "kv.peek-scan", self.range(prefix, page, false).await?)
    }

    async fn peek_counters(&mut self, keys: Vec<String>) -> Result<Answer<Vec<i64>>> {
        answer!(self, "kv.peek-counters", {
            let entries = allowed!(self.many(&keys, false).await?);
            let counts = entries.iter().map(|entry| entry.as_ref().map_or(Some(0), |entry| counter(&entry.value)));
            counts.collect::<Option<Vec<i64>>>().ok_or_else(|| invalid("/keys", "INVALID_FORMAT"))
        })
    }

    async fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<Answer<()>> {
        self.meter.kv_write()?;
        answer!(self, "kv.set", self.put(key, value, ttl_ms))
    }

    async fn delete(&mut self, key: String) -> Result<Answer<bool>> {
        self.meter.kv_write()?;
        answer!(self, "kv.delete", {
            match self.one(&key, true).await? {
                Ok(entry) => {
                    self.work.delete(key);
                    Ok(entry.is_some())
                }
                Err(error) => Err(error),
            }
        })
    }

    async fn increment(&mut self, key: String, by: i64) -> Result<Answer<()>> {
        self.meter.kv_write()?;
        answer!(self, "kv.increment", {
            match self.checked_key(&key) {
                Ok(()) => self.work.add(key, by),
                Err(error) => Err(error),
            }
        })
    }

    async fn compare_and_set(&mut self, key: String, expect: Option<u64>, value: Vec<u8>) -> Result<Answer<bool>> {
        self.meter.kv_write()?;
        answer!(self, "kv.compare-and-set", {
            match self.one(&key, true).await? {
                Ok(entry) if entry.as_ref().map(|entry| entry.version) == expect => {
                    self.put(key, value, None).map(|()| true)
                }
                Ok(_) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    async fn usage(&mut self) -> Result<Answer<kv::Space>> {
        answer!(self, "kv.usage", {
            allowed!(self.outside_filters());
            let (app, id) = (self.app()?, self.job.installation.id);
            let used = read(store::used(&mut read(app.db.read().await)?, id).await)?;
            Ok(kv::Space { used: used as u64, quota: MAX_BYTES as u64 })
        })
    }
}

impl Call {
    /// An entry, as this call has changed it.
    async fn one(&mut self, key: &str, relied_on: bool) -> Result<Answer<Option<kv::Entry>>> {
        allowed!(self.checked_key(key));
        let mut row = None;
        if self.looks_up(key) {
            let (app, id) = (self.app()?, self.job.installation.id);
            row = read(store::get(&mut read(app.db.read().await)?, id, key, self.job.now).await)?;
        }
        self.changed(key, row, relied_on)
    }

    /// Several entries, as this call has changed them; looked up together.
    async fn many(&mut self, keys: &[String], relied_on: bool) -> Result<Answer<Vec<Option<kv::Entry>>>> {
        if keys.len() > MAX_KEYS {
            return Ok(Err(invalid("/keys", "TOO_LONG")));
        }
        for key in keys {
            allowed!(self.checked_key(key));
        }
        let wanted: Vec<&str> = keys.iter().map(String::as_str).filter(|key| self.looks_up(key)).collect();
        let (app, id) = (self.app()?, self.job.installation.id);
        let rows = read(store::get_many(&mut read(app.db.read().await)?, id, &wanted, self.job.now).await)?;
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            entries.push(allowed!(self.changed(key, rows.get(key).cloned(), relied_on)?));
        }
        Ok(Ok(entries))
    }

    /// Whether it matters what stands under a key: what the call wrote itself needs no look at what was there.
    fn looks_up(&self, key: &str) -> bool {
        !matches!(self.work.writes.get(key), Some(Write::Set(..) | Write::Delete))
    }

    /// An entry as this call has changed it, on top of what stands there.
    fn changed(&mut self, key: &str, row: Option<Row>, relied_on: bool) -> Result<Answer<Option<kv::Entry>>> {
        let version = row.as_ref().map_or(0, |row| row.version);
        if self.looks_up(key) {
            self.meter.kv_read(0)?;
            if relied_on {
                self.work.rely(key, version);
            }
        }
        let base = row.map(Row::value);
        Ok(match self.work.value(key, base.as_deref()) {
            Ok(Some(value)) => Ok(value.map(|value| entry(key, value, 0))),
            Ok(None) => Ok(base.map(|value| entry(key, value, version))),
            Err(error) => Err(error),
        })
    }

    /// A page of entries, as this call has changed them.
    async fn range(&mut self, prefix: String, page: Page, relied_on: bool) -> Result<Answer<kv::Entries>> {
        allowed!(self.outside_filters());
        if !(1..=MAX_PAGE).contains(&page.limit) {
            return Ok(Err(invalid("/page/limit", "OUT_OF_RANGE")));
        }
        if prefix.len() > MAX_KEY {
            return Ok(Err(invalid("/prefix", "TOO_LONG")));
        }
        let (app, id, limit) = (self.app()?, self.job.installation.id, i64::from(page.limit));
        let after = page.cursor.unwrap_or_default();
        let rows =
            read(store::scan(&mut read(app.db.read().await)?, id, &prefix, &after, limit + 1, self.job.now).await)?;
        self.meter.kv_read(rows.len())?;
        let more = rows.len() as i64 > limit;
        let rows: Vec<(String, Row)> = rows.into_iter().take(limit as usize).collect();
        let last = rows.last().map(|(key, _)| key.clone()).filter(|_| more);
        if relied_on {
            let found = rows.iter().map(|(key, row)| (key.clone(), row.version)).collect();
            self.work.scans.push(Scan { prefix: prefix.clone(), after: after.clone(), limit, found });
        }
        let mut items: std::collections::BTreeMap<String, kv::Entry> = rows
            .into_iter()
            .map(|(key, row)| {
                let version = row.version;
                (key.clone(), entry(&key, row.value(), version))
            })
            .collect();
        // Its own changes, as far as this page goes.
        let own: Vec<String> = self.work.writes.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        for key in own.into_iter().filter(|key| *key > after && last.as_ref().is_none_or(|last| key <= last)) {
            let base = items.get(&key).map(|entry| entry.value.clone());
            match self.work.value(&key, base.as_deref()) {
                Ok(Some(Some(value))) => drop(items.insert(key.clone(), entry(&key, value, 0))),
                Ok(Some(None)) => drop(items.remove(&key)),
                Ok(None) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(kv::Entries { items: items.into_values().collect(), next: last }))
    }

    fn put(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Answer<()> {
        self.checked_key(&key)?;
        if value.len() > MAX_VALUE {
            return Err(invalid("/value", "TOO_LONG"));
        }
        let now = self.job.now;
        let until = ttl_ms.map(|ttl| Timestamp(now.0.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX))));
        self.work.set(key, value, until);
        Ok(())
    }

    fn checked_key(&self, key: &str) -> Answer<()> {
        self.outside_filters()?;
        if (1..=MAX_KEY).contains(&key.len()) { Ok(()) } else { Err(invalid("/key", "TOO_LONG")) }
    }
}

fn entry(key: &str, value: Vec<u8>, version: i64) -> kv::Entry {
    kv::Entry { key: key.to_owned(), value, version: version as u64 }
}
