//! The chain of an audit log: each entry's hash covers the one before it, so none can be changed alone.

use serde::Serialize;
use utoipa::ToSchema;

use super::store::{self, Details, Link};
use crate::accounts::token;
use crate::db::Conn;
use crate::error::Result;
use crate::id::{AuditId, GuildId};

/// Entries that are looked at in one go.
const AT_ONCE: i64 = 500;

/// What looking at a chain from its beginning to its end showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verdict {
    /// How many entries were looked at.
    pub entries: i64,
    /// Whether none of them was changed, taken out or put in.
    pub intact: bool,
    /// The first entry that isn't what was written, or that doesn't follow the one before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_broken: Option<AuditId>,
}

/// The hash of an entry's personal part. The salt goes with it when a person is erased, so what the
/// part said can't be guessed from what stays.
pub(super) fn details_hash(details: &Details) -> String {
    let actor = details.actor_id.map_or(0, |actor| actor.0);
    let Details { salt, actor_kind, changes, reason, request_id, .. } = details;
    // Texts of any content follow each other: their lengths keep them apart.
    token::hash(&format!(
        "{salt}\n{actor}\n{actor_kind}\n{} {changes}\n{} {reason}\n{} {request_id}",
        changes.len(),
        reason.len(),
        request_id.len()
    ))
}

/// The hash of an entry, over all that stays of it for ever and the hash before it.
pub(super) fn hash(link: &Link) -> String {
    let target = link.target_id.map_or(0, |target| target.0);
    token::hash(&format!(
        "{}\n{}\n{}\n{}\n{target}\n{}\n{}\n{}",
        link.guild_id, link.sequence, link.id, link.action, link.details_hash, link.previous_hash, link.at.0
    ))
}

/// Looks at a guild's whole chain. An entry whose details were erased counts as intact; the oldest
/// ones may be gone, as retention says.
pub async fn verify(conn: &mut Conn, guild: GuildId) -> Result<Verdict> {
    let mut verdict = Verdict { entries: 0, intact: true, first_broken: None };
    let mut before: Option<(i64, String)> = None;
    loop {
        let after = before.as_ref().map_or(0, |(sequence, _)| *sequence);
        let links = store::links_after(conn, guild, after, AT_ONCE).await?;
        if links.is_empty() {
            return Ok(verdict);
        }
        let from = links.first().map_or(0, |link| link.sequence);
        let to = links.last().map_or(0, |link| link.sequence);
        let mut details = store::details_between(conn, guild, from, to).await?;
        for link in links {
            verdict.entries += 1;
            let whole = details.remove(&link.id).is_none_or(|details| details_hash(&details) == link.details_hash);
            if verdict.intact && !(whole && follows(&link, before.as_ref()) && hash(&link) == link.hash) {
                verdict.intact = false;
                verdict.first_broken = Some(link.id);
            }
            before = Some((link.sequence, link.hash));
        }
    }
}

/// Whether an entry follows the one before it, or may be the oldest that was kept.
fn follows(link: &Link, before: Option<&(i64, String)>) -> bool {
    match before {
        Some((sequence, hash)) => link.sequence == sequence + 1 && link.previous_hash == *hash,
        None => link.sequence > 1 || link.previous_hash.is_empty(),
    }
}
