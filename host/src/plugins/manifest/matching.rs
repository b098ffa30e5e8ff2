//! Pre-filters: which messages are worth a call, decided in linear time before any code of the plugin runs.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

/// Texts, or expressions, of one filter, at most.
const MAX_PATTERNS: usize = 100;
/// The longest of them, in characters.
const MAX_PATTERN: usize = 1_000;
/// Bytes that the compiled form of all of them may take.
const MAX_COMPILED: usize = 1024 * 1024;

/// `[hooks.match]`: all that is said must hold.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Match {
    min_length: usize,
    max_length: usize,
    contains: Option<Regex>,
    regex: Option<RegexSet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Written {
    min_length: usize,
    max_length: usize,
    contains: Vec<String>,
    regex: Vec<String>,
}

impl Default for Written {
    fn default() -> Written {
        Written { min_length: 0, max_length: usize::MAX, contains: Vec::new(), regex: Vec::new() }
    }
}

impl TryFrom<Written> for Match {
    type Error = String;

    fn try_from(written: Written) -> Result<Match, String> {
        let Written { min_length, max_length, contains, regex } = written;
        if min_length > max_length {
            return Err("`min-length` is more than `max-length`".to_owned());
        }
        for (key, patterns) in [("contains", &contains), ("regex", &regex)] {
            if patterns.len() > MAX_PATTERNS {
                return Err(format!("`{key}` has more than {MAX_PATTERNS} items"));
            }
            let good = |pattern: &String| (1..=MAX_PATTERN).contains(&pattern.chars().count());
            if let Some(at) = patterns.iter().position(|pattern| !good(pattern)) {
                return Err(format!("`{key}[{at}]` has not 1 to {MAX_PATTERN} characters"));
            }
        }
        Ok(Match { min_length, max_length, contains: any_of(&contains)?, regex: set_of(&regex)? })
    }
}

/// Texts as one expression, which looks for all of them at once.
fn any_of(texts: &[String]) -> Result<Option<Regex>, String> {
    if texts.is_empty() {
        return Ok(None);
    }
    let literal: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
    let built = RegexBuilder::new(&literal.join("|")).case_insensitive(true).size_limit(MAX_COMPILED).build();
    built.map(Some).map_err(|error| format!("`contains`: {error}"))
}

fn set_of(expressions: &[String]) -> Result<Option<RegexSet>, String> {
    if expressions.is_empty() {
        return Ok(None);
    }
    // One by one first, so that the refusal says which.
    for (at, expression) in expressions.iter().enumerate() {
        let built = RegexBuilder::new(expression).size_limit(MAX_COMPILED).build();
        built.map_err(|error| format!("`regex[{at}]`: {error}"))?;
    }
    let built = RegexSetBuilder::new(expressions).size_limit(MAX_COMPILED).build();
    built.map(Some).map_err(|error| format!("`regex`: {error}"))
}

impl Match {
    /// Whether a message with this content is worth a call.
    pub fn matches(&self, content: &str) -> bool {
        (self.min_length..=self.max_length).contains(&content.chars().count())
            && self.contains.as_ref().is_none_or(|texts| texts.is_match(content))
            && self.regex.as_ref().is_none_or(|expressions| expressions.is_match(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Match, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn all_that_is_said_must_hold() {
        let filter =
            parse("min-length = 3\nmax-length = 20\ncontains = ['straße', 'a.b']\nregex = ['^x', '\\d$']").unwrap();
        for (content, expected) in [
            ("x STRASSE a.B", true),
            ("A.B 7", true),
            ("x aab", false),
            ("a.b", false),
            ("x", false),
            ("x a.b and much more than that", false),
        ] {
            assert_eq!(filter.matches(content), expected, "{content}");
        }
        assert!(parse("").unwrap().matches(""));
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        for (wrong, expected) in [
            ("min-length = 3\nmax-length = 2", "more than"),
            ("regex = ['a', '(']", "`regex[1]`"),
            ("regex = ['(?=a)']", "`regex[0]`"),
            ("regex = ['\\w{1000}{1000}']", "size limit"),
            ("contains = ['']", "`contains[0]`"),
            ("regexp = []", "unknown field"),
        ] {
            let why = parse(wrong).unwrap_err();
            assert!(why.contains(expected), "{expected:?} in {why:?}");
        }
        let many = format!("contains = [{}]", "'x',".repeat(MAX_PATTERNS + 1));
        assert!(parse(&many).unwrap_err().contains("more than 100"));
    }
}
