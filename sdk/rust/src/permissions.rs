//! What people may do: the bits of `permissions`, as in the REST API.

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)+) => {
        $($(#[$doc])* pub const $name: u64 = 1 << $bit;)+
    };
}

permissions! {
    /// See the channel; without it nothing else counts.
    VIEW_CHANNEL = 0;
    /// Read what was said before.
    READ_HISTORY = 1;
    /// Send messages.
    SEND_MESSAGES = 2;
    /// Send messages in threads.
    SEND_IN_THREADS = 3;
    /// Start threads.
    CREATE_THREADS = 4;
    /// Add reactions that nobody has added yet.
    ADD_REACTIONS = 5;
    /// Attach files.
    ATTACH_FILES = 6;
    /// Mention everyone, and roles that aren't mentionable.
    MENTION_EVERYONE = 7;
    /// Join voice channels.
    CONNECT = 8;
    /// Speak in voice channels.
    SPEAK = 9;
    /// Invite people to the guild.
    CREATE_INVITE = 10;
    /// Change one's own nickname.
    CHANGE_NICKNAME = 11;
    /// Take part in events and make them.
    CREATE_EVENTS = 12;
    /// Use the commands of plugins.
    USE_COMMANDS = 13;
    /// Delete others' messages and reactions.
    MANAGE_MESSAGES = 16;
    /// Pin messages.
    PIN_MESSAGES = 17;
    /// Archive, lock, rename and delete others' threads.
    MANAGE_THREADS = 18;
    /// Remove members.
    KICK_MEMBERS = 23;
    /// Ban and unban.
    BAN_MEMBERS = 24;
    /// Time members out.
    TIMEOUT_MEMBERS = 25;
    /// Make, change and delete channels.
    MANAGE_CHANNELS = 32;
    /// Make, change, delete and give roles below one's own.
    MANAGE_ROLES = 33;
    /// Change the guild's settings.
    MANAGE_GUILD = 34;
    /// Install, configure and remove plugins.
    MANAGE_PLUGINS = 38;
    /// Everything, whatever the overwrites say.
    ADMINISTRATOR = 62;
}

/// Whether a set has all of these. Administrators have everything.
pub const fn may(set: u64, needed: u64) -> bool {
    set & ADMINISTRATOR != 0 || set & needed == needed
}
