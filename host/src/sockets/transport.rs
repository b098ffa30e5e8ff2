//! How frames travel: over a WebSocket, or in requests that come and go.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::CloseCode;
use super::line::{Line, Plain};
use super::mailbox::Mailbox;
use super::polled::FromPolling;
use super::wire::Frame;
use super::writer::write_frames;
use crate::config::Sockets;

/// A WebSocket on an upgraded HTTP connection.
pub type Socket = WebSocketStream<Line>;

/// How long a client may take to receive one write before it counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client may take to receive the end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Read buffer of a socket: commands are small, and there are many sockets.
const READ_BUFFER: usize = 1024;

/// How a session's frames travel at the moment.
pub enum Transport {
    /// A WebSocket.
    Socket(Box<Socket>),
    /// Requests that come and go.
    Polling {
        /// What the client posts.
        posted: mpsc::Receiver<FromPolling>,
        /// What the client's next request takes along.
        mailbox: Mailbox,
        /// Whether the client was asked if it is there, while it waited for frames: it is.
        probed: bool,
    },
}

/// What arrived.
pub enum Arrived {
    /// A frame.
    Frame(Frame),
    /// A sign of life of the WebSocket itself.
    Alive,
    /// The client moved to a WebSocket.
    Moved(Box<Socket>),
    /// The client is gone.
    Gone,
    /// A frame that no client of ours sends.
    Bad,
}

/// Wraps an upgraded connection.
pub async fn socket(upgraded: Upgraded, settings: &Sockets) -> Socket {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(settings.frame_bytes))
        .max_frame_size(Some(settings.frame_bytes));
    let (line, read) = Line::of(upgraded);
    WebSocketStream::from_partially_read(line, read, Role::Server, Some(config)).await
}

/// What travels by polling is text.
fn texts(frames: &mut Vec<Frame>) -> Vec<Utf8Bytes> {
    let text = |frame| match frame {
        Frame::Text(text) => Some(text),
        Frame::Binary(_) | Frame::Ping => None,
    };
    frames.drain(..).filter_map(text).collect()
}

impl Transport {
    /// Requests that come and go.
    pub fn polling(posted: mpsc::Receiver<FromPolling>, mailbox: Mailbox) -> Transport {
        Transport::Polling { posted, mailbox, probed: false }
    }

    /// The next thing that arrives. Nothing is lost if the future is dropped.
    pub async fn receive(&mut self) -> Arrived {
        match self {
            Transport::Socket(socket) => match socket.next().await {
                Some(Ok(Message::Text(text))) => Arrived::Frame(Frame::Text(text)),
                Some(Ok(Message::Binary(bytes))) => Arrived::Frame(Frame::Binary(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Arrived::Alive,
                Some(Ok(Message::Close(_))) => {
                    // The answer to it waits already.
                    let _ = tokio::time::timeout(LAST_WORDS, socket.flush()).await;
                    Arrived::Gone
                }
                None => Arrived::Gone,
                Some(Ok(Message::Frame(_)) | Err(_)) => Arrived::Bad,
            },
            Transport::Polling { probed: probed @ true, .. } => {
                *probed = false;
                Arrived::Alive
            }
            Transport::Polling { posted, .. } => match posted.recv().await {
                Some(FromPolling::Frame(frame)) => Arrived::Frame(Frame::Text(frame)),
                Some(FromPolling::Upgraded(socket)) => Arrived::Moved(socket),
                Some(FromPolling::Gone) | None => Arrived::Gone,
                Some(FromPolling::Bad) => Arrived::Bad,
            },
        }
    }

    /// Goes on over a WebSocket; answers what the client has not fetched by polling, which goes first.
    pub fn move_to(&mut self, socket: Box<Socket>) -> Vec<Frame> {
        match std::mem::replace(self, Transport::Socket(socket)) {
            Transport::Polling { mailbox, .. } => mailbox.abandon().into_iter().map(Frame::Text).collect(),
            Transport::Socket(_) => Vec::new(),
        }
    }

    /// The connection, if others than its session may write to it.
    pub fn plain(&self) -> Option<Arc<Plain>> {
        match self {
            Transport::Socket(socket) => socket.get_ref().plain().cloned(),
            Transport::Polling { .. } => None,
        }
    }

    /// Sends what waits on the line, and frames in as few writes as they fit; false if the client is gone or takes too long.
    pub async fn send(&mut self, frames: &mut Vec<Frame>) -> bool {
        match self {
            Transport::Socket(socket) => {
                let write = async {
                    // What the library has to say itself, as an answer to a ping, goes first and whole.
                    socket.flush().await.map_err(std::io::Error::other)?;
                    write_frames(socket.get_mut(), frames).await
                };
                let written = tokio::time::timeout(WRITE_TIMEOUT, write).await;
                frames.clear();
                matches!(written, Ok(Ok(())))
            }
            Transport::Polling { mailbox, probed, .. } => {
                *probed |= frames.contains(&Frame::Ping) && mailbox.is_read();
                mailbox.put(texts(frames), WRITE_TIMEOUT).await
            }
        }
    }

    /// Says why, and ends.
    pub async fn close(&mut self, code: CloseCode) {
        match self {
            Transport::Socket(socket) => {
                let frame = CloseFrame { code: (code as u16).into(), reason: Utf8Bytes::from_static("") };
                // The client may be gone already: then it needs no farewell.
                let farewell = WebSocketStream::close(socket, Some(frame));
                let _ = tokio::time::timeout(LAST_WORDS, farewell).await;
            }
            Transport::Polling { mailbox, .. } => mailbox.close(code),
        }
    }
}
