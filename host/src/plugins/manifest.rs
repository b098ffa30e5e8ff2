//! What a plugin says of itself: `plugin.toml`, read strictly, with every fault told with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::ensure;
use semver::{Version, VersionReq};
use serde::{Deserialize, Deserializer};

pub mod commands;
pub mod cron;
pub mod limits;
pub mod matching;
pub mod paths;
pub mod settings;
pub mod words;

use commands::Command;
use cron::Cron;
use limits::Limits;
use matching::Match;
use paths::Route;
use settings::Setting;
pub use words::{CallClass, Category, ChannelChoice, Hook, OnFailure, Permission};

/// The contract that this server offers.
pub const CONTRACT: Version = Version::new(0, 1, 0);
/// Commands, routes and cron entries of one plugin, at most, each.
const MAX_ENTRIES: usize = 100;

/// A manifest without faults.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// What it is.
    pub plugin: Head,
    /// What it asks for.
    #[serde(default)]
    pub permissions: Vec<Asked>,
    /// What it handles.
    #[serde(default)]
    pub hooks: Vec<Handled>,
    /// Its slash commands.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Its HTTP routes.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// What it does again and again.
    #[serde(default)]
    pub cron: Vec<Cron>,
    /// What an admin can set.
    #[serde(default)]
    pub config: BTreeMap<String, Setting>,
    /// Limits below the server's own.
    #[serde(default)]
    pub limits: Limits,
}

/// `[plugin]`: what it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Head {
    /// Its name for ever.
    pub id: PluginId,
    /// What people call it.
    pub name: String,
    /// Which version it is.
    pub version: Version,
    /// The contract that it was built against.
    pub api: VersionReq,
    /// A sentence for the marketplace.
    pub summary: String,
    /// Where people look for it.
    #[serde(default)]
    pub categories: Vec<Category>,
    /// Where to read more.
    pub homepage: Option<String>,
    /// What one may do with its code, as an SPDX expression.
    pub license: Option<String>,
    /// The file beside the manifest that describes its routes.
    pub openapi: Option<String>,
}

/// `[[permissions]]`: something that it asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Asked {
    /// What.
    pub name: Permission,
    /// Why, in plain words.
    pub reason: String,
    /// Whether it also works without.
    #[serde(default)]
    pub optional: bool,
    /// In which channels.
    #[serde(default)]
    pub channels: ChannelChoice,
}

/// `[[hooks]]`: something that it handles.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Handled {
    /// What.
    pub name: Hook,
    /// What becomes of a message when the filter fails on it.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Which messages are worth a call; all, if it doesn't say.
    #[serde(rename = "match")]
    pub matches: Option<Match>,
}

impl Manifest {
    /// Reads a manifest; a refusal names every fault.
    pub fn parse(text: &str) -> anyhow::Result<Manifest> {
        let manifest: Manifest = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            anyhow::anyhow!("line {}: {}", before.matches('\n').count() + 1, error.message())
        })?;
        let mut notes = Notes::default();
        manifest.check(&mut notes);
        ensure!(notes.0.is_empty(), "{}", notes.0.join("; "));
        Ok(manifest)
    }

    /// What it can't do without.
    pub fn required(&self) -> Vec<Permission> {
        self.permissions.iter().filter(|asked| !asked.optional).map(|asked| asked.name).collect()
    }

    /// What it says of a permission, if it asks for it.
    pub fn asked(&self, permission: Permission) -> Option<&Asked> {
        self.permissions.iter().find(|asked| asked.name == permission)
    }

    /// What it says of a hook, if it handles it.
    pub fn hook(&self, hook: Hook) -> Option<&Handled> {
        self.hooks.iter().find(|handled| handled.name == hook)
    }

    fn check(&self, notes: &mut Notes) {
        self.plugin.check(notes);
        notes.unique("permissions", self.permissions.iter().map(|asked| asked.name));
        for (at, asked) in self.permissions.iter().enumerate() {
            notes.length(format_args!("permissions[{at}].reason"), &asked.reason, 1, 200);
            let chooses = asked.channels == ChannelChoice::Chosen;
            if chooses && ![Permission::MessagesRead, Permission::MessagesWrite].contains(&asked.name) {
                notes.note(format_args!("permissions[{at}].channels"), "only messages are in channels");
            }
        }
        notes.unique("hooks", self.hooks.iter().map(|handled| handled.name));
        for (at, handled) in self.hooks.iter().enumerate() {
            self.check_hook(&format!("hooks[{at}]"), handled, notes);
        }
        self.check_entries("commands", self.commands.len(), Hook::Interactions, notes);
        commands::check(&self.commands, notes);
        self.check_entries("routes", self.routes.len(), Hook::HttpRoutes, notes);
        paths::check(&self.routes, notes);
        self.check_entries("cron", self.cron.len(), Hook::Scheduled, notes);
        notes.unique("cron", self.cron.iter().map(|cron| cron.name.as_str()));
        for (at, cron) in self.cron.iter().enumerate() {
            notes.name(format_args!("cron[{at}].name"), &cron.name, 32);
        }
        settings::check(&self.config, notes);
        self.limits.check(notes);
    }

    fn check_hook(&self, place: &str, handled: &Handled, notes: &mut Notes) {
        if handled.on_failure != OnFailure::Allow && handled.name != Hook::FilterMessage {
            notes.note(format_args!("{place}.on-failure"), "only filter-message decides about messages");
        }
        if handled.matches.is_some() && !handled.name.gets_messages() {
            notes.note(format_args!("{place}.match"), format_args!("{} gets no messages", handled.name));
        }
        if let Some(needed) = handled.name.needs().filter(|needed| self.asked(*needed).is_none()) {
            notes.note(place, format_args!("{} needs the permission {needed}", handled.name));
        }
    }

    /// Entries that a hook handles: without it nobody would.
    fn check_entries(&self, place: &str, count: usize, hook: Hook, notes: &mut Notes) {
        if count > 0 && self.hook(hook).is_none() {
            notes.note(place, format_args!("they need the hook {hook}"));
        }
        if count > MAX_ENTRIES {
            notes.note(place, format_args!("at most {MAX_ENTRIES}"));
        }
    }
}

impl Head {
    fn check(&self, notes: &mut Notes) {
        notes.length("plugin.name", self.name.trim(), 1, 64);
        notes.length("plugin.summary", &self.summary, 1, 200);
        if !self.api.matches(&CONTRACT) {
            notes.note("plugin.api", format_args!("this server offers {CONTRACT}"));
        }
        if self.categories.len() > 5 {
            notes.note("plugin.categories", "at most 5");
        }
        notes.unique("plugin.categories", self.categories.iter().copied());
        if self.homepage.as_ref().is_some_and(|address| !address.starts_with("https://") || address.len() > 500) {
            notes.note("plugin.homepage", "an https address of up to 500 characters is wanted");
        }
        notes.length("plugin.license", self.license.as_deref().unwrap_or_default(), 0, 100);
    }
}

/// What a plugin is called for ever: `publisher.name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginId(Arc<str>);

impl PluginId {
    /// The whole, as it stands in a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Who publishes it.
    pub fn publisher(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
    /// What the publisher calls it.
    pub fn name(&self) -> &str {
        self.0.split('.').nth(1).unwrap_or_default()
    }
}

impl FromStr for PluginId {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<PluginId, &'static str> {
        let part = |part: &str| (2..=32).contains(&part.len()) && is_name(part);
        match text.split_once('.') {
            Some((publisher, name)) if part(publisher) && part(name) => Ok(PluginId(text.into())),
            _ => Err("`publisher.name` is wanted, each 2 to 32 of a-z, 0-9 and -"),
        }
    }
}
impl Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for PluginId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What is wrong with a manifest, each with its place.
#[derive(Default)]
pub struct Notes(Vec<String>);

impl Notes {
    /// Notes a fault.
    pub fn note(&mut self, place: impl Display, what: impl Display) {
        self.0.push(format!("{place}: {what}"));
    }
    /// Notes a text with fewer or more characters than allowed.
    pub fn length(&mut self, place: impl Display, text: &str, min: usize, max: usize) {
        if !(min..=max).contains(&text.chars().count()) {
            self.note(place, format_args!("{min} to {max} characters are wanted"));
        }
    }
    /// Notes a text that is no name of at most `max` characters.
    pub fn name(&mut self, place: impl Display, text: &str, max: usize) {
        if text.is_empty() || text.len() > max || !is_name(text) {
            self.note(place, format_args!("1 to {max} of a-z, 0-9 and - are wanted"));
        }
    }
    /// Notes what is there twice.
    pub fn unique(&mut self, place: &str, items: impl Iterator<Item = impl Display>) {
        let mut seen = BTreeSet::new();
        for item in items.map(|item| item.to_string()) {
            if seen.contains(&item) {
                self.note(place, format_args!("{item} is there twice"));
            }
            seen.insert(item);
        }
    }
}

#[cfg(test)]
mod tests;
