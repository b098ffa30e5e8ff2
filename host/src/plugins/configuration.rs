//! What an admin has set for an installation: checked against the manifest, and silent about its secrets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::manifest::Manifest;
use super::vault::Vault;
use crate::error::{FieldCode, Result};
use crate::http::body::Faults;

/// What stands for a secret wherever it is shown; sent back, it leaves the secret as it is.
pub const HIDDEN: &str = "***";

/// The value of one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConfigValue {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list of texts.
    Items(Vec<String>),
    /// A secret, as the vault has sealed it.
    Sealed {
        /// What only the vault can read.
        sealed: String,
    },
}

/// The values of all settings that have one, defaults filled in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Configuration(BTreeMap<String, ConfigValue>);

impl Configuration {
    /// The value of a setting, if it has one.
    pub fn get(&self, key: &str) -> Option<&ConfigValue> {
        self.0.get(key)
    }

    /// What a guest may see, in the order of the keys: all but the secrets.
    pub fn open(&self) -> impl Iterator<Item = (&str, &ConfigValue)> {
        let open = self.0.iter().filter(|(_, value)| !matches!(value, ConfigValue::Sealed { .. }));
        open.map(|(key, value)| (key.as_str(), value))
    }

    /// A secret as it was typed in, for the host alone.
    pub fn secret(&self, vault: &Vault, purpose: &str, key: &str) -> Result<Option<String>> {
        match self.0.get(key) {
            Some(ConfigValue::Sealed { sealed }) => vault.open(purpose, sealed).map(Some),
            _ => Ok(None),
        }
    }

    /// As people see it.
    pub fn shown(&self) -> BTreeMap<&str, Value> {
        let shown = self.0.iter().map(|(key, value)| match value {
            ConfigValue::Sealed { .. } => (key.as_str(), HIDDEN.into()),
            // Settings are plain values: they can't fail to be written.
            value => (key.as_str(), serde_json::to_value(value).unwrap_or_default()),
        });
        shown.collect()
    }

    /// Writes it as people see it: for `#[serde(serialize_with)]`.
    pub fn serialize_shown<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.shown().serialize(serializer)
    }

    /// The keys of what isn't as it was.
    pub fn changed_from(&self, old: &Configuration) -> Vec<String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(old.0.keys()).collect();
        keys.into_iter().filter(|key| self.0.get(*key) != old.0.get(*key)).cloned().collect()
    }

    /// Whether both say the same, their secrets included.
    pub fn same(&self, other: &Configuration, vault: &Vault, purpose: &str) -> Result<bool> {
        if self.shown() != other.shown() {
            return Ok(false);
        }
        for key in self.0.keys() {
            if self.secret(vault, purpose, key)? != other.secret(vault, purpose, key)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Manifest {
    /// What an installation is to be set to: what somebody gives, over what there was, over the defaults.
    /// `null` takes a value back. Every fault is noted; secrets are sealed for `purpose` alone.
    pub fn check_config(
        &self,
        given: &Map<String, Value>,
        before: &Configuration,
        (vault, purpose): (&Vault, &str),
        faults: &mut Faults,
    ) -> Result<Configuration> {
        for key in given.keys().filter(|key| !self.config.contains_key(*key)) {
            faults.note(&pointer(key), FieldCode::UnknownField);
        }
        let mut values = BTreeMap::new();
        for (key, setting) in &self.config {
            let (pointer, before) = (pointer(key), before.get(key));
            let value = match given.get(key) {
                Some(Value::Null) => setting.default_value(),
                Some(Value::String(text)) if setting.secret && text == HIDDEN && before.is_some() => before.cloned(),
                Some(value) => match setting.read(&pointer, value, faults) {
                    Some(ConfigValue::Text(text)) if setting.secret => {
                        Some(ConfigValue::Sealed { sealed: vault.seal(purpose, &text)? })
                    }
                    Some(value) => Some(value),
                    None => continue,
                },
                None => before.cloned().or_else(|| setting.default_value()),
            };
            values.extend(value.map(|value| (key.clone(), value)));
        }
        let config = Configuration(values);
        self.check_required(&config, faults);
        Ok(config)
    }
}

impl Manifest {
    /// What of these values fits, as another version of the plugin had them; the rest has its default.
    pub fn fitting(&self, old: &Configuration) -> Configuration {
        let values = self.config.iter().filter_map(|(key, setting)| {
            let kept = match old.get(key) {
                Some(sealed @ ConfigValue::Sealed { .. }) => setting.secret.then(|| sealed.clone()),
                Some(value) if !setting.secret => {
                    // Settings are plain values: they can't fail to be written.
                    let value = serde_json::to_value(value).unwrap_or_default();
                    setting.read("", &value, &mut Faults::default())
                }
                _ => None,
            };
            Some((key.clone(), kept.or_else(|| setting.default_value())?))
        });
        Configuration(values.collect())
    }

    /// Notes what must be set and isn't.
    pub fn check_required(&self, config: &Configuration, faults: &mut Faults) {
        for (key, _) in self.config.iter().filter(|(key, setting)| setting.required && config.get(key).is_none()) {
            faults.note(&pointer(key), FieldCode::Required);
        }
    }
}

/// Where a key stands in the body. Keys that nobody knows may hold anything.
fn pointer(key: &str) -> String {
    format!("/config/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Error;

    const MANIFEST: &str = "
        [plugin]
        id = 'tests.settings'
        name = 'Settings'
        version = '1.0.0'
        api = '0.1'
        summary = 'Takes all kinds'
        [config.greeting]
        kind = 'text'
        label = 'Greeting'
        default = 'Hello'
        max = 10
        [config.mood]
        kind = 'text'
        label = 'Mood'
        choices = ['good', 'bad']
        [config.count]
        kind = 'int'
        label = 'Count'
        required = true
        min = 1
        max = 9
        [config.share]
        kind = 'float'
        label = 'Share'
        default = 1
        [config.loud]
        kind = 'flag'
        label = 'Loud'
        default = false
        [config.words]
        kind = 'items'
        label = 'Words'
        min = 1
        choices = ['a', 'b']
        [config.token]
        kind = 'text'
        label = 'Token'
        secret = true";

    fn check(given: Value, before: &Configuration) -> std::result::Result<Configuration, Vec<(String, FieldCode)>> {
        let (manifest, mut faults) = (Manifest::parse(MANIFEST).unwrap(), Faults::default());
        let read = manifest.check_config(given.as_object().unwrap(), before, (&Vault::of(b"key"), "1"), &mut faults);
        match faults.into_result() {
            Ok(()) => Ok(read.unwrap()),
            Err(Error::Invalid(faults)) => Err(faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_are_filled_in_and_secrets_are_hidden() {
        let set = check(json!({"count": 3, "words": ["a"], "token": "hunter2", "mood": null}), &Default::default());
        let set = set.unwrap();
        let shown =
            json!({"count": 3, "greeting": "Hello", "loud": false, "share": 1.0, "token": "***", "words": ["a"]});
        assert_eq!(json!(set.shown()), shown);
        assert!(!format!("{set:?}").contains("hunter2"));
        assert_eq!(set.secret(&Vault::of(b"key"), "1", "token").unwrap().as_deref(), Some("hunter2"));
        assert!(set.secret(&Vault::of(b"key"), "2", "token").is_err(), "sealed for another");
        assert!(set.secret(&Vault::of(b"another"), "1", "token").is_err(), "by another");
        assert!(set.open().all(|(key, _)| key != "token"));
        // As it is stored.
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Configuration>(&text).unwrap(), set);
    }

    #[test]
    fn what_is_not_said_stays_and_null_takes_it_back() {
        let before = check(json!({"count": 3, "greeting": "Hi", "token": "hunter2"}), &Default::default()).unwrap();
        let after = check(json!({"greeting": null, "token": "***", "loud": true}), &before).unwrap();
        assert_eq!(after.get("greeting"), Some(&ConfigValue::Text("Hello".into())));
        assert_eq!((after.get("token"), after.get("count")), (before.get("token"), before.get("count")));
        assert_eq!(
            check(json!({"count": null}), &before).unwrap_err(),
            [("/config/count".into(), FieldCode::Required)]
        );
        let vault = Vault::of(b"key");
        let again = check(json!({"token": "hunter2"}), &before).unwrap();
        let other = check(json!({"token": "hunter3"}), &before).unwrap();
        assert!(again != before && again.same(&before, &vault, "1").unwrap());
        assert!(!other.same(&before, &vault, "1").unwrap());
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let wrong = json!({"greeting": "far too long", "mood": "odd", "count": 10, "share": "x", "loud": 1,
            "words": ["a", "c"], "token": 7, "strange/~": 1});
        let mut faults = check(wrong, &Configuration::default()).unwrap_err();
        faults.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("/config/count", FieldCode::OutOfRange),
            ("/config/greeting", FieldCode::TooLong),
            ("/config/loud", FieldCode::WrongType),
            ("/config/mood", FieldCode::InvalidFormat),
            ("/config/share", FieldCode::WrongType),
            ("/config/strange~1~0", FieldCode::UnknownField),
            ("/config/token", FieldCode::WrongType),
            ("/config/words/1", FieldCode::InvalidFormat),
        ];
        assert_eq!(faults, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        let bare = check(json!({"words": [], "token": "***"}), &Configuration::default()).unwrap_err();
        assert_eq!(bare.len(), 2, "{bare:?}");
    }
}
