//! One client of a storm: it connects without waiting, says who it is, and remembers what it was told since.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use serde_json::Value;

use super::room::Room;
use crate::dialect::{self, Subscribe, Told};
use crate::inbox::Inbox;
use crate::session::{self, Session};
use crate::websocket;

/// How a client comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// As if it had never been there: it is told anew where things stand.
    Identify,
    /// With its cursors: it is told what it has missed.
    Resume,
}

/// Somebody who comes back.
pub struct Client<'r> {
    room: &'r Room<'r>,
    token: &'r str,
    way: Return,
    /// Streams and the position of each that the client knows; for those who resume.
    cursors: Vec<(String, u64)>,
    connection: Option<Connection>,
    visits: Vec<Visit>,
}

struct Connection {
    stream: TcpStream,
    inbox: Inbox,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Entering,
    Inside,
}

/// What a client was told between coming and losing its connection.
struct Visit {
    /// The position that it knew of when it was let in.
    floor: u64,
    /// The position of the last message it was told; the floor before the first.
    last: u64,
    messages: usize,
}

impl<'r> Client<'r> {
    /// Who is to resume is there once before the storm, to learn its cursors.
    pub fn new(room: &'r Room<'r>, token: &'r str, way: Return) -> Result<Client<'r>> {
        let mut cursors = Vec::new();
        if way == Return::Resume {
            let (_, ready) = Session::open_with_snapshot(room.address, room.dialect, token, Subscribe::All)?;
            let ready: Value = serde_json::from_slice(&ready)?;
            for stream in ready["d"]["streams"].as_array().context("no streams in ready")? {
                let (id, s) = (stream["id"].as_str(), stream["s"].as_u64());
                cursors.push((id.context("a stream without an id")?.to_owned(), s.context("a stream without s")?));
            }
        }
        Ok(Client { room, token, way, cursors, connection: None, visits: Vec::new() })
    }

    pub fn lose(&mut self) {
        self.connection = None;
    }

    /// The position of the last message it knows of.
    pub fn position(&self) -> u64 {
        self.visits.last().map_or(0, |visit| visit.last)
    }

    pub fn come_back(&mut self, registry: &Registry, token: Token) -> Result<()> {
        let mut stream = TcpStream::connect(self.room.address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.connection = Some(Connection { stream, inbox: Inbox::new(), stage: Stage::Connecting });
        Ok(())
    }

    /// Goes on with what has come; whether the client has now been let in.
    pub fn hear(&mut self) -> Result<bool> {
        // An event may be left of a connection that was lost since.
        let Some(mut connection) = self.connection.take() else {
            return Ok(false);
        };
        let was_inside = connection.stage == Stage::Inside;
        if connection.stage == Stage::Connecting {
            if let Some(error) = connection.stream.take_error()? {
                return Err(error).context("connecting");
            }
            if connection.stream.peer_addr().is_ok() {
                connection.stream.set_nodelay(true)?;
                connection.stream.write_all(&session::upgrade_request(self.room.dialect))?;
                connection.stage = Stage::Upgrading;
            }
        }
        if connection.stage != Stage::Connecting {
            let open = connection.inbox.fill(&mut connection.stream)?;
            if connection.stage == Stage::Upgrading && session::take_upgrade(&mut connection.inbox)? {
                connection.stage = Stage::Entering;
            }
            if connection.stage != Stage::Upgrading {
                self.take_frames(&mut connection)?;
            }
            ensure!(open, "the connection was closed");
        }
        let entered = !was_inside && connection.stage == Stage::Inside;
        self.connection = Some(connection);
        Ok(entered)
    }

    fn take_frames(&mut self, connection: &mut Connection) -> Result<()> {
        let Connection { stream, inbox, stage } = connection;
        let mut start = 0;
        while let Some((text, length)) = dialect::next_text(&inbox.received()[start..])? {
            start += length;
            match self.room.dialect.read(text) {
                Told::Hello => {
                    let entry = self.entry();
                    stream.write_all(&entry)?;
                }
                Told::Ready => {
                    *stage = Stage::Inside;
                    if self.way == Return::Identify {
                        self.begin_visit(self.position_in_snapshot(text)?);
                    }
                }
                Told::Message => self.note(dialect::position(text)?)?,
                Told::Refused => bail!("it was refused: {}", String::from_utf8_lossy(text)),
                Told::Asked | Told::Done(_) | Told::Other => {}
            }
        }
        inbox.take(start);
        Ok(())
    }

    /// The frame in which it says who it is. A visit of somebody who resumes begins with it.
    fn entry(&mut self) -> Vec<u8> {
        let mut frame = Vec::new();
        if self.way == Return::Identify {
            self.room.dialect.push_entry(&mut frame, self.token, Subscribe::All);
            return frame;
        }
        let cursors: Vec<_> = self.cursors.iter().map(|(stream, s)| format!(r#""{stream}":{s}"#)).collect();
        let (token, cursors) = (self.token, cursors.join(","));
        let resume = format!(r#"{{"op":"resume","d":{{"token":"{token}","cursors":{{{cursors}}}}}}}"#);
        websocket::push_masked_text(&mut frame, resume.as_bytes());
        let known = self.cursors.iter().find(|(stream, _)| *stream == self.room.stream_id);
        self.begin_visit(known.map_or(0, |(_, s)| *s));
        frame
    }

    /// Where the room's stream stands, by a snapshot.
    fn position_in_snapshot(&self, ready: &[u8]) -> Result<u64> {
        let mark = format!(r#""id":"{}","s""#, self.room.stream_id);
        let at = ready.windows(mark.len()).position(|window| window == mark.as_bytes());
        dialect::position(&ready[at.context("the room's stream is missing in ready")? + mark.len() - 3..])
    }

    fn begin_visit(&mut self, floor: u64) {
        self.visits.push(Visit { floor, last: floor, messages: 0 });
    }

    fn note(&mut self, position: u64) -> Result<()> {
        let visit = self.visits.last_mut().context("a message before the snapshot")?;
        ensure!(position > visit.last, "a message at {position} was delivered after the one at {}", visit.last);
        (visit.last, visit.messages) = (position, visit.messages + 1);
        if let Some((_, s)) = self.cursors.iter_mut().find(|(stream, _)| *stream == self.room.stream_id) {
            *s = position;
        }
        Ok(())
    }

    /// Sees that each visit was told every message between its floor and its last one, and the last visit all up to
    /// `end`.
    pub fn compare(&self, positions: &[u64], end: u64) -> Result<()> {
        for Visit { floor, last, messages } in &self.visits {
            let up_to = |position: u64| positions.partition_point(|other| *other <= position);
            let said = up_to(*last) - up_to(*floor);
            ensure!(said == *messages, "of {said} messages after {floor}, a client that came back was told {messages}");
        }
        let position = self.position();
        ensure!(position >= end, "a client that came back was told nothing after {position}, and {end} was said");
        Ok(())
    }
}
