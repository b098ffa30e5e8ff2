//! The marketplace: what can be installed, in the reader's language.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::artifact::{Artifact, MAX_BYTES};
use super::consent::{self, Badge, Reach};
use super::installation::{Installation, InstallationState};
use super::manifest::settings::{Setting, SettingKind};
use super::manifest::{Asked, Category, ChannelChoice, Permission};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels;
use crate::error::{Code, Result};
use crate::http::page::PageQuery;
use crate::id::{GuildId, InstallationId};

/// The plugins that can be installed: those that come with the server.
#[derive(Debug, Default)]
pub struct Marketplace(BTreeMap<String, Arc<Artifact>>);

impl Marketplace {
    /// Reads the components in a folder. One that is broken is told of and left out; nothing is compiled.
    pub fn open(folder: &Path) -> Marketplace {
        let mut plugins = BTreeMap::new();
        let Ok(entries) = std::fs::read_dir(folder) else { return Marketplace(plugins) };
        let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "wasm"));
        files.sort();
        for file in files {
            match read(&file) {
                Ok(plugin) => {
                    let id = plugin.manifest.plugin.id.to_string();
                    if plugins.insert(id.clone(), Arc::new(plugin)).is_some() {
                        tracing::warn!(file = %file.display(), %id, "a plugin is there twice; the later file counts");
                    }
                }
                Err(error) => tracing::warn!(file = %file.display(), "a plugin is left out: {error:#}"),
            }
        }
        tracing::info!(folder = %folder.display(), count = plugins.len(), "plugins can be installed");
        Marketplace(plugins)
    }

    /// The plugin of this id.
    pub fn get(&self, plugin: &str) -> Option<&Arc<Artifact>> {
        self.0.get(plugin)
    }

    /// All plugins, in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Artifact>> {
        self.0.values()
    }
}

fn read(file: &Path) -> anyhow::Result<Artifact> {
    let size = file.metadata().context("it can't be looked at")?.len();
    anyhow::ensure!(size <= MAX_BYTES as u64, "it has {size} bytes, and {MAX_BYTES} are allowed");
    Artifact::read(std::fs::read(file).context("it can't be read")?.into())
}

/// Which plugins are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MarketplaceQuery {
    /// Only those with this in their id, name or summary.
    pub q: Option<String>,
    /// Only those of this category.
    pub category: Option<Category>,
    /// Also tells what this guild has installed.
    pub guild_id: Option<GuildId>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
    /// Where the last page ended: its `cursor`.
    pub cursor: Option<String>,
}

/// A page of the marketplace.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listings {
    /// Plugins, in the order of their ids.
    pub items: Vec<Listing>,
    /// Whether there are more.
    pub has_more: bool,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A plugin that can be installed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing {
    /// Its id: `publisher.name`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// Who publishes it.
    pub publisher: String,
    /// Its version.
    pub version: String,
    /// What it asks for.
    pub permissions: Vec<AskedPermission>,
    /// Where people look for it.
    pub categories: Vec<Category>,
    /// What it can't do, if that is worth telling.
    pub badge: Option<Badge>,
    /// What an admin can set.
    pub configuration: Vec<ShownSetting>,
    /// Where to read more.
    pub homepage: Option<String>,
    /// What one may do with its code, as an SPDX expression.
    pub license: Option<String>,
    /// How it stands in the guild that was named, if it is installed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<InstalledHere>,
}

/// A permission that a plugin asks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct AskedPermission {
    /// Which.
    pub name: Permission,
    /// What for, in the publisher's words.
    pub reason: String,
    /// Whether the plugin also works without.
    pub optional: bool,
    /// Whether the admin chooses the channels that it is for.
    pub channels: ChannelChoice,
    /// How far it reaches.
    pub group: Reach,
}

/// Something that an admin can set.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownSetting {
    /// Its key in `config`.
    pub key: String,
    /// What it takes.
    pub kind: SettingKind,
    /// What people call it.
    pub label: String,
    /// What it does.
    pub description: String,
    /// Its value as long as nobody has set it.
    #[schema(value_type = Option<Object>)]
    pub default: Option<serde_json::Value>,
    /// Whether the plugin can't be installed without.
    pub required: bool,
    /// Whether it is never shown.
    pub secret: bool,
    /// The least number, or number of characters or items.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The only values that are allowed; any, if there are none.
    pub choices: Vec<String>,
}

/// How a plugin stands in a guild, for its members.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstalledHere {
    /// The installation.
    pub id: InstallationId,
    /// The version that is installed.
    pub version: String,
    /// Whether it runs.
    pub state: InstallationState,
}

/// A page of what can be installed.
pub async fn list(app: &App, caller: &Caller, query: MarketplaceQuery) -> Result<Listings> {
    caller.identity()?;
    let page = PageQuery { limit: query.limit, ..PageQuery::default() };
    page.anchor::<GuildId>()?;
    let limit = usize::try_from(page.limit()).map_err(|_| Code::InvalidQuery)?;
    let installed = match query.guild_id {
        Some(guild) => {
            channels::membership(app, caller, guild).await?;
            app.plugins.installed.of(&app.db, guild).await?
        }
        None => [].into(),
    };
    let words = query.q.unwrap_or_default().trim().to_lowercase();
    let after = query.cursor.unwrap_or_default();
    let found = app.plugins.marketplace.all().filter(|plugin| plugin.manifest.plugin.id.as_str() > after.as_str());
    let found = found
        .filter(|plugin| query.category.is_none_or(|category| plugin.manifest.plugin.categories.contains(&category)));
    let found = found.map(|plugin| Listing::of(plugin, &caller.locale, &installed));
    let mut items: Vec<Listing> = found.filter(|listing| listing.has(&words)).take(limit + 1).collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    let cursor = items.last().filter(|_| has_more).map(|last| last.id.clone());
    Ok(Listings { items, has_more, cursor })
}

impl Listing {
    fn of(plugin: &Artifact, locale: &str, installed: &[Arc<Installation>]) -> Listing {
        let (manifest, head) = (&plugin.manifest, &plugin.manifest.plugin);
        let say =
            |key: &str, english: &str| plugin.texts.say_in(locale, key, None).unwrap_or_else(|| english.to_owned());
        let ask = |asked: &Asked| AskedPermission {
            name: asked.name,
            reason: say(&format!("permission-{}", asked.name), &asked.reason),
            optional: asked.optional,
            channels: asked.channels,
            group: asked.name.reach(),
        };
        let show = |(key, setting): (&String, &Setting)| ShownSetting {
            key: key.clone(),
            kind: setting.kind,
            label: say(&format!("config-{key}"), &setting.label),
            description: say(&format!("config-{key}.description"), &setting.description),
            default: setting.default.clone(),
            required: setting.required,
            secret: setting.secret,
            min: setting.min,
            max: setting.max,
            choices: setting.choices.clone(),
        };
        let here = installed.iter().find(|one| one.plugin == head.id.as_str());
        Listing {
            id: head.id.to_string(),
            name: say("plugin-name", &head.name),
            summary: say("plugin-summary", &head.summary),
            publisher: head.id.publisher().to_owned(),
            version: head.version.to_string(),
            permissions: manifest.permissions.iter().map(ask).collect(),
            categories: head.categories.clone(),
            badge: consent::badge(manifest),
            configuration: manifest.config.iter().map(show).collect(),
            homepage: head.homepage.clone(),
            license: head.license.clone(),
            installed: here.map(|one| InstalledHere { id: one.id, version: one.version.clone(), state: one.state }),
        }
    }

    fn has(&self, words: &str) -> bool {
        [&self.id, &self.name, &self.summary].iter().any(|text| text.to_lowercase().contains(words))
    }
}
