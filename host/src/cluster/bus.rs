//! The bus: what servers over one database tell each other beside the log.
//!
//! It is a hint. Whoever publishes never waits, and what is too much is dropped; whoever receives
//! takes everything as possibly lost, doubled, late or malformed. The log repairs what matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

#[cfg(any(test, feature = "simulation"))]
use super::channel::Channel;
use super::mirror::Said;
use super::nats::Nats;
use crate::error::Result;
use crate::http::limits::Spending;
use crate::id::{ChannelId, StreamId, UserId};
use crate::log::Entry;
use crate::log::feed::Hint;
use crate::sockets::event::Moment;
use crate::sockets::presence::Status;
use crate::sockets::voice::Spoken;

/// A batch of rows that is longer is told of by its heads alone.
const WHOLE_BATCH_BYTES: usize = 512 * 1024;
/// The longest message that is read at all.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// Messages that may wait to be sent; more are dropped.
const WAITING_TO_LEAVE: usize = 256;
/// Bytes that may wait to be sent; more are dropped.
const WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Messages that may wait to be taken in; more are dropped.
pub(super) const WAITING_TO_ENTER: usize = 1_024;

/// Whatever one server tells all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// Rows of the log that it has committed.
    Batch(Vec<Arc<Entry>>),
    /// How far its commit has moved shards of the log.
    Heads(Vec<(i64, i64)>),
    /// Something that those who listen to a channel are told, and that isn't logged.
    Ephemeral {
        /// The channel's stream.
        stream: StreamId,
        /// The channel.
        channel: ChannelId,
        /// What happened.
        moment: Moment,
        /// What happened in detail, as the JSON that clients receive.
        payload: String,
        /// Whom it is about; they aren't told, nor whoever shall not hear of them.
        about: UserId,
    },
    /// Somebody in a voice channel speaks, or doesn't any more.
    Spoken(Spoken),
    /// Who is how present at its sockets.
    Presence(Said<UserId, Status>),
    /// What its callers took out of their allowances.
    Spent(Vec<Spending>),
    /// A session goes on at one of its sockets: an older socket of it elsewhere is to close.
    Replace {
        /// Whose it is.
        user: UserId,
        /// The name of the session.
        session: i64,
    },
}

/// A message and the process that it comes from.
#[derive(Serialize, Deserialize)]
struct Envelope<M> {
    from: u64,
    message: M,
}

/// The way to other servers.
#[derive(Clone)]
pub enum Bus {
    /// There is none: the look at the log's heads has to do.
    Alone,
    /// NATS.
    Nats(Nats),
    /// Memory, for simulations.
    #[cfg(any(test, feature = "simulation"))]
    Channel(Channel),
}

/// How the bus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusState {
    /// None is wanted.
    Alone,
    /// It carries messages.
    Connected,
    /// It is away: what is published is dropped.
    Away,
}

impl Bus {
    /// Tells all other servers. It never waits, and nobody knows whether they hear it.
    pub fn publish(&self, message: Message) {
        match self {
            Bus::Alone => {}
            Bus::Nats(nats) => nats.publish(message),
            #[cfg(any(test, feature = "simulation"))]
            Bus::Channel(channel) => channel.publish(message),
        }
    }

    /// How it is.
    pub fn state(&self) -> BusState {
        match self {
            Bus::Alone => BusState::Alone,
            Bus::Nats(nats) if nats.is_connected() => BusState::Connected,
            Bus::Nats(_) => BusState::Away,
            #[cfg(any(test, feature = "simulation"))]
            Bus::Channel(_) => BusState::Connected,
        }
    }

    /// Whether nobody would hear anything.
    pub fn is_alone(&self) -> bool {
        matches!(self, Bus::Alone)
    }
}

/// What has arrived from other servers.
pub struct Arrivals(Option<mpsc::Receiver<Message>>);

impl Arrivals {
    /// Nothing, for ever.
    pub fn none() -> Arrivals {
        Arrivals(None)
    }

    pub(super) fn from(receiver: mpsc::Receiver<Message>) -> Arrivals {
        Arrivals(Some(receiver))
    }

    /// The next message; nothing once the bus is gone.
    pub async fn next(&mut self) -> Option<Message> {
        match &mut self.0 {
            Some(messages) => messages.recv().await,
            None => std::future::pending().await,
        }
    }
}

impl Message {
    /// Rows as the feeds of others want them.
    pub fn into_hint(self) -> Option<Hint> {
        match self {
            Message::Batch(rows) => Some(Hint::Rows(rows)),
            Message::Heads(heads) => Some(Hint::Heads(heads)),
            _ => None,
        }
    }

    /// What others are told of a commit: its rows or, where they are too long, how far they go.
    pub fn of_commit(entries: &[Arc<Entry>]) -> Message {
        let rows = Message::Batch(entries.to_vec());
        if rows.size() <= WHOLE_BATCH_BYTES {
            return rows;
        }
        let mut heads: Vec<(i64, i64)> = Vec::new();
        for entry in entries {
            match heads.iter_mut().find(|(shard, _)| *shard == entry.shard) {
                Some((_, head)) => *head = entry.position.max(*head),
                None => heads.push((entry.shard, entry.position)),
            }
        }
        Message::Heads(heads)
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        match self {
            Message::Batch(rows) => rows.iter().map(|row| row.payload.len() + 250).sum(),
            Message::Heads(heads) => heads.len() * 20,
            Message::Ephemeral { payload, .. } => payload.len() + 150,
            Message::Spoken(_) => 300,
            Message::Presence(said) => said.size(),
            Message::Spent(spendings) => spendings.len() * 80,
            Message::Replace { .. } => 80,
        }
    }

    /// Whether others may be told of what stands in it.
    fn is_sound(&self) -> bool {
        let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
        match self {
            Message::Batch(rows) => rows.iter().all(|row| row.position > 0 && is_json(&row.payload)),
            Message::Ephemeral { payload, .. } => is_json(payload),
            _ => true,
        }
    }
}

/// A message as it travels; nothing if it is too long.
pub(super) fn encode(from: u64, message: &Message) -> Result<Option<Bytes>> {
    let bytes = rmp_serde::to_vec_named(&Envelope { from, message }).map_err(anyhow::Error::from)?;
    Ok((bytes.len() <= MESSAGE_BYTES).then(|| bytes.into()))
}

/// What has arrived; nothing if it is our own, or can't be understood.
pub(super) fn decode(own: u64, bytes: &[u8]) -> Option<Message> {
    if bytes.len() > MESSAGE_BYTES {
        return None;
    }
    match rmp_serde::from_slice::<Envelope<Message>>(bytes) {
        Ok(envelope) if envelope.from == own => None,
        Ok(envelope) if envelope.message.is_sound() => Some(envelope.message),
        Ok(_) => {
            tracing::debug!("a message on the bus says what can't be");
            None
        }
        Err(error) => {
            tracing::debug!(%error, "a message on the bus can't be read");
            None
        }
    }
}

/// What waits to be sent, bounded by number and bytes.
#[derive(Clone)]
pub(super) struct Leaving {
    queue: mpsc::Sender<Message>,
    bytes: Arc<AtomicUsize>,
}

/// The other end of it.
pub(super) struct ToSend {
    queue: mpsc::Receiver<Message>,
    bytes: Arc<AtomicUsize>,
}

impl Leaving {
    pub(super) fn new() -> (Leaving, ToSend) {
        let (sender, receiver) = mpsc::channel(WAITING_TO_LEAVE);
        let bytes = Arc::new(AtomicUsize::new(0));
        (Leaving { queue: sender, bytes: bytes.clone() }, ToSend { queue: receiver, bytes })
    }

    /// Puts a message there; false if there is no room.
    pub(super) fn put(&self, message: Message) -> bool {
        let size = message.size();
        if self.bytes.load(Ordering::Relaxed) + size > WAITING_BYTES {
            return false;
        }
        self.bytes.fetch_add(size, Ordering::Relaxed);
        let put = self.queue.try_send(message).is_ok();
        if !put {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
        put
    }
}

impl ToSend {
    pub(super) async fn next(&mut self) -> Option<Message> {
        let message = self.queue.recv().await?;
        self.bytes.fetch_sub(message.size(), Ordering::Relaxed);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::log::EventKind;

    fn row(position: i64, payload: &str) -> Arc<Entry> {
        Arc::new(Entry {
            shard: 3,
            position,
            stream: StreamId(11),
            channel: (position % 2 == 0).then_some(ChannelId(12)),
            kind: EventKind::MessageCreated,
            payload: payload.into(),
            actor: Some(UserId(13)),
            request_id: Some("r".into()),
            at: Timestamp(crate::id::EPOCH_MS + position),
        })
    }

    #[test]
    fn what_is_said_is_what_is_heard() {
        let said = [
            Message::Batch(vec![row(1, r#"{"content":"ä"}"#), row(2, "{}")]),
            Message::Heads(vec![(0, 7), (63, i64::MAX)]),
            Message::Ephemeral {
                stream: StreamId(1),
                channel: ChannelId(2),
                moment: Moment::Typing,
                payload: "{}".into(),
                about: UserId(3),
            },
            Message::Replace { user: UserId(1), session: 2 },
        ];
        for message in said {
            let bytes = encode(1, &message).unwrap().unwrap();
            assert_eq!(decode(2, &bytes), Some(message.clone()));
            assert_eq!(decode(1, &bytes), None, "nobody hears themselves");
            for end in 0..bytes.len() {
                assert_eq!(decode(2, &bytes[..end]), None, "half of {message:?}");
            }
        }
    }

    #[test]
    fn nonsense_is_not_heard() {
        for row in [row(0, "{}"), row(1, "{"), row(2, "{}}")] {
            assert_eq!(decode(2, &encode(1, &Message::Batch(vec![row])).unwrap().unwrap()), None);
        }
        assert_eq!(decode(2, &vec![0xdf; MESSAGE_BYTES + 1]), None);
        let mut random = 1_u64;
        for length in 0..2_000 {
            let bytes: Vec<u8> = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) as u8
            })
            .take(length % 64)
            .collect();
            assert_eq!(decode(2, &bytes), None);
        }
    }

    #[test]
    fn a_long_batch_is_told_of_by_its_heads() {
        let long = format!("\"{}\"", "x".repeat(WHOLE_BATCH_BYTES / 2));
        assert!(matches!(Message::of_commit(&[row(1, &long)]), Message::Batch(_)));
        assert_eq!(Message::of_commit(&[row(1, &long), row(2, &long)]), Message::Heads(vec![(3, 2)]));
        let many: Vec<_> = (1..5_000).map(|position| row(position, "{}")).collect();
        assert_eq!(Message::of_commit(&many), Message::Heads(vec![(3, 4_999)]));
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let (leaving, mut to_send) = Leaving::new();
        let long = format!("\"{}\"", "x".repeat(400_000));
        let put = (0..WAITING_TO_LEAVE).filter(|_| leaving.put(Message::Batch(vec![row(1, &long)]))).count();
        assert_eq!(put, WAITING_BYTES / 400_252);
        assert!(to_send.next().await.is_some());
        assert!(leaving.put(Message::Batch(vec![row(1, &long)])));
        assert!(!leaving.put(Message::Batch(vec![row(1, &long)])));
    }
}
