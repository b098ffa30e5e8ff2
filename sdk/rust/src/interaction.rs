//! Commands' options, and replies.

use crate::bindings::interactions::exports::guildhall::plugin::interactions::{Arg, Command, ComponentEvent, Reply};
use crate::{Draft, Snowflake};

impl Command {
    /// The command's name, and the subcommand's if there is one, as `poll` or `poll close`.
    pub fn name(&self) -> String {
        self.path.join(" ")
    }

    /// An option of kind `text`, if it was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.arg(name)? {
            Arg::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An option of kind `int`, if it was given.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.arg(name)? {
            Arg::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// An option of kind `flag`; false if it wasn't given.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.arg(name), Some(Arg::Flag(true)))
    }

    /// An option of kind `user`, `channel` or `role`, if it was given.
    pub fn id(&self, name: &str) -> Option<Snowflake> {
        match self.arg(name)? {
            Arg::User(id) | Arg::Channel(id) | Arg::Role(id) => Some(*id),
            _ => None,
        }
    }

    fn arg(&self, name: &str) -> Option<&Arg> {
        self.args.iter().find(|(known, _)| known == name).map(|(_, arg)| arg)
    }
}

impl ComponentEvent {
    /// The parts of an id that the plugin has put together with colons.
    pub fn parts(&self) -> Vec<&str> {
        self.id.split(':').collect()
    }
}

impl Reply {
    /// A text that only the one who acted sees.
    pub fn whisper(text: impl Into<String>) -> Reply {
        Reply::Ephemeral(Draft::text(text))
    }
}
