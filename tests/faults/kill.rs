//! Killed under load, again and again: what was acknowledged is there, once, and the log has no gap.

use std::collections::HashMap;
use std::time::Duration;

use guildhall::db::{Conn, Db};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::load::Load;
use super::{Server, is_soak, seed};
use crate::support::Database;

/// Messages that must be under way when the server is killed.
const IN_FLIGHT: usize = 200;
/// Messages that must have been acknowledged since the last time.
const ACKNOWLEDGED: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_its_word_on_sqlite() {
    kill_again_and_again(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_its_word_on_postgres() {
    kill_again_and_again(Database::Postgres).await;
}

async fn kill_again_and_again(database: Database) {
    let cycles = if is_soak() { 40 } else { 5 };
    let mut chance = StdRng::seed_from_u64(seed());
    let Some(mut server) = Server::start(database).await else { return };
    let mut load = Load::prepare(&server).await;
    let mut open_batches = 0;
    for cycle in 1..=cycles {
        load.begin();
        let moment = Duration::from_micros(chance.random_range(0..300_000));
        let (in_flight, acknowledged) = strike(&mut server, &load, moment).await;
        let wrong = load.end().await;
        assert!(wrong.is_empty(), "cycle {cycle}: {wrong:?}\n{}", server.said());
        server.begin().await;
        let kept = verify(&server, &load).await;
        println!(
            "kill {cycle}: {in_flight} in flight, {acknowledged} acknowledged since the last; \
             {} in doubt, {kept} of them stored",
            load.doubtful(),
        );
        open_batches += usize::from(kept > 0);
    }
    println!("{open_batches} of {cycles} kills came between a commit and its answers");
    assert!(open_batches > 0 || cycles < 40, "no kill came between a commit and its answers");
    // What is in doubt is sent once more, and everything that anybody ever wished to send is there.
    load.begin();
    while load.acknowledged_since() < ACKNOWLEDGED {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let wrong = load.end().await;
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!((verify(&server, &load).await, load.doubtful()), (0, 0));
    server.stop().await;
}

/// Kills the server once enough has happened, and then a moment later; answers what was in flight and
/// how many were acknowledged.
async fn strike(server: &mut Server, load: &Load, moment: Duration) -> (usize, usize) {
    let enough = async {
        while load.acknowledged_since() < ACKNOWLEDGED {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(moment).await;
        while load.in_flight() < IN_FLIGHT {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), enough).await.expect("the load comes up");
    let numbers = (load.in_flight(), load.acknowledged_since());
    server.kill().await;
    assert!(numbers.0 >= IN_FLIGHT && numbers.1 >= ACKNOWLEDGED, "the kill hit no open batch: {numbers:?}");
    numbers
}

/// Looks at everything that is stored; answers how many messages are there that nobody was told of.
async fn verify(server: &Server, load: &Load) -> usize {
    let db = Db::open(&server.database).await.expect("the database");
    let mut conn = db.snapshot().await.expect("a connection");
    if !db.is_postgres() {
        let (said,): (String,) = conn.one("pragma integrity_check", &[]).await.expect("a check");
        assert_eq!(said, "ok", "the database is damaged");
    }
    assert_log_has_no_gap(&mut conn).await;
    assert_log_and_messages_agree(&mut conn).await;
    drop(conn);
    db.close().await;
    let stored = stored(server).await;
    let acknowledged = load.acknowledged();
    for (nonce, id) in &acknowledged {
        assert_eq!(stored.get(nonce), Some(id), "{nonce} was acknowledged as {id}");
    }
    stored.len() - acknowledged.len()
}

/// Every message that is stored, by its text, with its id; none is there twice.
pub async fn stored(server: &Server) -> HashMap<String, String> {
    let db = Db::open(&server.database).await.expect("the database");
    let mut conn = db.read().await.expect("a connection");
    let rows: Vec<(String, i64)> =
        conn.all("select content, id from messages where kind = 'default'", &[]).await.expect("the messages");
    drop(conn);
    db.close().await;
    let mut stored = HashMap::new();
    for (content, id) in rows {
        let before = stored.insert(content.clone(), id.to_string());
        assert_eq!(before, None, "{content} is stored twice");
    }
    stored
}

async fn assert_log_has_no_gap(conn: &mut Conn) {
    let sql =
        "select s.shard, s.position, coalesce(min(l.position), 1), coalesce(max(l.position), 0), count(l.position)
        from log_shards s left join log l on l.shard = s.shard group by s.shard, s.position order by s.shard";
    let shards: Vec<(i64, i64, i64, i64, i64)> = conn.all(sql, &[]).await.expect("the shards");
    assert!(shards.iter().any(|shard| shard.1 > 0), "something was written");
    for (shard, head, first, last, count) in shards {
        assert_eq!((first, last, count), (1, head, head), "shard {shard} has a gap, or its head is wrong");
    }
}

async fn assert_log_and_messages_agree(conn: &mut Conn) {
    let sql = "select count(*) from messages m left join log l on l.channel_id = m.channel_id
        and l.position = m.position and l.kind = 'message_created'
        and l.payload like '{\"id\":\"' || cast(m.id as text) || '\"%' where l.position is null";
    let (unlogged,): (i64,) = conn.one(sql, &[]).await.expect("a count");
    let sql = "select count(*) from log l left join messages m on l.channel_id = m.channel_id
        and l.position = m.position where l.kind = 'message_created' and m.id is null";
    let (unstored,): (i64,) = conn.one(sql, &[]).await.expect("a count");
    assert_eq!((unlogged, unstored), (0, 0), "messages without a row of the log, and rows without a message");
}
