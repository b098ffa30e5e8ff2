//! Installing a plugin in a guild, and removing it again: its row, its bot and its role, in one transaction.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::artifact::Artifact;
use super::configuration::Configuration;
use super::installation::{Installation, InstallationState, purpose};
use super::manifest::Permission;
use super::vault::Vault;
use super::{consent, lifecycle, store};
use crate::accounts::{Caller, bots};
use crate::app::App;
use crate::channels::{self, Membership, Permissions};
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::guilds::members;
use crate::guilds::roles::{managed, require_held};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::http::page::IfMatch;
use crate::id::{ChannelId, GuildId, InstallationId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

/// Plugins of one guild, at most.
const MAX_INSTALLED: usize = 50;
/// Channels that one plugin is given, at most.
const MAX_CHANNELS: usize = 200;
/// The longest version that somebody may ask for, in characters.
const MAX_VERSION: usize = 64;

/// `POST /marketplace/{integration_id}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInstallation {
    /// The guild.
    pub guild_id: GuildId,
    /// Only this version; whichever there is, if it isn't said.
    pub version: Option<String>,
    /// What to allow it: all that it can't do without, and nothing that one may not do oneself. Exactly what it
    /// can't do without, if it isn't said.
    pub permissions: Option<Vec<Permission>>,
    /// The channels in which it reads and writes messages, if it asks for that; all that its bot sees, if it isn't said.
    pub channels: Option<Vec<ChannelId>>,
    /// How to set it; what isn't said has its default.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Map<String, Value>>,
}

impl Validate for NewInstallation {
    fn check(&self, faults: &mut Faults) {
        check(self.version.as_deref(), self.permissions.as_deref(), self.channels.as_deref(), faults);
    }
}

/// Notes a version or a list that is too long.
pub(super) fn check(
    version: Option<&str>,
    permissions: Option<&[Permission]>,
    channels: Option<&[ChannelId]>,
    faults: &mut Faults,
) {
    faults.items("/channels", channels.map_or(0, <[ChannelId]>::len), MAX_CHANNELS);
    faults.length("/version", version.unwrap_or_default(), 0, MAX_VERSION);
    faults.items("/permissions", permissions.map_or(0, <[Permission]>::len), Permission::ALL.len());
}

/// What came of installing.
pub enum Outcome {
    /// It was installed.
    Installed(Installation),
    /// It was there already, just so.
    There(Installation),
}

/// The caller's standing in a guild whose plugins they are about to change.
pub(super) async fn standing(app: &App, caller: &Caller, guild: GuildId) -> Result<Membership> {
    let membership = channels::membership(app, caller, guild).await?;
    app.limiter.check(caller, Group::Changes, guild.0)?;
    membership.require(Permissions::MANAGE_PLUGINS)?;
    Ok(membership)
}

/// What somebody asks for, looked at.
struct Wanted {
    plugin: Arc<Artifact>,
    version: Option<String>,
    permissions: Vec<Permission>,
    channels: Option<Vec<ChannelId>>,
    /// Nothing if it isn't said and the plugin is there already.
    config: Option<Configuration>,
    vault: Arc<Vault>,
    reason: String,
}

/// Installs a plugin. Asking for the same again gives what is there; asking for something else is refused.
pub async fn install(app: &App, caller: &Caller, plugin: &str, new: NewInstallation) -> Result<Outcome> {
    let (guild, standing) = (new.guild_id, standing(app, caller, new.guild_id).await?);
    let plugin = app.plugins.marketplace.get(plugin).ok_or(Code::NotFound)?.clone();
    let wanted = look_at(app, caller, &standing, plugin, new).await?;
    let (id, bot, max) = (InstallationId(app.next_id()?), UserId(app.next_id()?), app.config.limits.roles);
    let request_id = caller.request_id.clone();
    caller
        .write(app, &[guild.into(), bot.into()], move |tx| {
            Box::pin(async move {
                let membership = standing.confirm(tx).await?;
                membership.require(Permissions::MANAGE_PLUGINS)?;
                let head = &wanted.plugin.manifest.plugin;
                if let Some(there) = store::in_guild(tx, guild, head.id.as_str()).await? {
                    return wanted.compare(there).map(Outcome::There);
                }
                wanted.consent(tx, &membership).await?;
                wanted.note(guild).target(id.0).write(tx).await?;
                let bot = bots::enlist(tx, bot, head.id.name(), &head.name).await?;
                let (actor, bot_id) = (membership.member.user, bot.id);
                members::join(tx, guild, bot).await?;
                // The message that says that it came was the bot's own; what follows isn't.
                tx.on_behalf_of(Some(actor), request_id);
                let role =
                    managed::make(tx, (guild, bot_id), &head.name, consent::needs(&wanted.permissions), max).await?;
                let installation = Installation {
                    id,
                    guild_id: guild,
                    plugin: head.id.to_string(),
                    version: head.version.to_string(),
                    digest: wanted.plugin.digest.clone(),
                    permissions: wanted.permissions,
                    channels: wanted.channels,
                    config: wanted.config.unwrap_or_default(),
                    state: InstallationState::Enabled,
                    state_reason: String::new(),
                    bot_id,
                    role_id: role,
                    position: store::of_guild(tx, guild).await?.len() as i64,
                    installed_by: actor,
                    revision: 1,
                    created_at: tx.now,
                    updated_at: tx.now,
                };
                store::insert(tx, &installation).await?;
                tx.append(NewEvent::new(EventKind::InstallationAdded, guild, &installation)?)?;
                lifecycle::added(tx, &installation, &wanted.plugin.manifest).await?;
                Ok(Outcome::Installed(installation))
            })
        })
        .await
}

/// Looks at what is asked for; every fault is told at once.
async fn look_at(
    app: &App,
    caller: &Caller,
    standing: &Membership,
    plugin: Arc<Artifact>,
    new: NewInstallation,
) -> Result<Wanted> {
    let (manifest, head) = (&plugin.manifest, &plugin.manifest.plugin);
    let installed = app.plugins.installed.of(&app.db, new.guild_id).await?;
    let there = installed.iter().find(|one| one.plugin == head.id.as_str());
    let mut faults = Faults::default();
    if there.is_none() && new.version.as_ref().is_some_and(|version| *version != head.version.to_string()) {
        faults.note("/version", FieldCode::UnknownReference);
    }
    let permissions = consent::on_installing(manifest, new.permissions, &mut faults);
    let channels = consent::channels(manifest, standing, new.channels, &mut faults);
    let config = match (new.config, there) {
        (None, Some(_)) => None,
        (given, there) => {
            let before = there.map(|one| one.config.clone()).unwrap_or_default();
            let seal = (&*app.plugins.vault, purpose(new.guild_id, head.id.as_str()));
            Some(manifest.check_config(&given.unwrap_or_default(), &before, (seal.0, &seal.1), &mut faults)?)
        }
    };
    faults.into_result()?;
    let (vault, reason) = (app.plugins.vault.clone(), caller.reason.clone());
    Ok(Wanted { version: new.version, permissions, channels, config, vault, reason, plugin })
}

impl Wanted {
    /// What is there already, if it is what is asked for.
    fn compare(&self, there: Installation) -> Result<Installation> {
        let same_config = match &self.config {
            Some(config) => config.same(&there.config, &self.vault, &there.purpose())?,
            None => true,
        };
        let same_version = self.version.as_ref().is_none_or(|version| *version == there.version);
        let same_channels = self.channels.is_none() || self.channels == there.channels;
        if same_version && same_config && same_channels && self.permissions == there.permissions {
            return Ok(there);
        }
        Err(Code::AlreadyExists.into())
    }

    /// Refuses to grant what one doesn't hold, or to go past what a guild may have.
    async fn consent(&self, tx: &mut Tx, membership: &Membership) -> Result<()> {
        // Whoever has no role at all stands at the bottom, and the bot's would stand above them.
        membership.require_position(0)?;
        require_held(membership, consent::needs(&self.permissions))?;
        if store::of_guild(tx, membership.id()).await?.len() >= MAX_INSTALLED {
            return Err(Error::limit("installations", MAX_INSTALLED));
        }
        Ok(())
    }

    fn note(&self, guild: GuildId) -> Note {
        let head = &self.plugin.manifest.plugin;
        Note::new(guild, Action::InstallationCreate)
            .change("plugin", None::<&str>, head.id.as_str())
            .change("version", None::<&str>, head.version.to_string())
            .change("permissions", None::<&str>, &self.permissions)
            .reason(&self.reason)
    }
}

/// Removes a plugin from its guild, with its bot and its role. Its data stays for a while.
pub async fn uninstall(app: &App, caller: &Caller, id: InstallationId, if_match: IfMatch) -> Result<()> {
    let found = store::installation(&mut app.db.read().await?, id).await?.ok_or(Code::NotFound)?;
    let (guild, reason) = (found.guild_id, caller.reason.clone());
    let standing = standing(app, caller, guild).await?;
    if_match.check(found.revision)?;
    lifecycle::goodbye(app, &found, caller.user).await;
    standing
        .change(app, caller, Permissions::MANAGE_PLUGINS, move |tx, _| {
            Box::pin(async move {
                let old = store::installation(tx, id).await?.ok_or(Code::NotFound)?;
                if_match.check(old.revision)?;
                let note = Note::new(guild, Action::InstallationDelete).target(id.0);
                note.change("plugin", &old.plugin, None::<&str>).reason(&reason).write(tx).await?;
                lifecycle::removed(tx, &old).await?;
                // A moderator may have removed the bot before.
                if let Some(bot) = crate::guilds::member_through(tx, guild, old.bot_id).await? {
                    members::remove(tx, guild, &bot).await?;
                }
                managed::remove(tx, guild, old.role_id).await?;
                let now = tx.now;
                store::set_removed(tx, id, now).await?;
                let revision = old.revision + 1;
                let gone = Installation { state: InstallationState::Removed, updated_at: now, revision, ..old };
                tx.append(NewEvent::new(EventKind::InstallationRemoved, guild, &gone)?)?;
                Ok(())
            })
        })
        .await?;
    app.plugins.begin_anew(id);
    Ok(())
}
