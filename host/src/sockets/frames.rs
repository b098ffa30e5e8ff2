//! What the server and its clients say natively beside commands.

use crate::closed_set;

closed_set! {
    /// What the server says.
    pub enum ServerFrame {
        /// The first frame: identify now, and beat this often.
        Hello = "hello",
        /// The client is let in; where everything stands.
        Ready = "ready",
        /// What was missed of a stream can't be told: here is the stream.
        Resync = "resync",
        /// The client has everything that it missed.
        Resumed = "resumed",
        /// Something happened.
        Event = "event",
        /// A command was done.
        Ack = "ack",
        /// A command was refused, or the token was.
        Error = "error",
        /// The answer to a heartbeat: how far the streams have come that went on.
        HeartbeatAck = "heartbeat_ack",
        /// The server ends, and closes the socket after this time: come again.
        Reconnect = "reconnect",
        /// The last frame where there is no WebSocket to close: why the session has ended.
        Close = "close",
    }
}

closed_set! {
    /// What a client says.
    pub enum ClientFrame {
        /// Say who one is, for the first time.
        Identify = "identify",
        /// Say who one is, and where one was.
        Resume = "resume",
        /// Say that one is there.
        Heartbeat = "heartbeat",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sockets::command::CommandName;
    use crate::sockets::protocol::{Inbound, Protocol};

    #[test]
    fn a_frame_of_a_client_is_no_command() {
        let is_command = |name: &str, body: &str| {
            let frame = format!(r#"{{"op":"{name}","d":{body}}}"#);
            matches!(Protocol::Native.read(&frame), Ok(Inbound::Command { .. }))
        };
        for frame in ClientFrame::ALL {
            let body = r#"{"token":"t","cursors":{}}"#;
            assert!(!is_command(frame.as_str(), body) && !is_command(frame.as_str(), "{}"), "{frame}");
        }
        assert!(CommandName::ALL.iter().all(|name| is_command(name.as_str(), "{}")));
    }
}
