//! Routes of accounts and sessions.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::blocks::{self, Block};
use super::profiles::{self, ProfileUpdate};
use super::sessions::{self, Refresh, Session};
use super::setup::{self, FirstAdministrator};
use super::{Caller, Login, NewAccount, Tokens, User, administration, bots, recovery, second_factor};
use crate::app::App;
use crate::error::Result;
use crate::http::limits::Group;
use crate::http::page::{Created, Page};
use crate::http::path::UserRef;
use crate::http::{Body, Guest, Path};
use crate::id::{SessionId, UserId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(refresh))
        .routes(routes!(list_sessions))
        .routes(routes!(revoke_session))
        .routes(routes!(get_profile, put_profile))
        .routes(routes!(block_user, unblock_user))
        .routes(routes!(set_up))
        .merge(recovery::routes::routes())
        .merge(second_factor::routes::routes())
        .merge(bots::routes::routes())
        .merge(administration::routes::routes())
}

/// Make an account.
#[utoipa::path(post, path = "/register", tag = "auth", security(()), request_body = NewAccount,
    responses((status = 201, body = User)))]
async fn register(State(app): State<App>, Guest(caller): Guest, Body(new): Body<NewAccount>) -> Result<Created<User>> {
    app.limiter.check_address(&caller, Group::Registrations)?;
    super::register(&app, &caller, new).await.map(Created)
}

/// Sign in.
#[utoipa::path(post, path = "/login", tag = "auth", security(()), request_body = Login,
    responses((status = 200, body = Tokens)))]
async fn login(State(app): State<App>, Guest(caller): Guest, Body(login): Body<Login>) -> Result<Json<Tokens>> {
    app.limiter.check_address(&caller, Group::Logins)?;
    app.limiter.check_account(Group::Logins, &super::names::key(&login.username))?;
    super::login(&app, &caller, login).await.map(Json)
}

/// End the session: its tokens and sockets are worth nothing from here on.
#[utoipa::path(post, path = "/logout", tag = "auth", responses((status = 200)))]
async fn logout(State(app): State<App>, caller: Caller) -> Result<Json<serde_json::Value>> {
    caller.require_person()?;
    if let Some(session) = caller.session() {
        super::revoke_session(&app, &caller, caller.user, session).await?;
    }
    Ok(Json(serde_json::json!({})))
}

/// Get the next pair of tokens.
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", security(()), request_body = Refresh,
    responses((status = 200, body = Tokens)))]
async fn refresh(State(app): State<App>, Guest(caller): Guest, Body(held): Body<Refresh>) -> Result<Json<Tokens>> {
    sessions::refresh(&app, &caller, held).await.map(Json)
}

/// List one's open sessions.
#[utoipa::path(get, path = "/users/@me/sessions", tag = "auth", responses((status = 200, body = Page<Session>)))]
async fn list_sessions(State(app): State<App>, caller: Caller) -> Result<Json<Page<Session>>> {
    sessions::list(&app, &caller).await.map(Page::whole).map(Json)
}

/// End one of one's sessions.
#[utoipa::path(delete, path = "/users/@me/sessions/{session_id}", tag = "auth",
    params(("session_id" = SessionId, Path)), responses((status = 204)))]
async fn revoke_session(State(app): State<App>, caller: Caller, Path(session): Path<SessionId>) -> Result<StatusCode> {
    caller.require_person()?;
    super::revoke_session(&app, &caller, caller.user, session).await.map(|()| StatusCode::NO_CONTENT)
}

/// Read a profile; `@me` for one's own.
#[utoipa::path(get, path = "/users/{user_id}/profile", tag = "users",
    params(("user_id" = String, Path)), responses((status = 200, body = User)))]
async fn get_profile(State(app): State<App>, caller: Caller, Path(user): Path<UserRef>) -> Result<Json<User>> {
    profiles::get(&app, &caller, user.of(&caller)).await.map(Json)
}

/// Change one's own profile. A new e-mail address must be verified anew.
#[utoipa::path(put, path = "/users/{user_id}/profile", tag = "users", params(("user_id" = String, Path)),
    request_body = ProfileUpdate, responses((status = 200, body = User)))]
async fn put_profile(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserRef>,
    Body(update): Body<ProfileUpdate>,
) -> Result<Json<User>> {
    profiles::update(&app, &caller, user.of(&caller), update).await.map(Json)
}

/// Block somebody. They are not told.
#[utoipa::path(post, path = "/users/{user_id}/block", tag = "users", params(("user_id" = UserId, Path)),
    responses((status = 200, body = Block)))]
async fn block_user(State(app): State<App>, caller: Caller, Path(user): Path<UserRef>) -> Result<Json<Block>> {
    blocks::block(&app, &caller, user.of(&caller)).await.map(Json)
}

/// Block somebody no longer.
#[utoipa::path(delete, path = "/users/{user_id}/block", tag = "users", params(("user_id" = UserId, Path)),
    responses((status = 204)))]
async fn unblock_user(State(app): State<App>, caller: Caller, Path(user): Path<UserRef>) -> Result<StatusCode> {
    blocks::unblock(&app, &caller, user.of(&caller)).await.map(|()| StatusCode::NO_CONTENT)
}

/// Make the first administrator's account, with the token of the link that the server printed.
#[utoipa::path(post, path = "/auth/setup", tag = "auth", security(()), request_body = FirstAdministrator,
    responses((status = 201, body = User)))]
async fn set_up(
    State(app): State<App>,
    Guest(caller): Guest,
    Body(new): Body<FirstAdministrator>,
) -> Result<Created<User>> {
    app.limiter.check_address(&caller, Group::Registrations)?;
    setup::make(&app, &caller, new).await.map(Created)
}
