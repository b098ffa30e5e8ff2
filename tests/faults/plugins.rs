//! Killed in the middle of what plugins do: every effect is there exactly once, polls close at their time, and
//! nothing waits for ever.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use guildhall::db::Db;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Server, is_soak, seed};
use crate::support::{Database, User, id_of};

/// People who vote, and say what automod blocks.
const PEOPLE: usize = 12;
/// How long anything may take once the server is back.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long after it is made a poll closes.
const OPEN: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_plugins_do_is_done_once_on_sqlite() {
    kill_again_and_again(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_plugins_do_is_done_once_on_postgres() {
    kill_again_and_again(Database::Postgres).await;
}

/// How much of what a server said is told, in bytes.
const MOST_SAID: usize = 2_000;

/// A guild with polls and automod, and its people.
struct Town {
    people: Vec<User>,
    guild: String,
    channel: String,
}

impl Town {
    async fn found(server: &Server) -> Town {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(server.nobody().sign_up(&format!("person{number}")).await);
        }
        let (guild, channel) = people[0].guild("Town").await;
        for person in &people[1..] {
            person.join(&guild).await;
        }
        people[0].post("/marketplace/guildhall.polls", json!({"guild_id": guild})).await.expect(201);
        let config = json!({"keywords": ["forbidden"], "keywords-action": "block", "exempt-moderators": false});
        let automod = json!({"guild_id": guild, "config": config});
        people[0].post("/marketplace/guildhall.automod", automod).await.expect(201);
        Town { people, guild, channel }
    }

    async fn ask(&self, closes_at: Option<String>) -> String {
        let poll = json!({
            "guild_id": self.guild, "channel_id": self.channel, "question": "Now?",
            "options": ["Yes", "No"], "closes_at": closes_at
        });
        id_of(&self.people[0].post("/polls", poll).await.expect(201))
    }

    /// Lets everybody vote and chat at once until the server is gone; who was answered, and with what.
    fn rush(&self, poll: &str, done: &Arc<AtomicUsize>) -> JoinSet<Vec<(usize, String)>> {
        let mut tasks = JoinSet::new();
        for (number, person) in self.people.iter().cloned().enumerate() {
            let (poll, channel, done) = (poll.to_owned(), self.channel.clone(), done.clone());
            tasks.spawn(async move {
                let mut acknowledged = Vec::new();
                for turn in 0.. {
                    let choice = 1 + (number + turn) % 2;
                    let vote = json!({"options": [choice.to_string()]});
                    let path = format!("/polls/{poll}/vote");
                    match try_post(&person, &path, &vote).await {
                        Some((200, _)) => acknowledged.push((number, choice.to_string())),
                        Some((status, body)) => panic!("a vote was answered {status}: {body}"),
                        None => return acknowledged,
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    let said = json!({"content": format!("forbidden {number} {turn}")});
                    match try_post(&person, &format!("/channels/{channel}/messages"), &said).await {
                        Some((403, body)) => assert_eq!(body["code"], "MESSAGE_BLOCKED"),
                        Some((status, body)) => panic!("what is forbidden was answered {status}: {body}"),
                        None => return acknowledged,
                    }
                }
                acknowledged
            });
        }
        tasks
    }
}

/// Asks; nothing if the server broke off.
async fn try_post(person: &User, path: &str, body: &Value) -> Option<(u16, Value)> {
    let answer = person.request(reqwest::Method::POST, path).json(body).send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.json().await.ok()?))
}

async fn kill_again_and_again(database: Database) {
    let Some(folder) = std::env::var("GUILDHALL_PLUGINS_BUNDLED").ok() else {
        assert!(crate::support::may_skip("plugins"), "GUILDHALL_PLUGINS_BUNDLED names no folder");
        return;
    };
    let cycles = if is_soak() { 50 } else { 5 };
    let mut chance = StdRng::seed_from_u64(seed());
    let Some(mut server) = Server::start_with(database, &[("GUILDHALL_PLUGINS_BUNDLED", &folder)]).await else {
        return;
    };
    let town = Town::found(&server).await;
    let mut closing = Vec::new();
    for cycle in 1..=cycles {
        let poll = town.ask(None).await;
        closing.push(town.ask(Some(soon())).await);
        let done = Arc::new(AtomicUsize::new(0));
        let mut rush = town.rush(&poll, &done);
        while done.load(Ordering::Relaxed) < PEOPLE {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_micros(chance.random_range(0..200_000))).await;
        server.kill().await;
        let mut last: BTreeMap<usize, String> = BTreeMap::new();
        let mut votes = 0;
        while let Some(acknowledged) = rush.join_next().await {
            let acknowledged = acknowledged.expect("nobody was answered wrongly");
            votes += acknowledged.len();
            last.extend(acknowledged);
        }
        server.begin().await;
        verify(&server, &town, &poll, &last).await;
        println!("kill {cycle}: {votes} votes were acknowledged");
    }
    for poll in closing {
        wait_until_closed(&server, &town.people[0], &poll).await;
    }
    server.stop().await;
}

fn soon() -> String {
    let at = std::time::SystemTime::now() + OPEN;
    jiff::Timestamp::try_from(at).expect("a time").to_string()
}

/// Everybody who was answered has a vote, nobody has two, and the counts are those of the votes; nothing that was
/// blocked is stored.
async fn verify(server: &Server, town: &Town, poll: &str, last: &BTreeMap<usize, String>) {
    let read = tokio::time::timeout(PATIENCE, town.people[0].get(&format!("/polls/{poll}"))).await;
    let shown = read.expect("a poll is read in time").expect(200);
    let counted: u64 = shown["options"].as_array().unwrap().iter().filter_map(|one| one["votes"].as_u64()).sum();
    assert_eq!(shown["voters"].as_u64(), Some(counted), "the voters and the votes");
    let mut voted = 0;
    for (number, person) in town.people.iter().enumerate() {
        let mine = person.get(&format!("/polls/{poll}")).await.expect(200)["my_vote"].clone();
        let mine = mine.as_array().unwrap().clone();
        voted += u64::from(!mine.is_empty());
        // The next one may have been committed and not answered; then it is the other one.
        assert!(!last.contains_key(&number) || mine.len() == 1, "the vote of {number} is lost");
    }
    assert_eq!(counted, voted, "each vote is counted once: {shown}");
    let db = Db::open(&server.database).await.expect("the database");
    let mut conn = db.read().await.expect("a connection");
    let sql = "select count(*) from messages where content like 'forbidden%'";
    let (stored,): (i64,) = conn.one(sql, &[]).await.expect("a count");
    assert_eq!(stored, 0, "what was blocked is stored");
    drop(conn);
    db.close().await;
}

async fn wait_until_closed(server: &Server, person: &User, poll: &str) {
    let closing = async {
        // It takes no votes from its time on; its timer then says so, and announces what came of it.
        while !person.get(&format!("/polls/{poll}")).await.expect(200)["closed_at"].is_string() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, closing).await.is_err() {
        panic!("poll {poll} doesn't close: {}", what_is_known(server).await);
    }
    let shown = person.get(&format!("/polls/{poll}")).await.expect(200);
    assert_eq!(shown["closed"], true);
}

/// What the tables say of timers, and of why calls came to nothing.
async fn what_is_known(server: &Server) -> String {
    let db = Db::open(&server.database).await.expect("the database");
    let mut conn = db.read().await.expect("a connection");
    let sql = "select id, at, attempt, held_until from plugin_timers order by at";
    let timers: Vec<(String, i64, i64, i64)> = conn.all(sql, &[]).await.expect("the timers");
    let sql = "select code, hook, event_id, message from plugin_logs order by id";
    let lines: Vec<(String, String, String, String)> = conn.all(sql, &[]).await.expect("the log");
    let mut said = server.said();
    said.truncate(said.floor_char_boundary(MOST_SAID));
    format!("timers {timers:?}, log {lines:?}, and the server said: {said}")
}
