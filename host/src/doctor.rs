//! Looks a server over and says what is wrong with it, in words that lead to the cure.

use std::fmt;

use crate::cluster::{self, nats};
use crate::config::{Config, RegistrationMode};
use crate::db::Db;
use crate::http::serve;
use crate::log;
use crate::mail::Mail;

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Good,
    /// It works, but not as an operator would want.
    Doubtful,
    /// It must be mended.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Line {
    /// How it was found.
    pub finding: Finding,
    /// What was found.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.finding {
            Finding::Good => "ok  ",
            Finding::Doubtful => "note",
            Finding::Bad => "BAD ",
        };
        write!(f, "{mark}  {}", self.text)
    }
}

fn line(finding: Finding, text: impl Into<String>) -> Line {
    Line { finding, text: text.into() }
}

/// Looks at the settings and the database. It changes nothing.
pub async fn examine(config: &Config) -> Vec<Line> {
    let mut lines = settings(config);
    if !config.nats.url.is_empty() {
        lines.push(match nats::examine(&config.nats.url).await {
            Ok(version) => line(Finding::Good, format!("NATS {version} answers")),
            Err(error) => line(Finding::Doubtful, format!("NATS can't be reached: {error:#}")),
        });
    }
    if let Some(file) = config.database_file().filter(|file| !file.exists()) {
        lines.push(line(Finding::Bad, format!("there is no database at {}: has the server run here?", file.display())));
        return lines;
    }
    match Db::open(&config.database_url()).await {
        Err(error) => lines.push(line(Finding::Bad, format!("the database can't be opened: {error:#}"))),
        Ok(db) => {
            database(&db, config, &mut lines).await.unwrap_or_else(|error| {
                lines.push(line(Finding::Bad, format!("the database can't be read: {error}")));
            });
            db.close().await;
        }
    }
    lines
}

fn settings(config: &Config) -> Vec<Line> {
    let mut lines = Vec::new();
    match Mail::open(&config.mail) {
        Ok(mail) if mail.available() => {}
        Ok(_) => {
            lines.push(line(Finding::Doubtful, "no e-mail: set `mail.url`, or nobody can reset a forgotten password"));
        }
        Err(error) => lines.push(line(Finding::Bad, format!("{error:#}"))),
    }
    if let Err(error) = serve::acceptor(&config.tls) {
        lines.push(line(Finding::Bad, format!("the certificate can't be used: {error:#}")));
    }
    let local = config.listen.starts_with("127.") || config.listen.starts_with("localhost");
    let secured = !config.tls.key.as_os_str().is_empty() || config.public_url.starts_with("https://");
    if !local && !secured {
        let text = "listens beyond this machine without TLS: set `tls`, or `public_url` to a proxy's https address";
        lines.push(line(Finding::Doubtful, text));
    }
    if config.public_url.starts_with("https://")
        && config.trusted_proxies.is_empty()
        && config.tls.key.as_os_str().is_empty()
    {
        let text = "behind a proxy without `trusted_proxies`: everybody shares the proxy's one allowance";
        lines.push(line(Finding::Doubtful, text));
    }
    if config.allowed_origins.iter().any(|origin| origin == "*") {
        lines.push(line(Finding::Doubtful, "pages of every origin may open sockets: name yours in `allowed_origins`"));
    }
    if config.registration.mode == RegistrationMode::Open && !local && config.mail.url.is_empty() {
        lines.push(line(Finding::Doubtful, "everybody may register and no address is verified"));
    }
    lines
}

async fn database(db: &Db, config: &Config, lines: &mut Vec<Line>) -> crate::db::Result<()> {
    let mut conn = db.read().await?;
    lines.push(line(Finding::Good, format!("the database is {}", db.version(&mut conn).await?)));
    let integrity = db.integrity(&mut conn).await?;
    lines.push(match integrity.as_deref() {
        None => line(Finding::Good, "the database's own check finds nothing wrong"),
        Some(fault) => line(Finding::Bad, format!("the database is damaged: {fault}; restore a backup")),
    });
    for (shard, missing) in log::store::gaps(&mut conn).await? {
        lines.push(line(Finding::Bad, format!("shard {shard} of the log lacks {missing} rows")));
    }
    for (reader, rows) in log::store::lags(&mut conn).await? {
        let finding = if rows > 10_000 { Finding::Doubtful } else { Finding::Good };
        lines.push(line(finding, format!("{reader} is {rows} rows behind the log")));
    }
    let nodes = cluster::nodes(&mut conn).await?;
    for row in &nodes {
        let (number, since) = (row.node.id, row.started_at);
        lines.push(line(Finding::Good, format!("node {number} listens on {} since {since}", row.address)));
    }
    if nodes.len() > 1 {
        let (finding, bus) = match config.nats.url.is_empty() {
            true => {
                (Finding::Doubtful, "without `nats.url`: who is there, who types and what callers may do stays on each")
            }
            false => (Finding::Good, "with NATS between them"),
        };
        lines.push(line(finding, format!("{} nodes share the database, {bus}", nodes.len())));
    }
    Ok(())
}
