//! Invitations: how people find into a guild that isn't open to all.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audit::{Action, Note};
use super::members::{self, Member};
use super::{Guild, standing, store as guilds};
use crate::accounts::{Caller, token};
use crate::app::App;
use crate::channels::{self, Permissions};
use crate::clock::Timestamp;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, FileId, GuildId, UserId};
use crate::log::{EventKind, NewEvent};

pub mod routes;
pub(crate) mod store;

/// Characters of a code: 60 bits of randomness.
const CODE_CHARS: usize = 10;
/// The longest that an invitation can be given, in seconds: a year.
const MAX_AGE_SECONDS: i64 = 365 * 24 * 3600;
/// The most often that an invitation can be used, if there is a limit at all.
const MAX_USES: i64 = 100_000;
/// Invitations of one guild at the same time, at most.
const MAX_INVITES: usize = 1_000;

/// An invitation as those who may see it in its guild do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Invite {
    /// What it is accepted with.
    pub code: String,
    /// The guild.
    pub guild_id: GuildId,
    /// The channel to show first.
    pub channel_id: Option<ChannelId>,
    /// Who made it.
    pub inviter_id: UserId,
    /// How often it was accepted.
    pub uses: i64,
    /// How often it can be.
    pub max_uses: Option<i64>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An invitation as whoever holds its code sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Invitation {
    /// What it is accepted with.
    pub code: String,
    /// The guild.
    pub guild: InvitingGuild,
    /// The channel to show first.
    pub channel_id: Option<ChannelId>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// What a guild shows to those who are invited.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InvitingGuild {
    /// The guild's id.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Its picture.
    pub icon_file_id: Option<FileId>,
    /// How many members it has.
    pub member_count: i64,
}

/// What accepting an invitation gives.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Accepted {
    /// The guild.
    pub guild: Guild,
    /// Oneself in it.
    pub member: Member,
    /// The channel to show first.
    pub channel_id: Option<ChannelId>,
}

/// `POST /guilds/{id}/invites`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewInvite {
    /// How often it can be accepted; without limit if this isn't said.
    pub max_uses: Option<i64>,
    /// When it ends; never if neither this nor `max_age_seconds` is said.
    pub expires_at: Option<Timestamp>,
    /// After how many seconds it ends.
    pub max_age_seconds: Option<i64>,
    /// The channel to show first: one that one sees.
    pub channel_id: Option<ChannelId>,
}

impl Validate for NewInvite {
    fn check(&self, faults: &mut Faults) {
        faults.range("/max_uses", self.max_uses.unwrap_or(1), 1, MAX_USES);
        faults.range("/max_age_seconds", self.max_age_seconds.unwrap_or(1), 1, MAX_AGE_SECONDS);
        if self.max_age_seconds.is_some() && self.expires_at.is_some() {
            faults.note("/max_age_seconds", FieldCode::NotAllowed);
        }
    }
}

impl NewInvite {
    fn ends(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let age = self.max_age_seconds.map(|seconds| now.after(Duration::from_secs(seconds.unsigned_abs())));
        let ends = self.expires_at.or(age);
        let latest = now.after(Duration::from_secs(MAX_AGE_SECONDS as u64));
        match ends {
            Some(at) if at <= now || at > latest => Err(Error::field("/expires_at", FieldCode::OutOfRange)),
            ends => Ok(ends),
        }
    }
}

/// The invitations of a guild that can still be accepted: all for whoever manages the guild, one's own
/// for whoever may invite.
pub async fn list(app: &App, caller: &Caller, guild: GuildId) -> Result<Vec<Invite>> {
    let membership = channels::membership(app, caller, guild).await?;
    let manages = membership.permissions.contains(Permissions::MANAGE_GUILD);
    if !manages {
        membership.require(Permissions::CREATE_INVITE)?;
    }
    let mut invites = store::of_guild(&mut app.db.read().await?, guild, app.now()).await?;
    invites.retain(|invite| manages || invite.inviter_id == caller.user);
    Ok(invites)
}

/// Makes an invitation.
pub async fn create(app: &App, caller: &Caller, guild: GuildId, new: NewInvite) -> Result<Invite> {
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::CREATE_INVITE, move |tx, membership| {
            Box::pin(async move {
                if let Some(channel) = new.channel_id {
                    membership.access(channel)?;
                }
                let now = tx.now;
                if store::count(tx, guild, now).await? >= MAX_INVITES as i64 {
                    return Err(Error::limit("invites", MAX_INVITES));
                }
                let invite = Invite {
                    code: token::random().chars().take(CODE_CHARS).collect(),
                    guild_id: guild,
                    channel_id: new.channel_id,
                    inviter_id: membership.member.user,
                    uses: 0,
                    max_uses: new.max_uses,
                    expires_at: new.ends(now)?,
                    created_at: now,
                };
                store::insert(tx, &invite).await?;
                let note = Note::new(guild, Action::InviteCreate).change("code", None::<&str>, &invite.code);
                let note = note.change("max_uses", (), invite.max_uses).change("expires_at", (), invite.expires_at);
                note.reason(&reason).write(tx).await?;
                tx.append(NewEvent::new(EventKind::InviteCreated, guild, &invite)?)?;
                Ok(invite)
            })
        })
        .await
}

/// An invitation that can be accepted, for whoever holds its code.
async fn find(app: &App, code: &str) -> Result<Invite> {
    if !is_code(code) {
        return Err(Code::NotFound.into());
    }
    let found = store::invite(&mut app.db.read().await?, code, app.now()).await?;
    found.ok_or(Code::NotFound.into())
}

/// What an invitation is for; anybody who holds its code may ask.
pub async fn get(app: &App, code: &str) -> Result<Invitation> {
    let invite = find(app, code).await?;
    let guild = guilds::guild(&mut app.db.read().await?, invite.guild_id).await?.ok_or(Code::NotFound)?;
    Ok(Invitation {
        code: invite.code,
        guild: InvitingGuild {
            id: guild.id,
            name: guild.name,
            description: guild.description,
            icon_file_id: guild.icon_file_id,
            member_count: guild.member_count,
        },
        channel_id: invite.channel_id,
        expires_at: invite.expires_at,
    })
}

/// Accepts an invitation. It is used up by as many people as it is for, however many come at once.
pub async fn accept(app: &App, caller: &Caller, code: &str) -> Result<Accepted> {
    caller.require_person()?;
    let guild = find(app, code).await?.guild_id;
    app.limiter.check(caller, Group::Changes, guild.0)?;
    let (user, code) = (caller.identity()?.author.clone(), code.to_owned());
    caller
        .write(app, &[guild.into()], move |tx| {
            Box::pin(async move {
                let now = tx.now;
                let invite = store::invite(tx, &code, now).await?.ok_or(Code::NotFound)?;
                // Whoever is refused here has used nothing: the whole operation falls back.
                store::count_use(tx, &code).await?;
                let member = members::join(tx, guild, user).await?;
                let guild = guilds::guild(tx, guild).await?.ok_or(Code::NotFound)?;
                Ok(Accepted { guild, member, channel_id: invite.channel_id })
            })
        })
        .await
}

/// The body of `invite_deleted`.
#[derive(Serialize, ToSchema)]
#[schema(as = InviteDeleted)]
pub(crate) struct Deleted {
    code: String,
    guild_id: GuildId,
}

/// Withdraws an invitation: one's own or, for whoever manages the guild, anybody's.
pub async fn delete(app: &App, caller: &Caller, code: &str) -> Result<()> {
    let invite = find(app, code).await?;
    let guild = invite.guild_id;
    let standing = standing(app, caller, guild).await?;
    let own = invite.inviter_id == caller.user;
    let needed = if own { Permissions::NONE } else { Permissions::MANAGE_GUILD };
    let (code, reason) = (invite.code, caller.reason.clone());
    standing
        .change(app, caller, needed, move |tx, _| {
            Box::pin(async move {
                if !store::delete(tx, &code).await? {
                    return Err(Code::NotFound.into());
                }
                let note = Note::new(guild, Action::InviteDelete).change("code", &code, None::<&str>);
                note.reason(&reason).write(tx).await?;
                tx.append(NewEvent::new(EventKind::InviteDeleted, guild, &Deleted { code, guild_id: guild })?)?;
                Ok(())
            })
        })
        .await
}

/// Whether a text can be a code at all.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == CODE_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
