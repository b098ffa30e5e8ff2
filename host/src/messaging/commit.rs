//! Messages as data: whatever waits is written together, in the log's transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::store::{self, NewMessage};
use crate::error::Result;
use crate::id::{ChannelId, GuildId, MessageId, StreamId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

/// How long a nonce stands for its message.
pub(super) const NONCE_GOOD: Duration = Duration::from_secs(24 * 3600);

/// A message that waits for its transaction.
pub struct Pending {
    /// The stream of its channel.
    pub stream: StreamId,
    /// The row to store.
    pub message: NewMessage,
    /// What everybody receives, as JSON.
    pub payload: Arc<str>,
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

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in the log.
    Written,
    /// Its author sent it before: this is the first one.
    Repeated(MessageId),
    /// The guild's rules changed meanwhile: it must be allowed anew.
    RulesMoved,
}

impl Pending {
    /// Tells whoever waits how the transaction ended.
    pub fn answer(self, ended: Result<()>) {
        if let Some(answer) = self.answer {
            // Nobody listens if the client has gone; the message stands all the same.
            let _ = answer.send(ended.map(|()| self.outcome));
        }
    }
}

/// Writes what may be written, and notes for each message what became of it.
pub async fn write(tx: &mut Tx, messages: &mut [Pending]) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    note_moved_rules(tx, messages).await?;
    note_repeats(tx, messages).await?;
    for pending in messages.iter_mut().filter(|pending| pending.outcome == Outcome::Written) {
        tx.on_behalf_of(Some(pending.message.author_id), pending.request_id.clone());
        let event = NewEvent::encoded(EventKind::MessageCreated, pending.stream, pending.payload.clone());
        pending.message.position = tx.append(event.in_channel(pending.message.channel_id))?;
    }
    let written: Vec<&NewMessage> =
        messages.iter().filter(|pending| pending.outcome == Outcome::Written).map(|pending| &pending.message).collect();
    store::insert(tx, &written).await?;
    Ok(())
}

async fn note_moved_rules(tx: &mut Tx, messages: &mut [Pending]) -> Result<()> {
    let versions = versions(tx, messages.iter().filter_map(|pending| pending.allowed_under)).await?;
    for pending in messages {
        if moved(pending.allowed_under, &versions) {
            pending.outcome = Outcome::RulesMoved;
        }
    }
    Ok(())
}

/// The versions that the rules of these guilds have now.
pub(super) async fn versions(
    tx: &mut Tx,
    allowed_under: impl Iterator<Item = (GuildId, i64)>,
) -> Result<HashMap<GuildId, i64>> {
    let mut guilds: Vec<GuildId> = allowed_under.map(|(guild, _)| guild).collect();
    guilds.sort_unstable();
    guilds.dedup();
    Ok(store::access_versions(tx, &guilds).await?.into_iter().collect())
}

/// Whether the rules under which something was allowed are others by now.
pub(super) fn moved(allowed_under: Option<(GuildId, i64)>, versions: &HashMap<GuildId, i64>) -> bool {
    allowed_under.is_some_and(|(guild, version)| versions.get(&guild) != Some(&version))
}

async fn note_repeats(tx: &mut Tx, messages: &mut [Pending]) -> Result<()> {
    let wanted: Vec<(UserId, ChannelId, &str)> =
        messages.iter().filter_map(|pending| pending.message.nonce_key()).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let forgotten = tx.now.before(NONCE_GOOD);
    let mut first: HashMap<(UserId, ChannelId, String), MessageId> = HashMap::new();
    for (id, author, channel, nonce) in store::by_nonces(tx, &wanted).await? {
        if id.created_at() < forgotten {
            store::forget_nonce(tx, id).await?;
        } else {
            first.insert((author, channel, nonce), id);
        }
    }
    for pending in messages.iter_mut().filter(|pending| pending.outcome == Outcome::Written) {
        let Some((author, channel, nonce)) = pending.message.nonce_key() else { continue };
        match first.get(&(author, channel, nonce.to_owned())) {
            Some(&id) => pending.outcome = Outcome::Repeated(id),
            None => drop(first.insert((author, channel, nonce.to_owned()), pending.message.id)),
        }
    }
    Ok(())
}
