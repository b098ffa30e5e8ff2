//! What a plugin says in several languages: its Fluent files, as strictly as the server's own.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, bail, ensure};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use crate::i18n;

/// A plugin's texts, by language.
#[derive(Default)]
pub struct Texts(BTreeMap<String, FluentBundle<FluentResource>>);

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Texts {
    /// Adds a language; a file that Fluent can't read whole is refused.
    pub fn add(&mut self, language: &str, source: &str) -> anyhow::Result<()> {
        let identifier: LanguageIdentifier = language.parse().ok().context("that is no language")?;
        ensure!(identifier == language, "write the language as `{identifier}`");
        let resource = match FluentResource::try_new(source.to_owned()) {
            Ok(resource) => resource,
            Err((_, errors)) => {
                let Some(first) = errors.first() else { bail!("it can't be read") };
                let before = source.get(..first.pos.start).unwrap_or_default();
                bail!("line {}: {first}", before.matches('\n').count() + 1);
            }
        };
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        // As in the server's own messages: programs read them too.
        bundle.set_use_isolating(false);
        if let Err(errors) = bundle.add_resource(resource) {
            bail!("{}", errors.first().map_or_else(String::new, ToString::to_string));
        }
        self.0.insert(language.to_owned(), bundle);
        Ok(())
    }

    /// The message of this key, `key.attribute` for one of its attributes, in this language; where that is
    /// missing, in its wider form, `pt` for `pt-BR`, then in English.
    pub fn say(&self, locale: &str, key: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        self.say_in(locale, key, args).or_else(|| self.say_in(i18n::DEFAULT, key, args))
    }

    /// The same without English, for what the manifest says in English already.
    pub fn say_in(&self, locale: &str, key: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let (name, attribute) = key.split_once('.').map_or((key, None), |(name, attribute)| (name, Some(attribute)));
        let wider = locale.split('-').next().unwrap_or(locale);
        [locale, wider].into_iter().find_map(|locale| {
            let bundle = self.0.get(locale)?;
            let message = bundle.get_message(name)?;
            let pattern = match attribute {
                None => message.value()?,
                Some(attribute) => message.get_attribute(attribute)?.value(),
            };
            Some(bundle.format_pattern(pattern, args, &mut Vec::new()).into_owned())
        })
    }

    /// The languages that there are.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_back_to_wider_languages_and_to_english() {
        let mut texts = Texts::default();
        texts.add("en", "hello = Hello\n    .more = again\nonly = English").unwrap();
        texts.add("pt", "hello = Olá { $name }").unwrap();
        let mut args = FluentArgs::new();
        args.set("name", "Ada");
        assert_eq!(texts.say("pt-BR", "hello", Some(&args)).as_deref(), Some("Olá Ada"));
        assert_eq!(texts.say("pt", "hello.more", None).as_deref(), Some("again"));
        assert_eq!(texts.say("xx", "only", None).as_deref(), Some("English"));
        assert_eq!((texts.say("pt", "none", None), texts.say_in("pt", "only", None)), (None, None));
    }

    #[test]
    fn what_fluent_cannot_read_is_refused_with_its_line() {
        let mut texts = Texts::default();
        assert!(texts.add("nonsense!", "a = b").is_err());
        assert!(texts.add("TR", "a = b").is_err());
        let why = texts.add("tr", "a = b\n\n= c").unwrap_err().to_string();
        assert!(why.starts_with("line 3"), "{why}");
        assert!(texts.add("tr", "a = b\na = c").is_err());
        assert_eq!(texts.languages().count(), 0);
    }
}
