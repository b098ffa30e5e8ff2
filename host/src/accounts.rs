//! Accounts: who somebody is, how they prove it, and what they say of themselves.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::clock::Timestamp;
use crate::closed_set;
use crate::config::RegistrationMode;
use crate::db::Conn;
use crate::error::{Code, Result};
use crate::http::body::{Faults, Validate};
use crate::id::{FileId, SessionId, UserId};
use crate::log::{EventKind, NewEvent, OperationFuture, Tx};

pub mod administration;
pub mod blocks;
pub mod bots;
pub mod caller;
pub mod commands;
mod email;
mod identities;
pub mod names;
pub mod one_time;
pub mod pages;
pub mod password;
pub mod profiles;
pub mod recovery;
pub mod routes;
pub mod second_factor;
pub mod sessions;
pub mod setup;
pub(crate) mod store;
mod sweep;
pub mod token;

pub(crate) use blocks::{blocked_by, blocks_around, refuse_blocked};
pub use caller::{Caller, CallerKind};
pub(crate) use identities::Revoked as SessionRef;
pub use identities::{Author, Identities, Identity};
use one_time::Purpose;
pub use sweep::sweep;

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
        if let Some(invitation) = &self.invitation {
            faults.length("/invitation", invitation, 1, token::MAX_CHARS);
        }
    }
}

/// Makes an account. The first event of its stream is `user_created`.
pub async fn register(app: &App, caller: &Caller, new: NewAccount) -> Result<User> {
    password::require_length(app, "/password", &new.password)?;
    let configured = app.config.registration.mode;
    let mode = administration::registration_mode(&mut app.db.read().await?, configured).await?;
    require_open(mode, new.invitation.is_some())?;
    let password_hash = password::hash(app, new.password).await?;
    let id = UserId(app.next_id()?);
    let locale = new.locale.unwrap_or_else(|| caller.locale.clone());
    let account = person(id, &new.username, new.email.clone(), password_hash, locale);
    let (email, invitation) = (new.email, new.invitation);
    let proof = email::Proof::new(app);
    let letter = proof.clone();
    let user = app
        .writer
        .run(Some(id), caller.request_id.clone(), &[id.into()], move |tx| {
            Box::pin(async move {
                let mode = administration::registration_mode(tx, configured).await?;
                require_open(mode, invitation.is_some())?;
                if let Some(invitation) = invitation.filter(|_| mode == RegistrationMode::Invitation) {
                    let taken = one_time::take(tx, Purpose::Registration, &invitation).await;
                    taken.map_err(|error| match error.code() {
                        Code::TokenExpired => Code::RegistrationClosed.into(),
                        _ => error,
                    })?;
                }
                let user = create(tx, account).await?;
                proof.issue(tx, id, &email).await?;
                Ok(user)
            })
        })
        .await?;
    letter.send(app, &user);
    Ok(user)
}

/// Refuses whoever may not make an account now. Whether an invitation is good is seen when it is used.
fn require_open(mode: RegistrationMode, invited: bool) -> Result<()> {
    match mode {
        RegistrationMode::Open => Ok(()),
        RegistrationMode::Invitation if invited => Ok(()),
        RegistrationMode::Invitation | RegistrationMode::Closed => Err(Code::RegistrationClosed.into()),
    }
}

/// A person's account about to be stored.
fn person(id: UserId, username: &str, email: String, password_hash: String, locale: String) -> store::NewUser {
    let username = names::normalize(username);
    store::NewUser {
        id,
        kind: UserKind::User,
        display_name: username.clone(),
        username,
        email: Some(email),
        password_hash: Some(password_hash),
        locale,
        owner_id: None,
        instance_role: InstanceRole::None,
    }
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
        password::check_length("/password", &self.password, faults);
        if let Some(code) = &self.totp {
            faults.length("/totp", code, 1, second_factor::MAX_CODE);
        }
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

/// An account with its private part, for its owner's own snapshot.
pub(crate) async fn own_profile(conn: &mut Conn, user: UserId) -> Result<User> {
    Ok(store::user(conn, user).await?.ok_or(Code::NotFound)?.own())
}

/// Tells the account's own stream what it is now; answers all of it.
pub(crate) async fn announce(tx: &mut Tx, user: UserId) -> Result<User> {
    let user = store::user(tx, user).await?.ok_or(Code::NotFound)?.own();
    let public = User { private: None, ..user.clone() };
    tx.append(NewEvent::new(EventKind::UserUpdated, user.id, &public)?)?;
    Ok(user)
}

/// Stores an account that nobody signs in to, without a word in the log.
pub(crate) async fn insert_silent(tx: &mut Tx, id: UserId, username: &str) -> Result<()> {
    let account = store::NewUser {
        id,
        kind: UserKind::User,
        username: username.to_owned(),
        display_name: username.to_owned(),
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
