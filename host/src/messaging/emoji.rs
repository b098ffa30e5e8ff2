//! Emoji: one of Unicode's, or a guild's own as `name:id`.

use crate::id::EmojiId;

/// What one reacts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Emoji {
    /// One of Unicode's, in its proper spelling.
    Unicode(&'static str),
    /// A guild's own.
    Custom {
        /// What the guild calls it.
        name: String,
        /// Which one it is.
        id: EmojiId,
    },
}

impl Emoji {
    /// The one emoji that a text is; nothing if it is none, or more than one.
    ///
    /// However Unicode's are spelt, with or without what asks for a picture, they are the same emoji.
    pub fn parse(text: &str) -> Option<Emoji> {
        if let Some(emoji) = emojis::get(text) {
            return Some(Emoji::Unicode(emoji.as_str()));
        }
        let (name, id) = text.split_once(':')?;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || !(2..=32).contains(&name.len()) {
            return None;
        }
        Some(Emoji::Custom { name: name.to_owned(), id: id.parse().ok()? })
    }
}

impl std::fmt::Display for Emoji {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Emoji::Unicode(text) => f.write_str(text),
            Emoji::Custom { name, id } => write!(f, "{name}:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_one_picture_however_it_is_spelt() {
        for one in ["👍", "👍🏽", "❤️", "👩‍👩‍👧‍👦", "🇹🇷", "1️⃣", "🏴‍☠️"] {
            assert_eq!(Emoji::parse(one).map(|emoji| emoji.to_string()), Some(one.to_owned()), "{one}");
        }
        assert_eq!(Emoji::parse("\u{2764}"), Emoji::parse("\u{2764}\u{fe0f}"));
    }

    #[test]
    fn a_custom_emoji_is_its_name_and_id() {
        let party = Emoji::parse("party_hat:42");
        assert_eq!(party, Some(Emoji::Custom { name: "party_hat".into(), id: EmojiId(42) }));
        assert_eq!(party.map(|emoji| emoji.to_string()), Some("party_hat:42".into()));
    }

    #[test]
    fn all_else_is_none() {
        for bad in [
            "",
            " ",
            "a",
            "1",
            "👍👍",
            "👍 ",
            "x👍",
            "a:1",
            "party:0",
            "party:",
            ":1",
            "pa rty:1",
            "party:1:2",
            "\u{fe0f}",
        ] {
            assert_eq!(Emoji::parse(bad), None, "{bad:?}");
        }
    }
}
