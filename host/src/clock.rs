//! The only place that reads the wall clock, so that tests can move time instead of sleeping.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970, UTC; RFC 3339 with milliseconds in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment later by `duration`, saturating.
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(duration.as_millis() as i64))
    }
    /// This moment earlier by `duration`, saturating.
    pub fn before(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(duration.as_millis() as i64))
    }
    /// How long from `earlier` to this moment; zero if it is not earlier.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
    /// Whole seconds since 1970.
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => f.write_str("9999-12-31T23:59:59.999Z"),
        }
    }
}
impl FromStr for Timestamp {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<jiff::Timestamp>().map(|time| Timestamp(time.as_millisecond()))
    }
}
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a time in RFC 3339"))
    }
}
impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}
impl utoipa::ToSchema for Timestamp {
    fn name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
}

/// A source of the present: the machine's clock, or one that a test sets.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Stands still until it is moved.
    Manual(Arc<AtomicI64>),
    /// The machine's clock, shifted by this many milliseconds.
    Shifted(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(start.0)))
    }
    /// The machine's clock, which `advance` can put ahead.
    pub fn shifted() -> Clock {
        Clock::Shifted(Arc::new(AtomicI64::new(0)))
    }
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp(machine_ms()),
            Clock::Manual(time) => Timestamp(time.load(Ordering::Relaxed)),
            Clock::Shifted(shift) => Timestamp(machine_ms() + shift.load(Ordering::Relaxed)),
        }
    }
    /// How long this process has run: it never goes back, whatever happens to the present.
    pub fn elapsed(&self) -> Duration {
        let ms = |ms: i64| Duration::from_millis(ms.max(0) as u64);
        match self {
            Clock::System => BEGINNING.elapsed(),
            Clock::Manual(time) => ms(time.load(Ordering::Relaxed)),
            Clock::Shifted(shift) => BEGINNING.elapsed() + ms(shift.load(Ordering::Relaxed)),
        }
    }
    /// Moves a clock that can be moved; the machine's own stays.
    pub fn advance(&self, by: Duration) {
        if let Clock::Manual(time) | Clock::Shifted(time) = self {
            time.fetch_add(by.as_millis() as i64, Ordering::Relaxed);
        }
    }
    /// Puts a manual clock at `time`.
    pub fn set(&self, time: Timestamp) {
        if let Clock::Manual(current) = self {
            current.store(time.0, Ordering::Relaxed);
        }
    }
}

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

fn machine_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_with_milliseconds() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(1_735_689_600_007).to_string(), "2025-01-01T00:00:00.007Z");
        let parsed: Timestamp = serde_json::from_str("\"2025-01-01T03:00:00.5+03:00\"").unwrap();
        assert_eq!(parsed.to_string(), "2025-01-01T00:00:00.500Z");
    }
}
