//! Seeing through disguises: text as it is read, not as it is written.

/// Text in small letters without accents, with lookalikes as the letters that they look like, and
/// without characters that nobody sees. Digits and signs count as letters inside of words that have
/// letters too: `fr33` is `free`, and `33` stays `33`.
pub fn fold(text: &str) -> String {
    // Most texts have no disguise.
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_digit() && !matches!(byte, b'@' | b'$')) {
        return text.to_ascii_lowercase();
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_hidden(*c)) {
        if c.is_ascii() {
            plain.push(c.to_ascii_lowercase());
        } else {
            // Capitals of lookalikes have small letters of their own, and those are in the table.
            plain.extend(lookalike(c).to_lowercase().filter(|c| !is_hidden(*c)).map(lookalike));
        }
    }
    spell_out(&plain)
}

/// Whether a character takes no room: zero-width ones, marks on others, variation selectors.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// The letter that a character looks like, or itself.
fn lookalike(c: char) -> char {
    let letter = |offset: u32| char::from(b'a' + (offset % 26) as u8);
    let digit = |offset: u32| char::from(b'0' + (offset % 10) as u8);
    let code = c as u32;
    match code {
        // Wide forms, styled letters and digits of mathematics, circled and squared letters, flags.
        0xff01..=0xff5e => char::from((code - 0xfee0) as u8).to_ascii_lowercase(),
        0x1d400..=0x1d6a3 => letter(code - 0x1d400),
        0x1d7ce..=0x1d7ff => digit(code - 0x1d7ce),
        0x24b6..=0x24e9 => letter(code - 0x24b6),
        0x1f130..=0x1f149 => letter(code - 0x1f130),
        0x1f150..=0x1f169 => letter(code - 0x1f150),
        0x1f170..=0x1f189 => letter(code - 0x1f170),
        0x1f1e6..=0x1f1ff => letter(code - 0x1f1e6),
        _ => lookalike_letter(c),
    }
}

/// Accented Latin letters, and Cyrillic, Greek and others that look like Latin ones.
fn lookalike_letter(c: char) -> char {
    match c {
        'à'..='å'
        | 'À'..='Å'
        | 'ā'
        | 'ă'
        | 'ą'
        | 'ǎ'
        | 'ạ'
        | 'ả'
        | 'ấ'
        | 'ầ'
        | 'ắ'
        | 'ằ'
        | 'а'
        | 'А'
        | 'α'
        | 'Α'
        | 'ɑ'
        | 'ª' => 'a',
        'ƀ' | 'ɓ' | 'В' | 'Β' | 'β' | 'Ь' | 'ь' | 'ß' => 'b',
        'ç' | 'Ç' | 'ć' | 'ĉ' | 'ċ' | 'č' | 'с' | 'С' | 'ϲ' | 'ƈ' | '¢' => 'c',
        'ď' | 'đ' | 'ð' | 'Ð' | 'ԁ' | 'ɖ' | 'ɗ' => 'd',
        'è'..='ë'
        | 'È'..='Ë'
        | 'ē'
        | 'ĕ'
        | 'ė'
        | 'ę'
        | 'ě'
        | 'ẹ'
        | 'ẻ'
        | 'ẽ'
        | 'ế'
        | 'ề'
        | 'е'
        | 'Е'
        | 'ё'
        | 'Ё'
        | 'є'
        | 'ε'
        | 'Ε'
        | '€' => 'e',
        'ƒ' | 'ſ' => 'f',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' | 'ɡ' | 'ɢ' | 'ԍ' => 'g',
        'ĥ' | 'ħ' | 'һ' | 'Н' | 'Η' | 'ɦ' => 'h',
        'ì'..='ï'
        | 'Ì'..='Ï'
        | 'ĩ'
        | 'ī'
        | 'ĭ'
        | 'į'
        | 'İ'
        | 'ı'
        | 'ị'
        | 'ỉ'
        | 'і'
        | 'І'
        | 'ї'
        | 'Ї'
        | 'ι'
        | 'Ι'
        | 'ɪ' => 'i',
        'ĵ' | 'ј' | 'Ј' | 'ʝ' => 'j',
        'ķ' | 'к' | 'К' | 'κ' | 'Κ' | 'ƙ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' | 'ӏ' | 'Ӏ' | 'ʟ' | 'ⅼ' => 'l',
        'м' | 'М' | 'Μ' | 'ɱ' | 'ⅿ' => 'm',
        'ñ' | 'Ñ' | 'ń' | 'ņ' | 'ň' | 'ŋ' | 'Ν' | 'ո' | 'п' | 'η' => 'n',
        'ò'..='ö'
        | 'Ò'..='Ö'
        | 'ø'
        | 'Ø'
        | 'ō'
        | 'ŏ'
        | 'ő'
        | 'ơ'
        | 'ọ'
        | 'ỏ'
        | 'ố'
        | 'ồ'
        | 'о'
        | 'О'
        | 'ο'
        | 'Ο'
        | 'σ'
        | 'օ'
        | 'º' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' | 'þ' => 'p',
        'ԛ' | 'զ' => 'q',
        'ŕ' | 'ŗ' | 'ř' | 'г' | 'ʀ' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' | 'ѕ' | 'Ѕ' | 'ꜱ' | '§' => 's',
        'ţ' | 'ť' | 'ŧ' | 'ț' | 'т' | 'Т' | 'τ' | 'Τ' | '†' => 't',
        'ù'..='ü' | 'Ù'..='Ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ' | 'ủ' | 'υ' | 'ս' | 'µ' | 'μ' => {
            'u'
        }
        'ν' | 'ѵ' | 'ᴠ' | 'ⅴ' => 'v',
        'ŵ' | 'ω' | 'ԝ' | 'ѡ' | 'ᴡ' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' | '×' | 'ⅹ' => 'x',
        'ý' | 'Ý' | 'ÿ' | 'ŷ' | 'у' | 'У' | 'γ' | 'Υ' | 'ỳ' => 'y',
        'ź' | 'ż' | 'ž' | 'Ζ' | 'ᴢ' => 'z',
        _ => c,
    }
}

/// Replaces the digits and signs that stand for letters, in words that have letters.
fn spell_out(text: &str) -> String {
    let mut spelt = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| !is_of_word(c) && !matches!(c, '@' | '$')) {
        let has_letters = word.chars().any(char::is_alphabetic);
        for (index, c) in word.char_indices() {
            spelt.push(match c {
                '0' if has_letters => 'o',
                '1' if has_letters => 'i',
                '3' if has_letters => 'e',
                '4' if has_letters => 'a',
                '5' | '$' if has_letters => 's',
                '7' if has_letters => 't',
                // At the beginning it is the sign of a mention.
                '@' if has_letters && index > 0 => 'a',
                c => c,
            });
        }
    }
    spelt
}

/// Whether a character belongs to words.
pub fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_seen_through() {
        for (written, read) in [
            ("Hello, World", "hello, world"),
            ("Çılgın İSTANBUL", "cilgin istanbul"),
            ("sp\u{200b}a\u{ad}m", "spam"),
            ("z\u{300}\u{301}algo", "zalgo"),
            ("ｓｐａｍ", "spam"),
            ("𝓼𝓹𝓪𝓶 𝐒𝐏𝐀𝐌", "spam spam"),
            ("Ⓢⓟⓐⓜ", "spam"),
            ("ѕраm", "spam"),
            ("fr33 m0n3y", "free money"),
            ("p@ss a$$", "pass ass"),
        ] {
            assert_eq!(fold(written), read, "{written}");
        }
    }

    #[test]
    fn numbers_and_mentions_stay_what_they_are() {
        assert_eq!(fold("455 at 10:30 @anna"), "455 at 10:30 @anna");
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for text in ["Ёлка под ёлкой", "fr33 ßtraße", "𝟏𝟐𝟑 ＡＢＣ", "ΑΒΓ αβγ"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }
}
