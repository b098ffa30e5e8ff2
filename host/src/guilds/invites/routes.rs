//! Routes of invitations.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Accepted, Invitation, Invite, NewInvite};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::body::OptionalBody;
use crate::http::page::{Created, Page};
use crate::http::{Guest, Path};
use crate::id::GuildId;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_invites, create_invite)).routes(routes!(
        get_invite,
        accept_invite,
        delete_invite
    ))
}

/// `/i/{code}`: what people pass on to each other, and browsers open.
pub fn links() -> Router<App> {
    Router::new().route("/i/{code}", get(open_link))
}

/// List the invitations of a guild.
#[utoipa::path(get, path = "/guilds/{guild_id}/invites", tag = "invites", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Page<Invite>)))]
async fn list_invites(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
) -> Result<Json<Page<Invite>>> {
    super::list(&app, &caller, guild).await.map(Page::whole).map(Json)
}

/// Invite people to a guild.
#[utoipa::path(post, path = "/guilds/{guild_id}/invites", tag = "invites", params(("guild_id" = GuildId, Path)),
    request_body = NewInvite, responses((status = 201, body = Invite)))]
async fn create_invite(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    OptionalBody(new): OptionalBody<NewInvite>,
) -> Result<Created<Invite>> {
    super::create(&app, &caller, guild, new.unwrap_or_default()).await.map(Created)
}

/// Read what an invitation is for; no account is needed.
#[utoipa::path(get, path = "/invites/{code}", tag = "invites", security(()),
    params(("code" = String, Path)), responses((status = 200, body = Invitation)))]
async fn get_invite(State(app): State<App>, Guest(_): Guest, Path(code): Path<String>) -> Result<Json<Invitation>> {
    super::get(&app, &code).await.map(Json)
}

/// Accept an invitation.
#[utoipa::path(post, path = "/invites/{code}", tag = "invites", params(("code" = String, Path)),
    responses((status = 201, body = Accepted)))]
async fn accept_invite(State(app): State<App>, caller: Caller, Path(code): Path<String>) -> Result<Created<Accepted>> {
    super::accept(&app, &caller, &code).await.map(Created)
}

/// Withdraw an invitation.
#[utoipa::path(delete, path = "/invites/{code}", tag = "invites", params(("code" = String, Path)),
    responses((status = 204)))]
async fn delete_invite(State(app): State<App>, caller: Caller, Path(code): Path<String>) -> Result<StatusCode> {
    super::delete(&app, &caller, &code).await.map(|()| StatusCode::NO_CONTENT)
}

/// Sends a browser to the page of an invitation. Whether the code is good is for that page to say.
async fn open_link(Path(code): Path<String>) -> Result<Redirect> {
    if super::is_code(&code) {
        Ok(Redirect::temporary(&format!("/app/#/invite/{code}")))
    } else {
        Err(Code::NotFound.into())
    }
}
