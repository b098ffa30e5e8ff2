//! What stands in frames, as schemas of the very types that are written and read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::accounts::administration::InstanceSettings;
use crate::accounts::blocks::Block;
use crate::accounts::{SessionRef, User};
use crate::channels::Channel;
use crate::channels::webhooks::Webhook;
use crate::guilds::bans::{self, Ban};
use crate::guilds::emojis::Emoji;
use crate::guilds::invites::{self, Invite};
use crate::guilds::members::{self, Member};
use crate::guilds::roles::{self, Role};
use crate::guilds::{Guild, settings};
use crate::log::EventKind;
use crate::messaging::Message;
use crate::messaging::deleting::{MessageDeleted, MessagesDeleted};
use crate::messaging::pins::{Pin, PinRemoved};
use crate::messaging::reacting::Mark;
use crate::messaging::read_states::ReadState;
use crate::plugins::Installation;
use crate::plugins::alerts::Alert;
use crate::plugins::held::{Released, Shown as HeldMessage};
use crate::plugins::interactions::NewInteraction;
use crate::plugins::interactions::replies::Answer;
use crate::plugins::state::{Badge, TopicState};
use crate::sockets::command::{self, CommandName};
use crate::sockets::event::Moment;
use crate::sockets::hub::Hidden;
use crate::sockets::presence::Presence;
use crate::sockets::protocol::Notice;
use crate::sockets::server::Shown;
use crate::sockets::session::{Ready, Resumed, Resync};
use crate::sockets::snapshot::Whole;
use crate::voice::VoiceState;

/// Schemas by name, as others refer to them.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// A reference to a type's schema, which is added with all that it refers to.
    pub fn of<T: ToSchema>(&mut self) -> Value {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            self.0.entry(name).or_insert_with(|| {
                // Schemas are plain values: they can't fail to be written.
                let mut schema = serde_json::to_value(schema).unwrap_or_default();
                let parts = schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten();
                parts.for_each(may_be_missing);
                schema
            });
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }

    /// All that were asked for.
    pub fn into_inner(self) -> BTreeMap<String, Value> {
        self.0
    }

    /// The body of an event that the log holds.
    pub fn of_event(&mut self, kind: EventKind) -> Value {
        match kind {
            EventKind::MessageCreated | EventKind::MessageUpdated => self.of::<Message>(),
            EventKind::MessageDeleted => self.of::<MessageDeleted>(),
            EventKind::MessagesDeleted => self.of::<MessagesDeleted<'static>>(),
            EventKind::ReactionAdded | EventKind::ReactionRemoved => self.of::<Mark>(),
            EventKind::PinAdded => self.of::<Pin>(),
            EventKind::PinRemoved => self.of::<PinRemoved>(),
            EventKind::GuildCreated | EventKind::GuildUpdated => self.of::<Guild>(),
            EventKind::GuildDeleted => self.of::<settings::Deleted>(),
            EventKind::MemberJoined | EventKind::MemberUpdated => self.of::<Member>(),
            EventKind::MemberLeft => self.of::<members::Left<'static>>(),
            EventKind::RoleCreated | EventKind::RoleUpdated => self.of::<Role>(),
            EventKind::RoleDeleted => self.of::<roles::Deleted>(),
            EventKind::ChannelCreated | EventKind::ChannelUpdated | EventKind::ChannelDeleted => self.of::<Channel>(),
            EventKind::EmojiCreated | EventKind::EmojiDeleted => self.of::<Emoji>(),
            EventKind::BanAdded => self.of::<Ban>(),
            EventKind::BanRemoved => self.of::<bans::Removed>(),
            EventKind::InviteCreated => self.of::<Invite>(),
            EventKind::InviteDeleted => self.of::<invites::Deleted>(),
            EventKind::WebhookCreated | EventKind::WebhookDeleted => self.of::<Webhook>(),
            EventKind::InstallationAdded | EventKind::InstallationUpdated | EventKind::InstallationRemoved => {
                self.of::<Installation>()
            }
            EventKind::PluginEvent => self.of::<TopicState>(),
            EventKind::BadgeGranted | EventKind::BadgeRevoked => self.of::<Badge<'static>>(),
            EventKind::MessageHeld => self.of::<HeldMessage>(),
            EventKind::MessageReleased => self.of::<Released>(),
            EventKind::ModerationAlert => self.of::<Alert<'static>>(),
            EventKind::VoiceState => self.of::<VoiceState>(),
            EventKind::UserCreated | EventKind::UserUpdated => self.of::<User>(),
            EventKind::SessionCreated | EventKind::SessionRevoked => self.of::<SessionRef>(),
            EventKind::BlockAdded | EventKind::BlockRemoved => self.of::<Block>(),
            EventKind::ReadStateUpdated => self.of::<ReadState>(),
            EventKind::InstanceUpdated => self.of::<InstanceSettings>(),
        }
    }

    /// The body of an event that the log doesn't hold.
    pub fn of_moment(&mut self, moment: Moment) -> Value {
        match moment {
            Moment::Typing | Moment::StopTyping => self.of::<command::Typing>(),
            Moment::VoiceState => self.of::<VoiceState>(),
            Moment::Presence => self.of::<Presence>(),
            Moment::ChannelShown => self.of::<Shown<'static>>(),
            Moment::ChannelHidden => self.of::<Hidden>(),
            Moment::GuildAvailable => self.of::<Whole>(),
        }
    }

    /// What a client is told of its own session.
    pub fn of_notice(&mut self, notice: Notice) -> Value {
        match notice {
            Notice::Ready => self.of::<Ready<'static>>(),
            Notice::Resumed => self.of::<Resumed>(),
            Notice::Resync => self.of::<Resync<'static>>(),
            Notice::Reconnect => object(json!({ "after_ms": { "type": "integer", "minimum": 0 } })),
        }
    }

    /// The body of a command.
    pub fn of_command(&mut self, name: CommandName) -> Value {
        match name {
            CommandName::JoinRoom | CommandName::LeaveRoom => self.of::<command::InRoom>(),
            CommandName::SendMessage => self.of::<command::SendMessage>(),
            CommandName::Interact => self.of::<NewInteraction>(),
            CommandName::Typing | CommandName::StopTyping | CommandName::JoinVoice | CommandName::LeaveVoice => {
                self.of::<command::InChannel>()
            }
            CommandName::RequestMembers => self.of::<command::Members>(),
            CommandName::SetPresence => self.of::<command::Busy>(),
            CommandName::VoiceState => self.of::<command::Voice>(),
        }
    }

    /// What a command is acknowledged with.
    pub fn of_answer(&mut self, name: CommandName) -> Value {
        match name {
            CommandName::JoinRoom | CommandName::LeaveRoom => self.of::<command::InRoom>(),
            CommandName::SendMessage => self.of::<Message>(),
            CommandName::Interact => self.of::<Answer>(),
            CommandName::Typing | CommandName::StopTyping => self.of::<command::Typing>(),
            CommandName::RequestMembers => {
                let items = self.of::<command::MemberThere>();
                object(json!({ "items": { "type": "array", "items": items }, "has_more": { "type": "boolean" } }))
            }
            CommandName::SetPresence => self.of::<Presence>(),
            CommandName::LeaveVoice => self.of::<command::InChannel>(),
            CommandName::JoinVoice | CommandName::VoiceState => self.of::<VoiceState>(),
        }
    }
}

/// A part of an object that is there or not, as a whole: written as a type that can be null, which no part can be.
fn may_be_missing(part: &mut Value) {
    let null = json!({ "type": "null" });
    if let Some(choices) = part.get("oneOf").and_then(Value::as_array).filter(|choices| choices.contains(&null)) {
        let mut either: Vec<Value> = choices.iter().filter(|choice| **choice != null).cloned().collect();
        either.push(json!({ "type": "object" }));
        *part = json!({ "anyOf": either });
    }
}

/// An object with these fields, all of them there.
pub fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

/// The same object, in which these fields may be missing.
pub fn without(mut object: Value, optional: &[&str]) -> Value {
    if let Some(required) = object["required"].as_array_mut() {
        required.retain(|name| !optional.iter().any(|one| *name == *one));
    }
    object
}
