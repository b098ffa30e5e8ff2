//! What a call knows of itself.

use crate::{Argument, Context, Error, Result, Snowflake, i18n};

impl Context {
    /// Whoever caused the call. An error for timers, which nobody causes.
    pub fn actor(&self) -> Result<Snowflake> {
        self.actor.ok_or_else(|| Error::internal("this call has no actor"))
    }

    /// One of the plugin's texts, in the language of the call.
    pub fn text(&self, key: &str, args: &[(&str, Argument)]) -> String {
        text(&self.locale, key, args)
    }
}

/// One of the plugin's texts, in a language.
pub(crate) fn text(locale: &str, key: &str, args: &[(&str, Argument)]) -> String {
    let args: Vec<(String, Argument)> = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    i18n::t(locale, key, &args)
}

impl From<&str> for Argument {
    fn from(text: &str) -> Argument {
        Argument::Text(text.to_owned())
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Argument {
        Argument::Text(text)
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Argument {
        Argument::Number(number as f64)
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Argument {
        Argument::Number(f64::from(number))
    }
}

impl From<usize> for Argument {
    fn from(number: usize) -> Argument {
        Argument::Number(number as f64)
    }
}
