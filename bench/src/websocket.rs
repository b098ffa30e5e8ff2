//! WebSocket framing (RFC 6455): as little of it as a load generator and a floor need.

use std::ops::Range;

use anyhow::{Result, ensure};

/// The sample nonce of RFC 6455, section 1.3: with a constant question, nobody here has to compute the answer.
pub const SAMPLE_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What a server answers to [`SAMPLE_KEY`].
pub const SAMPLE_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;

/// Unmasking costs a server the same whatever the key, so a constant saves the generator a random number.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const LONGEST_FRAME: usize = 16 << 20;

/// Where the parts of one frame lie in the bytes it was read from.
#[derive(Debug, PartialEq)]
pub struct Frame {
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    /// The payload; its end is the end of the frame.
    pub payload: Range<usize>,
}

/// The frame at the front of `bytes`; none while it isn't whole.
pub fn parse(bytes: &[u8]) -> Result<Option<Frame>> {
    let &[first, second, ref rest @ ..] = bytes else {
        return Ok(None);
    };
    ensure!(first & FINAL != 0, "a fragmented frame, which no side here has a reason to send");
    let (length, mut at) = match second & !MASKED {
        126 => match rest.first_chunk() {
            Some(length) => (usize::from(u16::from_be_bytes(*length)), 4),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (usize::try_from(u64::from_be_bytes(*length))?, 10),
            None => return Ok(None),
        },
        length => (usize::from(length), 2),
    };
    ensure!(length <= LONGEST_FRAME, "a frame of {length} bytes");
    let mut mask = None;
    if second & MASKED != 0 {
        mask = bytes.get(at..at + 4).and_then(|key| key.first_chunk()).copied();
        at += 4;
    }
    let payload = at..at + length;
    Ok((payload.end <= bytes.len()).then_some(Frame { opcode: first & !FINAL, mask, payload }))
}

/// Appends a server's text frame.
pub fn push_text(out: &mut Vec<u8>, payload: &[u8]) {
    push_header(out, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a client's text frame, masked as the protocol demands.
pub fn push_masked_text(out: &mut Vec<u8>, payload: &[u8]) {
    push_header(out, payload.len(), MASKED);
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], MASK);
}

/// Masks what is plain and unmasks what is masked.
pub fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    for group in payload.chunks_mut(mask.len()) {
        for (byte, key) in group.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
}

fn push_header(out: &mut Vec<u8>, length: usize, masked: u8) {
    out.push(FINAL | TEXT);
    if length < 126 {
        out.push(masked | length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(masked | 126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_parsed_at_every_length_of_header() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            push_masked_text(&mut bytes, &payload);
            assert_eq!(parse(&bytes[..bytes.len() - 1]).unwrap(), None, "the frame isn't whole yet");
            let frame = parse(&bytes).unwrap().unwrap();
            assert_eq!(frame.payload.end, bytes.len());
            apply_mask(&mut bytes[frame.payload.clone()], frame.mask.unwrap());
            assert_eq!(bytes[frame.payload], payload);
        }
    }

    #[test]
    fn a_servers_frame_is_plain() {
        let mut bytes = Vec::new();
        push_text(&mut bytes, b"hello");
        assert_eq!(parse(&bytes).unwrap(), Some(Frame { opcode: TEXT, mask: None, payload: 2..7 }));
    }
}
