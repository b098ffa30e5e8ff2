//! The real server, run as people run it, and then killed, starved and cut off.

mod kill;
mod load;
mod server;

use server::Server;
