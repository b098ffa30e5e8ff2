//! PostgreSQL goes away and comes back: the server says so, lives on, and keeps its word.

use std::time::Duration;

use serde_json::json;

use super::Server;
use super::proxy::Proxy;
use crate::support::{PASSWORD, Socket, create_database, drop_database};

/// How long an answer may take while the database is away.
const ANSWER: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_outlives_its_database() {
    let Some((url, name)) = create_database().await else { return };
    let (credentials, place) = url.rsplit_once('@').expect("credentials in the URL");
    let (host, _) = place.split_once('/').expect("a database in the URL");
    let proxy = Proxy::to(host.to_owned()).await;
    let mut server = Server::start_through(format!("{credentials}@{}/{name}", proxy.address), &[]).await;
    let ada = server.nobody().sign_up("ada").await;
    let (_, general) = ada.guild("Engines").await;
    let path = format!("/channels/{general}/messages");
    let mut acknowledged = vec![ada.say(&general, "Before").await["id"].clone()];

    for round in 0..2 {
        let phone = ada.login("ada", PASSWORD).await;
        proxy.cut();
        for what in ["a message", "another"] {
            let sent = ada.post(&path, json!({"content": format!("{what} of round {round}")}));
            let answer = tokio::time::timeout(ANSWER, sent).await.expect("no request hangs");
            assert!(answer.headers.contains_key("retry-after"), "{}", answer.text);
            answer.problem(503, "UNAVAILABLE");
        }
        let read = tokio::time::timeout(ANSWER, ada.get("/users/@me/sessions")).await.expect("no request hangs");
        assert!(read.headers.contains_key("retry-after"), "{}", read.text);
        read.problem(503, "UNAVAILABLE");
        // A client whose token can't be looked up is not told that the token is bad: it would sign its user out.
        let mut socket = Socket::open(&phone.url).await;
        socket.send(json!({"op": "identify", "d": {"token": phone.token}})).await;
        assert_eq!(socket.frame().await["problem"]["code"], "UNAVAILABLE");
        assert_eq!(socket.close_code().await, 4000);
        let said =
            server.until(|answer| answer.is_some_and(|(status, text)| status == 503 && text.contains("unavailable")));
        assert!(said.await, "/readyz says that the storage is unavailable");
        assert!(server.lives(), "the process lives: {}", server.said());

        // While nobody writes, nobody but the server itself finds out that it can again.
        proxy.mend();
        let recovered = server.until(|answer| answer.is_some_and(|(status, _)| status == 200)).await;
        assert!(recovered, "the server recovers by itself: {}", server.said());
        acknowledged.push(ada.say(&general, &format!("After round {round}")).await["id"].clone());
    }

    let there = ada.get(&path).await.expect(200);
    let there: Vec<_> = there["items"].as_array().expect("messages").iter().map(|message| &message["id"]).collect();
    assert!(acknowledged.iter().all(|id| there.contains(&id)), "{acknowledged:?} in {there:?}");
    server.stop().await;
    drop_database(&url, &name).await;
}
