//! The closed sets of words in a manifest.

use crate::closed_set;

closed_set! {
    /// What a plugin may be allowed, each the name of an interface that it imports.
    pub enum Permission {
        /// Read messages, and hear of them.
        MessagesRead = "messages-read",
        /// Write messages as its bot, and react.
        MessagesWrite = "messages-write",
        /// Delete messages; time out, remove and ban members.
        Moderation = "moderation",
        /// See who is in the guild, and hear who comes and goes.
        Members = "members",
        /// See roles; give and take those below its own.
        Roles = "roles",
        /// See channels, and start threads.
        Channels = "channels",
        /// Give members badges.
        Badges = "badges",
        /// Show live state to those who have a channel open.
        Realtime = "realtime",
    }
}

closed_set! {
    /// What a plugin may handle, each the name of an interface that it exports.
    pub enum Hook {
        /// A message is about to be sent or edited.
        FilterMessage = "filter-message",
        /// A message was sent, edited or deleted.
        OnMessage = "on-message",
        /// Several messages were.
        OnMessages = "on-messages",
        /// A reaction was added or removed.
        OnReaction = "on-reaction",
        /// A member came, left or changed.
        OnMember = "on-member",
        /// Somebody came into a voice channel or left it.
        OnVoice = "on-voice",
        /// Somebody used a command, a button, a list or a form.
        Interactions = "interactions",
        /// Somebody asked for one of its routes.
        HttpRoutes = "http-routes",
        /// A time has come.
        Scheduled = "scheduled",
        /// It was installed, changed, upgraded or removed.
        Lifecycle = "lifecycle",
    }
}

impl Hook {
    /// Whether it is about messages, so that a pre-filter can look at them.
    pub fn gets_messages(self) -> bool {
        matches!(self, Hook::FilterMessage | Hook::OnMessage | Hook::OnMessages)
    }

    /// The permission without which it hears of nothing.
    pub fn needs(self) -> Option<Permission> {
        match self {
            Hook::OnMessage | Hook::OnMessages | Hook::OnReaction => Some(Permission::MessagesRead),
            Hook::OnMember | Hook::OnVoice => Some(Permission::Members),
            Hook::FilterMessage | Hook::Interactions | Hook::HttpRoutes | Hook::Scheduled | Hook::Lifecycle => None,
        }
    }
}

closed_set! {
    /// What becomes of a message when a filter fails on it.
    pub enum OnFailure default Allow {
        /// It is sent.
        Allow = "allow",
        /// It waits for a moderator.
        Hold = "hold",
        /// It is refused.
        Block = "block",
    }
}

closed_set! {
    /// In which channels a permission is wanted.
    pub enum ChannelChoice default All {
        /// All that the bot sees.
        All = "all",
        /// Those that the admin chooses.
        Chosen = "chosen",
    }
}

closed_set! {
    /// Where people look for a plugin.
    pub enum Category {
        /// Brings people together.
        Community = "community",
        /// Amuses.
        Fun = "fun",
        /// Is played.
        Games = "games",
        /// Speaks with other services.
        Integrations = "integrations",
        /// Keeps order.
        Moderation = "moderation",
        /// Gets things done.
        Productivity = "productivity",
        /// Helps in small ways.
        Utilities = "utilities",
    }
}

closed_set! {
    /// Kinds of calls, each with limits of its own.
    pub enum CallClass {
        /// Filters of messages.
        Filter = "filter",
        /// Commands, buttons, lists and forms.
        Interaction = "interaction",
        /// What has happened.
        Event = "event",
        /// HTTP routes.
        Route = "route",
        /// Timers.
        Scheduled = "scheduled",
        /// Installing, upgrading, removing.
        Lifecycle = "lifecycle",
    }
}
