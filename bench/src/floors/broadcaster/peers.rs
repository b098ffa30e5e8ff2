//! The broadcaster's sockets: who is connected, what they ask for, and what they have yet to be sent.

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Registry, Token};

use super::Pending;
use crate::inbox::Inbox;
use crate::websocket::{self, CLOSE, SAMPLE_ACCEPT, TEXT};

const LISTENER: Token = Token(usize::MAX);
const HELLO: &[u8] = br#"{"op":"hello","d":{"heartbeat_interval_ms":30000}}"#;
const READY: &[u8] = br#"{"op":"ready","d":{}}"#;
const SEND_MESSAGE: &[u8] = br#"{"op":"send_message","rid":""#;
const BODY: &[u8] = br#"","d":"#;

/// Everybody who ever connected; the place of one who left stays empty, for a benchmark connects few.
pub struct Peers {
    listener: TcpListener,
    registry: Registry,
    peers: Vec<Option<Peer>>,
}

struct Peer {
    stream: TcpStream,
    inbox: Inbox,
    outbox: Vec<u8>,
    upgraded: bool,
    subscribed: bool,
}

impl Peers {
    pub fn listen(address: SocketAddr, registry: Registry) -> Result<Peers> {
        let mut listener = TcpListener::bind(address)?;
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Peers { listener, registry, peers: Vec::new() })
    }

    /// Accepts who knocks, reads what has come and adds the messages among it to `pending`.
    pub fn receive(&mut self, events: &Events, pending: &mut Vec<Pending>) -> Result<()> {
        for event in events {
            if event.token() == LISTENER {
                self.accept()?;
                continue;
            }
            let index = event.token().0;
            let Some(peer) = &mut self.peers[index] else {
                continue;
            };
            if !peer.serve(event, index, pending)? {
                self.peers[index] = None;
            }
        }
        Ok(())
    }

    /// Gathers a frame for one peer, if it is still there; it leaves with the next broadcast.
    pub fn push_text(&mut self, index: usize, text: &[u8]) {
        if let Some(peer) = &mut self.peers[index] {
            websocket::push_text(&mut peer.outbox, text);
        }
    }

    /// Sends `frames` to all who are subscribed, and to everybody what is gathered for them: one write for each.
    pub fn broadcast(&mut self, frames: &[u8]) -> Result<()> {
        for peer in self.peers.iter_mut().flatten() {
            if peer.subscribed {
                peer.outbox.extend_from_slice(frames);
            }
            peer.flush()?;
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let token = Token(self.peers.len());
            self.registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
            let (inbox, outbox) = (Inbox::new(), Vec::new());
            self.peers.push(Some(Peer { stream, inbox, outbox, upgraded: false, subscribed: false }));
        }
    }
}

impl Peer {
    /// Whether the peer is still there afterwards.
    fn serve(&mut self, event: &Event, index: usize, pending: &mut Vec<Pending>) -> Result<bool> {
        let mut open = true;
        if event.is_readable() {
            // A benchmark's client that ends with replies unread resets its connection, which is no failure of ours.
            open = self.inbox.fill(&mut self.stream).unwrap_or(false);
            open &= self.take_requests(index, pending)?;
        }
        if open {
            self.flush()?;
        }
        Ok(open)
    }

    fn take_requests(&mut self, index: usize, pending: &mut Vec<Pending>) -> Result<bool> {
        if !self.upgraded && !self.upgrade() {
            return Ok(true);
        }
        let mut start = 0;
        while let Some(frame) = websocket::parse(&self.inbox.received()[start..])? {
            if frame.opcode == CLOSE {
                return Ok(false);
            }
            let text = &mut self.inbox.received_mut()[start..][frame.payload.clone()];
            start += frame.payload.end;
            websocket::apply_mask(text, frame.mask.context("a client's frame must be masked")?);
            if frame.opcode != TEXT {
                continue;
            }
            if let Some(request) = text.strip_prefix(SEND_MESSAGE) {
                pending.push(parse_message(index, request)?);
            } else if text.starts_with(br#"{"op":"identify""#) {
                self.subscribed = text.ends_with(br#""subscribe":"all"}}"#);
                websocket::push_text(&mut self.outbox, READY);
            } else if text.starts_with(br#"{"op":"heartbeat""#) {
                websocket::push_text(&mut self.outbox, br#"{"op":"heartbeat_ack"}"#);
            } else {
                bail!("a frame that the floor doesn't know: {}", String::from_utf8_lossy(text));
            }
        }
        self.inbox.take(start);
        Ok(true)
    }

    /// Takes the HTTP request that opens a WebSocket, once it is whole.
    fn upgrade(&mut self) -> bool {
        let Some(head) = self.inbox.received().windows(4).position(|window| window == b"\r\n\r\n") else {
            return false;
        };
        self.inbox.take(head + 4);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {SAMPLE_ACCEPT}\r\n\r\n"
        );
        self.outbox.extend_from_slice(answer.as_bytes());
        websocket::push_text(&mut self.outbox, HELLO);
        self.upgraded = true;
        true
    }

    /// Writes what the socket takes; the rest waits until the socket says that it takes more.
    fn flush(&mut self) -> Result<()> {
        let mut written = 0;
        while written < self.outbox.len() {
            match self.stream.write(&self.outbox[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // Its end will be read in the next turn.
                Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.outbox.drain(..written);
        Ok(())
    }
}

/// Splits what follows the request's constant front into its number and its body.
fn parse_message(peer: usize, request: &[u8]) -> Result<Pending> {
    let end = request.iter().position(|byte| *byte == b'"').context("a request without an end to its number")?;
    let body = request[end..].strip_prefix(BODY).and_then(|body| body.strip_suffix(b"}"));
    let message = body.context("a request without a body")?.to_vec();
    Ok(Pending { peer, rid: request[..end].to_vec(), message })
}
