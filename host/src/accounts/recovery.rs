//! Changing a password, and getting back in without it.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::email::holder;
use super::one_time::{self, Purpose};
use super::{Caller, User, announce, names, password, sessions, store, token};
use crate::app::App;
use crate::error::{Code, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{SessionId, UserId};
use crate::log::Tx;
use crate::mail::{Letter, Subject};

pub mod routes;

/// How long the link to a new password is good.
const RESET_GOOD: Duration = Duration::from_secs(3600);

/// `PUT /users/@me/password`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The password until now.
    pub current_password: String,
    /// The password from here on, at least eight characters.
    pub new_password: String,
}

impl Validate for PasswordChange {
    fn check(&self, faults: &mut Faults) {
        password::check_length("/current_password", &self.current_password, faults);
        password::check_length("/new_password", &self.new_password, faults);
    }
}

/// `POST /auth/password-reset`: the address to send a link to, or what the link brought.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    /// Asks for a link: the account's address.
    pub email: Option<String>,
    /// Uses a link: what it ends with.
    pub token: Option<String>,
    /// Uses a link: the password from here on, at least eight characters.
    pub new_password: Option<String>,
}

impl Validate for PasswordReset {
    fn check(&self, faults: &mut Faults) {
        match (&self.email, &self.token, &self.new_password) {
            (Some(email), token, new_password) => {
                names::check_email("/email", email, faults);
                for (pointer, there) in [("/token", token.is_some()), ("/new_password", new_password.is_some())] {
                    if there {
                        faults.note(pointer, FieldCode::NotAllowed);
                    }
                }
            }
            (None, None, None) => faults.note("/email", FieldCode::Required),
            (None, token, new_password) => {
                match token {
                    Some(token) => faults.length("/token", token, 1, token::MAX_CHARS),
                    None => faults.note("/token", FieldCode::Required),
                }
                match new_password {
                    Some(new) => password::check_length("/new_password", new, faults),
                    None => faults.note("/new_password", FieldCode::Required),
                }
            }
        }
    }
}

/// Changes one's own password; every other session of the account ends.
pub async fn change(app: &App, caller: &Caller, change: PasswordChange) -> Result<()> {
    caller.require_person()?;
    password::require_length(app, "/new_password", &change.new_password)?;
    let user = caller.user;
    let before = store::password_hash(&mut app.db.read().await?, user).await?;
    if !password::verify(app, change.current_password, before.clone()).await? {
        return Err(Code::BadCredentials.into());
    }
    let after = password::hash(app, change.new_password).await?;
    let kept = caller.session();
    let (app, caller) = (app.clone(), caller.clone());
    to_its_end(async move {
        let changed = caller
            .write(&app, &[user.into()], move |tx| {
                Box::pin(async move {
                    // Whoever changed it in the meantime knew it, too; only one of the two may win.
                    if store::password_hash(tx, user).await? != before {
                        return Err(Code::BadCredentials.into());
                    }
                    replace(tx, user, &after, kept).await
                })
            })
            .await?;
        tell_of_change(&app, &changed);
        Ok(())
    })
    .await
}

/// Puts a password in place of another: what the old one opened is shut.
pub(super) async fn replace(tx: &mut Tx, user: UserId, hash: &str, kept: Option<SessionId>) -> Result<User> {
    store::set_password(tx, user, hash).await?;
    one_time::store::void_of(tx, user, Purpose::PasswordReset).await?;
    sessions::revoke_all(tx, user, kept).await?;
    announce(tx, user).await
}

/// Sends a link to a new password, if the address is somebody's. Nobody is told whether it is, nor
/// does the time tell: the work begins after the answer.
pub async fn request_reset(app: &App, caller: &Caller, email: String) -> Result<()> {
    if !app.mail.available() {
        return Err(Code::MailUnavailable.into());
    }
    let (app, caller) = (app.clone(), caller.clone());
    tokio::spawn(async move {
        if let Err(error) = send_link(&app, &caller, email).await {
            tracing::error!(%error, "a link to a new password could not be made");
        }
    });
    Ok(())
}

async fn send_link(app: &App, caller: &Caller, email: String) -> Result<()> {
    let found = store::user_with_email(&mut app.db.read().await?, &email).await?;
    let Some(user) = found else { return Ok(()) };
    let secret = token::random();
    let link = format!("{}/reset/{secret}", app.config.public_url());
    let expires_at = app.now().after(RESET_GOOD);
    let row = app
        .writer
        .run(Some(user), caller.request_id.clone(), &[user.into()], move |tx| {
            Box::pin(async move {
                let row = store::user(tx, user).await?.ok_or(Code::NotFound)?;
                let subject = row.email.as_deref().map(names::email_key).unwrap_or_default();
                one_time::issue(tx, Purpose::PasswordReset, user, subject, &secret, expires_at).await?;
                Ok(row)
            })
        })
        .await?;
    // It goes where the account's letters go, not where the request says.
    let Some(address) = row.email else { return Ok(()) };
    app.mail.send(Letter { subject: Subject::Reset, address, name: row.display_name, locale: row.locale, link });
    Ok(())
}

/// Sets a new password with the token of a letter; every session of the account ends.
pub async fn reset(app: &App, caller: &Caller, secret: String, new_password: String) -> Result<()> {
    password::require_length(app, "/new_password", &new_password)?;
    let user = holder(app, Purpose::PasswordReset, &secret).await?;
    let hash = password::hash(app, new_password).await?;
    let (app, caller) = (app.clone(), caller.clone());
    to_its_end(async move {
        let streams = [user.into()];
        let work = app.writer.run(Some(user), caller.request_id.clone(), &streams, move |tx| {
            Box::pin(async move {
                let token = one_time::take(tx, Purpose::PasswordReset, &secret).await?;
                let row = store::user(tx, user).await?.ok_or(Code::TokenExpired)?;
                if row.disabled_at.is_some() || row.email.as_deref().map(names::email_key) != Some(token.subject) {
                    return Err(Code::TokenExpired.into());
                }
                // Whoever has the letter has the address.
                store::verify_email(tx, user).await?;
                replace(tx, user, &hash, None).await
            })
        });
        tell_of_change(&app, &work.await?);
        Ok(())
    })
    .await
}

/// Tells somebody that their password is another one now.
fn tell_of_change(app: &App, user: &User) {
    let Some(address) = user.private.as_ref().and_then(|private| private.email.clone()) else { return };
    app.mail.send(Letter {
        subject: Subject::PasswordChanged,
        address,
        name: user.display_name.clone(),
        locale: user.locale.clone(),
        link: String::new(),
    });
}

/// Does the work and sends its letter even if the caller goes away in the middle: a thief who hangs
/// up at the right moment must not keep the owner from hearing of it.
async fn to_its_end(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    tokio::spawn(work).await.map_err(anyhow::Error::from)?
}
