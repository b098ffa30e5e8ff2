//! What is wrong with a manifest, each fault with its place.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::id::is_name;

/// What is wrong with a manifest, each with its place.
#[derive(Default)]
pub struct Notes(pub Vec<String>);

impl Notes {
    /// Notes a fault.
    pub fn note(&mut self, place: impl Display, what: impl Display) {
        self.0.push(format!("{place}: {what}"));
    }
    /// Notes a text with fewer or more characters than allowed.
    pub fn length(&mut self, place: impl Display, text: &str, min: usize, max: usize) {
        if !(min..=max).contains(&text.chars().count()) {
            self.note(place, format_args!("{min} to {max} characters are wanted"));
        }
    }
    /// Notes a text that is no name of at most `max` characters.
    pub fn name(&mut self, place: impl Display, text: &str, max: usize) {
        if text.is_empty() || text.len() > max || !is_name(text) {
            self.note(place, format_args!("1 to {max} of a-z, 0-9 and - are wanted"));
        }
    }
    /// Notes what is there twice.
    pub fn unique(&mut self, place: &str, items: impl Iterator<Item = impl Display>) {
        let mut seen = BTreeSet::new();
        for item in items.map(|item| item.to_string()) {
            if seen.contains(&item) {
                self.note(place, format_args!("{item} is there twice"));
            }
            seen.insert(item);
        }
    }
}
