//! A room of a program under test: who sends there, who is told, and where the messages are kept.

use std::net::SocketAddr;

use crate::database::Kept;
use crate::dialect::Dialect;
use crate::process::Process;

/// One channel of a program under test, with those who send there and those who listen.
pub struct Room<'a> {
    /// Names the load where progress is shown.
    pub what: &'a str,
    pub process: &'a Process,
    pub address: SocketAddr,
    pub dialect: Dialect,
    pub kept: &'a Kept,
    pub channel_id: &'a str,
    /// The stream of the channel's events.
    pub stream_id: &'a str,
    /// One token for each sender.
    pub senders: &'a [String],
    /// One token for each listener.
    pub listeners: &'a [String],
    /// One token for each listener who never reads what it is sent.
    pub deaf: &'a [String],
}
