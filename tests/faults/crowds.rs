//! Very many at once: those who stop reading, and those who all come back in the same moment.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::proxy::Proxy;
use super::reading::number;
use super::{Crowd, Server, Size, is_soak};
use crate::support::{Back, Cursors, Database, User};

/// Those who stop reading.
const DEAF: usize = 100;
/// How long what must happen may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that the kernel may keep for one who doesn't read.
const BUFFER: u32 = 4 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_who_stop_reading_delay_nobody() {
    let Some(server) = Server::start(Database::Sqlite).await else { return };
    let addresses = vec![server.url.clone()];
    let size = Size { guilds: 1, ..Size::SMALL };
    let ada = server.nobody().sign_up("ada").await;
    let (guild, general) = ada.guild("Loud").await;
    let crowd = Crowd::gather(&server.nobody(), addresses.clone(), size).await;
    let mut deaf = Vec::new();
    for _ in 0..DEAF {
        deaf.push(stop_reading(&ada).await);
    }
    let cursors = deaf[0].1.clone();
    assert_eq!(sockets(&server).await, DEAF + 6);

    crowd.talk();
    let long = "x".repeat(4_000);
    let mut said = 0;
    while sockets(&server).await > 6 {
        assert!(said < 20_000, "{} sockets still wait after {said} messages", sockets(&server).await);
        futures_util::future::join_all((0..50).map(|_| ada.say(&general, &long))).await;
        said += 50;
    }
    crowd.promises(100).await;
    let settled = crowd.settle(&addresses).await;
    assert_eq!((settled.begun, settled.resumed), (6, 0), "nobody else is shown out: {settled:?}");
    for (socket, _) in &mut deaf {
        let code = end(socket).await;
        assert!([4008, 1006].contains(&code), "{code}");
    }
    println!("{DEAF} stopped reading, and were shown out after {said} messages");
    let mut back = Back::from(&ada, &cursors).await;
    let missed = back.missed.iter().filter(|frame| frame["g"] == guild.as_str()).count();
    assert!(missed == said || back.resyncs.len() == 1, "{missed} of {said} missed, {:?}", back.resyncs);
    ada.say(&general, "live").await;
    assert_eq!(back.socket.event("message_created").await["content"], "live");
    server.stop().await;
}

/// A socket of somebody who reads up to where things stand, and nothing after it.
async fn stop_reading(user: &User) -> (WebSocketStream<TcpStream>, Cursors) {
    let address = user.url.trim_start_matches("http://").parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(BUFFER).expect("a small buffer");
    let stream = socket.connect(address).await.expect("a connection");
    let url = format!("{}/gateway", user.url.replacen("http", "ws", 1));
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a socket");
    let identify = json!({"op": "identify", "d": {"token": user.token.trim_start_matches("Bearer ")}});
    socket.send(Message::text(identify.to_string())).await.expect("it goes out");
    loop {
        let Some(Ok(Message::Text(text))) = socket.next().await else { panic!("a frame") };
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        if frame["op"] == "ready" {
            return (socket, Cursors::of(&frame["d"]));
        }
    }
}

/// Reads on, to the end: the code.
async fn end(socket: &mut WebSocketStream<TcpStream>) -> u16 {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("an end in time") {
            Some(Ok(Message::Close(Some(end)))) => return end.code.into(),
            Some(Ok(_)) => {}
            _ => return 1006,
        }
    }
}

/// How many sockets the server says it has.
async fn sockets(server: &Server) -> usize {
    let metrics = server.http.get(format!("{}/metrics", server.url)).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let line = metrics.lines().find_map(|line| line.strip_prefix("guildhall_sockets "));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("a number of sockets: {metrics}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_come_back_in_the_same_moment() {
    let many = if is_soak() { 2_000 } else { 150 };
    let rounds = if is_soak() { 5 } else { 1 };
    let Some(mut server) = Server::start(Database::Sqlite).await else { return };
    let proxy = Proxy::to(server.url.trim_start_matches("http://").to_owned()).await;
    let nobody = server.nobody();
    let mut people = Vec::new();
    for number in 0..24 {
        people.push(nobody.sign_up(&format!("person{number}")).await);
    }
    let (guild, channel) = people[0].guild("Full").await;
    for person in &people[1..] {
        person.join(&guild).await;
    }
    // The first ones talk; all others are at many devices.
    let (talkers, listeners) = people.split_at(4);
    let crowded = talkers.iter().cloned().chain(listeners.iter().cloned().cycle().take(many));
    let size = Size { talkers: 4, listeners: many, guilds: 1, pace: Duration::from_millis(40), window: 4 };
    let mut crowd = Crowd::enter(crowded.collect(), &[number(&channel)], None, vec![proxy.url()], size).await;
    crowd.talk();
    for _ in 0..rounds {
        crowd.promises(10).await;
        proxy.reset();
        crowd.promises(10).await;
        crowd.all_in().await;
        server.kill().await;
        server.begin().await;
        crowd.promises(10).await;
        crowd.all_in().await;
    }
    let settled = crowd.settle(std::slice::from_ref(&server.url)).await;
    assert!(settled.resumed >= 2 * many * rounds && settled.begun == many + 4, "{settled:?}");
    println!("{settled:?}");
    server.stop().await;
}
