//! Permissions: a set of bits, a decimal string and a list of names.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of permissions; a decimal string in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(pub i64);

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)+) => {
        impl Permissions {
            $($(#[$doc])* pub const $name: Permissions = Permissions(1 << $bit);)+
            /// Every permission there is.
            pub const ALL: Permissions = Permissions($((1 << $bit))|+);
            /// Every permission with its name.
            pub const NAMED: &'static [(&'static str, Permissions)] = &[$((stringify!($name), Permissions::$name)),+];
        }
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
    /// Mute others in voice.
    MUTE_MEMBERS = 19;
    /// Deafen others in voice.
    DEAFEN_MEMBERS = 20;
    /// Move others between voice channels.
    MOVE_MEMBERS = 21;
    /// Change others' nicknames.
    MANAGE_NICKNAMES = 22;
    /// Remove members.
    KICK_MEMBERS = 23;
    /// Ban and unban.
    BAN_MEMBERS = 24;
    /// Time members out.
    TIMEOUT_MEMBERS = 25;
    /// Read and handle reports.
    HANDLE_REPORTS = 26;
    /// Read the audit log.
    VIEW_AUDIT_LOG = 27;
    /// Read the guild's statistics.
    VIEW_STATISTICS = 28;
    /// Make, change and delete channels.
    MANAGE_CHANNELS = 32;
    /// Make, change, delete and give roles below one's own.
    MANAGE_ROLES = 33;
    /// Change the guild's settings; list and withdraw invitations.
    MANAGE_GUILD = 34;
    /// Make and delete incoming webhooks.
    MANAGE_WEBHOOKS = 35;
    /// Make and delete custom emoji.
    MANAGE_EMOJIS = 36;
    /// Change and delete others' events.
    MANAGE_EVENTS = 37;
    /// Install, configure and remove plugins.
    MANAGE_PLUGINS = 38;
    /// Everything, whatever the overwrites say.
    ADMINISTRATOR = 62;
}

impl Permissions {
    /// No permission.
    pub const NONE: Permissions = Permissions(0);
    /// What `@everyone` may do in a new guild.
    pub const NEW_GUILD: Permissions = Permissions(((1 << 14) - 1) & !(1 << 7));
    /// What a member who is timed out keeps.
    pub const TIMED_OUT: Permissions = Permissions(Permissions::VIEW_CHANNEL.0 | Permissions::READ_HISTORY.0);

    /// Whether every permission of `other` is in this set.
    pub const fn contains(self, other: Permissions) -> bool {
        self.0 & other.0 == other.0
    }
    /// The names in the set, in the order of bits.
    pub fn names(self) -> Vec<&'static str> {
        Permissions::NAMED.iter().filter(|(_, one)| self.contains(*one)).map(|(name, _)| *name).collect()
    }
    /// The permission of this name.
    pub fn named(name: &str) -> Option<Permissions> {
        Permissions::NAMED.iter().find(|(known, _)| *known == name).map(|(_, one)| *one)
    }
    /// The first name in the set: what a refusal says is missing.
    pub fn first_name(self) -> &'static str {
        Permissions::NAMED.iter().find(|(_, one)| self.contains(*one)).map_or("NONE", |(name, _)| name)
    }
}

impl BitOr for Permissions {
    type Output = Permissions;
    fn bitor(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }
}
impl BitOrAssign for Permissions {
    fn bitor_assign(&mut self, other: Permissions) {
        self.0 |= other.0;
    }
}
impl BitAnd for Permissions {
    type Output = Permissions;
    fn bitand(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }
}
impl Not for Permissions {
    type Output = Permissions;
    fn not(self) -> Permissions {
        Permissions(Permissions::ALL.0 & !self.0)
    }
}
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
/// Read from a list of names, as requests give them.
impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().try_fold(Permissions::NONE, |set, name| match Permissions::named(name) {
            Some(one) => Ok(set | one),
            None => Err(serde::de::Error::custom(format!("no permission is called {name:?}"))),
        })
    }
}
impl utoipa::PartialSchema for Permissions {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
        let name = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .enum_values(Some(Permissions::NAMED.iter().map(|(name, _)| *name)));
        ArrayBuilder::new().items(name).into()
    }
}
impl utoipa::ToSchema for Permissions {
    fn name() -> std::borrow::Cow<'static, str> {
        "PermissionNames".into()
    }
}
