//! The durable floor: one thread that commits all messages that wait at once, then acknowledges and broadcasts them.

mod peers;

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use mio::{Events, Poll};
use rusqlite::Connection;

use crate::websocket;
use peers::Peers;

/// A message that a peer has sent and that isn't committed yet.
struct Pending {
    peer: usize,
    rid: Vec<u8>,
    /// The request's body, which is kept and sent on as it came.
    message: Vec<u8>,
}

/// Speaks as much of the native gateway as the load generator needs, so both are driven by the same code.
pub fn serve(address: SocketAddr, data: &Path) -> Result<()> {
    let database = create_database(data)?;
    let mut insert = database.prepare("insert into messages (message) values (?1)")?;
    let mut poll = Poll::new()?;
    let mut peers = Peers::listen(address, poll.registry().try_clone()?)?;
    let mut events = Events::with_capacity(1024);
    let (mut pending, mut frame) = (Vec::new(), Vec::new());
    let mut broadcast = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        peers.receive(&events, &mut pending)?;
        if pending.is_empty() {
            continue;
        }

        let mut positions = Vec::with_capacity(pending.len());
        database.execute_batch("begin immediate")?;
        for message in &pending {
            insert.execute([&message.message])?;
            positions.push(database.last_insert_rowid());
        }
        database.execute_batch("commit")?;

        broadcast.clear();
        for (message, position) in pending.drain(..).zip(positions) {
            frame.clear();
            frame.extend_from_slice(br#"{"op":"ack","rid":""#);
            frame.extend_from_slice(&message.rid);
            frame.extend_from_slice(br#"","d":"#);
            frame.extend_from_slice(&message.message);
            frame.push(b'}');
            peers.push_text(message.peer, &frame);

            frame.clear();
            frame.extend_from_slice(br#"{"op":"event","t":"message_created","g":"1","s":"#);
            frame.extend_from_slice(position.to_string().as_bytes());
            frame.extend_from_slice(br#","d":"#);
            frame.extend_from_slice(&message.message);
            frame.push(b'}');
            websocket::push_text(&mut broadcast, &frame);
        }
        peers.broadcast(&broadcast)?;
    }
}

/// Durable like the server's database: an acknowledged message has been forced to the disk.
fn create_database(data: &Path) -> Result<Connection> {
    let database = Connection::open(data.join(super::DURABLE_DATABASE))?;
    database.execute_batch(
        "pragma journal_mode = wal;
         pragma synchronous = full;
         create table messages (position integer primary key, message text not null);",
    )?;
    Ok(database)
}
