//! One client's session, whichever dialect it speaks and however its frames travel.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

mod entrance;
mod pulse;
pub mod resume;

pub(super) use entrance::Ready;
use pulse::{Beat, Pulse};
pub(super) use resume::{Resumed, Resync};

use super::backend::Backend;
use super::event::Event;
use super::hub::Handle;
use super::outbox::Out;
use super::protocol::{Inbound, Protocol, problem};
use super::transport::{Arrived, Transport};
use super::wire::{Frame, Wire};
use super::{CloseCode, command};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::id::StreamId;
use crate::known_bugs::{KnownBug, is_back};

/// How long a write may go on once its socket is to be closed: a client that doesn't read must not
/// hold its place.
const LAST_WRITE: Duration = Duration::from_secs(1);
/// How long commands under way may take once the server ends.
const LAST_COMMANDS: Duration = Duration::from_secs(2);
/// Commands of one socket that may be under way at once; then it isn't read until one is done.
const COMMANDS_AT_ONCE: usize = 8;

/// A client that is known.
pub struct Session<B = App> {
    /// What it stands on: the server.
    pub app: B,
    /// Who it is, as of the last command.
    caller: ArcSwap<Caller>,
    /// What the hub knows it by.
    pub handle: Arc<Handle>,
}

impl<B: Backend> Session<B> {
    /// Who it is, as of the last command.
    pub fn caller(&self) -> Arc<Caller> {
        self.caller.load_full()
    }

    /// Who it is now: names and rights may have changed since it came.
    pub async fn caller_now(&self) -> Result<Arc<Caller>> {
        let caller = self.caller();
        let identity = self.app.identify(caller.user).await?;
        if caller.identity.as_ref().is_some_and(|known| Arc::ptr_eq(known, &identity)) {
            return Ok(caller);
        }
        let caller = Arc::new(Caller { identity: Some(identity), ..(*caller).clone() });
        self.caller.store(caller.clone());
        Ok(caller)
    }

    fn protocol(&self) -> Protocol {
        self.handle.wire.protocol()
    }

    fn seal(&self, text: String) -> Frame {
        self.handle.wire.seal(text)
    }
}

/// Serves a client from its first frame to its last.
pub async fn serve<B: Backend>(app: B, mut transport: Transport, wire: Wire, guest: Caller) {
    // What is needed to come in is large, and given back before a long life begins.
    let entered = Box::pin(entrance::enter(&app, &mut transport, wire, guest)).await;
    let code = match entered {
        Ok((session, floors)) => {
            let code = live(&session, &mut transport, floors).await;
            app.hub().leave(&session.handle);
            app.departed(&session.handle).await;
            code
        }
        Err(code) => Some(code),
    };
    if let Some(code) = code {
        transport.close(code).await;
    }
}

/// Positions up to which a session was told everything when it began.
#[derive(Default)]
struct Floors {
    of_streams: HashMap<StreamId, i64>,
    highest: i64,
    /// The versions of guilds' rules by which it was shown what it sees.
    of_rules: HashMap<StreamId, i64>,
}

impl Floors {
    fn new(of_streams: HashMap<StreamId, i64>, of_rules: HashMap<StreamId, i64>) -> Floors {
        let highest = of_streams.values().copied().max().unwrap_or_default();
        Floors { of_streams, highest, of_rules }
    }

    /// Turns what waited into frames, and notes how far the streams have come with it.
    fn write(&self, waiting: &mut Vec<Out>, wire: Wire, told: &mut BTreeMap<StreamId, i64>, frames: &mut Vec<Frame>) {
        for out in waiting.drain(..) {
            if let Out::Event(event) = &out
                && let Some((stream, position)) = event.place
            {
                let at = told.entry(stream).or_default();
                *at = position.max(*at);
            }
            frames.extend(self.frame(out, wire));
        }
    }

    /// The frame of something that waited, unless the session was told it when it began.
    fn frame(&self, out: Out, wire: Wire) -> Option<Frame> {
        match out {
            Out::Frame(frame) => Some(frame),
            Out::Event(event) if self.hold(&event) => None,
            Out::Event(event) => Some(event.frame(wire)),
        }
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

/// Carries frames both ways until one side has enough; answers why, if the client is still there to
/// be told.
async fn live<B: Backend>(session: &Session<B>, transport: &mut Transport, floors: Floors) -> Option<CloseCode> {
    let wire = session.handle.wire;
    let mut pulse = Pulse::new(session.app.settings(), session.protocol());
    let mut told: BTreeMap<StreamId, i64> = floors.of_streams.iter().map(|(stream, at)| (*stream, *at)).collect();
    let mut allowance = command::Allowance::new(session.app.settings(), session.app.is_limited());
    let mut running = FuturesUnordered::new();
    let mut waiting: Vec<Out> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        // In this order, so that nothing starves: whatever it was, what waits is written afterwards.
        tokio::select! {
            biased;
            beat = pulse.next() => match beat {
                Beat::Missed => return Some(CloseCode::HeartbeatMissed),
                Beat::Ask => frames.push(Frame::from("2")),
            },
            Some(answer) = running.next() => frames.extend(answer),
            arrived = transport.receive(), if running.len() < COMMANDS_AT_ONCE => match arrived {
                Arrived::Frame(frame) => {
                    session.handle.hear();
                    let frame = match wire.open(frame) {
                        Ok(frame) => frame,
                        Err(code) => return Some(code),
                    };
                    match session.protocol().read(&frame) {
                        Ok(Inbound::Command { name, rid, body }) => {
                            if !allowance.take(&name) {
                                return Some(CloseCode::OverLimit);
                            }
                            let (name, rid, body) =
                                (name.into_owned(), rid.map(|rid| rid.into_owned()), body.to_owned());
                            running.push(async move {
                                let done = B::run(session, &name, &body).await;
                                answer(session, rid, done)
                            });
                        }
                        Ok(Inbound::Heartbeat) => {
                            pulse.felt();
                            // Before what waits is taken: whatever came up to here is written before this.
                            let mut moved = session.app.hub().cursors(&session.handle, &mut told);
                            session.handle.outbox.take(&mut waiting);
                            floors.write(&mut waiting, wire, &mut told, &mut frames);
                            // What came after it goes on from there: nobody is put back.
                            moved.retain(|(stream, position)| told.get(stream) == Some(position));
                            let ack = session.protocol().heartbeat_ack(&moved);
                            frames.extend(ack.map(|ack| session.seal(ack)));
                        }
                        Ok(Inbound::Nothing) => {}
                        Ok(Inbound::Elsewhere { namespace }) => {
                            if !allowance.take("") {
                                return Some(CloseCode::OverLimit);
                            }
                            frames.push(session.seal(Protocol::no_such_namespace(namespace)));
                        }
                        Ok(Inbound::Identify(_) | Inbound::Resume(_)) => return Some(CloseCode::BadFrame),
                        Ok(Inbound::Leave) => return None,
                        Err(code) => return Some(code),
                    }
                }
                Arrived::Alive => session.handle.hear(),
                Arrived::Moved(socket) => frames.extend(transport.move_to(socket)),
                Arrived::Gone => return None,
                Arrived::Bad => return Some(CloseCode::BadFrame),
            },
            () = session.handle.outbox.ready() => {}
        }
        let closing = session.handle.outbox.take(&mut waiting);
        floors.write(&mut waiting, wire, &mut told, &mut frames);
        if closing == Some(CloseCode::GoingAway) {
            let last = async {
                while let Some(answer) = running.next().await {
                    frames.extend(answer);
                }
            };
            // Who gets no answer in this time asks another server, under the same nonce.
            let _ = tokio::time::timeout(LAST_COMMANDS, last).await;
        }
        if !frames.is_empty() {
            let outbox = &session.handle.outbox;
            let cut_off = async {
                outbox.closing().await;
                tokio::time::sleep(LAST_WRITE).await;
            };
            tokio::select! {
                biased;
                sent = transport.send(&mut frames) => if !sent { return None },
                () = cut_off => return outbox.take(&mut waiting),
            }
        }
        if closing.is_some() {
            return closing;
        }
    }
}

fn answer<B: Backend>(session: &Session<B>, rid: Option<String>, done: Result<Arc<str>, Error>) -> Option<Frame> {
    let text = match (done, rid) {
        (Ok(body), Some(rid)) => Some(session.protocol().ack(&rid, &body)),
        (Ok(_), None) => None,
        (Err(error), rid) => {
            if error.code() == Code::Unauthenticated {
                session.handle.outbox.close(CloseCode::Revoked);
            }
            let name = session.handle.id.to_string();
            session.protocol().refusal(rid.as_deref(), &problem(&error, &session.caller().locale, &name))
        }
    };
    text.map(|text| session.seal(text))
}
