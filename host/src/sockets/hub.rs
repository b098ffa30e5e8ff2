//! Who listens to what on this node, and the one place that hands events to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

mod flush;
mod follow;
mod handle;
mod listener;
mod rooms;
mod tail;

pub(super) use follow::subject;
pub use handle::Handle;
pub(super) use listener::Hidden;
pub use listener::Interest;
use listener::{Listener, Sight, Visible};
use rooms::State;
pub use tail::{Tail, Told};

use super::CloseCode;
use super::backend::{Backend, membership};
use super::event::Event;
use super::outbox::Out;
use super::polled::Polls;
use super::presence::Presences;
use super::snapshot::Snapshot;
use super::voice::Voices;
use super::wire::Wire;
use crate::accounts::Caller;
use crate::channels::Membership;
use crate::config::Sockets;
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, SessionId, StreamId, UserId};
use crate::log::Entry;

/// Replays that may read from the log at once: each may hold ten thousand rows.
const REPLAYS_AT_ONCE: usize = 16;
/// Clients that may come in at once: each needs some ten kilobytes meanwhile, and a turn of the database.
const ENTRANCES_AT_ONCE: usize = 32;
/// How long a client that comes back may wait for this node to have published what it has seen elsewhere.
const CATCH_UP: Duration = Duration::from_secs(5);

/// How long somebody in a voice channel may be silent before they are asked whether they are there.
const SPEAKER_ASKED: Duration = Duration::from_secs(3);
/// How long they may be silent before they are taken out of it.
const SPEAKER_LOST: Duration = Duration::from_secs(8);

/// Sockets of this node and what they listen to.
pub struct Hub {
    state: RwLock<State>,
    tail: Mutex<Tail>,
    published: Notify,
    settings: Sockets,
    places: Arc<Semaphore>,
    /// Who may read what they missed from the log at the moment.
    pub replays: Semaphore,
    /// Who may come in at the moment.
    pub entrances: Semaphore,
    /// Clients without sockets.
    pub polls: Polls,
    /// Who is in which voice channel.
    pub voices: Voices,
    /// Who is there.
    pub presences: Presences,
    /// Sessions that take part in a voice channel: those are looked at more often.
    speakers: Mutex<BTreeMap<i64, Arc<Handle>>>,
}

impl Hub {
    /// A hub that nobody listens to yet, where the log has come to these positions.
    pub fn new(settings: &Sockets, heads: &BTreeMap<i64, i64>) -> Hub {
        Hub {
            state: RwLock::default(),
            tail: Mutex::new(Tail::begin(heads)),
            published: Notify::new(),
            settings: settings.clone(),
            places: Arc::new(Semaphore::new(settings.connections)),
            replays: Semaphore::new(REPLAYS_AT_ONCE),
            entrances: Semaphore::new(ENTRANCES_AT_ONCE),
            polls: Polls::default(),
            voices: Voices::default(),
            presences: Presences::default(),
            speakers: Mutex::default(),
        }
    }

    /// A place for one more client, held from its first byte until the permit is dropped.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().map_err(|_| Code::Unavailable.into())
    }

    /// How many sockets are open whose clients are known.
    pub fn sockets(&self) -> usize {
        self.state.read().sockets
    }

    /// Whether a user's socket of this name is open.
    pub fn is_open(&self, user: UserId, session: i64) -> bool {
        let state = self.state.read();
        state.users.get(&user).into_iter().flatten().any(|handle| handle.id == session)
    }

    /// Lets a session in; it receives its own stream from here on.
    pub async fn enter<B: Backend>(
        &self,
        backend: &B,
        caller: &Caller,
        session: SessionId,
        wire: Wire,
    ) -> Result<Arc<Handle>> {
        let handle = Arc::new(Handle::new(backend.mint()?, caller.user, session, wire, &self.settings));
        {
            let mut state = self.state.write();
            state.sockets += 1;
            state.users.entry(caller.user).or_default().push(handle.clone());
            state.listen(caller.user.into(), Listener::to_all(&handle));
        }
        // Known to the hub first: a block that comes now is heard of, and read once more.
        match backend.relations(caller.user).await {
            Ok(relations) => handle.set_blocked(&relations),
            Err(error) => {
                self.leave(&handle);
                return Err(error);
            }
        }
        // Ended between its proof and here: the row that said so found no socket to close.
        if backend.has_ended(session) {
            handle.outbox.close(CloseCode::Revoked);
        }
        Ok(handle)
    }

    /// Lets a session out.
    pub fn leave(&self, handle: &Handle) {
        self.state.write().forget(handle);
        self.presences.leave(handle, Instant::now());
        self.falls_silent(handle.id);
    }

    /// Listens to a direct channel.
    pub fn listen_direct(&self, handle: &Arc<Handle>, stream: StreamId) {
        self.state.write().listen(stream, Listener::to_all(handle));
    }

    /// Listens to a guild, as far as its user sees it and `change` wants it; nothing if they are no member.
    pub async fn tune<B: Backend>(
        &self,
        backend: &B,
        handle: &Arc<Handle>,
        guild: GuildId,
        change: impl FnOnce(&mut Interest) + Send,
    ) -> Result<Option<Membership>> {
        let Some(first) = membership(backend, guild, handle.user).await? else { return Ok(None) };
        if !self.listen_guild(handle, &first, change) {
            // What it sees is kept right by the log, and it is told so: nothing may change behind its back.
            return Ok(Some(first));
        }
        // A row that changed what is seen, and was published between the two, found nobody here yet.
        // What is read now is at least as new; and what comes later finds the listener.
        let Some(second) = membership(backend, guild, handle.user).await? else {
            self.state.write().unlisten(guild.into(), |listener| listener.handle.id == handle.id);
            return Ok(None);
        };
        self.refresh(handle, &second);
        Ok(Some(second))
    }

    /// Whether it didn't listen to the guild before.
    fn listen_guild(&self, handle: &Arc<Handle>, membership: &Membership, change: impl FnOnce(&mut Interest)) -> bool {
        let stream = membership.id().into();
        let mut state = self.state.write();
        match state.listener(stream, handle) {
            Some(listener) => {
                change(&mut listener.interest);
                false
            }
            None => {
                let mut interest = Interest::default();
                change(&mut interest);
                let sight = Some(self.sight(&state, membership));
                state.listen(stream, Listener { handle: handle.clone(), interest, sight });
                true
            }
        }
    }

    /// What a member sees; shared with somebody who sees the same.
    fn sight(&self, state: &State, membership: &Membership) -> Sight {
        let (rules, member) = (&membership.guild, &membership.member);
        let alike = rules.alike(&rules.exceptions(), member).and_then(|key| {
            let room = state.rooms.get(&membership.id().into())?;
            // The last who came is most likely one like this one.
            let sights = room.listeners.values().rev().take(8).filter_map(|listener| listener.sight.as_ref());
            let mut same = sights.filter(|sight| sight.version == rules.version);
            same.find(|sight| sight.key.as_ref() == Some(&key)).cloned()
        });
        match alike {
            Some(sight) => Sight { member: member.clone(), ..sight },
            None => Sight::of(rules, member),
        }
    }

    /// Gives a session the sight that follows from these rules, unless it has a newer one.
    fn refresh(&self, handle: &Handle, membership: &Membership) {
        let mut state = self.state.write();
        let Some(listener) = state.listener(membership.id().into(), handle) else { return };
        if listener.sight.as_ref().is_none_or(|sight| sight.version < membership.guild.version) {
            listener.sight = Some(Sight::of(&membership.guild, &membership.member));
        }
    }

    /// Makes what a session listens to and sees agree with the snapshot that it was given.
    pub async fn settle<B: Backend>(&self, backend: &B, handle: &Arc<Handle>, snapshot: &Snapshot) -> Result<()> {
        for absent in &snapshot.absent {
            // Whoever has joined again since then listens by newer rules.
            let is_old = |sight: &Sight| sight.version <= absent.version;
            self.state.write().unlisten(absent.stream, |listener| {
                listener.handle.id == handle.id && listener.sight.as_ref().is_none_or(is_old)
            });
        }
        for membership in &snapshot.memberships {
            self.settle_in(backend, handle, membership).await?;
        }
        Ok(())
    }

    /// The same for one guild: if the log is ahead of the snapshot, the session is told what has become of
    /// it since.
    async fn settle_in<B: Backend>(&self, backend: &B, handle: &Arc<Handle>, membership: &Membership) -> Result<()> {
        self.refresh(handle, membership);
        let guild = membership.id();
        let (gained, version) = {
            let mut state = self.state.write();
            let Some(listener) = state.listener(guild.into(), handle) else { return Ok(()) };
            let given = Visible::of(&membership.guild, &membership.member);
            match &listener.sight {
                Some(sight) if sight.version > membership.guild.version => {
                    (listener.tell_hidden(guild, &given, &[])?, sight.version)
                }
                _ => return Ok(()),
            }
        };
        let gained = gained.into_iter().map(|channel| (channel, vec![handle.clone()])).collect();
        self.tell_shown(backend, guild, gained, version).await
    }

    /// Whether a session listens to all of a stream already.
    fn listens_whole(&self, handle: &Handle, stream: StreamId) -> bool {
        let state = self.state.read();
        let room = state.rooms.get(&stream);
        room.and_then(|room| room.listeners.get(&handle.id)).is_some_and(|listener| listener.interest.whole)
    }

    /// Listens to a whole guild no longer.
    pub fn unlisten_guild(&self, handle: &Arc<Handle>, guild: GuildId) {
        if let Some(listener) = self.state.write().listener(guild.into(), handle) {
            listener.interest.whole = false;
            listener.interest.muted.clear();
        }
    }

    /// Listens to a channel no longer, even inside a guild that is listened to.
    pub fn unlisten_channel(&self, handle: &Arc<Handle>, stream: StreamId, channel: ChannelId) {
        if let Some(listener) = self.state.write().listener(stream, handle) {
            listener.interest.mute(channel);
        }
    }

    /// From here on the session receives every guild that its user joins, too.
    pub fn want_all(&self, handle: &Handle) {
        handle.wants_all.store(true, Ordering::Release);
    }

    /// Hands an event that isn't logged to those who listen to a channel, but not to the one it is about
    /// nor to whoever shall not hear of them.
    pub fn tell_channel(&self, stream: StreamId, channel: ChannelId, event: &Arc<Event>, from: UserId) {
        let state = self.state.read();
        let Some(room) = state.rooms.get(&stream) else { return };
        for listener in room.listeners.values() {
            let handle = &listener.handle;
            if handle.user != from && listener.sees(Some(channel)) && handle.hears(from) {
                handle.outbox.push(Out::Event(event.clone()));
            }
        }
    }

    /// A session takes part in a voice channel.
    pub fn speaks(&self, handle: &Arc<Handle>) {
        handle.spoke.store(true, Ordering::Release);
        self.speakers.lock().insert(handle.id, handle.clone());
    }

    /// A session takes part in no voice channel any more.
    pub fn falls_silent(&self, id: i64) {
        self.speakers.lock().remove(&id);
    }

    /// Asks those in voice channels who were silent for a while whether they are there; answers those
    /// who were asked and gave no answer in time, and forgets them.
    pub fn lost_speakers(&self) -> Vec<Arc<Handle>> {
        let mut speakers = self.speakers.lock();
        let (lost, there): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut *speakers).into_iter().partition(|(_, handle)| handle.silence() >= SPEAKER_LOST);
        *speakers = there;
        for handle in speakers.values().filter(|handle| handle.silence() >= SPEAKER_ASKED) {
            handle.outbox.push(Out::Frame(handle.wire.probe()));
        }
        lost.into_values().collect()
    }

    /// The sessions of somebody.
    pub fn handles_of(&self, user: UserId) -> Vec<Arc<Handle>> {
        self.state.read().users.get(&user).cloned().unwrap_or_default()
    }

    /// What a session has been handed of its streams, those alone that went beyond `told`; which it changes.
    pub fn cursors(&self, handle: &Handle, told: &mut BTreeMap<StreamId, i64>) -> Vec<(StreamId, i64)> {
        let state = self.state.read();
        let mut moved = Vec::new();
        for stream in handle.streams.lock().iter() {
            let head = state.rooms.get(stream).map_or(0, |room| room.head.load(Ordering::Acquire));
            let before = told.entry(*stream).or_default();
            if head > *before {
                *before = head;
                moved.push((*stream, head));
            }
        }
        moved
    }

    /// Resolves once everything up to these positions was published; false if that takes too long.
    pub async fn reached(&self, heads: &BTreeMap<i64, i64>) -> bool {
        let wait = async {
            loop {
                let published = self.published.notified();
                if self.tail.lock().has_reached(heads) {
                    return;
                }
                published.await;
            }
        };
        tokio::time::timeout(CATCH_UP, wait).await.is_ok()
    }

    /// The position of the last row of a shard that was published.
    pub fn head(&self, shard: i64) -> i64 {
        self.tail.lock().head(shard)
    }

    /// Resolves once more rows are published than were when this was called.
    pub fn next_publish(&self) -> Notified<'_> {
        self.published.notified()
    }

    /// A shard's published rows after a position, from memory, `limit` at most; nothing if they aren't all there.
    pub fn rows_after(&self, shard: i64, position: i64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        self.tail.lock().after(shard, position, limit)
    }

    /// A stream's rows after a position, from memory; nothing if they aren't all there.
    pub fn recent(&self, shard: i64, stream: StreamId, after: i64) -> Option<Vec<Told>> {
        self.tail.lock().of_stream(shard, stream, after)
    }

    /// Those of some rows of a stream that a session may receive, as things stand now.
    pub fn visible_to(&self, handle: &Handle, stream: StreamId, rows: Vec<Told>) -> Vec<Arc<Event>> {
        let state = self.state.read();
        let Some(listener) = state.rooms.get(&stream).and_then(|room| room.listeners.get(&handle.id)) else {
            return Vec::new();
        };
        rows.into_iter().filter(|told| listener.receives(&told.entry)).map(|told| told.event).collect()
    }

    /// Closes a session of somebody, because a newer one took its place; whether it was here.
    pub fn close_replaced(&self, user: UserId, id: i64) -> bool {
        let state = self.state.read();
        let found = state.users.get(&user).into_iter().flatten().find(|handle| handle.id == id);
        if let Some(handle) = found {
            handle.outbox.close(CloseCode::Replaced);
        }
        found.is_some()
    }

    /// Closes every socket.
    pub fn close_all(&self, code: CloseCode) {
        self.state.read().users.values().flatten().for_each(|handle| handle.outbox.close(code));
    }

    /// All sessions of this node.
    pub fn everybody(&self) -> Vec<Arc<Handle>> {
        let mut everybody: Vec<_> = self.state.read().users.values().flatten().cloned().collect();
        everybody.sort_unstable_by_key(|handle| handle.id);
        everybody
    }

    /// Puts a row into the queues of those who receive it; adds to `touched` those whose queues were empty.
    fn deliver(&self, told: &Told, touched: &mut Vec<Arc<Handle>>) {
        let state = self.state.read();
        let Some(room) = state.rooms.get(&told.entry.stream) else { return };
        let mut alike: Option<(*const Visible, bool)> = None;
        for listener in room.listeners.values() {
            if listener.receives_like(&told.entry, &mut alike)
                && listener.handle.outbox.add(Out::Event(told.event.clone()))
            {
                touched.push(listener.handle.clone());
            }
        }
        room.head.store(told.entry.position, Ordering::Release);
    }
}

/// Whether two rows tell of channels of one guild that came together, or went together.
fn goes_with(row: &Entry, next: &Entry) -> bool {
    use crate::log::EventKind::{ChannelCreated, ChannelDeleted};
    matches!(row.kind, ChannelCreated | ChannelDeleted) && row.kind == next.kind && row.stream == next.stream
}
