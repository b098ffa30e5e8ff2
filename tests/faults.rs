//! The real server, run as people run it, and then killed, starved and cut off.

mod bus;
mod client;
mod comeback;
mod crowd;
mod crowds;
mod deliveries;
mod disk_full;
mod history;
mod kill;
mod load;
mod nats;
mod nodes;
mod plugins;
mod postgres_away;
mod proxy;
mod reading;
mod server;
mod several;
mod terminate;

use crowd::{Crowd, Size};
use server::Server;

/// Whether the run may take hours.
pub fn is_soak() -> bool {
    std::env::var_os("GUILDHALL_SOAK").is_some()
}

/// Where the chances of this run come from.
fn seed() -> u64 {
    let given = std::env::var("GUILDHALL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("GUILDHALL_TEST_SEED={seed} repeats the chances");
    seed
}
