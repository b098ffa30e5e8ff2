//! The server is killed under people's hands, again and again: they come back, and nothing is lost,
//! doubled or out of order.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::proxy::{Proxy, Treatment, Way};
use super::{Crowd, Server, Size, is_soak, seed};
use crate::support::Database;

/// Messages that must have been promised between two faults.
const BETWEEN: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_come_back_to_a_killed_server_on_sqlite() {
    killed_again_and_again(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_come_back_to_a_killed_server_on_postgres() {
    killed_again_and_again(Database::Postgres).await;
}

async fn killed_again_and_again(database: Database) {
    let cycles = if is_soak() { 40 } else { 3 };
    let mut chance = StdRng::seed_from_u64(seed());
    let Some(mut server) = Server::start(database).await else { return };
    let addresses = vec![server.url.clone()];
    let mut crowd = Crowd::gather(&server.nobody(), addresses.clone(), Size::SMALL).await;
    crowd.talk();
    for _ in 0..cycles {
        crowd.promises(BETWEEN).await;
        tokio::time::sleep(Duration::from_micros(chance.random_range(0..30_000))).await;
        server.kill().await;
        server.begin().await;
        crowd.all_in().await;
    }
    crowd.promises(BETWEEN).await;
    let settled = crowd.settle(&addresses).await;
    assert!(settled.resumed >= cycles, "they resume: {settled:?}");
    assert_eq!(settled.begun, 6, "nobody has to begin anew: {settled:?}");
    println!("{cycles} kills: {settled:?}");
    server.stop().await;
}

/// Every way in which a line to the server can be bad, one after the other, under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_lines_cost_nothing_but_time() {
    let rounds = if is_soak() { 10 } else { 1 };
    let Some(server) = Server::start(Database::Sqlite).await else { return };
    let target = server.url.trim_start_matches("http://").to_owned();
    let (good, bad) = (Proxy::to(target.clone()).await, Proxy::to(target).await);
    let addresses = vec![bad.url(), good.url()];
    let mut crowd = Crowd::gather(&server.nobody(), addresses, Size::SMALL).await;
    crowd.talk();
    let back = |way: Way| Treatment { back: way, ..Treatment::default() };
    let swallows = Way { swallows: true, ..Way::default() };
    for _ in 0..rounds {
        bad.treat(Treatment::slow(Duration::from_millis(120)));
        crowd.promises(BETWEEN).await;
        bad.treat(Treatment::trickle(7, Duration::from_millis(2)));
        crowd.promises(BETWEEN).await;
        bad.reset();
        crowd.promises(BETWEEN).await;
        bad.mend();
        crowd.all_in().await;
        // Neither end learns that nothing arrives any more; then only what the server says is lost.
        for treatment in [Treatment::half_open(), back(swallows)] {
            bad.treat_open(treatment);
            crowd.promises(BETWEEN).await;
            crowd.all_in().await;
        }
        for proxy in [&bad, &good] {
            proxy.reset();
            crowd.promises(BETWEEN).await;
        }
        bad.cut();
        crowd.promises(BETWEEN).await;
        bad.mend();
    }
    let settled = crowd.settle(std::slice::from_ref(&server.url)).await;
    assert!(settled.resumed > 0, "they resume: {settled:?}");
    println!("{settled:?}");
    server.stop().await;
}
