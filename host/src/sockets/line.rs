//! The bytes of a WebSocket: its session reads them, and whoever has something to say may write.
//!
//! A plain connection is written to from any thread, so that an event needs no task of its receiver to be
//! woken. What the kernel doesn't take at once waits here, and only the session waits for room.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::wire::Frame;
use super::writer;

/// How many bytes may wait before the WebSocket's own answers, as to pings, must wait for room.
const OWN_ANSWERS: usize = 16 * 1024;

/// A connection that became a WebSocket's.
pub enum Line {
    /// Plain: it can be written to from anywhere.
    Plain(Arc<Plain>),
    /// With TLS or something else in between: only its session writes.
    Wrapped(TokioIo<Upgraded>),
}

impl Line {
    /// An upgraded connection, and what was read from it already.
    pub fn of(upgraded: Upgraded) -> (Line, Vec<u8>) {
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                let plain = Plain { stream: parts.io.into_inner(), unsent: Mutex::default() };
                (Line::Plain(Arc::new(plain)), parts.read_buf.to_vec())
            }
            Err(upgraded) => (Line::Wrapped(TokioIo::new(upgraded)), Vec::new()),
        }
    }

    /// The connection, if it can be written to from anywhere.
    pub fn plain(&self) -> Option<&Arc<Plain>> {
        match self {
            Line::Plain(plain) => Some(plain),
            Line::Wrapped(_) => None,
        }
    }
}

/// A plain connection.
pub struct Plain {
    stream: TcpStream,
    unsent: Mutex<Unsent>,
}

/// Bytes that the kernel hasn't taken yet, in order.
#[derive(Default)]
struct Unsent {
    bytes: Vec<u8>,
    sent: usize,
}

impl Unsent {
    fn waiting(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }
    /// Gives the kernel what it takes; an error ends the connection.
    fn drain(&mut self, stream: &TcpStream) -> io::Result<()> {
        while !self.waiting().is_empty() {
            match stream.try_write(self.waiting()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // Most sockets never have to wait: they keep no buffer.
        *self = Unsent::default();
        Ok(())
    }
}

impl Plain {
    /// Writes frames, whole and after whatever waits; what the kernel doesn't take now waits for the session.
    /// An error ends the connection: its session hears of it at its next turn.
    pub fn write(&self, frames: &[Frame]) -> io::Result<()> {
        let mut unsent = self.unsent.lock();
        unsent.drain(&self.stream)?;
        if !unsent.waiting().is_empty() {
            writer::append(frames, &mut unsent.bytes);
            return Ok(());
        }
        writer::write_now(frames, |slices| self.stream.try_write_vectored(slices), &mut unsent.bytes)
    }

    /// Whether something waits for room.
    pub fn is_stuck(&self) -> bool {
        !self.unsent.lock().waiting().is_empty()
    }

    fn poll_sent(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut unsent = self.unsent.lock();
            unsent.drain(&self.stream)?;
            if unsent.waiting().is_empty() {
                return Poll::Ready(Ok(()));
            }
            drop(unsent);
            ready!(self.stream.poll_write_ready(context))?;
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let plain = match self.get_mut() {
            Line::Plain(plain) => plain,
            Line::Wrapped(wrapped) => return Pin::new(wrapped).poll_read(context, buffer),
        };
        loop {
            ready!(plain.stream.poll_read_ready(context))?;
            match plain.stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Line {
    /// Takes all or nothing, so that no frame of another thread comes into the middle of one.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let plain = match self.get_mut() {
            Line::Plain(plain) => plain,
            Line::Wrapped(wrapped) => return Pin::new(wrapped).poll_write(context, bytes),
        };
        loop {
            let mut unsent = plain.unsent.lock();
            unsent.drain(&plain.stream)?;
            if unsent.waiting().len() < OWN_ANSWERS {
                unsent.bytes.extend_from_slice(bytes);
                unsent.drain(&plain.stream)?;
                return Poll::Ready(Ok(bytes.len()));
            }
            drop(unsent);
            ready!(plain.stream.poll_write_ready(context))?;
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(plain) => plain.poll_sent(context),
            Line::Wrapped(wrapped) => Pin::new(wrapped).poll_flush(context),
        }
    }

    /// A plain connection ends when the last who could write to it lets it go.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(plain) => plain.poll_sent(context),
            Line::Wrapped(wrapped) => Pin::new(wrapped).poll_shutdown(context),
        }
    }
}
