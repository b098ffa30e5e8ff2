//! Members: who belongs to a guild, and how they come and go.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::audit::{Action, Note};
use super::{bans, standing, store as guilds};
use crate::accounts::{self, Author, Caller, UserKind};
use crate::app::App;
use crate::channels::{self, MemberRules, Membership, Permissions};
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::http::limits::Group;
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{GuildId, MessageId, RoleId, UserId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::messaging::MessageKind;
use crate::messaging::system::{self, Notice};
use crate::plugins::badges::{self, MemberBadge};
use crate::voice::ending as voice;

pub mod routes;
pub(crate) mod store;
pub mod update;

/// Somebody in a guild.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Member {
    /// Who it is.
    pub user: Author,
    /// What they are called here.
    pub nick: Option<String>,
    /// Their roles, without `@everyone`.
    pub roles: Vec<RoleId>,
    /// When they joined.
    pub joined_at: Timestamp,
    /// Until when they may only read.
    pub timed_out_until: Option<Timestamp>,
    /// Whether a moderator muted them in voice.
    pub muted: bool,
    /// Whether a moderator deafened them in voice.
    pub deafened: bool,
    /// What plugins gave them, where members are read one by one or in pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub badges: Vec<MemberBadge>,
}

impl Member {
    /// What of them decides permissions.
    pub(crate) fn rules(&self) -> MemberRules {
        MemberRules {
            user: self.user.id,
            roles: self.roles.iter().copied().collect(),
            timed_out_until: self.timed_out_until,
        }
    }
}

/// Which members are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MembersQuery {
    /// Members whose account's id is higher than this.
    pub after: Option<String>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
    /// Only those with this in one of their names.
    pub q: Option<String>,
}

/// A page of a guild's members, in the order of their accounts.
pub async fn list(app: &App, caller: &Caller, guild: GuildId, query: MembersQuery) -> Result<Page<Member>> {
    channels::membership(app, caller, guild).await?;
    let page = PageQuery { after: query.after, limit: query.limit, ..PageQuery::default() };
    let after = match page.anchor::<UserId>()? {
        Some(Anchor::After(user)) => user,
        _ => UserId(0),
    };
    let pattern = super::search_pattern(query.q.as_deref());
    let members = store::page(&mut app.db.read().await?, guild, after, &pattern, page.limit() + 1).await?;
    let mut members = Page::cut(members, page.limit());
    badges::put_on(app, caller, guild, &mut members.items).await?;
    Ok(members)
}

/// A member, for the other members.
pub async fn get(app: &App, caller: &Caller, guild: GuildId, user: UserId) -> Result<Member> {
    channels::membership(app, caller, guild).await?;
    let mut member = store::member(&mut app.db.read().await?, guild, user).await?.ok_or(Code::NotFound)?;
    badges::put_on(app, caller, guild, std::slice::from_mut(&mut member)).await?;
    Ok(member)
}

/// Joins a public guild.
pub async fn join_public(app: &App, caller: &Caller, guild: GuildId) -> Result<Member> {
    caller.require_person()?;
    app.limiter.check(caller, Group::Changes, guild.0)?;
    super::get(app, caller, guild).await?;
    let user = caller.identity()?.author.clone();
    caller
        .write(app, &[guild.into()], move |tx| {
            Box::pin(async move {
                let found = guilds::guild(tx, guild).await?.ok_or(Code::NotFound)?;
                let member = store::member(tx, guild, user.id).await?.is_some();
                if !found.public && !member {
                    return Err(Code::NotFound.into());
                }
                join(tx, guild, user).await
            })
        })
        .await
}

/// Adds a bot to a guild, as the one who owns the bot and manages the guild.
pub async fn add_bot(app: &App, caller: &Caller, guild: GuildId, bot: UserId) -> Result<Member> {
    let standing = standing(app, caller, guild).await?;
    standing.require(Permissions::MANAGE_GUILD)?;
    caller.require_person()?;
    let identity = app.identities.get(&app.db, bot).await?.ok_or(Code::NotFound)?;
    if identity.kind != UserKind::Bot || identity.disabled {
        return Err(Code::NotFound.into());
    }
    let (author, owner, reason) = (identity.author.clone(), caller.user, caller.reason.clone());
    standing
        .change(app, caller, Permissions::MANAGE_GUILD, move |tx, _| {
            Box::pin(async move {
                if accounts::bot_owner(tx, bot).await? != Some(owner) {
                    return Err(Code::NotFound.into());
                }
                // First, because the bot itself is the author of the message that says it came.
                Note::new(guild, Action::BotAdd).target(bot.0).reason(&reason).write(tx).await?;
                join(tx, guild, author).await
            })
        })
        .await
}

/// Makes somebody a member, whichever way they came: who is banned or a member already is refused.
/// The guild's system channel says that they came.
pub(crate) async fn join(tx: &mut Tx, guild: GuildId, user: Author) -> Result<Member> {
    let now = tx.now;
    if bans::store::is_banned(tx, guild, user.id, now).await? {
        return Err(Code::Banned.into());
    }
    let timed_out_until = store::take_absent_timeout(tx, guild, user.id).await?.filter(|until| now < *until);
    if !guilds::insert_member(tx, guild, user.id, now).await? {
        return Err(Code::AlreadyExists.into());
    }
    if timed_out_until.is_some() {
        store::set_timeout(tx, guild, user.id, timed_out_until).await?;
    }
    let (muted, deafened) = store::take_absent_mutes(tx, guild, user.id).await?.unwrap_or_default();
    if muted || deafened {
        store::set_mutes(tx, guild, user.id, muted, deafened).await?;
    }
    let (roles, badges) = (Vec::new(), Vec::new());
    let member = Member { user, nick: None, roles, joined_at: now, timed_out_until, muted, deafened, badges };
    tx.append(NewEvent::new(EventKind::MemberJoined, guild, &member)?)?;
    if let Some(channel) = guilds::system_channel(tx, guild).await? {
        let notice = Notice {
            id: MessageId(tx.next_id()?),
            guild,
            channel,
            kind: MessageKind::Join,
            author: member.user.clone(),
            content: String::new(),
            reply_to: Vec::new(),
        };
        system::post(tx, notice).await?;
    }
    Ok(member)
}

/// Makes somebody a member without a word in the log.
pub(crate) async fn insert_silent(tx: &mut Tx, guild: GuildId, user: UserId) -> Result<()> {
    let now = tx.now;
    guilds::insert_member(tx, guild, user, now).await?;
    Ok(())
}

/// Leaves a guild. Its owner must give it away or delete it instead.
pub async fn leave(app: &App, caller: &Caller, guild: GuildId) -> Result<()> {
    let standing = standing(app, caller, guild).await?;
    let (user, reason) = (caller.user, caller.reason.clone());
    standing
        .change(app, caller, Permissions::NONE, move |tx, membership| {
            Box::pin(async move {
                if membership.is_owner() {
                    return Err(Code::OwnerProtected.into());
                }
                let member = store::member(tx, guild, user).await?.ok_or(Code::NotFound)?;
                remove(tx, guild, &member).await?;
                Note::new(guild, Action::MemberLeave).target(user.0).reason(&reason).write(tx).await
            })
        })
        .await
}

/// Removes a member who stands lower.
pub async fn kick(app: &App, caller: &Caller, guild: GuildId, user: UserId) -> Result<()> {
    if user == caller.user {
        return leave(app, caller, guild).await;
    }
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::KICK_MEMBERS, move |tx, membership| {
            Box::pin(async move { kick_within(tx, &membership, user, &reason).await })
        })
        .await
}

/// Removes a member who stands lower, as a part of a larger change.
pub(crate) async fn kick_within(tx: &mut Tx, membership: &Membership, user: UserId, reason: &str) -> Result<()> {
    let guild = membership.id();
    membership.require(Permissions::KICK_MEMBERS)?;
    let member = store::member(tx, guild, user).await?.ok_or(Code::NotFound)?;
    membership.require_above(&member.rules())?;
    remove(tx, guild, &member).await?;
    Note::new(guild, Action::MemberKick).target(user.0).reason(reason).write(tx).await
}

/// The body of `member_left`.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberLeft)]
pub(crate) struct Left<'a> {
    user: &'a Author,
}

/// Takes a member out of a guild, however they go. A timeout that hasn't ended waits for them, and so
/// does what moderators took from them in voice.
pub(crate) async fn remove(tx: &mut Tx, guild: GuildId, member: &Member) -> Result<()> {
    let now = tx.now;
    if let Some(until) = member.timed_out_until.filter(|until| now < *until) {
        store::keep_timeout(tx, guild, member.user.id, until).await?;
    }
    if member.muted || member.deafened {
        store::keep_mutes(tx, guild, member.user.id, member.muted, member.deafened).await?;
    }
    // Before they are out of the guild, so that they hear of it too.
    voice::end_in(tx, guild, member.user.id).await?;
    store::delete(tx, guild, member.user.id).await?;
    badges::forget(tx, guild, member.user.id).await?;
    tx.append(NewEvent::new(EventKind::MemberLeft, guild, &Left { user: &member.user })?)?;
    Ok(())
}
