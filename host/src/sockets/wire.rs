//! What frames look like on the wire: as JSON or MessagePack, compressed or not.

use std::io::{Cursor, Write};
use std::str::FromStr;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
#[cfg(test)]
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::CloseCode;
use super::protocol::Protocol;

/// Frames below this many bytes are sent as they are: compressing them costs more than it saves.
const WORTH_COMPRESSING: usize = 512;

/// How deep lists and maps may stand in each other: as deep as in JSON, and no deeper than the stack.
const DEEPEST: usize = 128;

/// A frame as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text.
    Text(Utf8Bytes),
    /// Bytes: MessagePack, or something compressed.
    Binary(Bytes),
    /// A question of the WebSocket itself, which every client's library answers.
    Ping,
}

impl Frame {
    /// What it holds.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Frame::Text(text) => text.as_bytes(),
            Frame::Binary(bytes) => bytes,
            Frame::Ping => &[],
        }
    }

    /// Its size in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
impl From<Frame> for Message {
    fn from(frame: Frame) -> Message {
        match frame {
            Frame::Text(text) => Message::Text(text),
            Frame::Binary(bytes) => Message::Binary(bytes),
            Frame::Ping => Message::Ping(Bytes::new()),
        }
    }
}

impl From<String> for Frame {
    fn from(text: String) -> Frame {
        Frame::Text(text.into())
    }
}

impl From<&'static str> for Frame {
    fn from(text: &'static str) -> Frame {
        Frame::Text(Utf8Bytes::from_static(text))
    }
}

/// How a socket's frames are written. Everybody with the same wire receives the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// The native dialect as JSON text.
    Json,
    /// The same; large frames are zlib data.
    DeflatedJson,
    /// The native dialect as MessagePack.
    MessagePack,
    /// The same; large frames are zlib data, which begins with a byte that no MessagePack map begins with.
    DeflatedMessagePack,
    /// Socket.IO's packets as text.
    SocketIo,
}

impl Wire {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// The wire of the native dialect that a client asks for by `encoding` and `compress`.
    pub fn native(encoding: Option<Encoding>, compress: Option<Compress>) -> Wire {
        match (encoding.unwrap_or(Encoding::Json), compress) {
            (Encoding::Json, None) => Wire::Json,
            (Encoding::Json, Some(Compress::Deflate)) => Wire::DeflatedJson,
            (Encoding::MessagePack, None) => Wire::MessagePack,
            (Encoding::MessagePack, Some(Compress::Deflate)) => Wire::DeflatedMessagePack,
        }
    }

    /// The dialect that is spoken over it.
    pub fn protocol(self) -> Protocol {
        match self {
            Wire::SocketIo => Protocol::SocketIo,
            _ => Protocol::Native,
        }
    }

    /// A frame whose JSON (or packet of Socket.IO) is `text`.
    pub fn seal(self, text: String) -> Frame {
        match self {
            Wire::Json | Wire::SocketIo => Frame::Text(text.into()),
            Wire::DeflatedJson => match deflated(text.as_bytes()) {
                Some(bytes) => Frame::Binary(bytes),
                None => Frame::Text(text.into()),
            },
            // What can't be packed goes out as the text that it is: a client that packs reads both.
            Wire::MessagePack => packed(&text).map_or_else(|| Frame::Text(text.into()), Frame::Binary),
            Wire::DeflatedMessagePack => match packed(&text) {
                Some(bytes) => Frame::Binary(deflated(&bytes).unwrap_or(bytes)),
                None => Frame::Text(text.into()),
            },
        }
    }

    /// What a client answers at once that is still there.
    pub fn probe(self) -> Frame {
        match self {
            Wire::SocketIo => Frame::from("2"),
            _ => Frame::Ping,
        }
    }

    /// The text of a frame from a client.
    pub fn open(self, frame: Frame) -> Result<Utf8Bytes, CloseCode> {
        match (self, frame) {
            (_, Frame::Text(text)) => Ok(text),
            (Wire::MessagePack | Wire::DeflatedMessagePack, Frame::Binary(bytes)) => {
                unpacked(&bytes).ok_or(CloseCode::BadFrame)
            }
            (_, Frame::Binary(_) | Frame::Ping) => Err(CloseCode::BadFrame),
        }
    }
}

/// How frames are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As text.
    Json,
    /// As bytes.
    MessagePack,
}

impl FromStr for Encoding {
    type Err = ();
    fn from_str(word: &str) -> Result<Encoding, ()> {
        match word {
            "json" => Ok(Encoding::Json),
            "msgpack" => Ok(Encoding::MessagePack),
            _ => Err(()),
        }
    }
}

/// How large frames are compressed, each by itself: once for all who receive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    /// As zlib data, which browsers and every standard library can read.
    Deflate,
}

impl FromStr for Compress {
    type Err = ();
    fn from_str(word: &str) -> Result<Compress, ()> {
        if word == "deflate" { Ok(Compress::Deflate) } else { Err(()) }
    }
}

fn packed(json: &str) -> Option<Bytes> {
    let mut bytes = Vec::with_capacity(json.len());
    let mut from = serde_json::Deserializer::from_str(json);
    serde_transcode::transcode(&mut from, &mut rmp_serde::Serializer::new(&mut bytes)).ok()?;
    Some(bytes.into())
}

fn unpacked(bytes: &[u8]) -> Option<Utf8Bytes> {
    let mut json = Vec::with_capacity(bytes.len() * 2);
    let mut from = rmp_serde::Deserializer::new(Cursor::new(bytes));
    from.set_max_depth(DEEPEST);
    serde_transcode::transcode(&mut from, &mut serde_json::Serializer::new(&mut json)).ok()?;
    // Nothing may stand behind it.
    (from.get_ref().position() == bytes.len() as u64).then_some(())?;
    String::from_utf8(json).ok().map(Utf8Bytes::from)
}

fn deflated(bytes: &[u8]) -> Option<Bytes> {
    if bytes.len() < WORTH_COMPRESSING {
        return None;
    }
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut decoder = flate2::write::ZlibDecoder::new(Vec::new());
        decoder.write_all(bytes).unwrap();
        decoder.finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_the_same_when_unpacked() {
        let json = r#"{"op":"event","s":7,"g":"12","d":{"content":"ğ 👍","list":[1,-2,0.5,null,true],"none":{}}}"#;
        let Frame::Binary(bytes) = Wire::MessagePack.seal(json.to_owned()) else { panic!("it is packed") };
        assert_eq!(bytes[0] & 0xf0, 0x80, "a map");
        assert_eq!(unpacked(&bytes).unwrap().as_str(), json);
    }

    #[test]
    fn large_frames_are_compressed_and_small_ones_left_alone() {
        let large = format!(r#"{{"d":"{}"}}"#, "again and ".repeat(200));
        let Frame::Binary(bytes) = Wire::DeflatedJson.seal(large.clone()) else { panic!("it is compressed") };
        assert_eq!((bytes[0], inflated(&bytes)), (0x78, large.clone().into_bytes()));
        let Frame::Binary(bytes) = Wire::DeflatedMessagePack.seal(large.clone()) else { panic!("it is compressed") };
        assert_eq!((bytes[0], unpacked(&inflated(&bytes)).unwrap().as_str()), (0x78, large.as_str()));
        assert_eq!(Wire::DeflatedJson.seal("{}".into()), Frame::from("{}"));
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let (deep, deeper) = (vec![0x91; 10_000], b"\x81\xa1a".repeat(5_000));
        for bad in [&b""[..], b"\x81", b"\xc1", b"\x01\x01", b"\xa5hel", &deep, &deeper] {
            let frame = Frame::Binary(Bytes::copy_from_slice(bad));
            assert_eq!(Wire::MessagePack.open(frame.clone()), Err(CloseCode::BadFrame), "{bad:x?}");
            assert_eq!(Wire::Json.open(frame), Err(CloseCode::BadFrame));
        }
    }
}
