//! User names and addresses: which are well formed, and which are the same.

use unicode_normalization::UnicodeNormalization;
use unicode_security::{MixedScript, confusable_detection::skeleton};

use crate::error::FieldCode;
use crate::http::body::Faults;
use crate::i18n::LOCALES;

/// The longest user name, in characters.
pub const MAX_USERNAME: usize = 32;
/// The longest e-mail address, in bytes.
const MAX_EMAIL: usize = 254;

/// A user name as it is kept: in Unicode's compatible composition, so that one look has one spelling.
pub fn normalize(username: &str) -> String {
    username.nfkc().collect()
}

/// What two user names share if people can't tell them apart.
pub fn key(username: &str) -> String {
    let folded: String = username.nfkc().flat_map(char::to_lowercase).collect();
    // Unicode tells `I` from `i` by case and `l` by shape; once case is folded all of them look alike.
    let lower = skeleton(&folded).flat_map(char::to_lowercase);
    lower.map(|c| if matches!(c, 'i' | 'ı' | '1' | '|') { 'l' } else { c }).collect()
}

/// What two e-mail addresses share if they are the same.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Notes what is wrong with a user name.
pub fn check_username(pointer: &str, username: &str, faults: &mut Faults) {
    faults.length(pointer, username, 2, MAX_USERNAME);
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let normal = normalize(username);
    if !normal.chars().all(allowed) || !normal.chars().any(char::is_alphanumeric) || !normal.as_str().is_single_script()
    {
        faults.note(pointer, FieldCode::InvalidFormat);
    }
}

/// A name to show as it is kept: without blanks around it.
pub fn tidy(display_name: &str) -> String {
    display_name.trim().to_owned()
}

/// Notes what is wrong with a name to show.
pub fn check_display_name(pointer: &str, name: &str, faults: &mut Faults) {
    faults.length(pointer, &tidy(name), 1, MAX_USERNAME);
    // Marks of direction would turn around what stands beside the name.
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.chars().any(|c| c.is_control() || turns(c)) {
        faults.note(pointer, FieldCode::InvalidFormat);
    }
}

/// Notes what is wrong with an e-mail address.
pub fn check_email(pointer: &str, email: &str, faults: &mut Faults) {
    let well_formed = email.len() <= MAX_EMAIL && email.parse::<lettre::Address>().is_ok();
    if !well_formed {
        faults.note(pointer, FieldCode::InvalidFormat);
    }
}

/// Notes a language that this server doesn't speak.
pub fn check_locale(pointer: &str, locale: Option<&str>, faults: &mut Faults) {
    if locale.is_some_and(|locale| !LOCALES.contains(&locale)) {
        faults.note(pointer, FieldCode::InvalidFormat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_the_same() {
        for (a, b) in [("Ada", "ada"), ("ﬁn", "fin"), ("аda", "ada"), ("b0b", "bOb"), ("paypal", "paypaI")] {
            assert_eq!(key(a), key(b), "{a} and {b}");
        }
        assert_ne!(key("ada"), key("bob"));
    }
}
