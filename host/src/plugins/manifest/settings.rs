//! What an admin can set: the manifest's schema, and what fits it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Notes;
use crate::closed_set;
use crate::error::FieldCode;
use crate::http::body::Faults;
use crate::plugins::configuration::ConfigValue;

/// Settings of one plugin, at most.
const MAX_SETTINGS: usize = 100;
/// The longest text, in characters, if the manifest doesn't say less.
const MAX_TEXT: usize = 4_000;
/// Items of a list, at most, if the manifest doesn't say less.
const MAX_ITEMS: usize = 100;
/// The longest item, in characters.
const MAX_ITEM: usize = 500;

closed_set! {
    /// What a setting takes.
    pub enum SettingKind {
        /// Any text.
        Text = "text",
        /// A whole number.
        Int = "int",
        /// A number.
        Float = "float",
        /// Yes or no.
        Flag = "flag",
        /// A list of texts.
        Items = "items",
    }
}

/// `[config.<key>]`: something that an admin can set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Setting {
    /// What it takes.
    pub kind: SettingKind,
    /// What people call it.
    pub label: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Its value as long as nobody has set it.
    pub default: Option<Value>,
    /// Whether the plugin can't be installed without.
    #[serde(default)]
    pub required: bool,
    /// Whether nobody may see it, the plugin neither.
    #[serde(default)]
    pub secret: bool,
    /// The least number, or number of characters or items.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The only values that are allowed; any, if there are none.
    #[serde(default)]
    pub choices: Vec<String>,
}

impl Setting {
    /// Its value as long as nobody has set it.
    pub fn default_value(&self) -> Option<ConfigValue> {
        self.read("", self.default.as_ref()?, &mut Faults::default())
    }

    /// A value that somebody gives it; notes what is wrong with it.
    pub fn read(&self, pointer: &str, value: &Value, faults: &mut Faults) -> Option<ConfigValue> {
        let read = match self.kind {
            SettingKind::Text => value.as_str().map(|text| ConfigValue::Text(text.to_owned())),
            SettingKind::Int => value.as_i64().map(ConfigValue::Int),
            SettingKind::Float => value.as_f64().map(ConfigValue::Float),
            SettingKind::Flag => value.as_bool().map(ConfigValue::Flag),
            SettingKind::Items => items(value).map(ConfigValue::Items),
        };
        let Some(read) = read else {
            faults.note(pointer, FieldCode::WrongType);
            return None;
        };
        self.judge(pointer, &read, faults).then_some(read)
    }

    /// Whether a value of the right kind is acceptable.
    fn judge(&self, pointer: &str, value: &ConfigValue, faults: &mut Faults) -> bool {
        match value {
            ConfigValue::Text(text) => {
                self.counts(pointer, text.chars().count(), MAX_TEXT, faults) && self.chosen(pointer, text, faults)
            }
            ConfigValue::Int(number) => self.ranges(pointer, *number as f64, faults),
            ConfigValue::Float(number) => self.ranges(pointer, *number, faults),
            ConfigValue::Items(items) => {
                self.counts(pointer, items.len(), MAX_ITEMS, faults)
                    && items
                        .iter()
                        .enumerate()
                        .all(|(at, item)| self.takes_item(&format!("{pointer}/{at}"), item, faults))
            }
            ConfigValue::Flag(_) | ConfigValue::Sealed { .. } => true,
        }
    }

    fn takes_item(&self, pointer: &str, item: &str, faults: &mut Faults) -> bool {
        if item.chars().count() > MAX_ITEM {
            faults.note_with(pointer, FieldCode::TooLong, vec![("max", MAX_ITEM.to_string())]);
            return false;
        }
        self.chosen(pointer, item, faults)
    }

    fn counts(&self, pointer: &str, count: usize, most: usize, faults: &mut Faults) -> bool {
        let (min, max) = (self.min.unwrap_or(0.0), self.max.unwrap_or(most as f64).min(most as f64));
        if (count as f64) < min {
            faults.note_with(pointer, FieldCode::TooShort, vec![("min", min.to_string())]);
        } else if count as f64 > max {
            faults.note_with(pointer, FieldCode::TooLong, vec![("max", max.to_string())]);
        } else {
            return true;
        }
        false
    }

    fn ranges(&self, pointer: &str, number: f64, faults: &mut Faults) -> bool {
        let good = self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max);
        if !good {
            faults.note(pointer, FieldCode::OutOfRange);
        }
        good
    }

    fn chosen(&self, pointer: &str, text: &str, faults: &mut Faults) -> bool {
        let good = self.choices.is_empty() || self.choices.iter().any(|choice| choice == text);
        if !good {
            faults.note(pointer, FieldCode::InvalidFormat);
        }
        good
    }

    fn check(&self, place: &str, notes: &mut Notes) {
        let countless = self.kind == SettingKind::Flag;
        let bounds = [self.min, self.max];
        if countless && bounds != [None, None] {
            notes.note(place, "a flag has no bounds");
        }
        if bounds.into_iter().flatten().any(|bound| !bound.is_finite())
            || matches!(bounds, [Some(min), Some(max)] if min > max)
        {
            notes.note(place, "`min` is at most `max`");
        }
        if self.secret && (self.kind != SettingKind::Text || self.default.is_some() || !self.choices.is_empty()) {
            notes.note(place, "a secret is a text without default and choices");
        }
        if !self.choices.is_empty() && ![SettingKind::Text, SettingKind::Items].contains(&self.kind) {
            notes.note(place, "only texts and items have choices");
        }
        if self.choices.len() > MAX_ITEMS || self.choices.iter().any(|choice| choice.chars().count() > MAX_ITEM) {
            notes.note(place, format_args!("at most {MAX_ITEMS} choices of {MAX_ITEM} characters"));
        }
        if self.required && self.default.is_some() {
            notes.note(place, "what has a default needn't be required");
        }
        if self.default.is_some() && self.default_value().is_none() {
            notes.note(place, "the default isn't allowed");
        }
    }
}

fn items(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

pub(super) fn check(settings: &BTreeMap<String, Setting>, notes: &mut Notes) {
    if settings.len() > MAX_SETTINGS {
        notes.note("config", format_args!("at most {MAX_SETTINGS}"));
    }
    for (key, setting) in settings {
        let place = format!("config.{key}");
        notes.name(&place, key, 64);
        notes.length(format_args!("{place}.label"), &setting.label, 1, 64);
        notes.length(format_args!("{place}.description"), &setting.description, 0, 300);
        setting.check(&place, notes);
    }
}
