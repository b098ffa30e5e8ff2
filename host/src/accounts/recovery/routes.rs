//! Routes of passwords and e-mail addresses.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{PasswordChange, PasswordReset};
use crate::accounts::email::{self, VerifyEmail};
use crate::accounts::{Caller, names};
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::body::OptionalBody;
use crate::http::limits::Group;
use crate::http::{Body, Guest};

/// The routes of this part of the slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(change_password)).routes(routes!(reset_password)).routes(routes!(verify_email))
}

/// Change one's password. Every other session ends.
#[utoipa::path(put, path = "/users/@me/password", tag = "users", request_body = PasswordChange,
    responses((status = 204)))]
async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode> {
    caller.require_person()?;
    app.limiter.check_account(Group::Logins, &names::key(&caller.identity()?.author.username))?;
    super::change(&app, &caller, change).await.map(|()| StatusCode::NO_CONTENT)
}

/// Get a link to a new password by e-mail, with `email`; or use it, with `token` and `new_password`.
/// The answer is 202 whether the address is known or not.
#[utoipa::path(post, path = "/auth/password-reset", tag = "auth", security(()), request_body = PasswordReset,
    responses((status = 202), (status = 204)))]
async fn reset_password(
    State(app): State<App>,
    Guest(caller): Guest,
    Body(reset): Body<PasswordReset>,
) -> Result<StatusCode> {
    app.limiter.check_address(&caller, Group::Logins)?;
    match reset {
        PasswordReset { email: Some(email), .. } => {
            app.limiter.check_account(Group::Mails, &names::email_key(&email))?;
            super::request_reset(&app, &caller, email).await.map(|()| StatusCode::ACCEPTED)
        }
        PasswordReset { token: Some(token), new_password: Some(new), .. } => {
            super::reset(&app, &caller, token, new).await.map(|()| StatusCode::NO_CONTENT)
        }
        PasswordReset { .. } => Err(Code::InvalidFields.into()),
    }
}

/// Get the letter that verifies one's e-mail address again; or use its `token`.
#[utoipa::path(post, path = "/auth/verify-email", tag = "auth", security((), ("token" = [])),
    request_body = VerifyEmail, responses((status = 202), (status = 204)))]
async fn verify_email(
    State(app): State<App>,
    Guest(caller): Guest,
    OptionalBody(asked): OptionalBody<VerifyEmail>,
) -> Result<StatusCode> {
    match asked.and_then(|asked| asked.token) {
        Some(token) => email::verify(&app, &caller, token).await.map(|()| StatusCode::NO_CONTENT),
        None => {
            app.limiter.check(&caller, Group::Mails, 0)?;
            email::send_again(&app, &caller).await.map(|()| StatusCode::ACCEPTED)
        }
    }
}
