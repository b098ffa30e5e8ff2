//! What carries news between nodes goes away, or lies: it is only a hint, so nothing is lost, doubled or
//! out of order.

use std::net::SocketAddr;
use std::time::Duration;

use super::nats::{Meddler, Mischief};
use super::nodes::{Nodes, Ways};
use super::proxy::{Proxy, Treatment};
use super::{Crowd, Size, is_soak};
use crate::support::nats_url;

/// Messages that must have been promised between two faults.
const BETWEEN: usize = 60;

/// Where the test server of NATS listens, and its URL by another address.
fn nats() -> Option<(String, impl Fn(SocketAddr) -> String)> {
    let url = nats_url()?;
    let (scheme, place) = url.split_once("://").unwrap_or(("nats", &url));
    let (who, place) = place.rsplit_once('@').map_or((String::new(), place), |(who, place)| (format!("{who}@"), place));
    let before = format!("{scheme}://{who}");
    Some((place.trim_end_matches('/').to_owned(), move |address| format!("{before}{address}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_goes_away_and_comes_back_costs_nothing() {
    let Some((nats, by)) = nats() else { return };
    let proxy = Proxy::to(nats).await;
    let bus = by(proxy.address);
    let Some(mut nodes) = Nodes::start(3, Ways { nats: Some(&bus), ..Ways::default() }).await else { return };
    let addresses = nodes.addresses();
    let mut crowd = Crowd::gather(&nodes.servers[0].nobody(), addresses.clone(), Size::SMALL).await;
    crowd.talk();
    for cycle in 0..if is_soak() { 10 } else { 1 } {
        crowd.promises(BETWEEN).await;
        proxy.cut();
        crowd.promises(BETWEEN).await;
        // A node that starts while it is away.
        let place = cycle % nodes.servers.len();
        nodes.servers[place].kill().await;
        nodes.servers[place].begin().await;
        crowd.promises(BETWEEN).await;
        proxy.mend();
        crowd.promises(BETWEEN).await;
        proxy.treat_open(Treatment::half_open());
        crowd.promises(BETWEEN).await;
        proxy.reset();
        crowd.promises(BETWEEN).await;
        crowd.all_in().await;
    }
    let settled = crowd.settle(&addresses).await;
    println!("{settled:?}");
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_doubles_delays_reorders_and_loses_changes_nothing() {
    let Some((nats, by)) = nats() else { return };
    let meddler = Meddler::to(nats).await;
    let bus = by(meddler.address);
    let Some(nodes) = Nodes::start(3, Ways { nats: Some(&bus), ..Ways::default() }).await else { return };
    let addresses = nodes.addresses();
    let crowd = Crowd::gather(&nodes.servers[0].nobody(), addresses.clone(), Size::SMALL).await;
    crowd.talk();
    let late = Duration::from_millis(400);
    let kinds = [
        Mischief { doubled: 1.0, ..Mischief::default() },
        Mischief { late, ..Mischief::default() },
        Mischief { doubled: 0.5, lost: 0.3, late },
        Mischief { lost: 1.0, ..Mischief::default() },
    ];
    for _ in 0..if is_soak() { 20 } else { 1 } {
        for mischief in kinds {
            let before = meddler.meddled();
            meddler.now(mischief);
            crowd.promises(2 * BETWEEN).await;
            assert!(meddler.meddled() > before, "nothing came to meddle with: {}", nodes.said());
        }
        meddler.now(Mischief::default());
        crowd.promises(BETWEEN).await;
    }
    let settled = crowd.settle(&addresses).await;
    assert_eq!(settled.begun, 6, "nobody has to begin anew: {settled:?}");
    println!("{settled:?}");
    nodes.stop().await;
}
