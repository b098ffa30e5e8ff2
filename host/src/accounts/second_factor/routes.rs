//! Routes of the second factor.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Begin, Begun, Confirm, End, RecoveryCodes};
use crate::accounts::{Caller, names};
use crate::app::App;
use crate::error::Result;
use crate::http::Body;
use crate::http::limits::Group;

/// The routes of this part of the slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(begin_totp, confirm_totp, end_totp))
}

/// Guessing here is signing in by another door.
fn count(app: &App, caller: &Caller) -> Result<()> {
    caller.require_person()?;
    let key = names::key(&caller.identity()?.author.username);
    app.limiter.check_account(Group::Logins, &key).map(drop)
}

/// Get a secret for an authenticator app.
#[utoipa::path(post, path = "/users/@me/totp", tag = "users", request_body = Begin,
    responses((status = 200, body = Begun)))]
async fn begin_totp(State(app): State<App>, caller: Caller, Body(begin): Body<Begin>) -> Result<Json<Begun>> {
    count(&app, &caller)?;
    super::begin(&app, &caller, begin).await.map(Json)
}

/// Switch the second factor on, with a code. The answer's recovery codes are shown this once.
#[utoipa::path(put, path = "/users/@me/totp", tag = "users", request_body = Confirm,
    responses((status = 200, body = RecoveryCodes)))]
async fn confirm_totp(
    State(app): State<App>,
    caller: Caller,
    Body(confirm): Body<Confirm>,
) -> Result<Json<RecoveryCodes>> {
    count(&app, &caller)?;
    super::confirm(&app, &caller, confirm).await.map(Json)
}

/// Switch the second factor off.
#[utoipa::path(delete, path = "/users/@me/totp", tag = "users", request_body = End, responses((status = 204)))]
async fn end_totp(State(app): State<App>, caller: Caller, Body(end): Body<End>) -> Result<StatusCode> {
    count(&app, &caller)?;
    super::end(&app, &caller, end).await.map(|()| StatusCode::NO_CONTENT)
}
