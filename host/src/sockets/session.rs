//! One client's session, whichever dialect it speaks and however its frames travel.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::hub::Handle;
use super::outbox::Out;
use super::protocol::{Identify, Inbound, Protocol, Subscribe, problem};
use super::transport::{Arrived, Transport};
use super::{CloseCode, command, snapshot};
use crate::accounts::{self, Caller, CallerKind};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::http::caller::prove;
use crate::i18n;
use crate::id::{SessionId, StreamId};

/// How long a write may go on once its socket is to be closed: a client that doesn't read must not
/// hold its place.
const LAST_WRITE: Duration = Duration::from_secs(1);
/// Commands of one socket that may be under way at once; then it isn't read until one is done.
const COMMANDS_AT_ONCE: usize = 8;

/// A client that is known.
pub struct Session {
    /// The server.
    pub app: App,
    /// Who it is, as of the last command.
    caller: ArcSwap<Caller>,
    /// What the hub knows it by.
    pub handle: Arc<Handle>,
    /// Which dialect it speaks.
    pub protocol: Protocol,
    /// What it wanted to receive from the start.
    pub subscribe: Subscribe,
}

impl Session {
    /// Who it is, as of the last command.
    pub fn caller(&self) -> Arc<Caller> {
        self.caller.load_full()
    }

    /// Who it is now: names and rights may have changed since it came.
    pub async fn caller_now(&self) -> Result<Arc<Caller>> {
        let caller = self.caller();
        let identity = accounts::identify(&self.app, caller.user).await?;
        if caller.identity.as_ref().is_some_and(|known| Arc::ptr_eq(known, &identity)) {
            return Ok(caller);
        }
        let caller = Arc::new(Caller { identity: Some(identity), ..(*caller).clone() });
        self.caller.store(caller.clone());
        Ok(caller)
    }
}

/// Serves a client from its first frame to its last.
pub async fn serve(app: App, mut transport: Transport, protocol: Protocol, guest: Caller) {
    let code = match enter(&app, &mut transport, protocol, guest).await {
        Ok((session, floors)) => {
            let code = live(&session, &mut transport, floors).await;
            session.app.hub.leave(&session.app, &session.handle);
            code
        }
        Err(code) => Some(code),
    };
    if let Some(code) = code {
        transport.close(code).await;
    }
}

/// Positions up to which a session's snapshot tells everything.
struct Floors {
    of_streams: HashMap<StreamId, i64>,
    highest: i64,
}

/// Waits for the client to say who it is, and lets it in: subscribed first, then told where things
/// stand, so that nothing falls between the two.
async fn enter(
    app: &App,
    transport: &mut Transport,
    protocol: Protocol,
    mut caller: Caller,
) -> Result<(Session, Floors), CloseCode> {
    let settings = &app.config.sockets;
    if protocol == Protocol::Native {
        let interval = settings.heartbeat_seconds * 1000;
        let hello = format!(r#"{{"op":"hello","d":{{"heartbeat_interval_ms":{interval}}}}}"#);
        transport.send(&mut vec![hello.into()]).await;
    }
    let patience = Duration::from_secs(settings.identify_seconds);
    let waiting = tokio::time::timeout(patience, identification(transport, protocol));
    let identify = waiting.await.map_err(|_| CloseCode::NotIdentified)??;
    let subscribe = identify.subscribe.unwrap_or_default();
    let handle = match let_in(app, &mut caller, identify).await {
        Ok((session, credentials)) => {
            let handle = app.hub.enter(app, &caller, session, protocol);
            // A bot's token replaced between its proof and here: the row that said so found no socket to close.
            if caller.is_bot() && prove(app, &credentials).await.is_err() {
                handle.outbox.close(CloseCode::Revoked);
            }
            handle
        }
        Err(error) => {
            let told = problem(&error, &caller.locale, caller.request_id.as_deref().unwrap_or_default());
            transport.send(&mut protocol.not_let_in(&told).into_iter().collect()).await;
            return Err(CloseCode::BadToken);
        }
    };
    let caller = ArcSwap::from_pointee(caller);
    let session = Session { app: app.clone(), caller, handle, protocol, subscribe };
    match welcome(&session, transport).await {
        Ok(floors) => Ok((session, floors)),
        Err(error) => {
            tracing::warn!(%error, "a session could not begin");
            app.hub.leave(app, &session.handle);
            Err(CloseCode::Unknown)
        }
    }
}

async fn identification(transport: &mut Transport, protocol: Protocol) -> Result<Identify, CloseCode> {
    loop {
        match transport.receive().await {
            Arrived::Frame(frame) => match protocol.read(&frame)? {
                Inbound::Identify(identify) => return Ok(identify),
                Inbound::Command { .. } => return Err(CloseCode::NotIdentified),
                Inbound::Heartbeat | Inbound::Nothing => {}
                Inbound::Elsewhere { namespace } => {
                    transport.send(&mut vec![Protocol::no_such_namespace(namespace)]).await;
                }
                Inbound::Leave => return Err(CloseCode::Unknown),
            },
            Arrived::Moved(socket) => {
                let mut left = transport.move_to(socket);
                transport.send(&mut left).await;
            }
            Arrived::Gone => return Err(CloseCode::Unknown),
            Arrived::Bad => return Err(CloseCode::BadFrame),
        }
    }
}

/// Who a client is, and what proved it.
async fn let_in(app: &App, caller: &mut Caller, identify: Identify) -> Result<(SessionId, String)> {
    let credentials = match identify.token.contains(' ') {
        true => identify.token,
        false => format!("Bearer {}", identify.token),
    };
    let (kind, identity) = prove(app, &credentials).await?;
    caller.kind = kind;
    caller.user = identity.author.id;
    let asked = identify.locale.and_then(|asked| i18n::LOCALES.into_iter().find(|known| *known == asked));
    caller.locale = asked.map_or_else(|| identity.locale.clone(), str::to_owned);
    caller.identity = Some(identity);
    let session = match kind {
        CallerKind::Session(session) => session,
        // A bot has one session for ever: its account.
        CallerKind::Bot | CallerKind::Anonymous => SessionId(caller.user.0),
    };
    Ok((session, credentials))
}

async fn welcome(session: &Session, transport: &mut Transport) -> Result<Floors> {
    let (body, of_streams) = snapshot::ready(session).await?;
    let name = session.handle.key.to_string();
    transport.send(&mut session.protocol.ready(&name, &body)).await;
    let highest = of_streams.values().copied().max().unwrap_or_default();
    Ok(Floors { of_streams, highest })
}

/// Carries frames both ways until one side has enough; answers why, if the client is still there to
/// be told.
async fn live(session: &Session, transport: &mut Transport, floors: Floors) -> Option<CloseCode> {
    let mut pulse = Pulse::new(session);
    let mut allowance = command::Allowance::new(&session.app.config.sockets, session.app.config.limits.enabled);
    let mut running = FuturesUnordered::new();
    let mut waiting: Vec<Out> = Vec::new();
    let mut frames: Vec<Utf8Bytes> = Vec::new();
    loop {
        tokio::select! {
            arrived = transport.receive(), if running.len() < COMMANDS_AT_ONCE => match arrived {
                Arrived::Frame(frame) => match session.protocol.read(&frame) {
                    Ok(Inbound::Command { name, rid, body }) => {
                        if !allowance.take(&name) {
                            return Some(CloseCode::OverLimit);
                        }
                        let (name, rid, body) = (name.into_owned(), rid.map(|rid| rid.into_owned()), body.to_owned());
                        running.push(async move {
                            let done = command::run(session, &name, &body).await;
                            answer(session, rid, done)
                        });
                    }
                    Ok(Inbound::Heartbeat) => {
                        pulse.felt();
                        frames.extend(session.protocol.heartbeat_ack());
                    }
                    Ok(Inbound::Nothing) => {}
                    Ok(Inbound::Elsewhere { namespace }) => {
                        if !allowance.take("") {
                            return Some(CloseCode::OverLimit);
                        }
                        frames.push(Protocol::no_such_namespace(namespace));
                    }
                    Ok(Inbound::Identify(_)) => return Some(CloseCode::BadFrame),
                    Ok(Inbound::Leave) => return None,
                    Err(code) => return Some(code),
                },
                Arrived::Moved(socket) => frames.extend(transport.move_to(socket)),
                Arrived::Gone => return None,
                Arrived::Bad => return Some(CloseCode::BadFrame),
            },
            Some(answer) = running.next() => frames.extend(answer),
            () = session.handle.outbox.ready() => {}
            beat = pulse.next() => match beat {
                Beat::Missed => return Some(CloseCode::HeartbeatMissed),
                Beat::Ask => frames.push(Utf8Bytes::from_static("2")),
            },
        }
        let closing = session.handle.outbox.take(&mut waiting);
        frames.extend(waiting.drain(..).filter_map(|out| frame(out, session.protocol, &floors)));
        if !frames.is_empty() {
            let outbox = &session.handle.outbox;
            let cut_off = async {
                outbox.closing().await;
                tokio::time::sleep(LAST_WRITE).await;
            };
            tokio::select! {
                sent = transport.send(&mut frames) => if !sent { return None },
                () = cut_off => return outbox.take(&mut waiting),
            }
        }
        if closing.is_some() {
            return closing;
        }
    }
}

/// The frame of something that waited, unless the snapshot told it already.
fn frame(out: Out, protocol: Protocol, floors: &Floors) -> Option<Utf8Bytes> {
    match out {
        Out::Frame(frame) => Some(frame),
        Out::Event(event) => match event.place {
            Some((stream, position))
                if position <= floors.highest
                    && floors.of_streams.get(&stream).is_some_and(|floor| position <= *floor) =>
            {
                None
            }
            _ => Some(event.frame(protocol)),
        },
    }
}

fn answer(session: &Session, rid: Option<String>, done: Result<Arc<str>, Error>) -> Option<Utf8Bytes> {
    match (done, rid) {
        (Ok(body), Some(rid)) => Some(session.protocol.ack(&rid, &body)),
        (Ok(_), None) => None,
        (Err(error), rid) => {
            if error.code() == Code::Unauthenticated {
                session.handle.outbox.close(CloseCode::Revoked);
            }
            let name = session.handle.key.to_string();
            session.protocol.refusal(rid.as_deref(), &problem(&error, &session.caller().locale, &name))
        }
    }
}

/// Whether the client is still there. Natives beat by themselves, Socket.IO is asked to.
struct Pulse {
    timer: std::pin::Pin<Box<tokio::time::Sleep>>,
    interval: Duration,
    patience: Duration,
    last: Instant,
    asks: bool,
}

enum Beat {
    Missed,
    Ask,
}

impl Pulse {
    fn new(session: &Session) -> Pulse {
        let interval = Duration::from_secs(session.app.config.sockets.heartbeat_seconds);
        let (asks, patience) = match session.protocol {
            Protocol::Native => (false, interval * 3 / 2),
            Protocol::SocketIo => (true, interval + super::engineio::PING_TIMEOUT),
        };
        let first = if asks { interval } else { patience };
        Pulse { timer: Box::pin(tokio::time::sleep(first)), interval, patience, last: Instant::now(), asks }
    }

    fn felt(&mut self) {
        self.last = Instant::now();
    }

    /// Resolves when the client must be asked or given up.
    async fn next(&mut self) -> Beat {
        loop {
            self.timer.as_mut().await;
            let silent = self.last.elapsed();
            if silent >= self.patience {
                return Beat::Missed;
            }
            if self.asks {
                self.timer.as_mut().reset(Instant::now() + self.interval);
                return Beat::Ask;
            }
            self.timer.as_mut().reset(self.last + self.patience);
        }
    }
}
