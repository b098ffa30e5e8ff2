//! A client of Socket.IO that doesn't come for its events: it is shown out, delays nobody, and loses nothing.

use std::time::Duration;

use guildhall::config::Config;

use crate::story;
use crate::support::{Cursors, Socket, SocketIo, TestApp, Travel, json};

fn settings(config: &mut Config) {
    config.sockets.queue_frames = 64;
    // Nobody says that they are there while so much is said.
    config.sockets.heartbeat_seconds = 300;
}

async fn is_shown_out_and_comes_back(app: &TestApp, travel: Travel) {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &eve] {
        user.join(&guild).await;
    }
    let all = json!({"subscribe": "all"});
    let mut deaf = SocketIo::connect_with(&eve, travel, all.clone()).await;
    let cursors = Cursors::of(&deaf.ready);
    let mut ears = Socket::connect(&bob).await;
    let (long, mut said) = ("x".repeat(4_000), 0);
    // The kernel takes some megabytes before anything waits here.
    while app.app.hub.sockets() == 2 {
        assert!(said < 20_000, "it still waits after {said} messages");
        futures_util::future::join_all((0..50).map(|_| ada.say(&general, &long))).await;
        for _ in 0..50 {
            ears.event("message_created").await;
        }
        said += 50;
        // Whoever overflowed has a second for what is being written.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(app.app.hub.sockets(), 1, "after {said} messages");
    let code = deaf.ended().await;
    assert!(code.is_none() || (travel, code) == (Travel::Socket, Some(4008)), "{code:?}");

    let (mut back, missed, resyncs) = SocketIo::resume(&eve, travel, &cursors, all).await;
    let places: Vec<_> =
        missed.iter().filter(|frame| frame["d"]["content"] == long).map(|frame| frame["d"]["s"].as_i64()).collect();
    let is_whole = places.len() == said && resyncs.is_empty();
    assert!(is_whole || (resyncs.len() == 1 && places.is_empty()), "{} of {said}, {resyncs:?}", places.len());
    assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
    ada.say(&general, "live").await;
    assert_eq!(back.event("message_created").await["content"], "live");
    assert_eq!(back.drain("message_created").await, Vec::<serde_json::Value>::new());
}

story!(who_reads_nothing_from_a_socket_is_shown_out_and_told_everything_later, |config| { settings(config) }, |app| {
    is_shown_out_and_comes_back(&app, Travel::Socket).await;
});

story!(who_does_not_poll_is_shown_out_and_told_everything_later, |config| { settings(config) }, |app| {
    is_shown_out_and_comes_back(&app, Travel::Polling).await;
});
