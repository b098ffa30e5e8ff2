//! The load generator: closed loops on one epoll, a paced load, and listeners that count what they are sent.

mod closed;
mod exchange;
mod listeners;
mod paced;
pub mod sends;

pub use closed::ClosedLoop;
pub use exchange::{Exchange, HttpExchange};
pub use paced::{Pace, paced};
