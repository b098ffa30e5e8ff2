//! Who listens to what on this node, and the one place that hands events to them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

mod follow;
mod listener;
mod tail;

pub(super) use follow::subject;
pub use listener::Interest;
use listener::{Listener, Sight, Visible};
pub use tail::{Tail, Told};

use super::CloseCode;
use super::backend::{Backend, membership};
use super::engineio::Engines;
use super::event::Event;
use super::outbox::{Out, Outbox};
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
/// How long a client that comes back may wait for this node to have published what it has seen elsewhere.
const CATCH_UP: Duration = Duration::from_secs(5);

/// A client's session as the hub knows it.
pub struct Handle {
    /// Its name, unlike that of any other session on any node.
    pub id: i64,
    /// Whose it is.
    pub user: UserId,
    /// The login that it ends with.
    pub session: SessionId,
    /// How its frames are written.
    pub wire: Wire,
    /// What waits to be written to it.
    pub outbox: Outbox,
    /// Whether it wants every guild that its user joins.
    wants_all: AtomicBool,
    /// What it listens to.
    streams: Mutex<Vec<StreamId>>,
    /// Of whose moments it doesn't hear.
    blocked: RwLock<HashSet<UserId>>,
}

impl Handle {
    /// Whether it hears of somebody's moments: not if one of the two has blocked the other.
    pub fn hears(&self, user: UserId) -> bool {
        !self.blocked.read().contains(&user)
    }
}

/// Those who listen to one stream.
#[derive(Default)]
struct Room {
    listeners: IndexMap<i64, Listener>,
    /// The position of the stream's last row that was published while somebody listened.
    head: AtomicI64,
}

#[derive(Default)]
struct State {
    rooms: HashMap<StreamId, Room>,
    users: HashMap<UserId, Vec<Arc<Handle>>>,
    sockets: usize,
}

/// Sockets of this node and what they listen to.
pub struct Hub {
    state: RwLock<State>,
    tail: Mutex<Tail>,
    published: Notify,
    settings: Sockets,
    places: Arc<Semaphore>,
    /// Who may read what they missed from the log at the moment.
    pub replays: Semaphore,
    /// Polling clients.
    pub engines: Engines,
    /// Who is in which voice channel.
    pub voices: Voices,
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
            engines: Engines::default(),
            voices: Voices::default(),
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

    /// Lets a session in; it receives its own stream from here on.
    pub async fn enter<B: Backend>(
        &self,
        backend: &B,
        caller: &Caller,
        session: SessionId,
        wire: Wire,
    ) -> Result<Arc<Handle>> {
        let handle = Arc::new(Handle {
            id: backend.mint()?,
            user: caller.user,
            session,
            wire,
            outbox: Outbox::new(&self.settings),
            wants_all: AtomicBool::new(false),
            streams: Mutex::default(),
            blocked: RwLock::default(),
        });
        {
            let mut state = self.state.write();
            state.sockets += 1;
            state.users.entry(caller.user).or_default().push(handle.clone());
            state.listen(caller.user.into(), Listener::to_all(&handle));
        }
        // Known to the hub first: a block that comes now is heard of, and read once more.
        match backend.blocks(caller.user).await {
            Ok(blocked) => *handle.blocked.write() = blocked.into_iter().collect(),
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
        self.listen_guild(handle, &first, change);
        // A row that changed what is seen, and was published between the two, found nobody here yet.
        // What is read now is at least as new; and what comes later finds the listener.
        let Some(second) = membership(backend, guild, handle.user).await? else {
            self.state.write().unlisten(guild.into(), |listener| listener.handle.id == handle.id);
            return Ok(None);
        };
        self.refresh(handle, &second);
        Ok(Some(second))
    }

    fn listen_guild(&self, handle: &Arc<Handle>, membership: &Membership, change: impl FnOnce(&mut Interest)) {
        let stream = membership.id().into();
        let mut state = self.state.write();
        match state.listener(stream, handle) {
            // What it sees is kept right by the log, which may be ahead of what was read here.
            Some(listener) => change(&mut listener.interest),
            None => {
                let mut interest = Interest::default();
                change(&mut interest);
                let sight = Some(self.sight(&state, membership));
                state.listen(stream, Listener { handle: handle.clone(), interest, sight });
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

    /// Makes what a session sees of a guild agree with the snapshot that it was given by these rules: if
    /// the log is ahead of the snapshot, the session is told what has become of it since.
    pub async fn settle<B: Backend>(&self, backend: &B, handle: &Arc<Handle>, membership: &Membership) -> Result<()> {
        self.refresh(handle, membership);
        let guild = membership.id();
        let gained = {
            let mut state = self.state.write();
            let Some(listener) = state.listener(guild.into(), handle) else { return Ok(()) };
            let given = Visible::of(&membership.guild, &membership.member);
            match &listener.sight {
                Some(sight) if sight.version > membership.guild.version => listener.tell_hidden(guild, &given, &[])?,
                _ => return Ok(()),
            }
        };
        let gained = gained.into_iter().map(|channel| (channel, vec![handle.clone()])).collect();
        self.tell_shown(backend, guild, gained).await
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

    /// Tells every socket that the server ends; answers them all.
    pub fn everybody(&self) -> Vec<Arc<Handle>> {
        let mut everybody: Vec<_> = self.state.read().users.values().flatten().cloned().collect();
        everybody.sort_unstable_by_key(|handle| handle.id);
        everybody
    }

    fn deliver(&self, told: &Told) {
        let state = self.state.read();
        let Some(room) = state.rooms.get(&told.entry.stream) else { return };
        let mut alike: Option<(*const Visible, bool)> = None;
        for listener in room.listeners.values() {
            if listener.receives_like(&told.entry, &mut alike) {
                listener.handle.outbox.push(Out::Event(told.event.clone()));
            }
        }
        room.head.store(told.entry.position, Ordering::Release);
    }
}

impl State {
    fn listen(&mut self, stream: StreamId, listener: Listener) {
        let handle = listener.handle.clone();
        if let indexmap::map::Entry::Vacant(place) = self.rooms.entry(stream).or_default().listeners.entry(handle.id) {
            place.insert(listener);
            handle.streams.lock().push(stream);
        }
    }

    fn listener(&mut self, stream: StreamId, handle: &Handle) -> Option<&mut Listener> {
        self.rooms.get_mut(&stream)?.listeners.get_mut(&handle.id)
    }

    /// Takes those out of a stream who may listen no longer; answers them.
    fn unlisten(&mut self, stream: StreamId, leaves: impl Fn(&Listener) -> bool) -> Vec<Arc<Handle>> {
        let Some(room) = self.rooms.get_mut(&stream) else { return Vec::new() };
        let leaving: Vec<Arc<Handle>> =
            room.listeners.values().filter(|one| leaves(one)).map(|one| one.handle.clone()).collect();
        room.listeners.retain(|_, listener| !leaves(listener));
        if room.listeners.is_empty() {
            self.rooms.remove(&stream);
        }
        for handle in &leaving {
            handle.streams.lock().retain(|one| *one != stream);
        }
        leaving
    }

    fn forget(&mut self, handle: &Handle) {
        for stream in std::mem::take(&mut *handle.streams.lock()) {
            let Some(room) = self.rooms.get_mut(&stream) else { continue };
            room.listeners.swap_remove(&handle.id);
            if room.listeners.is_empty() {
                self.rooms.remove(&stream);
            }
        }
        let Some(handles) = self.users.get_mut(&handle.user) else { return };
        let before = handles.len();
        handles.retain(|other| other.id != handle.id);
        self.sockets -= before - handles.len();
        if handles.is_empty() {
            self.users.remove(&handle.user);
        }
    }
}

/// Whether two rows tell of channels of one guild that came together, or went together.
fn goes_with(row: &Entry, next: &Entry) -> bool {
    use crate::log::EventKind::{ChannelCreated, ChannelDeleted};
    matches!(row.kind, ChannelCreated | ChannelDeleted) && row.kind == next.kind && row.stream == next.stream
}
