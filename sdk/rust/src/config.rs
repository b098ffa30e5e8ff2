//! What the guild's admin has set.

pub use crate::bindings::imports::guildhall::plugin::config::*;

/// A setting of kind `text`.
pub fn text(key: &str) -> Option<String> {
    match get(key)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// A setting of kind `int`.
pub fn int(key: &str) -> Option<i64> {
    match get(key)? {
        Value::Int(number) => Some(number),
        _ => None,
    }
}

/// A setting of kind `flag`; false if it has no value.
pub fn flag(key: &str) -> bool {
    matches!(get(key), Some(Value::Flag(true)))
}

/// A setting of kind `items`; empty if it has no value.
pub fn items(key: &str) -> Vec<String> {
    match get(key) {
        Some(Value::Items(items)) => items,
        _ => Vec::new(),
    }
}
