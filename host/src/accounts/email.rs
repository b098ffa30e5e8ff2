//! Whether an e-mail address is its owner's: a letter goes there, and its link comes back.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::one_time::{self, Purpose};
use super::{Caller, User, announce, names, store, token};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::http::body::{Faults, Validate};
use crate::id::UserId;
use crate::log::Tx;
use crate::mail::{Letter, Subject};

/// How long the link of a letter is good.
const PROOF_GOOD: Duration = Duration::from_secs(24 * 3600);

/// `POST /auth/verify-email`: empty to get the letter again, or with the token that it brought.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmail {
    /// What the letter's link ends with.
    pub token: Option<String>,
}

impl Validate for VerifyEmail {
    fn check(&self, faults: &mut Faults) {
        if let Some(token) = &self.token {
            faults.length("/token", token, 1, token::MAX_CHARS);
        }
    }
}

/// The secret of a letter that may go out, made before it is known whether it does.
#[derive(Clone)]
pub(super) struct Proof {
    secret: String,
    expires_at: Timestamp,
    wanted: bool,
}

impl Proof {
    /// A new secret; nothing is kept of it on a server that sends no e-mail.
    pub fn new(app: &App) -> Proof {
        let wanted = app.mail.available();
        Proof { secret: token::random(), expires_at: app.now().after(PROOF_GOOD), wanted }
    }

    /// Keeps the secret for this account and address.
    pub async fn issue(&self, tx: &mut Tx, user: UserId, email: &str) -> Result<()> {
        if !self.wanted {
            return Ok(());
        }
        one_time::issue(tx, Purpose::VerifyEmail, user, names::email_key(email), &self.secret, self.expires_at).await
    }

    /// Sends the letter, once the secret is kept.
    pub fn send(self, app: &App, user: &User) {
        let Some(address) = user.private.as_ref().and_then(|private| private.email.clone()) else { return };
        app.mail.send(Letter {
            subject: Subject::Verify,
            address,
            name: user.display_name.clone(),
            locale: user.locale.clone(),
            link: format!("{}/verify/{}", app.config.public_url(), self.secret),
        });
    }
}

/// Sends the letter again, if there is still something to verify.
pub async fn send_again(app: &App, caller: &Caller) -> Result<()> {
    caller.identity()?;
    caller.require_person()?;
    if !app.mail.available() {
        return Err(Code::MailUnavailable.into());
    }
    let user = caller.user;
    let proof = Proof::new(app);
    let letter = proof.clone();
    let unverified = caller
        .write(app, &[user.into()], move |tx| {
            Box::pin(async move {
                let row = store::user(tx, user).await?.ok_or(Code::NotFound)?;
                let email = row.email.clone().filter(|_| !row.email_verified);
                match email {
                    Some(email) => proof.issue(tx, user, &email).await.map(|()| Some(row.own())),
                    None => Ok(None),
                }
            })
        })
        .await?;
    if let Some(user) = unverified {
        letter.send(app, &user);
    }
    Ok(())
}

/// Takes the token of a letter, whoever brings it.
pub async fn verify(app: &App, caller: &Caller, secret: String) -> Result<()> {
    let user = holder(app, Purpose::VerifyEmail, &secret).await?;
    app.writer
        .run(Some(user), caller.request_id.clone(), &[user.into()], move |tx| {
            Box::pin(async move {
                let token = one_time::take(tx, Purpose::VerifyEmail, &secret).await?;
                let row = store::user(tx, user).await?.ok_or(Code::TokenExpired)?;
                if row.email.as_deref().map(names::email_key) != Some(token.subject) {
                    return Err(Code::TokenExpired.into());
                }
                store::verify_email(tx, user).await?;
                announce(tx, user).await.map(drop)
            })
        })
        .await
}

/// Whose token this is, if it is good; it isn't used up yet.
pub(super) async fn holder(app: &App, purpose: Purpose, secret: &str) -> Result<UserId> {
    let mut conn = app.db.read().await?;
    let found = one_time::store::find(&mut conn, &token::hash(secret), purpose, app.now()).await?;
    found.and_then(|token| token.user_id).ok_or(Code::TokenExpired.into())
}
