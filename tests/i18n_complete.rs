//! Every message is there in every language, with the same values, and is translated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use guildhall::error::{Code, FieldCode};
use guildhall::i18n::{DEFAULT, LOCALES, message};

/// Messages that are rightly the same as in English: locale and name, `NAME.detail` for an attribute.
const SAME_AS_ENGLISH: &[(&str, &str)] = &[];

/// What a language's own file says: names, `NAME.detail` for attributes, and their texts.
fn file(locale: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(format!("{locale}.ftl"));
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut message = String::new();
    let mut current: Option<String> = None;
    for (index, line) in source.lines().enumerate() {
        let place = format!("{locale}.ftl, line {}", index + 1);
        if line.starts_with('#') {
            current = None;
        } else if let Some((name, text)) = begun(line, &message) {
            if !line.starts_with(' ') {
                message.clone_from(&name);
            }
            let before = texts.insert(name.clone(), text.to_owned());
            assert!(before.is_none(), "{place} says {name} a second time");
            current = Some(name);
        } else {
            let text = current.as_ref().and_then(|name| texts.get_mut(name));
            let belongs = line.is_empty() || (line.starts_with(' ') && text.is_some());
            assert!(belongs, "{place} belongs to no message: {line}");
            if let Some(text) = text {
                text.push('\n');
                text.push_str(line);
            }
        }
    }
    for (name, text) in &texts {
        assert!(!text.trim().is_empty(), "{locale}.ftl says nothing for {name}");
    }
    texts
}

/// The name that a line begins, and what it says of it: a message at its start, an attribute after blanks.
fn begun<'a>(line: &'a str, message: &str) -> Option<(String, &'a str)> {
    let (name, text) = line.split_once(" =")?;
    match name.trim_start().strip_prefix('.') {
        Some(attribute) if line.starts_with(' ') => Some((format!("{message}.{attribute}"), text)),
        _ => is_name(name).then(|| (name.to_owned(), text)),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// The values that a text names.
fn values(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('$'))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').next().unwrap_or(rest))
        .collect()
}

/// The message as a reader gets it, of a name in the form that [`file`] gives.
fn shown(locale: &str, name: &str) -> Option<String> {
    match name.split_once('.') {
        Some((name, attribute)) => message(locale, name, Some(attribute), &[]),
        None => message(locale, name, None, &[]),
    }
}

#[test]
fn every_code_has_its_messages_in_every_language() {
    let codes = Code::ALL.iter().flat_map(|code| [code.to_string(), format!("{code}.detail")]);
    let fields = FieldCode::ALL.iter().map(|code| format!("FIELD_{code}"));
    let needed: Vec<String> = codes.chain(fields).collect();
    for locale in LOCALES {
        let texts = file(locale);
        let missing: Vec<_> = needed.iter().filter(|name| !texts.contains_key(*name)).collect();
        assert!(missing.is_empty(), "{locale}.ftl lacks {missing:?}");
    }
}

#[test]
fn every_language_has_the_same_messages_with_the_same_values() {
    let english = file(DEFAULT);
    for locale in LOCALES {
        let texts = file(locale);
        let missing: Vec<_> = english.keys().filter(|name| !texts.contains_key(*name)).collect();
        assert!(missing.is_empty(), "{locale}.ftl lacks {missing:?}, which {DEFAULT}.ftl has");
        for (name, text) in &texts {
            let Some(original) = english.get(name) else {
                panic!("{locale}.ftl has {name}, which {DEFAULT}.ftl lacks");
            };
            let (here, there) = (values(text), values(original));
            assert_eq!(here, there, "{name} names other values in {locale}.ftl than in {DEFAULT}.ftl");
        }
    }
}

/// A message that Fluent can't read is shown in English, so this finds those too.
#[test]
fn every_message_is_translated() {
    for name in file(DEFAULT).keys() {
        let english = shown(DEFAULT, name);
        assert!(english.is_some(), "{DEFAULT}.ftl has {name} in a form that can't be read");
        for locale in LOCALES.into_iter().filter(|locale| *locale != DEFAULT) {
            let listed = SAME_AS_ENGLISH.contains(&(locale, name.as_str()));
            let same = shown(locale, name) == english;
            assert!(listed || !same, "{name} is shown in English to readers of {locale}: untranslated, or unreadable");
        }
    }
}
