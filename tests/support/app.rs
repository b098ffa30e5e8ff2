//! A server on a port of its own, with a database of its own.

use std::time::Duration;

use guildhall::app::{App, Phase};
use guildhall::clock::Clock;
use guildhall::cluster::bus::BusState;
use guildhall::config::{Config, Secret};
use guildhall::http::serve;
use guildhall::log::{self, Entry};
use sqlx::{AssertSqlSafe, Connection};
use tokio::task::JoinHandle;

use super::User;

/// Which database a story runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file in a folder of the story's own.
    Sqlite,
    /// A database of the story's own on the test server.
    Postgres,
}

/// A running server.
pub struct TestApp {
    /// The server's insides, for what no door shows.
    pub app: App,
    /// Where it listens.
    pub url: String,
    /// For requests.
    pub http: reqwest::Client,
    folder: tempfile::TempDir,
    /// The address and the name of the database that goes with it.
    postgres: Option<(String, String)>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl TestApp {
    /// Starts a server; nothing if the database can't be had and the run may do without.
    pub async fn start(database: Database, settings: impl FnOnce(&mut Config)) -> Option<TestApp> {
        let folder = tempfile::tempdir().expect("a folder for the story");
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(create_database().await?),
        };
        let mut config = Config {
            listen: "127.0.0.1:0".into(),
            data: folder.path().join("data"),
            public_url: "http://guildhall.test".into(),
            ..Config::default()
        };
        config.passwords.memory_kib = 8;
        config.passwords.passes = 1;
        config.limits.enabled = false;
        config.sockets.drain_seconds = 0;
        config.plugins.bundled = super::plugins::folder().to_owned();
        // Tests of many stories share the machine: nothing is to be told about time there.
        config.plugins.patience = 40;
        config.plugins.compiler = env!("CARGO_BIN_EXE_guildhall").into();
        if let Some((url, _)) = &postgres {
            config.database.url = Secret(url.clone());
        }
        settings(&mut config);
        Some(TestApp::begin(config, Clock::shifted(), folder, postgres).await)
    }

    async fn begin(
        mut config: Config,
        clock: Clock,
        folder: tempfile::TempDir,
        postgres: Option<(String, String)>,
    ) -> TestApp {
        let listener = serve::bind(&config.listen).expect("a free port");
        // Whoever starts it again finds it at the same address.
        config.listen = listener.local_addr().expect("its address").to_string();
        let url = format!("http://{}", config.listen);
        let app = App::start(config, clock).await.expect("the server starts");
        let serving = tokio::spawn(serve::serve(app.clone(), listener));
        TestApp { app, url, http: reqwest::Client::new(), folder, postgres, serving }
    }

    /// Ends the server and starts it again, on the same data and at the same address.
    pub async fn restart(&mut self) {
        self.end().await;
        let (config, clock) = (self.app.config.clone(), self.app.clock.clone());
        let (folder, postgres) = (tempfile::tempdir().expect("a folder"), self.postgres.take());
        let begun = TestApp::begin(config, clock, folder, postgres).await;
        let old = std::mem::replace(self, begun);
        self.folder = old.folder;
    }

    /// Starts another node beside this one, on the same database; nothing if the database is one that
    /// no two can share.
    pub async fn beside(&self) -> Option<TestApp> {
        self.postgres.as_ref()?;
        let folder = tempfile::tempdir().expect("a folder for the node");
        let mut config = self.app.config.clone();
        config.listen = "127.0.0.1:0".into();
        config.data = folder.path().join("data");
        Some(TestApp::begin(config, self.app.clock.clone(), folder, None).await)
    }

    /// Starts several servers over one PostgreSQL, with NATS between them at this address or without;
    /// nothing if the database can't be had and the run may do without.
    pub async fn start_nodes<const N: usize>(
        nats: Option<String>,
        settings: impl FnOnce(&mut Config),
    ) -> Option<[TestApp; N]> {
        let first = TestApp::start(Database::Postgres, |config| {
            config.nats.url = Secret(nats.unwrap_or_default());
            settings(config);
        });
        let mut nodes = vec![first.await?];
        while nodes.len() < N {
            nodes.push(nodes[0].beside().await?);
        }
        nodes.try_into().ok()
    }

    /// Ends several servers over one database, and drops it.
    pub async fn stop_nodes<const N: usize>(nodes: [TestApp; N]) {
        // The first one has the database.
        for node in nodes.into_iter().rev() {
            node.stop().await;
        }
    }

    /// Waits until the bus carries messages from here.
    pub async fn bus(&self) {
        while self.app.cluster.bus.state() != BusState::Connected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(&mut self) {
        self.app.shutdown.send_replace(Phase::Draining);
        let _ = (&mut self.serving).await;
        self.app.db.close().await;
    }

    /// The folder of the story.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// People with accounts, signed in.
    pub async fn users<const N: usize>(&self, names: [&str; N]) -> [User; N] {
        let mut users = Vec::with_capacity(N);
        for name in names {
            users.push(User::register(self, name).await);
        }
        users.try_into().unwrap_or_else(|_| unreachable!("as many users as names"))
    }

    /// People of one guild, which the first of them has made; the guild and its first channel.
    pub async fn guild_of<const N: usize>(&self, names: [&str; N]) -> ([User; N], String, String) {
        let users = self.users(names).await;
        let (guild, general) = users[0].guild("Engines").await;
        for user in &users[1..] {
            user.join(&guild).await;
        }
        (users, guild, general)
    }

    /// The one who runs the server, made through the link that it prints.
    pub async fn administrator(&self) -> User {
        let link = guildhall::accounts::setup::link(&self.app).await.expect("a link").expect("nobody runs it yet");
        let token = link.rsplit('/').next().expect("a token");
        let account = serde_json::json!({
            "token": token, "username": "root", "password": super::PASSWORD, "email": "root@example.com",
        });
        self.nobody().post("/auth/setup", account).await.expect(201);
        self.nobody().login("root", super::PASSWORD).await
    }

    /// Somebody without an account.
    pub fn nobody(&self) -> User {
        User::anonymous(self)
    }

    /// Puts the server's clock ahead.
    pub fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
    }

    /// Every row of the log, in order of shard and position.
    pub async fn log(&self) -> Vec<Entry> {
        let mut conn = self.app.db.read().await.expect("a connection");
        let mut rows = Vec::new();
        for (shard, head) in log::store::heads(&mut conn).await.expect("the heads") {
            if head > 0 {
                rows.extend(log::store::after(&mut conn, shard, 0, i64::MAX).await.expect("the rows"));
            }
        }
        rows
    }

    /// The sum of all positions: it moves with every change and with nothing else.
    pub async fn log_position(&self) -> i64 {
        let mut conn = self.app.db.read().await.expect("a connection");
        log::store::heads(&mut conn).await.expect("the heads").iter().map(|(_, position)| position).sum()
    }

    /// Ends the server and drops its database.
    pub async fn stop(self) {
        self.app.shutdown.send_replace(Phase::Ended);
        self.app.db.close().await;
        if let Some((url, name)) = &self.postgres {
            drop_database(url, name).await;
        }
    }
}

/// Whether the run was told to do without something; if not, its absence is a failure.
pub fn may_skip(what: &str) -> bool {
    let skipped = std::env::var("GUILDHALL_TEST_SKIP").unwrap_or_default();
    if skipped.split(',').any(|one| one == what) {
        eprintln!("skipped: {what} is not there");
        return true;
    }
    false
}

/// The address of the test server of NATS; nothing if there is none and the run may do without.
pub fn nats_url() -> Option<String> {
    let url = std::env::var("GUILDHALL_TEST_NATS_URL").ok();
    assert!(url.is_some() || may_skip("nats"), "GUILDHALL_TEST_NATS_URL is not set; run `cargo xtask test`");
    url
}

/// Makes an empty database on the test server; answers its URL and its name. Nothing if there is no
/// server and the run may do without.
pub async fn create_database() -> Option<(String, String)> {
    let Ok(server) = std::env::var("GUILDHALL_TEST_POSTGRES_URL") else {
        assert!(may_skip("postgres"), "GUILDHALL_TEST_POSTGRES_URL is not set; run `cargo xtask test`");
        return None;
    };
    let mut connection = sqlx::PgConnection::connect(&server).await.expect("the test server");
    let name = format!("story_{:016x}", rand::random::<u64>());
    let create = AssertSqlSafe(format!("create database {name}"));
    sqlx::query(create).execute(&mut connection).await.expect("a database for the story");
    let (base, _) = server.rsplit_once('/').expect("a database in the URL");
    Some((format!("{base}/{name}"), name))
}

/// Drops a database that [`create_database`] made, whoever still uses it.
pub async fn drop_database(url: &str, name: &str) {
    let admin = url.replace(&format!("/{name}"), "/postgres");
    if let Ok(mut connection) = sqlx::PgConnection::connect(&admin).await {
        let drop = AssertSqlSafe(format!("drop database {name} with (force)"));
        let _ = sqlx::query(drop).execute(&mut connection).await;
    }
}
