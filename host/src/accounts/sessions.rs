//! Sessions: a login, its tokens, and its end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::identities::Revoked;
use super::store::{self as accounts, Credentials};
use super::token::{self, Claims};
use super::{Caller, Tokens};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{SessionId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub(super) mod store;

/// A login of an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Session {
    /// What access tokens name in `sid`.
    pub id: SessionId,
    /// The program, as it said itself.
    pub user_agent: String,
    /// Where it came from.
    pub address: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its tokens were last renewed.
    pub last_used_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Opens a session for somebody who has shown their password, and their second factor if they have one.
pub(super) async fn open(app: &App, caller: &Caller, account: Credentials, totp: Option<String>) -> Result<Tokens> {
    let user = account.id;
    let session = SessionId(app.next_id()?);
    let refresh = token::random();
    let new = store::NewSession {
        id: session,
        user_id: user,
        user_agent: caller.user_agent.clone(),
        address: caller.address.to_string(),
        expires_at: app.now().after(lifetime(app)),
    };
    let refresh_hash = token::hash(&refresh);
    let row = app
        .writer
        .run(Some(user), caller.request_id.clone(), &[user.into()], move |tx| {
            Box::pin(async move {
                super::second_factor::check(tx, &account, totp.as_deref()).await?;
                let now = tx.now;
                store::insert_session(tx, &new, now).await?;
                store::insert_refresh_token(tx, &refresh_hash, new.id, now).await?;
                tx.append(NewEvent::new(EventKind::SessionCreated, user, &Revoked { id: new.id })?)?;
                accounts::user(tx, user).await?.ok_or(Code::BadCredentials.into())
            })
        })
        .await?;
    grant(app, session, refresh, row.own())
}

fn lifetime(app: &App) -> Duration {
    Duration::from_secs(app.config.tokens.session_days as u64 * 24 * 3600)
}

fn grant(app: &App, session: SessionId, refresh_token: String, user: super::User) -> Result<Tokens> {
    let now = app.now().as_seconds();
    let expires_in = app.config.tokens.access_seconds;
    let token = app.keys.sign(&Claims { sub: user.id, sid: session, iat: now, exp: now + expires_in })?;
    Ok(Tokens { token, refresh_token, expires_in, user })
}

/// `POST /auth/refresh`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token of the last answer; it is good once.
    pub refresh_token: String,
}

impl Validate for Refresh {
    fn check(&self, faults: &mut Faults) {
        faults.length("/refresh_token", &self.refresh_token, 1, 128);
    }
}

/// Gives the next pair of tokens. A token that was used already was stolen, from one of the two who
/// hold it: the whole session ends.
pub async fn refresh(app: &App, caller: &Caller, refresh: Refresh) -> Result<Tokens> {
    let hash = token::hash(&refresh.refresh_token);
    let held = store::refresh_token(&mut app.db.read().await?, &hash).await?.ok_or(Code::TokenExpired)?;
    let next = token::random();
    let (next_hash, expires_at) = (token::hash(&next), app.now().after(lifetime(app)));
    let user = held.user_id;
    let renewed = app
        .writer
        .run(Some(user), caller.request_id.clone(), &[user.into()], move |tx| {
            Box::pin(async move {
                let now = tx.now;
                let held = store::refresh_token(tx, &hash).await?.ok_or(Code::TokenExpired)?;
                if held.revoked_at.is_some() || held.expires_at <= now || held.disabled_at.is_some() {
                    return Ok(None);
                }
                if held.used_at.is_some() {
                    revoke(tx, user, held.session_id).await?;
                    return Ok(None);
                }
                store::use_refresh_token(tx, &hash, now).await?;
                store::insert_refresh_token(tx, &next_hash, held.session_id, now).await?;
                store::renew_session(tx, held.session_id, now, expires_at).await?;
                accounts::user(tx, user).await.map_err(Into::into)
            })
        })
        .await?;
    grant(app, held.session_id, next, renewed.ok_or(Code::TokenExpired)?.own())
}

/// Ends a session of `user`: the log's row closes its sockets and refuses its tokens on every node.
pub(crate) async fn revoke(tx: &mut Tx, user: UserId, session: SessionId) -> Result<()> {
    let now = tx.now;
    if !store::revoke_session(tx, user, session, now).await? {
        return Err(Code::NotFound.into());
    }
    tx.append(NewEvent::new(EventKind::SessionRevoked, user, &Revoked { id: session })?)?;
    Ok(())
}

/// Ends every session of `user` but `kept`.
pub(crate) async fn revoke_all(tx: &mut Tx, user: UserId, kept: Option<SessionId>) -> Result<()> {
    let now = tx.now;
    for session in store::open_sessions(tx, user, now).await? {
        if Some(session.id) != kept {
            revoke(tx, user, session.id).await?;
        }
    }
    Ok(())
}

/// The sessions of the caller that haven't ended.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Session>> {
    let rows = store::open_sessions(&mut app.db.read().await?, caller.user, app.now()).await?;
    Ok(rows.into_iter().map(|row| row.session(caller.session())).collect())
}
