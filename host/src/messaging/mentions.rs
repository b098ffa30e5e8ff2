//! The references in a message's text, and which of them reach somebody.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store;
use crate::app::App;
use crate::channels::{Access, Permissions, Place};
use crate::db::Conn;
use crate::error::Result;
use crate::http::body::Faults;
use crate::id::{RoleId, UserId};

/// The most people that one message mentions; later ones stay text.
const MAX_USERS: usize = 50;
/// The most roles that one message mentions.
const MAX_ROLES: usize = 20;

/// Which of the mentions in a text count.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AllowedMentions {
    /// These people; all that the text names if this isn't said.
    pub users: Option<Vec<UserId>>,
    /// These roles; all that the text names if this isn't said.
    pub roles: Option<Vec<RoleId>>,
    /// Whether `@everyone` counts.
    pub everyone: bool,
}

impl AllowedMentions {
    /// Notes lists that are longer than any message needs.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.items("/allowed_mentions/users", self.users.as_ref().map_or(0, Vec::len), MAX_USERS);
        faults.items("/allowed_mentions/roles", self.roles.as_ref().map_or(0, Vec::len), MAX_ROLES);
    }
}

/// Whom a message reaches.
#[derive(Debug, Default, PartialEq)]
pub struct Mentions {
    /// People, in the order of the text.
    pub users: Vec<UserId>,
    /// Roles, in the order of the text.
    pub roles: Vec<RoleId>,
    /// Everyone.
    pub everyone: bool,
}

/// Who of those that a text names is there to be reached; whoever isn't stays text.
pub async fn present(app: &App, access: &Access, content: &str) -> Result<Vec<UserId>> {
    // Most texts name nobody: then no connection is asked for.
    if parse(content).users.is_empty() {
        return Ok(Vec::new());
    }
    Box::pin(async { present_through(&mut app.db.read().await?, access, content).await }).await
}

/// The same for whoever holds a connection already.
pub async fn present_through(conn: &mut Conn, access: &Access, content: &str) -> Result<Vec<UserId>> {
    let mut named = parse(content).users;
    named.truncate(MAX_USERS);
    match &access.place {
        Place::Direct(direct, _) => named.retain(|user| direct.recipients.contains(user)),
        Place::Guild(membership) => {
            let members = store::members_among(conn, membership.id(), &named).await?;
            named.retain(|user| members.contains(user));
        }
    }
    Ok(named)
}

/// Finds the mentions in a text that its author may make and wants to count, of those who are `present`.
pub fn resolve(content: &str, allowed: Option<&AllowedMentions>, access: &Access, present: &[UserId]) -> Mentions {
    let mut found = parse(content);
    found.users.retain(|user| present.contains(user));
    let may_mention_all = access.may(Permissions::MENTION_EVERYONE);
    let wants_everyone = allowed.is_none_or(|allowed| allowed.everyone);
    found.everyone &= may_mention_all && wants_everyone && access.membership().is_some();
    found.roles.retain(|role| {
        let rule = access.membership().and_then(|membership| membership.guild.roles.get(role));
        rule.is_some_and(|rule| rule.mentionable || may_mention_all)
    });
    if let Some(allowed) = allowed {
        found.users.retain(|user| allowed.users.as_ref().is_none_or(|users| users.contains(user)));
        found.roles.retain(|role| allowed.roles.as_ref().is_none_or(|roles| roles.contains(role)));
    }
    found.roles.truncate(MAX_ROLES);
    found
}

/// Every mention that a text spells: `<@id>`, `<@&id>`, `@everyone`, `@here`.
pub fn parse(content: &str) -> Mentions {
    let mut found = Mentions { everyone: spells_everyone(content), ..Mentions::default() };
    let mut rest = content;
    while let Some(start) = rest.find("<@") {
        rest = &rest[start + 2..];
        let Some(end) = rest.bytes().take(24).position(|byte| byte == b'>') else { continue };
        let inside = &rest[..end];
        if let Some(Ok(role)) = inside.strip_prefix('&').map(str::parse::<RoleId>) {
            push_new(&mut found.roles, role);
        } else if let Ok(user) = inside.parse::<UserId>() {
            push_new(&mut found.users, user);
        }
    }
    found
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Whether `@everyone` or `@here` stands in the text as a word.
fn spells_everyone(content: &str) -> bool {
    content.match_indices('@').any(|(at, _)| {
        let before = content[..at].chars().next_back();
        let after = &content[at + 1..];
        let word = ["everyone", "here"].into_iter().find(|word| after.starts_with(word));
        let next = word.and_then(|word| after[word.len()..].chars().next());
        word.is_some() && !before.is_some_and(char::is_alphanumeric) && !next.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_once_and_broken_ones_are_text() {
        let found = parse("<@1> and <@1>, <@&22>, <@x> <@&> <@12345678901234567890> <@3");
        assert_eq!(found, Mentions { users: vec![UserId(1)], roles: vec![RoleId(22)], everyone: false });
    }

    #[test]
    fn everyone_is_a_word() {
        for (content, expected) in [
            ("@everyone!", true),
            ("hi @here", true),
            ("me@everyone.org", false),
            ("@everyones", false),
            ("@ every", false),
        ] {
            assert_eq!(parse(content).everyone, expected, "{content}");
        }
    }
}
