//! The storage of installations: what a call has read is compared with what stands there, and then what it wants
//! to write is written.

use std::collections::{BTreeSet, HashMap};

use super::work::{Scan, Work, Write, counter};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::InstallationId;
use crate::log::Tx;

pub(super) mod store;

use store::{Put, Standing};

/// Bytes of keys and values that an installation may keep.
pub const MAX_BYTES: i64 = 10 << 20;
/// Bytes that a counter takes beside its key.
const COUNTER_BYTES: i64 = 8;

/// Why storage couldn't be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Somebody else has changed what was read.
    Conflict,
    /// There is no more room.
    Full,
    /// What should be added to is no counter, or would be too large for one.
    NoCounter,
}

/// Compares what a call has read with what stands there now, and writes what it wants to write. Nobody else writes
/// to this storage meanwhile: all of it belongs to one guild, whose transactions take turns.
pub async fn commit(tx: &mut Tx, id: InstallationId, work: &Work) -> Result<Option<Obstacle>> {
    let keys: BTreeSet<&str> = work.reads.keys().chain(work.writes.keys()).map(String::as_str).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let standings = store::standings(tx, id, &keys).await?;
    if !still_holds(tx, id, work, &standings).await? {
        return Ok(Some(Obstacle::Conflict));
    }
    let (mut puts, mut gone, mut grown) = (Vec::new(), Vec::new(), 0);
    for (key, write) in &work.writes {
        let before = standings.get(key);
        let now = before.filter(|before| before.lasts(tx.now));
        let (value, counter, until) = match write {
            Write::Set(value, until) => {
                let (value, counter) = split(value);
                (value.map(<[u8]>::to_vec), counter, *until)
            }
            Write::Add(by) => match now.map_or(Some(*by), |now| now.counter?.checked_add(*by)) {
                Some(sum) => (None, Some(sum), now.and_then(|now| now.expires_at)),
                None => return Ok(Some(Obstacle::NoCounter)),
            },
            Write::Delete => {
                grown -= before.map_or(0, |before| before.size + key.len() as i64);
                gone.push(key.as_bytes());
                continue;
            }
        };
        let after = value.as_ref().map_or(COUNTER_BYTES, |value| value.len() as i64);
        grown += after - before.map_or(-(key.len() as i64), |before| before.size);
        puts.push(Put { key: key.as_bytes(), value, counter, version: tx.next_id()?, until });
    }
    store::put(tx, id, &puts).await?;
    store::delete(tx, id, &gone).await?;
    let fits = grown == 0 || store::grow(tx, id, grown, MAX_BYTES).await?;
    Ok(if fits { None } else { Some(Obstacle::Full) })
}

async fn still_holds(
    tx: &mut Tx,
    id: InstallationId,
    work: &Work,
    standings: &HashMap<String, Standing>,
) -> Result<bool> {
    let now = tx.now;
    for (key, version) in &work.reads {
        let standing = standings.get(key).filter(|standing| standing.lasts(now));
        if standing.map_or(0, |standing| standing.version) != *version {
            return Ok(false);
        }
    }
    for scan in &work.scans {
        let Scan { prefix, after, limit, found } = scan;
        if store::scan_versions(tx, id, prefix, after, *limit, now).await? != *found {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Standing {
    /// Whether it still stands: what has expired counts as nothing.
    fn lasts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|until| until > now)
    }
}

/// What a value is stored as: a counter if it has the length of one.
fn split(value: &[u8]) -> (Option<&[u8]>, Option<i64>) {
    match counter(value) {
        Some(number) => (None, Some(number)),
        None => (Some(value), None),
    }
}
