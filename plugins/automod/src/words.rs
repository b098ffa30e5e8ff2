//! Forbidden words and patterns.

use regex_lite::{Regex, RegexBuilder};

use crate::folding::{fold, is_of_word};

/// The most bytes that one compiled expression may take: more would also take too long.
const LARGEST_PATTERN: usize = 4 * 1024;

/// The first of the forbidden words that a text has, as it stands in the list. The text is folded
/// already. A star at an end of a word stands for any letters.
pub fn forbidden_word<'w>(folded: &str, words: &'w [String]) -> Option<&'w str> {
    let words_of_text: Vec<&str> = folded.split(|c| !is_of_word(c)).filter(|word| !word.is_empty()).collect();
    words.iter().map(String::as_str).find(|word| {
        let open_before = word.starts_with('*');
        let open_after = word.ends_with('*');
        let wanted = fold(word.trim_matches('*').trim());
        if !open_before && !open_after && wanted.chars().all(is_of_word) {
            // Most are single words, and lists may be long: comparing is faster than searching.
            return words_of_text.contains(&wanted.as_str());
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

/// The first text that a forbidden pattern matches. A pattern that is none matches nothing.
pub fn forbidden_pattern(text: &str, patterns: &[String]) -> Option<String> {
    let found = patterns.iter().filter_map(|pattern| compile(pattern)).find_map(|regex| {
        let found = regex.find(text)?;
        Some(found.as_str().to_owned())
    });
    found.filter(|found| !found.is_empty())
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(LARGEST_PATTERN).build().ok()
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
    fn an_expression_that_is_too_large_is_none() {
        assert_eq!(forbidden_pattern("a", &["(a{900}){900}".to_owned()]), None);
    }
}
