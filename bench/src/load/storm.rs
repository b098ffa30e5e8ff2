//! The storm: thousands of clients lose their connection at once and come back, so many at a time; what each is told
//! afterwards is held against what was said.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::{Events, Poll, Token};

use super::returning::{Client, Return};
use super::room::Room;
use crate::figures::Work;
use crate::process::own_cpu;

/// Without any news for so long, a storm is taken to be stuck.
const PATIENCE: Duration = Duration::from_secs(20);
const TURN: Duration = Duration::from_millis(100);

/// Clients that come back, and come back.
pub struct Storm<'r> {
    room: &'r Room<'r>,
    poll: Poll,
    events: Events,
    clients: Vec<Client<'r>>,
    in_flight: usize,
}

impl<'r> Storm<'r> {
    /// Every listener of the room is a client, and `in_flight` of them are on their way in at once.
    pub fn prepare(room: &'r Room<'r>, in_flight: usize, way: Return) -> Result<Storm<'r>> {
        let clients = room.listeners.iter().map(|token| Client::new(room, token, way)).collect::<Result<_>>()?;
        Ok(Storm { room, poll: Poll::new()?, events: Events::with_capacity(1024), clients, in_flight })
    }

    /// Has all of them lose their connections and come back, again and again for `duration`. The work is counted in
    /// clients who were let in.
    pub fn blow(&mut self, duration: Duration) -> Result<Work> {
        let process = self.room.process;
        let (cpu, own, start) = (process.cpu()?, own_cpu()?, Instant::now());
        let mut done = 0;
        while start.elapsed() < duration {
            done += self.blow_once()?;
        }
        let work = Work { done, elapsed: start.elapsed(), cpu: process.cpu()? - cpu };
        eprintln!(
            "  {}: {:.0} clients a second, processor time {:.1} µs each, and {:.1} µs of the load generator's",
            self.room.what,
            work.per_second(),
            work.cpu_microseconds_each(),
            (own_cpu()? - own).as_secs_f64() * 1e6 / done as f64
        );
        Ok(work)
    }

    fn blow_once(&mut self) -> Result<u64> {
        self.clients.iter_mut().for_each(Client::lose);
        let (mut begun, mut inside) = (0, 0);
        let mut last_news = Instant::now();
        while inside < self.clients.len() {
            while begun < self.clients.len() && begun - inside < self.in_flight {
                self.clients[begun].come_back(self.poll.registry(), Token(begun))?;
                begun += 1;
            }
            let news = self.hear()?;
            inside += news.unwrap_or(0);
            last_news = if news.is_some() { Instant::now() } else { last_news };
            ensure!(last_news.elapsed() < PATIENCE, "of {begun} clients who came back {inside} were let in");
        }
        Ok(inside as u64)
    }

    /// Hears what has come, and answers how many clients are in thereby; none if nothing has come.
    fn hear(&mut self) -> Result<Option<usize>> {
        self.poll.poll(&mut self.events, Some(TURN))?;
        let mut entered = 0;
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            entered += usize::from(client.hear().context("a client that came back")?);
        }
        Ok((!self.events.is_empty()).then_some(entered))
    }

    /// Waits until all have been told the last of what was said meanwhile, at these positions, and sees that nobody
    /// missed anything after they were let in.
    pub fn settle(mut self, positions: &[u64]) -> Result<()> {
        let end = positions.last().copied().unwrap_or(0);
        let deadline = Instant::now() + PATIENCE;
        while self.clients.iter().any(|client| client.position() < end) && Instant::now() < deadline {
            self.hear()?;
        }
        self.clients.iter().try_for_each(|client| client.compare(positions, end))
    }
}
