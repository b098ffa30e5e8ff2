//! How a client comes back: it is told what it has missed, from memory or from the log, and where that
//! can't be, how a stream stands now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Session;
use super::entrance::{failed, listen, meet, send};
use crate::accounts::User;
use crate::closed_set;
use crate::error::Result;
use crate::id::{StreamId, UserId};
use crate::known_bugs::{KnownBug, is_back};
use crate::log::{EventKind, shard_of};
use crate::sockets::CloseCode;
use crate::sockets::backend::Backend;
use crate::sockets::event::Event;
use crate::sockets::hub::{Told, subject};
use crate::sockets::presence::Presence;
use crate::sockets::progress::Floors;
use crate::sockets::protocol::{Notice, Resume, Room, Subscribe};
use crate::sockets::snapshot::{Stream, Whole};
use crate::sockets::transport::Transport;
use crate::sockets::wire::Frame;

/// Frames that are handed to the transport at a time: the client's pace is ours.
const FRAMES_AT_ONCE: usize = 256;

closed_set! {
    /// Why what was missed of a stream can't be told row by row.
    pub enum Reason {
        /// The log doesn't go back so far any more.
        Expired = "expired",
        /// What the user may see has changed since.
        Changed = "changed",
        /// It is too much.
        TooMany = "too_many",
        /// The user isn't in it any more: forget it.
        Gone = "gone",
        /// The user came into it meanwhile.
        New = "new",
    }
}

/// What a client that comes back is told of one stream.
enum Missed {
    Rows(Vec<Told>),
    Resync(Reason),
}

/// The body of `resync`.
#[derive(Serialize, ToSchema)]
pub(in crate::sockets) struct Resync<'a> {
    stream: StreamId,
    reason: Reason,
    /// The stream as in `ready`; null if the user isn't in it.
    #[schema(value_type = Option<Whole>)]
    snapshot: Option<&'a Stream>,
    /// The account as in `ready`, if the stream is the account's own.
    #[serde(flatten)]
    account: Option<Account<'a>>,
}

#[derive(Serialize, ToSchema)]
struct Account<'a> {
    #[schema(value_type = User)]
    user: &'a RawValue,
    #[schema(value_type = Vec<UserId>)]
    blocked: &'a [UserId],
}

/// The body of `resumed`.
#[derive(Serialize, ToSchema)]
pub(in crate::sockets) struct Resumed {
    session_id: String,
    streams: Vec<Place>,
    presences: Vec<Presence>,
}

/// A stream and its position.
#[derive(Serialize, ToSchema)]
struct Place {
    id: StreamId,
    s: i64,
}

/// Tells a client what it has missed; answers up to where.
///
/// It listens first, so that from here on its sight is kept right by the log; then everything that was
/// committed by now is published before what it missed is gathered. So whatever its sight may hold
/// already is among the rows that are looked at, and a row that changed what it sees is never missed.
pub(super) async fn resume<B: Backend>(
    session: &Session<B>,
    transport: &mut Transport,
    resume: Resume,
) -> Result<Floors, CloseCode> {
    let cursors = resume.cursors.as_ref().ok_or(CloseCode::BadCursor)?;
    let old = match resume.session_id.as_deref().map(str::parse::<i64>) {
        None => None,
        Some(Ok(old)) => Some(old),
        Some(Err(_)) => return Err(CloseCode::BadCursor),
    };
    if let Some(old) = old {
        session.app.replace(old, &session.handle).await;
    }
    let streams = rejoin(session, &resume).await.map_err(|error| failed(&error))?;
    let heads = session.app.log().heads().await.map_err(|error| failed(&error))?;
    let shards = heads.len() as i64;
    let head_of = |stream: StreamId| heads.get(&shard_of(stream, shards)).copied().unwrap_or_default();
    if cursors.iter().any(|(stream, cursor)| *cursor < 0 || *cursor > head_of(*stream)) {
        return Err(CloseCode::BadCursor);
    }
    if !session.app.hub().reached(&heads).await {
        return Err(CloseCode::Unknown);
    }
    let (mut floors, mut versions) = (HashMap::new(), HashMap::new());
    let mut anew: Vec<(StreamId, Reason)> = Vec::new();
    for &stream in &streams {
        let shard = shard_of(stream, shards);
        let floor = session.app.hub().head(shard);
        let missed = match cursors.get(&stream) {
            Some(&cursor) => missed(session, stream, shard, cursor, floor).await,
            None if resume.subscribe == Some(Subscribe::None) || stream == session.handle.user.into() => {
                Ok(Missed::Rows(Vec::new()))
            }
            None => Ok(Missed::Resync(Reason::New)),
        };
        match missed.map_err(|error| failed(&error))? {
            Missed::Rows(rows) => {
                let events = session.app.hub().visible_to(&session.handle, stream, rows);
                if !replay(session, transport, events).await {
                    return Err(CloseCode::Unknown);
                }
                floors.insert(stream, floor);
            }
            Missed::Resync(reason) => anew.push((stream, reason)),
        }
    }
    let gone = begin_anew(session, transport, cursors, &streams, &anew, (&mut floors, &mut versions))
        .await
        .map_err(|error| failed(&error))?;
    let there = floors.iter().filter(|(stream, _)| !gone.contains(stream));
    let mut places: Vec<Place> = there.map(|(id, s)| Place { id: *id, s: *s }).collect();
    places.sort_unstable_by_key(|place| place.id);
    let presences = meet(session).await.map_err(|error| failed(&error))?;
    let resumed = Resumed { session_id: session.handle.id.to_string(), streams: places, presences };
    let resumed = serde_json::to_string(&resumed).map_err(|error| failed(&error.into()))?;
    send(session, transport, session.protocol().notice(Notice::Resumed, &resumed)).await;
    Ok(Floors::new(floors, versions))
}

/// Listens to what the session listened to; answers those streams.
async fn rejoin<B: Backend>(session: &Session<B>, resume: &Resume) -> Result<Vec<StreamId>> {
    let (app, handle) = (&session.app, &session.handle);
    let mut streams = listen(session, resume.subscribe.unwrap_or_default()).await?;
    for room in &resume.rooms {
        let guild = match *room {
            Room::Guild(guild) => {
                app.hub().tune(app, handle, guild, |interest| interest.whole = true).await?.map(|_| guild)
            }
            Room::Channel(channel) => match app.guild_of(channel).await? {
                Some(guild) => {
                    app.hub().tune(app, handle, guild, |interest| interest.join(channel)).await?.map(|_| guild)
                }
                None => None,
            },
        };
        streams.extend(guild.map(StreamId::from).filter(|stream| !streams.contains(stream)));
    }
    for channel in &resume.muted {
        if let Some(guild) = app.guild_of(*channel).await? {
            app.hub().unlisten_channel(handle, guild.into(), *channel);
        }
    }
    Ok(streams)
}

/// What a session has missed of a stream after `cursor`, up to and with `floor`.
async fn missed<B: Backend>(
    session: &Session<B>,
    stream: StreamId,
    shard: i64,
    cursor: i64,
    floor: i64,
) -> Result<Missed> {
    let at_most = session.app.settings().resume_rows;
    let rows = match session.app.hub().recent(shard, stream, cursor) {
        Some(rows) => rows,
        None => {
            let Ok(_place) = session.app.hub().replays.acquire().await else {
                return Ok(Missed::Resync(Reason::TooMany));
            };
            if cursor + 1 < session.app.log().first(shard).await? {
                return Ok(Missed::Resync(Reason::Expired));
            }
            let rows = session.app.log().of_stream(stream, cursor, floor, at_most + 1).await?;
            rows.into_iter().map(Told::new).collect()
        }
    };
    // What was published since the floor was read comes by itself.
    let rows: Vec<Told> = rows.into_iter().filter(|told| told.entry.position <= floor).collect();
    if rows.len() as i64 > at_most {
        return Ok(Missed::Resync(Reason::TooMany));
    }
    for told in &rows {
        if changes_sight(told, session.handle.user)? && !is_back(KnownBug::SightForgotten) {
            return Ok(Missed::Resync(Reason::Changed));
        }
    }
    Ok(Missed::Rows(rows))
}

/// Whether a row may have changed what somebody sees of a guild.
fn changes_sight(told: &Told, user: UserId) -> Result<bool> {
    let entry = &told.entry;
    Ok(match entry.kind {
        // A direct channel is seen whole by all who are in it.
        EventKind::ChannelCreated | EventKind::ChannelUpdated
            if entry.channel.is_some_and(|one| one.0 == entry.stream.0) =>
        {
            false
        }
        // It tells all of a channel that nobody saw before.
        EventKind::ChannelCreated | EventKind::GuildCreated => false,
        EventKind::MemberJoined | EventKind::MemberLeft | EventKind::MemberUpdated => subject(entry)? == user,
        kind => kind.changes_access(),
    })
}

async fn replay<B: Backend>(session: &Session<B>, transport: &mut Transport, events: Vec<Arc<Event>>) -> bool {
    let mut frames: Vec<Frame> = Vec::with_capacity(events.len().min(FRAMES_AT_ONCE));
    for events in events.chunks(FRAMES_AT_ONCE) {
        frames.extend(events.iter().map(|event| event.frame(session.handle.wire)));
        if !transport.send(&mut frames).await {
            return false;
        }
    }
    true
}

/// Tells of those streams that begin anew, and of those that are gone; answers these.
async fn begin_anew<B: Backend>(
    session: &Session<B>,
    transport: &mut Transport,
    cursors: &BTreeMap<StreamId, i64>,
    streams: &[StreamId],
    anew: &[(StreamId, Reason)],
    (floors, versions): (&mut HashMap<StreamId, i64>, &mut HashMap<StreamId, i64>),
) -> Result<Vec<StreamId>> {
    let mut gone = Vec::new();
    if !anew.is_empty() {
        let wanted: Vec<StreamId> = anew.iter().map(|(stream, _)| *stream).collect();
        let snapshot = session.app.snapshot(session.handle.user, &wanted).await?;
        session.app.hub().settle(&session.app, &session.handle, &snapshot).await?;
        for (stream, reason) in anew {
            let found = snapshot.streams.iter().find(|one| one.id == *stream);
            let reason = if found.is_some() { *reason } else { Reason::Gone };
            let own = *stream == session.handle.user.into();
            let account = own.then_some(Account { user: &snapshot.user, blocked: &snapshot.blocked });
            let told = Resync { stream: *stream, reason, snapshot: found, account };
            resync(session, transport, &told).await?;
        }
        floors.extend(snapshot.positions());
        versions.extend(snapshot.versions());
        gone.extend(snapshot.absent.iter().map(|absent| absent.stream));
    }
    for stream in cursors.keys().filter(|stream| !streams.contains(stream)) {
        // Without a room it is not listened to; but whoever isn't in it any more must know.
        if !session.app.is_in(session.handle.user, *stream).await? {
            let told = Resync { stream: *stream, reason: Reason::Gone, snapshot: None, account: None };
            resync(session, transport, &told).await?;
        }
    }
    Ok(gone)
}

async fn resync<B: Backend>(session: &Session<B>, transport: &mut Transport, told: &Resync<'_>) -> Result<()> {
    let body = serde_json::to_string(told)?;
    send(session, transport, session.protocol().notice(Notice::Resync, &body)).await;
    Ok(())
}
