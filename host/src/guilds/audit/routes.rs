//! Routes of audit logs.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::chain::Verdict;
use super::reading::{self, AuditEntry, AuditQuery};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::Page;
use crate::http::{Path, Query};
use crate::id::GuildId;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_audit_log)).routes(routes!(verify_audit_log))
}

/// Read a guild's audit log.
#[utoipa::path(get, path = "/guilds/{guild_id}/audit-log", tag = "guilds",
    params(("guild_id" = GuildId, Path), AuditQuery), responses((status = 200, body = Page<AuditEntry>)))]
async fn read_audit_log(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>> {
    reading::list(&app, &caller, guild, query).await.map(Json)
}

/// Check that a guild's audit log is as it was written.
#[utoipa::path(get, path = "/guilds/{guild_id}/audit-log/verify", tag = "guilds",
    params(("guild_id" = GuildId, Path)), responses((status = 200, body = Verdict)))]
async fn verify_audit_log(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<Json<Verdict>> {
    reading::verify(&app, &caller, guild).await.map(Json)
}
