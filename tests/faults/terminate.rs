//! Asked to end, the server finishes what is under way, says farewell to sockets, and ends well.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Server;
use crate::support::{Database, Socket};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_end_finishes_what_is_under_way() {
    let Some(mut server) = Server::start(Database::Sqlite).await else { return };
    let ada = server.nobody().sign_up("ada").await;
    let (_, general) = ada.guild("Engines").await;
    let mut socket = Socket::connect(&ada).await;

    // A request of which half has arrived.
    let body = json!({"content": "The last word"}).to_string();
    let (first, rest) = body.split_at(8);
    let head = format!(
        "POST /api/v1/channels/{general}/messages HTTP/1.1\r\nhost: guildhall.test\r\nauthorization: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        ada.token,
        body.len(),
    );
    let mut request = TcpStream::connect(server.url.trim_start_matches("http://")).await.expect("a connection");
    request.write_all(head.as_bytes()).await.expect("it goes out");
    tokio::time::sleep(Duration::from_millis(200)).await;

    server.terminate();
    assert_eq!(socket.close_code().await, 1001);
    request.write_all(rest.as_bytes()).await.expect("it goes out");
    let mut answer = String::new();
    request.read_to_string(&mut answer).await.expect("an answer, and then the end of the connection");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");

    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", server.said());
    server.begin().await;
    let there = ada.get(&format!("/channels/{general}/messages")).await.expect(200);
    assert_eq!(there["items"][0]["content"], "The last word");
    server.stop().await;
}
