//! The disk is full: nothing is acknowledged that isn't stored, reading goes on, and room mends it.

use serde_json::json;

use super::Server;
use super::kill::stored;
use crate::support::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_no_acknowledged_message() {
    let Some(server) = Server::start(Database::Sqlite).await else { return };
    let ada = server.nobody().sign_up("ada").await;
    let (_, general) = ada.guild("Engines").await;
    let path = format!("/channels/{general}/messages");
    let mut acknowledged = vec!["Before".to_owned()];
    ada.say(&general, "Before").await;

    // No file may become larger than the largest is now: the log of writes is full soon.
    limit_files(&server, &format!("{}:unlimited", largest_file(&server) + 65_536));
    let mut refused = 0;
    for number in 0.. {
        assert!(number < 5_000, "the disk is never full");
        let content = format!("{number} {}", "x".repeat(500));
        let answer = ada.post(&path, json!({"content": content})).await;
        if answer.status == 201 {
            acknowledged.push(content);
            continue;
        }
        assert!(answer.headers.contains_key("retry-after"), "{}: {}", answer.text, server.said());
        answer.problem(503, "READ_ONLY");
        refused += 1;
        if refused == 5 {
            break;
        }
    }
    let (status, said) = server.readiness().await.expect("an answer");
    assert!(status == 503 && said.contains("read-only"), "{status} {said}");
    let read = ada.get(&format!("{path}?limit=1")).await.expect(200);
    assert_eq!(read["items"][0]["content"], *acknowledged.last().expect("a message"), "reading goes on");

    limit_files(&server, "unlimited");
    let recovered = server.until(|answer| answer.is_some_and(|(status, _)| status == 200)).await;
    assert!(recovered, "the server recovers by itself: {}", server.said());
    ada.say(&general, "After").await;
    acknowledged.push("After".to_owned());

    let mut there: Vec<String> = stored(&server).await.into_keys().collect();
    there.sort();
    acknowledged.sort();
    assert_eq!(there, acknowledged, "what is stored is what was acknowledged");
    server.stop().await;
}

/// The size of the largest file in the server's folder, in bytes.
fn largest_file(server: &Server) -> u64 {
    let files = std::fs::read_dir(server.folder()).expect("the folder");
    files.filter_map(|file| file.ok()?.metadata().ok()).map(|file| file.len()).max().unwrap_or_default()
}

/// Sets how large the server's files may become.
fn limit_files(server: &Server, limit: &str) {
    let process = server.process().to_string();
    let set = std::process::Command::new("prlimit").args(["--pid", &process, &format!("--fsize={limit}")]).status();
    assert!(set.is_ok_and(|status| status.success()), "the limit is set");
}
