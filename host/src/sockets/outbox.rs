//! What waits to be written to one socket: bounded, so that a slow client costs only itself.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::CloseCode;
use super::event::{Class, Event, Subject};
use super::wire::Frame;
use crate::config::Sockets;

/// Places that an empty queue keeps: there are many sockets, and most are idle.
const KEPT: usize = 4;

/// Something to write.
#[derive(Clone)]
pub enum Out {
    /// An event that others receive too.
    Event(Arc<Event>),
    /// A frame for this socket alone, encoded already.
    Frame(Frame),
}

impl Out {
    fn size(&self) -> usize {
        match self {
            Out::Event(event) => event.size(),
            Out::Frame(frame) => frame.len(),
        }
    }
    fn class(&self) -> Class {
        match self {
            Out::Event(event) => event.class,
            Out::Frame(_) => Class::Critical,
        }
    }
    fn subject(&self) -> Option<Subject> {
        match self {
            Out::Event(event) => event.subject,
            Out::Frame(_) => None,
        }
    }
    fn name(&self) -> Option<&'static str> {
        match self {
            Out::Event(event) => Some(event.name),
            Out::Frame(_) => None,
        }
    }
}

/// The queue of one socket.
pub struct Outbox {
    queue: Mutex<Queue>,
    news: Notify,
    ending: Notify,
    max_frames: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Out>,
    bytes: usize,
    /// Whether its session must have a turn, whatever waits.
    nudged: bool,
    closing: Option<CloseCode>,
}

impl Outbox {
    /// An empty queue with the bounds of the settings.
    pub fn new(settings: &Sockets) -> Outbox {
        Outbox {
            queue: Mutex::default(),
            news: Notify::new(),
            ending: Notify::new(),
            max_frames: settings.queue_frames,
            max_bytes: settings.queue_bytes,
        }
    }

    /// Adds something, and wakes the session to write it. If it doesn't fit, what may be dropped is; then the
    /// socket is closed.
    pub fn push(&self, out: Out) {
        if self.add(out) {
            self.news.notify_one();
        }
    }

    /// The same without waking the session; true if nothing waited before: then somebody must see to it.
    pub fn add(&self, out: Out) -> bool {
        let mut queue = self.queue.lock();
        if queue.closing.is_some() || queue.replace(&out) {
            return false;
        }
        let size = out.size();
        if queue.waiting.len() >= self.max_frames || queue.bytes + size > self.max_bytes {
            if out.class() == Class::Droppable {
                return false;
            }
            queue.drop_droppable();
            if queue.waiting.len() >= self.max_frames || queue.bytes + size > self.max_bytes {
                queue.close(CloseCode::OverLimit);
                self.news.notify_one();
                self.ending.notify_waiters();
                return false;
            }
        }
        queue.bytes += size;
        queue.waiting.push_back(out);
        queue.waiting.len() == 1
    }

    /// Gives the session a turn, to write what waits for it.
    pub fn nudge(&self) {
        self.queue.lock().nudged = true;
        self.news.notify_one();
    }

    /// Whether the socket is to be closed.
    pub fn is_closing(&self) -> bool {
        self.queue.lock().closing.is_some()
    }

    /// Closes the socket, after what waits already.
    pub fn close(&self, code: CloseCode) {
        self.queue.lock().closing.get_or_insert(code);
        self.news.notify_one();
        self.ending.notify_waiters();
    }

    /// Resolves once the socket is to be closed.
    pub async fn closing(&self) {
        let ending = self.ending.notified();
        tokio::pin!(ending);
        // From here on it hears what is said, even before it is waited for.
        ending.as_mut().enable();
        if self.queue.lock().closing.is_none() {
            ending.await;
        }
    }

    /// Resolves once something waits or the socket is to be closed.
    pub async fn ready(&self) {
        loop {
            let news = self.news.notified();
            {
                let queue = self.queue.lock();
                if !queue.waiting.is_empty() || queue.nudged || queue.closing.is_some() {
                    return;
                }
            }
            news.await;
        }
    }

    /// Moves all that waits into `into`; answers whether the socket is to be closed after it.
    pub fn take(&self, into: &mut Vec<Out>) -> Option<CloseCode> {
        let mut queue = self.queue.lock();
        into.extend(queue.waiting.drain(..));
        queue.waiting.shrink_to(KEPT);
        queue.bytes = 0;
        queue.nudged = false;
        queue.closing
    }
}

impl Queue {
    /// Puts something in the place of what waits already about the same and says the same of it; false if
    /// nothing does. That somebody stops takes no place of their beginning: who is told both knows both.
    fn replace(&mut self, out: &Out) -> bool {
        let Some(subject) = out.subject() else { return false };
        let last = self.waiting.iter_mut().rev().find(|one| one.subject() == Some(subject));
        let Some(old) = last.filter(|one| one.name() == out.name()) else { return false };
        self.bytes = self.bytes + out.size() - old.size();
        *old = out.clone();
        true
    }

    fn drop_droppable(&mut self) {
        self.waiting.retain(|out| out.class() != Class::Droppable);
        self.bytes = self.waiting.iter().map(Out::size).sum();
    }

    /// What waits is worth nothing to a client that must resume anyway.
    fn close(&mut self, code: CloseCode) {
        self.waiting.clear();
        self.bytes = 0;
        self.closing = Some(code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;
    use crate::sockets::event::Moment;

    fn outbox(frames: usize) -> Outbox {
        Outbox::new(&Sockets { queue_frames: frames, ..Sockets::default() })
    }
    fn frame() -> Out {
        Out::Frame("x".into())
    }
    fn typing() -> Out {
        Out::Event(Event::ephemeral(Moment::Typing, &()).unwrap())
    }
    fn voice(user: i64, said: &str) -> Out {
        Out::Event(Event::about(Moment::VoiceState, UserId(user), 1, said.into()))
    }

    #[test]
    fn what_tells_of_a_moment_is_dropped_first_and_then_the_socket_is_closed() {
        let outbox = outbox(2);
        let mut taken = Vec::new();
        outbox.push(typing());
        outbox.push(frame());
        outbox.push(typing());
        outbox.push(frame());
        assert_eq!(outbox.take(&mut taken), None);
        assert_eq!(taken.iter().filter(|out| out.class() == Class::Critical).count(), 2);
        for _ in 0..3 {
            outbox.push(frame());
        }
        taken.clear();
        assert_eq!(outbox.take(&mut taken), Some(CloseCode::OverLimit));
        assert!(taken.is_empty());
    }

    #[test]
    fn what_is_said_anew_takes_the_place_of_what_waits() {
        let outbox = outbox(3);
        let mut taken = Vec::new();
        outbox.push(voice(1, "1"));
        outbox.push(frame());
        outbox.push(voice(2, "2"));
        for said in ["3", "4"] {
            outbox.push(voice(1, said));
        }
        assert_eq!(outbox.take(&mut taken), None);
        let said = |out: &Out| match out {
            Out::Event(event) => event.frame(crate::sockets::wire::Wire::SocketIo).len(),
            Out::Frame(_) => 0,
        };
        assert_eq!(taken.len(), 3);
        assert_eq!(said(&taken[0]), r#"42["voice_state",4]"#.len());
    }

    #[tokio::test]
    async fn readiness_is_not_missed() {
        let outbox = outbox(8);
        outbox.push(frame());
        outbox.ready().await;
        outbox.take(&mut Vec::new());
        outbox.close(CloseCode::Revoked);
        outbox.ready().await;
    }
}
