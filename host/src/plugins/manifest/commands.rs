//! Slash commands of plugins, and what they ask for.

use serde::Deserialize;
use serde_json::Value;

use super::Notes;
use crate::closed_set;

/// Options, subcommands or choices, at most.
const MAX_ITEMS: usize = 25;
/// The longest choice, in characters.
const MAX_CHOICE: usize = 100;

closed_set! {
    /// What an option takes.
    pub enum OptionKind {
        /// Any text.
        Text = "text",
        /// A whole number.
        Int = "int",
        /// A number.
        Float = "float",
        /// Yes or no.
        Flag = "flag",
        /// Somebody.
        User = "user",
        /// A channel.
        Channel = "channel",
        /// A role.
        Role = "role",
    }
}

impl OptionKind {
    /// Whether a value is one of its kind, for kinds that have choices.
    fn has_choice(self, value: &Value) -> bool {
        match self {
            OptionKind::Text => value.as_str().is_some_and(|text| (1..=MAX_CHOICE).contains(&text.chars().count())),
            OptionKind::Int => value.is_i64(),
            OptionKind::Float => value.as_f64().is_some_and(f64::is_finite),
            OptionKind::Flag | OptionKind::User | OptionKind::Channel | OptionKind::Role => false,
        }
    }
}

/// `[[commands]]`: a slash command.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Command {
    /// What one types.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it asks for.
    #[serde(default)]
    pub options: Vec<CommandOption>,
    /// What it is made of instead.
    #[serde(default)]
    pub subcommands: Vec<Subcommand>,
}

/// A part of a command.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Subcommand {
    /// What one types after the command.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it asks for.
    #[serde(default)]
    pub options: Vec<CommandOption>,
}

/// Something that a command asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandOption {
    /// What it is called.
    pub name: String,
    /// What it takes.
    pub kind: OptionKind,
    /// What it is for.
    pub description: String,
    /// Whether the command does nothing without it.
    #[serde(default)]
    pub required: bool,
    /// The only values that are allowed; any, if there are none.
    #[serde(default)]
    pub choices: Vec<Value>,
    /// Whether the plugin is asked what could be meant.
    #[serde(default)]
    pub autocomplete: bool,
}

pub(super) fn check(commands: &[Command], notes: &mut Notes) {
    notes.unique("commands", commands.iter().map(|command| command.name.as_str()));
    for (at, command) in commands.iter().enumerate() {
        let place = format!("commands[{at}]");
        check_one(&place, &command.name, &command.description, &command.options, notes);
        if !command.options.is_empty() && !command.subcommands.is_empty() {
            notes.note(&place, "it has either options or subcommands");
        }
        if command.subcommands.len() > MAX_ITEMS {
            notes.note(format_args!("{place}.subcommands"), format_args!("at most {MAX_ITEMS}"));
        }
        notes.unique(&format!("{place}.subcommands"), command.subcommands.iter().map(|part| part.name.as_str()));
        for (at, part) in command.subcommands.iter().enumerate() {
            let place = format!("{place}.subcommands[{at}]");
            check_one(&place, &part.name, &part.description, &part.options, notes);
        }
    }
}

fn check_one(place: &str, name: &str, description: &str, options: &[CommandOption], notes: &mut Notes) {
    notes.name(format_args!("{place}.name"), name, 32);
    notes.length(format_args!("{place}.description"), description, 1, 100);
    if options.len() > MAX_ITEMS {
        notes.note(format_args!("{place}.options"), format_args!("at most {MAX_ITEMS}"));
    }
    notes.unique(&format!("{place}.options"), options.iter().map(|option| option.name.as_str()));
    if options.windows(2).any(|pair| pair[1].required && !pair[0].required) {
        notes.note(format_args!("{place}.options"), "required ones come first");
    }
    for (at, option) in options.iter().enumerate() {
        let place = format!("{place}.options[{at}]");
        notes.name(format_args!("{place}.name"), &option.name.replace('_', "-"), 32);
        notes.length(format_args!("{place}.description"), &option.description, 1, 100);
        if option.choices.len() > MAX_ITEMS {
            notes.note(format_args!("{place}.choices"), format_args!("at most {MAX_ITEMS}"));
        }
        if let Some(at) = option.choices.iter().position(|choice| !option.kind.has_choice(choice)) {
            notes.note(format_args!("{place}.choices[{at}]"), format_args!("no choice of the kind {}", option.kind));
        }
    }
}
