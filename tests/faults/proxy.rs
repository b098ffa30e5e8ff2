//! A line that can be cut, reset, slowed down and made deaf, and mended again.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

mod proven;

/// Bytes that are carried at once.
const BUFFER: usize = 16 * 1024;
/// Pieces that may wait in one direction; then no more are read.
const WAITING: usize = 64;

/// What happens to bytes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Way {
    /// How much later they arrive.
    pub delay: Duration,
    /// How many at a time, and how long it is until the next ones.
    pub pieces: Option<(usize, Duration)>,
    /// Whether they vanish, and with them the news that their sender is gone.
    pub swallows: bool,
}

/// What happens to a line's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Treatment {
    /// To the target.
    pub there: Way,
    /// From the target.
    pub back: Way,
}

impl Treatment {
    /// The same in both directions.
    pub fn both(way: Way) -> Treatment {
        Treatment { there: way, back: way }
    }
    /// Both sides believe in the line, and nothing arrives.
    pub fn half_open() -> Treatment {
        Treatment::both(Way { swallows: true, ..Way::default() })
    }
    /// Everything takes longer.
    pub fn slow(delay: Duration) -> Treatment {
        Treatment::both(Way { delay, ..Way::default() })
    }
    /// Everything comes in small pieces.
    pub fn trickle(bytes: usize, every: Duration) -> Treatment {
        Treatment::both(Way { pieces: Some((bytes, every)), ..Way::default() })
    }
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Both sides are told that the other has finished.
    Close,
    /// Both sides are told that something broke.
    Reset,
}

/// One connection through a proxy.
struct Line {
    treatment: watch::Sender<Treatment>,
    end: watch::Sender<Option<End>>,
}

/// Carries bytes both ways while it is whole.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    target: String,
    whole: watch::Sender<bool>,
    /// For connections to come.
    treatment: Mutex<Treatment>,
    lines: Mutex<Vec<Weak<Line>>>,
}

impl Proxy {
    /// A whole line to `target`.
    pub async fn to(target: String) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            target,
            whole: watch::channel(true).0,
            treatment: Mutex::default(),
            lines: Mutex::default(),
        });
        let accepting = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((near, _)) = listener.accept().await {
                    tokio::spawn(carry(near, shared.clone()));
                }
            }
        });
        Proxy { address, shared, accepting }
    }

    /// The address of an HTTP server behind it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection, and lets none through.
    pub fn cut(&self) {
        self.shared.whole.send_replace(false);
        self.end_all(End::Close);
    }

    /// Breaks every connection with a reset; new ones are let through.
    pub fn reset(&self) {
        self.end_all(End::Reset);
    }

    /// Treats the connections that are open in this way, and those to come.
    pub fn treat(&self, treatment: Treatment) {
        *self.shared.treatment.lock() = treatment;
        self.treat_open(treatment);
    }

    /// Treats the connections that are open in this way; those to come are whole.
    pub fn treat_open(&self, treatment: Treatment) {
        self.each(|line| {
            line.treatment.send_replace(treatment);
        });
    }

    /// Lets connections through again, and treats none of them in any way.
    pub fn mend(&self) {
        self.treat(Treatment::default());
        self.shared.whole.send_replace(true);
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        let mut open = 0;
        self.each(|_| open += 1);
        open
    }

    fn end_all(&self, end: End) {
        self.each(|line| {
            line.end.send_replace(Some(end));
        });
    }

    fn each(&self, mut act: impl FnMut(&Line)) {
        let mut lines = self.shared.lines.lock();
        lines.retain(|line| line.strong_count() > 0);
        lines.iter().filter_map(Weak::upgrade).for_each(|line| act(&line));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.end_all(End::Close);
    }
}

async fn carry(mut near: TcpStream, shared: Arc<Shared>) {
    let line = Arc::new(Line { treatment: watch::channel(*shared.treatment.lock()).0, end: watch::channel(None).0 });
    shared.lines.lock().push(Arc::downgrade(&line));
    // It may have been cut after the list was gone through.
    if !*shared.whole.borrow() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(&shared.target).await else { return };
    for stream in [&near, &far] {
        let _ = stream.set_nodelay(true);
    }
    let mut end = line.end.subscribe();
    let how = {
        let ((near_read, near_write), (far_read, far_write)) = (near.split(), far.split());
        let there = pump(near_read, far_write, line.treatment.subscribe(), |treatment| treatment.there);
        let back = pump(far_read, near_write, line.treatment.subscribe(), |treatment| treatment.back);
        tokio::select! {
            _ = async { tokio::join!(there, back) } => End::Close,
            end = end.wait_for(Option::is_some) => end.ok().and_then(|end| *end).unwrap_or(End::Close),
        }
    };
    if how == End::Reset {
        for stream in [&near, &far] {
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Carries one direction until its sender has finished or its receiver is gone.
async fn pump(
    mut from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    treatment: watch::Receiver<Treatment>,
    side: fn(&Treatment) -> Way,
) {
    let (sender, queue) = mpsc::channel(WAITING);
    let seen = treatment.clone();
    let reading = async move {
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = from.read(&mut buffer).await;
            let swallows = side(&seen.borrow()).swallows;
            match read {
                Ok(1..) if swallows => {}
                Ok(bytes @ 1..) => {
                    if sender.send((Instant::now(), buffer[..bytes].to_vec())).await.is_err() {
                        return;
                    }
                }
                // The other side doesn't learn of it.
                _ if swallows => std::future::pending().await,
                _ => return,
            }
        }
    };
    tokio::join!(reading, deliver(queue, to, treatment, side));
}

async fn deliver(
    mut queue: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut to: WriteHalf<'_>,
    mut treatment: watch::Receiver<Treatment>,
    side: fn(&Treatment) -> Way,
) {
    while let Some((arrived, bytes)) = queue.recv().await {
        let mut rest = &bytes[..];
        // Whoever changes the treatment changes that of what waits.
        loop {
            let due = arrived + side(&treatment.borrow_and_update()).delay;
            tokio::select! {
                () = tokio::time::sleep_until(due) => break,
                changed = treatment.changed() => if changed.is_err() { return },
            }
        }
        while !rest.is_empty() {
            let way = side(&treatment.borrow_and_update());
            if way.swallows {
                break;
            }
            let (now, later) = rest.split_at(way.pieces.map_or(rest.len(), |(bytes, _)| bytes.min(rest.len())));
            if to.write_all(now).await.is_err() {
                return;
            }
            rest = later;
            if let Some((_, pause)) = way.pieces {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = treatment.changed() => {}
                }
            }
        }
    }
    let _ = to.shutdown().await;
}
