//! Who is there and how busy, and who is told of it: those alone who asked to be.
//!
//! A guild of ten thousand would be told of a hundred million comings if everybody heard of everybody.
//! So a session hears of those whom it has looked at, a thousand at most, and of the people it talks
//! to directly. And whoever goes is said to be gone only after a while: who comes back in time makes
//! no noise at all.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::event::{Event, Moment};
use super::hub::Handle;
use super::outbox::Out;
use crate::closed_set;
use crate::id::{StreamId, UserId};

/// How long somebody may be gone before it is said.
pub const GRACE: Duration = Duration::from_secs(10);
/// Whom a session may watch, at most; then it forgets those whom it has watched longest.
const WATCHED: usize = 1_000;

closed_set! {
    /// How busy somebody says they are.
    pub enum Availability {
        /// They are there.
        Online = "online",
        /// They haven't done anything for a while.
        Idle = "idle",
        /// They don't want to be disturbed.
        Dnd = "dnd",
        /// They are there and don't show it.
        Invisible = "invisible",
    }
}

closed_set! {
    /// What others are told of somebody.
    pub enum Status {
        /// They don't want to be disturbed.
        Dnd = "dnd",
        /// They are there.
        Online = "online",
        /// They haven't done anything for a while.
        Idle = "idle",
        /// They aren't there, or don't show it.
        Offline = "offline",
    }
}

/// Somebody's presence, as others are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Presence {
    /// Who.
    pub user_id: UserId,
    /// How busy.
    pub status: Status,
}

/// Who is there on this node, what is known of others, and who watches whom.
#[derive(Default)]
pub struct Presences(Mutex<State>);

#[derive(Default)]
struct State {
    sessions: HashMap<UserId, Vec<(i64, Availability)>>,
    /// Whose last session here has ended, and when that is said.
    leaving: HashMap<UserId, Instant>,
    elsewhere: HashMap<UserId, Status>,
    /// What this node says of its own, and what all are told; nobody who is offline.
    own: HashMap<UserId, Status>,
    shown: HashMap<UserId, Status>,
    /// Of whom other nodes must be told anew.
    changed: BTreeSet<UserId>,
    watchers: HashMap<UserId, Vec<Watcher>>,
    watched: HashMap<i64, VecDeque<(UserId, StreamId)>>,
}

struct Watcher {
    handle: Arc<Handle>,
    /// The guild or direct channel that the two have in common.
    through: StreamId,
}

impl Presences {
    /// A session has begun.
    pub fn come(&self, handle: &Handle) {
        let mut state = self.0.lock();
        state.leaving.remove(&handle.user);
        state.sessions.entry(handle.user).or_default().push((handle.id, Availability::Online));
        state.look(handle.user);
    }

    /// A session's user says how busy they are.
    pub fn set(&self, handle: &Handle, availability: Availability) -> Presence {
        let mut state = self.0.lock();
        let sessions = state.sessions.entry(handle.user).or_default();
        if let Some((_, said)) = sessions.iter_mut().find(|(id, _)| *id == handle.id) {
            *said = availability;
        }
        state.look(handle.user);
        state.presence(handle.user)
    }

    /// A session has ended: it watches nobody any more, and its user may be gone.
    pub fn leave(&self, handle: &Handle, now: Instant) {
        let mut state = self.0.lock();
        for (user, _) in state.watched.remove(&handle.id).unwrap_or_default() {
            state.unwatch(user, |watcher| watcher.handle.id == handle.id);
        }
        let Some(sessions) = state.sessions.get_mut(&handle.user) else { return };
        let before = sessions.len();
        sessions.retain(|(id, _)| *id != handle.id);
        if sessions.len() == before {
            return;
        }
        if sessions.is_empty() {
            state.sessions.remove(&handle.user);
            state.leaving.insert(handle.user, now + GRACE);
        } else {
            state.look(handle.user);
        }
    }

    /// Says of those that they are gone who have been for a while.
    pub fn sweep(&self, now: Instant) {
        let mut state = self.0.lock();
        let mut gone: Vec<UserId> =
            state.leaving.iter().filter(|(_, when)| **when <= now).map(|(user, _)| *user).collect();
        gone.sort_unstable();
        for user in gone {
            state.leaving.remove(&user);
            state.look(user);
        }
    }

    /// Hears what other nodes say of somebody; nothing if none of them knows them any more.
    pub fn hear(&self, user: UserId, status: Option<Status>) {
        let mut state = self.0.lock();
        match status {
            Some(status) => state.elsewhere.insert(user, status),
            None => state.elsewhere.remove(&user),
        };
        state.look(user);
    }

    /// What other nodes must be told anew: what this node says of somebody, or nothing any more.
    pub fn take_changed(&self) -> Vec<(UserId, Option<Status>)> {
        let mut state = self.0.lock();
        let changed = std::mem::take(&mut state.changed);
        changed.into_iter().map(|user| (user, state.own.get(&user).copied())).collect()
    }

    /// From here on a session hears of these people, whom it has found through a stream; answers how
    /// they are now.
    pub fn watch(
        &self,
        handle: &Arc<Handle>,
        through: StreamId,
        users: impl IntoIterator<Item = UserId>,
    ) -> Vec<Presence> {
        let mut state = self.0.lock();
        users.into_iter().filter(|user| *user != handle.user).map(|user| state.watch(handle, through, user)).collect()
    }

    /// Sessions of somebody have lost a stream: they don't hear any more of those whom they have found there.
    pub fn lose(&self, handles: &[Arc<Handle>], stream: StreamId) {
        let mut state = self.0.lock();
        for handle in handles {
            let Some(watched) = state.watched.get_mut(&handle.id) else { continue };
            let lost: Vec<UserId> =
                watched.iter().filter(|(_, through)| *through == stream).map(|(user, _)| *user).collect();
            watched.retain(|(_, through)| *through != stream);
            for user in lost {
                state.unwatch(user, |watcher| watcher.handle.id == handle.id && watcher.through == stream);
            }
        }
    }

    /// Somebody has left a stream: those who have found them there don't hear of them any more.
    pub fn left(&self, user: UserId, stream: StreamId) {
        self.0.lock().unwatch(user, |watcher| watcher.through == stream);
    }

    /// How somebody is, as others are told.
    pub fn of(&self, user: UserId) -> Presence {
        self.0.lock().presence(user)
    }
}

impl State {
    fn presence(&self, user_id: UserId) -> Presence {
        Presence { user_id, status: self.shown.get(&user_id).copied().unwrap_or(Status::Offline) }
    }

    fn watch(&mut self, handle: &Arc<Handle>, through: StreamId, user: UserId) -> Presence {
        let watchers = self.watchers.entry(user).or_default();
        if !watchers.iter().any(|watcher| watcher.handle.id == handle.id && watcher.through == through) {
            watchers.push(Watcher { handle: handle.clone(), through });
            let watched = self.watched.entry(handle.id).or_default();
            watched.push_back((user, through));
            if watched.len() > WATCHED
                && let Some((oldest, through)) = watched.pop_front()
            {
                self.unwatch(oldest, |watcher| watcher.handle.id == handle.id && watcher.through == through);
            }
        }
        match handle.hears(user) {
            true => self.presence(user),
            false => Presence { user_id: user, status: Status::Offline },
        }
    }

    fn unwatch(&mut self, user: UserId, which: impl Fn(&Watcher) -> bool) {
        let Some(watchers) = self.watchers.get_mut(&user) else { return };
        watchers.retain(|watcher| !which(watcher));
        if watchers.is_empty() {
            self.watchers.remove(&user);
        }
    }

    /// Finds out how somebody is; if that is new, tells those who watch, and notes it for other nodes.
    fn look(&mut self, user: UserId) {
        let said = self.sessions.get(&user).into_iter().flatten();
        let own = match self.leaving.contains_key(&user) {
            true => self.own.get(&user).copied(),
            false => said.filter_map(|(_, availability)| availability.shown()).min_by_key(|status| *status as u8),
        };
        if put(&mut self.own, user, own) {
            self.changed.insert(user);
        }
        let elsewhere = self.elsewhere.get(&user).copied();
        let status = own.into_iter().chain(elsewhere).min_by_key(|status| *status as u8);
        if put(&mut self.shown, user, status) {
            self.tell(user);
        }
    }

    fn tell(&self, user: UserId) {
        let Some(watchers) = self.watchers.get(&user) else { return };
        // Two plain fields: nothing in it can fail to be JSON.
        let Ok(payload) = serde_json::to_string(&self.presence(user)) else { return };
        let event = Event::about(Moment::Presence, user, 0, payload.into());
        let mut told = BTreeSet::new();
        for watcher in watchers.iter().filter(|watcher| watcher.handle.hears(user)) {
            if told.insert(watcher.handle.id) {
                watcher.handle.outbox.push(Out::Event(event.clone()));
            }
        }
    }
}

impl Availability {
    fn shown(self) -> Option<Status> {
        match self {
            Availability::Online => Some(Status::Online),
            Availability::Idle => Some(Status::Idle),
            Availability::Dnd => Some(Status::Dnd),
            Availability::Invisible => None,
        }
    }
}

/// Puts a value in its place, or takes it out; whether that changed something.
fn put(map: &mut HashMap<UserId, Status>, user: UserId, value: Option<Status>) -> bool {
    match value {
        Some(value) => map.insert(user, value) != Some(value),
        None => map.remove(&user).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sockets;
    use crate::sockets::wire::Wire;

    fn session(id: i64, user: i64) -> Arc<Handle> {
        Arc::new(Handle::of(id, UserId(user), Wire::Json, &Sockets::default()))
    }
    fn told(handle: &Handle) -> Vec<String> {
        let mut out = Vec::new();
        handle.outbox.take(&mut out);
        let text = |out: &Out| match out {
            Out::Event(event) => format!("{:?}", event.frame(Wire::SocketIo)),
            Out::Frame(frame) => format!("{frame:?}"),
        };
        out.iter().map(text).collect()
    }
    const GUILD: StreamId = StreamId(7);

    #[test]
    fn who_comes_back_in_time_makes_no_noise() {
        let (presences, now) = (Presences::default(), Instant::now());
        let (ada, bob) = (session(1, 1), session(2, 2));
        presences.come(&ada);
        presences.come(&bob);
        assert_eq!(presences.watch(&ada, GUILD, [UserId(2)])[0].status, Status::Online);

        presences.leave(&bob, now);
        presences.sweep(now + GRACE / 2);
        let again = session(3, 2);
        presences.come(&again);
        presences.sweep(now + GRACE * 2);
        assert!(told(&ada).is_empty());

        presences.leave(&again, now + GRACE * 2);
        presences.sweep(now + GRACE * 3);
        assert_eq!(told(&ada).len(), 1);
        assert_eq!(presences.of(UserId(2)).status, Status::Offline);
        assert_eq!(presences.take_changed(), [(UserId(1), Some(Status::Online)), (UserId(2), None)]);
    }

    #[test]
    fn the_busiest_of_somebodys_sessions_is_shown_wherever_it_is() {
        let presences = Presences::default();
        let (phone, desk) = (session(1, 1), session(2, 1));
        presences.come(&phone);
        presences.come(&desk);
        assert_eq!(presences.set(&phone, Availability::Idle).status, Status::Online);
        assert_eq!(presences.set(&desk, Availability::Invisible).status, Status::Idle);
        presences.hear(UserId(1), Some(Status::Dnd));
        assert_eq!(presences.of(UserId(1)).status, Status::Dnd);
        presences.hear(UserId(1), None);
        assert_eq!(presences.of(UserId(1)).status, Status::Idle);
    }

    #[test]
    fn nobody_hears_of_those_they_have_lost_nor_of_too_many() {
        let presences = Presences::default();
        let (ada, bob) = (session(1, 1), session(2, 2));
        presences.watch(&ada, GUILD, [UserId(2)]);
        presences.lose(std::slice::from_ref(&ada), GUILD);
        presences.come(&bob);
        assert!(told(&ada).is_empty());

        presences.watch(&ada, GUILD, [UserId(2)]);
        presences.left(UserId(2), GUILD);
        presences.set(&bob, Availability::Dnd);
        assert!(told(&ada).is_empty());

        presences.watch(&ada, GUILD, (2..2 + WATCHED as i64 + 1).map(UserId));
        presences.set(&bob, Availability::Idle);
        assert!(told(&ada).is_empty());
    }
}
