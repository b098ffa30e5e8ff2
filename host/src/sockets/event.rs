//! An event on its way to sockets: encoded once in each dialect, whatever the number of receivers.

use std::sync::{Arc, OnceLock};

use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::protocol::Protocol;
use crate::closed_set;
use crate::error::Result;
use crate::id::{ChannelId, StreamId};
use crate::log::Entry;

/// What may be dropped for a slow client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Never: the socket is closed first, and resumes.
    Critical,
    /// When the queue is full: it tells of a moment that passes.
    Droppable,
}

closed_set! {
    /// What sockets are told and the log doesn't hold: it passes, or it says anew what the log said already.
    pub enum Moment {
        /// Somebody types in the channel.
        Typing = "typing",
        /// Somebody types no longer.
        StopTyping = "stop_typing",
        /// Somebody came into a voice channel, left it (`channel_id` is null then), or changed how they take part.
        VoiceState = "voice_state",
        /// The user sees a channel that they didn't see before: read it, and its history.
        ChannelShown = "channel_shown",
        /// The user sees a channel no longer: forget it. It comes before any later event of the guild.
        ChannelHidden = "channel_hidden",
        /// The user has just joined a guild: the same snapshot of it as in `ready`.
        GuildAvailable = "guild_available",
    }
}

impl Moment {
    /// Whether it may be dropped for a slow client.
    pub fn class(self) -> Class {
        match self {
            Moment::Typing | Moment::StopTyping => Class::Droppable,
            Moment::VoiceState | Moment::ChannelShown | Moment::ChannelHidden | Moment::GuildAvailable => {
                Class::Critical
            }
        }
    }
}

/// An event that many sockets receive.
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// Its stream and position; none for what isn't logged.
    pub place: Option<(StreamId, i64)>,
    /// Whether it may be dropped.
    pub class: Class,
    /// What happened, as JSON.
    payload: Arc<str>,
    native: OnceLock<Utf8Bytes>,
    socketio: OnceLock<Utf8Bytes>,
}

impl Event {
    /// The event that a row of the log tells of.
    pub fn logged(entry: &Entry) -> Arc<Event> {
        Event::new(entry.kind.as_str(), Some((entry.stream, entry.position)), Class::Critical, entry.payload.clone())
    }

    /// An event for one session alone, at a position of its stream.
    pub fn at(moment: Moment, stream: StreamId, position: i64, payload: &impl Serialize) -> Result<Arc<Event>> {
        let payload = serde_json::to_string(payload)?.into();
        Ok(Event::new(moment.as_str(), Some((stream, position)), moment.class(), payload))
    }

    /// An event that isn't logged.
    pub fn ephemeral(moment: Moment, payload: &impl Serialize) -> Result<Arc<Event>> {
        Ok(Event::new(moment.as_str(), None, moment.class(), serde_json::to_string(payload)?.into()))
    }

    fn new(name: &'static str, place: Option<(StreamId, i64)>, class: Class, payload: Arc<str>) -> Arc<Event> {
        Arc::new(Event { name, place, class, payload, native: OnceLock::new(), socketio: OnceLock::new() })
    }

    /// The frame in a dialect. The first who asks encodes it for all.
    pub fn frame(&self, protocol: Protocol) -> Utf8Bytes {
        match protocol {
            Protocol::Native => self.native.get_or_init(|| self.encode_native().into()).clone(),
            Protocol::SocketIo => self.socketio.get_or_init(|| self.encode_socketio().into()).clone(),
        }
    }

    /// About how many bytes it takes in a queue.
    pub fn size(&self) -> usize {
        self.payload.len() + 96
    }

    fn encode_native(&self) -> String {
        match self.place {
            Some((stream, position)) => {
                format!(r#"{{"op":"event","t":"{}","g":"{stream}","s":{position},"d":{}}}"#, self.name, self.payload)
            }
            None => format!(r#"{{"op":"event","t":"{}","d":{}}}"#, self.name, self.payload),
        }
    }

    /// Socket.IO has no room beside the body, so stream and position stand in it, as `g` and `s`.
    fn encode_socketio(&self) -> String {
        let fields = self.payload.strip_prefix('{').filter(|fields| *fields != "}");
        match (self.place, fields) {
            (Some((stream, position)), Some(fields)) => {
                format!(r#"42["{}",{{"g":"{stream}","s":{position},{fields}]"#, self.name)
            }
            _ => format!(r#"42["{}",{}]"#, self.name, self.payload),
        }
    }
}

/// What an event must be visible in to be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The stream alone.
    Stream(StreamId),
    /// A channel of the stream.
    Channel(StreamId, ChannelId),
}
