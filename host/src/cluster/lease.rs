//! Numbers of nodes: each is a lease that is renewed, and one that isn't goes to somebody else.
//!
//! A node stops using its number before anybody may take it away: it counts from before its last
//! renewal, those who watch it count from after they saw that, and they wait longer. Nobody
//! compares the clocks of two machines.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use super::store::{self, Row};
use super::{Node, bury};
use crate::app::App;
use crate::error::Result;

/// How long a server that is ending goes on to keep its number for what is under way.
const LAST_RENEWALS: Duration = Duration::from_secs(30);

/// How long a lease lives, and how often the log is looked at. Tests change it.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// How often a node renews its row.
    pub renew: Duration,
    /// After how long without a renewal it counts its number as lost.
    pub lost: Duration,
    /// After how long without a renewal others count it as dead; longer than `lost`.
    pub dead: Duration,
    /// How often the heads of the log are looked at, whether anybody gave a hint or not.
    pub look: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            renew: Duration::from_secs(3),
            lost: Duration::from_secs(8),
            dead: Duration::from_secs(10),
            look: Duration::from_millis(250),
        }
    }
}

/// Takes a number for this server. On SQLite there is no other one: what the last one left is
/// cleared away, and the number is this one's for ever.
pub(super) async fn take(app: &App) -> anyhow::Result<Node> {
    let incarnation = rand::random::<i64>() & i64::MAX;
    let address = &app.config.listen;
    let begun = Instant::now();
    if app.db.is_postgres() {
        let mut conn = app.db.begin().await?;
        let node = store::take(&mut conn, incarnation, app.now(), address).await?;
        conn.commit().await?;
        let node = node.context("every number of a node is taken: `guildhall doctor` lists who has them")?;
        app.ids.take_number(node.id, Some(begun + app.config.times.lost));
        return Ok(node);
    }
    let left = store::all(&mut app.db.read().await?).await?;
    for row in left {
        bury(app, row.node, row.renewed).await?;
    }
    let mut conn = app.db.begin().await?;
    let node = store::take_first(&mut conn, incarnation, app.now(), address).await?;
    conn.commit().await?;
    app.ids.take_number(node.id, None);
    Ok(node)
}

/// Keeps the number, and looks after the numbers of others, until the server ends.
pub(super) async fn keep(app: App, mut node: Node) {
    let times = app.config.times;
    let mut until = Instant::now() + times.lost;
    let mut others = Watched::default();
    let ending = async {
        app.ending().await;
        tokio::time::sleep(LAST_RENEWALS).await;
    };
    tokio::pin!(ending);
    loop {
        tokio::select! {
            biased;
            () = &mut ending => return,
            () = app.cluster.left() => return,
            () = tokio::time::sleep(times.renew) => {}
        }
        let begun = Instant::now();
        match tokio::time::timeout_at(until, renew(&app, node)).await {
            Ok(Ok(true)) => {
                until = begun + times.lost;
                app.ids.keep_number(until);
            }
            Ok(Err(error)) if Instant::now() < until => {
                tracing::warn!(%error, "the lease of this node's number could not be renewed");
                continue;
            }
            ended => {
                tracing::error!(node = node.id, ?ended, "this node has lost its number; its clients must come again");
                app.cluster.lose(&app);
                node = tokio::select! {
                    () = &mut ending => return,
                    taken = take_another(&app, node) => taken,
                };
                until = Instant::now() + times.lost;
                others = Watched::default();
            }
        }
        if let Err(error) = look(&app, &mut others, node).await {
            tracing::warn!(%error, "the other nodes can't be looked at");
        }
    }
}

async fn renew(app: &App, node: Node) -> Result<bool> {
    let mut conn = app.db.begin().await?;
    let lives = store::renew(&mut conn, node).await?;
    conn.commit().await?;
    Ok(lives)
}

/// Takes a new number as soon as the database lets us, and clears away what was ours under the old.
async fn take_another(app: &App, old: Node) -> Node {
    loop {
        tokio::time::sleep(app.config.times.renew / 3).await;
        match app.cluster.enter(app).await {
            Ok(node) => {
                if let Err(error) = bury_at_once(app, old).await {
                    tracing::warn!(%error, "what this node left behind is cleared away later");
                }
                return node;
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "there is no number for this node yet"),
        }
    }
}

/// Clears away what was a node's that nobody needs to wait for: it was this server itself.
pub(super) async fn bury_at_once(app: &App, node: Node) -> Result<()> {
    let rows = store::all(&mut app.db.read().await?).await?;
    if let Some(row) = rows.into_iter().find(|row| row.node == node) {
        bury(app, row.node, row.renewed).await?;
    }
    Ok(())
}

async fn look(app: &App, others: &mut Watched, node: Node) -> Result<()> {
    let begun = Instant::now();
    let rows = store::all(&mut app.db.read().await?).await?;
    let rows: Vec<Row> = rows.into_iter().filter(|row| row.node != node).collect();
    for dead in others.look(&rows, begun, Instant::now(), app.config.times.dead) {
        if bury(app, dead.node, dead.renewed).await? {
            tracing::warn!(node = dead.node.id, address = dead.address, "a node is gone; its number is free");
        }
    }
    Ok(())
}

/// Other nodes as they were seen: how often they had renewed their rows, and since when that is so.
#[derive(Default)]
struct Watched(BTreeMap<Node, (i64, Instant)>);

impl Watched {
    /// Takes in what a query saw that was begun and answered then; gives those that count as dead.
    fn look(&mut self, rows: &[Row], begun: Instant, answered: Instant, dead: Duration) -> Vec<Row> {
        self.0.retain(|node, _| rows.iter().any(|row| row.node == *node));
        let mut gone = Vec::new();
        for row in rows {
            let seen = self.0.entry(row.node).or_insert((row.renewed, answered));
            if seen.0 != row.renewed {
                *seen = (row.renewed, answered);
            } else if row.renewed < 0 || begun.saturating_duration_since(seen.1) >= dead {
                gone.push(row.clone());
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn row(id: u16, renewed: i64) -> Row {
        Row { node: Node { id, incarnation: 7 }, renewed, started_at: Timestamp(0), address: String::new() }
    }

    #[test]
    fn who_renews_lives_and_who_does_not_is_dead_in_time() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let (mut watched, dead) = (Watched::default(), Duration::from_secs(10));
        assert_eq!(watched.look(&[row(1, 5), row(2, 5)], at(0), at(100), dead), []);
        assert_eq!(watched.look(&[row(1, 6), row(2, 5)], at(9_000), at(9_000), dead), []);
        // Ten seconds are counted from when the answer was there, not from when it was asked for.
        assert_eq!(watched.look(&[row(1, 6), row(2, 5)], at(10_050), at(10_060), dead), []);
        assert_eq!(watched.look(&[row(1, 6), row(2, 5)], at(10_100), at(10_110), dead), [row(2, 5)]);
        assert_eq!(watched.look(&[row(1, -1)], at(10_200), at(10_200), dead), [], "it is looked at once more");
        assert_eq!(watched.look(&[row(1, -1)], at(10_300), at(10_300), dead), [row(1, -1)]);
        // Another server under the same number is another node.
        let next = Row { node: Node { id: 2, incarnation: 8 }, ..row(2, 5) };
        assert_eq!(watched.look(&[row(1, 7), next], at(18_000), at(18_000), dead), []);
    }
}
