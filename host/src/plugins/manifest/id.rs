//! What plugins are called.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// What a plugin is called for ever: `publisher.name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginId(Arc<str>);

impl PluginId {
    /// The whole, as it stands in a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Who publishes it.
    pub fn publisher(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
    /// What the publisher calls it.
    pub fn name(&self) -> &str {
        self.0.split('.').nth(1).unwrap_or_default()
    }
}

impl FromStr for PluginId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<PluginId, &'static str> {
        let part = |part: &str| (2..=32).contains(&part.len()) && is_name(part);
        match text.split_once('.') {
            Some((publisher, name)) if part(publisher) && part(name) => Ok(PluginId(text.into())),
            _ => Err("`publisher.name` is wanted, each 2 to 32 of a-z, 0-9 and -"),
        }
    }
}
impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for PluginId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether a text has nothing but `a-z`, `0-9` and `-`.
pub(super) fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
