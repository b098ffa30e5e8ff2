//! The running server: everything its parts share, as one cheap clone.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::accounts::{
    Identities,
    token::{self, Keys},
};
use crate::channels::Rules;
use crate::clock::{Clock, Timestamp};
use crate::cluster::{self, Cluster, bus::Bus};
use crate::config::{Config, parse_network};
use crate::db::{Conn, Db};
use crate::error::Result;
use crate::housekeeping;
use crate::http::limits::Limiter;
use crate::id::{Ids, StreamId};
use crate::log::feed::{Feed, Follower};
use crate::log::source::Source;
use crate::log::{self, Entry, Writer};
use crate::mail::Mail;
use crate::messaging::recent::Recent;
use crate::plugins::{self, Plugins, installed::Installed, upgrading};
use crate::sockets::relations::Related;
use crate::sockets::{self, Hub, server};

/// The node's number under which the command line mints ids.
const COMMAND_LINE_NODE: u16 = 1_023;

/// A handle on the running server.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// How far the server's end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Running,
    /// It lets what is under way finish, and shows its clients out.
    Draining,
    /// Nobody is left.
    Ended,
}

/// What the parts of the server share.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The database, to read from.
    pub db: Db,
    /// The log, to read from.
    pub source: Source,
    /// The one way to write.
    pub writer: Writer,
    /// Where to learn how far the log has come.
    pub feed: Feed,
    /// Which server this is among several.
    pub cluster: Cluster,
    /// The present.
    pub clock: Clock,
    /// The mint of ids.
    pub ids: Arc<Ids>,
    /// Keys that sign access tokens.
    pub keys: Keys,
    /// Accounts as they are now, and sessions that have ended.
    pub identities: Arc<Identities>,
    /// Guilds' rules and members, for permissions.
    pub rules: Arc<Rules>,
    /// What and whom people belong to.
    pub related: Arc<Related>,
    /// The newest messages of channels that are being read.
    pub recent: Arc<Recent>,
    /// What can be installed in guilds, and what is.
    pub plugins: Plugins,
    /// Sockets and what they listen to.
    pub hub: Hub,
    /// Proxies whose word about addresses is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Where letters to people go.
    pub mail: Mail,
    /// How often who has done what.
    pub limiter: Limiter,
    /// How far the server's end has come.
    pub shutdown: watch::Sender<Phase>,
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Starts a server: opens the database, takes a number among the nodes, and sets everything to work.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<App> {
        let db = App::database(&config).await?;
        let (bus, arrivals) = cluster::connect(&config.nats.url, &db).await?;
        let app = App::open(config, clock, db, bus).await?;
        cluster::enter(&app, arrivals).await?;
        tokio::spawn(upgrading::run(app.clone()));
        plugins::start(&app).await;
        Ok(app)
    }

    /// The server's insides without a door, beside servers that may be running: for the command line.
    pub async fn beside(config: Config, clock: Clock) -> anyhow::Result<App> {
        let db = App::database(&config).await?;
        let app = App::open(config, clock, db, Bus::Alone).await?;
        app.ids.take_number(COMMAND_LINE_NODE, None);
        Ok(app)
    }

    /// Opens the database and brings it up to date.
    async fn database(config: &Config) -> anyhow::Result<Db> {
        let db = Db::open(&config.database_url()).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Starts the tasks that write and bring around.
    async fn open(config: Config, clock: Clock, db: Db, bus: Bus) -> anyhow::Result<App> {
        let mut conn = db.begin().await?;
        let shards = log::store::ensure_shards(&mut conn, db.is_postgres()).await?;
        let keys = Keys::load_or_make(&mut conn, clock.now()).await?;
        conn.commit().await?;
        let identities = Arc::new(Identities::load(&db, clock.now()).await?);
        let rules = Arc::new(Rules::default());
        let recent = Arc::new(Recent::default());
        let related = Arc::new(Related::default());
        let installed = Arc::new(Installed::default());
        let source = Source::Database(db.clone());
        let (feed, mut follower) = Feed::open(&source, bus.clone()).await?;
        follower.look_every(config.times.look);
        let ids = Arc::new(Ids::without_number(clock.clone()));
        let writer = Writer::start(&db, &clock, &ids, shards, &feed, {
            let (identities, rules) = (identities.clone(), rules.clone());
            let (recent, related, installed) = (recent.clone(), related.clone(), installed.clone());
            Arc::new(move |entries| forget(&identities, &rules, &recent, &related, &installed, entries))
        });
        let app = App(Arc::new(Parts {
            ids,
            hub: Hub::new(&config.sockets, &feed.heads().borrow()),
            trusted_proxies: config
                .trusted_proxies
                .iter()
                .map(|proxy| parse_network(proxy))
                .collect::<Result<_, _>>()?,
            mail: Mail::open(&config.mail)?,
            limiter: Limiter::new(&config.limits, &clock, !bus.is_alone()),
            shutdown: watch::channel(Phase::Running).0,
            plugins: Plugins::open(&config, installed),
            config,
            db,
            source,
            writer,
            feed,
            cluster: Cluster::new(bus),
            clock,
            keys,
            identities,
            rules,
            recent,
            related,
        }));
        tokio::spawn(bring_around(app.clone(), follower));
        tokio::spawn(housekeeping::run(app.clone()));
        tokio::spawn(housekeeping::PURGE.follow(app.clone()));
        tokio::spawn(token::keep_fresh(app.clone()));
        tokio::spawn(server::look_after(app.clone()));
        Ok(app)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new number for an id.
    pub fn next_id(&self) -> Result<i64> {
        Ok(self.ids.next()?)
    }

    /// Whether others have written to a stream what this node hasn't heard of yet: then what it remembers
    /// may be older than what a client was told elsewhere.
    pub async fn is_behind(&self, conn: &mut Conn, stream: StreamId) -> Result<bool> {
        // Nobody else writes to SQLite but the command line, which sends no messages.
        if !self.db.is_postgres() {
            return Ok(false);
        }
        let shard = log::shard_of(stream, self.writer.shards);
        Ok(log::store::head(conn, shard).await? > self.hub.head(shard))
    }

    /// Resolves once the server is to end: nothing new is begun from here on.
    pub async fn ending(&self) {
        self.reaches(Phase::Draining).await;
    }

    /// Resolves once everybody is shown out: nobody hears anything from here on.
    pub async fn ended(&self) {
        self.reaches(Phase::Ended).await;
    }

    async fn reaches(&self, phase: Phase) {
        let mut shutdown = self.shutdown.subscribe();
        // An error means that the server is gone, which is an ending too.
        let _ = shutdown.wait_for(|reached| *reached >= phase).await;
    }
}

/// Drops from the caches what the rows of the log have made stale.
fn forget(
    identities: &Identities,
    rules: &Rules,
    recent: &Recent,
    related: &Related,
    installed: &Installed,
    entries: &[Arc<Entry>],
) {
    for entry in entries {
        recent.observe(entry);
        identities.observe(entry);
        rules.observe(entry);
        related.observe(entry);
        installed.observe(entry);
    }
}

/// How long rows wait for more of them, at least: a wait costs some microseconds itself.
const SHORTEST_REST: Duration = Duration::from_micros(100);
/// How long they wait at most.
const LONGEST_REST: Duration = Duration::from_millis(2);

async fn bring_around(app: App, mut follower: Follower) {
    loop {
        let entries = tokio::select! {
            entries = follower.next() => entries,
            () = app.ended() => return,
        };
        let Some(entries) = entries else { return };
        forget(&app.identities, &app.rules, &app.recent, &app.related, &app.plugins.installed, &entries);
        entries.iter().for_each(|entry| plugins::observe(&app, entry));
        let begun = Instant::now();
        app.hub.publish(&app, &entries).await;
        sockets::voice::observe(&app, &entries);
        if follower.is_behind() {
            rest_after(begun.elapsed()).await;
        }
    }
}

/// Where rows come faster than they are brought around, it pays to wait for more: each socket is written to once for
/// all that has come meanwhile. It takes no longer than the writing itself, so it is hardly felt; in a busy room of 200
/// it saves a fifth of the processor time.
async fn rest_after(writing: Duration) {
    let rest = writing.min(LONGEST_REST);
    if rest >= SHORTEST_REST {
        // The runtime's own clock knows no less than a millisecond.
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(rest)).await;
    }
}
