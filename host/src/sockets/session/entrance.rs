//! How a client comes in: it says who it is, is subscribed first and then told where things stand, so
//! that nothing falls between the two.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{Session, resume};
use crate::accounts::{Caller, CallerKind, User};
use crate::error::{Code, Result};
use crate::i18n;
use crate::id::{SessionId, StreamId, UserId};
use crate::sockets::CloseCode;
use crate::sockets::backend::Backend;
use crate::sockets::hub::Handle;
use crate::sockets::presence::{Presence, Status};
use crate::sockets::progress::Floors;
use crate::sockets::protocol::{Identify, Inbound, Notice, Protocol, Resume, Subscribe, problem};
use crate::sockets::snapshot::{Stream, Whole};
use crate::sockets::transport::{Arrived, Transport};
use crate::sockets::wire::{Frame, Wire};

/// What a client says first.
pub(super) enum Greeting {
    /// It comes for the first time.
    Identify(Identify),
    /// It comes back.
    Resume(Box<Resume>),
}

impl Greeting {
    fn token(&self) -> &str {
        match self {
            Greeting::Identify(identify) => &identify.token,
            Greeting::Resume(resume) => &resume.token,
        }
    }
    fn locale(&self) -> Option<&str> {
        match self {
            Greeting::Identify(identify) => identify.locale.as_deref(),
            Greeting::Resume(resume) => resume.locale.as_deref(),
        }
    }
}

/// Waits for the client to say who it is.
pub(super) async fn greet<B: Backend>(app: &B, transport: &mut Transport, wire: Wire) -> Result<Greeting, CloseCode> {
    let settings = app.settings();
    if wire.protocol() == Protocol::Native {
        let interval = settings.heartbeat_seconds * 1000;
        let hello = format!(r#"{{"op":"hello","d":{{"heartbeat_interval_ms":{interval}}}}}"#);
        transport.send(&mut vec![wire.seal(hello)]).await;
    }
    let patience = Duration::from_secs(settings.identify_seconds);
    tokio::time::timeout(patience, greeting(transport, wire)).await.map_err(|_| CloseCode::NotIdentified)?
}

/// Lets a client in that has said who it is.
pub(super) async fn enter<B: Backend>(
    app: &B,
    transport: &mut Transport,
    wire: Wire,
    mut caller: Caller,
    greeting: Greeting,
) -> Result<(Session<B>, Floors), CloseCode> {
    let handle = match let_in(app, &mut caller, &greeting, wire).await {
        Ok(handle) => handle,
        Err(error) => {
            let told = problem(&error, &caller.locale, caller.request_id.as_deref().unwrap_or_default());
            let told = wire.protocol().not_let_in(&told).map(|told| wire.seal(told));
            transport.send(&mut told.into_iter().collect()).await;
            // Who can't be known for now isn't unknown: it should come again, not sign out.
            let away = matches!(error.code(), Code::Unavailable | Code::ReadOnly | Code::Internal);
            return Err(if away { CloseCode::Unknown } else { CloseCode::BadToken });
        }
    };
    let session = Session { app: app.clone(), caller: ArcSwap::from_pointee(caller), handle };
    if let Some(first) = wire.protocol().let_in(session.handle.id) {
        transport.send(&mut vec![wire.seal(first)]).await;
    }
    let begun = match greeting {
        Greeting::Identify(identify) => begin(&session, transport, identify.subscribe.unwrap_or_default()).await,
        Greeting::Resume(resume) => resume::resume(&session, transport, *resume).await,
    };
    match begun {
        Ok(floors) => Ok((session, floors)),
        Err(code) => {
            app.hub().leave(&session.handle);
            app.departed(&session.handle).await;
            Err(code)
        }
    }
}

async fn greeting(transport: &mut Transport, wire: Wire) -> Result<Greeting, CloseCode> {
    loop {
        match transport.receive().await {
            Arrived::Frame(frame) => match wire.protocol().read(&wire.open(frame)?)? {
                Inbound::Identify(identify) => return Ok(Greeting::Identify(identify)),
                Inbound::Resume(resume) => return Ok(Greeting::Resume(resume)),
                Inbound::Command { .. } => return Err(CloseCode::NotIdentified),
                Inbound::Heartbeat | Inbound::Nothing => {}
                Inbound::Elsewhere { namespace } => {
                    let told = Protocol::no_such_namespace(namespace);
                    transport.send(&mut vec![wire.seal(told)]).await;
                }
                Inbound::Leave => return Err(CloseCode::Unknown),
            },
            Arrived::Moved(socket) => {
                let mut left = transport.move_to(socket);
                transport.send(&mut left).await;
            }
            Arrived::Alive => {}
            Arrived::Gone => return Err(CloseCode::Unknown),
            Arrived::Bad => return Err(CloseCode::BadFrame),
        }
    }
}

/// Finds out who a client is, and tells the hub.
async fn let_in<B: Backend>(app: &B, caller: &mut Caller, greeting: &Greeting, wire: Wire) -> Result<Arc<Handle>> {
    let token = greeting.token();
    let credentials = if token.contains(' ') { token.to_owned() } else { format!("Bearer {token}") };
    let (kind, identity) = app.prove(&credentials).await?;
    caller.kind = kind;
    caller.user = identity.author.id;
    let asked = greeting.locale().and_then(|asked| i18n::LOCALES.into_iter().find(|known| *known == asked));
    caller.locale = asked.map_or_else(|| identity.locale.clone(), str::to_owned);
    caller.identity = Some(identity);
    let session = match kind {
        CallerKind::Session(session) => session,
        // A bot has one session for ever: its account.
        CallerKind::Bot | CallerKind::Anonymous => SessionId(caller.user.0),
    };
    let handle = app.hub().enter(app, caller, session, wire).await?;
    // A bot's token replaced between its proof and here: the row that said so found no socket to close.
    if caller.is_bot() && app.prove(&credentials).await.is_err() {
        handle.outbox.close(CloseCode::Revoked);
    }
    Ok(handle)
}

/// The body of `ready`.
#[derive(Serialize, ToSchema)]
pub(in crate::sockets) struct Ready<'a> {
    session_id: String,
    #[schema(value_type = User)]
    user: &'a RawValue,
    #[schema(value_type = Vec<UserId>)]
    blocked: &'a [UserId],
    #[schema(value_type = Vec<Whole>)]
    streams: &'a [Stream],
    presences: Vec<Presence>,
}

async fn begin<B: Backend>(
    session: &Session<B>,
    transport: &mut Transport,
    subscribe: Subscribe,
) -> Result<Floors, CloseCode> {
    let welcome = async {
        let streams = listen(session, subscribe).await?;
        let snapshot = session.app.snapshot(session.handle.user, &streams).await?;
        session.app.hub().settle(&session.app, &session.handle, &snapshot).await?;
        let (user, blocked, streams) = (&*snapshot.user, &snapshot.blocked[..], &snapshot.streams[..]);
        let presences = meet(session).await?;
        let ready = Ready { session_id: session.handle.id.to_string(), user, blocked, streams, presences };
        let floors = Floors::new(snapshot.positions(), snapshot.versions().collect());
        Ok((serde_json::to_string(&ready)?, floors))
    };
    match welcome.await {
        Ok((ready, floors)) => {
            send(session, transport, session.protocol().notice(Notice::Ready, &ready)).await;
            Ok(floors)
        }
        Err(error) => Err(failed(&error)),
    }
}

/// Listens to everything that a session receives by itself; answers those streams.
pub(super) async fn listen<B: Backend>(session: &Session<B>, subscribe: Subscribe) -> Result<Vec<StreamId>> {
    let (app, handle) = (&session.app, &session.handle);
    let mut streams = vec![handle.user.into()];
    if subscribe == Subscribe::All {
        // Before it is read where its user is: who joins from here on finds the session waiting.
        app.hub().want_all(handle);
    }
    let there = app.relations(handle.user).await?;
    for &direct in &there.directs {
        app.hub().listen_direct(handle, direct.into());
        streams.push(direct.into());
    }
    if subscribe == Subscribe::All {
        for &guild in &there.guilds {
            if app.hub().tune(app, handle, guild, |interest| interest.whole = true).await?.is_some() {
                streams.push(guild.into());
            }
        }
    }
    Ok(streams)
}

/// Comes into the presence of those that a session's user talks to; answers who of them is there.
pub(super) async fn meet<B: Backend>(session: &Session<B>) -> Result<Vec<Presence>> {
    let (presences, handle) = (&session.app.hub().presences, &session.handle);
    presences.come(handle);
    let mut there = BTreeMap::new();
    for &(channel, user) in &session.app.relations(handle.user).await?.partners {
        for presence in presences.watch(handle, channel.into(), [user]) {
            there.insert(presence.user_id, presence);
        }
    }
    Ok(there.into_values().filter(|presence| presence.status != Status::Offline).collect())
}

pub(super) fn failed(error: &crate::error::Error) -> CloseCode {
    tracing::warn!(%error, "a session could not begin");
    CloseCode::Unknown
}

/// Sends a frame to a session that isn't under way yet; if the client is gone, that shows soon enough.
pub(super) async fn send<B: Backend>(session: &Session<B>, transport: &mut Transport, text: String) -> bool {
    let mut frames: Vec<Frame> = vec![session.seal(text)];
    transport.send(&mut frames).await
}
