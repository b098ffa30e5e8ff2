//! The sessions of this node and the streams that each of them listens to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use indexmap::IndexMap;

use super::Handle;
use super::listener::Listener;
use crate::id::{StreamId, UserId};

/// Those who listen to one stream.
#[derive(Default)]
pub(super) struct Room {
    pub listeners: IndexMap<i64, Listener>,
    /// The position of the stream's last row that was published while somebody listened.
    pub head: AtomicI64,
}

/// Who is here, and who listens to what.
#[derive(Default)]
pub(super) struct State {
    pub rooms: HashMap<StreamId, Room>,
    pub users: HashMap<UserId, Vec<Arc<Handle>>>,
    pub sockets: usize,
}

impl State {
    pub fn listen(&mut self, stream: StreamId, listener: Listener) {
        let handle = listener.handle.clone();
        if let indexmap::map::Entry::Vacant(place) = self.rooms.entry(stream).or_default().listeners.entry(handle.id) {
            place.insert(listener);
            handle.streams.lock().push(stream);
        }
    }

    pub fn listener(&mut self, stream: StreamId, handle: &Handle) -> Option<&mut Listener> {
        self.rooms.get_mut(&stream)?.listeners.get_mut(&handle.id)
    }

    /// Takes those out of a stream who may listen no longer; answers them.
    pub fn unlisten(&mut self, stream: StreamId, leaves: impl Fn(&Listener) -> bool) -> Vec<Arc<Handle>> {
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

    pub fn forget(&mut self, handle: &Handle) {
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
