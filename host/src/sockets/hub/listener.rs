//! What one session wants of a stream, and what of it the session may see.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::Handle;
use crate::channels::{GuildRules, MemberRules, Permissions};
use crate::error::Result;
use crate::id::{ChannelId, GuildId, StreamId};
use crate::log::{Entry, EventKind};
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
    /// The member's part of the rules.
    pub member: Arc<MemberRules>,
    /// What follows from it.
    pub visible: Arc<Visible>,
}

/// What members with the same roles see of a guild.
pub(super) struct Visible {
    channels: HashSet<ChannelId>,
    permissions: Permissions,
}

/// Which of what it may see a session wants.
#[derive(Clone, Default)]
pub(super) struct Interest {
    /// All of the stream.
    pub whole: bool,
    /// These channels, if not all.
    pub joined: Vec<ChannelId>,
    /// Not these.
    pub muted: Vec<ChannelId>,
}

impl Interest {
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

    /// Whether its user holds these permissions in the guild.
    pub fn holds(&self, needed: Permissions) -> bool {
        self.sight.as_ref().is_none_or(|sight| sight.visible.permissions.contains(needed))
    }

    /// Tells a session which channels it sees no longer, and which it sees now, because of these rows
    /// of the log and before anything else.
    pub fn tell_difference(&self, before: &Visible, rows: &[Arc<Entry>]) -> Result<()> {
        let Some(sight) = &self.sight else { return Ok(()) };
        let guild_id = rows.first().map(|row| GuildId(row.stream.0));
        let lost = before.channels.difference(&sight.visible.channels).map(|channel| (Moment::ChannelHidden, *channel));
        let gained =
            sight.visible.channels.difference(&before.channels).map(|channel| (Moment::ChannelShown, *channel));
        // A channel's own creation and deletion tell that it comes and goes.
        let tells_itself =
            |row: &&Arc<Entry>| matches!(row.kind, EventKind::ChannelCreated | EventKind::ChannelDeleted);
        let told = |channel: ChannelId| rows.iter().filter(tells_itself).any(|row| row.channel == Some(channel));
        for (moment, channel_id) in lost.chain(gained).filter(|(_, channel)| !told(*channel)) {
            if self.interest.wants(Some(channel_id)) {
                let event = Event::ephemeral(moment, &InSight { guild_id, channel_id })?;
                self.handle.outbox.push(Out::Event(event));
            }
        }
        Ok(())
    }
}

/// The body of `channel_hidden` and `channel_shown`.
#[derive(Serialize)]
struct InSight {
    /// None for direct messages and groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_id: Option<GuildId>,
    channel_id: ChannelId,
}

/// What tells somebody that they are in a group no longer.
pub(super) fn direct_hidden(stream: StreamId) -> Result<Arc<Event>> {
    Event::ephemeral(Moment::ChannelHidden, &InSight { guild_id: None, channel_id: ChannelId(stream.0) })
}

impl Visible {
    /// What a member sees by the rules.
    pub fn of(rules: &GuildRules, member: &MemberRules) -> Visible {
        // Whether a member is timed out makes no difference to what they see.
        let member = &MemberRules { timed_out_until: None, ..member.clone() };
        let now = crate::clock::Timestamp(0);
        let sees = |channel: &ChannelId| rules.resolve(member, Some(*channel), now).contains(Permissions::VIEW_CHANNEL);
        Visible {
            channels: rules.channels.keys().copied().filter(sees).collect(),
            permissions: rules.resolve(member, None, now),
        }
    }
}
