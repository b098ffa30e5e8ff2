//! Several servers over one database.

use super::Server;
use crate::support::{create_database, drop_database};

/// The servers, and their database.
pub struct Nodes {
    /// Each a process of its own.
    pub servers: Vec<Server>,
    database: (String, String),
}

/// How the servers reach what they share.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ways<'a> {
    /// Where PostgreSQL is reached; where it is, if nothing stands here.
    pub postgres: Option<&'a str>,
    /// Where NATS is reached; nothing: it isn't used.
    pub nats: Option<&'a str>,
    /// Rows that one who comes back may have missed; as many as usual, if nothing stands here.
    pub resume_rows: Option<&'a str>,
}

impl Nodes {
    /// Starts so many; nothing if there is no PostgreSQL and the run may do without.
    pub async fn start(count: usize, ways: Ways<'_>) -> Option<Nodes> {
        let database = create_database().await?;
        let url = match ways.postgres {
            None => database.0.clone(),
            Some(address) => through(&database.0, address),
        };
        let mut settings = vec![("GUILDHALL_SOCKETS_DRAIN_SECONDS", "1")];
        settings.extend(ways.nats.map(|url| ("GUILDHALL_NATS_URL", url)));
        settings.extend(ways.resume_rows.map(|rows| ("GUILDHALL_SOCKETS_RESUME_ROWS", rows)));
        let mut servers = Vec::new();
        for _ in 0..count {
            servers.push(Server::start_through(url.clone(), &settings).await);
        }
        Some(Nodes { servers, database })
    }

    /// Where they listen.
    pub fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.url.clone()).collect()
    }

    /// What all of them wrote to their logs.
    pub fn said(&self) -> String {
        self.servers.iter().map(Server::said).collect::<Vec<_>>().join("\n--\n")
    }

    /// Ends them and drops the database.
    pub async fn stop(self) {
        for server in self.servers {
            server.stop().await;
        }
        drop_database(&self.database.0, &self.database.1).await;
    }
}

/// A database's URL with another address of its server.
fn through(url: &str, address: &str) -> String {
    let (credentials, place) = url.rsplit_once('@').expect("credentials in the URL");
    let (_, name) = place.split_once('/').expect("a database in the URL");
    format!("{credentials}@{address}/{name}")
}

/// Where the test server of PostgreSQL listens; nothing if there is none.
pub fn postgres_address() -> Option<String> {
    let url = std::env::var("GUILDHALL_TEST_POSTGRES_URL").ok()?;
    let (_, place) = url.rsplit_once('@')?;
    Some(place.split_once('/')?.0.to_owned())
}
