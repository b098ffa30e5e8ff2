//! The closed loop: many connections on one epoll, each sending its next request when its last was answered.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::exchange::Exchange;
use crate::figures::{Measured, Work};
use crate::inbox::Inbox;
use crate::process::{Process, own_cpu};

/// Without any reply for so long, a load is taken to be stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that keep one request under way each. Its latencies are counted from when a request was sent, since in
/// a closed loop nothing is due before.
pub struct ClosedLoop<E> {
    poll: Poll,
    connections: Vec<Connection<E>>,
    request: Vec<u8>,
    answered: u64,
}

struct Connection<E> {
    stream: TcpStream,
    inbox: Inbox,
    exchange: E,
    sent: Instant,
}

impl<E: Exchange> ClosedLoop<E> {
    /// Takes over connected sockets, with what they have received already.
    pub fn new(sockets: impl IntoIterator<Item = (std::net::TcpStream, Inbox, E)>) -> Result<ClosedLoop<E>> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for (index, (stream, inbox, exchange)) in sockets.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            connections.push(Connection { stream, inbox, exchange, sent: Instant::now() });
        }
        Ok(ClosedLoop { poll, connections, request: Vec::new(), answered: 0 })
    }

    /// Every request that was ever answered here, warm-up included.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Warms `process` up, loads it for `duration`, and tells what it achieved and what that cost it. `what` names the
    /// load where progress is shown.
    pub fn measure(&mut self, what: &str, process: &Process, duration: Duration) -> Result<Measured> {
        self.run(duration / 5)?;
        let (cpu, own) = (process.cpu()?, own_cpu()?);
        let (answered, start) = (self.answered, Instant::now());
        let latencies = self.run(duration)?;
        let elapsed = start.elapsed();
        let work = Work { done: self.answered - answered, elapsed, cpu: process.cpu()? - cpu };
        eprintln!(
            "  {what}: {:.0} a second, processor time {:.1} µs each, and {:.1} µs of the load generator's",
            work.per_second(),
            work.cpu_microseconds_each(),
            (own_cpu()? - own).as_secs_f64() * 1e6 / work.done as f64,
        );
        Ok(Measured { work, latencies })
    }

    /// Keeps requests under way for `duration` and returns when the last is answered.
    fn run(&mut self, duration: Duration) -> Result<Histogram<u64>> {
        let mut latencies = Histogram::new(3)?;
        let mut events = Events::with_capacity(self.connections.len());
        let deadline = Instant::now() + duration;
        for index in 0..self.connections.len() {
            self.send(index)?;
        }
        let mut under_way = self.connections.len();
        while under_way > 0 {
            self.poll.poll(&mut events, Some(PATIENCE))?;
            ensure!(!events.is_empty(), "{under_way} requests were never answered");
            for event in &events {
                let index = event.token().0;
                if !self.receive(index)? {
                    continue;
                }
                let now = Instant::now();
                latencies.record((now - self.connections[index].sent).as_nanos() as u64)?;
                self.answered += 1;
                if now < deadline {
                    self.send(index)?;
                } else {
                    under_way -= 1;
                }
            }
        }
        Ok(latencies)
    }

    fn send(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        self.request.clear();
        connection.exchange.push_request(&mut self.request);
        connection.sent = Instant::now();
        // One small request at a time always fits into an empty socket buffer, so it is never left half written.
        connection.stream.write_all(&self.request).context("sending a request under load")
    }

    /// Whether the connection's reply has now come.
    fn receive(&mut self, index: usize) -> Result<bool> {
        let connection = &mut self.connections[index];
        let open = connection.inbox.fill(&mut connection.stream).context("waiting for a reply under load")?;
        if let Some(end) = connection.exchange.reply_end(connection.inbox.received())? {
            connection.inbox.take(end);
            return Ok(true);
        }
        if !open {
            bail!("a connection under load was closed");
        }
        Ok(false)
    }
}
