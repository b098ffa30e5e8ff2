//! Links, and among them invitations.

/// Sites whose links below these paths are invitations. On any other site, `/i/<code>` is one.
const INVITATIONS: [(&str, &str); 9] = [
    ("discord.gg", "/"),
    ("discord.com", "/invite/"),
    ("discordapp.com", "/invite/"),
    ("t.me", "/+"),
    ("t.me", "/joinchat/"),
    ("telegram.me", "/joinchat/"),
    ("chat.whatsapp.com", "/"),
    ("guilded.gg", "/i/"),
    ("matrix.to", "/#/"),
];

/// A link in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The site, in small letters.
    pub host: String,
    /// What comes after it, from the first slash on.
    pub path: String,
    /// Whether it is written as a link; else it only looks like one, as `example.com` does.
    pub explicit: bool,
}

/// Every link in a text.
pub fn links(text: &str) -> Vec<Link> {
    let separates =
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | '|' | '`');
    text.split(separates).filter_map(link).collect()
}

fn link(word: &str) -> Option<Link> {
    let lower = word.to_ascii_lowercase();
    let scheme = ["https://", "http://"].iter().find_map(|scheme| Some(lower.find(scheme)? + scheme.len()));
    let rest = &word[scheme.unwrap_or(0)..];
    let (authority, path) = rest.find(['/', '?', '#', '\\']).map_or((rest, ""), |end| rest.split_at(end));
    // What stands before an `@` is a user's name, however much it looks like a site.
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let host = host.trim_matches(|c: char| matches!(c, '.' | ',' | ';' | '!' | '*' | '_')).to_lowercase();
    let explicit = scheme.is_some() || host.starts_with("www.");
    if explicit && host.is_empty() || !explicit && !looks_like_a_site(&host) {
        return None;
    }
    let host = host.strip_prefix("www.").map(str::to_owned).unwrap_or(host);
    Some(Link { host, path: path.to_owned(), explicit })
}

fn looks_like_a_site(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    let ends_well = labels.next().is_some_and(|last| last.len() >= 2 && last.chars().all(char::is_alphabetic));
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    let rest: Vec<&str> = labels.collect();
    ends_well && !rest.is_empty() && rest.into_iter().all(is_label)
}

/// The site of the first forbidden link: one of the denied sites or, if any are allowed, a link
/// that is written as one to another.
pub fn forbidden<'l>(links: &'l [Link], allowed: &[String], denied: &[String]) -> Option<&'l str> {
    let is_listed = |host: &str, list: &[String]| list.iter().any(|site| is_below(host, site));
    let found = links.iter().find(|link| {
        let is_other = !allowed.is_empty() && link.explicit && !is_listed(&link.host, allowed);
        is_listed(&link.host, denied) || is_other
    });
    found.map(|link| link.host.as_str())
}

/// Whether a host is a site or stands below it.
fn is_below(host: &str, site: &str) -> bool {
    let site = site.trim().trim_start_matches("*.").trim_matches('.').to_lowercase();
    match host.strip_suffix(site.as_str()) {
        Some(rest) => !site.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

/// The first invitation whose code isn't allowed.
pub fn invitation<'l>(links: &'l [Link], allowed: &[String]) -> Option<&'l str> {
    links.iter().find_map(|link| {
        let known = INVITATIONS.iter().filter(|(site, _)| is_below(&link.host, site));
        let code = known.clone().find_map(|(_, path)| link.path.strip_prefix(path));
        let code = code.or_else(|| if known.count() == 0 { link.path.strip_prefix("/i/") } else { None })?;
        let code = code.split(['/', '?', '#']).next()?;
        (!code.is_empty() && !allowed.iter().any(|allowed| allowed.trim() == code)).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn denied(text: &str, sites: &[&str]) -> Option<String> {
        forbidden(&links(text), &[], &strings(sites)).map(str::to_owned)
    }

    #[test]
    fn a_denied_site_is_found_however_it_is_written() {
        for text in [
            "see https://evil.com/x",
            "see HTTP://WWW.Evil.COM:8080",
            "<https://a.b.evil.com>",
            "[click](https://evil.com)",
            "https://good.com@evil.com/",
            "just evil.com, really",
            "www.evil.com.",
        ] {
            assert!(denied(text, &["evil.com"]).is_some(), "{text}");
        }
        for text in ["https://notevil.com", "https://good.com/evil.com", "evil com", "an evil.command"] {
            assert_eq!(denied(text, &["evil.com", ""]), None, "{text}");
        }
    }

    #[test]
    fn where_some_are_allowed_other_links_are_not() {
        let only = |text: &str| forbidden(&links(text), &strings(&["docs.rs"]), &[]).map(str::to_owned);
        assert_eq!(only("https://docs.rs/serde and readme.md"), None);
        assert_eq!(only("https://docs.rs.evil.com"), Some("docs.rs.evil.com".to_owned()));
        assert_eq!(only("www.example.com"), Some("example.com".to_owned()));
    }

    #[test]
    fn invitations_are_found_unless_their_code_is_allowed() {
        let found = |text: &str| invitation(&links(text), &strings(&["ours"])).map(str::to_owned);
        for text in ["discord.gg/abc", "https://discord.com/invite/abc?x", "https://chat.example.org/i/abc"] {
            assert_eq!(found(text), Some("abc".to_owned()), "{text}");
        }
        for text in ["https://chat.example.org/i/ours", "https://discord.com/channels/1", "https://t.me/news", "/i/abc"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
