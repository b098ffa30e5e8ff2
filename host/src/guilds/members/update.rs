//! What changes about members: their nicknames, their roles, and how long they may only read.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Member, store};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{Membership, Permissions};
use crate::clock::Timestamp;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::guilds::roles::{self, Role};
use crate::guilds::{standing, store as guilds};
use crate::http::body::{Faults, Validate, present};
use crate::id::{ChannelId, GuildId, RoleId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

mod voice;

/// The longest that a member may be timed out.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(28 * 24 * 3600);
/// The longest nickname, in characters.
const MAX_NICK: usize = 32;

/// `PATCH /guilds/{id}/members/{user_id}`: what isn't said stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemberChange {
    /// What they are called here, 1 to 32 characters; `null` for their own name.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub nick: Option<Option<String>>,
    /// All their roles, without `@everyone`.
    pub roles: Option<Vec<RoleId>>,
    /// Until when they may only read, at most 28 days ahead; `null` lifts it.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Timestamp>)]
    pub timed_out_until: Option<Option<Timestamp>>,
    /// Whether they are muted in voice.
    pub muted: Option<bool>,
    /// Whether they are deafened in voice.
    pub deafened: Option<bool>,
    /// The voice channel to move them to, if they are in one; `null` shows them out of it.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<ChannelId>)]
    pub voice_channel_id: Option<Option<ChannelId>>,
}

impl Validate for MemberChange {
    fn check(&self, faults: &mut Faults) {
        if let Some(Some(nick)) = &self.nick {
            faults.length("/nick", nick.trim(), 1, MAX_NICK);
            faults.length("/nick", nick, 0, MAX_NICK);
        }
        faults.items("/roles", self.roles.as_ref().map_or(0, Vec::len), 1_000);
    }
}

impl MemberChange {
    /// What one must hold in the guild to change this of oneself or of another. Who may move whom is
    /// decided by the channels.
    fn needed(&self, held: Permissions, oneself: bool) -> Permissions {
        let mut needed = Permissions::NONE;
        if self.nick.is_some() {
            let manages = held.contains(Permissions::MANAGE_NICKNAMES);
            needed |= if oneself && !manages { Permissions::CHANGE_NICKNAME } else { Permissions::MANAGE_NICKNAMES };
        }
        if self.roles.is_some() {
            needed |= Permissions::MANAGE_ROLES;
        }
        if self.timed_out_until.is_some() {
            needed |= Permissions::TIMEOUT_MEMBERS;
        }
        if self.muted.is_some() {
            needed |= Permissions::MUTE_MEMBERS;
        }
        if self.deafened.is_some() {
            needed |= Permissions::DEAFEN_MEMBERS;
        }
        needed
    }
}

/// Changes a member, as far as the caller may.
pub async fn change(app: &App, caller: &Caller, guild: GuildId, user: UserId, change: MemberChange) -> Result<Member> {
    let standing = standing(app, caller, guild).await?;
    let needed = change.needed(standing.permissions, user == caller.user);
    let reason = caller.reason.clone();
    standing
        .change(app, caller, needed, move |tx, membership| {
            Box::pin(async move {
                membership.require(change.needed(membership.permissions, user == membership.member.user))?;
                let old = store::member(tx, guild, user).await?.ok_or(Code::NotFound)?;
                membership.require_above(&old.rules())?;
                let mut desk = Desk { tx, membership, old, reason, changed: false };
                if let Some(nick) = change.nick {
                    desk.rename(nick.map(|nick| nick.trim().to_owned())).await?;
                }
                if let Some(roles) = change.roles {
                    desk.set_roles(roles).await?;
                }
                if let Some(until) = change.timed_out_until {
                    desk.time_out(until).await?;
                }
                if change.muted.is_some() || change.deafened.is_some() {
                    desk.mute(change.muted, change.deafened).await?;
                }
                if let Some(channel) = change.voice_channel_id {
                    desk.bring(channel).await?;
                }
                desk.finish().await
            })
        })
        .await
}

/// Gives a member one more role.
pub async fn give_role(app: &App, caller: &Caller, guild: GuildId, user: UserId, role: RoleId) -> Result<Member> {
    change_one_role(app, caller, guild, user, role, true).await
}

/// Takes one role from a member.
pub async fn take_role(app: &App, caller: &Caller, guild: GuildId, user: UserId, role: RoleId) -> Result<Member> {
    change_one_role(app, caller, guild, user, role, false).await
}

async fn change_one_role(
    app: &App,
    caller: &Caller,
    guild: GuildId,
    user: UserId,
    role: RoleId,
    give: bool,
) -> Result<Member> {
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::MANAGE_ROLES, move |tx, membership| {
            Box::pin(async move { change_role_within(tx, membership, user, role, give, reason).await })
        })
        .await
}

/// Gives a member who stands lower one more role or takes one, as a part of a larger change.
pub(crate) async fn change_role_within(
    tx: &mut Tx,
    membership: Membership,
    user: UserId,
    role: RoleId,
    give: bool,
    reason: String,
) -> Result<Member> {
    membership.require(Permissions::MANAGE_ROLES)?;
    let guild = membership.id();
    let old = store::member(tx, guild, user).await?.ok_or(Code::NotFound)?;
    membership.require_above(&old.rules())?;
    roles::store::role(tx, guild, role).await?.ok_or(Code::NotFound)?;
    let mut wanted: Vec<RoleId> = old.roles.iter().copied().filter(|one| *one != role).collect();
    if give {
        wanted.push(role);
    }
    let mut desk = Desk { tx, membership, old, reason, changed: false };
    desk.set_roles(wanted).await?;
    desk.finish().await
}

/// Lets a member who stands lower only read until then, as a part of a larger change; nothing lifts it.
pub(crate) async fn time_out_within(
    tx: &mut Tx,
    membership: Membership,
    user: UserId,
    until: Option<Timestamp>,
    reason: String,
) -> Result<Member> {
    membership.require(Permissions::TIMEOUT_MEMBERS)?;
    let old = store::member(tx, membership.id(), user).await?.ok_or(Code::NotFound)?;
    membership.require_above(&old.rules())?;
    let mut desk = Desk { tx, membership, old, reason, changed: false };
    desk.time_out(until).await?;
    desk.finish().await
}

/// One member on the desk of somebody who changes several things about them at once.
struct Desk<'t> {
    tx: &'t mut Tx,
    membership: Membership,
    old: Member,
    reason: String,
    changed: bool,
}

impl Desk<'_> {
    fn guild(&self) -> GuildId {
        self.membership.id()
    }

    async fn note(&mut self, note: Note) -> Result<()> {
        self.changed = true;
        note.target(self.old.user.id.0).reason(&self.reason).write(self.tx).await
    }

    async fn rename(&mut self, nick: Option<String>) -> Result<()> {
        if nick == self.old.nick {
            return Ok(());
        }
        let guild = self.guild();
        store::set_nick(self.tx, guild, self.old.user.id, &nick).await?;
        let note = Note::new(guild, Action::MemberUpdate).change("nick", &self.old.nick, &nick);
        self.note(note).await
    }

    async fn set_roles(&mut self, mut wanted: Vec<RoleId>) -> Result<()> {
        wanted.sort_unstable();
        wanted.dedup();
        let (guild, user) = (self.guild(), self.old.user.id);
        let given: Vec<RoleId> = wanted.iter().copied().filter(|role| !self.old.roles.contains(role)).collect();
        let taken: Vec<RoleId> = self.old.roles.iter().copied().filter(|role| !wanted.contains(role)).collect();
        for &role in given.iter().chain(&taken) {
            let found = roles::store::role(self.tx, guild, role).await?.ok_or(Code::NotFound)?;
            self.may_hand_out(&found, given.contains(&role))?;
        }
        if given.is_empty() && taken.is_empty() {
            return Ok(());
        }
        for &role in &given {
            store::give_role(self.tx, guild, user, role).await?;
        }
        for &role in &taken {
            store::take_role(self.tx, guild, user, role).await?;
        }
        let note = Note::new(guild, Action::MemberRolesUpdate).change("roles", &self.old.roles, &wanted);
        self.note(note).await
    }

    /// Roles below one's own only, with no permission that one lacks; a bot's own role stays with it.
    fn may_hand_out(&self, role: &Role, give: bool) -> Result<()> {
        if role.id == self.guild().everyone() || role.managed_by.is_some() {
            return Err(Code::Forbidden.into());
        }
        roles::require_rank(&self.membership, role, give)
    }

    /// Refuses to silence the owner, administrators, and oneself.
    fn may_silence(&self) -> Result<()> {
        let (user, rules) = (self.old.user.id, self.old.rules());
        if user == self.membership.guild.owner {
            return Err(Code::OwnerProtected.into());
        }
        if self.membership.guild.resolve(&rules, None, self.tx.now).contains(Permissions::ADMINISTRATOR) {
            return Err(Code::RoleTooHigh.into());
        }
        if user == self.membership.member.user { Err(Code::Forbidden.into()) } else { Ok(()) }
    }

    async fn time_out(&mut self, until: Option<Timestamp>) -> Result<()> {
        self.may_silence()?;
        let (guild, user, now) = (self.guild(), self.old.user.id, self.tx.now);
        if until.is_some_and(|until| until <= now || until > now.after(LONGEST_TIMEOUT)) {
            return Err(Error::field("/timed_out_until", FieldCode::OutOfRange));
        }
        let old = self.old.timed_out_until.filter(|until| now < *until);
        if old == until {
            return Ok(());
        }
        store::set_timeout(self.tx, guild, user, until).await?;
        let note = Note::new(guild, Action::MemberTimeout).change("timed_out_until", old, until);
        self.note(note).await
    }

    /// Tells everybody, if anything changed.
    async fn finish(self) -> Result<Member> {
        if !self.changed {
            return Ok(self.old);
        }
        let guild = self.guild();
        guilds::raise_access_version(self.tx, guild).await?;
        let member = store::member(self.tx, guild, self.old.user.id).await?.ok_or(Code::NotFound)?;
        self.tx.append(NewEvent::new(EventKind::MemberUpdated, guild, &member)?)?;
        Ok(member)
    }
}
