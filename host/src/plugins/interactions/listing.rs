//! What commands a guild has, in the reader's language.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::accounts::Caller;
use crate::app::App;
use crate::channels;
use crate::error::Result;
use crate::id::{GuildId, InstallationId};
use crate::plugins::artifact::Artifact;
use crate::plugins::manifest::Manifest;
use crate::plugins::manifest::commands::{Command, CommandOption, OptionKind};

/// A command of a plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Command)]
pub struct ShownCommand {
    /// Whose it is.
    pub installation_id: InstallationId,
    /// The plugin: `publisher.name`.
    pub plugin: String,
    /// What people call the plugin.
    pub plugin_name: String,
    /// What one types.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it asks for; those that it can't do without come first.
    pub options: Vec<ShownOption>,
    /// What it is made of instead.
    pub subcommands: Vec<ShownSubcommand>,
}

/// A part of a command.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subcommand)]
pub struct ShownSubcommand {
    /// What one types after the command.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it asks for.
    pub options: Vec<ShownOption>,
}

/// Something that a command asks for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommandOption)]
pub struct ShownOption {
    /// What it is called in `args`.
    pub name: String,
    /// What it takes.
    pub kind: OptionKind,
    /// What it is for.
    pub description: String,
    /// Whether the command does nothing without it.
    pub required: bool,
    /// The only values that are allowed; any, if there are none.
    #[schema(value_type = Vec<Object>)]
    pub choices: Vec<Value>,
    /// Whether the plugin offers values while one types.
    pub autocomplete: bool,
}

/// The commands of all that a guild has installed and that runs, for its members.
pub async fn list(app: &App, caller: &Caller, guild: GuildId) -> Result<Vec<ShownCommand>> {
    channels::membership(app, caller, guild).await?;
    let installed = app.plugins.installed.of(&app.db, guild).await?;
    let mut commands = Vec::new();
    for one in installed.iter().filter(|one| one.is_enabled()) {
        let Some(artifact) = app.plugins.marketplace.get(&one.plugin) else { continue };
        let shown = artifact.manifest.commands.iter();
        commands.extend(shown.map(|command| ShownCommand::of(one.id, artifact, command, &caller.locale)));
    }
    Ok(commands)
}

/// What the artifact's own files say in a language, or else the manifest's English.
fn say(artifact: &Artifact, locale: &str, key: &str, english: &str) -> String {
    artifact.texts.say_in(locale, key, None).unwrap_or_else(|| english.to_owned())
}

impl ShownCommand {
    fn of(installation_id: InstallationId, artifact: &Artifact, command: &Command, locale: &str) -> ShownCommand {
        let (key, head) = (format!("command-{}", command.name), &artifact.manifest.plugin);
        let subcommands = command.subcommands.iter().map(|part| {
            let key = format!("{key}-{}", part.name);
            ShownSubcommand {
                name: part.name.clone(),
                description: say(artifact, locale, &key, &part.description),
                options: ShownOption::all(artifact, locale, &key, &part.options),
            }
        });
        ShownCommand {
            installation_id,
            plugin: head.id.to_string(),
            plugin_name: say(artifact, locale, "plugin-name", &head.name),
            name: command.name.clone(),
            description: say(artifact, locale, &key, &command.description),
            options: ShownOption::all(artifact, locale, &key, &command.options),
            subcommands: subcommands.collect(),
        }
    }
}

impl ShownOption {
    fn all(artifact: &Artifact, locale: &str, key: &str, options: &[CommandOption]) -> Vec<ShownOption> {
        let show = |option: &CommandOption| ShownOption {
            name: option.name.clone(),
            kind: option.kind,
            description: say(artifact, locale, &format!("{key}.{}", option.name), &option.description),
            required: option.required,
            choices: option.choices.clone(),
            autocomplete: option.autocomplete,
        };
        options.iter().map(show).collect()
    }
}

impl Manifest {
    /// The options of a command, by its name and its subcommand's; none if there is no such command.
    pub fn options(&self, path: &[String]) -> Option<&[CommandOption]> {
        let (name, rest) = path.split_first()?;
        let command = self.commands.iter().find(|command| command.name == *name)?;
        match rest {
            [] if command.subcommands.is_empty() => Some(&command.options),
            [part] => command.subcommands.iter().find(|one| one.name == *part).map(|part| &*part.options),
            _ => None,
        }
    }
}
