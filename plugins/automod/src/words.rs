//! Forbidden words and patterns.

use regex::bytes;

use crate::folding::{fold, is_of_word};

/// The most bytes that one compiled expression with letters beyond ASCII may take: more would also take too long.
const LARGEST_FOREIGN: usize = 4 * 1024;
/// The most bytes that all others may take together, and what is remembered while they are looked for.
const LARGEST_PATTERNS: usize = 128 * 1024;
const LARGEST_MEMORY: usize = 256 * 1024;
/// What stands for every character beyond ASCII where those aren't told apart.
const FOREIGN: u8 = 0xff;

/// The first of the forbidden words that a text has, as it stands in the list. The text is folded
/// already. A star at an end of a word stands for any letters.
pub fn forbidden_word<'w>(folded: &str, words: &'w [String]) -> Option<&'w str> {
    let mut words_of_text: Vec<&str> = folded.split(|c| !is_of_word(c)).filter(|word| !word.is_empty()).collect();
    words_of_text.sort_unstable();
    words.iter().map(String::as_str).find(|word| {
        let open_before = word.starts_with('*');
        let open_after = word.ends_with('*');
        let wanted = fold(word.trim_matches('*').trim());
        if !open_before && !open_after && wanted.chars().all(is_of_word) {
            // Most are single words, and lists may be long: comparing is faster than searching.
            return words_of_text.binary_search(&wanted.as_str()).is_ok();
        }
        !wanted.is_empty() && stands_in(folded, &wanted, open_before, open_after)
    })
}

/// Whether a text has these words, as whole ones but for open ends.
fn stands_in(text: &str, wanted: &str, open_before: bool, open_after: bool) -> bool {
    text.match_indices(wanted).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        (open_before || !before.is_some_and(is_of_word)) && (open_after || !after.is_some_and(is_of_word))
    })
}

/// A text that a forbidden pattern matches. A pattern that is none matches nothing, and so does one that matches no
/// character.
pub fn forbidden_pattern(text: &str, patterns: &[String]) -> Option<String> {
    let (plain, foreign): (Vec<&str>, Vec<&str>) =
        patterns.iter().map(String::as_str).partition(|pattern| is_plain(pattern));
    plain_match(text, &plain).or_else(|| foreign.into_iter().find_map(|pattern| foreign_match(text, pattern)))
}

/// Whether a pattern tells no characters beyond ASCII apart.
fn is_plain(pattern: &str) -> bool {
    pattern.is_ascii() && !["\\u", "\\U", "\\x", "\\p", "\\P"].iter().any(|escape| pattern.contains(escape))
}

/// Looks for patterns in a text in which each character is one byte: so what they count is characters.
fn plain_match(text: &str, patterns: &[&str]) -> Option<String> {
    if patterns.is_empty() {
        return None;
    }
    let bytes: Vec<u8> = text.chars().map(|c| if c.is_ascii() { c as u8 } else { FOREIGN }).collect();
    let shown = |found: bytes::Match| -> String { text.chars().skip(found.start()).take(found.len()).collect() };
    // All at once takes as long as one, and most messages match none.
    let together: Vec<String> = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect();
    match compile(&together.join("|")).map(|all| all.find(&bytes).map(|found| (found.len(), shown(found)))) {
        Some(None) => return None,
        Some(Some((1.., found))) => return Some(found),
        // One of them is none, or matches nothing at all and hides the others.
        None | Some(Some(_)) => {}
    }
    patterns.iter().filter_map(|pattern| compile(pattern)).find_map(|regex| {
        let found = regex.find(&bytes).filter(|found| !found.is_empty())?;
        Some(shown(found))
    })
}

fn compile(pattern: &str) -> Option<bytes::Regex> {
    let mut builder = bytes::RegexBuilder::new(pattern);
    builder.case_insensitive(true).unicode(false).size_limit(LARGEST_PATTERNS).dfa_size_limit(LARGEST_MEMORY);
    builder.build().ok()
}

fn foreign_match(text: &str, pattern: &str) -> Option<String> {
    let mut builder = regex_lite::RegexBuilder::new(pattern);
    let regex = builder.case_insensitive(true).size_limit(LARGEST_FOREIGN).build().ok()?;
    let found = regex.find(text).filter(|found| !found.is_empty())?;
    Some(found.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, words: &[&str]) -> Option<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        forbidden_word(&fold(text), &words).map(str::to_owned)
    }

    #[test]
    fn words_are_found_whole_and_in_disguise() {
        assert_eq!(word("Buy СHЕАP things", &["cheap"]), Some("cheap".to_owned()));
        assert_eq!(word("cheaper", &["cheap"]), None);
        assert_eq!(word("cheaper", &["cheap*"]), Some("cheap*".to_owned()));
        assert_eq!(word("dirtcheap", &["*cheap"]), Some("*cheap".to_owned()));
        assert_eq!(word("get rich\u{200b} quick!", &["rich quick"]), Some("rich quick".to_owned()));
        assert_eq!(word("anything", &["", "*", " * "]), None);
    }

    #[test]
    fn patterns_tell_what_they_matched_and_wrong_ones_match_nothing() {
        let patterns = ["(", r"\d{3}-\d{4}", "x*"].map(str::to_owned);
        assert_eq!(forbidden_pattern("call 555-1234", &patterns), Some("555-1234".to_owned()));
        assert_eq!(forbidden_pattern("call me", &patterns), None);
    }

    #[test]
    fn each_character_counts_as_one_whatever_its_letters() {
        let found = |text: &str, pattern: &str| forbidden_pattern(text, &[pattern.to_owned()]);
        assert_eq!(found("äöü", "^.{3}$"), Some("äöü".to_owned()));
        assert_eq!(found("äöü", "^.{4,}$"), None);
        assert_eq!(found("ein böses WORT", r"b[^a-z]ses\s+wort"), Some("böses WORT".to_owned()));
        assert_eq!(found("ein böses Wort", "b[öo]ses"), Some("böses".to_owned()));
        assert_eq!(found("naïve", r"\bna\W"), Some("naï".to_owned()));
    }

    #[test]
    fn one_pattern_hides_no_other() {
        let patterns = ["x*", ")(", "bad", "(?x) a # b"].map(str::to_owned);
        assert_eq!(forbidden_pattern("so bad", &patterns), Some("bad".to_owned()));
        assert_eq!(forbidden_pattern("so good", &patterns), None);
    }

    #[test]
    fn an_expression_that_is_too_large_is_none() {
        assert_eq!(forbidden_pattern("a", &["(a{900}){900}".to_owned()]), None);
        assert_eq!(forbidden_pattern("ä", &["(ä{900}){900}".to_owned()]), None);
    }
}
