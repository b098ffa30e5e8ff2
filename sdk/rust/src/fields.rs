//! Reading JSON bodies and queries strictly: every fault is noted, and told at once.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::{Error, Fault, Id, Result, Snowflake, Timestamp, time};

/// The fields of a request. Each is asked for by its name and taken out; [`Fields::finish`] refuses
/// the request with every fault that was found, and with every field that nobody has asked for.
///
/// ```
/// # use guildhall_sdk::{Fields, Result};
/// # fn read(body: &[u8]) -> Result<()> {
/// let mut fields = Fields::of_json(body)?;
/// let name = fields.text("name", 1..=32);
/// let loud = fields.flag("loud").unwrap_or(false);
/// fields.finish()?;
/// # Ok(())
/// # }
/// ```
///
/// `null` is the same as a field that isn't there. What is required and missing or wrong is noted,
/// and a stand-in is given, so that reading goes on to the next fault.
pub struct Fields {
    values: Map<String, Value>,
    faults: Vec<Fault>,
    /// Whether numbers and flags are written as text.
    textual: bool,
}

impl Fields {
    /// The fields of a JSON object.
    pub fn of_json(body: &[u8]) -> Result<Fields> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(values)) => Ok(Fields { values, faults: Vec::new(), textual: false }),
            _ => Err(Error::field("", "WRONG_TYPE")),
        }
    }

    /// The parameters of a query.
    pub fn of_query(pairs: &[(String, String)]) -> Fields {
        let mut fields = Fields { values: Map::new(), faults: Vec::new(), textual: true };
        for (name, value) in pairs {
            if fields.values.insert(name.clone(), Value::String(value.clone())).is_some() {
                fields.note(name, "NOT_ALLOWED", &[]);
            }
        }
        fields
    }

    /// A text of so many characters that must be there.
    pub fn text(&mut self, name: &str, length: RangeInclusive<usize>) -> String {
        let text = self.optional_text(name, length);
        self.required(name, text)
    }

    /// A text of so many characters.
    pub fn optional_text(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<String> {
        let value = self.take(name)?;
        self.as_text(name, value, &length)
    }

    /// A list of so many texts of so many characters that must be there.
    pub fn texts(&mut self, name: &str, count: RangeInclusive<usize>, length: RangeInclusive<usize>) -> Vec<String> {
        let Some(values) = self.list(name, count) else { return Vec::new() };
        let texts = values.into_iter().enumerate();
        texts.filter_map(|(index, value)| self.as_text(&format!("{name}/{index}"), value, &length)).collect()
    }

    /// A list of so many different ids that must be there.
    pub fn ids(&mut self, name: &str, count: RangeInclusive<usize>) -> Vec<Snowflake> {
        let Some(values) = self.list(name, count) else { return Vec::new() };
        let mut ids = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let place = format!("{name}/{index}");
            match value.as_str().map(Id::parse) {
                Some(Some(id)) if ids.contains(&id.0) => self.note(&place, "NOT_ALLOWED", &[]),
                Some(Some(id)) => ids.push(id.0),
                Some(None) => self.note(&place, "INVALID_FORMAT", &[]),
                None => self.note(&place, "WRONG_TYPE", &[]),
            }
        }
        ids
    }

    /// An id.
    pub fn id(&mut self, name: &str) -> Option<Snowflake> {
        let value = self.take(name)?;
        let id = value.as_str().map(Id::parse);
        match id {
            None => self.note(name, "WRONG_TYPE", &[]),
            Some(None) => self.note(name, "INVALID_FORMAT", &[]),
            Some(Some(id)) => return Some(id.0),
        }
        None
    }

    /// True or false.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name)?;
        let flag = if self.textual { value.as_str().and_then(|text| text.parse().ok()) } else { value.as_bool() };
        if flag.is_none() {
            self.note(name, "WRONG_TYPE", &[]);
        }
        flag
    }

    /// A whole number within these bounds.
    pub fn number(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.take(name)?;
        let number = if self.textual { value.as_str().and_then(|text| text.parse().ok()) } else { value.as_i64() };
        match number {
            None => self.note(name, "WRONG_TYPE", &[]),
            Some(number) if range.contains(&number) => return Some(number),
            Some(_) => {
                let [min, max] = [range.start(), range.end()].map(i64::to_string);
                self.note(name, "OUT_OF_RANGE", &[("min", min), ("max", max)]);
            }
        }
        None
    }

    /// A time, in RFC 3339.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        let value = self.take(name)?;
        let time = value.as_str().map(time::parse);
        match time {
            None => self.note(name, "WRONG_TYPE", &[]),
            Some(None) => self.note(name, "INVALID_FORMAT", &[]),
            Some(time) => return time,
        }
        None
    }

    /// One of several words.
    pub fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.take(name)?;
        let Some(text) = value.as_str() else {
            self.note(name, "WRONG_TYPE", &[]);
            return None;
        };
        let meant = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
        if meant.is_none() {
            self.note(name, "INVALID_FORMAT", &[]);
        }
        meant
    }

    /// Whether there is such a field, which isn't `null`.
    pub fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// Leaves a field alone that somebody else reads.
    pub fn ignore(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// Notes a fault of a field, with values that the text for the code names. Only the first fault
    /// of a field is kept.
    pub fn note(&mut self, name: &str, code: &str, args: &[(&str, String)]) {
        let pointer = format!("/{name}");
        if self.faults.iter().all(|fault| fault.pointer != pointer) {
            let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            self.faults.push(Fault { pointer, code: code.to_owned(), args });
        }
    }

    /// Notes a text or a list that is shorter or longer than allowed; whether it is neither.
    pub fn length(&mut self, name: &str, length: usize, range: &RangeInclusive<usize>) -> bool {
        if length < *range.start() {
            self.note(name, "TOO_SHORT", &[("min", range.start().to_string())]);
        } else if length > *range.end() {
            self.note(name, "TOO_LONG", &[("max", range.end().to_string())]);
        }
        range.contains(&length)
    }

    /// The end of reading: a refusal, if anything was noted or is left over.
    pub fn finish(mut self) -> Result<()> {
        for name in std::mem::take(&mut self.values).keys() {
            self.note(&escape(name), "UNKNOWN_FIELD", &[]);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Error::Invalid(self.faults)) }
    }

    /// Takes a field out; `null` is none.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|value| !value.is_null())
    }

    fn required<T: Default>(&mut self, name: &str, value: Option<T>) -> T {
        if value.is_none() {
            // If it was there, its own fault is noted already.
            self.note(name, "REQUIRED", &[]);
        }
        value.unwrap_or_default()
    }

    fn list(&mut self, name: &str, count: RangeInclusive<usize>) -> Option<Vec<Value>> {
        match self.take(name) {
            None => self.note(name, "REQUIRED", &[]),
            Some(Value::Array(values)) => {
                if self.length(name, values.len(), &count) {
                    return Some(values);
                }
            }
            Some(_) => self.note(name, "WRONG_TYPE", &[]),
        }
        None
    }

    fn as_text(&mut self, name: &str, value: Value, length: &RangeInclusive<usize>) -> Option<String> {
        let Value::String(text) = value else {
            self.note(name, "WRONG_TYPE", &[]);
            return None;
        };
        let text = text.trim();
        self.length(name, text.chars().count(), length).then(|| text.to_owned())
    }
}

/// A name as it stands in a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(result: Result<()>) -> Vec<(String, String)> {
        match result {
            Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let body = br#"{"name": "", "options": ["a", 7], "when": "soon", "id": "007", "a/b": 1, "loud": null}"#;
        let mut fields = Fields::of_json(body).unwrap();
        fields.text("name", 1..=5);
        fields.text("missing", 1..=5);
        fields.texts("options", 2..=3, 1..=5);
        assert_eq!(fields.time("when"), None);
        assert_eq!(fields.id("id"), None);
        assert_eq!(fields.flag("loud"), None);
        let expected = [
            ("/name", "TOO_SHORT"),
            ("/missing", "REQUIRED"),
            ("/options/1", "WRONG_TYPE"),
            ("/when", "INVALID_FORMAT"),
            ("/id", "INVALID_FORMAT"),
            ("/a~1b", "UNKNOWN_FIELD"),
        ];
        let found = faults(fields.finish());
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    }

    #[test]
    fn a_query_says_numbers_and_flags_in_text() {
        let pairs = [("limit", "7"), ("closed", "true")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut fields = Fields::of_query(&pairs);
        assert_eq!(fields.number("limit", 1..=100), Some(7));
        assert_eq!(fields.flag("closed"), Some(true));
        fields.finish().unwrap();
    }

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        assert_eq!(faults(Fields::of_json(b"[]").map(drop)), [(String::new(), "WRONG_TYPE".to_owned())]);
    }
}
