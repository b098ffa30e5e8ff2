//! What a call has read and what it wants to be done. Nothing of it happens before the commit; but the call
//! itself sees its own changes of storage.

use std::collections::BTreeMap;

use super::contract::types;
use crate::clock::Timestamp;
use crate::id::{ChannelId, MessageId, RoleId, UserId};
use crate::messaging::Draft;

/// The length of a counter: a signed integer of 64 bits.
const COUNTER: usize = 8;

/// What a call has read and what it wants to be done.
#[derive(Debug, Default)]
pub struct Work {
    /// The versions of the keys that it relies on, as it read them; 0 for those that weren't there.
    pub reads: BTreeMap<String, i64>,
    /// The ranges that it relies on.
    pub scans: Vec<Scan>,
    /// What it writes to its storage.
    pub writes: BTreeMap<String, Write>,
    /// What else it wants to be done, in order.
    pub actions: Vec<Action>,
    /// Whether it reached outside: then it must not simply be run again.
    pub reached_outside: bool,
}

/// A range that was read: what stood in it.
#[derive(Debug)]
pub struct Scan {
    /// What its keys begin with.
    pub prefix: String,
    /// The key after which it begins.
    pub after: String,
    /// How many keys were asked for.
    pub limit: i64,
    /// The keys that were there, and their versions.
    pub found: Vec<(String, i64)>,
}

/// A change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// It has this value from here on, until then if that is said.
    Set(Vec<u8>, Option<Timestamp>),
    /// It is gone.
    Delete,
    /// So much is added to the counter.
    Add(i64),
}

/// Something that a call wants to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Send a message under this id.
    Send { id: MessageId, channel: ChannelId, draft: Draft },
    /// Send a direct message under this id.
    Direct { id: MessageId, user: UserId, draft: Draft },
    /// Change one of its own.
    Edit { channel: ChannelId, id: MessageId, draft: Draft },
    /// Delete a message: one of its own if no reason is given.
    Delete { channel: ChannelId, id: MessageId, reason: Option<String> },
    /// React, or take that back.
    React { channel: ChannelId, id: MessageId, emoji: String, added: bool },
    /// Let a member only read until then.
    TimeOut { user: UserId, for_ms: u64, reason: String },
    /// Show a member out.
    Kick { user: UserId, reason: String },
    /// Ban somebody, and delete what they wrote lately.
    Ban { user: UserId, delete_history_ms: u64, reason: String },
    /// Lift a ban.
    Unban { user: UserId, reason: String },
    /// Give a member a role, or take it.
    Role { user: UserId, role: RoleId, granted: bool },
    /// Start a thread under this id.
    Thread { id: ChannelId, parent: ChannelId, name: String, message: Option<MessageId> },
    /// Give a member a badge, or take it.
    Badge { user: UserId, badge: String, granted: bool },
    /// Say how something stands now.
    Publish { channel: Option<ChannelId>, topic: String, payload: String },
    /// Set a timer, to which so many plugins' doings led.
    Timer { id: String, at: Timestamp, payload: Vec<u8>, depth: u8 },
    /// Take a timer back.
    CancelTimer { id: String },
    /// Keep what stands below a message that only one person sees.
    Whisper { id: MessageId, user: UserId, channel: ChannelId, blocks: String },
    /// Make an id for a route.
    Resource { id: i64, kind: String, channel: Option<ChannelId> },
    /// Forget one.
    ForgetResource { id: i64 },
}

impl Action {
    /// The channel of its guild in which something is to happen.
    pub fn channel(&self) -> Option<ChannelId> {
        match self {
            Action::Send { channel, .. }
            | Action::Edit { channel, .. }
            | Action::Delete { channel, .. }
            | Action::React { channel, .. } => Some(*channel),
            Action::Thread { parent, .. } => Some(*parent),
            Action::Publish { channel, .. } => *channel,
            _ => None,
        }
    }
}

impl Work {
    /// Whether there is nothing to commit and nothing to check.
    pub fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.scans.is_empty() && self.writes.is_empty() && self.actions.is_empty()
    }

    /// Relies on what was read of a key. What was read first counts.
    pub fn rely(&mut self, key: &str, version: i64) {
        if !self.reads.contains_key(key) {
            self.reads.insert(key.to_owned(), version);
        }
    }

    /// The value that a key has for this call, if it has changed it: none if it deleted it. `base` is what
    /// stands in the database.
    pub fn value(&self, key: &str, base: Option<&[u8]>) -> Result<Option<Option<Vec<u8>>>, types::Error> {
        Ok(match self.writes.get(key) {
            None => None,
            Some(Write::Set(value, _)) => Some(Some(value.clone())),
            Some(Write::Delete) => Some(None),
            Some(Write::Add(by)) => Some(Some(added(base, *by)?)),
        })
    }

    /// Sets a key.
    pub fn set(&mut self, key: String, value: Vec<u8>, until: Option<Timestamp>) {
        self.writes.insert(key, Write::Set(value, until));
    }

    /// Deletes a key.
    pub fn delete(&mut self, key: String) {
        self.writes.insert(key, Write::Delete);
    }

    /// Adds to a counter.
    pub fn add(&mut self, key: String, by: i64) -> Result<(), types::Error> {
        let write = match self.writes.get(&key) {
            None => Write::Add(by),
            Some(Write::Add(before)) => Write::Add(before.checked_add(by).ok_or_else(overflow)?),
            Some(Write::Delete) => Write::Set(by.to_le_bytes().to_vec(), None),
            Some(Write::Set(value, until)) => Write::Set(added(Some(value), by)?, *until),
        };
        self.writes.insert(key, write);
        Ok(())
    }
}

/// A counter's value after something was added; none is 0.
fn added(value: Option<&[u8]>, by: i64) -> Result<Vec<u8>, types::Error> {
    let before = value.map_or(Some(0), counter).ok_or_else(|| invalid("/key", "INVALID_FORMAT"))?;
    Ok(before.checked_add(by).ok_or_else(overflow)?.to_le_bytes().to_vec())
}

/// What a counter says, if the value is one.
pub fn counter(value: &[u8]) -> Option<i64> {
    <[u8; COUNTER]>::try_from(value).ok().map(i64::from_le_bytes)
}

fn overflow() -> types::Error {
    invalid("/by", "OUT_OF_RANGE")
}

/// Whether a text can be stored: not all databases take U+0000.
pub fn can_be_stored(text: &str) -> bool {
    !text.contains('\0')
}

/// One field isn't acceptable.
pub fn invalid(pointer: &str, code: &str) -> types::Error {
    types::Error::Invalid(vec![types::Fault { pointer: pointer.to_owned(), code: code.to_owned(), args: Vec::new() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(by: i64) -> Option<Vec<u8>> {
        Some(by.to_le_bytes().to_vec())
    }

    #[test]
    fn a_call_sees_what_it_has_written() {
        let mut work = Work::default();
        assert_eq!(work.value("a", None).unwrap(), None);
        work.add("a".into(), 2).unwrap();
        work.add("a".into(), 3).unwrap();
        assert_eq!(work.writes["a"], Write::Add(5), "increments stay increments: they must not conflict");
        assert_eq!(work.value("a", number(10).as_deref()).unwrap(), Some(number(15)));
        work.delete("a".into());
        assert_eq!(work.value("a", number(10).as_deref()).unwrap(), Some(None));
        work.add("a".into(), 1).unwrap();
        assert_eq!(work.value("a", number(10).as_deref()).unwrap(), Some(number(1)));
    }

    #[test]
    fn what_is_no_counter_cannot_be_added_to() {
        let mut work = Work::default();
        work.set("a".into(), b"text".to_vec(), None);
        assert!(matches!(work.add("a".into(), 1), Err(types::Error::Invalid(_))));
        work.set("a".into(), i64::MAX.to_le_bytes().to_vec(), None);
        assert!(matches!(work.add("a".into(), 1), Err(types::Error::Invalid(_))));
    }
}
