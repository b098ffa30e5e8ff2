//! Settings in layers: defaults, then `guildhall.toml`, then `GUILDHALL_*`, then flags. The only reader of the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::closed_set;
use crate::cluster::Times;

mod layers;

use layers::{from_variable, leaves, parse_file, parse_like, paths, put, suggestion};

/// Every setting, with the defaults that a server without configuration runs on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on.
    pub listen: String,
    /// The folder for everything the server keeps.
    pub data: PathBuf,
    /// The address people reach the server under, for links; empty: the address it listens on.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed, as addresses or networks.
    pub trusted_proxies: Vec<String>,
    /// Origins of web pages that may call the API and open sockets; `*` for all. The server's own always may.
    pub allowed_origins: Vec<String>,
    /// What is logged: a level, or directives such as `info,guildhall::sockets=debug`.
    pub log: String,
    /// How log lines look: `text` for people, `json` for programs.
    pub log_format: LogFormat,
    /// Where data stands.
    pub database: Database,
    /// What carries news between several servers over one database.
    pub nats: Nats,
    /// Who may make an account.
    pub registration: Registration,
    /// Access tokens and sessions.
    pub tokens: Tokens,
    /// How passwords are hashed.
    pub passwords: Passwords,
    /// Outgoing e-mail.
    pub mail: Mail,
    /// The server's own TLS; without it a proxy may do that.
    pub tls: Tls,
    /// How often something may be done.
    pub limits: Limits,
    /// The sockets.
    pub sockets: Sockets,
    /// Plugins.
    pub plugins: Plugins,
    /// How long things are kept.
    pub retention: Retention,
    /// How long a node's number is its own. It is no setting: all nodes must have the same.
    #[serde(skip)]
    pub times: Times,
}

closed_set! {
    /// How log lines look.
    pub enum LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

closed_set! {
    /// Who may make an account.
    pub enum RegistrationMode {
        /// Everybody.
        Open = "open",
        /// Whoever has an invitation from an administrator.
        Invitation = "invitation",
        /// Nobody.
        Closed = "closed",
    }
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),+ }
        impl Default for $name {
            fn default() -> Self { $name { $($field: $default),+ } }
        }
    };
}

section! {
    /// Where data stands.
    Database {
        /// `postgres://…`, or `sqlite://file`; empty: SQLite in the data folder.
        url: Secret = Secret::default(),
    }
}
section! {
    /// What carries news between several servers over one database.
    Nats {
        /// `nats://user:password@host:port`, or `tls://…`, several with commas between; empty: none.
        url: Secret = Secret::default(),
    }
}
section! {
    /// Who may make an account.
    Registration {
        /// `open` to all, by `invitation`, or `closed`.
        mode: RegistrationMode = RegistrationMode::Open,
    }
}
section! {
    /// Access tokens and sessions.
    Tokens {
        /// Seconds that an access token is good for.
        access_seconds: i64 = 900,
        /// Days after its last use that a session ends.
        session_days: i64 = 30,
    }
}
section! {
    /// How passwords are hashed, by Argon2id.
    Passwords {
        /// Memory for one hash, in KiB.
        memory_kib: u32 = 19_456,
        /// Passes over the memory.
        passes: u32 = 2,
        /// The least number of characters.
        min_length: usize = 8,
    }
}
section! {
    /// Outgoing e-mail.
    Mail {
        /// `smtp://user:password@host:port` or `smtps://…`; empty: no e-mail is sent.
        url: Secret = Secret::default(),
        /// Whom e-mail is from.
        from: String = "Guildhall <guildhall@localhost>".into(),
    }
}
section! {
    /// The server's own TLS.
    Tls {
        /// The certificate chain, as PEM.
        certificate: PathBuf = PathBuf::new(),
        /// Its private key, as PEM.
        key: PathBuf = PathBuf::new(),
    }
}
section! {
    /// How often something may be done, as calls a minute; the burst is a quarter of it.
    Limits {
        /// Whether rates are limited at all.
        enabled: bool = true,
        /// Calls of any route, for each account or, before login, each address.
        requests: u32 = 3_000,
        /// Messages, for each account and channel.
        messages: u32 = 120,
        /// Changes to guilds, channels, roles and members, for each account and guild.
        changes: u32 = 300,
        /// Logins, for each address and for each account.
        logins: u32 = 20,
        /// Registrations, for each address.
        registrations: u32 = 20,
        /// Bytes of a JSON body.
        body_bytes: usize = 262_144,
        /// Guilds that one account may own.
        guilds_owned: usize = 100,
        /// Channels and threads of one guild that aren't archived.
        channels: usize = 1_000,
        /// Roles of one guild.
        roles: usize = 250,
    }
}
section! {
    /// The sockets.
    Sockets {
        /// Seconds between heartbeats.
        heartbeat_seconds: u64 = 25,
        /// Seconds in which a socket must identify itself.
        identify_seconds: u64 = 10,
        /// Commands a minute that a socket may send.
        commands: u32 = 120,
        /// Typing and voice states a minute that a socket may send.
        ephemeral: u32 = 240,
        /// Bytes of a frame that a client may send.
        frame_bytes: usize = 16_384,
        /// Rows of one stream that a client is told that comes back; if it missed more, it begins anew.
        resume_rows: i64 = 10_000,
        /// Seconds over which sockets are shown out when the server ends.
        drain_seconds: u64 = 3,
        /// Frames that may wait for a slow client.
        queue_frames: usize = 1_024,
        /// Bytes that may wait for a slow client.
        queue_bytes: usize = 1_048_576,
        /// Sockets open at once.
        connections: usize = 100_000,
    }
}
section! {
    /// Plugins.
    Plugins {
        /// The folder with the plugins that come with the server; empty: `plugins` beside the program.
        bundled: PathBuf = PathBuf::new(),
        /// What seals the secrets in plugins' settings, the same text on all nodes; empty: a file in the data folder.
        key: Secret = Secret::default(),
        /// Calls of plugins that may run at once.
        instances: u32 = 100,
        /// The program that compiles plugins; empty: this one.
        compiler: PathBuf = PathBuf::new(),
        /// How many times as long as usual calls of plugins may take; more than 1 on slow machines.
        patience: u32 = 1,
    }
}
section! {
    /// How long things are kept.
    Retention {
        /// Days that rows of the log are kept.
        log_days: u64 = 7,
        /// Days that audit entries are kept.
        audit_days: u64 = 400,
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: "127.0.0.1:5000".into(),
            data: "data".into(),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            log: "info".into(),
            log_format: LogFormat::Text,
            database: Database::default(),
            nats: Nats::default(),
            registration: Registration::default(),
            tokens: Tokens::default(),
            passwords: Passwords::default(),
            mail: Mail::default(),
            tls: Tls::default(),
            limits: Limits::default(),
            sockets: Sockets::default(),
            plugins: Plugins::default(),
            retention: Retention::default(),
            times: Times::default(),
        }
    }
}

/// Text that must not be shown. It hides itself in `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl Secret {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(not set)" } else { "(hidden)" })
    }
}

/// The name that all environment variables begin with.
const PREFIX: &str = "GUILDHALL_";
/// Variables that other parts of the house own: the tests' and the benchmark's.
const NOT_OURS: [&str; 4] = ["GUILDHALL_TEST_", "GUILDHALL_BIN", "GUILDHALL_SOAK", "GUILDHALL_CONFIG"];

impl Config {
    /// Reads every layer. `file` must exist if it is named; `flags` are pairs of a key's path and its value.
    pub fn load(file: Option<&Path>, flags: &[(&str, String)]) -> anyhow::Result<Config> {
        // Variables of others may hold anything, so none of them is taken for text before its name is known.
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| name.starts_with(PREFIX));
        let named = file.map(Path::to_owned).or_else(|| std::env::var_os("GUILDHALL_CONFIG").map(PathBuf::from));
        let text = match &named {
            Some(path) => std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?,
            None => match std::fs::read_to_string("guildhall.toml") {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                read => read.context("reading guildhall.toml")?,
            },
        };
        Config::from_layers(&text, environment.collect(), flags)
    }

    /// Puts the layers over each other: a file's text, environment variables, flags.
    pub fn from_layers(
        file: &str,
        environment: BTreeMap<String, String>,
        flags: &[(&str, String)],
    ) -> anyhow::Result<Config> {
        let mut settings = Table::try_from(Config::default())?;
        let known = paths(&settings, "");
        let written = parse_file(file)?;
        for (path, value) in leaves(&written, "") {
            ensure!(known.contains(&path), "unknown setting `{path}`{}", suggestion(&path, &known));
            put(&mut settings, &path, value);
        }
        for (name, text) in environment {
            if NOT_OURS.iter().any(|other| name.starts_with(other)) {
                continue;
            }
            let (path, text) = from_variable(&name, text, &known)?;
            let value = parse_like(&settings, &path, &text).with_context(|| format!("the variable {name}"))?;
            put(&mut settings, &path, value);
        }
        for (path, text) in flags {
            let value = parse_like(&settings, path, text).with_context(|| format!("the flag for {path}"))?;
            put(&mut settings, path, value);
        }
        let config: Config = settings.try_into().context("a setting has the wrong type")?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        let has_certificate = !self.tls.certificate.as_os_str().is_empty();
        let has_key = !self.tls.key.as_os_str().is_empty();
        let url = &self.database.url;
        let known = ["postgres://", "postgresql://", "sqlite://"].iter().any(|scheme| url.0.starts_with(scheme));
        // It may hold a password, so it isn't quoted.
        ensure!(url.is_empty() || known, "`database.url` begins with neither `postgres://` nor `sqlite://`");
        let nats = self.nats.url.0.split(',').all(|url| url.starts_with("nats://") || url.starts_with("tls://"));
        ensure!(nats || self.nats.url.is_empty(), "`nats.url` begins with neither `nats://` nor `tls://`");
        let several = self.nats.url.is_empty() || url.0.starts_with("postgres");
        ensure!(several, "`nats.url` is for servers that share a PostgreSQL: SQLite has one server alone");
        ensure!(has_certificate == has_key, "`tls.certificate` and `tls.key` go together");
        ensure!(self.tokens.access_seconds >= 60, "`tokens.access_seconds` is at least 60");
        ensure!(self.passwords.memory_kib >= 8 && self.passwords.passes >= 1, "`passwords` are hashed too lightly");
        for proxy in &self.trusted_proxies {
            parse_network(proxy).with_context(|| format!("`trusted_proxies`: {proxy}"))?;
        }
        for origin in &self.allowed_origins {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            let good = origin == "*" || authority.is_some_and(|it| !it.is_empty() && !it.contains(['/', '*', ' ']));
            ensure!(good, "`allowed_origins`: {origin} is no origin; write it as `https://chat.example`");
        }
        Ok(())
    }

    /// The database's address: the configured one, or SQLite in the data folder.
    pub fn database_url(&self) -> String {
        match self.database.url.is_empty() {
            true => format!("sqlite://{}", self.data.join("guildhall.db").display()),
            false => self.database.url.0.clone(),
        }
    }

    /// The file that SQLite keeps everything in; none for PostgreSQL.
    pub fn database_file(&self) -> Option<PathBuf> {
        self.database_url().strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// The program that compiles plugins.
    pub fn plugin_compiler(&self) -> std::io::Result<PathBuf> {
        match self.plugins.compiler.as_os_str().is_empty() {
            true => std::env::current_exe(),
            false => Ok(self.plugins.compiler.clone()),
        }
    }

    /// The folder with the plugins that come with the server.
    pub fn bundled_plugins(&self) -> PathBuf {
        let beside = || Some(std::env::current_exe().ok()?.parent()?.join("plugins"));
        match self.plugins.bundled.as_os_str().is_empty() {
            true => beside().unwrap_or_else(|| "plugins".into()),
            false => self.plugins.bundled.clone(),
        }
    }

    /// The address people reach the server under, without a slash at its end.
    pub fn public_url(&self) -> String {
        let scheme = if self.tls.key.as_os_str().is_empty() { "http" } else { "https" };
        match self.public_url.is_empty() {
            true => {
                format!("{scheme}://{}", self.listen.replace("0.0.0.0", "localhost").replace("127.0.0.1", "localhost"))
            }
            false => self.public_url.trim_end_matches('/').to_owned(),
        }
    }
}

/// An address, or a network in CIDR notation.
pub fn parse_network(text: &str) -> anyhow::Result<ipnet::IpNet> {
    match text.parse::<std::net::IpAddr>() {
        Ok(address) => Ok(address.into()),
        Err(_) => Ok(text.parse()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)], flags: &[(&str, String)]) -> anyhow::Result<Config> {
        let environment = environment.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        Config::from_layers(file, environment, flags)
    }

    #[test]
    fn later_layers_win() {
        let file = "listen = '127.0.0.1:1'\ndata = 'a'\n[limits]\nmessages = 7";
        let environment = [("GUILDHALL_LISTEN", "127.0.0.1:2"), ("GUILDHALL_LIMITS_ENABLED", "false")];
        let config = load(file, &environment, &[("listen", "127.0.0.1:3".into())]).unwrap();
        assert_eq!((config.listen.as_str(), config.data.to_str()), ("127.0.0.1:3", Some("a")));
        assert_eq!((config.limits.messages, config.limits.enabled), (7, false));
    }

    #[test]
    fn unknown_settings_are_refused_with_a_suggestion() {
        let wrong = load("[limit]\nmessages = 7", &[], &[]).unwrap_err().to_string();
        assert_eq!(wrong, "unknown setting `limit.messages`; did you mean `limits.messages`?");
        let wrong = load("", &[("GUILDHALL_LISTN", "x")], &[]).unwrap_err().to_string();
        assert_eq!(wrong, "unknown variable `GUILDHALL_LISTN`; did you mean `GUILDHALL_LISTEN`?");
    }

    #[test]
    fn contradictions_and_wrong_types_are_refused() {
        assert!(load("[tls]\nkey = 'k.pem'", &[], &[]).is_err());
        assert!(load("", &[("GUILDHALL_NATS_URL", "http://somewhere")], &[]).is_err());
        assert!(load("", &[("GUILDHALL_LIMITS_MESSAGES", "many")], &[]).is_err());
        assert!(load("trusted_proxies = ['somewhere']", &[], &[]).is_err());
        for wrong in ["chat.example", "https://chat.example/", "https://*.example", "https://"] {
            assert!(load("", &[("GUILDHALL_ALLOWED_ORIGINS", wrong)], &[]).is_err(), "{wrong}");
        }
        assert!(load("allowed_origins = ['*', 'https://chat.example:8443']", &[], &[]).is_ok());
    }

    #[test]
    fn secrets_hide_themselves() {
        let config = load("", &[("GUILDHALL_DATABASE_URL", "postgres://u:hunter2@h/d")], &[]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
