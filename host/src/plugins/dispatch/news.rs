//! What a row of the log says, as plugins are told of it.

use serde::Deserialize;

use crate::channels::{GuildRules, MemberRules};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{ChannelId, MessageId, UserId};
use crate::log::{Entry, EventKind};
use crate::plugins::contract::{on_reaction, types};
use crate::plugins::convert;
use crate::plugins::input::Input;
use crate::plugins::manifest::Hook;

/// What a row says.
pub enum News {
    /// A message was sent, or edited.
    Message(Box<types::Message>, bool),
    /// Messages are gone.
    Gone(Vec<MessageId>),
    /// Somebody reacted, or did so no longer.
    Reaction(on_reaction::Reaction, bool),
    /// Somebody has come or gone, or is another.
    Member(UserId, Box<Input>),
    /// Somebody came into a voice channel, went to another or left one: who, from where, to where.
    Voice(UserId, Option<ChannelId>, Option<ChannelId>),
}

/// The hook that a kind of row is for, where each is told by itself.
pub fn hook(kind: EventKind) -> Option<Hook> {
    Some(match kind {
        EventKind::MessageCreated
        | EventKind::MessageUpdated
        | EventKind::MessageDeleted
        | EventKind::MessagesDeleted => Hook::OnMessage,
        EventKind::ReactionAdded | EventKind::ReactionRemoved => Hook::OnReaction,
        EventKind::MemberJoined | EventKind::MemberLeft | EventKind::MemberUpdated => Hook::OnMember,
        EventKind::VoiceState => Hook::OnVoice,
        _ => return None,
    })
}

impl News {
    /// Reads a row, which is one of those that have a hook; nothing if it says nothing to plugins. `rules` are
    /// those of its guild.
    pub fn read(
        before: Option<&Entry>,
        row: &Entry,
        after: Option<&Entry>,
        rules: &GuildRules,
    ) -> Result<Option<News>> {
        let payload = &*row.payload;
        Ok(Some(match row.kind {
            EventKind::MessageCreated | EventKind::MessageUpdated => {
                let edited = row.kind == EventKind::MessageUpdated;
                News::Message(Box::new(convert::logged_message(payload)?), edited)
            }
            EventKind::MessageDeleted => News::Gone(vec![serde_json::from_str::<One>(payload)?.id]),
            EventKind::MessagesDeleted => News::Gone(serde_json::from_str::<Many>(payload)?.ids),
            EventKind::ReactionAdded | EventKind::ReactionRemoved => {
                let mark: Mark = serde_json::from_str(payload)?;
                News::Reaction(mark.into(), row.kind == EventKind::ReactionAdded)
            }
            EventKind::MemberJoined | EventKind::MemberUpdated => {
                let member = convert::logged_member(payload, |user, roles| {
                    let roles = roles.iter().copied().collect();
                    rules.resolve(&MemberRules { user, roles, timed_out_until: None }, None, row.at)
                })?;
                let user = UserId(member.user.id as i64);
                let joined = row.kind == EventKind::MemberJoined;
                News::Member(
                    user,
                    Box::new(if joined { Input::MemberJoined(member) } else { Input::MemberUpdated(member) }),
                )
            }
            EventKind::MemberLeft => {
                let user = convert::logged_user(payload)?;
                News::Member(UserId(user.id as i64), Box::new(Input::MemberLeft(user)))
            }
            EventKind::VoiceState => return voice(before, row, after),
            _ => return Ok(None),
        }))
    }
}

#[derive(Deserialize)]
struct One {
    id: MessageId,
}

#[derive(Deserialize)]
struct Many {
    ids: Vec<MessageId>,
}

#[derive(Deserialize)]
struct Mark {
    message_id: MessageId,
    channel_id: ChannelId,
    user_id: UserId,
    emoji: String,
}

impl From<Mark> for on_reaction::Reaction {
    fn from(mark: Mark) -> on_reaction::Reaction {
        on_reaction::Reaction {
            channel: mark.channel_id.0 as u64,
            message: mark.message_id.0 as u64,
            user: mark.user_id.0 as u64,
            emoji: mark.emoji,
        }
    }
}

#[derive(Deserialize)]
struct State {
    user_id: UserId,
    channel_id: Option<ChannelId>,
    joined_at: Timestamp,
}

impl State {
    /// What a row says of the one who is meant, if it is of the same moment in the same guild.
    fn beside(other: Option<&Entry>, row: &Entry, user: UserId) -> Result<Option<State>> {
        let beside = |other: &&Entry| other.kind == row.kind && other.stream == row.stream && other.at == row.at;
        let Some(other) = other.filter(beside) else { return Ok(None) };
        let state: State = serde_json::from_str(&other.payload)?;
        Ok(Some(state).filter(|state| state.user_id == user))
    }

    /// Whether this row is the one that tells that they came.
    fn came(&self, at: Timestamp) -> bool {
        self.channel_id.is_some() && self.joined_at == at
    }
}

/// Whoever goes from one channel to another leaves two rows, one after the other: the first is told as both.
fn voice(before: Option<&Entry>, row: &Entry, after: Option<&Entry>) -> Result<Option<News>> {
    let state: State = serde_json::from_str(&row.payload)?;
    let user = state.user_id;
    if state.channel_id.is_none() {
        let next = State::beside(after, row, user)?.filter(|next| next.came(row.at));
        return Ok(Some(News::Voice(user, row.channel, next.and_then(|next| next.channel_id))));
    }
    let told = State::beside(before, row, user)?.is_some_and(|before| before.channel_id.is_none());
    Ok((state.came(row.at) && !told).then_some(News::Voice(user, None, state.channel_id)))
}
