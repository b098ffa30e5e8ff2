//! The load generator: closed loops on one epoll, paced loads, rooms of listeners, and storms of reconnects.

mod closed;
mod exchange;
mod fan_out;
mod listeners;
mod member;
mod paced;
mod returning;
mod room;
mod sends;
mod storm;
mod tally;
mod timer;

pub use closed::ClosedLoop;
pub use exchange::{Exchange, HttpExchange};
pub use fan_out::{Drive, FanOut, Fanned};
pub use paced::{Pace, paced};
pub use returning::Return;
pub use room::Room;
pub use storm::Storm;
