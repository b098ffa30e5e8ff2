//! Routes of installations' logs.

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Line;
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Page, PageQuery};
use crate::http::{Path, Query};
use crate::id::InstallationId;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_logs)).routes(routes!(get_bundle))
}

/// Read a page of an installation's log; `before` takes the id of a line.
#[utoipa::path(get, path = "/installations/{installation_id}/logs", tag = "plugins",
    params(("installation_id" = InstallationId, Path), PageQuery), responses((status = 200, body = Page<Line>)))]
async fn list_logs(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstallationId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Line>>> {
    super::list(&app, &caller, id, query).await.map(Json)
}

/// Read what is needed to see a failed call again, exactly as it was.
#[utoipa::path(get, path = "/installations/{installation_id}/logs/{line_id}/bundle", tag = "plugins",
    params(("installation_id" = InstallationId, Path), ("line_id" = i64, Path)),
    responses((status = 200, body = Object)))]
async fn get_bundle(
    State(app): State<App>,
    caller: Caller,
    Path((id, line)): Path<(InstallationId, i64)>,
) -> Result<Json<Value>> {
    super::bundle(&app, &caller, id, line).await.map(Json)
}
