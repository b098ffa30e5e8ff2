//! Bans: who may not be in a guild, for ever or until some moment.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::audit::{Action, Note};
use super::{members, standing};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{self, Membership, Permissions};
use crate::clock::Timestamp;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{GuildId, UserId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::messaging::purge;

pub mod bulk;
pub mod routes;
pub(crate) mod store;

/// The longest reason, in characters.
const MAX_REASON: usize = 512;
/// How far back a ban can delete messages, in seconds: a week.
const MAX_DELETED_SECONDS: i64 = 604_800;

/// A ban.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ban {
    /// Who is banned.
    pub user: Author,
    /// Why.
    pub reason: String,
    /// Who banned them.
    pub actor_id: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// `POST /guilds/{id}/bans`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// Whom: a member, or anybody else.
    pub user_id: UserId,
    /// Why, at most 512 characters; `X-Audit-Log-Reason` if it isn't said here.
    pub reason: Option<String>,
    /// Their messages of this many last seconds are deleted, at most a week's.
    #[serde(default)]
    pub delete_message_seconds: i64,
    /// When it ends by itself; never if this isn't said.
    pub expires_at: Option<Timestamp>,
}

impl Validate for NewBan {
    fn check(&self, faults: &mut Faults) {
        check_terms(self.reason.as_deref(), self.delete_message_seconds, faults);
    }
}

fn check_terms(reason: Option<&str>, delete_message_seconds: i64, faults: &mut Faults) {
    faults.length("/reason", reason.unwrap_or_default(), 0, MAX_REASON);
    faults.range("/delete_message_seconds", delete_message_seconds, 0, MAX_DELETED_SECONDS);
}

/// What somebody is banned with.
struct Terms {
    reason: String,
    expires_at: Option<Timestamp>,
}

/// Which bans are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct BansQuery {
    /// Bans of accounts whose id is higher than this.
    pub after: Option<String>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
}

/// A page of a guild's bans, in the order of accounts.
pub async fn list(app: &App, caller: &Caller, guild: GuildId, query: BansQuery) -> Result<Page<Ban>> {
    channels::membership(app, caller, guild).await?.require(Permissions::BAN_MEMBERS)?;
    let page = PageQuery { after: query.after, limit: query.limit, ..PageQuery::default() };
    let after = match page.anchor::<UserId>()? {
        Some(Anchor::After(user)) => user,
        _ => UserId(0),
    };
    let bans = store::page(&mut app.db.read().await?, guild, after, app.now(), page.limit() + 1).await?;
    Ok(Page::cut(bans, page.limit()))
}

/// Bans somebody; a member is removed, and what they said lately deleted if that is asked for.
pub async fn add(app: &App, caller: &Caller, guild: GuildId, new: NewBan) -> Result<Ban> {
    let standing = standing(app, caller, guild).await?;
    standing.require(Permissions::BAN_MEMBERS)?;
    let user = app.identities.get(&app.db, new.user_id).await?.ok_or(Code::NotFound)?.author.clone();
    let found = purge::find(app, guild, &[user.id], new.delete_message_seconds).await?;
    let terms = Terms { reason: new.reason.unwrap_or_else(|| caller.reason.clone()), expires_at: new.expires_at };
    standing
        .change(app, caller, Permissions::BAN_MEMBERS, move |tx, membership| {
            Box::pin(async move {
                let now = tx.now;
                if terms.expires_at.is_some_and(|at| at <= now) {
                    return Err(Error::field("/expires_at", FieldCode::OutOfRange));
                }
                add_one(tx, &membership, user, &terms, found).await
            })
        })
        .await
}

/// Bans somebody for good and deletes what was found of theirs, as a part of a larger change.
pub(crate) async fn add_within(
    tx: &mut Tx,
    membership: &Membership,
    user: Author,
    reason: &str,
    found: purge::Found,
) -> Result<Ban> {
    membership.require(Permissions::BAN_MEMBERS)?;
    let terms = Terms { reason: reason.to_owned(), expires_at: None };
    add_one(tx, membership, user, &terms, found).await
}

async fn add_one(
    tx: &mut Tx,
    membership: &Membership,
    user: Author,
    terms: &Terms,
    found: purge::Found,
) -> Result<Ban> {
    let member = check(tx, membership, user.id).await?;
    let ban = ban(tx, membership, user, member, terms).await?;
    purge::delete(tx, membership.id(), &[ban.user.id], found).await?;
    Ok(ban)
}

/// Refuses to ban whom one may not, or who is banned already; answers the member, if they are one.
async fn check(tx: &mut Tx, membership: &Membership, user: UserId) -> Result<Option<members::Member>> {
    let guild = membership.id();
    if user == membership.guild.owner {
        return Err(Code::OwnerProtected.into());
    }
    if user == membership.member.user {
        return Err(Code::Forbidden.into());
    }
    let member = members::store::member(tx, guild, user).await?;
    if let Some(member) = &member {
        membership.require_above(&member.rules())?;
    }
    let now = tx.now;
    if store::is_banned(tx, guild, user, now).await? { Err(Code::AlreadyExists.into()) } else { Ok(member) }
}

async fn ban(
    tx: &mut Tx,
    membership: &Membership,
    user: Author,
    member: Option<members::Member>,
    terms: &Terms,
) -> Result<Ban> {
    let guild = membership.id();
    let ban = Ban {
        user,
        reason: terms.reason.clone(),
        actor_id: membership.member.user,
        created_at: tx.now,
        expires_at: terms.expires_at,
    };
    store::put(tx, guild, &ban).await?;
    tx.append(NewEvent::new(EventKind::BanAdded, guild, &ban)?)?;
    if let Some(member) = member {
        members::remove(tx, guild, &member).await?;
    }
    let note = Note::new(guild, Action::BanAdd).target(ban.user.id.0).reason(&ban.reason);
    note.change("expires_at", (), ban.expires_at).write(tx).await?;
    Ok(ban)
}

/// The body of `ban_removed`.
#[derive(Serialize, ToSchema)]
#[schema(as = BanRemoved)]
pub(crate) struct Removed {
    user: Author,
}

/// Lifts a ban.
pub async fn remove(app: &App, caller: &Caller, guild: GuildId, user: UserId) -> Result<()> {
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::BAN_MEMBERS, move |tx, _| {
            Box::pin(async move { remove_within(tx, guild, user, &reason).await })
        })
        .await
}

/// Lifts a ban as a part of a larger change.
pub(crate) async fn remove_within(tx: &mut Tx, guild: GuildId, user: UserId, reason: &str) -> Result<()> {
    let now = tx.now;
    let ban = store::ban(tx, guild, user).await?.filter(|ban| ban.is_in_force(now));
    lift(tx, guild, ban.ok_or(Code::NotFound)?, reason).await
}

impl Ban {
    fn is_in_force(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

async fn lift(tx: &mut Tx, guild: GuildId, ban: Ban, reason: &str) -> Result<()> {
    store::delete(tx, guild, ban.user.id).await?;
    Note::new(guild, Action::BanRemove).target(ban.user.id.0).reason(reason).write(tx).await?;
    tx.append(NewEvent::new(EventKind::BanRemoved, guild, &Removed { user: ban.user })?)?;
    Ok(())
}

/// Removes the rows of bans that have ended, some at a time, and says so; answers how many.
pub(super) async fn sweep(app: &App, at_most: i64) -> Result<usize> {
    let ended = store::ended(&mut app.db.read().await?, app.now(), at_most).await?;
    for &(guild, user) in &ended {
        app.writer
            .run(None, None, &[guild.into()], move |tx| {
                Box::pin(async move {
                    let now = tx.now;
                    match store::ban(tx, guild, user).await?.filter(|ban| !ban.is_in_force(now)) {
                        Some(ban) => lift(tx, guild, ban, "").await,
                        None => Ok(()),
                    }
                })
            })
            .await?;
    }
    Ok(ended.len())
}
