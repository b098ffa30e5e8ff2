//! The reader of the log for plugins: turns rows into deliveries.
//!
//! What it makes of rows is committed together with its place in the log, so each row is dealt with exactly once,
//! whatever ends in between and however many nodes read. Rows come from memory and are decided on there; nothing
//! is written where nothing matches, but its place now and then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::deliver::{self, Lane};
use super::{logs, store as installations};
use crate::app::App;
use crate::error::Result;
use crate::id::{GuildId, InstallationId};
use crate::log::{self, Entry, Tx};

mod news;
mod sieve;

use sieve::{Sieve, TooDeep};

/// The most messages of one batch.
const BATCH: usize = 256;
/// Rows that are looked at together.
const PAGE: usize = 1_000;
/// How often its place is stored where nothing matched.
const STORE: Duration = Duration::from_secs(5);
/// How long a node leaves a shard alone that another one reads, or that can't be read.
const REST: Duration = Duration::from_secs(1);

/// One of the two that read: what is told at once, and what is told in batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each event by itself, at once.
    Single,
    /// New messages together.
    Batched,
}

impl Pace {
    const ALL: [Pace; 2] = [Pace::Single, Pace::Batched];

    /// The name that its place is kept under.
    fn reader(self) -> &'static str {
        match self {
            Pace::Single => "plugins",
            Pace::Batched => "plugins-batches",
        }
    }

    /// How long a row may wait for others.
    fn patience(self) -> Duration {
        match self {
            Pace::Single => Duration::ZERO,
            Pace::Batched => Duration::from_secs(1),
        }
    }
}

/// How far it has come in a shard.
struct Place {
    /// What is stored.
    stored: i64,
    /// What it has looked at.
    seen: i64,
    /// When there was something that it had not looked at, first.
    waiting: Option<Instant>,
    /// When its place was stored last.
    stored_at: Instant,
    /// When it looks again.
    rests_until: Instant,
}

/// What was found in some rows.
#[derive(Default)]
struct Found {
    deliveries: Vec<deliver::store::New>,
    too_deep: Vec<TooDeep>,
}

/// Begins with a guild's shard, at the present, if that hasn't been done for another guild.
pub async fn begin(tx: &mut Tx, guild: GuildId) -> Result<()> {
    let (shard, position) = (tx.shard_of(guild.into()), tx.next_position(guild.into()) - 1);
    for pace in Pace::ALL {
        log::store::begin_cursor(tx, pace.reader(), shard, position).await?;
    }
    Ok(())
}

/// Forgets its places, as long as nothing is installed anywhere: what nobody reads needn't be kept.
pub async fn end(app: &App) -> Result<()> {
    for pace in Pace::ALL {
        let places = log::store::cursors(&mut app.db.read().await?, pace.reader()).await?;
        for (shard, _) in places {
            // Whoever installs something in this shard has done so before, or waits.
            let ending = app.writer.run_on_shard(shard, move |tx| {
                Box::pin(async move {
                    if !installations::is_any_installed(tx).await? {
                        log::store::end_cursor(tx, pace.reader(), shard).await?;
                    }
                    Ok(())
                })
            });
            ending.await?;
        }
    }
    Ok(())
}

/// Reads until the server ends.
pub async fn run(app: App, pace: Pace) {
    let mut places: BTreeMap<i64, Place> = BTreeMap::new();
    loop {
        let changed = app.plugins.installed.changed();
        tokio::pin!(changed);
        if let Err(error) = find_places(&app, pace, &mut places).await {
            tracing::warn!(%error, "the places of the reader for plugins could not be read");
        }
        loop {
            let published = app.hub.next_publish();
            let wait = go_through(&app, pace, &mut places).await;
            tokio::select! {
                () = app.ending() => return,
                () = published => {}
                () = &mut changed => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Learns of shards that an installation has begun with.
async fn find_places(app: &App, pace: Pace, places: &mut BTreeMap<i64, Place>) -> Result<()> {
    let now = Instant::now();
    for (shard, position) in log::store::cursors(&mut app.db.read().await?, pace.reader()).await? {
        places.entry(shard).or_insert(Place {
            stored: position,
            seen: position,
            waiting: None,
            stored_at: now,
            rests_until: now,
        });
    }
    Ok(())
}

/// Looks at what is new in every shard; answers when to look again if nothing is published before.
async fn go_through(app: &App, pace: Pace, places: &mut BTreeMap<i64, Place>) -> Duration {
    let mut wait = STORE;
    for (shard, place) in places {
        loop {
            let (now, head) = (Instant::now(), app.hub.head(*shard));
            if head <= place.seen && place.seen == place.stored {
                break;
            }
            if head > place.seen && place.waiting.is_none() {
                place.waiting = Some(now);
            }
            let full = head - place.seen >= BATCH as i64;
            let patience = if full { Duration::ZERO } else { pace.patience() };
            // What isn't new waits until its place is to be stored.
            let due = place.waiting.map_or(place.stored_at + STORE, |since| since + patience).max(place.rests_until);
            if due > now {
                wait = wait.min(due - now);
                break;
            }
            if let Err(error) = step(app, pace, *shard, place).await {
                tracing::warn!(%error, shard, "the reader for plugins failed; it goes on in a moment");
                (place.seen, place.rests_until) = (place.stored, Instant::now() + REST);
            }
        }
    }
    wait.max(Duration::from_millis(1))
}

/// Looks at some rows of a shard, and stores what comes of them.
async fn step(app: &App, pace: Pace, shard: i64, place: &mut Place) -> Result<()> {
    let head = app.hub.head(shard);
    let mut rows = match app.hub.rows_after(shard, place.seen, PAGE) {
        Some(rows) => rows,
        None => app.source.after(shard, place.seen, PAGE as i64).await?,
    };
    // What isn't published here has not been dropped from the caches either: it would be decided on by what was.
    rows.retain(|row| row.position <= head);
    let mut sieve = Sieve::new(app, pace);
    for (at, row) in rows.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| rows.get(at));
        sieve.take(before.map(Arc::as_ref), row, rows.get(at + 1).map(Arc::as_ref)).await?;
    }
    let found = sieve.finish()?;
    place.seen = rows.last().map_or(place.seen, |row| row.position);
    if place.seen >= head {
        place.waiting = None;
    }
    let nothing = found.deliveries.is_empty() && found.too_deep.is_empty();
    if nothing && (place.seen == place.stored || place.stored_at.elapsed() < STORE) {
        return Ok(());
    }
    store(app, pace, shard, place, found).await
}

/// Stores deliveries and the place behind their rows, unless another node has done so.
async fn store(app: &App, pace: Pace, shard: i64, place: &mut Place, found: Found) -> Result<()> {
    let mut lanes: Vec<Lane> = found.deliveries.iter().map(|one| one.lane).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let (from, to) = (place.stored, place.seen);
    let stored = app.writer.run_on_shard(shard, move |tx| {
        Box::pin(async move {
            if !log::store::advance_cursor(tx, pace.reader(), shard, from, to).await? {
                return Ok(false);
            }
            let numbered: Result<Vec<_>> = found.deliveries.into_iter().map(|one| Ok((tx.next_id()?, one))).collect();
            let now = tx.now;
            deliver::store::insert(tx, &numbered?, now).await?;
            for TooDeep { installation, hook, event_id } in found.too_deep {
                let line = tx.next_id()?;
                let why = "it was caused by plugins that answer each other";
                logs::note(tx, line, installation, "DEPTH", hook, event_id, why).await?;
            }
            Ok(true)
        })
    });
    if stored.await? {
        (place.stored, place.stored_at) = (to, Instant::now());
        app.plugins.lanes.add(lanes);
        return Ok(());
    }
    // Another node reads this shard: it is left to it, as long as it does.
    let cursors = log::store::cursors(&mut app.db.read().await?, pace.reader()).await?;
    let now = cursors.into_iter().find(|(one, _)| *one == shard).map_or(to, |(_, position)| position);
    *place =
        Place { stored: now, seen: now, waiting: None, stored_at: Instant::now(), rests_until: Instant::now() + REST };
    Ok(())
}

/// What an event of the log is called by.
fn event_id(row: &Entry) -> String {
    format!("{}-{}", row.shard, row.position)
}

/// The lane of something in a guild.
fn lane(installation: InstallationId, guild: GuildId, lane: i64) -> Lane {
    Lane { installation, guild, lane }
}
