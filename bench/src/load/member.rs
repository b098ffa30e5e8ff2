//! A session on an epoll: what it hears, and the signs of life that it owes.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::dialect::{self, Dialect, Told};
use crate::inbox::Inbox;
use crate::session::{Heartbeat, Session};
use crate::websocket;

/// A session that is registered for what it is sent.
pub struct Member {
    stream: TcpStream,
    inbox: Inbox,
    dialect: Dialect,
    heartbeat: Heartbeat,
    position: u64,
}

/// What a load is shown of the frames that come.
pub enum Heard<'f> {
    /// A message with its position, which is higher than that of the one before.
    Message(u64, &'f [u8]),
    /// A request was done.
    Done,
}

impl Member {
    pub fn join(session: Session, registry: &Registry, token: Token) -> Result<Member> {
        let Session { stream, inbox, dialect, heartbeat } = session;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE)?;
        Ok(Member { stream, inbox, dialect, heartbeat, position: 0 })
    }

    /// Spreads the heartbeats of many over their interval.
    pub fn stagger(&mut self, share: f64) {
        self.heartbeat.stagger(share);
    }

    /// Takes all that has come and shows it to `hear`. A refusal or an end is an error.
    pub fn receive(&mut self, mut hear: impl FnMut(Heard<'_>) -> Result<()>) -> Result<()> {
        let open = self.inbox.fill(&mut self.stream).context("receiving under load")?;
        let mut start = 0;
        while let Some((text, length)) = dialect::next_text(&self.inbox.received()[start..])? {
            start += length;
            match self.dialect.read(text) {
                Told::Message => {
                    let (position, last) = (dialect::position(text)?, self.position);
                    ensure!(position > last, "a message at position {position} was delivered after the one at {last}");
                    self.position = position;
                    hear(Heard::Message(position, text))?;
                }
                Told::Done(_) => hear(Heard::Done)?,
                Told::Asked => push_answer(&mut self.stream)?,
                Told::Refused => bail!("the load was refused something: {}", String::from_utf8_lossy(text)),
                Told::Hello | Told::Ready | Told::Other => {}
            }
        }
        self.inbox.take(start);
        ensure!(open, "a connection under load was closed");
        Ok(())
    }

    /// Sends a frame; small ones always fit into a socket buffer that the server empties.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        self.stream.write_all(frame).context("sending under load")
    }

    /// Sends a heartbeat if one is owed by `now`.
    pub fn show_life(&mut self, now: Instant, frame: &mut Vec<u8>) -> Result<()> {
        frame.clear();
        self.heartbeat.push_when_due(now, frame);
        if frame.is_empty() { Ok(()) } else { self.send(frame) }
    }
}

fn push_answer(stream: &mut TcpStream) -> Result<()> {
    let mut frame = Vec::new();
    websocket::push_masked_text(&mut frame, b"3");
    Ok(stream.write_all(&frame)?)
}
