//! Permissions as a set of bits, and the one rule that says which of them a member has where.

use std::collections::HashMap;
use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::clock::Timestamp;
use crate::closed_set;
use crate::id::{ChannelId, GuildId, MessageId, RoleId, UserId};

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
    pub const NEW_GUILD: Permissions = Permissions((1 << 14) - 1 & !(1 << 7));
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

closed_set! {
    /// The kinds of channel.
    pub enum ChannelKind {
        /// People talk.
        Text = "text",
        /// Few talk, many read.
        Announcement = "announcement",
        /// Every post is a thread.
        Forum = "forum",
        /// A branch of a text, announcement or forum channel.
        Thread = "thread",
        /// People speak.
        Voice = "voice",
        /// A heading that others inherit from.
        Category = "category",
        /// Two people.
        Direct = "direct",
        /// Several people, outside of guilds.
        Group = "group",
    }
}

closed_set! {
    /// What an overwrite is for.
    pub enum OverwriteKind {
        /// All members with a role.
        Role = "role",
        /// One member.
        Member = "member",
    }
}

/// An exception for one role or member in one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overwrite {
    /// The role's or the member's id.
    pub target: i64,
    /// Which of the two it is.
    pub kind: OverwriteKind,
    /// What it adds.
    pub allow: Permissions,
    /// What it takes away.
    pub deny: Permissions,
}

/// What of a role decides permissions.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleRule {
    /// Its place in the hierarchy; `@everyone` has 0.
    pub position: i64,
    /// What its members may do.
    pub permissions: Permissions,
    /// Whether anybody may mention it.
    pub mentionable: bool,
}

/// What of a channel decides permissions.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelRule {
    /// Its kind.
    pub kind: ChannelKind,
    /// The category it is in or, for a thread, the channel it branches from.
    pub parent: Option<ChannelId>,
    /// Whether its parent's overwrites apply before its own.
    pub inherits: bool,
    /// Seconds that a member must wait between messages.
    pub slowmode_seconds: i64,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether only those who manage threads may write or wake it.
    pub locked: bool,
    /// Who started it, for a thread.
    pub owner: Option<UserId>,
    /// The message that it branches from, for a thread.
    pub starter: Option<MessageId>,
    /// Its exceptions.
    pub overwrites: Vec<Overwrite>,
}

/// All of a guild that decides permissions.
#[derive(Debug, Clone, PartialEq)]
pub struct GuildRules {
    /// The guild.
    pub id: GuildId,
    /// The version of these rules, raised by every change to them.
    pub version: i64,
    /// Who may do everything.
    pub owner: UserId,
    /// What the guild asks of those who speak.
    pub verification: Verification,
    /// Its roles, `@everyone` among them.
    pub roles: HashMap<RoleId, RoleRule>,
    /// Its channels and threads.
    pub channels: HashMap<ChannelId, ChannelRule>,
}

closed_set! {
    /// What a guild asks of members before they may speak.
    pub enum Verification {
        /// Nothing.
        None = "none",
        /// A verified e-mail address.
        Email = "email",
    }
}

/// What of a member decides permissions.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRules {
    /// Who it is.
    pub user: UserId,
    /// Their roles, without `@everyone`.
    pub roles: SmallVec<[RoleId; 4]>,
    /// Until when they may only read.
    pub timed_out_until: Option<Timestamp>,
}

/// One step on the way to a member's permissions, for `explain`.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Step {
    /// Which rule was applied: `owner`, `everyone`, `role`, `administrator`, `everyone_overwrite`,
    /// `role_overwrites`, `member_overwrite`, `timeout`, `hidden`.
    pub rule: &'static str,
    /// Where the rule stands: the id of a role, a channel or a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What it added, by name.
    pub allowed: Vec<&'static str>,
    /// What it took away, by name.
    pub denied: Vec<&'static str>,
}

impl MemberRules {
    /// Whether they are timed out at `now`.
    pub fn is_timed_out(&self, now: Timestamp) -> bool {
        self.timed_out_until.is_some_and(|until| now < until)
    }
}

impl GuildRules {
    /// What a member may do in the guild or, if a channel is named, there.
    ///
    /// The order of roles and overwrites makes no difference: within each step allowances and
    /// denials are united first.
    pub fn resolve(&self, member: &MemberRules, channel: Option<ChannelId>, now: Timestamp) -> Permissions {
        self.walk(member, channel, now, &mut |_| {})
    }

    /// The same, with every step that led there.
    pub fn explain(
        &self,
        member: &MemberRules,
        channel: Option<ChannelId>,
        now: Timestamp,
    ) -> (Permissions, Vec<Step>) {
        let mut steps = Vec::new();
        let resolved = self.walk(member, channel, now, &mut |step| steps.push(step()));
        (resolved, steps)
    }

    /// The place of a member's highest role; the owner stands above all.
    pub fn top_position(&self, member: &MemberRules) -> i64 {
        if member.user == self.owner {
            return i64::MAX;
        }
        member.roles.iter().filter_map(|role| self.roles.get(role)).map(|role| role.position).max().unwrap_or(0)
    }

    fn walk(
        &self,
        member: &MemberRules,
        channel: Option<ChannelId>,
        now: Timestamp,
        note: &mut dyn FnMut(&dyn Fn() -> Step),
    ) -> Permissions {
        if member.user == self.owner {
            note(&|| step("owner", Some(self.owner.0), Permissions::ALL, Permissions::NONE));
            return Permissions::ALL;
        }
        let base = self.base(member, note);
        if base.contains(Permissions::ADMINISTRATOR) {
            note(&|| step("administrator", None, Permissions::ALL, Permissions::NONE));
            return Permissions::ALL;
        }
        let mut granted = base;
        for rule in channel.into_iter().flat_map(|channel| self.inheritance(channel)) {
            granted = self.overwrite(granted, rule, member, note);
        }
        if channel.is_some() && !granted.contains(Permissions::VIEW_CHANNEL) {
            note(&|| step("hidden", None, Permissions::NONE, granted));
            return Permissions::NONE;
        }
        if member.is_timed_out(now) {
            note(&|| step("timeout", None, Permissions::NONE, granted & !Permissions::TIMED_OUT));
            granted = granted & Permissions::TIMED_OUT;
        }
        granted
    }

    fn base(&self, member: &MemberRules, note: &mut dyn FnMut(&dyn Fn() -> Step)) -> Permissions {
        let mut base = Permissions::NONE;
        for &role in std::iter::once(&self.id.everyone()).chain(&member.roles) {
            if let Some(rule) = self.roles.get(&role) {
                let name = if role == self.id.everyone() { "everyone" } else { "role" };
                note(&|| step(name, Some(role.0), rule.permissions, Permissions::NONE));
                base |= rule.permissions;
            }
        }
        base
    }

    /// The channels whose overwrites count for `channel`, outermost first: a thread's are those of
    /// its channel, a channel's come after its category's if it inherits.
    fn inheritance(&self, channel: ChannelId) -> SmallVec<[(ChannelId, &ChannelRule); 3]> {
        let mut chain = SmallVec::new();
        let mut next = Some(channel);
        // Thread, channel, category: data that says otherwise must not make this turn for ever.
        while let Some((id, rule)) = next.and_then(|id| self.channels.get(&id).map(|rule| (id, rule)))
            && chain.len() < 3
        {
            chain.insert(0, (id, rule));
            next = rule.parent.filter(|_| rule.inherits || rule.kind == ChannelKind::Thread);
        }
        chain
    }

    fn overwrite(
        &self,
        granted: Permissions,
        (id, channel): (ChannelId, &ChannelRule),
        member: &MemberRules,
        note: &mut dyn FnMut(&dyn Fn() -> Step),
    ) -> Permissions {
        let united = |applies: &dyn Fn(&Overwrite) -> bool| {
            channel
                .overwrites
                .iter()
                .filter(|one| applies(one))
                .fold((Permissions::NONE, Permissions::NONE), |(allow, deny), one| (allow | one.allow, deny | one.deny))
        };
        let everyone = self.id.0;
        let is_role = |one: &Overwrite| one.kind == OverwriteKind::Role;
        let steps = [
            ("everyone_overwrite", united(&|one| is_role(one) && one.target == everyone)),
            (
                "role_overwrites",
                united(&|one| is_role(one) && one.target != everyone && member.roles.contains(&RoleId(one.target))),
            ),
            ("member_overwrite", united(&|one| !is_role(one) && one.target == member.user.0)),
        ];
        steps.into_iter().fold(granted, |granted, (name, (allow, deny))| {
            if (allow | deny) != Permissions::NONE {
                note(&|| step(name, Some(id.0), allow, deny));
            }
            granted & !deny | allow
        })
    }
}

fn step(rule: &'static str, at: Option<i64>, allowed: Permissions, denied: Permissions) -> Step {
    Step { rule, at: at.map(|id| id.to_string()), allowed: allowed.names(), denied: denied.names() }
}

impl GuildRules {
    /// A key that members share who see the same; nothing for one who is an exception somewhere.
    pub fn alike(&self, member: &MemberRules) -> Option<Vec<i64>> {
        let is_exception = |one: &Overwrite| one.kind == OverwriteKind::Member && one.target == member.user.0;
        if member.user == self.owner
            || self.channels.values().any(|channel| channel.overwrites.iter().any(is_exception))
        {
            return None;
        }
        let mut key: Vec<i64> = member.roles.iter().map(|role| role.0).collect();
        key.sort_unstable();
        Some(key)
    }
}
