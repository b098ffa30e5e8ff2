//! The broadcaster, with and without a disk: one thread that takes all messages that wait at once, commits them if it
//! keeps any, then acknowledges and broadcasts them.

mod peers;

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use mio::{Events, Poll};
use rusqlite::Connection;

use crate::websocket;
use peers::Peers;

/// A message that a peer has sent and that nobody has been told of yet.
struct Pending {
    peer: usize,
    rid: Vec<u8>,
    /// The request's body, which is kept and sent on as it came.
    message: Vec<u8>,
}

/// Gives messages their positions.
enum Store {
    /// Forgets them.
    Nowhere { position: i64 },
    /// Keeps them in SQLite: an acknowledged message has been forced to the disk, as in the server's database.
    Durable(Connection),
}

/// Speaks as much of the native gateway as the load generator needs, so all are driven by the same code.
pub fn serve(address: SocketAddr, data: Option<&Path>) -> Result<()> {
    let mut store = match data {
        Some(data) => Store::Durable(create_database(data)?),
        None => Store::Nowhere { position: 0 },
    };
    let mut poll = Poll::new()?;
    let mut peers = Peers::listen(address, poll.registry().try_clone()?)?;
    let mut events = Events::with_capacity(1024);
    let (mut pending, mut frame, mut broadcast) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        peers.receive(&events, &mut pending)?;
        if pending.is_empty() {
            continue;
        }
        let positions = store.keep(&pending)?;
        broadcast.clear();
        for (message, position) in pending.drain(..).zip(positions) {
            write_acknowledgement(&mut frame, &message);
            peers.push_text(message.peer, &frame);
            write_event(&mut frame, &message, position);
            websocket::push_text(&mut broadcast, &frame);
        }
        peers.broadcast(&broadcast)?;
    }
}

impl Store {
    /// Keeps all of them in one transaction, and answers their positions.
    fn keep(&mut self, pending: &[Pending]) -> Result<Vec<i64>> {
        match self {
            Store::Nowhere { position } => {
                *position += pending.len() as i64;
                Ok((*position - pending.len() as i64 + 1..=*position).collect())
            }
            Store::Durable(database) => {
                let mut positions = Vec::with_capacity(pending.len());
                let mut insert = database.prepare_cached("insert into messages (message) values (?1)")?;
                database.execute_batch("begin immediate")?;
                for message in pending {
                    insert.execute([&message.message])?;
                    positions.push(database.last_insert_rowid());
                }
                database.execute_batch("commit")?;
                Ok(positions)
            }
        }
    }
}

fn write_acknowledgement(frame: &mut Vec<u8>, message: &Pending) {
    frame.clear();
    frame.extend_from_slice(br#"{"op":"ack","rid":""#);
    frame.extend_from_slice(&message.rid);
    frame.extend_from_slice(br#"","d":"#);
    frame.extend_from_slice(&message.message);
    frame.push(b'}');
}

fn write_event(frame: &mut Vec<u8>, message: &Pending, position: i64) {
    frame.clear();
    frame.extend_from_slice(br#"{"op":"event","t":"message_created","g":"1","s":"#);
    frame.extend_from_slice(position.to_string().as_bytes());
    frame.extend_from_slice(br#","d":"#);
    frame.extend_from_slice(&message.message);
    frame.push(b'}');
}

fn create_database(data: &Path) -> Result<Connection> {
    let database = Connection::open(data.join(super::DATABASE))?;
    database.execute_batch(
        "pragma journal_mode = wal;
         pragma synchronous = full;
         create table messages (position integer primary key, message text not null);",
    )?;
    Ok(database)
}
