//! Sessions that only listen: they count the messages they are sent, and see to it that each comes once and in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mio::{Events, Poll, Token};

use super::member::{Heard, Member};
use super::room::Room;
use crate::dialect::Subscribe;
use crate::session::Session;

/// How long the last deliveries may take after the load has ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the listeners look whether they are to stop, and whether a heartbeat is owed.
const TURN: Duration = Duration::from_millis(100);

/// Listening sessions, served by one thread of their own.
pub struct Listeners {
    delivered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Listener>>>,
    count: usize,
}

struct Listener {
    member: Member,
    messages: u64,
}

impl Listeners {
    /// Opens a session for each listener of the room, subscribed to everything its user may see.
    pub fn open(room: &Room<'_>) -> Result<Listeners> {
        let poll = Poll::new()?;
        let mut listeners = Vec::new();
        for token in room.listeners {
            let session = Session::open(room.address, room.dialect, token, Subscribe::All)?;
            let member = Member::join(session, poll.registry(), Token(listeners.len()))?;
            listeners.push(Listener { member, messages: 0 });
        }
        let count = listeners.len();
        let (delivered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (delivered, stop) = (delivered.clone(), stop.clone());
            move || listen(poll, listeners, &delivered, &stop)
        });
        Ok(Listeners { delivered, stop, thread, count })
    }

    /// Waits until every listener has been sent `messages`, and fails unless each got just as many.
    pub fn finish(self, messages: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let expected = messages * self.count as u64;
        while self.delivered.load(Ordering::Relaxed) < expected
            && !self.thread.is_finished()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(1));
        }
        // One more turn, so that a delivery too many is seen as well.
        thread::sleep(TURN);
        self.stop.store(true, Ordering::Relaxed);
        let listeners = self.thread.join().expect("the listening thread panicked")?;
        for (index, listener) in listeners.iter().enumerate() {
            let seen = listener.messages;
            ensure!(seen == messages, "{messages} messages were sent and listener {index} was delivered {seen}");
        }
        Ok(())
    }
}

fn listen(
    mut poll: Poll,
    mut listeners: Vec<Listener>,
    delivered: &AtomicU64,
    stop: &AtomicBool,
) -> Result<Vec<Listener>> {
    let mut events = Events::with_capacity(listeners.len().max(1));
    let (mut heartbeats_seen_to, mut frame) = (Instant::now(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        poll.poll(&mut events, Some(TURN))?;
        for event in &events {
            let count = listeners[event.token().0].receive()?;
            delivered.fetch_add(count, Ordering::Relaxed);
        }
        if heartbeats_seen_to.elapsed() > TURN {
            heartbeats_seen_to = Instant::now();
            for listener in &mut listeners {
                listener.member.show_life(heartbeats_seen_to, &mut frame)?;
            }
        }
    }
    Ok(listeners)
}

impl Listener {
    /// Takes all that has come and tells how many messages were among it.
    fn receive(&mut self) -> Result<u64> {
        let before = self.messages;
        self.member.receive(|heard| {
            self.messages += u64::from(matches!(heard, Heard::Message(..)));
            Ok(())
        })?;
        Ok(self.messages - before)
    }
}
