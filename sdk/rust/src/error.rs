//! Errors: what hooks answer, and what becomes one by `?`.

use crate::{Error, Fault, Refusal};

/// What an import or a hook gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A rule of the plugin's own says no: an `UPPER_SNAKE` word for programs, and a sentence for
    /// people.
    pub fn refused(code: &str, text: impl Into<String>) -> Error {
        Error::Refused(Refusal { code: code.to_owned(), text: text.into() })
    }

    /// One field is not acceptable: a JSON pointer, and one of the codes of [`Fault`].
    pub fn field(pointer: &str, code: &str) -> Error {
        Error::field_with(pointer, code, &[])
    }

    /// The same with values that the text for the code names, such as `max`.
    pub fn field_with(pointer: &str, code: &str, args: &[(&str, String)]) -> Error {
        let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Error::Invalid(vec![Fault { pointer: pointer.to_owned(), code: code.to_owned(), args }])
    }

    /// A mistake; the text goes to the log.
    pub fn internal(text: impl Into<String>) -> Error {
        Error::Internal(text.into())
    }
}

/// What was stored or is to be sent isn't the JSON that it should be: a mistake of the plugin.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::internal(error.to_string())
    }
}

impl From<std::str::Utf8Error> for Error {
    fn from(error: std::str::Utf8Error) -> Error {
        Error::internal(error.to_string())
    }
}
