//! Reactions as data: whatever waits is written together, in the log's transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::commit;
use super::store::{FLAG_REACTED, marks};
use crate::channels::Permissions;
use crate::error::{Code, Error, Result};
use crate::id::{ChannelId, GuildId, MessageId, StreamId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

/// The most different emoji on one message.
const MAX_DISTINCT: usize = 20;

/// A reaction that waits for its transaction.
pub struct Reaction {
    /// The stream of its channel.
    pub stream: StreamId,
    /// What is left on which message, by whom.
    pub mark: Mark,
    /// Whether its author may leave an emoji that nobody has left yet.
    pub may_be_first: bool,
    /// The version of the guild's rules under which it was allowed; nothing if that was settled in
    /// this very transaction.
    pub allowed_under: Option<(GuildId, i64)>,
    /// The request that it came with.
    pub request_id: Option<Arc<str>>,
    /// What became of it, once it was written.
    pub outcome: Outcome,
    /// Who waits for it.
    pub answer: Option<oneshot::Sender<Result<Outcome>>>,
}

/// One person's reaction to a message: the body of `reaction_added` and `reaction_removed`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Reaction)]
pub struct Mark {
    /// The message.
    pub message_id: MessageId,
    /// Where it stands.
    pub channel_id: ChannelId,
    /// The guild of that channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// Who reacted.
    pub user_id: UserId,
    /// With what.
    pub emoji: String,
}

/// What became of a reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in the log.
    Added,
    /// It was there already.
    There,
    /// The message is gone.
    Gone,
    /// Nobody has left this emoji yet, and this one may not be the first.
    MayNotBeFirst,
    /// The message bears as many emoji as it may.
    Full,
    /// The guild's rules changed meanwhile: it must be allowed anew.
    RulesMoved,
}

impl Outcome {
    /// Whether it is new; a refusal if it doesn't stand.
    pub fn is_new(self) -> Result<bool> {
        match self {
            Outcome::Added => Ok(true),
            Outcome::There => Ok(false),
            Outcome::Gone => Err(Code::NotFound.into()),
            Outcome::MayNotBeFirst => Err(Error::missing(Permissions::ADD_REACTIONS.first_name())),
            Outcome::Full => Err(Error::limit("reactions", MAX_DISTINCT)),
            Outcome::RulesMoved => Err(Code::Unavailable.into()),
        }
    }
}

impl Reaction {
    /// Tells whoever waits how the transaction ended.
    pub fn answer(self, ended: Result<()>) {
        if let Some(answer) = self.answer {
            // Nobody listens if the client has gone; the reaction stands all the same.
            let _ = answer.send(ended.map(|()| self.outcome));
        }
    }
}

/// The emoji of messages, as far as the waiting reactions ask.
#[derive(Default)]
struct Found {
    /// Messages that stand, and whether somebody has reacted to them before.
    messages: HashMap<MessageId, bool>,
    /// Emoji that somebody has left on a message.
    there: HashSet<(MessageId, String)>,
    /// How many different emoji a message bears; looked up for those that are to get a new one.
    distinct: HashMap<MessageId, usize>,
}

/// Writes what may be written, and notes for each reaction what became of it.
pub async fn write(tx: &mut Tx, reactions: &mut [Reaction]) -> Result<()> {
    if reactions.is_empty() {
        return Ok(());
    }
    let versions = commit::versions(tx, reactions.iter().filter_map(|reaction| reaction.allowed_under)).await?;
    let mut found = look(tx, reactions).await?;
    for reaction in reactions.iter_mut() {
        reaction.outcome = match commit::moved(reaction.allowed_under, &versions) {
            true => Outcome::RulesMoved,
            false => judge(tx, reaction, &mut found).await?,
        };
    }
    let wanted = || reactions.iter().filter(|reaction| reaction.outcome == Outcome::Added).map(|one| &one.mark);
    let keys: Vec<(MessageId, &str, UserId)> =
        wanted().map(|mark| (mark.message_id, mark.emoji.as_str(), mark.user_id)).collect();
    let now = tx.now;
    let mut new: HashSet<(MessageId, String, UserId)> =
        marks::insert_reactions(tx, &keys, now).await?.into_iter().collect();
    let mut unflagged: Vec<MessageId> =
        wanted().map(|mark| mark.message_id).filter(|id| found.messages.get(id) == Some(&false)).collect();
    unflagged.sort_unstable();
    unflagged.dedup();
    marks::flag(tx, &unflagged, FLAG_REACTED).await?;
    for reaction in reactions.iter_mut().filter(|reaction| reaction.outcome == Outcome::Added) {
        let Mark { message_id, user_id, channel_id, .. } = reaction.mark;
        if new.remove(&(message_id, reaction.mark.emoji.clone(), user_id)) {
            tx.on_behalf_of(Some(user_id), reaction.request_id.clone());
            let event = NewEvent::new(EventKind::ReactionAdded, reaction.stream, &reaction.mark)?;
            tx.append(event.in_channel(channel_id))?;
        } else {
            reaction.outcome = Outcome::There;
        }
    }
    Ok(())
}

async fn look(tx: &mut Tx, reactions: &[Reaction]) -> Result<Found> {
    let asked: Vec<(MessageId, &str)> =
        reactions.iter().map(|reaction| (reaction.mark.message_id, reaction.mark.emoji.as_str())).collect();
    let mut found = Found::default();
    for row in marks::reacted(tx, &asked).await? {
        if row.deleted_at.is_none() {
            found.messages.insert(row.id, row.flags & FLAG_REACTED != 0);
        }
        if row.there {
            found.there.insert((row.id, row.emoji));
        }
    }
    Ok(found)
}

/// Whether a reaction may stand, given those before it.
async fn judge(tx: &mut Tx, reaction: &Reaction, found: &mut Found) -> Result<Outcome> {
    let key = (reaction.mark.message_id, reaction.mark.emoji.clone());
    if !found.messages.contains_key(&key.0) {
        return Ok(Outcome::Gone);
    }
    if found.there.contains(&key) {
        return Ok(Outcome::Added);
    }
    if !reaction.may_be_first {
        return Ok(Outcome::MayNotBeFirst);
    }
    let distinct = match found.distinct.get(&key.0) {
        Some(&distinct) => distinct,
        None => marks::distinct_emoji(tx, key.0).await? as usize,
    };
    if distinct >= MAX_DISTINCT {
        return Ok(Outcome::Full);
    }
    found.distinct.insert(key.0, distinct + 1);
    found.there.insert(key);
    Ok(Outcome::Added)
}
