//! What changes about installations: whether they run, what they may do, how they are set, and their order.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::artifact::Artifact;
use super::installation::{Installation, InstallationState};
use super::installing::{check, standing};
use super::manifest::Permission;
use super::{consent, lifecycle, store};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, Permissions};
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::guilds::roles::{managed, require_held};
use crate::http::body::{Faults, Validate, present};
use crate::http::page::IfMatch;
use crate::id::{ChannelId, GuildId, InstallationId};
use crate::log::{EventKind, NewEvent, Tx};

/// `PATCH /installations/{id}`: what isn't said stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InstallationChange {
    /// Upgrades it to this version, the one that the marketplace has. What that can't do without must be allowed.
    pub version: Option<String>,
    /// Whether it runs. Enabling one that the server has switched off is a new try.
    pub enabled: Option<bool>,
    /// All that it is allowed. Less is always possible; more only as far as one may do it oneself.
    pub permissions: Option<Vec<Permission>>,
    /// The channels in which it reads and writes messages; `null` for all that its bot sees.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Vec<ChannelId>>)]
    pub channels: Option<Option<Vec<ChannelId>>>,
    /// How it is set: what isn't said stays, `null` takes a value back to its default.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Map<String, Value>>,
    /// Its place among the guild's plugins, from 0; those between move by one.
    pub position: Option<i64>,
}

impl Validate for InstallationChange {
    fn check(&self, faults: &mut Faults) {
        let channels = self.channels.as_ref().and_then(Option::as_deref);
        check(self.version.as_deref(), self.permissions.as_deref(), channels, faults);
        faults.range("/position", self.position.unwrap_or(0), 0, i64::MAX);
    }
}

/// What a guild has installed, in the order of filters, for those who manage it.
pub async fn list(app: &App, caller: &Caller, guild: GuildId) -> Result<Vec<Installation>> {
    channels::membership(app, caller, guild).await?.require(Permissions::MANAGE_PLUGINS)?;
    Ok(store::of_guild(&mut app.db.read().await?, guild).await?)
}

/// An installation, for those who manage those of its guild.
pub async fn get(app: &App, caller: &Caller, id: InstallationId) -> Result<Installation> {
    caller.identity()?;
    let found = store::installation(&mut app.db.read().await?, id).await?.ok_or(Code::NotFound)?;
    channels::membership(app, caller, found.guild_id).await?.require(Permissions::MANAGE_PLUGINS)?;
    Ok(found)
}

/// Changes an installation; a stale version is refused. What is taken from it counts from its next call on.
pub async fn change(
    app: &App,
    caller: &Caller,
    id: InstallationId,
    change: InstallationChange,
    if_match: IfMatch,
) -> Result<Installation> {
    let found = get(app, caller, id).await?;
    let (guild, reason) = (found.guild_id, caller.reason.clone());
    let standing = standing(app, caller, guild).await?;
    let plugin = app.plugins.marketplace.get(&found.plugin).cloned();
    let vault = app.plugins.vault.clone();
    let changed = standing
        .change(app, caller, Permissions::MANAGE_PLUGINS, move |tx, membership| {
            Box::pin(async move {
                let old = store::installation(tx, id).await?.ok_or(Code::NotFound)?;
                if_match.check(old.revision)?;
                let (mut new, mut faults) = (old.clone(), Faults::default());
                let manifest = plugin.as_ref().map(|plugin| &plugin.manifest);
                if let Some(version) = &change.version {
                    let there = |plugin: &&Arc<Artifact>| plugin.manifest.plugin.version.to_string() == *version;
                    let Some(plugin) = plugin.as_ref().filter(there) else {
                        return Err(Error::field("/version", FieldCode::UnknownReference));
                    };
                    new = old.upgraded(plugin);
                }
                if let Some(enabled) = change.enabled {
                    new.enable(enabled);
                }
                if let Some(said) = change.permissions {
                    new.permissions = consent::on_changing(manifest, &old, said, &mut faults);
                }
                match (change.channels, manifest) {
                    (Some(said), Some(manifest)) => {
                        new.channels = consent::channels(manifest, &membership, said, &mut faults);
                    }
                    (Some(_), None) => faults.note("/channels", FieldCode::NotAllowed),
                    (None, _) => {}
                }
                match (change.config, manifest) {
                    (Some(given), Some(manifest)) => {
                        let seal = (&*vault, old.purpose());
                        new.config = manifest.check_config(&given, &new.config, (seal.0, &seal.1), &mut faults)?;
                    }
                    // Without the plugin nobody knows what fits.
                    (Some(_), None) => faults.note("/config", FieldCode::NotAllowed),
                    (None, _) => {}
                }
                if let (Some(_), Some(manifest)) = (&change.version, manifest) {
                    consent::check_required(manifest, &new.permissions, &mut faults);
                    manifest.check_required(&new.config, &mut faults);
                }
                faults.into_result()?;
                let more: Vec<Permission> = new.permissions.iter().copied().filter(|one| !old.may(*one)).collect();
                require_held(&membership, consent::needs(&more))?;
                if let Some(position) = change.position {
                    new.position = put(tx, &old, position).await?;
                }
                let new = settle(tx, &old, new, &reason).await?;
                if let Some(manifest) = manifest {
                    lifecycle::changed(tx, &old, &new, manifest).await?;
                }
                Ok(new)
            })
        })
        .await?;
    app.plugins.begin_anew(id);
    Ok(changed)
}

/// Switches an installation off that fails too often, and says why. One that doesn't run stays as it is.
pub async fn quarantine(app: &App, guild: GuildId, id: InstallationId, why: String) -> Result<()> {
    app.writer
        .run(None, None, &[guild.into()], move |tx| {
            Box::pin(async move {
                let old = store::installation(tx, id).await?.filter(Installation::is_enabled);
                let Some(old) = old else { return Ok(()) };
                let new = Installation { state: InstallationState::Quarantined, state_reason: why, ..old.clone() };
                settle(tx, &old, new, "").await.map(drop)
            })
        })
        .await
}

impl Installation {
    fn enable(&mut self, enabled: bool) {
        let wanted = if enabled { InstallationState::Enabled } else { InstallationState::Disabled };
        if self.state != wanted {
            (self.state, self.state_reason) = (wanted, String::new());
        }
    }
}

/// Stores what has changed and tells of it; what hasn't changed stays as it is.
pub(super) async fn settle(tx: &mut Tx, old: &Installation, new: Installation, reason: &str) -> Result<Installation> {
    let guild = old.guild_id;
    let mut note = Note::new(guild, Action::InstallationUpdate)
        .changed("version", &old.version, &new.version)
        .changed("state", old.state, new.state)
        .changed("permissions", &old.permissions, &new.permissions)
        .changed("channels", &old.channels, &new.channels)
        .changed("position", old.position, new.position);
    if old.config != new.config {
        note = note.change("config", old.config.shown(), new.config.shown());
    }
    if note.is_empty() {
        return Ok(new);
    }
    let (before, after) = (consent::needs(&old.permissions), consent::needs(&new.permissions));
    managed::change(tx, (guild, old.role_id), before & !after, after & !before).await?;
    note.target(old.id.0).reason(reason).write(tx).await?;
    store_and_tell(tx, new).await
}

async fn store_and_tell(tx: &mut Tx, new: Installation) -> Result<Installation> {
    let new = Installation { revision: new.revision + 1, updated_at: tx.now, ..new };
    store::update(tx, &new).await?;
    tx.append(NewEvent::new(EventKind::InstallationUpdated, new.guild_id, &new)?)?;
    Ok(new)
}

/// Makes room for an installation at a place among those of its guild; answers the place.
async fn put(tx: &mut Tx, moved: &Installation, position: i64) -> Result<i64> {
    let mut others = store::of_guild(tx, moved.guild_id).await?;
    others.retain(|other| other.id != moved.id);
    if position > others.len() as i64 {
        return Err(Error::field("/position", FieldCode::OutOfRange));
    }
    for (at, other) in (0..).zip(others) {
        let place = if at < position { at } else { at + 1 };
        if other.position != place {
            store_and_tell(tx, Installation { position: place, ..other }).await?;
        }
    }
    Ok(position)
}
