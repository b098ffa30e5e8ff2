//! A bus in memory, for simulations: whoever drives it decides what is lost, doubled, late or out of order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::bus::{Arrivals, Bus, Message, WAITING_TO_ENTER, decode, encode};

/// Messages that may be under way at once; more are lost.
const UNDER_WAY: usize = 65_536;

/// A message on its way from one end to another.
pub struct Parcel<'a> {
    /// The end that published it, by its number in the order of joining.
    pub from: usize,
    /// The end that it goes to.
    pub to: usize,
    /// What it says.
    pub message: &'a Message,
}

/// What becomes of a parcel: it arrives once after each of these times; never if there are none.
pub type Fates = Box<dyn FnMut(&Parcel<'_>) -> Vec<Duration> + Send>;

/// A network of ends. Clones are the same network.
#[derive(Clone)]
pub struct Network(Arc<Shared>);

struct Shared {
    wires: Mutex<Wires>,
    published: Notify,
}

struct Wires {
    fates: Fates,
    ends: Vec<mpsc::Sender<Message>>,
    /// What is under way, in the order in which it arrives: by time, then by when it was sent.
    under_way: BTreeMap<(Instant, u64), (usize, Bytes)>,
    sent: u64,
}

/// One end of a network: what a node publishes through.
#[derive(Clone)]
pub struct Channel {
    network: Network,
    own: usize,
}

impl Network {
    /// A network on which every parcel has the fate that `fates` says. It is asked for parcels in the
    /// order in which they are published, so a seeded randomness in it makes the same run each time.
    pub fn new(fates: impl FnMut(&Parcel<'_>) -> Vec<Duration> + Send + 'static) -> Network {
        let wires = Wires { fates: Box::new(fates), ends: Vec::new(), under_way: BTreeMap::new(), sent: 0 };
        Network(Arc::new(Shared { wires: Mutex::new(wires), published: Notify::new() }))
    }

    /// A network on which everything arrives at once, in order.
    pub fn faithful() -> Network {
        Network::new(|_| vec![Duration::ZERO])
    }

    /// Joins another end.
    pub fn join(&self) -> (Bus, Arrivals) {
        let (sender, receiver) = mpsc::channel(WAITING_TO_ENTER);
        let mut wires = self.0.wires.lock();
        wires.ends.push(sender);
        let channel = Channel { network: self.clone(), own: wires.ends.len() - 1 };
        (Bus::Channel(channel), Arrivals::from(receiver))
    }

    /// Changes what becomes of parcels from here on.
    pub fn decide(&self, fates: impl FnMut(&Parcel<'_>) -> Vec<Duration> + Send + 'static) {
        self.0.wires.lock().fates = Box::new(fates);
    }

    /// Delivers what is due at `now`, in order; answers when the next is due.
    pub fn deliver(&self, now: Instant) -> Option<Instant> {
        let mut wires = self.0.wires.lock();
        while let Some(first) = wires.under_way.first_entry() {
            let (due, _) = *first.key();
            if due > now {
                return Some(due);
            }
            let (to, bytes) = first.remove();
            if let (Some(end), Some(message)) = (wires.ends.get(to), decode(u64::MAX, &bytes)) {
                // An end that is full, or gone, hears nothing.
                let _ = end.try_send(message);
            }
        }
        None
    }

    /// Delivers everything in its time, for as long as it is polled.
    pub async fn run(self) {
        loop {
            let published = self.0.published.notified();
            match self.deliver(Instant::now()) {
                Some(due) => tokio::select! {
                    biased;
                    () = published => {}
                    () = tokio::time::sleep_until(due) => {}
                },
                None => published.await,
            }
        }
    }
}

impl Channel {
    /// Sends a message to all other ends.
    pub(super) fn publish(&self, message: Message) {
        let Ok(Some(bytes)) = encode(self.own as u64, &message) else { return };
        let now = Instant::now();
        let mut wires = self.network.0.wires.lock();
        for to in (0..wires.ends.len()).filter(|to| *to != self.own) {
            for delay in (wires.fates)(&Parcel { from: self.own, to, message: &message }) {
                if wires.under_way.len() < UNDER_WAY {
                    wires.sent += 1;
                    let place = (now + delay, wires.sent);
                    wires.under_way.insert(place, (to, bytes.clone()));
                }
            }
        }
        drop(wires);
        self.network.0.published.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    fn message(session: i64) -> Message {
        Message::Replace { user: UserId(1), session }
    }

    #[tokio::test(start_paused = true)]
    async fn parcels_have_the_fates_that_were_decided() {
        let ms = Duration::from_millis;
        let network = Network::new(move |parcel| match parcel.message {
            Message::Replace { session: 1, .. } => vec![ms(50)],
            Message::Replace { session: 2, .. } => vec![],
            Message::Replace { session: 3, .. } => vec![ms(10), ms(60)],
            _ => vec![ms(0)],
        });
        let (bus, mut own) = network.join();
        let (_, mut other) = network.join();
        tokio::spawn(network.run());
        (1..=4).for_each(|session| bus.publish(message(session)));
        let mut heard = Vec::new();
        while let Ok(Some(Message::Replace { session, .. })) = tokio::time::timeout(ms(1_000), other.next()).await {
            heard.push(session);
        }
        assert_eq!(heard, [4, 3, 1, 3], "one late, one lost, one doubled, one at once");
        assert!(tokio::time::timeout(ms(1_000), own.next()).await.is_err(), "nobody hears themselves");
    }
}
