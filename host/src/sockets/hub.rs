//! Who listens to what on this node, and the one place that hands events to them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

mod listener;

use listener::{Interest, Listener, Sight, Visible};

use super::event::{Event, Moment};
use super::outbox::{Out, Outbox};
use super::polled::Polls;
use super::protocol::Protocol;
use super::voice::Voices;
use super::{CloseCode, snapshot};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, Membership, Permissions};
use crate::config::Sockets;
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, SessionId, StreamId, UserId};
use crate::log::{Audience, Entry, EventKind};

/// A client's session as the hub knows it.
pub struct Handle {
    /// Its name on this node.
    pub key: u64,
    /// Whose it is.
    pub user: UserId,
    /// The login that it ends with.
    pub session: SessionId,
    /// Which dialect it speaks.
    pub protocol: Protocol,
    /// What waits to be written to it.
    pub outbox: Outbox,
    /// Whether it wants every guild that its user joins.
    wants_all: Mutex<bool>,
}

#[derive(Default)]
struct State {
    streams: HashMap<StreamId, Vec<Listener>>,
    users: HashMap<UserId, Vec<Arc<Handle>>>,
    sockets: usize,
}

/// Sockets of this node and what they listen to.
pub struct Hub {
    state: RwLock<State>,
    next_key: AtomicU64,
    settings: Sockets,
    places: Arc<Semaphore>,
    /// Clients without sockets.
    pub polls: Polls,
    /// Who is in which voice channel.
    pub voices: Voices,
}

impl Hub {
    /// A hub that nobody listens to yet.
    pub fn new(settings: &Sockets) -> Hub {
        Hub {
            state: RwLock::default(),
            next_key: AtomicU64::new(1),
            settings: settings.clone(),
            places: Arc::new(Semaphore::new(settings.connections)),
            polls: Polls::default(),
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
    pub fn enter(&self, app: &App, caller: &Caller, session: SessionId, protocol: Protocol) -> Arc<Handle> {
        let handle = Arc::new(Handle {
            key: self.next_key.fetch_add(1, Ordering::Relaxed),
            user: caller.user,
            session,
            protocol,
            outbox: Outbox::new(&self.settings),
            wants_all: Mutex::new(false),
        });
        let mut state = self.state.write();
        state.sockets += 1;
        state.users.entry(caller.user).or_default().push(handle.clone());
        state.listen(caller.user.into(), Listener::to_all(&handle));
        drop(state);
        // Ended between its proof and here: the row that said so found no socket to close.
        if app.identities.has_ended(session) {
            handle.outbox.close(CloseCode::Revoked);
        }
        handle
    }

    /// Lets a session out.
    pub fn leave(&self, app: &App, handle: &Arc<Handle>) {
        {
            let mut state = self.state.write();
            state.sockets -= 1;
            state.forget(handle);
        }
        super::voice::left_behind(app, handle);
    }

    /// Listens to a direct channel.
    pub fn listen_direct(&self, handle: &Arc<Handle>, stream: StreamId) {
        self.state.write().listen(stream, Listener::to_all(handle));
    }

    /// Listens to all of a guild that a member sees.
    pub fn listen_guild(&self, handle: &Arc<Handle>, membership: &Membership) {
        let interest = Interest { whole: true, ..Interest::default() };
        self.listen_as(handle, membership, |current| current.whole = true, interest);
    }

    /// Listens to one channel of a guild.
    pub fn listen_channel(&self, handle: &Arc<Handle>, membership: &Membership, channel: ChannelId) {
        let interest = Interest { joined: vec![channel], ..Interest::default() };
        let join = |current: &mut Interest| {
            current.muted.retain(|muted| *muted != channel);
            if !current.joined.contains(&channel) {
                current.joined.push(channel);
            }
        };
        self.listen_as(handle, membership, join, interest);
    }

    fn listen_as(
        &self,
        handle: &Arc<Handle>,
        membership: &Membership,
        change: impl FnOnce(&mut Interest),
        first: Interest,
    ) {
        let visible = Visible::of(&membership.guild, &membership.member);
        let sight = Sight { member: membership.member.clone(), visible: Arc::new(visible) };
        let mut state = self.state.write();
        match state.listener(membership.id().into(), handle) {
            Some(listener) => {
                change(&mut listener.interest);
                listener.sight = Some(sight);
            }
            None => {
                let listener = Listener { handle: handle.clone(), interest: first, sight: Some(sight) };
                state.listen(membership.id().into(), listener);
            }
        }
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
            listener.interest.joined.retain(|joined| *joined != channel);
            if listener.interest.whole && !listener.interest.muted.contains(&channel) {
                listener.interest.muted.push(channel);
            }
        }
    }

    /// From here on the session receives every guild that its user joins, too.
    pub fn want_all(&self, handle: &Handle) {
        *handle.wants_all.lock() = true;
    }

    /// Hands an event that isn't logged to those who listen to a channel, but not to `except`.
    pub fn tell_channel(&self, stream: StreamId, channel: ChannelId, event: &Arc<Event>, except: Option<UserId>) {
        for listener in self.state.read().streams.get(&stream).into_iter().flatten() {
            if listener.sees(Some(channel)) && Some(listener.handle.user) != except {
                listener.handle.outbox.push(Out::Event(event.clone()));
            }
        }
    }

    /// Hands rows of the log to those who listen, in order, and keeps what they see as the rows say.
    pub async fn publish(&self, app: &App, entries: &[Arc<Entry>]) {
        let mut rest = entries;
        while let Some(first) = rest.first() {
            // Channels that come or go together do so for those who see them as soon as the first does.
            let together = rest.iter().take_while(|next| goes_with(first, next)).count().max(1);
            let (rows, later) = rest.split_at(together);
            rest = later;
            let before =
                matches!(first.kind, EventKind::ChannelDeleted | EventKind::GuildDeleted | EventKind::MemberLeft);
            if before {
                rows.iter().for_each(|row| self.deliver(row));
            }
            if let Err(error) = self.follow(app, rows).await {
                tracing::warn!(%error, kind = %first.kind, "what sockets see could not be brought up to date; they must come again");
                self.close_stream(first.stream);
            }
            if !before {
                rows.iter().for_each(|row| self.deliver(row));
            }
        }
    }

    fn deliver(&self, entry: &Entry) {
        let state = self.state.read();
        let Some(listeners) = state.streams.get(&entry.stream) else { return };
        let needed = match entry.kind.audience() {
            Audience::Nobody => return,
            Audience::Holders(permissions) => permissions,
            Audience::All => Permissions::NONE,
        };
        let mut event = None;
        for listener in listeners.iter().filter(|listener| listener.sees(entry.channel) && listener.holds(needed)) {
            let event = event.get_or_insert_with(|| Event::logged(entry));
            listener.handle.outbox.push(Out::Event(event.clone()));
        }
    }

    /// Changes who sees what, as rows of the log say that go together.
    async fn follow(&self, app: &App, rows: &[Arc<Entry>]) -> Result<()> {
        let Some(entry) = rows.first() else { return Ok(()) };
        match entry.kind {
            EventKind::SessionRevoked => self.revoke(entry),
            EventKind::MemberJoined => self.member_came(app, entry).await?,
            EventKind::MemberLeft => self.member_went(entry)?,
            EventKind::MemberUpdated => self.look_again(app, rows, Some(subject(entry)?)).await?,
            EventKind::GuildDeleted => drop(self.state.write().streams.remove(&entry.stream)),
            EventKind::ChannelCreated | EventKind::ChannelUpdated
                if entry.channel == Some(ChannelId(entry.stream.0)) =>
            {
                self.recipients_changed(entry)?;
            }
            kind if kind.changes_access() => self.look_again(app, rows, None).await?,
            _ => {}
        }
        Ok(())
    }

    fn revoke(&self, entry: &Entry) {
        #[derive(Deserialize)]
        struct Revoked {
            id: SessionId,
        }
        let Ok(revoked) = serde_json::from_str::<Revoked>(&entry.payload) else { return };
        for handle in self.state.read().users.get(&UserId(entry.stream.0)).into_iter().flatten() {
            if handle.session == revoked.id {
                handle.outbox.close(CloseCode::Revoked);
            }
        }
    }

    async fn member_came(&self, app: &App, entry: &Entry) -> Result<()> {
        let (user, guild) = (subject(entry)?, GuildId(entry.stream.0));
        let handles: Vec<Arc<Handle>> = self.state.read().users.get(&user).into_iter().flatten().cloned().collect();
        for handle in handles.into_iter().filter(|handle| *handle.wants_all.lock()) {
            let Some(membership) = channels::membership_of(app, guild, user).await? else { continue };
            let whole = snapshot::guild_at(app, &membership, entry.position).await?;
            self.listen_guild(&handle, &membership);
            handle.outbox.push(Out::Event(Event::at(Moment::GuildAvailable, entry.stream, entry.position, &whole)?));
        }
        Ok(())
    }

    fn member_went(&self, entry: &Entry) -> Result<()> {
        let user = subject(entry)?;
        if let Some(listeners) = self.state.write().streams.get_mut(&entry.stream) {
            listeners.retain(|listener| listener.handle.user != user);
        }
        Ok(())
    }

    fn recipients_changed(&self, entry: &Entry) -> Result<()> {
        #[derive(Deserialize)]
        struct Direct {
            recipients: Vec<UserId>,
        }
        let Direct { recipients } = serde_json::from_str(&entry.payload)?;
        let mut state = self.state.write();
        let coming: Vec<Arc<Handle>> =
            recipients.iter().filter_map(|user| state.users.get(user)).flatten().cloned().collect();
        let listeners = state.streams.entry(entry.stream).or_default();
        let hidden = listener::direct_hidden(entry.stream)?;
        listeners.retain(|listener| {
            let stays = recipients.contains(&listener.handle.user);
            if !stays {
                listener.handle.outbox.push(Out::Event(hidden.clone()));
            }
            stays
        });
        for handle in coming {
            if !listeners.iter().any(|listener| listener.handle.key == handle.key) {
                listeners.push(Listener::to_all(&handle));
            }
        }
        Ok(())
    }

    /// Computes anew what those in a guild see, all of them or one; tells each what it lost and gained.
    async fn look_again(&self, app: &App, rows: &[Arc<Entry>], only: Option<UserId>) -> Result<()> {
        let Some(stream) = rows.first().map(|row| row.stream) else { return Ok(()) };
        if !self.state.read().streams.contains_key(&stream) {
            return Ok(());
        }
        let Some(rules) = app.rules.guild(&app.db, GuildId(stream.0)).await? else { return Ok(()) };
        let fresh = match only {
            Some(user) => app.rules.member(&app.db, &rules, user).await?,
            None => None,
        };
        let mut state = self.state.write();
        let Some(listeners) = state.streams.get_mut(&stream) else { return Ok(()) };
        let mut alike: HashMap<Vec<i64>, Arc<Visible>> = HashMap::new();
        for listener in listeners.iter_mut().filter(|one| only.is_none_or(|user| user == one.handle.user)) {
            let Some(sight) = &mut listener.sight else { continue };
            if let Some(member) = &fresh {
                sight.member = member.clone();
            }
            let visible = match rules.alike(&sight.member) {
                Some(key) => alike.entry(key).or_insert_with(|| Visible::of(&rules, &sight.member).into()).clone(),
                None => Visible::of(&rules, &sight.member).into(),
            };
            let before = std::mem::replace(&mut sight.visible, visible);
            listener.tell_difference(&before, rows)?;
        }
        Ok(())
    }

    fn close_stream(&self, stream: StreamId) {
        for listener in self.state.read().streams.get(&stream).into_iter().flatten() {
            listener.handle.outbox.close(CloseCode::Unknown);
        }
    }

    /// Asks every socket to come again, because the server ends.
    pub fn close_all(&self) {
        for handle in self.state.read().users.values().flatten() {
            handle.outbox.close(CloseCode::GoingAway);
        }
    }
}

/// Whether two rows tell of channels of one guild that came together, or went together.
fn goes_with(row: &Entry, next: &Entry) -> bool {
    let whole = matches!(row.kind, EventKind::ChannelCreated | EventKind::ChannelDeleted);
    whole && row.kind == next.kind && row.stream == next.stream
}

/// Whom a member's event is about.
fn subject(entry: &Entry) -> Result<UserId> {
    #[derive(Deserialize)]
    struct About {
        user: Who,
    }
    #[derive(Deserialize)]
    struct Who {
        id: UserId,
    }
    Ok(serde_json::from_str::<About>(&entry.payload)?.user.id)
}

impl State {
    fn listen(&mut self, stream: StreamId, listener: Listener) {
        let listeners = self.streams.entry(stream).or_default();
        if !listeners.iter().any(|other| other.handle.key == listener.handle.key) {
            listeners.push(listener);
        }
    }

    fn listener(&mut self, stream: StreamId, handle: &Handle) -> Option<&mut Listener> {
        self.streams.get_mut(&stream)?.iter_mut().find(|listener| listener.handle.key == handle.key)
    }

    fn forget(&mut self, handle: &Handle) {
        self.streams.retain(|_, listeners| {
            listeners.retain(|listener| listener.handle.key != handle.key);
            !listeners.is_empty()
        });
        if let Some(handles) = self.users.get_mut(&handle.user) {
            handles.retain(|other| other.key != handle.key);
            if handles.is_empty() {
                self.users.remove(&handle.user);
            }
        }
    }
}
