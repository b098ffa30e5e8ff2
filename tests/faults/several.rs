//! Several nodes, of which one is killed, all are restarted, or all lose their database: those who talk
//! come back by another one, and nothing is lost, doubled or out of order.

use std::time::Duration;

use super::nodes::{Nodes, Ways, postgres_address};
use super::proxy::{Proxy, Treatment};
use super::{Crowd, Size, is_soak};

/// Messages that must have been promised between two faults.
const BETWEEN: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_nodes_is_killed_and_the_others_go_on() {
    let Some(mut nodes) = Nodes::start(3, Ways::default()).await else { return };
    let addresses = nodes.addresses();
    let mut crowd = Crowd::gather(&nodes.servers[0].nobody(), addresses.clone(), Size::SMALL).await;
    crowd.talk();
    for cycle in 0..if is_soak() { 30 } else { 2 } {
        let place = cycle % nodes.servers.len();
        crowd.promises(BETWEEN).await;
        nodes.servers[place].kill().await;
        // Without it.
        crowd.promises(BETWEEN).await;
        crowd.all_in().await;
        nodes.servers[place].begin().await;
    }
    crowd.promises(BETWEEN).await;
    let settled = crowd.settle(&addresses).await;
    assert!(settled.resumed > 0 && settled.begun == 6, "{settled:?}");
    println!("{settled:?}");
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_fails_nobody() {
    let Some(mut nodes) = Nodes::start(3, Ways::default()).await else { return };
    let addresses = nodes.addresses();
    let crowd = Crowd::gather(&nodes.servers[0].nobody(), addresses.clone(), Size::SMALL).await;
    crowd.talk();
    for _ in 0..if is_soak() { 10 } else { 1 } {
        for server in &mut nodes.servers {
            crowd.promises(BETWEEN).await;
            server.terminate();
            let ended = server.ended().await;
            assert_eq!(ended.code(), Some(0), "{}", server.said());
            server.begin().await;
        }
    }
    crowd.promises(BETWEEN).await;
    assert_eq!(crowd.refused(), 0, "no message is refused while some node serves: {}", nodes.said());
    let settled = crowd.settle(&addresses).await;
    assert!(settled.resumed >= 3 && settled.begun == 6, "{settled:?}");
    println!("{settled:?}");
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_missed_too_much_fetches_it_by_any_node() {
    let Some(nodes) = Nodes::start(2, Ways { resume_rows: Some("10"), ..Ways::default() }).await else { return };
    let mut lines = Vec::new();
    for server in &nodes.servers {
        lines.push(Proxy::to(server.url.trim_start_matches("http://").to_owned()).await);
    }
    let addresses = lines.iter().map(Proxy::url).collect();
    let mut crowd = Crowd::gather(&nodes.servers[0].nobody(), addresses, Size::SMALL).await;
    crowd.talk();
    for cycle in 0..if is_soak() { 40 } else { 4 } {
        let (bad, good) = (&lines[cycle % 2], &lines[(cycle + 1) % 2]);
        crowd.promises(BETWEEN / 2).await;
        // Those who came by it hear nothing, and must find that out, while the others go on.
        bad.treat(Treatment::half_open());
        crowd.promises(BETWEEN).await;
        bad.mend();
        bad.reset();
        crowd.all_in().await;
        good.reset();
    }
    let settled = crowd.settle(&nodes.addresses()).await;
    assert!(settled.resynced > 0, "somebody missed too much: {settled:?}");
    println!("{settled:?}");
    nodes.stop().await;
}

/// For a moment, and under soak for longer than a node may keep its number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_and_comes_back_loses_nothing() {
    let Some(postgres) = postgres_address() else {
        return drop(Nodes::start(0, Ways::default()).await);
    };
    let proxy = Proxy::to(postgres).await;
    let through = proxy.address.to_string();
    let ways = Ways { postgres: Some(&through), ..Ways::default() };
    let Some(nodes) = Nodes::start(2, ways).await else { return };
    let addresses = nodes.addresses();
    let mut crowd = Crowd::gather(&nodes.servers[0].nobody(), addresses.clone(), Size::SMALL).await;
    crowd.talk();
    let away = if is_soak() { vec![200, 3_000, 15_000] } else { vec![200, 1_500] };
    for away in away {
        crowd.promises(BETWEEN).await;
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(away)).await;
        proxy.mend();
        for server in &nodes.servers {
            let recovered = server.until(|answer| answer.is_some_and(|(status, _)| status == 200)).await;
            assert!(recovered, "the server recovers by itself: {}", server.said());
        }
        crowd.promises(BETWEEN).await;
        crowd.all_in().await;
    }
    let settled = crowd.settle(&addresses).await;
    println!("{settled:?}");
    nodes.stop().await;
}
