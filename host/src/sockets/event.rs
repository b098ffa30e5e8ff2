//! An event on its way to sockets: encoded once for each wire, whatever the number of receivers.

use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::protocol::Protocol;
use super::wire::{Frame, Wire};
use crate::closed_set;
use crate::error::Result;
use crate::id::{StreamId, UserId};
use crate::log::Entry;

/// What becomes of an event whose receiver is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It waits: before it is lost the socket is closed, and resumes.
    Critical,
    /// A later one about the same takes its place; before it is lost the socket is closed.
    Coalescible,
    /// A later one about the same takes its place, and when the queue is full it is dropped.
    Droppable,
}

closed_set! {
    /// What sockets are told and the log doesn't hold: it passes, or it says anew what the log said already.
    pub enum Moment {
        /// Somebody types in the channel.
        Typing = "typing",
        /// Somebody types no longer.
        StopTyping = "stop_typing",
        /// Somebody begins or stops to speak in a voice channel; all else of it stands in the log.
        VoiceState = "voice_state",
        /// Somebody came, went, or says how busy they are.
        Presence = "presence",
        /// The user sees a channel that they didn't see before: here it is.
        ChannelShown = "channel_shown",
        /// The user sees a channel no longer: forget it. It comes before any later event of the guild.
        ChannelHidden = "channel_hidden",
        /// The user has just joined a guild: the same snapshot of it as in `ready`.
        GuildAvailable = "guild_available",
    }
}

impl Moment {
    /// What becomes of it if its receiver is slow.
    pub fn class(self) -> Class {
        match self {
            Moment::Typing | Moment::StopTyping | Moment::Presence => Class::Droppable,
            Moment::VoiceState => Class::Coalescible,
            Moment::ChannelShown | Moment::ChannelHidden | Moment::GuildAvailable => Class::Critical,
        }
    }

    /// What it says a later one about the same says anew: those that begin and end typing do.
    fn topic(self) -> Topic {
        match self {
            Moment::Typing | Moment::StopTyping => Topic::Typing,
            Moment::VoiceState => Topic::Voice,
            _ => Topic::Presence,
        }
    }
}

/// What events are about that take each other's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Topic {
    Typing,
    Voice,
    Presence,
}

/// Whom and which place an event is about, if a later one about the same may take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    topic: Topic,
    user: UserId,
    place: i64,
}

/// An event that many sockets receive.
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// Its stream and position; none for what isn't logged.
    pub place: Option<(StreamId, i64)>,
    /// The guild and the version of its rules that it follows from, if it tells what somebody sees: who has
    /// a snapshot by these rules or newer ones isn't told.
    pub rules: Option<(StreamId, i64)>,
    /// What becomes of it if its receiver is slow.
    pub class: Class,
    /// What it is about, if a later one may take its place.
    pub subject: Option<Subject>,
    /// What happened, as JSON.
    payload: Arc<str>,
    frames: [OnceLock<Frame>; Wire::COUNT],
}

impl Event {
    /// The event that a row of the log tells of.
    pub fn logged(entry: &Entry) -> Arc<Event> {
        let place = Some((entry.stream, entry.position));
        Event::new(entry.kind.as_str(), place, Class::Critical, None, entry.payload.clone())
    }

    /// An event for one session alone, at a position of its stream.
    pub fn at(moment: Moment, stream: StreamId, position: i64, payload: &impl Serialize) -> Result<Arc<Event>> {
        let payload = serde_json::to_string(payload)?.into();
        Ok(Event::new(moment.as_str(), Some((stream, position)), moment.class(), None, payload))
    }

    /// An event that isn't logged.
    pub fn ephemeral(moment: Moment, payload: &impl Serialize) -> Result<Arc<Event>> {
        Ok(Event::passing(moment, None, serde_json::to_string(payload)?.into()))
    }

    /// An event that isn't logged and tells what somebody sees, by a version of a guild's rules. The body is
    /// JSON already.
    pub fn by_rules(moment: Moment, rules: Option<(StreamId, i64)>, payload: Arc<str>) -> Arc<Event> {
        let (name, class) = (moment.as_str(), moment.class());
        Arc::new(Event { name, place: None, rules, class, subject: None, payload, frames: Default::default() })
    }

    /// An event that isn't logged, about somebody somewhere: a later one takes its place. The body is
    /// JSON already.
    pub fn about(moment: Moment, user: UserId, place: i64, payload: Arc<str>) -> Arc<Event> {
        Event::passing(moment, Some(Subject { topic: moment.topic(), user, place }), payload)
    }

    fn passing(moment: Moment, subject: Option<Subject>, payload: Arc<str>) -> Arc<Event> {
        Event::new(moment.as_str(), None, moment.class(), subject, payload)
    }

    fn new(
        name: &'static str,
        place: Option<(StreamId, i64)>,
        class: Class,
        subject: Option<Subject>,
        payload: Arc<str>,
    ) -> Arc<Event> {
        Arc::new(Event { name, place, rules: None, class, subject, payload, frames: Default::default() })
    }

    /// The frame on a wire. The first who asks encodes it for all.
    pub fn frame(&self, wire: Wire) -> Frame {
        self.frames[wire as usize]
            .get_or_init(|| {
                wire.seal(match wire.protocol() {
                    Protocol::Native => self.encode_native(),
                    Protocol::SocketIo => self.encode_socketio(),
                })
            })
            .clone()
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

#[cfg(test)]
mod tests {
    use super::*;

    const WIRES: [Wire; Wire::COUNT] =
        [Wire::Json, Wire::DeflatedJson, Wire::MessagePack, Wire::DeflatedMessagePack, Wire::SocketIo];

    #[test]
    fn it_is_encoded_once_for_all_who_receive_it() {
        // Large enough that it is compressed, too.
        let body = "again and ".repeat(200);
        let event = Event::at(Moment::ChannelShown, StreamId(7), 3, &body).unwrap();
        for wire in WIRES {
            let (one, another) = (event.frame(wire), event.frame(wire));
            assert_eq!(one.as_bytes().as_ptr(), another.as_bytes().as_ptr(), "{wire:?}");
        }
    }
}
