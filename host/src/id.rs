//! Snowflake ids: who made a thing and when, in 64 bits, minted without asking the database.

use std::fmt;
use std::str::FromStr;

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;

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
    /// A plugin that is installed in a guild.
    InstallationId;
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
    clock: Clock,
    mint: Mutex<Mint>,
}

struct Mint {
    /// The node's number; none while it has none.
    node: Option<i64>,
    /// When the number may belong to another node; none: never.
    until: Option<Instant>,
    time_ms: i64,
    sequence: i64,
}

/// Why no id can be minted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotMint {
    /// The wall clock stepped back by more than a second; ids minted now might repeat.
    ClockWentBack,
    /// The node's number is no longer its own: another node may mint under it.
    NoNumber,
}

impl Ids {
    /// A mint whose number, 0 to 1,023, is its own for ever.
    pub fn new(node: u16, clock: Clock) -> Ids {
        let ids = Ids::without_number(clock);
        ids.take_number(node, None);
        ids
    }

    /// A mint that has no number yet.
    pub fn without_number(clock: Clock) -> Ids {
        Ids { clock, mint: Mutex::new(Mint { node: None, until: None, time_ms: 0, sequence: 0 }) }
    }

    /// From here on ids carry this number, until then at most.
    pub fn take_number(&self, node: u16, until: Option<Instant>) {
        let mut mint = self.mint.lock();
        mint.node = Some(i64::from(node) & ((1 << NODE_BITS) - 1));
        mint.until = until;
        // The next id is of a later millisecond, so that it is higher than those under the last number.
        mint.sequence = (1 << SEQUENCE_BITS) - 1;
    }

    /// The number stays the mint's own for longer.
    pub fn keep_number(&self, until: Instant) {
        let mut mint = self.mint.lock();
        mint.until = mint.until.map(|before| before.max(until));
    }

    /// No id is minted from here on, until there is a number again.
    pub fn lose_number(&self) {
        self.mint.lock().node = None;
    }

    /// The next number, larger than every one before it on this node.
    ///
    /// Small steps back of the clock, and more than 4,096 ids in a millisecond, borrow from the
    /// future: the id's time runs ahead until the clock has caught up.
    pub fn next(&self) -> Result<i64, CannotMint> {
        let now = self.clock.now().0 - EPOCH_MS;
        let mut mint = self.mint.lock();
        let node = mint.node.ok_or(CannotMint::NoNumber)?;
        // Asked for every id: a process that was stopped for a while must not go on where it was.
        if mint.until.is_some_and(|until| Instant::now() >= until) {
            return Err(CannotMint::NoNumber);
        }
        if now > mint.time_ms {
            (mint.time_ms, mint.sequence) = (now, 0);
        } else if mint.time_ms - now > TOLERATED_STEP_BACK_MS {
            return Err(CannotMint::ClockWentBack);
        } else if mint.sequence + 1 == 1 << SEQUENCE_BITS {
            (mint.time_ms, mint.sequence) = (mint.time_ms + 1, 0);
        } else {
            mint.sequence += 1;
        }
        Ok((mint.time_ms << (NODE_BITS + SEQUENCE_BITS)) | (node << SEQUENCE_BITS) | mint.sequence)
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

    #[test]
    fn a_number_that_is_lost_mints_nothing() {
        let ids = Ids::without_number(Clock::manual(Timestamp(EPOCH_MS + 5_000)));
        assert_eq!(ids.next(), Err(CannotMint::NoNumber));
        ids.take_number(9, Some(Instant::now() + std::time::Duration::from_secs(60)));
        let before = ids.next().unwrap();
        ids.lose_number();
        assert_eq!(ids.next(), Err(CannotMint::NoNumber));
        ids.take_number(4, Some(Instant::now()));
        assert_eq!(ids.next(), Err(CannotMint::NoNumber), "it has run out already");
        ids.keep_number(Instant::now() + std::time::Duration::from_secs(60));
        let after = ids.next().unwrap();
        assert_eq!((after >> 12) & 1023, 4);
        assert!(after > before, "a lower number gives higher ids all the same");
    }
}
