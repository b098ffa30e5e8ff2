//! Messages to people, in their language.

use std::collections::HashMap;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use http::HeaderValue;
use unic_langid::LanguageIdentifier;

/// The languages that this server speaks.
pub const LOCALES: [&str; 5] = ["en", "tr", "es", "fr", "de"];
/// The language for whoever asks for none of them.
pub const DEFAULT: &str = "en";

const SOURCES: [(&str, &str); 5] = [
    ("en", include_str!("../locales/en.ftl")),
    ("tr", include_str!("../locales/tr.ftl")),
    ("es", include_str!("../locales/es.ftl")),
    ("fr", include_str!("../locales/fr.ftl")),
    ("de", include_str!("../locales/de.ftl")),
];

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<HashMap<&'static str, Bundle>> =
    LazyLock::new(|| SOURCES.iter().map(|(locale, source)| (*locale, bundle(locale, source))).collect());

fn bundle(locale: &str, source: &str) -> Bundle {
    let language: LanguageIdentifier = locale.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // No marks around values: answers are read by programs too.
    bundle.set_use_isolating(false);
    // What a file says wrongly is left out; a test holds all of them complete.
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The message of this name.
pub fn title(locale: &str, name: &str) -> String {
    message(locale, name, None, &[]).unwrap_or_else(|| name.to_owned())
}

/// The longer form of a message, or the message itself if it has none.
pub fn detail(locale: &str, name: &str, args: &[(&'static str, String)]) -> String {
    message(locale, name, Some("detail"), args)
        .or_else(|| message(locale, name, None, args))
        .unwrap_or_else(|| name.to_owned())
}

/// A message in this language or, where it is missing, in the default one.
pub fn message(locale: &str, name: &str, attribute: Option<&str>, args: &[(&'static str, String)]) -> Option<String> {
    [locale, DEFAULT].into_iter().find_map(|locale| {
        let bundle = BUNDLES.get(locale)?;
        let message = bundle.get_message(name)?;
        let pattern = match attribute {
            None => message.value()?,
            Some(attribute) => message.get_attribute(attribute)?.value(),
        };
        let mut values = FluentArgs::new();
        for (name, value) in args {
            values.set(*name, value.as_str());
        }
        Some(bundle.format_pattern(pattern, Some(&values), &mut Vec::new()).into_owned())
    })
}

/// The language that an `Accept-Language` prefers among ours.
pub fn negotiate(header: Option<&HeaderValue>) -> Option<&'static str> {
    let header = header?.to_str().ok()?;
    let mut wanted: Vec<(&str, f32)> = header
        .split(',')
        .filter_map(|part| {
            let (language, rest) = part.split_once(';').unwrap_or((part, ""));
            let quality = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok())?;
            Some((language.trim(), quality))
        })
        .collect();
    wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
    wanted.into_iter().filter(|(_, quality)| *quality > 0.0).find_map(|(language, _)| {
        let primary = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
        LOCALES.into_iter().find(|known| *known == primary)
    })
}
