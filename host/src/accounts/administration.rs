//! Running the server: its accounts, who may make one, and who else runs it. None of this reads private messages.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::one_time::{self, NewToken, Purpose};
use super::store::{self as accounts, UserRow};
use super::{Caller, InstanceRole, User, UserKind, announce, bots, names, sessions, token};
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::RegistrationMode;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::http::page::Page;
use crate::id::{StreamId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub mod routes;
pub(super) mod store;

/// Whoever changes who runs the server takes this stream's shard, so that two who depose each other
/// come one after the other. Nothing is written to it.
pub(super) const INSTANCE: StreamId = StreamId(0);
/// How often an invitation can be used, at most.
const MAX_USES: i64 = 1_000;
/// How long an invitation is good, if nothing else is said.
const INVITATION_GOOD: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long an invitation is good, at most.
const INVITATION_GOOD_AT_MOST: Duration = Duration::from_secs(366 * 24 * 3600);

/// An account as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Account {
    /// What its owner sees.
    #[serde(flatten)]
    pub user: User,
    /// What it is.
    pub kind: UserKind,
    /// Whose bot it is.
    pub owner_id: Option<UserId>,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
}

impl From<UserRow> for Account {
    fn from(row: UserRow) -> Account {
        Account { kind: row.kind, owner_id: row.owner_id, disabled_at: row.disabled_at, user: row.own() }
    }
}

/// Which accounts are asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AccountQuery {
    /// Part of a user name or of an e-mail address.
    pub q: Option<String>,
    /// Accounts older than this one.
    pub before: Option<UserId>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
}

/// The accounts of this server, the newest first.
pub async fn list(app: &App, caller: &Caller, query: AccountQuery) -> Result<Page<Account>> {
    caller.require_administrator()?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Code::InvalidQuery.into());
    }
    let part = query.q.unwrap_or_default();
    let (name, email) = (containing(&names::key(&part)), containing(&names::email_key(&part)));
    let before = query.before.unwrap_or(UserId(i64::MAX));
    let mut conn = app.db.read().await?;
    let rows = store::search(&mut conn, &name, &email, before, limit + 1).await?;
    Ok(Page::cut(rows.into_iter().map(Account::from).collect(), limit))
}

/// The pattern of all texts that have `part` in them.
fn containing(part: &str) -> String {
    format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// `PATCH /admin/users/{user_id}`. What is missing or null stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountUpdate {
    /// What the account may do on this server.
    pub instance_role: Option<InstanceRole>,
    /// Whether it is closed. A person's bots are closed with it, and stay so until each is opened.
    pub disabled: Option<bool>,
}

impl Validate for AccountUpdate {
    fn check(&self, _: &mut Faults) {}
}

/// Changes what an account may do on this server.
pub async fn update(app: &App, caller: &Caller, user: UserId, update: AccountUpdate) -> Result<Account> {
    caller.require_administrator()?;
    change(app, Some(caller.user), caller.request_id.clone(), user, update).await
}

/// The same for whoever sits at the server itself, who is nobody and needs no role.
pub(super) async fn change(
    app: &App,
    by: Option<UserId>,
    request_id: Option<Arc<str>>,
    user: UserId,
    update: AccountUpdate,
) -> Result<Account> {
    let owned = bots::store::bots_of(&mut app.db.read().await?, user).await?;
    let mut streams: Vec<StreamId> = owned.iter().map(|bot| bot.id.into()).collect();
    streams.extend([user.into(), INSTANCE]);
    let named = streams.clone();
    let work = app.writer.run(by, request_id, &streams, move |tx| {
        Box::pin(async move {
            if let Some(by) = by {
                require_still(tx, by).await?;
            }
            apply(tx, user, &update, &named).await?;
            Ok(accounts::user(tx, user).await?.ok_or(Code::NotFound)?.into())
        })
    });
    work.await
}

/// Refuses whoever was an administrator when they asked and is none any more.
async fn require_still(tx: &mut Tx, user: UserId) -> Result<()> {
    let row = accounts::user(tx, user).await?.filter(|row| row.disabled_at.is_none());
    match row.map(|row| row.instance_role) {
        Some(InstanceRole::Administrator) => Ok(()),
        _ => Err(Code::Forbidden.into()),
    }
}

async fn apply(tx: &mut Tx, user: UserId, update: &AccountUpdate, named: &[StreamId]) -> Result<()> {
    let row = accounts::user(tx, user).await?.filter(|row| row.kind != UserKind::Deleted).ok_or(Code::NotFound)?;
    let runs_server = row.instance_role == InstanceRole::Administrator && row.disabled_at.is_none();
    let role = update.instance_role.filter(|role| *role != row.instance_role);
    let disabled = update.disabled.filter(|disabled| *disabled != row.disabled_at.is_some());
    if let Some(role) = role {
        if row.kind == UserKind::Bot {
            return Err(Error::field("/instance_role", FieldCode::NotAllowed));
        }
        store::set_role(tx, user, role).await?;
    }
    match disabled {
        Some(true) => {
            close(tx, &row).await?;
            for bot in bots::store::bots_of(tx, user).await?.iter().filter(|bot| bot.disabled_at.is_none()) {
                // Made since the streams were named: ask again.
                if !named.contains(&bot.id.into()) {
                    return Err(Code::Unavailable.into());
                }
                close(tx, bot).await?;
                announce(tx, bot.id).await?;
            }
        }
        Some(false) => store::set_disabled(tx, user, None).await?,
        None => {}
    }
    if runs_server && store::administrators(tx).await? == 0 {
        return Err(Code::OwnerProtected.into());
    }
    if role.is_some() || disabled.is_some() {
        announce(tx, user).await?;
    }
    Ok(())
}

/// Closes one account: its sessions end, and its tokens are worth nothing.
async fn close(tx: &mut Tx, row: &UserRow) -> Result<()> {
    let now = tx.now;
    store::set_disabled(tx, row.id, Some(now)).await?;
    match row.kind {
        UserKind::Bot => bots::close_sockets(tx, row.id),
        UserKind::User | UserKind::Deleted => sessions::revoke_all(tx, row.id, None).await,
    }
}

/// `POST /admin/registration-invitations`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// How many accounts can be made with it, 1 to 1,000.
    pub uses: i64,
    /// When it ends; in a week if it is missing.
    pub expires_at: Option<Timestamp>,
}

impl Validate for NewInvitation {
    fn check(&self, faults: &mut Faults) {
        faults.range("/uses", self.uses, 1, MAX_USES);
    }
}

/// An invitation to make accounts, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invitation {
    /// What goes into `invitation` of `POST /register`.
    pub token: String,
    /// How many accounts can be made with it.
    pub uses: i64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Invites people to make accounts, where that is by invitation.
pub async fn invite(app: &App, caller: &Caller, new: NewInvitation) -> Result<Invitation> {
    caller.require_administrator()?;
    let now = app.now();
    let expires_at = new.expires_at.unwrap_or(now.after(INVITATION_GOOD));
    if expires_at <= now || expires_at > now.after(INVITATION_GOOD_AT_MOST) {
        return Err(Error::field("/expires_at", FieldCode::OutOfRange));
    }
    let (user, secret) = (caller.user, token::random());
    let stored = NewToken {
        hash: token::hash(&secret),
        purpose: Purpose::Registration,
        user: Some(user),
        subject: String::new(),
        uses: new.uses,
        expires_at,
    };
    caller
        .write(app, &[user.into(), INSTANCE], move |tx| {
            Box::pin(async move {
                require_still(tx, user).await?;
                let now = tx.now;
                one_time::store::insert(tx, &stored, now).await?;
                let body = serde_json::json!({ "invitation": { "uses": stored.uses, "expires_at": expires_at } });
                tx.append(NewEvent::new(EventKind::InstanceUpdated, user, &body)?)?;
                Ok(())
            })
        })
        .await?;
    Ok(Invitation { token: secret, uses: new.uses, expires_at })
}

/// What administrators decide for the whole server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceSettings {
    /// Who may make an account.
    pub registration_mode: RegistrationMode,
}

impl Validate for InstanceSettings {
    fn check(&self, _: &mut Faults) {}
}

/// Who may make an account: what an administrator decided or, before that, the configuration says.
pub(super) async fn registration_mode(conn: &mut Conn, configured: RegistrationMode) -> Result<RegistrationMode> {
    Ok(store::registration_mode(conn).await?.unwrap_or(configured))
}

/// The server's own settings.
pub async fn settings(app: &App, caller: &Caller) -> Result<InstanceSettings> {
    caller.require_administrator()?;
    let mut conn = app.db.read().await?;
    let registration_mode = registration_mode(&mut conn, app.config.registration.mode).await?;
    Ok(InstanceSettings { registration_mode })
}

/// Changes the server's own settings; they win over its configuration.
pub async fn set_settings(app: &App, caller: &Caller, settings: InstanceSettings) -> Result<InstanceSettings> {
    caller.require_administrator()?;
    let user = caller.user;
    caller
        .write(app, &[user.into(), INSTANCE], move |tx| {
            Box::pin(async move {
                require_still(tx, user).await?;
                store::set_registration_mode(tx, settings.registration_mode).await?;
                tx.append(NewEvent::new(EventKind::InstanceUpdated, user, &settings)?)?;
                Ok(settings)
            })
        })
        .await
}
