//! Killed while plugins are told of things: nothing is lost, nothing comes twice, and the order stays.

use std::time::Duration;

use guildhall::db::Db;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Server, is_soak, seed};
use crate::plugins_events::{counted, lines, number, until};
use crate::support::plugins::built;
use crate::support::{Database, User, json};

/// Messages that are sent between two kills.
const MESSAGES: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_tells_plugins_everything_once_on_sqlite() {
    kill_again_and_again(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_tells_plugins_everything_once_on_postgres() {
    kill_again_and_again(Database::Postgres).await;
}

async fn kill_again_and_again(database: Database) {
    let settings = [("GUILDHALL_PLUGINS_BUNDLED", built().to_str().expect("a plain name"))];
    let Some(mut server) = Server::start_with(database, &settings).await else { return };
    let mut chance = StdRng::seed_from_u64(seed());
    let ada = server.nobody().sign_up("ada").await;
    let (guild, general) = ada.guild("Engines").await;
    ada.post("/marketplace/tests.counter", json!({"guild_id": guild})).await.expect(201);
    let cycles = if is_soak() { 30 } else { 4 };
    for cycle in 0..cycles {
        let sending = tokio::spawn(send(ada.clone(), general.clone(), cycle));
        tokio::time::sleep(Duration::from_millis(chance.random_range(50..900))).await;
        server.kill().await;
        // Whatever wasn't sent stays unsent: what stands in the channel is what counts.
        sending.abort();
        server.begin().await;
    }
    let db = Db::open(&server.database).await.expect("the database");
    let sent = "select count(*) from messages where kind = 'default'";
    let (sent, key) = (number(&db, sent).await, format!("said:{general}"));
    until("everything is told", async || counted(&db, "created").await == sent).await;
    let stored: Vec<(String,)> = {
        let mut conn = db.read().await.expect("a connection");
        let sql = "select content from messages where kind = 'default' order by position";
        conn.all(sql, &[]).await.expect("the messages")
    };
    let stored: Vec<String> = stored.into_iter().map(|(content,)| content).collect();
    assert_eq!(lines(&db, &key).await, stored);
    until("everything is batched", async || counted(&db, "batched").await == sent).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((counted(&db, "created").await, counted(&db, "batched").await), (sent, sent));
    println!("{sent} messages were told once, over {cycles} kills");
    db.close().await;
    server.stop().await;
}

/// Sends until it is broken off.
async fn send(user: User, channel: String, cycle: usize) {
    for number in 0..MESSAGES {
        let body = json!({"content": format!("{cycle}.{number}")});
        let request = user.request(reqwest::Method::POST, &format!("/channels/{channel}/messages")).json(&body);
        if request.send().await.is_err() {
            return;
        }
    }
}
