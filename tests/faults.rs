//! The real server, run as people run it, and then killed, starved and cut off.

mod disk_full;
mod kill;
mod load;
mod postgres_away;
mod proxy;
mod server;
mod terminate;

use server::Server;
