//! Several servers over one PostgreSQL, with NATS between them or without.

use std::collections::HashSet;
use std::time::Duration;

use guildhall::cluster::{self, Times, store};
use guildhall::config::Config;
use guildhall::error::Code;
use guildhall::id::{ChannelId, StreamId, UserId};
use guildhall::sockets::event::Moment;

use crate::support::{Socket, TestApp, User, json, nats_url};

/// Leases that end within a moment, so that no story waits for long.
fn quickly(config: &mut Config) {
    let ms = Duration::from_millis;
    config.times = Times { renew: ms(50), lost: ms(600), dead: ms(900), ..Times::default() };
}

/// What the others must tell, because nobody looks by themselves.
fn only_by_hints(config: &mut Config) {
    config.times.look = Duration::from_secs(3_600);
}

/// A person with an account at a node, and a friend who listens at another one.
async fn friends(here: &TestApp, there: &TestApp) -> (User, User, String, Socket) {
    let [ada, bob] = here.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let bob = bob.on(there);
    let ears = Socket::connect(&bob).await;
    (ada, bob, general, ears)
}

/// Waits until a node tells of itself what is wanted.
async fn until<F: Future<Output = bool>>(wanted: impl Fn() -> F) {
    let waiting = async {
        while !wanted().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it comes to that");
}

async fn rows(node: &TestApp) -> Vec<store::Row> {
    store::all(&mut node.app.db.read().await.expect("a connection")).await.expect("the nodes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_brings_messages_and_what_is_not_logged() {
    let Some(nats) = nats_url() else { return };
    let Some([here, there]) = TestApp::start_nodes(Some(nats), only_by_hints).await else { return };
    tokio::join!(here.bus(), there.bus());
    let (ada, _, general, mut ears) = friends(&here, &there).await;
    let mut mouth = Socket::connect(&ada).await;

    // The other node may only just begin to listen.
    let typing = json!({"channel_id": general});
    while tokio::time::timeout(Duration::from_millis(100), ears.event("typing")).await.is_err() {
        mouth.request("typing", typing.clone()).await.expect("an answer");
    }
    mouth.nothing("typing").await;
    for number in 0..20 {
        ada.say(&general, &format!("message {number}")).await;
    }
    for number in 0..20 {
        assert_eq!(ears.event("message_created").await["content"], format!("message {number}"));
    }
    ears.nothing("message_created").await;

    // Rows that are too long for a message to others are read from the log.
    let long = "ä".repeat(3_900);
    let sends = (0..150).map(|_| ada.say(&general, &long));
    futures_util::future::join_all(sends).await;
    for _ in 0..150 {
        assert_eq!(ears.event("message_created").await["content"], long);
    }
    TestApp::stop_nodes([here, there]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_have_numbers_of_their_own_and_never_share_an_id() {
    let Some([one, two, three]) = TestApp::start_nodes(None, |_| {}).await else { return };
    let (four, five) = tokio::join!(one.beside(), one.beside());
    let nodes = [one, two, three, four.expect("a node"), five.expect("a node")];
    let numbers: HashSet<u16> = nodes.iter().map(|node| node.app.cluster.node().expect("a number").id).collect();
    assert_eq!(numbers.len(), nodes.len());
    let minting: Vec<_> = nodes
        .iter()
        .map(|node| {
            let app = node.app.clone();
            tokio::task::spawn_blocking(move || (0..5_000).map(|_| app.next_id().expect("an id")).collect::<Vec<_>>())
        })
        .collect();
    let mut ids = HashSet::new();
    for minted in minting {
        for id in minted.await.expect("ids") {
            assert!(ids.insert(id), "{id} was minted twice");
        }
    }
    TestApp::stop_nodes(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_a_node_that_died_is_freed_and_of_one_that_left_at_once() {
    let Some([here, dying, leaving]) = TestApp::start_nodes(None, quickly).await else { return };
    let [dead, gone] = [&dying, &leaving].map(|node| node.app.cluster.node().expect("a number"));
    let stays = |node: cluster::Node| rows_have(&here, node);

    cluster::leave(&leaving.app).await.expect("it leaves");
    assert!(!stays(gone).await && stays(dead).await);
    assert_eq!(leaving.app.next_id().expect_err("it has no number").code(), Code::Unavailable);

    // A node that ends without a word: nothing reaches the database any more.
    dying.app.db.close().await;
    until(async || !stays(dead).await).await;
    let own = here.app.cluster.node().expect("a number");
    assert_eq!(rows(&here).await.iter().map(|row| row.node).collect::<Vec<_>>(), [own], "who renews stays");
    until(async || dying.app.next_id().is_err()).await;
    TestApp::stop_nodes([here, dying, leaving]).await;
}

async fn rows_have(app: &TestApp, node: cluster::Node) -> bool {
    rows(app).await.iter().any(|row| row.node == node)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_its_number_shows_its_clients_out_and_takes_another() {
    let Some([here, there]) = TestApp::start_nodes(None, quickly).await else { return };
    let (ada, bob, general, mut ears) = friends(&here, &there).await;
    let before = there.app.cluster.node().expect("a number");

    // Others count it as dead, as if it had been stopped for a while.
    let row = rows(&here).await.into_iter().find(|row| row.node == before).expect("its row");
    let mut conn = here.app.db.begin().await.expect("a connection");
    let mut renewed = row.renewed;
    while !store::give_up(&mut conn, before, renewed).await.expect("an answer") {
        renewed += 1;
    }
    conn.commit().await.expect("it is given up");

    assert_eq!(ears.close_code().await, 1001);
    until(async || there.app.cluster.node().is_ok_and(|node| node != before)).await;
    let after = there.app.cluster.node().expect("a number");
    assert_ne!(after.id, before.id, "the old number rests");
    until(async || !rows_have(&here, before).await).await;

    let mut ears = Socket::connect(&bob).await;
    let said = bob.say(&general, "here again").await;
    let id: i64 = said["id"].as_str().expect("an id").parse().expect("a number");
    assert_eq!(id >> 12 & 1023, i64::from(after.id), "ids carry the new number");
    ada.say(&general, "welcome").await;
    while ears.event("message_created").await["content"] != "welcome" {}
    TestApp::stop_nodes([here, there]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_away_costs_nothing_but_time() {
    // Nobody listens there, and nothing is ever sent to it.
    let away = "nats://guildhall:hunter2@127.0.0.1:1".to_owned();
    let Some([here, there]) = TestApp::start_nodes(Some(away), |_| {}).await else { return };
    let (ada, _, general, mut ears) = friends(&here, &there).await;
    ada.say(&general, "hello all the same").await;
    assert_eq!(ears.event("message_created").await["content"], "hello all the same");
    for _ in 0..5_000 {
        let (stream, channel, about) = (StreamId(1), ChannelId(2), UserId(3));
        cluster::tell_channel(&here.app, stream, channel, Moment::Typing, about, "{}".into());
    }
    let ready = here.http.get(format!("{}/readyz", here.url)).send().await.expect("an answer");
    assert_eq!(ready.status(), 200);
    let measures = here.http.get(format!("{}/metrics", here.url)).send().await.expect("an answer");
    let measures = measures.text().await.expect("text");
    assert!(measures.contains("guildhall_bus_connected 0"), "{measures}");
    let lines = guildhall::doctor::examine(&here.app.config).await;
    let said: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.starts_with("note  NATS")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("2 nodes")), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("hunter2")), "{said:?}");
    TestApp::stop_nodes([here, there]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_too_quick_on_one_node_is_too_quick_on_all() {
    let Some(nats) = nats_url() else { return };
    let limited = |config: &mut Config| {
        config.limits.enabled = true;
        config.limits.messages = 40;
    };
    let Some([here, there]) = TestApp::start_nodes(Some(nats), limited).await else { return };
    tokio::join!(here.bus(), there.bus());
    let (ada, _, general, _ears) = friends(&here, &there).await;
    for _ in 0..10 {
        ada.say(&general, "quick").await;
    }
    // Ten at once are allowed, and the next one only after a second and a half.
    let hello = json!({"content": "quicker"});
    until(async || {
        let answer = ada.on(&there).post(&format!("/channels/{general}/messages"), hello.clone()).await;
        answer.status == 429
    })
    .await;
    TestApp::stop_nodes([here, there]).await;
}
