//! The rules, one after another, over one message.

use guildhall_sdk::{Argument, Message, Stage, UserKind};

use crate::folding::fold;
use crate::settings::{Response, Rule, Settings};
use crate::{links, words};

/// Fewer letters than this are never shouting.
const SHORTEST_SHOUT: usize = 12;
/// The most characters of what was found that are repeated to people.
const MOST_QUOTED: usize = 40;

/// A rule that a message breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// What is to happen.
    pub response: Response,
    /// What the texts about it name as `detail`: what was found, or the bound that was passed.
    pub detail: Argument,
}

/// Every rule that a message breaks. `count` counts the message under a key and tells how many were
/// counted under it in so many milliseconds.
pub fn breaches(settings: &Settings, stage: Stage, message: &Message, count: impl Fn(&str, u32) -> u32) -> Vec<Breach> {
    let folded = fold(&message.content);
    let links = links::links(&message.content);
    let mut breaches = Vec::new();
    let mut check = |rule: Rule, find: &dyn Fn() -> Option<Argument>| {
        let response = settings.response(rule);
        if response != Response::Off {
            breaches.extend(find().map(|detail| Breach { rule, response, detail }));
        }
    };
    check(Rule::Keywords, &|| words::forbidden_word(&folded, settings.items("keywords")).map(quote));
    check(Rule::Patterns, &|| {
        words::forbidden_pattern(&message.content, settings.items("patterns")).map(|found| quote(&found))
    });
    check(Rule::Links, &|| {
        links::forbidden(&links, settings.items("links-allowed"), settings.items("links-denied")).map(quote)
    });
    check(Rule::Invites, &|| links::invitation(&links, settings.items("invites-allowed")).map(quote));
    check(Rule::Mentions, &|| over(mentions(message), settings.number("mentions-most")));
    check(Rule::Caps, &|| over(shouting(&message.content), settings.number("caps-percent").saturating_sub(1)));
    // An edit is no new message; and bots say the same again and again by their nature.
    if stage == Stage::Create && message.author.kind == UserKind::User {
        let author = message.author.id;
        let often = |key: &str, rule: &str| {
            let window = settings.number(&format!("{rule}-seconds")).saturating_mul(1000);
            over(count(key, window), settings.number(&format!("{rule}-most")))
        };
        let said = folded.split_whitespace().collect::<Vec<_>>().join(" ");
        check(Rule::Repeats, &|| often(&format!("repeats:{author}:{:016x}", fingerprint(&said)), "repeats"));
        check(Rule::Flood, &|| often(&format!("flood:{author}"), "flood"));
    }
    breaches
}

/// The bound, if it is passed.
fn over(number: u32, most: u32) -> Option<Argument> {
    (number > most).then(|| Argument::from(most))
}

/// A text to be shown: not too long, and nothing that is a reference or a link there.
fn quote(text: &str) -> Argument {
    let text: String = text.chars().filter(|c| !matches!(c, '<' | '>' | '`' | '@')).take(MOST_QUOTED).collect();
    Argument::from(text)
}

fn mentions(message: &Message) -> u32 {
    let all = message.mentions.len() + message.mention_roles.len() + usize::from(message.mention_everyone);
    u32::try_from(all).unwrap_or(u32::MAX)
}

/// How many percent of the letters are capitals; 0 for a text that is too short to tell.
fn shouting(content: &str) -> u32 {
    // Letters of scripts without capitals say nothing.
    let letters = content.chars().filter(|c| c.is_lowercase() || c.is_uppercase()).count();
    let capitals = content.chars().filter(|c| c.is_uppercase()).count();
    if letters < SHORTEST_SHOUT { 0 } else { (capitals * 100 / letters) as u32 }
}

/// A number that stands for a text: FNV-1a.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
pub mod tests {
    use std::cell::RefCell;

    use guildhall_sdk::config::Value;
    use guildhall_sdk::{MessageKind, User, UserKind};

    use super::*;

    /// Settings that say this.
    pub fn settings(pairs: &[(&str, Value)]) -> Settings {
        Settings(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    /// The action of a rule.
    pub fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    /// A message that says this.
    pub fn message(content: &str) -> Message {
        let author = User {
            id: 5,
            username: "ada".to_owned(),
            display_name: "Ada".to_owned(),
            kind: UserKind::User,
            attrs: Vec::new(),
        };
        Message {
            id: 1,
            channel: 2,
            kind: MessageKind::Default,
            author,
            content: content.to_owned(),
            reply_to: vec![],
            attachments: vec![],
            mentions: vec![],
            mention_roles: vec![],
            mention_everyone: false,
            reactions: vec![],
            pinned: false,
            nonce: None,
            blocks: None,
            created_at: 0,
            edited_at: None,
            attrs: vec![],
        }
    }

    fn broken(settings: &Settings, message: &Message) -> Vec<Rule> {
        breaches(settings, Stage::Create, message, |_, _| 1).into_iter().map(|breach| breach.rule).collect()
    }

    #[test]
    fn a_rule_that_is_off_is_not_looked_at() {
        let words = ("keywords", Value::Items(vec!["spam".to_owned()]));
        let off = settings(&[words.clone(), ("keywords-action", text("off"))]);
        assert_eq!(broken(&off, &message("spam")), []);
        let on = settings(&[words, ("keywords-action", text("block"))]);
        assert_eq!(broken(&on, &message("sp\u{200b}am")), [Rule::Keywords]);
    }

    #[test]
    fn only_people_are_counted() {
        let settings = settings(&[("repeats-most", Value::Int(1)), ("repeats-action", text("block"))]);
        let broken = |message: &Message| breaches(&settings, Stage::Create, message, |_, _| 2).len();
        let mut message = message("Poll closed");
        assert_eq!(broken(&message), 1);
        message.author.kind = UserKind::Plugin;
        assert_eq!(broken(&message), 0);
    }

    #[test]
    fn mentions_are_counted_together() {
        let settings = settings(&[("mentions-most", Value::Int(2)), ("mentions-action", text("hold"))]);
        let mut message = message("hi");
        message.mentions = vec![1, 2];
        assert_eq!(broken(&settings, &message), []);
        message.mention_everyone = true;
        assert_eq!(broken(&settings, &message), [Rule::Mentions]);
    }

    #[test]
    fn shouting_is_a_matter_of_letters() {
        let settings = settings(&[("caps-percent", Value::Int(70)), ("caps-action", text("alert"))]);
        assert_eq!(broken(&settings, &message("WHY IS NOBODY HERE")), [Rule::Caps]);
        for calm in ["OK", "NASA is in the USA, I think", "1234 5678 9012 !!!!", "なぜ誰もここにいないのですか"]
        {
            assert_eq!(broken(&settings, &message(calm)), [], "{calm}");
        }
    }

    #[test]
    fn repetitions_count_the_same_text_of_the_same_author_and_edits_count_nothing() {
        let settings = settings(&[
            ("repeats-most", Value::Int(2)),
            ("repeats-seconds", Value::Int(60)),
            ("repeats-action", text("block")),
        ]);
        let keys = RefCell::new(Vec::new());
        let count = |key: &str, window: u32| {
            assert_eq!(window, 60_000);
            keys.borrow_mut().push(key.to_owned());
            keys.borrow().iter().filter(|known| *known == key).count() as u32
        };
        let say = |stage, content| breaches(&settings, stage, &message(content), count).len();
        assert_eq!(
            [say(Stage::Create, "Buy now"), say(Stage::Create, "buy  NOW"), say(Stage::Create, "hello")],
            [0, 0, 0]
        );
        assert_eq!(say(Stage::Edit, "buy now"), 0);
        assert_eq!(say(Stage::Create, "b\u{200b}uy now"), 1);
    }

    #[test]
    fn what_is_quoted_mentions_nobody_and_is_short() {
        let Argument::Text(quoted) = quote(&format!("<@1> @everyone {}", "x".repeat(100))) else { panic!() };
        assert!(!quoted.contains(['<', '@']) && quoted.len() == MOST_QUOTED, "{quoted}");
    }
}
