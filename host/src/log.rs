//! The log: every change is one row, written in the transaction of the change, and read by all who follow.

mod event;
pub mod feed;
#[cfg(any(test, feature = "simulation"))]
pub mod memory;
pub mod reader;
pub mod source;
pub mod store;
mod tx;
mod writer;

pub use event::{Audience, Entry, EventKind, NewEvent};
pub use tx::Tx;
pub use writer::{Operation, OperationFuture, StorageHealth, Writer};

use crate::id::StreamId;

/// Shards of a PostgreSQL log: streams spread over them, so that guilds don't wait for each other.
pub const POSTGRES_SHARDS: i64 = 64;

/// The shard that a stream belongs to for ever. `shards` is fixed when the database is made.
pub fn shard_of(stream: StreamId, shards: i64) -> i64 {
    // The low bits of an id are its sequence, nearly always zero: a multiplication mixes the time in.
    let mixed = (stream.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    (mixed % shards as u64) as i64
}
