//! How far a session was told of its streams, and the line on which it is told more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::CloseCode;
use super::event::Event;
use super::line::Plain;
use super::outbox::{Out, Outbox};
use super::wire::{Frame, Wire};
use crate::id::StreamId;
use crate::known_bugs::{KnownBug, is_back};

/// Positions up to which a session was told everything when it began.
#[derive(Default)]
pub struct Floors {
    of_streams: HashMap<StreamId, i64>,
    highest: i64,
    /// The versions of guilds' rules by which it was shown what it sees.
    of_rules: HashMap<StreamId, i64>,
}

impl Floors {
    /// The positions of streams, and the versions of guilds' rules.
    pub fn new(of_streams: HashMap<StreamId, i64>, of_rules: HashMap<StreamId, i64>) -> Floors {
        let highest = of_streams.values().copied().max().unwrap_or_default();
        Floors { of_streams, highest, of_rules }
    }

    /// Whether what the session was given when it began holds an event already.
    fn hold(&self, event: &Event) -> bool {
        let is_told = event.place.is_some_and(|(stream, position)| {
            position <= self.highest && self.of_streams.get(&stream).is_some_and(|floor| position <= *floor)
        });
        let is_shown = event
            .rules
            .is_some_and(|(guild, version)| self.of_rules.get(&guild).is_some_and(|given| version <= *given));
        (is_told || is_shown) && !is_back(KnownBug::FloorIgnored)
    }
}

/// How far a session was told, and where more is written. Whoever holds it may take from the session's queue:
/// what is taken is written before it is let go, so that nothing overtakes.
#[derive(Default)]
pub struct Progress {
    floors: Floors,
    /// How far each stream was told.
    pub told: BTreeMap<StreamId, i64>,
    /// The session's connection, while others than its task may write to it.
    line: Option<Arc<Plain>>,
}

/// Room to work in for who writes to many sessions.
#[derive(Default)]
pub struct Desk {
    waiting: Vec<Out>,
    frames: Vec<Frame>,
}

impl Progress {
    /// A session that was told everything up to these.
    pub fn begin(&mut self, floors: Floors, line: Option<Arc<Plain>>) {
        self.told = floors.of_streams.iter().map(|(stream, at)| (*stream, *at)).collect();
        self.floors = floors;
        self.line = line;
    }

    /// From here on the session is written to over this line, or by its own task alone.
    pub fn write_to(&mut self, line: Option<Arc<Plain>>) {
        self.line = line;
    }

    /// Moves all that waits to `frames`; answers whether the session is to be closed after it.
    pub fn take(
        &mut self,
        outbox: &Outbox,
        wire: Wire,
        waiting: &mut Vec<Out>,
        frames: &mut Vec<Frame>,
    ) -> Option<CloseCode> {
        let closing = outbox.take(waiting);
        for out in waiting.drain(..) {
            let event = match out {
                Out::Frame(frame) => {
                    frames.push(frame);
                    continue;
                }
                Out::Event(event) => event,
            };
            if let Some((stream, position)) = event.place {
                let at = self.told.entry(stream).or_default();
                *at = position.max(*at);
            }
            if !self.floors.hold(&event) {
                frames.push(event.frame(wire));
            }
        }
        closing
    }

    /// Writes frames if that needs no task; those that are left are for the session's own. True if something
    /// waits for room.
    pub fn write(&mut self, frames: &mut Vec<Frame>) -> bool {
        let Some(line) = &self.line else { return false };
        // A connection that is broken shows that to its session, too.
        let broken = line.write(frames).is_err();
        frames.clear();
        broken || line.is_stuck()
    }

    /// Writes what waits, for a session whose task needn't wake for it. False if it must.
    pub fn flush(&mut self, outbox: &Outbox, wire: Wire, desk: &mut Desk) -> bool {
        match &self.line {
            // It writes as soon as there is room.
            Some(line) if line.is_stuck() => return true,
            Some(_) if !outbox.is_closing() => {}
            _ => return false,
        }
        self.take(outbox, wire, &mut desk.waiting, &mut desk.frames);
        !self.write(&mut desk.frames)
    }
}
