//! What a guild says of itself, whom it belongs to, and its end.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audit::{Action, Note};
use super::{Guild, check_name, members, standing, store};
use crate::accounts::{Caller, UserKind, names};
use crate::app::App;
use crate::channels::{ChannelKind, Membership, Permissions, Verification};
use crate::error::{Code, Error, Result};
use crate::http::body::{Faults, Validate, present};
use crate::http::page::IfMatch;
use crate::id::{ChannelId, GuildId, UserId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::voice::ending as voice;

/// `PUT /guilds/{id}/settings`: what isn't said stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsChange {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// What it is about, at most 1,000 characters.
    pub description: Option<String>,
    /// Whether anybody may find and join it.
    pub public: Option<bool>,
    /// The language of messages to it.
    pub default_locale: Option<String>,
    /// Where the server's own messages go: a text channel that one sees, or `null` for nowhere.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<ChannelId>)]
    pub system_channel_id: Option<Option<ChannelId>>,
    /// What it asks of members before they may speak.
    pub verification: Option<Verification>,
}

impl Validate for SettingsChange {
    fn check(&self, faults: &mut Faults) {
        if let Some(name) = &self.name {
            check_name("/name", name, faults);
        }
        if let Some(description) = &self.description {
            faults.length("/description", description, 0, 1_000);
        }
        names::check_locale("/default_locale", self.default_locale.as_deref(), faults);
    }
}

impl SettingsChange {
    fn applied_to(self, old: &Guild) -> Guild {
        let old = old.clone();
        Guild {
            name: self.name.unwrap_or(old.name),
            description: self.description.unwrap_or(old.description),
            public: self.public.unwrap_or(old.public),
            default_locale: self.default_locale.unwrap_or(old.default_locale),
            system_channel_id: self.system_channel_id.unwrap_or(old.system_channel_id),
            verification: self.verification.unwrap_or(old.verification),
            ..old
        }
    }
}

/// Changes a guild's settings; a stale version is refused.
pub async fn change(
    app: &App,
    caller: &Caller,
    guild: GuildId,
    change: SettingsChange,
    if_match: IfMatch,
) -> Result<Guild> {
    let standing = standing(app, caller, guild).await?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::MANAGE_GUILD, move |tx, membership| {
            Box::pin(async move {
                let old = store::guild(tx, guild).await?.ok_or(Code::NotFound)?;
                if_match.check(old.version)?;
                if let Some(Some(channel)) = change.system_channel_id {
                    check_system_channel(&membership, channel)?;
                }
                let new = change.applied_to(&old);
                let note = Note::new(guild, Action::GuildUpdate)
                    .changed("name", &old.name, &new.name)
                    .changed("description", &old.description, &new.description)
                    .changed("public", old.public, new.public)
                    .changed("default_locale", &old.default_locale, &new.default_locale)
                    .changed("system_channel_id", old.system_channel_id, new.system_channel_id)
                    .changed("verification", old.verification, new.verification);
                if note.is_empty() {
                    return Ok(old);
                }
                store::update_settings(tx, &new).await?;
                note.target(guild.0).reason(&reason).write(tx).await?;
                announce(tx, guild).await
            })
        })
        .await
}

fn check_system_channel(membership: &Membership, channel: ChannelId) -> Result<()> {
    match membership.access(channel)?.kind() {
        ChannelKind::Text | ChannelKind::Announcement => Ok(()),
        _ => Err(Code::WrongChannelKind.into()),
    }
}

/// Tells the members how their guild is now.
pub(super) async fn announce(tx: &mut Tx, guild: GuildId) -> Result<Guild> {
    let now = store::guild(tx, guild).await?.ok_or(Code::NotFound)?;
    tx.append(NewEvent::new(EventKind::GuildUpdated, guild, &now)?)?;
    Ok(now)
}

fn require_owner(membership: &Membership) -> Result<()> {
    if membership.is_owner() { Ok(()) } else { Err(Code::Forbidden.into()) }
}

/// `POST /guilds/{id}/transfer`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The new owner: a member, and a person.
    pub user_id: UserId,
}

impl Validate for Transfer {
    fn check(&self, _: &mut Faults) {}
}

/// Gives a guild to another of its members.
pub async fn transfer(app: &App, caller: &Caller, guild: GuildId, transfer: Transfer) -> Result<Guild> {
    let standing = standing(app, caller, guild).await?;
    require_owner(&standing)?;
    let max = app.config.limits.guilds_owned;
    let (heir, reason) = (transfer.user_id, caller.reason.clone());
    standing
        .change(app, caller, Permissions::NONE, move |tx, membership| {
            Box::pin(async move {
                require_owner(&membership)?;
                let member = members::store::member(tx, guild, heir).await?.ok_or(Code::NotFound)?;
                if member.user.kind != UserKind::User.as_str() {
                    return Err(Code::BotsForbidden.into());
                }
                let old = membership.guild.owner;
                if heir == old {
                    return Err(Code::AlreadyExists.into());
                }
                if store::owned(tx, heir).await? >= max as i64 {
                    return Err(Error::limit("guilds", max));
                }
                store::set_owner(tx, guild, heir).await?;
                let note = Note::new(guild, Action::GuildTransfer).target(heir.0).change("owner_id", old, heir);
                note.reason(&reason).write(tx).await?;
                announce(tx, guild).await
            })
        })
        .await
}

/// The body of `guild_deleted`.
#[derive(Serialize, ToSchema)]
#[schema(as = GuildDeleted)]
pub(crate) struct Deleted {
    id: GuildId,
}

/// Deletes a guild: nobody finds it or anything in it from here on. Its rows go later, by [`super::sweep()`].
pub async fn delete(app: &App, caller: &Caller, guild: GuildId) -> Result<()> {
    let standing = standing(app, caller, guild).await?;
    require_owner(&standing)?;
    let reason = caller.reason.clone();
    standing
        .change(app, caller, Permissions::NONE, move |tx, membership| {
            Box::pin(async move {
                require_owner(&membership)?;
                let now = tx.now;
                voice::end_all(tx, guild, None).await?;
                store::set_deleted(tx, guild, now).await?;
                Note::new(guild, Action::GuildDelete).target(guild.0).reason(&reason).write(tx).await?;
                tx.append(NewEvent::new(EventKind::GuildDeleted, guild, &Deleted { id: guild })?)?;
                Ok(())
            })
        })
        .await
}
