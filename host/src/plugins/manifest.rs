//! What a plugin says of itself: `plugin.toml`, read strictly, with every fault told with its place.

use std::collections::BTreeMap;

use anyhow::ensure;
use semver::{Version, VersionReq};
use serde::Deserialize;

pub mod commands;
pub mod cron;
pub mod id;
pub mod limits;
pub mod matching;
mod notes;
pub mod paths;
pub mod settings;
pub mod words;

use commands::Command;
use cron::Cron;
pub use id::PluginId;
use limits::Limits;
use matching::Match;
use notes::Notes;
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

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "[plugin]\nid = 'guildhall.polls'\nname = 'Polls'\nversion = '1.4.0'\napi = '0.1'\nsummary = 'Asks.'\n";

    const WHOLE: &str = include_str!("manifest/examples/whole.toml");
    const WRONG: &str = include_str!("manifest/examples/wrong.toml");

    #[test]
    fn a_whole_manifest_is_read() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        let id = &manifest.plugin.id;
        assert_eq!((id.publisher(), id.name(), id.as_str()), ("guildhall", "polls", "guildhall.polls"));
        assert_eq!(manifest.required(), [Permission::MessagesWrite]);
        assert!(manifest.asked(Permission::Members).unwrap().optional && manifest.asked(Permission::Roles).is_none());
        let filter = manifest.hook(Hook::FilterMessage).unwrap();
        assert_eq!((filter.on_failure, filter.matches.as_ref().unwrap().matches("a Poll")), (OnFailure::Hold, true));
        assert!(manifest.hook(Hook::Lifecycle).is_none());
        let vote = &manifest.routes[1];
        assert_eq!(vote.path.read("/polls/7/vote"), Some(vec![("poll_id", "7")]));
        for other in ["/polls/7", "/polls//vote", "/polls/7/vote/", "polls/7/vote"] {
            assert_eq!(vote.path.read(other), None, "{other}");
        }
        assert_eq!(vote.guild.resource_kind(), Some("poll"));
        assert_eq!(manifest.limits.of(CallClass::Filter).cpu_ms, Some(2));
        assert_eq!(manifest.limits.of(CallClass::Event), Default::default());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, expected) in [
            ("[plugin", "line 1"),
            ("[plugin]\nid = 'x'", "line 2: `publisher.name` is wanted"),
            (&format!("{HEAD}idd = 'x'"), "line 7: unknown field `idd`"),
            (&format!("{HEAD}name = 'x'"), "line 7: duplicate key"),
            (&HEAD.replace("1.4.0", "1.4"), "line 4"),
            (&format!("{HEAD}[[permissions]]\nname = 'fly'\nreason = 'x'"), "none of: messages-read"),
            (&format!("{HEAD}[[hooks]]\nname = 'on-message'\nmatch = {{ regex = ['('] }}"), "`regex[0]`"),
            (&format!("{HEAD}[[cron]]\nname = 'x'\nschedule = '* *'"), "five fields"),
        ] {
            let why = Manifest::parse(text).unwrap_err().to_string();
            assert!(why.contains(expected), "{expected:?} in {why:?}");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let why = Manifest::parse(WRONG).unwrap_err().to_string();
        for expected in [
            "plugin.name: 1 to 64",
            "plugin.api: this server offers 0.1.0",
            "plugin.homepage",
            "plugin.categories: fun is there twice",
            "permissions: members is there twice",
            "permissions[0].reason",
            "permissions[0].channels",
            "hooks[0].on-failure",
            "hooks[0]: on-message needs the permission messages-read",
            "hooks[1].match: on-voice gets no messages",
            "commands: they need the hook interactions",
            "commands[0].name",
            "commands[0].options: a is there twice",
            "commands[0].options: required ones come first",
            "commands[0].options[0].choices[0]",
            "routes: they need the hook http-routes",
            "routes: GET /a/{} is there twice",
            "routes[0].collection",
            "routes[0].guild: GET has no body",
            "routes[1].guild: the path has no `{poll_id}`",
            "cron: they need the hook scheduled",
            "cron[0].name",
            "config.secret: a secret is a text",
            "config.secret: `min` is at most `max`",
            "config.secret: what has a default",
            "config.secret: the default isn't allowed",
            "limits.memory-mib",
            "limits.event",
        ] {
            assert!(why.contains(expected), "{expected:?} in {why}");
        }
    }

    #[test]
    fn ids_and_paths_are_strict() {
        for wrong in [
            "",
            "polls",
            "a.polls",
            "aa.b",
            "Guild.polls",
            "aa.bb.cc",
            "aa.",
            "aa.b_b",
            &format!("aa.{}", "b".repeat(33)),
        ] {
            assert!(wrong.parse::<PluginId>().is_err(), "{wrong}");
        }
        for wrong in
            ["", "polls", "/", "/a//b", "/A", "/a{b}", "/{a}/{a}", "/{a-b}", "/{}", "/a/b/c/d/e/f/g/h/i", "/a?b", "/.."]
        {
            assert!(paths::RoutePath::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        for wrong in ["", "guild_id", "body:", "header:guild_id", "resource:poll", "resource:_id", "body:a.b"] {
            assert!(paths::GuildSource::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
