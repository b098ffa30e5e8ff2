//! Writes frames onto a WebSocket as they are: the bytes that all receivers share, behind a header of their own.
//!
//! The library's own way copies each frame into a buffer for each socket. Here the kernel gathers header and
//! payload from where they stand, and everything that waits for a socket goes to it in one call.

use std::io::{self, IoSlice};

use smallvec::SmallVec;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::wire::Frame;

/// Frames that one call gives to the kernel, at most.
const FRAMES_AT_ONCE: usize = 32;

/// The longest header of a frame that isn't masked.
const MAX_HEADER: usize = 10;

/// The header of a frame: what it is, and how long. Frames of a server are never masked.
struct Header {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

impl Header {
    fn of(frame: &Frame) -> Header {
        // The first bit says that the frame is the last of its message: ours all are.
        let kind = 0x80
            | match frame {
                Frame::Text(_) => 0x1,
                Frame::Binary(_) => 0x2,
                Frame::Ping => 0x9,
            };
        let mut bytes = [0; MAX_HEADER];
        bytes[0] = kind;
        let length = frame.len();
        let len = match length {
            0..=125 => {
                bytes[1] = length as u8;
                2
            }
            126..=0xffff => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..10].copy_from_slice(&(length as u64).to_be_bytes());
                10
            }
        };
        Header { bytes, len }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Writes frames, whole and in order.
pub async fn write_frames<W: AsyncWrite + Unpin>(socket: &mut W, frames: &[Frame]) -> io::Result<()> {
    for some in frames.chunks(FRAMES_AT_ONCE) {
        let headers: SmallVec<[Header; 4]> = some.iter().map(Header::of).collect();
        if socket.is_write_vectored() {
            let mut slices: SmallVec<[IoSlice<'_>; 8]> = SmallVec::with_capacity(2 * some.len());
            for (header, frame) in headers.iter().zip(some) {
                slices.push(IoSlice::new(header.as_slice()));
                slices.push(IoSlice::new(frame.as_bytes()));
            }
            write_slices(socket, &mut slices).await?;
        } else {
            // TLS makes a record of each write: it gets all at once.
            let mut together = Vec::with_capacity(some.iter().map(|frame| frame.len() + MAX_HEADER).sum());
            for (header, frame) in headers.iter().zip(some) {
                together.extend_from_slice(header.as_slice());
                together.extend_from_slice(frame.as_bytes());
            }
            socket.write_all(&together).await?;
        }
    }
    socket.flush().await
}

async fn write_slices<W: AsyncWrite + Unpin>(socket: &mut W, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match socket.write_vectored(slices).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => IoSlice::advance_slices(&mut slices, written),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    #[tokio::test]
    async fn the_library_reads_what_is_written_here() {
        let (mut ours, theirs) = tokio::io::duplex(1_000);
        let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 100_000];
        let mut frames: Vec<Frame> = lengths.iter().map(|length| Frame::from("x".repeat(*length))).collect();
        frames.push(Frame::Binary(bytes::Bytes::from_static(&[0, 255, 7])));
        frames.push(Frame::Ping);
        frames.extend((0..100).map(|number: i32| Frame::from(number.to_string())));
        let expected: Vec<Message> = frames.iter().cloned().map(Message::from).collect();
        let writing = tokio::spawn(async move { write_frames(&mut ours, &frames).await.map(|()| ours) });

        let mut reader = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        for message in expected {
            assert_eq!(reader.next().await.unwrap().unwrap(), message);
        }
        drop(writing.await.unwrap().unwrap());
    }
}
