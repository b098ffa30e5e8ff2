//! Snowflake ids: who made a thing and when, in 64 bits, minted without asking the database.

use std::fmt;
use std::str::FromStr;

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::{Clock, Timestamp};

/// 2025-01-01T00:00:00Z in milliseconds since 1970: time in an id counts from here.
pub const EPOCH_MS: i64 = 1_735_689_600_000;
const NODE_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 12;
/// A clock that steps back further than this is broken; waiting it out would stop the server.
const TOLERATED_STEP_BACK_MS: i64 = 1_000;

/// Declares id types that differ only in what they name, so that a channel can't be passed for a guild.
macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl $name {
            /// The bare number.
            pub const fn get(self) -> i64 { self.0 }
            /// When the id was minted.
            pub const fn created_at(self) -> Timestamp { created_at(self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> { parse(text).map($name) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> { snowflake_schema() }
        }
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { "Snowflake".into() }
        }
    )*};
}

id_types! {
    /// An account: a person, a bot or the shell of a deleted one.
    UserId;
    /// A guild; also the id of its `@everyone` role and of its stream.
    GuildId;
    /// A channel of any kind: text, voice, category, thread, direct, group.
    ChannelId;
    /// A message.
    MessageId;
    /// A role of a guild.
    RoleId;
    /// A login: what an access token names in `sid`.
    SessionId;
    /// A custom emoji of a guild.
    EmojiId;
    /// An incoming webhook of a channel.
    WebhookId;
    /// A stream of the log: a guild, a direct-message channel, or one user's own account.
    StreamId;
    /// An entry of a guild's audit log.
    AuditId;
    /// An uploaded file.
    FileId;
    /// Anything that a role or a member can be: the target of a channel overwrite.
    TargetId;
}

impl From<GuildId> for StreamId {
    fn from(guild: GuildId) -> Self {
        StreamId(guild.0)
    }
}
impl From<UserId> for StreamId {
    fn from(user: UserId) -> Self {
        StreamId(user.0)
    }
}
impl From<ChannelId> for StreamId {
    fn from(direct: ChannelId) -> Self {
        StreamId(direct.0)
    }
}
impl GuildId {
    /// The role that every member has: it bears the guild's own id.
    pub const fn everyone(self) -> RoleId {
        RoleId(self.0)
    }
}

/// The text is no snowflake: `0`, a leading zero, a sign, or more than 63 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id: a decimal number as a string, without leading zeros")
    }
}
impl std::error::Error for InvalidId {}

fn parse(text: &str) -> Result<i64, InvalidId> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidId);
    }
    text.parse().map_err(|_| InvalidId)
}

const fn created_at(id: i64) -> Timestamp {
    Timestamp((id >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS)
}

/// The smallest id that could be minted at `time`: the lower bound of a range of ids by time.
pub const fn first_at(time: Timestamp) -> i64 {
    let since_epoch = time.0 - EPOCH_MS;
    if since_epoch <= 0 { 0 } else { since_epoch << (NODE_BITS + SEQUENCE_BITS) }
}

fn snowflake_schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .pattern(Some("^[1-9][0-9]{0,18}$"))
        .description(Some("A 64-bit snowflake as a decimal string."))
        .into()
}

/// Mints ids for one node. Two nodes with different numbers never mint the same id.
pub struct Ids {
    node: i64,
    clock: Clock,
    last: Mutex<Last>,
}

struct Last {
    time_ms: i64,
    sequence: i64,
}

/// The wall clock stepped back by more than a second; ids minted now might repeat.
#[derive(Debug, Clone, Copy)]
pub struct ClockWentBack;

impl Ids {
    /// A mint for `node` (0 to 1,023).
    pub fn new(node: u16, clock: Clock) -> Ids {
        let node = i64::from(node) & ((1 << NODE_BITS) - 1);
        Ids { node, clock, last: Mutex::new(Last { time_ms: 0, sequence: 0 }) }
    }

    /// The next number, larger than every one before it on this node.
    ///
    /// Small steps back of the clock, and more than 4,096 ids in a millisecond, borrow from the
    /// future: the id's time runs ahead until the clock has caught up.
    pub fn next(&self) -> Result<i64, ClockWentBack> {
        let now = self.clock.now().0 - EPOCH_MS;
        let mut last = self.last.lock();
        if now > last.time_ms {
            *last = Last { time_ms: now, sequence: 0 };
        } else if last.time_ms - now > TOLERATED_STEP_BACK_MS {
            return Err(ClockWentBack);
        } else if last.sequence + 1 == 1 << SEQUENCE_BITS {
            *last = Last { time_ms: last.time_ms + 1, sequence: 0 };
        } else {
            last.sequence += 1;
        }
        Ok((last.time_ms << (NODE_BITS + SEQUENCE_BITS)) | (self.node << SEQUENCE_BITS) | last.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strict_decimal_strings() {
        for bad in ["", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "9223372036854775808", "٣"] {
            assert_eq!(bad.parse::<UserId>(), Err(InvalidId), "{bad:?}");
        }
        assert_eq!("9223372036854775807".parse::<UserId>(), Ok(UserId(i64::MAX)));
        assert_eq!(serde_json::to_string(&UserId(7)).unwrap(), "\"7\"");
        assert!(serde_json::from_str::<UserId>("7").is_err());
    }

    #[test]
    fn ids_rise_and_carry_their_time_and_node() {
        let clock = Clock::manual(Timestamp(EPOCH_MS + 5_000));
        let ids = Ids::new(3, clock.clone());
        let many: Vec<i64> = (0..10_000).map(|_| ids.next().unwrap()).collect();
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(UserId(many[0]).created_at(), Timestamp(EPOCH_MS + 5_000));
        assert_eq!((many[0] >> 12) & 1023, 3);
        assert!(first_at(Timestamp(EPOCH_MS + 5_000)) <= many[0]);
    }

    #[test]
    fn a_clock_that_steps_back_a_little_is_waited_out_and_a_broken_one_refused() {
        let clock = Clock::manual(Timestamp(EPOCH_MS + 10_000));
        let ids = Ids::new(0, clock.clone());
        let before = ids.next().unwrap();
        clock.set(Timestamp(EPOCH_MS + 9_500));
        assert!(ids.next().unwrap() > before);
        clock.set(Timestamp(EPOCH_MS + 8_000));
        assert!(ids.next().is_err());
    }
}
