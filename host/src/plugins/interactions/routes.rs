//! Routes of what people do with plugins.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::NewInteraction;
use super::listing::{self, ShownCommand};
use super::replies::Answer;
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::Page;
use crate::http::{Body, Path};
use crate::id::GuildId;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_commands)).routes(routes!(interact))
}

/// List the commands of a guild's plugins.
#[utoipa::path(get, path = "/guilds/{guild_id}/commands", tag = "plugins", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Page<ShownCommand>)))]
async fn list_commands(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
) -> Result<Json<Page<ShownCommand>>> {
    listing::list(&app, &caller, guild).await.map(Page::whole).map(Json)
}

/// Give a command, use a button or a list, send a form, or ask what to offer to whoever types.
#[utoipa::path(post, path = "/interactions", tag = "plugins", request_body = NewInteraction,
    responses((status = 200, body = Answer)))]
async fn interact(State(app): State<App>, caller: Caller, Body(new): Body<NewInteraction>) -> Result<Json<Answer>> {
    super::interact(&app, &caller, new).await.map(Json)
}
