//! Durable sends into one channel, over sockets or over REST, with every promise about them checked afterwards.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::closed::ClosedLoop;
use super::exchange::{Exchange, HttpExchange, SocketExchange, Texts};
use super::listeners::Listeners;
use super::room::Room;
use crate::dialect::Subscribe;
use crate::figures::Measured;
use crate::http;
use crate::inbox::Inbox;
use crate::session::Session;

impl Room<'_> {
    /// Each sender has a socket without events, and sends when its last message was acknowledged.
    pub fn send_over_sockets(&self, duration: Duration) -> Result<Measured> {
        let mut sockets = Vec::new();
        for (sender, token) in self.senders.iter().enumerate() {
            let session = Session::open(self.address, self.dialect, token, Subscribe::None)?;
            let Session { stream, inbox, dialect, heartbeat } = session;
            sockets.push((stream, inbox, SocketExchange::new(sender, self.channel_id, dialect, heartbeat)));
        }
        self.send(ClosedLoop::new(sockets)?, duration)
    }

    /// Each sender has a connection that is kept alive, and posts when its last message was answered.
    pub fn send_over_rest(&self, duration: Duration) -> Result<Measured> {
        let path = format!("/api/v1/channels/{}/messages", self.channel_id);
        let mut sockets = Vec::new();
        for (sender, token) in self.senders.iter().enumerate() {
            let (mut texts, path) = (Texts::of(sender), &path);
            let exchange = HttpExchange::new(move |out: &mut Vec<u8>| {
                let body = format!(r#"{{"content":"{}"}}"#, texts.next());
                out.extend_from_slice(&http::request("POST", path, Some(token), Some(&body)));
            });
            sockets.push((http::connect(self.address)?, Inbox::new(), exchange));
        }
        self.send(ClosedLoop::new(sockets)?, duration)
    }

    /// Runs the load, then sees that acknowledged = rows in the database = delivered to each listener, in order.
    fn send<E: Exchange>(&self, mut senders: ClosedLoop<E>, duration: Duration) -> Result<Measured> {
        let rows_before = self.kept.count()?;
        let listeners = Listeners::open(self)?;
        let measured = senders.measure(self.what, self.process, duration)?;
        let acknowledged = senders.answered();
        listeners.finish(acknowledged)?;
        if let (Some(before), Some(after)) = (rows_before, self.kept.count()?) {
            let rows = after - before;
            ensure!(rows == acknowledged, "{acknowledged} messages were acknowledged and {rows} are in the database");
        }
        Ok(measured)
    }
}
