//! One client's session, whichever dialect it speaks and however its frames travel.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

mod entrance;
mod pulse;
pub mod resume;

use entrance::Greeting;
pub(super) use entrance::Ready;
use pulse::{Beat, Pulse};
pub(super) use resume::{Resumed, Resync};

use super::backend::Backend;
use super::hub::Handle;
use super::progress::Floors;
use super::protocol::{Inbound, Protocol, problem};
use super::transport::{Arrived, Transport};
use super::wire::{Frame, Wire};
use super::{CloseCode, command};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Error, Result};

/// How long a write may go on once its socket is to be closed: a client that doesn't read must not
/// hold its place.
const LAST_WRITE: Duration = Duration::from_secs(1);
/// How long a client that comes in keeps others waiting.
const LONGEST_TURN: Duration = Duration::from_millis(250);
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
    let entered = match entrance::greet(&app, &mut transport, wire).await {
        Ok(greeting) => enter(&app, &mut transport, wire, guest, greeting).await,
        Err(code) => Err(code),
    };
    let code = match entered {
        Ok((session, floors)) => {
            let code = live(&session, &mut transport, floors).await;
            session.handle.progress.lock().write_to(None);
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

/// Lets a client in when its turn has come: what is needed for it is large, so few come in at once, and it is
/// given back before a long life begins.
async fn enter<B: Backend>(
    app: &B,
    transport: &mut Transport,
    wire: Wire,
    guest: Caller,
    greeting: Greeting,
) -> Result<(Session<B>, Floors), CloseCode> {
    let turn = app.hub().entrances.acquire().await.map_err(|_| CloseCode::Unknown)?;
    let mut entering = Box::pin(entrance::enter(app, transport, wire, guest, greeting));
    match tokio::time::timeout(LONGEST_TURN, &mut entering).await {
        Ok(entered) => entered,
        // A client that reads slowly holds up nobody else.
        Err(_) => {
            drop(turn);
            entering.await
        }
    }
}

/// Carries frames both ways until one side has enough; answers why, if the client is still there to
/// be told.
async fn live<B: Backend>(session: &Session<B>, transport: &mut Transport, floors: Floors) -> Option<CloseCode> {
    let wire = session.handle.wire;
    let mut pulse = Pulse::new(session.app.settings(), session.protocol());
    session.handle.progress.lock().begin(floors, transport.plain());
    let mut allowance = command::Allowance::new(session.app.settings(), session.app.is_limited());
    let mut running = FuturesUnordered::new();
    loop {
        // Given back at the end of each turn: most sessions are idle most of the time.
        let mut frames: Vec<Frame> = Vec::new();
        let mut asked = false;
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
                            // In a box: an empty set keeps room for one of its futures, and nearly all are empty.
                            running.push(Box::pin(async move {
                                let done = B::run(session, &name, &body).await;
                                answer(session, rid, done)
                            }));
                        }
                        Ok(Inbound::Heartbeat) => {
                            pulse.felt();
                            asked = true;
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
                Arrived::Moved(socket) => {
                    frames.extend(transport.move_to(socket));
                    session.handle.progress.lock().write_to(transport.plain());
                }
                Arrived::Gone => return None,
                Arrived::Bad => return Some(CloseCode::BadFrame),
            },
            () = session.handle.outbox.ready() => {}
        }
        let (closing, is_stuck) = write(session, &mut frames, asked);
        if closing == Some(CloseCode::GoingAway) {
            let last = async {
                while let Some(answer) = running.next().await {
                    frames.extend(answer);
                }
            };
            // Who gets no answer in this time asks another server, under the same nonce.
            let _ = tokio::time::timeout(LAST_COMMANDS, last).await;
        }
        if is_stuck || !frames.is_empty() {
            let outbox = &session.handle.outbox;
            let cut_off = async {
                outbox.closing().await;
                tokio::time::sleep(LAST_WRITE).await;
            };
            tokio::select! {
                biased;
                sent = transport.send(&mut frames) => if !sent { return None },
                () = cut_off => return outbox.take(&mut Vec::new()),
            }
        }
        if closing.is_some() {
            return closing;
        }
    }
}

/// Writes a session's own frames and then what waits for it, as far as that goes without waiting; what is
/// left in `frames` is for the transport. Answers whether the session is to be closed after it, and whether
/// something waits for room.
fn write<B: Backend>(session: &Session<B>, frames: &mut Vec<Frame>, asked: bool) -> (Option<CloseCode>, bool) {
    let (handle, mut waiting) = (&session.handle, Vec::new());
    let mut progress = handle.progress.lock();
    if asked {
        // Before what waits is taken: whatever came up to here is written before this.
        let mut moved = session.app.hub().cursors(handle, &mut progress.told);
        progress.take(&handle.outbox, handle.wire, &mut waiting, frames);
        // What came after it goes on from there: nobody is put back.
        moved.retain(|(stream, position)| progress.told.get(stream) == Some(position));
        frames.extend(session.protocol().heartbeat_ack(&moved).map(|ack| session.seal(ack)));
    }
    let closing = progress.take(&handle.outbox, handle.wire, &mut waiting, frames);
    let is_stuck = progress.write(frames);
    (closing, is_stuck)
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
