//! Whether a client is still there. Natives beat by themselves, Socket.IO's clients are asked to.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::config::Sockets;
use crate::sockets::engineio::PING_TIMEOUT;
use crate::sockets::protocol::Protocol;

/// When the client was heard last, and when to ask or give up.
pub struct Pulse {
    timer: Pin<Box<Sleep>>,
    interval: Duration,
    patience: Duration,
    last: Instant,
    asks: bool,
}

/// What is to be done about a client.
pub enum Beat {
    /// It is gone.
    Missed,
    /// It must be asked whether it is there.
    Ask,
}

impl Pulse {
    /// The pulse of a client that was just heard.
    pub fn new(settings: &Sockets, protocol: Protocol) -> Pulse {
        let interval = Duration::from_secs(settings.heartbeat_seconds);
        let (asks, patience) = match protocol {
            Protocol::Native => (false, interval * 3 / 2),
            Protocol::SocketIo => (true, interval + PING_TIMEOUT),
        };
        let first = if asks { interval } else { patience };
        Pulse { timer: Box::pin(sleep(first)), interval, patience, last: Instant::now(), asks }
    }

    /// It was heard.
    pub fn felt(&mut self) {
        self.last = Instant::now();
    }

    /// Resolves when the client must be asked or given up.
    pub async fn next(&mut self) -> Beat {
        loop {
            self.timer.as_mut().await;
            let silent = self.last.elapsed();
            if silent >= self.patience {
                return Beat::Missed;
            }
            if self.asks {
                self.timer.as_mut().reset(Instant::now() + self.interval);
                return Beat::Ask;
            }
            self.timer.as_mut().reset(self.last + self.patience);
        }
    }
}
