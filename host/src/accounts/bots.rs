//! Accounts of programs: a person makes them, and they act with tokens that don't end by themselves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::identities::Revoked;
use super::store::{NewUser, UserRow};
use super::{Author, Caller, InstanceRole, User, UserKind, announce, create, names, store as accounts, token};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::http::body::{Faults, Validate};
use crate::i18n;
use crate::id::{SessionId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub mod routes;
pub(super) mod store;

/// Bots of one person, at most.
const MAX_BOTS: usize = 25;
/// How much of its name the account of a program of the server's own bears, in characters.
const MAX_NAME: usize = 12;

/// `POST /users/@me/bots`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBot {
    /// 2 to 32 letters, digits, `_`, `-` or `.`.
    pub username: String,
    /// The name that is shown; the user name if it is missing.
    pub display_name: Option<String>,
}

impl Validate for NewBot {
    fn check(&self, faults: &mut Faults) {
        names::check_username("/username", &self.username, faults);
        if let Some(name) = &self.display_name {
            names::check_display_name("/display_name", name, faults);
        }
    }
}

/// A bot with its token, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct BotWithToken {
    /// The bot.
    #[serde(flatten)]
    pub user: User,
    /// For `Authorization: Bot …`.
    pub token: String,
}

/// The caller's bots, the newest first.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<User>> {
    caller.require_person()?;
    let rows = store::bots_of(&mut app.db.read().await?, caller.user).await?;
    Ok(rows.into_iter().map(UserRow::public).collect())
}

/// Makes a bot that belongs to the caller.
pub async fn make(app: &App, caller: &Caller, new: NewBot) -> Result<BotWithToken> {
    caller.require_person()?;
    let (owner, id, token) = (caller.user, UserId(app.next_id()?), token::random());
    let username = names::normalize(&new.username);
    let account = NewUser {
        id,
        kind: UserKind::Bot,
        display_name: new.display_name.map_or_else(|| username.clone(), |name| names::tidy(&name)),
        username,
        email: None,
        password_hash: None,
        locale: caller.locale.clone(),
        owner_id: Some(owner),
        instance_role: InstanceRole::None,
    };
    let hash = token::hash(&token);
    let user = caller
        .write(app, &[owner.into(), id.into()], move |tx| {
            Box::pin(async move {
                if store::bots_of(tx, owner).await?.len() >= MAX_BOTS {
                    return Err(Error::limit("bots", MAX_BOTS));
                }
                let user = create(tx, account).await?;
                let now = tx.now;
                store::put_token(tx, id, &hash, now).await?;
                Ok(user)
            })
        })
        .await?;
    Ok(BotWithToken { user: User { private: None, ..user }, token })
}

/// Gives a bot a new token; the old one is worth nothing from here on, and its sockets close.
pub async fn renew_token(app: &App, caller: &Caller, bot: UserId) -> Result<BotWithToken> {
    require_own(app, caller, bot).await?;
    let (owner, token) = (caller.user, token::random());
    let hash = token::hash(&token);
    let user = caller
        .write(app, &[bot.into()], move |tx| {
            Box::pin(async move {
                own(accounts::user(tx, bot).await?, owner)?;
                let now = tx.now;
                store::put_token(tx, bot, &hash, now).await?;
                close_sockets(tx, bot)?;
                announce(tx, bot).await
            })
        })
        .await?;
    Ok(BotWithToken { user: User { private: None, ..user }, token })
}

/// Deletes a bot: what it wrote stays, its token is worth nothing and its name is free.
pub async fn delete(app: &App, caller: &Caller, bot: UserId) -> Result<()> {
    require_own(app, caller, bot).await?;
    let owner = caller.user;
    caller
        .write(app, &[bot.into()], move |tx| {
            Box::pin(async move {
                own(accounts::user(tx, bot).await?, owner)?;
                let now = tx.now;
                // No user name can have this key, so nobody can be in its way.
                store::bury(tx, bot, &format!("deleted-{bot}"), &format!("#{bot}"), now).await?;
                close_sockets(tx, bot)?;
                announce(tx, bot).await.map(drop)
            })
        })
        .await
}

/// Makes the account of a program that the server itself runs: nobody owns it, and it has no token.
pub(crate) async fn enlist(tx: &mut Tx, id: UserId, name: &str, display_name: &str) -> Result<Author> {
    // The id makes the name its own; both together are as long as a name may be.
    let name: String = name.chars().take(MAX_NAME).collect();
    let account = NewUser {
        id,
        kind: UserKind::Bot,
        username: format!("{name}.{id}"),
        email: None,
        password_hash: None,
        display_name: names::tidy(display_name).chars().take(names::MAX_USERNAME).collect(),
        locale: i18n::DEFAULT.to_owned(),
        owner_id: None,
        instance_role: InstanceRole::None,
    };
    create(tx, account).await?;
    Ok(accounts::user(tx, id).await?.ok_or(Code::NotFound)?.identity().author)
}

/// Leaves of such an account what its messages need.
pub(crate) async fn dismiss(tx: &mut Tx, bot: UserId) -> Result<()> {
    let now = tx.now;
    store::bury(tx, bot, &format!("deleted-{bot}"), &format!("#{bot}"), now).await?;
    announce(tx, bot).await.map(drop)
}

/// Ends what a bot's token has opened: a bot has one session for ever, its account.
pub(super) fn close_sockets(tx: &mut Tx, bot: UserId) -> Result<()> {
    tx.append(NewEvent::new(EventKind::SessionRevoked, bot, &Revoked { id: SessionId(bot.0) })?)?;
    Ok(())
}

async fn require_own(app: &App, caller: &Caller, bot: UserId) -> Result<()> {
    caller.require_person()?;
    own(accounts::user(&mut app.db.read().await?, bot).await?, caller.user)
}

/// A bot of somebody else's is none that the caller sees here.
fn own(row: Option<UserRow>, owner: UserId) -> Result<()> {
    let own = row.is_some_and(|row| row.kind == UserKind::Bot && row.owner_id == Some(owner));
    if own { Ok(()) } else { Err(Code::NotFound.into()) }
}
