//! Writes frames onto a WebSocket as they are: the bytes that all receivers share, behind a header of their own.
//!
//! The library's own way copies each frame into a buffer for each socket. Here the kernel gathers header and
//! payload from where they stand, and everything that waits for a socket goes to it in one call. Only what it
//! doesn't take at once is copied.

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
        let mut together = Vec::with_capacity(some.iter().map(|frame| frame.len() + MAX_HEADER).sum());
        append(some, &mut together);
        socket.write_all(&together).await?;
    }
    socket.flush().await
}

/// Adds frames, as they travel, to `bytes`.
pub fn append(frames: &[Frame], bytes: &mut Vec<u8>) {
    for frame in frames {
        bytes.extend_from_slice(Header::of(frame).as_slice());
        bytes.extend_from_slice(frame.as_bytes());
    }
}

/// Hands frames to `write`, as much as it takes without waiting; what it doesn't take is added to `rest`.
pub fn write_now(
    frames: &[Frame],
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    rest: &mut Vec<u8>,
) -> io::Result<()> {
    let mut chunks = frames.chunks(FRAMES_AT_ONCE);
    for some in chunks.by_ref() {
        let headers: SmallVec<[Header; 4]> = some.iter().map(Header::of).collect();
        let mut slices: SmallVec<[IoSlice<'_>; 8]> = SmallVec::with_capacity(2 * some.len());
        for (header, frame) in headers.iter().zip(some) {
            slices.push(IoSlice::new(header.as_slice()));
            slices.push(IoSlice::new(frame.as_bytes()));
        }
        if !write_slices(&mut slices, &mut write, rest)? {
            break;
        }
    }
    chunks.for_each(|some| append(some, rest));
    Ok(())
}

/// False if some of it is left, and stands in `rest`.
fn write_slices(
    mut slices: &mut [IoSlice<'_>],
    write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    rest: &mut Vec<u8>,
) -> io::Result<bool> {
    while !slices.is_empty() {
        match write(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                slices.iter().for_each(|slice| rest.extend_from_slice(slice));
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(true)
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

    #[test]
    fn what_is_not_taken_at_once_waits_in_order() {
        let frames: Vec<Frame> = (0..100).map(|number: i32| Frame::from("x".repeat(number as usize * 3))).collect();
        let mut whole = Vec::new();
        append(&frames, &mut whole);
        for room in [0, 1, 2, 3, 700, 5_000, whole.len()] {
            let (mut taken, mut rest) = (Vec::new(), Vec::new());
            let write = |slices: &[IoSlice<'_>]| {
                let left = room - taken.len();
                if left == 0 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(left).collect();
                taken.extend_from_slice(&all);
                Ok(all.len())
            };
            write_now(&frames, write, &mut rest).unwrap();
            taken.append(&mut rest);
            assert!(taken == whole, "with room for {room}");
        }
    }
}
