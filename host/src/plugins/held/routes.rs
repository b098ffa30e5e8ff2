//! Routes of messages that wait for a moderator.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shown, releasing};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Page, PageQuery};
use crate::http::{Path, Query};
use crate::id::{GuildId, MessageId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_held)).routes(routes!(approve_held)).routes(routes!(reject_held))
}

/// Read a page of the messages that wait in a guild; `before` takes one of their ids.
#[utoipa::path(get, path = "/guilds/{guild_id}/held-messages", tag = "plugins",
    params(("guild_id" = GuildId, Path), PageQuery), responses((status = 200, body = Page<Shown>)))]
async fn list_held(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Shown>>> {
    releasing::list(&app, &caller, guild, query).await.map(Json)
}

/// Send a message that waits, on behalf of its author.
#[utoipa::path(post, path = "/held-messages/{message_id}/approve", tag = "plugins",
    params(("message_id" = MessageId, Path)), responses((status = 204)))]
async fn approve_held(State(app): State<App>, caller: Caller, Path(id): Path<MessageId>) -> Result<StatusCode> {
    releasing::approve(&app, &caller, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Throw a message away that waits.
#[utoipa::path(post, path = "/held-messages/{message_id}/reject", tag = "plugins",
    params(("message_id" = MessageId, Path)), responses((status = 204)))]
async fn reject_held(State(app): State<App>, caller: Caller, Path(id): Path<MessageId>) -> Result<StatusCode> {
    releasing::reject(&app, &caller, id).await.map(|()| StatusCode::NO_CONTENT)
}
