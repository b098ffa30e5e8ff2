//! Sockets: the native gateway and Socket.IO, two dialects of one session.

pub mod asyncapi;
pub mod backend;
pub mod command;
pub mod drain;
pub mod engineio;
pub mod event;
pub mod fallback;
pub mod frames;
mod gateway;
pub mod hub;
pub mod line;
pub mod mailbox;
pub mod outbox;
pub mod polled;
pub mod presence;
pub mod progress;
pub mod protocol;
pub mod relations;
pub mod routes;
pub mod server;
pub mod session;
pub mod snapshot;
pub mod transport;
pub mod voice;
pub mod wire;
mod writer;

pub use hub::Hub;

use crate::numbered_set;

numbered_set! {
    /// Why the server closed a socket.
    pub enum CloseCode {
        /// The server is ending; connect again.
        GoingAway = 1001,
        /// Something went wrong that has no code.
        Unknown = 4000,
        /// A frame could not be read.
        BadFrame = 4001,
        /// A command before `identify`, or no `identify` in time.
        NotIdentified = 4003,
        /// The token isn't valid.
        BadToken = 4004,
        /// The client resumes from a position that the log never had.
        BadCursor = 4007,
        /// The client was too slow, or sent too much.
        OverLimit = 4008,
        /// No heartbeat came in time.
        HeartbeatMissed = 4009,
        /// A newer socket of the same client took its place.
        Replaced = 4010,
        /// The session was ended, or the account closed.
        Revoked = 4014,
    }
}
