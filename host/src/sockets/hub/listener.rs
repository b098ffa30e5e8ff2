//! What one session wants of a stream, and what of it the session may see.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::Handle;
use super::tail::Told;
use crate::channels::{GuildRules, MemberRules, Permissions};
use crate::error::Result;
use crate::id::{ChannelId, GuildId, UserId};
use crate::log::{Audience, Entry, EventKind};
use crate::sockets::event::{Event, Moment};
use crate::sockets::outbox::Out;

/// A session that listens to a stream.
#[derive(Clone)]
pub(super) struct Listener {
    /// Whose session.
    pub handle: Arc<Handle>,
    /// What it wants.
    pub interest: Interest,
    /// What it may see of a guild; nothing for other streams, where all is seen.
    pub sight: Option<Sight>,
}

/// What a session may see of a guild, and why.
#[derive(Clone)]
pub(super) struct Sight {
    /// The version of the guild's rules that it follows from.
    pub version: i64,
    /// The member's part of the rules.
    pub member: Arc<MemberRules>,
    /// What is the same for all who see the same; nothing for one who is an exception somewhere.
    pub key: Option<Vec<i64>>,
    /// What follows from it.
    pub visible: Arc<Visible>,
}

/// What members with the same roles see of a guild.
pub(super) struct Visible {
    channels: HashSet<ChannelId>,
    /// Those among them where they hold `MANAGE_MESSAGES`.
    moderated: HashSet<ChannelId>,
    permissions: Permissions,
}

/// Which of what it may see a session wants.
#[derive(Debug, Clone, Default)]
pub struct Interest {
    /// All of the stream.
    pub whole: bool,
    /// These channels, if not all.
    pub joined: Vec<ChannelId>,
    /// Not these.
    pub muted: Vec<ChannelId>,
}

impl Sight {
    /// What a member sees by these rules.
    pub fn of(rules: &GuildRules, member: &Arc<MemberRules>) -> Sight {
        let key = rules.alike(&rules.exceptions(), member);
        let visible = Visible::of(rules, member).into();
        Sight { version: rules.version, member: member.clone(), key, visible }
    }

    /// Looks again by newer rules; shares what is the same with those in `alike`. Answers what was seen before.
    pub fn renew(
        &mut self,
        rules: &GuildRules,
        exceptions: &HashSet<UserId>,
        alike: &mut HashMap<Vec<i64>, Arc<Visible>>,
    ) -> Arc<Visible> {
        self.version = rules.version;
        self.key = rules.alike(exceptions, &self.member);
        let visible = match &self.key {
            Some(key) => match alike.get(key) {
                Some(visible) => visible.clone(),
                None => alike.entry(key.clone()).or_insert(Visible::of(rules, &self.member).into()).clone(),
            },
            None => Visible::of(rules, &self.member).into(),
        };
        std::mem::replace(&mut self.visible, visible)
    }
}

impl Interest {
    /// Wants a channel, too.
    pub fn join(&mut self, channel: ChannelId) {
        self.muted.retain(|muted| *muted != channel);
        if !self.joined.contains(&channel) {
            self.joined.push(channel);
        }
    }

    /// Wants a channel no longer, even if it wants all else.
    pub fn mute(&mut self, channel: ChannelId) {
        self.joined.retain(|joined| *joined != channel);
        if self.whole && !self.muted.contains(&channel) {
            self.muted.push(channel);
        }
    }

    /// Whether its client has a channel before it, muted or not.
    fn knows(&self, channel: ChannelId) -> bool {
        self.whole || self.joined.contains(&channel)
    }

    fn wants(&self, channel: Option<ChannelId>) -> bool {
        match channel {
            None => self.whole,
            Some(channel) => (self.whole || self.joined.contains(&channel)) && !self.muted.contains(&channel),
        }
    }
}

impl Listener {
    /// A session that wants all of a stream in which everything is seen.
    pub fn to_all(handle: &Arc<Handle>) -> Listener {
        let interest = Interest { whole: true, ..Interest::default() };
        Listener { handle: handle.clone(), interest, sight: None }
    }

    /// Whether it receives what stands in a channel, or in none.
    pub fn sees(&self, channel: Option<ChannelId>) -> bool {
        let visible = match (&self.sight, channel) {
            (Some(sight), Some(channel)) => sight.visible.channels.contains(&channel),
            _ => true,
        };
        visible && self.interest.wants(channel)
    }

    /// Whether it receives a row of the log.
    pub fn receives(&self, entry: &Entry) -> bool {
        self.receives_like(entry, &mut None)
    }

    /// The same; remembers for those who come next and see the same what was found out about the last.
    pub fn receives_like(&self, entry: &Entry, alike: &mut Option<(*const Visible, bool)>) -> bool {
        if !self.interest.wants(entry.channel) {
            return false;
        }
        let Some(sight) = &self.sight else { return entry.kind.audience() != Audience::Nobody };
        let visible = Arc::as_ptr(&sight.visible);
        match alike {
            Some((last, receives)) if *last == visible => *receives,
            _ => {
                let receives = sight.visible.shows(entry);
                *alike = Some((visible, receives));
                receives
            }
        }
    }

    /// Tells a session which channels it sees no longer, because of these rows of the log and before
    /// anything else; answers which it sees from now on.
    pub fn tell_hidden(&self, guild: GuildId, before: &Visible, rows: &[Told]) -> Result<Vec<ChannelId>> {
        let Some(sight) = &self.sight else { return Ok(Vec::new()) };
        if std::ptr::eq(before, &*sight.visible) {
            return Ok(Vec::new());
        }
        // A channel's own creation tells that it comes, and its own deletion that it goes: to those who want to hear
        // of it. Sight itself is told of muted channels as well, for clients still show them.
        let told = |kind: EventKind, channel: ChannelId| {
            let says_so = |told: &Told| told.entry.kind == kind && told.entry.channel == Some(channel);
            let wanted = self.interest.wants(Some(channel));
            !self.interest.knows(channel) || (wanted && rows.iter().any(says_so))
        };
        let mut lost: Vec<ChannelId> = before.channels.difference(&sight.visible.channels).copied().collect();
        lost.sort_unstable();
        for channel_id in lost.into_iter().filter(|channel| !told(EventKind::ChannelDeleted, *channel)) {
            self.handle.outbox.push(Out::Event(hidden(Some(guild), channel_id, Some(sight.version))?));
        }
        let gained = sight.visible.channels.difference(&before.channels).copied();
        let mut gained: Vec<ChannelId> = gained.filter(|channel| !told(EventKind::ChannelCreated, *channel)).collect();
        gained.sort_unstable();
        Ok(gained)
    }

    /// Tells a session that wants some channels of a guild that they are gone with the guild. One that wants all of it
    /// has heard so by the row itself.
    pub fn tell_gone(&self, guild: GuildId) -> Result<()> {
        let Some(sight) = self.sight.as_ref().filter(|_| !self.interest.whole) else { return Ok(()) };
        for &channel in self.interest.joined.iter().filter(|channel| sight.visible.channels.contains(channel)) {
            self.handle.outbox.push(Out::Event(hidden(Some(guild), channel, Some(sight.version))?));
        }
        Ok(())
    }
}

/// The body of `channel_hidden`.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelHidden)]
pub(in crate::sockets) struct Hidden {
    /// None for direct messages and groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_id: Option<GuildId>,
    channel_id: ChannelId,
}

/// What tells somebody that they see a channel no longer, by this version of its guild's rules.
pub(super) fn hidden(guild_id: Option<GuildId>, channel_id: ChannelId, version: Option<i64>) -> Result<Arc<Event>> {
    let body = serde_json::to_string(&Hidden { guild_id, channel_id })?;
    let rules = guild_id.zip(version).map(|(guild, version)| (guild.into(), version));
    Ok(Event::by_rules(Moment::ChannelHidden, rules, body.into()))
}

impl Visible {
    /// Whether those who see this may receive a row of the log.
    fn shows(&self, entry: &Entry) -> bool {
        let allowed = match entry.kind.audience() {
            Audience::Nobody => false,
            Audience::Holders(needed) => self.permissions.contains(needed),
            Audience::Moderators => entry.channel.is_some_and(|channel| self.moderated.contains(&channel)),
            Audience::All => true,
        };
        allowed && entry.channel.is_none_or(|channel| self.channels.contains(&channel))
    }

    /// What a member sees by the rules.
    pub fn of(rules: &GuildRules, member: &MemberRules) -> Visible {
        // Whether a member is timed out makes no difference to what they see.
        let member = &MemberRules { timed_out_until: None, ..member.clone() };
        let now = crate::clock::Timestamp(0);
        let (mut channels, mut moderated) = (HashSet::new(), HashSet::new());
        for &channel in rules.channels.keys() {
            let permissions = rules.resolve(member, Some(channel), now);
            if permissions.contains(Permissions::VIEW_CHANNEL) {
                channels.insert(channel);
                if permissions.contains(Permissions::MANAGE_MESSAGES) {
                    moderated.insert(channel);
                }
            }
        }
        Visible { channels, moderated, permissions: rules.resolve(member, None, now) }
    }
}
