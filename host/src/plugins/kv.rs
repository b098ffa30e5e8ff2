//! The storage of installations: what a call has read is compared with what stands there, and then what it wants
//! to write is written.

use super::work::{Scan, Work, Write, counter};
use crate::error::Result;
use crate::id::InstallationId;
use crate::log::Tx;

pub(super) mod store;

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

/// Compares what a call has read with what stands there now, and writes what it wants to write.
pub async fn commit(tx: &mut Tx, id: InstallationId, work: &Work) -> Result<Option<Obstacle>> {
    if !still_holds(tx, id, work).await? {
        return Ok(Some(Obstacle::Conflict));
    }
    let now = tx.now;
    let mut grown = 0;
    for (key, write) in &work.writes {
        let before = store::size(tx, id, key).await?;
        let version = tx.next_id()?;
        let after = match write {
            Write::Set(value, until) => {
                store::put(tx, id, key, value, version, *until).await?;
                value.len() as i64
            }
            Write::Delete => {
                store::delete(tx, id, key).await?;
                grown -= before.map_or(0, |size| size + key.len() as i64);
                continue;
            }
            Write::Add(by) => {
                if !store::add(tx, id, key, *by, version, now).await? {
                    return Ok(Some(Obstacle::NoCounter));
                }
                COUNTER_BYTES
            }
        };
        grown += after - before.unwrap_or(-(key.len() as i64));
    }
    let fits = grown == 0 || store::grow(tx, id, grown, MAX_BYTES).await?;
    Ok(if fits { None } else { Some(Obstacle::Full) })
}

async fn still_holds(tx: &mut Tx, id: InstallationId, work: &Work) -> Result<bool> {
    let now = tx.now;
    for (key, version) in &work.reads {
        if store::version(tx, id, key, now).await?.unwrap_or_default() != *version {
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

/// What a value is stored as: a counter if it has the length of one.
fn split(value: &[u8]) -> (Option<&[u8]>, Option<i64>) {
    match counter(value) {
        Some(number) => (None, Some(number)),
        None => (Some(value), None),
    }
}
