//! Accounts: who somebody is, how they prove it, and what they say of themselves.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::clock::Timestamp;
use crate::closed_set;
use crate::config::RegistrationMode;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{FileId, SessionId, UserId};
use crate::log::{EventKind, NewEvent, OperationFuture, Tx};

pub mod caller;
mod identities;
pub mod names;
pub mod password;
pub mod routes;
mod second_factor;
pub mod sessions;
pub(crate) mod store;
pub mod token;

pub use caller::{Caller, CallerKind};
pub use identities::{Author, Identities, Identity};

closed_set! {
    /// What an account is.
    pub enum UserKind {
        /// A person.
        User = "user",
        /// A program.
        Bot = "bot",
        /// What remains of a deleted account.
        Deleted = "deleted",
    }
}

closed_set! {
    /// What an account may do on this server, outside of guilds. None of them reads private messages.
    pub enum InstanceRole {
        /// Nothing beyond what all may.
        None = "none",
        /// Handles reports.
        Moderator = "moderator",
        /// Runs the server.
        Administrator = "administrator",
    }
}

/// An account as others see it; the e-mail address only for its owner.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    /// The account's id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: String,
    /// The name that is shown.
    pub display_name: String,
    /// What they say of themselves.
    pub bio: String,
    /// Their picture.
    pub avatar_file_id: Option<FileId>,
    /// The language of messages to them.
    pub locale: String,
    /// Whether it is a program.
    pub bot: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Only for the account's owner.
    #[serde(flatten)]
    pub private: Option<PrivateProfile>,
}

/// What only an account's owner sees.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PrivateProfile {
    /// Where to write to them.
    pub email: Option<String>,
    /// Whether they have shown that it is theirs.
    pub email_verified: bool,
    /// Whether signing in takes a second factor.
    pub totp_enabled: bool,
    /// What they may do on this server.
    pub instance_role: InstanceRole,
}

/// `POST /register`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// 2 to 32 letters, digits, `_`, `-` or `.`.
    pub username: String,
    /// At least eight characters.
    pub password: String,
    /// Where to write to them.
    pub email: String,
    /// The language of messages to them.
    pub locale: Option<String>,
    /// Where registration is by invitation: the invitation.
    pub invitation: Option<String>,
}

impl Validate for NewAccount {
    fn check(&self, faults: &mut Faults) {
        names::check_username("/username", &self.username, faults);
        names::check_email("/email", &self.email, faults);
        names::check_locale("/locale", self.locale.as_deref(), faults);
        password::check_length("/password", &self.password, faults);
    }
}

/// Makes an account. The first event of its stream is `user_created`.
pub async fn register(app: &App, caller: &Caller, new: NewAccount) -> Result<User> {
    if new.password.chars().count() < app.config.passwords.min_length {
        return Err(Error::field("/password", FieldCode::TooShort));
    }
    let mode = app.config.registration.mode;
    if mode == RegistrationMode::Closed || (mode == RegistrationMode::Invitation && new.invitation.is_none()) {
        return Err(Code::RegistrationClosed.into());
    }
    let password_hash = password::hash(app, new.password).await?;
    let id = UserId(app.next_id()?);
    let account = store::NewUser {
        id,
        kind: UserKind::User,
        username: names::normalize(&new.username),
        email: Some(new.email),
        password_hash: Some(password_hash),
        locale: new.locale.unwrap_or_else(|| caller.locale.clone()),
        owner_id: None,
        instance_role: InstanceRole::None,
    };
    let invitation = new.invitation.filter(|_| mode == RegistrationMode::Invitation);
    app.writer
        .run(Some(id), caller.request_id.clone(), &[id.into()], move |tx| {
            Box::pin(async move {
                if let Some(invitation) = &invitation {
                    let now = tx.now;
                    let hash = token::hash(invitation);
                    store::use_one_time_token(tx, &hash, "registration", now).await?.ok_or(Code::RegistrationClosed)?;
                }
                create(tx, account).await
            })
        })
        .await
}

/// Stores a new account and its first event; a name or address that is taken is refused.
pub(crate) fn create(tx: &mut Tx, account: store::NewUser) -> OperationFuture<'_, User> {
    Box::pin(async move {
        let key = names::key(&account.username);
        if store::username_taken(tx, &key).await? {
            return Err(Code::UsernameTaken.into());
        }
        if let Some(email) = &account.email
            && store::email_taken(tx, &names::email_key(email)).await?
        {
            return Err(Code::EmailTaken.into());
        }
        let now = tx.now;
        store::insert_user(tx, &account, &key, now).await?;
        let user = store::user(tx, account.id).await?.ok_or(Code::NotFound)?.own();
        let public = User { private: None, ..user.clone() };
        tx.append(NewEvent::new(EventKind::UserCreated, account.id, &public)?)?;
        Ok(user)
    })
}

/// `POST /login`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The account's name, or its e-mail address.
    pub username: String,
    /// Its password.
    pub password: String,
    /// The second factor, if the account has one: six digits, or a recovery code.
    pub totp: Option<String>,
}

impl Validate for Login {
    fn check(&self, faults: &mut Faults) {
        faults.length("/username", &self.username, 1, 320);
        faults.length("/password", &self.password, 1, password::MAX_CHARS);
    }
}

/// What a login gives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    /// The access token, for `Authorization: Bearer …`.
    pub token: String,
    /// Gives the next pair of tokens, once.
    pub refresh_token: String,
    /// Seconds that the access token is good for.
    pub expires_in: i64,
    /// Whose it is.
    pub user: User,
}

/// Signs somebody in. An unknown user and a wrong password are the same answer after the same work.
pub async fn login(app: &App, caller: &Caller, login: Login) -> Result<Tokens> {
    let found = {
        let mut conn = app.db.read().await?;
        store::credentials(&mut conn, &login.username).await?
    };
    let hash = found.as_ref().and_then(|account| account.password_hash.clone());
    let right = password::verify(app, login.password, hash).await?;
    let account = found.filter(|_| right).ok_or(Code::BadCredentials)?;
    if account.disabled_at.is_some() {
        return Err(Code::AccountDisabled.into());
    }
    sessions::open(app, caller, account, login.totp).await
}

/// An account's profile, for whoever signed in; its private part for its owner.
pub async fn profile(app: &App, caller: &Caller, user: UserId) -> Result<User> {
    let mut conn = app.db.read().await?;
    let row = store::user(&mut conn, user).await?.ok_or(Code::NotFound)?;
    Ok(if caller.user == user { row.own() } else { row.public() })
}

/// The account behind a session or a bot's token, unless it was disabled.
pub async fn identify(app: &App, user: UserId) -> Result<Arc<Identity>> {
    let identity = app.identities.get(&app.db, user).await?.ok_or(Code::Unauthenticated)?;
    if identity.disabled { Err(Code::AccountDisabled.into()) } else { Ok(identity) }
}

/// Ends a session, as its owner or the server decides.
pub async fn revoke_session(app: &App, caller: &Caller, user: UserId, session: SessionId) -> Result<()> {
    app.writer
        .run(Some(caller.user), caller.request_id.clone(), &[user.into()], move |tx| {
            Box::pin(async move { sessions::revoke(tx, user, session).await })
        })
        .await
}

/// Refuses, without telling who, if one of two people has blocked the other.
pub(crate) async fn refuse_blocked(conn: &mut Conn, one: UserId, other: UserId) -> Result<()> {
    if store::blocked_between(conn, one, other).await? { Err(Code::Blocked.into()) } else { Ok(()) }
}

/// An account with its private part, for its owner's own snapshot.
pub(crate) async fn own_profile(conn: &mut Conn, user: UserId) -> Result<User> {
    Ok(store::user(conn, user).await?.ok_or(Code::NotFound)?.own())
}

/// Whom somebody has blocked.
pub(crate) async fn blocked_by(conn: &mut Conn, user: UserId) -> Result<Vec<UserId>> {
    Ok(store::blocked_by(conn, user).await?)
}

/// Stores an account that nobody signs in to, without a word in the log.
pub(crate) async fn insert_silent(tx: &mut Tx, id: UserId, username: &str) -> Result<()> {
    let account = store::NewUser {
        id,
        kind: UserKind::User,
        username: username.to_owned(),
        email: None,
        password_hash: None,
        locale: crate::i18n::DEFAULT.to_owned(),
        owner_id: None,
        instance_role: InstanceRole::None,
    };
    let now = tx.now;
    Ok(store::insert_user(tx, &account, &names::key(username), now).await?)
}

/// Who owns a bot; nothing for accounts that nobody owns.
pub(crate) async fn bot_owner(conn: &mut Conn, bot: UserId) -> Result<Option<UserId>> {
    Ok(store::user(conn, bot).await?.and_then(|row| row.owner_id))
}
