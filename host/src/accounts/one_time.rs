//! One-time tokens: links and invitations that are good for a while and a number of times.

use crate::app::App;
use crate::clock::Timestamp;
use crate::closed_set;
use crate::error::{Code, Result};
use crate::id::UserId;
use crate::log::Tx;

use super::token;

pub(super) mod store;

closed_set! {
    /// What a one-time token is for.
    pub enum Purpose {
        /// Making an account where that is by invitation.
        Registration = "registration",
        /// Making the first administrator's account.
        FirstAdministrator = "first_administrator",
        /// Choosing a new password.
        PasswordReset = "password_reset",
        /// Showing that an e-mail address is one's own.
        VerifyEmail = "verify_email",
    }
}

/// A token about to be stored.
pub struct NewToken {
    /// What is kept of it.
    pub hash: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Whose it is.
    pub user: Option<UserId>,
    /// What it is about, such as the address that it was sent to.
    pub subject: String,
    /// How often it can be used.
    pub uses: i64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Gives an account a token that is good once, in place of older ones of the same purpose.
pub(super) async fn issue(
    tx: &mut Tx,
    purpose: Purpose,
    user: UserId,
    subject: String,
    secret: &str,
    expires_at: Timestamp,
) -> Result<()> {
    store::void_of(tx, user, purpose).await?;
    let new = NewToken { hash: token::hash(secret), purpose, user: Some(user), subject, uses: 1, expires_at };
    let now = tx.now;
    Ok(store::insert(tx, &new, now).await?)
}

/// Whether a token is good; it isn't used up.
pub(super) async fn is_good(app: &App, purpose: Purpose, secret: &str) -> Result<bool> {
    let mut conn = app.db.read().await?;
    Ok(store::find(&mut conn, &token::hash(secret), purpose, app.now()).await?.is_some())
}

/// Uses up a token; refuses one that is unknown, used or expired.
pub(super) async fn take(tx: &mut Tx, purpose: Purpose, secret: &str) -> Result<store::OneTimeToken> {
    let now = tx.now;
    store::take(tx, &token::hash(secret), purpose, now).await?.ok_or(Code::TokenExpired.into())
}
