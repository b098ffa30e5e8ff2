//! What waits for the requests of a client that has no socket: numbered, bounded, and kept until it has it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::CloseCode;

/// Bytes that may wait for a client's next request. What it was handed, and may ask for again, counts too,
/// but makes room first.
const MAX_BYTES: usize = 1_048_576;

/// Frames on their way to one client.
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

struct Shared {
    kept: Mutex<Kept>,
    /// Something changed: whoever waits looks again.
    news: Notify,
    /// What a client is told last.
    goodbye: fn(CloseCode) -> Utf8Bytes,
}

/// Frames are numbered from 1, in the order in which they were put.
#[derive(Default)]
struct Kept {
    frames: VecDeque<Utf8Bytes>,
    bytes: usize,
    /// The number of the last frame that isn't kept any more.
    dropped: u64,
    /// Up to which frame the client has said that it has them.
    acknowledged: u64,
    /// Up to which frame a request has taken them along.
    handed: u64,
    /// The request that has the frames: the newest.
    reader: u64,
    reading: bool,
    closed: bool,
}

impl Kept {
    fn last(&self) -> u64 {
        self.dropped + self.frames.len() as u64
    }

    fn drop_up_to(&mut self, number: u64) {
        while self.dropped < number {
            let Some(frame) = self.frames.pop_front() else { return };
            self.bytes -= frame.len();
            self.dropped += 1;
        }
    }

    /// Whether what waits leaves room; what was handed over makes some. A snapshot alone may be larger than all
    /// that may wait, so what waited before decides.
    fn has_room_for(&mut self, frames: &[Utf8Bytes]) -> bool {
        let more: usize = frames.iter().map(|frame| frame.len()).sum();
        while self.bytes + more > MAX_BYTES && self.dropped < self.handed {
            let next = self.dropped + 1;
            self.drop_up_to(next);
        }
        frames.is_empty() || self.bytes <= MAX_BYTES
    }

    fn add(&mut self, frames: Vec<Utf8Bytes>) {
        self.bytes += frames.iter().map(|frame| frame.len()).sum::<usize>();
        self.frames.extend(frames);
    }

    /// Ends it for a client that is too slow: what waits is worth nothing to whoever must resume anyway.
    fn overflow(&mut self, goodbye: Utf8Bytes) {
        if !self.closed {
            self.handed = self.last();
            self.drop_up_to(self.handed);
            self.close(goodbye);
        }
    }

    fn close(&mut self, goodbye: Utf8Bytes) {
        if !self.closed {
            self.closed = true;
            self.bytes += goodbye.len();
            self.frames.push_back(goodbye);
        }
    }
}

/// Why a request can't have the frames that it asks for.
pub enum Unread {
    /// It has all there ever will be.
    Over,
    /// Another waits for them already.
    Busy,
    /// It says that it has frames which were never sent, or asks for some that it said it has.
    Wrong,
    /// They made room for later ones: all that is left is the farewell of a client that was too slow.
    Lost(Reader),
}

impl Mailbox {
    /// An empty one.
    pub fn new(goodbye: fn(CloseCode) -> Utf8Bytes) -> Mailbox {
        Mailbox(Arc::new(Shared { kept: Mutex::default(), news: Notify::new(), goodbye }))
    }

    /// Adds frames, once there is room; false if there is none in time, or nobody will come for them.
    pub async fn put(&self, frames: Vec<Utf8Bytes>, patience: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let news = self.0.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            {
                let mut kept = self.0.kept.lock();
                if kept.closed {
                    return false;
                }
                if kept.has_room_for(&frames) {
                    kept.add(frames);
                    break;
                }
            }
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                self.0.kept.lock().overflow((self.0.goodbye)(CloseCode::OverLimit));
                self.0.news.notify_waiters();
                return false;
            }
        }
        self.0.news.notify_waiters();
        true
    }

    /// Adds a frame that goes whatever else waits.
    pub fn put_small(&self, frame: Utf8Bytes) {
        let mut kept = self.0.kept.lock();
        if !kept.closed {
            kept.add(vec![frame]);
        }
        drop(kept);
        self.0.news.notify_waiters();
    }

    /// Ends it: the last frame says why.
    pub fn close(&self, code: CloseCode) {
        self.0.kept.lock().close((self.0.goodbye)(code));
        self.0.news.notify_waiters();
    }

    /// Ends it without a word, because the client is gone or goes on elsewhere; answers what it hasn't received.
    pub fn abandon(&self) -> Vec<Utf8Bytes> {
        let mut kept = self.0.kept.lock();
        kept.closed = true;
        let unheard = (kept.handed.max(kept.dropped) - kept.dropped) as usize;
        let left = kept.frames.drain(..).skip(unheard).collect();
        kept.bytes = 0;
        drop(kept);
        self.0.news.notify_waiters();
        left
    }

    /// Whether a request waits for frames at the moment.
    pub fn is_read(&self) -> bool {
        self.0.kept.lock().reading
    }

    /// The client has all frames up to this one and doesn't ask for them again.
    pub fn acknowledge(&self, number: u64) {
        let mut kept = self.0.kept.lock();
        kept.acknowledged = kept.acknowledged.max(number);
        kept.drop_up_to(number);
        drop(kept);
        self.0.news.notify_waiters();
    }

    /// A request for the frames behind the one with this number, and the word that those before it have arrived.
    /// It takes over from a request that waits already.
    pub fn read_after(&self, after: u64) -> Result<Reader, Unread> {
        let mut kept = self.0.kept.lock();
        if after > kept.last() || after < kept.acknowledged {
            return Err(Unread::Wrong);
        }
        if after < kept.dropped {
            kept.overflow((self.0.goodbye)(CloseCode::OverLimit));
            let after = kept.dropped;
            let reader = self.reader(&mut kept, after);
            drop(kept);
            self.0.news.notify_waiters();
            return Err(Unread::Lost(reader));
        }
        kept.acknowledged = after;
        kept.drop_up_to(after);
        let over = kept.closed && kept.frames.is_empty();
        let reader = self.reader(&mut kept, after);
        drop(kept);
        self.0.news.notify_waiters();
        if over { Err(Unread::Over) } else { Ok(reader) }
    }

    /// A request for whatever waits, while no other waits for it.
    pub fn read_alone(&self) -> Result<Reader, Unread> {
        let mut kept = self.0.kept.lock();
        if kept.reading {
            return Err(Unread::Busy);
        }
        if kept.closed && kept.frames.is_empty() {
            return Err(Unread::Over);
        }
        let after = kept.dropped;
        Ok(self.reader(&mut kept, after))
    }

    fn reader(&self, kept: &mut Kept, after: u64) -> Reader {
        kept.reader += 1;
        kept.reading = true;
        Reader { mailbox: self.clone(), turn: kept.reader, after }
    }

    /// Resolves once nothing waits any more.
    pub async fn emptied(&self) {
        loop {
            let news = self.0.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            if self.0.kept.lock().frames.is_empty() {
                return;
            }
            news.await;
        }
    }
}

/// What a request that waits for frames gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// These, behind those it had.
    Frames(Vec<Utf8Bytes>),
    /// Nothing came in time.
    Nothing,
    /// A later request has the frames from here on.
    TakenOver,
    /// There is nothing more to come.
    Ended,
}

/// A request that waits for frames.
pub struct Reader {
    mailbox: Mailbox,
    turn: u64,
    after: u64,
}

impl Reader {
    /// The number of the last frame that it was given.
    pub fn last(&self) -> u64 {
        self.after
    }

    /// What comes next, or nothing after so long. Nothing is lost if the future is dropped.
    pub async fn next(&mut self, patience: Duration) -> Read {
        let shared = &*self.mailbox.0;
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let news = shared.news.notified();
            tokio::pin!(news);
            // From here on it hears what is said, even before it is waited for.
            news.as_mut().enable();
            {
                let mut kept = shared.kept.lock();
                if kept.reader != self.turn {
                    return Read::TakenOver;
                }
                let had = self.after.max(kept.dropped) - kept.dropped;
                let frames: Vec<Utf8Bytes> = kept.frames.iter().skip(had as usize).cloned().collect();
                if !frames.is_empty() {
                    self.after = kept.last();
                    kept.handed = kept.last();
                    drop(kept);
                    // Whoever waits for room may have some.
                    shared.news.notify_waiters();
                    return Read::Frames(frames);
                }
                if kept.closed {
                    return Read::Ended;
                }
            }
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                return Read::Nothing;
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut kept = self.mailbox.0.kept.lock();
        if kept.reader == self.turn {
            kept.reading = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    fn mailbox() -> Mailbox {
        Mailbox::new(|code| format!("bye {}", code as u16).into())
    }

    async fn put(mailbox: &Mailbox, frames: &[&str]) -> bool {
        mailbox.put(frames.iter().map(|frame| (*frame).into()).collect(), SOON).await
    }

    fn asks(mailbox: &Mailbox, after: u64) -> Reader {
        mailbox.read_after(after).unwrap_or_else(|_| panic!("refused after {after}"))
    }

    fn read(frames: &[&str]) -> Read {
        Read::Frames(frames.iter().map(|frame| (*frame).into()).collect())
    }

    #[tokio::test]
    async fn frames_are_kept_until_the_client_says_that_it_has_them() {
        let mailbox = mailbox();
        put(&mailbox, &["a", "b"]).await;
        assert_eq!(asks(&mailbox, 0).next(SOON).await, read(&["a", "b"]));
        put(&mailbox, &["c"]).await;
        assert_eq!(asks(&mailbox, 0).next(SOON).await, read(&["a", "b", "c"]));
        let mut reader = asks(&mailbox, 2);
        assert_eq!((reader.next(SOON).await, reader.last()), (read(&["c"]), 3));
        assert!(matches!(mailbox.read_after(1), Err(Unread::Wrong)));
        assert!(matches!(mailbox.read_after(4), Err(Unread::Wrong)));
        assert_eq!(reader.next(SOON).await, Read::Nothing);
    }

    #[tokio::test]
    async fn the_newest_request_takes_over() {
        let mailbox = mailbox();
        let mut first = asks(&mailbox, 0);
        assert!(mailbox.read_alone().is_err());
        let mut second = asks(&mailbox, 0);
        put(&mailbox, &["a"]).await;
        assert_eq!(first.next(SOON).await, Read::TakenOver);
        drop(first);
        assert!(mailbox.read_alone().is_err());
        assert_eq!(second.next(SOON).await, read(&["a"]));
        drop(second);
        assert!(mailbox.read_alone().is_ok());
    }

    #[tokio::test]
    async fn too_much_that_waits_ends_it_and_what_was_handed_over_makes_room_first() {
        let (mailbox, large) = (mailbox(), "x".repeat(MAX_BYTES / 2 + 1));
        put(&mailbox, &[&large]).await;
        asks(&mailbox, 0).next(SOON).await;
        assert!(put(&mailbox, &[&large]).await, "the first makes room");
        assert!(put(&mailbox, &[&large]).await, "what waited before was not too much");
        assert!(!put(&mailbox, &["small"]).await, "nobody made room in time");
        let mut reader = asks(&mailbox, 3);
        assert_eq!((reader.next(SOON).await, reader.last()), (read(&["bye 4008"]), 4));
        assert_eq!(reader.next(SOON).await, Read::Ended);
        assert!(matches!(mailbox.read_after(4), Err(Unread::Over)));
        mailbox.emptied().await;
    }

    #[tokio::test]
    async fn a_client_that_keeps_coming_sets_the_pace() {
        let (mailbox, large) = (mailbox(), "x".repeat(MAX_BYTES));
        let patience = Duration::from_secs(5);
        let putting = async {
            for _ in 0..5 {
                assert!(mailbox.put(vec![large.clone().into(), "small".into()], patience).await);
            }
        };
        let reading = async {
            let mut after = 0;
            while after < 10 {
                let mut reader = asks(&mailbox, after);
                assert!(matches!(reader.next(patience).await, Read::Frames(_)));
                after = reader.last();
            }
        };
        tokio::join!(putting, reading);
    }

    #[tokio::test]
    async fn whoever_asks_for_what_made_room_must_resume() {
        let (mailbox, large) = (mailbox(), "x".repeat(MAX_BYTES / 2 + 1));
        put(&mailbox, &[&large]).await;
        asks(&mailbox, 0).next(SOON).await;
        put(&mailbox, &[&large]).await;
        let Err(Unread::Lost(mut reader)) = mailbox.read_after(0) else { panic!("it is still there") };
        assert_eq!((reader.next(SOON).await, reader.last()), (read(&["bye 4008"]), 3));
        assert!(!put(&mailbox, &["small"]).await);
    }

    #[tokio::test]
    async fn a_client_that_goes_on_elsewhere_takes_along_what_it_has_not_received() {
        let mailbox = mailbox();
        put(&mailbox, &["a"]).await;
        let mut reader = mailbox.read_alone().unwrap_or_else(|_| panic!("nobody else waits"));
        assert_eq!(reader.next(SOON).await, read(&["a"]));
        put(&mailbox, &["b"]).await;
        assert_eq!(mailbox.abandon(), ["b"]);
        assert_eq!(reader.next(SOON).await, Read::Ended);
        mailbox.close(CloseCode::Revoked);
        assert!(!put(&mailbox, &["c"]).await);
    }
}
