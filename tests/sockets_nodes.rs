//! Two nodes over one database: what is done at one is so at the other.

use guildhall::config::{Config, Secret};

use crate::support::{Back, Cursors, Database, Socket, TestApp, User, json, nats_url};

/// Two nodes; with the bus between them or without. Nothing if they can't be had.
async fn nodes(bus: bool) -> Option<(TestApp, TestApp)> {
    let url = if bus { Some(nats_url()?) } else { None };
    let settings = |config: &mut Config| {
        if let Some(url) = url {
            config.nats.url = Secret(url);
        }
    };
    let here = TestApp::start(Database::Postgres, settings).await?;
    let there = here.beside().await?;
    Some((here, there))
}

/// The same person at another node.
fn at(user: &User, node: &TestApp) -> User {
    let mut user = user.clone();
    user.url = node.url.clone();
    user
}

async fn end(here: TestApp, there: TestApp) {
    there.stop().await;
    here.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_the_same_in_the_same_order_wherever_they_are() {
    for bus in [false, true] {
        let Some((here, there)) = nodes(bus).await else { continue };
        let [ada, bob] = here.users(["ada", "bob"]).await;
        let (guild, general) = ada.guild("Engines").await;
        bob.join(&guild).await;
        let mut ears = [Socket::connect(&bob).await, Socket::connect(&at(&bob, &there)).await];
        let (here_ada, there_ada) = (ada.clone(), at(&ada, &there));
        for number in 0..20 {
            let ada = if number % 2 == 0 { &here_ada } else { &there_ada };
            ada.say(&general, &number.to_string()).await;
        }
        let mut heard: [Vec<_>; 2] = Default::default();
        for (socket, heard) in ears.iter_mut().zip(&mut heard) {
            for _ in 0..20 {
                let frame = socket.event_frame("message_created").await;
                heard.push((frame["s"].clone(), frame["d"]["id"].clone(), frame["d"]["content"].clone()));
            }
        }
        let [one, other] = heard;
        assert_eq!(one, other);
        let said: Vec<_> = one.iter().map(|(_, _, content)| content.clone()).collect();
        assert_eq!(said, (0..20).map(|number| json!(number.to_string())).collect::<Vec<_>>());
        end(here, there).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_read_at_every_node() {
    for bus in [false, true] {
        let Some((here, there)) = nodes(bus).await else { continue };
        let [ada] = here.users(["ada"]).await;
        let (_, general) = ada.guild("Engines").await;
        let there_ada = at(&ada, &there);
        let path = format!("/channels/{general}/messages");
        for number in 0..10 {
            // What is read once is kept.
            for _ in 0..2 {
                there_ada.get(&path).await.expect(200);
            }
            let said = ada.say(&general, &number.to_string()).await;
            let read = there_ada.get(&path).await.expect(200);
            assert_eq!(read["items"][0]["id"], said["id"], "with a bus: {bus}");
        }
        end(here, there).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_ends_at_one_node_ends_at_the_other() {
    for bus in [false, true] {
        let Some((here, there)) = nodes(bus).await else { continue };
        let [ada] = here.users(["ada"]).await;
        let mut socket = Socket::connect(&at(&ada, &there)).await;
        let cursors = Cursors::of(&socket.ready);
        ada.post("/logout", json!({})).await.expect(200);
        assert_eq!(socket.close_code().await, 4014);
        assert_eq!(Back::refused(&at(&ada, &there), cursors.json(), json!({})).await, 4004);
        end(here, there).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_by_another_node_replaces_who_they_were() {
    let Some((here, there)) = nodes(true).await else { return };
    let [ada, bob] = here.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let mut old = Socket::connect(&bob).await;
    let mut other = Socket::connect(&bob).await;
    let cursors = Cursors::of(&old.ready);
    let session = json!({"session_id": old.ready["session_id"]});
    let mut back = Back::with(&at(&bob, &there), &cursors, session).await;
    assert_eq!(old.close_code().await, 4010);
    ada.say(&general, "one").await;
    for socket in [&mut back.socket, &mut other] {
        assert_eq!(socket.event("message_created").await["content"], "one");
    }
    end(here, there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_types_is_seen_at_the_other_node() {
    let Some((here, there)) = nodes(true).await else { return };
    let [ada, bob] = here.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let mut ears = Socket::connect(&at(&bob, &there)).await;
    let mut hands = Socket::connect(&ada).await;
    // The bus is only a hint: what passes may be lost until both nodes have found it.
    let begun = std::time::Instant::now();
    loop {
        hands.request("typing", json!({"channel_id": general})).await.unwrap();
        if let Some(typing) = ears.drain("typing").await.first() {
            assert_eq!((&typing["channel_id"], &typing["user_id"]), (&json!(general), &json!(ada.id)));
            break;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "nobody sees that somebody types");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    end(here, there).await;
}
