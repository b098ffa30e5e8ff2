//! Several servers over one database: each has a number of its own, and tells the others what it does.
//!
//! The database decides who has which number, and its log is the truth. The bus only makes things
//! quicker, and carries what isn't logged: whatever comes over it may be lost, doubled, late or wrong.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

pub mod bus;
#[cfg(any(test, feature = "simulation"))]
pub mod channel;
mod lease;
pub mod mirror;
pub mod nats;
pub mod store;

pub use lease::Times;

use crate::app::App;
use crate::config::Secret;
use crate::db::{Conn, Db};
use crate::error::{Code, Result};
use crate::id::{ChannelId, StreamId, UserId};
use crate::log::feed::Hint;
use crate::sockets::CloseCode;
use crate::sockets::event::{Event, Moment};
use crate::sockets::presence::Status;
use crate::sockets::voice::begin as begin_voice;
use crate::voice;
use bus::{Arrivals, Bus, Message};
use mirror::Mirror;
use nats::Nats;

/// How often others are told what callers took out of their allowances.
const SPENDINGS_INTERVAL: Duration = Duration::from_millis(100);
/// How often others are told who came and went.
const PRESENCES_INTERVAL: Duration = Duration::from_millis(250);

/// The moment that all times of mirrors count from.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A server among those that share a database, from when it took its number until it lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node {
    /// The number that its ids carry.
    pub id: u16,
    /// Tells it from whoever has the number before or after.
    pub incarnation: i64,
}

/// This server among the others.
pub struct Cluster {
    /// The way to the others.
    pub bus: Bus,
    /// Who is there, on whatever server.
    presences: Mutex<Option<Mirror<UserId, Status>>>,
    seat: watch::Sender<Seat>,
}

/// Which node this server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    Taken(Node),
    /// It has no number yet, or no longer.
    Lost,
    /// It has gone for good.
    Left,
}

impl Cluster {
    /// A server that has no number yet.
    pub fn new(bus: Bus) -> Cluster {
        Cluster { bus, presences: Mutex::default(), seat: watch::channel(Seat::Lost).0 }
    }

    /// Which node this server is; `UNAVAILABLE` while it has no number.
    pub fn node(&self) -> Result<Node> {
        match *self.seat.borrow() {
            Seat::Taken(node) => Ok(node),
            Seat::Lost | Seat::Left => Err(Code::Unavailable.into()),
        }
    }

    async fn enter(&self, app: &App) -> anyhow::Result<Node> {
        let node = lease::take(app).await?;
        begin_voice(app, node.id.into(), node.incarnation).await?;
        self.seat.send_replace(Seat::Taken(node));
        let mut presences = self.presences.lock();
        match &mut *presences {
            Some(mirror) => mirror.rename(node),
            none => *none = Some(Mirror::new(node)),
        }
        Ok(node)
    }

    /// Stops minting ids and asks every socket to come again, here or elsewhere.
    fn lose(&self, app: &App) {
        app.ids.lose_number();
        self.seat.send_replace(Seat::Lost);
        app.hub.close_all(CloseCode::GoingAway);
    }

    /// Resolves once the server has given its number back.
    async fn left(&self) {
        // An error means that the server is gone.
        let _ = self.seat.subscribe().wait_for(|seat| *seat == Seat::Left).await;
    }
}

/// Opens the way to other servers; none if no address is set.
pub async fn connect(url: &Secret, db: &Db) -> anyhow::Result<(Bus, Arrivals)> {
    if url.is_empty() {
        return Ok((Bus::Alone, Arrivals::none()));
    }
    let mut conn = db.begin().await?;
    let installation = store::installation(&mut conn).await?;
    conn.commit().await?;
    let (nats, arrivals) = Nats::open(url, &installation).await?;
    Ok((Bus::Nats(nats), arrivals))
}

/// Takes a number for this server, keeps it until the server ends, and listens to the others.
pub async fn enter(app: &App, arrivals: Arrivals) -> anyhow::Result<()> {
    let node = app.cluster.enter(app).await?;
    // Nobody else can take the number where there is only one server.
    if app.db.is_postgres() {
        tokio::spawn(lease::keep(app.clone(), node));
    }
    if !app.cluster.bus.is_alone() {
        tokio::spawn(listen(app.clone(), arrivals));
        tokio::spawn(share_spendings(app.clone()));
        tokio::spawn(share_presences(app.clone()));
    }
    Ok(())
}

async fn listen(app: App, mut arrivals: Arrivals) {
    loop {
        let message = tokio::select! {
            message = arrivals.next() => message,
            () = app.ending() => return,
        };
        let Some(message) = message else { return };
        if let Err(error) = take_in(&app, message) {
            tracing::warn!(%error, "a message from another node could not be taken in");
        }
    }
}

/// Takes a message to where it belongs. Nothing here waits, and nothing believes that a message comes
/// once, in order, or at all.
fn take_in(app: &App, message: Message) -> Result<()> {
    match message {
        // What is dropped here is found at the next look at the log's heads.
        Message::Batch(rows) => drop(app.feed.hint(Hint::Rows(rows))),
        Message::Heads(heads) => drop(app.feed.hint(Hint::Heads(heads))),
        Message::Ephemeral { stream, channel, moment, payload, about } => {
            app.hub.tell_channel(stream, channel, &Event::about(moment, about, channel.0, payload.into()), about);
        }
        Message::Spoken(spoken) => drop(app.hub.voices.hear(app, &spoken)?),
        Message::Spent(spendings) => app.limiter.take_elsewhere(&spendings),
        Message::Presence(said) => {
            let mut presences = app.cluster.presences.lock();
            if let Some(mirror) = &mut *presences {
                let changed = mirror.receive(said, BEGINNING.elapsed());
                hear(app, mirror, changed);
            }
        }
        Message::Replace { user, session } => drop(app.hub.close_replaced(user, session)),
    }
    Ok(())
}

/// Tells those who listen to a channel, on whatever server, of something about somebody that isn't
/// logged; its body is JSON.
pub fn tell_channel(app: &App, stream: StreamId, channel: ChannelId, moment: Moment, about: UserId, payload: Arc<str>) {
    if !app.cluster.bus.is_alone() {
        let payload = payload.to_string();
        app.cluster.bus.publish(Message::Ephemeral { stream, channel, moment, payload, about });
    }
    app.hub.tell_channel(stream, channel, &Event::about(moment, about, channel.0, payload), about);
}

/// Closes the older socket of a session that goes on here, wherever that is.
pub fn close_replaced(app: &App, user: UserId, session: i64) {
    if !app.hub.close_replaced(user, session) && !app.cluster.bus.is_alone() {
        app.cluster.bus.publish(Message::Replace { user, session });
    }
}

/// Tells others who is present here, and learns who is present there.
async fn share_presences(app: App) {
    let mut interval = tokio::time::interval(PRESENCES_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = app.ended() => return,
        }
        let mut presences = app.cluster.presences.lock();
        let Some(mirror) = &mut *presences else { continue };
        for (user, status) in app.hub.presences.take_changed() {
            match status {
                Some(status) => mirror.set(user, status),
                None => mirror.remove(&user),
            }
        }
        let tick = mirror.tick(BEGINNING.elapsed());
        tick.publish.into_iter().for_each(|said| app.cluster.bus.publish(Message::Presence(said)));
        hear(&app, mirror, tick.changed);
    }
}

/// Passes on what has changed elsewhere: of what several servers say of somebody, the busiest.
fn hear(app: &App, mirror: &Mirror<UserId, Status>, changed: BTreeSet<UserId>) {
    for user in changed {
        app.hub.presences.hear(user, mirror.elsewhere(&user).copied().min_by_key(|status| *status as u8));
    }
}

async fn share_spendings(app: App) {
    let mut interval = tokio::time::interval(SPENDINGS_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = app.ending() => return,
        }
        let spendings = app.limiter.spent();
        if !spendings.is_empty() {
            app.cluster.bus.publish(Message::Spent(spendings));
        }
    }
}

/// Every node that has a number, dead ones too as long as nobody has noticed.
pub async fn nodes(conn: &mut Conn) -> crate::db::Result<Vec<store::Row>> {
    store::all(conn).await
}

/// Gives the number back at the end, so that nobody has to wait until it counts as dead.
pub async fn leave(app: &App) -> Result<()> {
    let Ok(node) = app.cluster.node() else { return Ok(()) };
    app.cluster.seat.send_replace(Seat::Left);
    if let Some(mirror) = &*app.cluster.presences.lock() {
        app.cluster.bus.publish(Message::Presence(mirror.farewell()));
    }
    app.ids.lose_number();
    lease::bury_at_once(app, node).await
}

/// Removes a node that is gone, and with it whatever was its own; false if it lives after all.
///
/// First it is given up, unless it has renewed its row meanwhile: from there on it can't, and has
/// lost its number. Its row goes last, so whatever ends in between, somebody begins here again, and
/// several who do so at once don't disturb each other.
async fn bury(app: &App, node: Node, renewed: i64) -> Result<bool> {
    let mut conn = app.db.begin().await?;
    let given_up = renewed < 0 || store::give_up(&mut conn, node, renewed).await?;
    conn.commit().await?;
    if !given_up {
        return Ok(false);
    }
    // What a node leaves behind is cleared away here, in steps that may be done again.
    voice::ending::forget_node(app, node.id.into(), node.incarnation).await?;
    let mut conn = app.db.begin().await?;
    let removed = store::remove(&mut conn, node).await?;
    conn.commit().await?;
    Ok(removed)
}
