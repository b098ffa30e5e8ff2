//! Where the pages stand: outside of the API, at the addresses that links name.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::accounts::Caller;
use crate::accounts::one_time::{self, Purpose};
use crate::accounts::token;
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::{BASE, Guest, Path};

/// The pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/setup/{token}", get(setup))
        .route("/reset/{token}", get(reset))
        .route("/verify/{token}", get(verify))
}

async fn setup(State(app): State<App>, Guest(caller): Guest, Path(token): Path<String>) -> Result<Response> {
    show(&app, &caller, Purpose::FirstAdministrator, &token).await
}

async fn reset(State(app): State<App>, Guest(caller): Guest, Path(token): Path<String>) -> Result<Response> {
    show(&app, &caller, Purpose::PasswordReset, &token).await
}

async fn verify(State(app): State<App>, Guest(caller): Guest, Path(token): Path<String>) -> Result<Response> {
    show(&app, &caller, Purpose::VerifyEmail, &token).await
}

/// The page of a token that is good; looking at it doesn't use it up.
async fn show(app: &App, caller: &Caller, purpose: Purpose, secret: &str) -> Result<Response> {
    let page = super::page(purpose).ok_or(Code::NotFound)?;
    if secret.len() > token::MAX_CHARS || !one_time::is_good(app, purpose, secret).await? {
        return Err(Code::NotFound.into());
    }
    let nonce = token::random();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = Html(page.html(&caller.locale, BASE, secret, &nonce)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(anyhow::Error::from)?);
    // The address is a secret: it must not be kept, nor told to other sites.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    headers.insert(HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY"));
    Ok(response)
}
