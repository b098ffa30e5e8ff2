//! Routes of bot accounts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{BotWithToken, NewBot};
use crate::accounts::{Caller, User};
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, Page};
use crate::http::{Body, Path};
use crate::id::UserId;

/// The routes of this part of the slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_bots, make_bot))
        .routes(routes!(renew_bot_token))
        .routes(routes!(delete_bot))
}

/// List one's bots.
#[utoipa::path(get, path = "/users/@me/bots", tag = "users", responses((status = 200, body = Page<User>)))]
async fn list_bots(State(app): State<App>, caller: Caller) -> Result<Json<Page<User>>> {
    super::list(&app, &caller).await.map(Page::whole).map(Json)
}

/// Make a bot. Its token is shown this once.
#[utoipa::path(post, path = "/users/@me/bots", tag = "users", request_body = NewBot,
    responses((status = 201, body = BotWithToken)))]
async fn make_bot(State(app): State<App>, caller: Caller, Body(new): Body<NewBot>) -> Result<Created<BotWithToken>> {
    super::make(&app, &caller, new).await.map(Created)
}

/// Give a bot a new token. The old one is worth nothing from here on.
#[utoipa::path(post, path = "/users/@me/bots/{bot_id}/token", tag = "users", params(("bot_id" = UserId, Path)),
    responses((status = 200, body = BotWithToken)))]
async fn renew_bot_token(
    State(app): State<App>,
    caller: Caller,
    Path(bot): Path<UserId>,
) -> Result<Json<BotWithToken>> {
    super::renew_token(&app, &caller, bot).await.map(Json)
}

/// Delete a bot. What it wrote stays.
#[utoipa::path(delete, path = "/users/@me/bots/{bot_id}", tag = "users", params(("bot_id" = UserId, Path)),
    responses((status = 204)))]
async fn delete_bot(State(app): State<App>, caller: Caller, Path(bot): Path<UserId>) -> Result<StatusCode> {
    super::delete(&app, &caller, bot).await.map(|()| StatusCode::NO_CONTENT)
}
