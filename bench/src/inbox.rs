//! The bytes that a socket has received and nobody has taken yet.

use std::io::{self, ErrorKind, Read};

/// Most replies fit; a page of history makes it grow once, and then it stays so.
const FIRST_CAPACITY: usize = 4096;

/// A buffer that reads from the socket at its end and is emptied at its front.
pub struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

impl Inbox {
    pub fn new() -> Inbox {
        Inbox { bytes: vec![0; FIRST_CAPACITY], filled: 0 }
    }

    /// Everything received and not yet taken.
    pub fn received(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The same, for a reader that unmasks in place.
    pub fn received_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.filled]
    }

    /// Forgets the first `count` bytes.
    pub fn take(&mut self, count: usize) {
        self.bytes.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    /// Reads once; for blocking sockets. An ended stream is an error, since no reply is expected to end one.
    pub fn read_once(&mut self, stream: &mut impl Read) -> io::Result<()> {
        match self.read(stream)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads all that a non-blocking socket holds; `false` when the other side has ended the stream.
    pub fn fill(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        loop {
            match self.read(stream) {
                Ok(0) => return Ok(false),
                // A read that leaves room has drained the socket, which saves the call that would only say so.
                Ok(_) if self.filled < self.bytes.len() => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        if self.filled == self.bytes.len() {
            self.bytes.resize(self.filled * 2, 0);
        }
        let count = stream.read(&mut self.bytes[self.filled..])?;
        self.filled += count;
        Ok(count)
    }
}
