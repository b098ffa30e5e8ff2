//! Who asks: from a request's headers to a [`Caller`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;

use super::envelope::Door;
use super::limits::Group;
use crate::accounts::{self, Caller, CallerKind, Identity, token};
use crate::app::App;
use crate::error::{Code, Result};
use crate::i18n;
use crate::id::UserId;

/// The longest user agent that is kept.
const MAX_USER_AGENT: usize = 200;
/// The longest reason for the audit log, in characters.
const MAX_REASON: usize = 512;

/// Whoever asks, even if nobody knows who it is.
pub struct Guest(pub Caller);

impl FromRequestParts<App> for Caller {
    type Rejection = crate::error::Error;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Guest(caller) = Guest::from_request_parts(parts, app).await?;
        caller.identity()?;
        Ok(caller)
    }
}

impl FromRequestParts<App> for Guest {
    type Rejection = crate::error::Error;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // Somebody before has asked, as for an idempotency key: once is enough.
        if let Some(caller) = parts.extensions.get::<Caller>() {
            return Ok(Guest(caller.clone()));
        }
        let door = parts.extensions.get::<Arc<Door>>().cloned().ok_or(Code::Internal)?;
        let mut caller = anonymous(&door, &parts.headers);
        if let Some(value) = parts.headers.get(AUTHORIZATION) {
            let credentials = value.to_str().map_err(|_| Code::Unauthenticated)?;
            sign_in(app, &mut caller, credentials, door.language).await?;
            // Set already if the caller was looked at before: to the same.
            let _ = door.account_language.set(caller.locale.clone());
        }
        let left = app.limiter.check(&caller, Group::Requests, 0)?;
        door.allowance.store(left, Ordering::Relaxed);
        Ok(Guest(caller))
    }
}

fn anonymous(door: &Door, headers: &HeaderMap) -> Caller {
    let text = |name: &str, max: usize| -> String {
        let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        value.map(|value| value.chars().filter(|c| !c.is_control()).take(max).collect()).unwrap_or_default()
    };
    Caller {
        user: UserId(0),
        kind: CallerKind::Anonymous,
        identity: None,
        request_id: Some(door.request_id.clone()),
        locale: door.language.unwrap_or(i18n::DEFAULT).to_owned(),
        address: door.address,
        user_agent: text(USER_AGENT.as_str(), MAX_USER_AGENT),
        reason: text("x-audit-log-reason", MAX_REASON),
    }
}

async fn sign_in(app: &App, caller: &mut Caller, credentials: &str, language: Option<&'static str>) -> Result<()> {
    let (kind, identity) = prove(app, credentials).await?;
    caller.kind = kind;
    caller.user = identity.author.id;
    if language.is_none() {
        caller.locale.clone_from(&identity.locale);
    }
    caller.identity = Some(identity);
    Ok(())
}

/// Who these credentials prove: `Bearer` and an access token, or `Bot` and a bot's token.
pub async fn prove(app: &App, credentials: &str) -> Result<(CallerKind, Arc<Identity>)> {
    let (scheme, secret) = credentials.split_once(' ').ok_or(Code::Unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        let claims = token::prove(app, secret).await?;
        if app.identities.has_ended(claims.sid) {
            return Err(Code::Unauthenticated.into());
        }
        Ok((CallerKind::Session(claims.sid), accounts::identify(app, claims.sub).await?))
    } else if scheme.eq_ignore_ascii_case("bot") {
        let bot = app.identities.bot(&app.db, &token::hash(secret)).await?.ok_or(Code::Unauthenticated)?;
        Ok((CallerKind::Bot, accounts::identify(app, bot).await?))
    } else {
        Err(Code::Unauthenticated.into())
    }
}
