//! Guildhall: a chat server that guilds extend by themselves.
//!
//! `docs/ARCHITECTURE.md` is the map of this crate.

pub mod accounts;
pub mod app;
pub mod channels;
pub mod clock;
pub mod closed_set;
pub mod cluster;
pub mod config;
pub mod db;
pub mod doctor;
pub mod error;
pub mod guilds;
pub mod housekeeping;
pub mod http;
pub mod i18n;
pub mod id;
pub mod known_bugs;
pub mod log;
pub mod mail;
pub mod messaging;
pub mod plugins;
pub mod seed;
#[cfg(test)]
mod simulation;
pub mod sockets;
pub mod voice;
