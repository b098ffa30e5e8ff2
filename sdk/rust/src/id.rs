//! Ids in JSON.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Snowflake;

/// A snowflake that is a decimal string in JSON, as everywhere in the REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub Snowflake);

impl Id {
    /// Reads a decimal string; neither zero nor leading zeros are ids.
    pub fn parse(text: &str) -> Option<Id> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        // The largest id fits into a signed number, as databases have them.
        text.parse().ok().filter(|id| digits && *id <= i64::MAX as u64).map(Id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let text = String::deserialize(deserializer)?;
        Id::parse(&text).ok_or_else(|| D::Error::custom("not an id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_strings_without_leading_zeros_are_ids() {
        assert_eq!(Id::parse("42"), Some(Id(42)));
        for wrong in ["", "0", "042", "+42", "-1", "9223372036854775808", "4 2"] {
            assert_eq!(Id::parse(wrong), None, "{wrong}");
        }
    }
}
