//! The one rule that says which permissions a member has where.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use smallvec::SmallVec;

use super::Permissions;
use crate::clock::Timestamp;
use crate::closed_set;
use crate::id::{ChannelId, GuildId, MessageId, RoleId, UserId};

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
    /// How many may be in it at once, for a voice channel; 0 for any number.
    pub user_limit: i64,
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
    /// `role_overwrites`, `member_overwrite`, `hidden`, `timeout`; `direct` outside of guilds.
    pub rule: &'static str,
    /// Where the rule stands: the id of a role, a channel or a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What it added, by name.
    pub allowed: Vec<&'static str>,
    /// What it took away, by name.
    pub denied: Vec<&'static str>,
}

impl Step {
    /// What people may do in a direct or group channel is the same for all of them.
    pub(super) fn direct(allowed: Permissions) -> Step {
        step("direct", None, allowed, Permissions::NONE)
    }
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
        let mut granted = if base.contains(Permissions::ADMINISTRATOR) {
            note(&|| step("administrator", None, Permissions::ALL, Permissions::NONE));
            Permissions::ALL
        } else {
            self.overwritten(base, member, channel, note)
        };
        if member.is_timed_out(now) {
            note(&|| step("timeout", None, Permissions::NONE, granted & !Permissions::TIMED_OUT));
            granted = granted & Permissions::TIMED_OUT;
        }
        granted
    }

    fn overwritten(
        &self,
        base: Permissions,
        member: &MemberRules,
        channel: Option<ChannelId>,
        note: &mut dyn FnMut(&dyn Fn() -> Step),
    ) -> Permissions {
        let mut granted = base;
        for rule in channel.into_iter().flat_map(|channel| self.inheritance(channel)) {
            granted = self.overwrite(granted, rule, member, note);
        }
        if channel.is_some() && !granted.contains(Permissions::VIEW_CHANNEL) {
            note(&|| step("hidden", None, Permissions::NONE, granted));
            return Permissions::NONE;
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
    /// Members who are an exception somewhere, and the owner: what they see is theirs alone.
    pub fn exceptions(&self) -> HashSet<UserId> {
        let overwrites = self.channels.values().flat_map(|channel| &channel.overwrites);
        let members = overwrites.filter(|one| one.kind == OverwriteKind::Member).map(|one| UserId(one.target));
        members.chain([self.owner]).collect()
    }

    /// A key that members share who see the same; nothing for those who are an exception somewhere.
    pub fn alike(&self, exceptions: &HashSet<UserId>, member: &MemberRules) -> Option<Vec<i64>> {
        if exceptions.contains(&member.user) {
            return None;
        }
        let mut key: Vec<i64> = member.roles.iter().map(|role| role.0).collect();
        key.sort_unstable();
        Some(key)
    }
}

/// The exceptions of a channel that must do without its category from now on: its own, and what of
/// the category's can be kept without giving anybody more than before.
///
/// The category's came first and the channel's had the last word, which one list can't say. So of
/// what the category allowed only that is kept which the channel denies nobody.
pub fn without_category(category: &[Overwrite], own: &[Overwrite]) -> Vec<Overwrite> {
    let denied = own.iter().fold(Permissions::NONE, |denied, one| denied | one.deny);
    let mut merged: Vec<Overwrite> = own.to_vec();
    for outer in category {
        let allow = outer.allow & !denied;
        match merged.iter_mut().find(|one| one.target == outer.target) {
            Some(one) => {
                one.deny |= outer.deny & !one.allow;
                one.allow |= allow;
            }
            None => merged.push(Overwrite { allow, ..*outer }),
        }
    }
    merged
}
