//! Reading a guild's audit log, for those who may.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::chain::{self, Verdict};
use super::store::{self, EntryRow, Filter};
use super::{Action, ActorKind};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, Permissions};
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{AuditId, GuildId, TargetId, UserId};

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// The entry's id.
    pub id: AuditId,
    /// The guild.
    pub guild_id: GuildId,
    /// Who acted; nobody if it was the server, or somebody who was erased since.
    pub actor_id: Option<UserId>,
    /// What acted.
    pub actor_kind: Option<ActorKind>,
    /// What was done.
    #[schema(value_type = Action)]
    pub action: String,
    /// What it was done to.
    pub target_id: Option<TargetId>,
    /// What changed: `{key, old, new}` each.
    #[schema(value_type = Vec<Object>)]
    pub changes: Value,
    /// Why, as the one who did it said.
    pub reason: String,
    /// The request that did it.
    pub request_id: Option<String>,
    /// Whether the personal part was erased.
    pub erased: bool,
    /// When it was done.
    pub created_at: Timestamp,
}

/// Which entries are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what this account did.
    pub actor_id: Option<UserId>,
    /// Only this.
    pub action: Option<Action>,
    /// Only what was done to this.
    pub target_id: Option<TargetId>,
    /// Entries older than this one.
    pub before: Option<String>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
}

/// A page of a guild's audit log, the newest first.
pub async fn list(app: &App, caller: &Caller, guild: GuildId, query: AuditQuery) -> Result<Page<AuditEntry>> {
    channels::membership(app, caller, guild).await?.require(Permissions::VIEW_AUDIT_LOG)?;
    let page = PageQuery { before: query.before, limit: query.limit, ..PageQuery::default() };
    let anchor = page.anchor::<AuditId>()?;
    let mut conn = app.db.read().await?;
    let before = match anchor {
        Some(Anchor::Before(id)) => store::sequence(&mut conn, guild, id).await?.ok_or(Code::NotFound)?,
        _ => i64::MAX,
    };
    let filter = Filter { actor: query.actor_id, action: query.action, target: query.target_id, before };
    let rows = store::entries(&mut conn, guild, &filter, page.limit() + 1).await?;
    Ok(Page::cut(rows.into_iter().map(|row| AuditEntry::new(guild, row)).collect(), page.limit()))
}

impl AuditEntry {
    fn new(guild: GuildId, row: EntryRow) -> AuditEntry {
        let changes = row.changes.as_deref().and_then(|text| serde_json::from_str(text).ok());
        AuditEntry {
            id: row.id,
            guild_id: guild,
            actor_id: row.actor_id,
            actor_kind: row.actor_kind,
            action: row.action,
            target_id: row.target_id,
            changes: changes.unwrap_or_else(|| Value::Array(Vec::new())),
            reason: row.reason.unwrap_or_default(),
            request_id: row.request_id.filter(|id| !id.is_empty()),
            erased: row.actor_kind.is_none(),
            created_at: row.at,
        }
    }
}

/// Whether a guild's audit log is as it was written.
pub async fn verify(app: &App, caller: &Caller, guild: GuildId) -> Result<Verdict> {
    channels::membership(app, caller, guild).await?.require(Permissions::VIEW_AUDIT_LOG)?;
    chain::verify(&mut app.db.read().await?, guild).await
}
