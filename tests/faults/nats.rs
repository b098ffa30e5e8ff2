//! A line to NATS on which messages are doubled, late, out of order, or lost. Everything else that the
//! two sides say to each other arrives as it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often what may happen to a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mischief {
    /// The share of messages that come twice.
    pub doubled: f64,
    /// The share of messages that don't come.
    pub lost: f64,
    /// The longest time that a message is late; each by another, so that later ones overtake it.
    pub late: Duration,
}

/// A line to NATS.
pub struct Meddler {
    /// Where it listens.
    pub address: SocketAddr,
    mischief: watch::Sender<Mischief>,
    meddled: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Meddler {
    /// An honest line to NATS at this address.
    pub async fn to(target: String) -> Meddler {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (mischief, state) = watch::channel(Mischief::default());
        let meddled = Arc::<AtomicUsize>::default();
        let counted = meddled.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let (state, counted) = (state.clone(), counted.clone());
                tokio::spawn(async move {
                    let ((mut near_read, near_write), (far_read, mut far_write)) =
                        (near.into_split(), far.into_split());
                    tokio::select! {
                        _ = tokio::io::copy(&mut near_read, &mut far_write) => {}
                        () = meddle(far_read, near_write, state, counted) => {}
                    }
                });
            }
        });
        Meddler { address, mischief, meddled, accepting }
    }

    /// Meddles with messages from here on.
    pub fn now(&self, mischief: Mischief) {
        self.mischief.send_replace(mischief);
    }

    /// How many messages were meddled with.
    pub fn meddled(&self) -> usize {
        self.meddled.load(Ordering::SeqCst)
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What the server says, piece by piece: a line, or a message with all that belongs to it.
async fn piece(from: &mut BufReader<OwnedReadHalf>) -> Option<(bool, Vec<u8>)> {
    let mut bytes = Vec::new();
    from.read_until(b'\n', &mut bytes).await.ok().filter(|read| *read > 0)?;
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut words = head.split_ascii_whitespace();
    let is_message = matches!(words.next(), Some("MSG" | "HMSG"));
    if is_message {
        let length: usize = words.next_back()?.parse().ok()?;
        let begun = bytes.len();
        // The payload ends with an empty line of its own.
        bytes.resize(begun + length + 2, 0);
        from.read_exact(&mut bytes[begun..]).await.ok()?;
    }
    Some((is_message, bytes))
}

async fn meddle(
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    mischief: watch::Receiver<Mischief>,
    meddled: Arc<AtomicUsize>,
) {
    let (sender, queue) = mpsc::unbounded_channel();
    let reading = async move {
        let mut from = BufReader::new(from);
        while let Some((is_message, bytes)) = piece(&mut from).await {
            let now = Instant::now();
            let mischief = *mischief.borrow();
            if !is_message {
                let _ = sender.send((now, bytes));
                continue;
            }
            let (doubled, lost) = (rand::random_bool(mischief.doubled), rand::random_bool(mischief.lost));
            let copies = if lost { 0 } else { 1 + usize::from(doubled) };
            let late = || mischief.late.mul_f64(rand::random_range(0.0..1.0));
            if copies != 1 || !mischief.late.is_zero() {
                meddled.fetch_add(1, Ordering::SeqCst);
            }
            for _ in 0..copies {
                let _ = sender.send((now + late(), bytes.clone()));
            }
        }
    };
    tokio::join!(reading, deliver(queue, to));
}

/// Writes pieces when they are due.
async fn deliver(mut queue: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>, mut to: OwnedWriteHalf) {
    let mut waiting = BinaryHeap::new();
    let mut number = 0_u64;
    loop {
        let next = waiting.peek().map(|Reverse((due, _, _))| *due);
        tokio::select! {
            came = queue.recv() => match came {
                // What is due at the same time keeps its order.
                Some((due, bytes)) => {
                    number += 1;
                    waiting.push(Reverse((due, number, bytes)));
                }
                None => return,
            },
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                let Some(Reverse((_, _, bytes))) = waiting.pop() else { continue };
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A server that says what it is told, and a line to it.
#[tokio::test]
async fn messages_are_meddled_with_and_all_else_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let meddler = Meddler::to(listener.local_addr().expect("its address").to_string()).await;
    meddler.now(Mischief { doubled: 1.0, ..Mischief::default() });
    let mut near = TcpStream::connect(meddler.address).await.expect("a connection");
    let (mut far, _) = listener.accept().await.expect("a connection");
    let said = b"INFO {}\r\nMSG a.b 1 5\r\nhel\r\n\r\nPING\r\nHMSG a 1 reply 12 14\r\nNATS/1.0\r\n\r\nhi\r\n+OK\r\n";
    far.write_all(said).await.expect("it goes out");
    let twice = b"INFO {}\r\nMSG a.b 1 5\r\nhel\r\n\r\nMSG a.b 1 5\r\nhel\r\n\r\nPING\r\n\
        HMSG a 1 reply 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHMSG a 1 reply 12 14\r\nNATS/1.0\r\n\r\nhi\r\n+OK\r\n";
    let mut heard = vec![0; twice.len()];
    let reading = near.read_exact(&mut heard);
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("it comes in time").expect("it comes");
    assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(twice));
    meddler.now(Mischief { lost: 1.0, ..Mischief::default() });
    far.write_all(b"MSG a 1 2\r\nhi\r\nPONG\r\n").await.expect("it goes out");
    let mut heard = [0; 6];
    let reading = near.read_exact(&mut heard);
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("it comes in time").expect("it comes");
    assert_eq!((&heard, meddler.meddled()), (b"PONG\r\n", 3));
    near.write_all(b"SUB a 1\r\n").await.expect("it goes out");
    let mut heard = [0; 9];
    far.read_exact(&mut heard).await.expect("it comes");
    assert_eq!(&heard, b"SUB a 1\r\n");
}
