//! Durable sends into one channel, over the gateway or over REST, with every promise about them checked afterwards.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::closed::ClosedLoop;
use super::exchange::{Exchange, GatewayExchange, HttpExchange, Texts};
use super::listeners::Listeners;
use crate::database;
use crate::figures::Measured;
use crate::gateway::{Session, Subscribe};
use crate::http;
use crate::inbox::Inbox;
use crate::process::Process;

/// One channel of a server or a floor, with those who send there and those who listen.
pub struct Room<'a> {
    /// Names the load where progress is shown.
    pub what: &'a str,
    pub process: &'a Process,
    pub address: SocketAddr,
    /// The program's SQLite file.
    pub database: PathBuf,
    pub channel_id: &'a str,
    /// One token for each sender.
    pub senders: &'a [String],
    /// One token for each listener.
    pub listeners: &'a [String],
}

impl Room<'_> {
    /// Each sender has a gateway session without events, and sends when its last message was acknowledged.
    pub fn send_over_gateway(&self, duration: Duration) -> Result<Measured> {
        let mut sockets = Vec::new();
        for (sender, token) in self.senders.iter().enumerate() {
            let Session { stream, inbox, heartbeat } = Session::open(self.address, token, Subscribe::None)?;
            sockets.push((stream, inbox, GatewayExchange::new(sender, self.channel_id, heartbeat)));
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
        let rows_before = database::count_messages(&self.database)?;
        let listeners = Listeners::open(self.address, self.listeners)?;
        let measured = senders.measure(self.what, self.process, duration)?;
        let acknowledged = senders.answered();
        listeners.finish(acknowledged)?;
        let rows = database::count_messages(&self.database)? - rows_before;
        ensure!(rows == acknowledged, "{acknowledged} messages were acknowledged and {rows} are in the database");
        Ok(measured)
    }
}
