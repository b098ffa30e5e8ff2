//! What people do with plugins and wait for: commands, buttons, lists and forms.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answering::{below, problem};
use super::artifact::Artifact;
use super::commit::Cause;
use super::contract::interactions as contract;
use super::input::{Input, Output};
use super::installation::Installation;
use super::invoke::{Request, invoke};
use super::manifest::{CallClass, Hook};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, Access, Permissions};
use crate::closed_set;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, GuildId, InstallationId, MessageId, UserId};
use crate::messaging;
use crate::plugins::blocks::Node;

mod arguments;
mod components;
pub mod listing;
pub mod replies;
pub mod routes;
pub(super) mod whispers;

use replies::Answer;

/// The longest id of a component, a form or one of its fields, in characters.
const MAX_ID: usize = 100;
/// The longest text of a field of a form, in characters.
const MAX_TEXT: usize = 4_000;
/// Fields of a form, and what is chosen of a list, at most.
const MAX_ITEMS: usize = 100;

closed_set! {
    /// What somebody does.
    pub enum InteractionKind {
        /// Gives a command.
        Command = "command",
        /// Presses a button, or chooses from a list.
        Component = "component",
        /// Sends a form.
        Form = "form",
        /// Types a command's option, and wants to be offered something.
        Autocomplete = "autocomplete",
    }
}

/// `POST /interactions`, and `interact` on the sockets. Which fields there are depends on `kind`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInteraction {
    /// What is done.
    kind: InteractionKind,
    /// The guild of a command.
    guild_id: Option<GuildId>,
    /// Where a command is given or a form was opened.
    channel_id: Option<ChannelId>,
    /// Whose command or form it is.
    installation_id: Option<InstallationId>,
    /// The message that a component stands below, or the id of a whisper.
    message_id: Option<MessageId>,
    /// The id of a component or a form.
    id: Option<String>,
    /// The name of a command, and of its subcommand if it has some.
    path: Option<Vec<String>>,
    /// The options of a command, by their names.
    #[schema(value_type = Option<Object>)]
    args: Option<Map<String, Value>>,
    /// What is chosen of a list.
    values: Option<Vec<String>>,
    /// What stands in the fields of a form, by their ids.
    fields: Option<BTreeMap<String, String>>,
    /// The option that is being typed.
    focused: Option<String>,
}

impl InteractionKind {
    /// The fields that it must have, and those that it may have.
    fn fields(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            InteractionKind::Command => (&["guild_id", "channel_id", "installation_id", "path"], &["args"]),
            InteractionKind::Component => (&["message_id", "id"], &["values"]),
            InteractionKind::Form => (&["channel_id", "installation_id", "id"], &["fields"]),
            InteractionKind::Autocomplete => {
                (&["guild_id", "channel_id", "installation_id", "path", "focused"], &["args"])
            }
        }
    }
}

impl Validate for NewInteraction {
    fn check(&self, faults: &mut Faults) {
        let (wanted, allowed) = self.kind.fields();
        for (name, there) in [
            ("guild_id", self.guild_id.is_some()),
            ("channel_id", self.channel_id.is_some()),
            ("installation_id", self.installation_id.is_some()),
            ("message_id", self.message_id.is_some()),
            ("id", self.id.is_some()),
            ("path", self.path.is_some()),
            ("args", self.args.is_some()),
            ("values", self.values.is_some()),
            ("fields", self.fields.is_some()),
            ("focused", self.focused.is_some()),
        ] {
            let pointer = format!("/{name}");
            match (wanted.contains(&name), there) {
                (true, false) => faults.note(&pointer, FieldCode::Required),
                (false, true) if !allowed.contains(&name) => faults.note(&pointer, FieldCode::NotAllowed),
                _ => {}
            }
        }
        if let Some(id) = &self.id {
            faults.length("/id", id, 1, MAX_ID);
        }
        faults.items("/values", self.values.as_ref().map_or(0, Vec::len), MAX_ITEMS);
        faults.items("/fields", self.fields.as_ref().map_or(0, BTreeMap::len), MAX_ITEMS);
        for (id, text) in self.fields.iter().flatten() {
            faults.length(&arguments::pointer("/fields", id), text, 0, MAX_TEXT);
        }
    }
}

/// What somebody asks a plugin for.
struct Asked {
    installation: Arc<Installation>,
    input: Input,
    /// Where in the request the fields stand that the plugin names.
    place: &'static str,
}

/// Does what somebody does with a plugin; answers what they are to see.
pub async fn interact(app: &App, caller: &Caller, new: NewInteraction) -> Result<Answer> {
    caller.identity()?;
    caller.require_person()?;
    let Asked { installation, input, place } = match new.kind {
        InteractionKind::Command | InteractionKind::Autocomplete => command(app, caller, new).await?,
        InteractionKind::Component => component(app, caller, new).await?,
        InteractionKind::Form => form(app, caller, new).await?,
    };
    let request = Request {
        installation,
        package: None,
        input: Arc::new(input),
        class: CallClass::Interaction,
        event_id: format!("interaction/{}", app.next_id()?),
        actor: Some(caller.user),
        locale: caller.locale.clone(),
        depth: 0,
        tried: 0,
        filtered: None,
        cause: Cause::Nothing,
    };
    match invoke(app, request).await {
        Ok(Output::Answer(answer)) => Ok(answer),
        Ok(_) => Err(Code::PluginFailed.into()),
        Err(failure) => Err(below(problem(failure), place)),
    }
}

/// What must be said; [`Validate`] has noted it already if it isn't.
fn said<T>(name: &str, field: Option<T>) -> Result<T> {
    field.ok_or_else(|| Error::field(format!("/{name}"), FieldCode::Required))
}

async fn command(app: &App, caller: &Caller, new: NewInteraction) -> Result<Asked> {
    let (channel, path) = (said("channel_id", new.channel_id)?, said("path", new.path)?);
    let access = participant(app, caller, channel).await?;
    access.require(Permissions::USE_COMMANDS)?;
    if new.guild_id != access.guild() {
        return Err(Error::field("/guild_id", FieldCode::UnknownReference));
    }
    let (installation, artifact) =
        running(app, &access, |one| Some(one.id) == new.installation_id).await?.ok_or(Code::PluginNotInstalled)?;
    if new.focused.is_none() {
        app.limiter.check(caller, Group::Messages, channel.0)?;
    }
    let options = artifact.manifest.options(&path);
    let options = options.ok_or_else(|| Error::field("/path", FieldCode::UnknownReference))?;
    let args = new.args.unwrap_or_default();
    let args = arguments::read(app, &access, options, &args, new.focused.as_deref()).await?;
    let command = contract::Command { path, args, channel: channel.0 as u64 };
    let input = match new.focused {
        Some(focused) => Input::Autocomplete(command, focused),
        None => Input::Command(command),
    };
    Ok(Asked { installation, input, place: "/args" })
}

async fn component(app: &App, caller: &Caller, new: NewInteraction) -> Result<Asked> {
    let (message, id) = (said("message_id", new.message_id)?, said("id", new.id)?);
    let Shown { channel, whose, blocks } = shown(app, caller, message).await?;
    let access = participant(app, caller, channel).await?;
    let (installation, _) = running(app, &access, |one| match whose {
        Whose::Bot(bot) => one.bot_id == bot,
        Whose::Installation(id) => one.id == id,
    })
    .await?
    .ok_or(Code::PluginNotInstalled)?;
    app.limiter.check(caller, Group::Messages, channel.0)?;
    let values = new.values.unwrap_or_default();
    components::check(blocks.as_ref(), &id, &values)?;
    let (message, channel) = (message.0 as u64, channel.0 as u64);
    let input = Input::Component(contract::ComponentEvent { id, values, message, channel });
    Ok(Asked { installation, input, place: "" })
}

/// What somebody is shown, and may use.
struct Shown {
    channel: ChannelId,
    whose: Whose,
    blocks: Option<Node>,
}

/// Who has shown it.
enum Whose {
    /// The author of a message: nobody but an installation's bot can have blocks.
    Bot(UserId),
    /// Who whispered.
    Installation(InstallationId),
}

/// A message that all see, or what was whispered to whoever asks.
async fn shown(app: &App, caller: &Caller, id: MessageId) -> Result<Shown> {
    match messaging::history::get(app, caller, id).await {
        Ok(message) => {
            Ok(Shown { channel: message.channel_id, whose: Whose::Bot(message.author.id), blocks: message.blocks })
        }
        Err(error) if error.code() == Code::NotFound => {
            let found = whispers::find(&mut app.db.read().await?, id, caller.user, app.now()).await?.ok_or(error)?;
            let whose = Whose::Installation(found.installation);
            Ok(Shown { channel: found.channel, whose, blocks: Some(found.blocks) })
        }
        Err(error) => Err(error),
    }
}

async fn form(app: &App, caller: &Caller, new: NewInteraction) -> Result<Asked> {
    let (channel, id) = (said("channel_id", new.channel_id)?, said("id", new.id)?);
    let access = participant(app, caller, channel).await?;
    let (installation, _) =
        running(app, &access, |one| Some(one.id) == new.installation_id).await?.ok_or(Code::PluginNotInstalled)?;
    app.limiter.check(caller, Group::Messages, channel.0)?;
    let fields = new.fields.unwrap_or_default().into_iter().collect();
    let input = Input::Form(contract::Form { id, fields, channel: channel.0 as u64 });
    Ok(Asked { installation, input, place: "/fields" })
}

/// The caller's standing in a channel that they may not only read.
async fn participant(app: &App, caller: &Caller, channel: ChannelId) -> Result<Access> {
    let access = channels::access(app, caller, channel).await?;
    messaging::require_participation(&access, app.now())?;
    access.require_verified(caller.identity()?.email_verified)?;
    Ok(access)
}

/// An installation of the channel's guild that runs and can be interacted with.
async fn running(
    app: &App,
    access: &Access,
    is_it: impl Fn(&Installation) -> bool,
) -> Result<Option<(Arc<Installation>, Arc<Artifact>)>> {
    let Some(guild) = access.guild() else { return Ok(None) };
    let installed = app.plugins.installed.of(&app.db, guild).await?;
    let found = installed.iter().find(|one| one.is_enabled() && is_it(one));
    Ok(found.and_then(|found| {
        let artifact = app.plugins.marketplace.get(&found.plugin)?;
        artifact.manifest.hook(Hook::Interactions).map(|_| (found.clone(), artifact.clone()))
    }))
}
