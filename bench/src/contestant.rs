//! A program under test with a room to talk in, whoever wrote it: floor, server or peer.

use std::ops::Range;

use anyhow::{Result, ensure};

use crate::community::Community;
use crate::database::{Kept, PostgresDatabase};
use crate::dialect::Dialect;
use crate::guests::Guests;
use crate::load::Room;
use crate::process::Listening;
use crate::server::{self, Seed};
use crate::{Bench, floors, peers};

/// More than any scenario has online.
const MOST_PEOPLE: usize = 10_100;

/// A program that runs, and the people who may enter its room.
pub struct Contestant {
    pub name: &'static str,
    pub running: Listening,
    /// What it speaks; the server speaks the other dialect too.
    pub dialect: Dialect,
    pub kept: Kept,
    pub channel_id: String,
    /// The stream of the channel's events.
    pub stream_id: String,
    pub tokens: Vec<String>,
}

impl Contestant {
    /// The broadcaster that keeps nothing.
    pub fn bare(bench: &Bench) -> Result<Contestant> {
        Ok(Contestant::floor("bare floor", floors::start_bare(bench)?, false))
    }

    /// The broadcaster that commits what it is sent.
    pub fn durable(bench: &Bench) -> Result<Contestant> {
        Ok(Contestant::floor("durable floor", floors::start_durable(bench)?, true))
    }

    /// The bare axum that lets everybody in.
    pub fn sockets(bench: &Bench) -> Result<Contestant> {
        Ok(Contestant::floor("bare axum", floors::start_sockets(bench)?, false))
    }

    fn floor(name: &'static str, running: Listening, keeps: bool) -> Contestant {
        let kept = if keeps { Kept::Sqlite(running.data.path().join(floors::DATABASE)) } else { Kept::Nowhere };
        // A floor takes any token.
        let tokens = vec!["anybody".to_owned(); MOST_PEOPLE];
        let (channel_id, stream_id) = ("1".to_owned(), "1".to_owned());
        Contestant { name, running, dialect: Dialect::Native, kept, channel_id, stream_id, tokens }
    }

    /// The server, on a guild with so many members.
    pub fn server(bench: &Bench, members: usize) -> Result<Contestant> {
        let seed = Seed::obtain(bench, 1_000, members as u64)?;
        let running = server::start_on(bench, &seed)?;
        Ok(Contestant::of_seed(running, &seed))
    }

    /// The same with these plugins to install.
    pub fn server_with(bench: &Bench, members: usize, guests: &Guests) -> Result<Contestant> {
        let seed = Seed::obtain(bench, 1_000, members as u64)?;
        let running = server::start_with(bench, &seed, guests.path())?;
        Ok(Contestant::of_seed(running, &seed))
    }

    /// A server that runs on a copy of a seed.
    pub fn of_seed(running: Listening, seed: &Seed) -> Contestant {
        let kept = server::kept_by(&running);
        let contents = seed.contents.clone();
        Contestant {
            name: "server",
            running,
            dialect: Dialect::Native,
            kept,
            channel_id: contents.channel_id,
            stream_id: contents.guild_id,
            tokens: contents.tokens,
        }
    }

    /// What people would pick instead, as far as it is installed here.
    pub fn peers(bench: &Bench) -> Result<Vec<Contestant>> {
        let start = |peer: &peers::Peer| {
            let running = peer.start(bench)?;
            let kept = Kept::Sqlite(running.data.path().join(peers::DATABASE));
            let tokens = (0..peers::PEOPLE).map(peers::token).collect();
            let (channel_id, stream_id) = ("1".to_owned(), "1".to_owned());
            Ok(Contestant { name: peer.name, running, dialect: Dialect::SocketIo, kept, channel_id, stream_id, tokens })
        };
        peers::installed().iter().map(start).collect()
    }

    /// The server on PostgreSQL, with a community of its own.
    pub fn on_postgres(running: Listening, database: PostgresDatabase, community: Community) -> Contestant {
        Contestant {
            name: "server",
            running,
            dialect: Dialect::Native,
            kept: Kept::Postgres(database),
            channel_id: community.channel_id,
            stream_id: String::new(),
            tokens: community.tokens,
        }
    }

    /// A room where some of the people send and others are told.
    pub fn room<'a>(&'a self, what: &'a str, senders: Range<usize>, listeners: Range<usize>) -> Result<Room<'a>> {
        let people = senders.end.max(listeners.end);
        ensure!(people <= self.tokens.len(), "{} knows {} people, not {people}", self.name, self.tokens.len());
        Ok(Room {
            what,
            process: &self.running.process,
            address: self.running.address,
            dialect: self.dialect,
            kept: &self.kept,
            channel_id: &self.channel_id,
            stream_id: &self.stream_id,
            senders: &self.tokens[senders],
            listeners: &self.tokens[listeners],
            deaf: &[],
        })
    }
}
