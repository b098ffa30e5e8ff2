//! What the guild's admin has set.

use guildhall_sdk::Id;
use guildhall_sdk::config::Value;

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A forbidden word.
    Keywords,
    /// A forbidden pattern.
    Patterns,
    /// A link to a forbidden site.
    Links,
    /// An invitation to another place.
    Invites,
    /// Too many mentions.
    Mentions,
    /// The same, over and over.
    Repeats,
    /// Too much at once.
    Flood,
    /// Shouting.
    Caps,
}

impl Rule {
    /// The rule's name in settings, texts and outcomes.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Keywords => "keywords",
            Rule::Patterns => "patterns",
            Rule::Links => "links",
            Rule::Invites => "invites",
            Rule::Mentions => "mentions",
            Rule::Repeats => "repeats",
            Rule::Flood => "flood",
            Rule::Caps => "caps",
        }
    }
}

/// What happens to a message that breaks a rule, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Response {
    /// Nothing; the rule isn't looked at.
    Off,
    /// The moderators are told.
    Alert,
    /// It waits for the moderators.
    Hold,
    /// It is refused.
    Block,
    /// It is refused, and its author may only read for a while.
    TimeOut,
}

/// All settings, whatever they are; what is missing or out of bounds has been judged by the host.
pub struct Settings(pub Vec<(String, Value)>);

impl Settings {
    /// What happens on a breach of a rule.
    pub fn response(&self, rule: Rule) -> Response {
        match self.text(&format!("{}-action", rule.name())) {
            Some("alert") => Response::Alert,
            Some("hold") => Response::Hold,
            Some("block") => Response::Block,
            Some("time-out") => Response::TimeOut,
            _ => Response::Off,
        }
    }

    /// A list of texts; empty if there is none.
    pub fn items(&self, key: &str) -> &[String] {
        match self.get(key) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }

    /// A list of ids; what is no id is left out.
    pub fn ids(&self, key: &str) -> Vec<u64> {
        self.items(key).iter().filter_map(|text| Id::parse(text.trim())).map(|id| id.0).collect()
    }

    /// A number that isn't negative; if there is none, the largest, as a bound that nothing reaches.
    pub fn number(&self, key: &str) -> u32 {
        match self.get(key) {
            Some(Value::Int(number)) => u32::try_from(*number).unwrap_or(u32::MAX),
            _ => u32::MAX,
        }
    }

    /// Whether something is so.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key) == Some(&Value::Flag(true))
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}
