//! What a row of the log says: its kind, its stream, who may see it, and its body as clients receive it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::channels::Permissions;
use crate::clock::Timestamp;
use crate::closed_set;
use crate::error::Result;
use crate::id::{ChannelId, StreamId, UserId};

closed_set! {
    /// Every kind of event that the log holds, named as clients receive it.
    pub enum EventKind {
        /// A message was sent.
        MessageCreated = "message_created",
        /// A message was edited.
        MessageUpdated = "message_updated",
        /// A message was deleted.
        MessageDeleted = "message_deleted",
        /// Several messages of a channel were deleted at once.
        MessagesDeleted = "messages_deleted",
        /// Somebody reacted to a message.
        ReactionAdded = "reaction_added",
        /// A reaction was taken back or removed.
        ReactionRemoved = "reaction_removed",
        /// A message was pinned.
        PinAdded = "pin_added",
        /// A message is no longer pinned.
        PinRemoved = "pin_removed",
        /// A guild was made.
        GuildCreated = "guild_created",
        /// A guild's settings or owner changed.
        GuildUpdated = "guild_updated",
        /// A guild was deleted.
        GuildDeleted = "guild_deleted",
        /// Somebody joined the guild.
        MemberJoined = "member_joined",
        /// Somebody left the guild or was removed.
        MemberLeft = "member_left",
        /// A member's nickname, roles or timeout changed.
        MemberUpdated = "member_updated",
        /// A role was made.
        RoleCreated = "role_created",
        /// A role changed.
        RoleUpdated = "role_updated",
        /// A role was deleted.
        RoleDeleted = "role_deleted",
        /// A channel, thread, direct message or group was made.
        ChannelCreated = "channel_created",
        /// A channel's settings, overwrites or recipients changed.
        ChannelUpdated = "channel_updated",
        /// A channel was deleted.
        ChannelDeleted = "channel_deleted",
        /// A custom emoji was made.
        EmojiCreated = "emoji_created",
        /// A custom emoji was deleted.
        EmojiDeleted = "emoji_deleted",
        /// Somebody was banned.
        BanAdded = "ban_added",
        /// A ban was lifted or ran out.
        BanRemoved = "ban_removed",
        /// An invitation to the guild was made.
        InviteCreated = "invite_created",
        /// An invitation was withdrawn.
        InviteDeleted = "invite_deleted",
        /// An incoming webhook was made.
        WebhookCreated = "webhook_created",
        /// An incoming webhook was deleted.
        WebhookDeleted = "webhook_deleted",
        /// A plugin was installed.
        InstallationAdded = "installation_added",
        /// An installed plugin was switched on or off, set, moved, or allowed something else.
        InstallationUpdated = "installation_updated",
        /// A plugin was removed.
        InstallationRemoved = "installation_removed",
        /// How something of a plugin stands now, such as a poll: it takes the place of what was said of it before.
        PluginEvent = "plugin_event",
        /// A plugin gave a member a badge.
        BadgeGranted = "badge_granted",
        /// A plugin took a badge from a member.
        BadgeRevoked = "badge_revoked",
        /// A filter holds a message until a moderator has looked at it.
        MessageHeld = "message_held",
        /// A moderator has looked at a message that was held.
        MessageReleased = "message_released",
        /// A filter tells the moderators of a message.
        ModerationAlert = "moderation_alert",
        /// The account was made.
        UserCreated = "user_created",
        /// The account's profile or security settings changed.
        UserUpdated = "user_updated",
        /// A login was made.
        SessionCreated = "session_created",
        /// A login was ended: its tokens and sockets are worth nothing from here on.
        SessionRevoked = "session_revoked",
        /// The account blocked somebody.
        BlockAdded = "block_added",
        /// The account blocks somebody no longer.
        BlockRemoved = "block_removed",
        /// The account has read a channel up to a message.
        ReadStateUpdated = "read_state_updated",
        /// Somebody came into a voice channel, left it (`channel_id` is null then), or takes part in another way.
        VoiceState = "voice_state",
        /// The server's own settings changed.
        InstanceUpdated = "instance_updated",
    }
}

/// Who among those in the stream may receive an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// All who see the event's channel or, if it has none, all in the stream.
    All,
    /// Members who hold these permissions in the guild.
    Holders(Permissions),
    /// Members who hold `MANAGE_MESSAGES` in the event's channel.
    Moderators,
    /// Nobody: it stands in the log for readers inside the server.
    Nobody,
}

impl EventKind {
    /// Who may receive it.
    pub fn audience(self) -> Audience {
        match self {
            EventKind::BanAdded | EventKind::BanRemoved => Audience::Holders(Permissions::BAN_MEMBERS),
            EventKind::InviteCreated | EventKind::InviteDeleted => Audience::Holders(Permissions::MANAGE_GUILD),
            EventKind::WebhookCreated | EventKind::WebhookDeleted => Audience::Holders(Permissions::MANAGE_WEBHOOKS),
            EventKind::InstallationAdded | EventKind::InstallationUpdated | EventKind::InstallationRemoved => {
                Audience::Holders(Permissions::MANAGE_PLUGINS)
            }
            EventKind::MessageHeld | EventKind::MessageReleased | EventKind::ModerationAlert => Audience::Moderators,
            EventKind::InstanceUpdated => Audience::Nobody,
            _ => Audience::All,
        }
    }

    /// Whether it may change what members of its guild see or may do.
    pub fn changes_access(self) -> bool {
        use EventKind::*;
        matches!(
            self,
            GuildCreated
                | GuildUpdated
                | GuildDeleted
                | MemberJoined
                | MemberLeft
                | MemberUpdated
                | RoleCreated
                | RoleUpdated
                | RoleDeleted
                | ChannelCreated
                | ChannelUpdated
                | ChannelDeleted
        )
    }
}

/// An event on its way into the log.
pub struct NewEvent {
    pub(super) kind: EventKind,
    pub(super) stream: StreamId,
    pub(super) channel: Option<ChannelId>,
    pub(super) payload: Arc<str>,
}

impl NewEvent {
    /// An event of `kind` in `stream` whose body is `payload` as JSON.
    pub fn new(kind: EventKind, stream: impl Into<StreamId>, payload: &impl Serialize) -> Result<NewEvent> {
        Ok(NewEvent::encoded(kind, stream, serde_json::to_string(payload)?.into()))
    }
    /// The same for a body that is JSON already.
    pub fn encoded(kind: EventKind, stream: impl Into<StreamId>, payload: Arc<str>) -> NewEvent {
        NewEvent { kind, stream: stream.into(), channel: None, payload }
    }
    /// Only those who see `channel` may receive it.
    pub fn in_channel(self, channel: ChannelId) -> NewEvent {
        NewEvent { channel: Some(channel), ..self }
    }
}

/// A row of the log. Nodes tell each other of rows in this form, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The shard that it stands in.
    pub shard: i64,
    /// Its place in the shard: without gaps, in the order of commits.
    pub position: i64,
    /// The guild, direct channel or account that it belongs to.
    pub stream: StreamId,
    /// The channel one must see to receive it.
    pub channel: Option<ChannelId>,
    /// What happened.
    pub kind: EventKind,
    /// What happened in detail, as the JSON that clients receive.
    pub payload: Arc<str>,
    /// Who did it; nobody if the server did.
    pub actor: Option<UserId>,
    /// The request that caused it.
    pub request_id: Option<Arc<str>>,
    /// When it was written.
    pub at: Timestamp,
}
