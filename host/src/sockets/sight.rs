//! What a session may see of a stream, and which of that it wants.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::event::{Event, Moment};
use crate::channels::{GuildRules, MemberRules, Permissions};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{ChannelId, GuildId, StreamId};
use crate::log::{Entry, EventKind};

/// What a member sees of a guild.
#[derive(Clone)]
pub(super) struct Sight {
    pub member: Arc<MemberRules>,
    pub visible: Arc<Visible>,
}

/// What members with the same roles see of a guild.
pub(super) struct Visible {
    pub channels: HashSet<ChannelId>,
    pub permissions: Permissions,
}

impl Visible {
    /// What a member sees under these rules.
    pub fn of(rules: &GuildRules, member: &MemberRules) -> Visible {
        // Whether a member is timed out makes no difference to what they see.
        let member = &MemberRules { timed_out_until: None, ..member.clone() };
        let now = Timestamp(0);
        let sees = |channel: &ChannelId| rules.resolve(member, Some(*channel), now).contains(Permissions::VIEW_CHANNEL);
        Visible {
            channels: rules.channels.keys().copied().filter(sees).collect(),
            permissions: rules.resolve(member, None, now),
        }
    }
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
    /// Whether it wants what happens in a channel or, without one, in the stream.
    pub fn wants(&self, channel: Option<ChannelId>) -> bool {
        match channel {
            None => self.whole,
            Some(channel) => (self.whole || self.joined.contains(&channel)) && !self.muted.contains(&channel),
        }
    }
}

/// The body of `channel_hidden` and `channel_shown`.
#[derive(Serialize)]
struct InSight {
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_id: Option<GuildId>,
    channel_id: ChannelId,
}

/// What tells somebody that they are in a direct or group channel no longer.
pub(super) fn direct_hidden(stream: StreamId) -> Result<Arc<Event>> {
    let sight = InSight { guild_id: None, channel_id: ChannelId(stream.0) };
    Event::ephemeral(Moment::ChannelHidden, &sight)
}

/// What tells a session which channels of a guild it sees no longer, and which it sees now, because
/// of a row of the log.
pub(super) fn difference(before: &Visible, after: &Visible, row: &Entry, wants: &Interest) -> Result<Vec<Arc<Event>>> {
    let lost = before.channels.difference(&after.channels).map(|channel| (Moment::ChannelHidden, *channel));
    let gained = after.channels.difference(&before.channels).map(|channel| (Moment::ChannelShown, *channel));
    // A channel's own creation and deletion tell that it comes and goes.
    let tells_itself = matches!(row.kind, EventKind::ChannelCreated | EventKind::ChannelDeleted);
    let told = row.channel.filter(|_| tells_itself);
    lost.chain(gained)
        .filter(|(_, channel)| Some(*channel) != told && wants.wants(Some(*channel)))
        .map(|(moment, channel_id)| {
            let sight = InSight { guild_id: Some(GuildId(row.stream.0)), channel_id };
            Event::ephemeral(moment, &sight)
        })
        .collect()
}
