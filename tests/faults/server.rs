//! The server's own binary as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::support::{Database, User, binary, create_database, drop_database};

/// How long the server may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that can be killed and started again, with its data and its address.
pub struct Server {
    /// Where it listens.
    pub url: String,
    /// For requests.
    pub http: reqwest::Client,
    /// The address of its database.
    pub database: String,
    folder: tempfile::TempDir,
    postgres: Option<(String, String)>,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

impl Server {
    /// Makes a place for a server, and starts it; nothing if the database can't be had and the run may
    /// do without.
    pub async fn start(database: Database) -> Option<Server> {
        Server::start_with(database, &[]).await
    }

    /// The same with these settings: pairs of a variable and its value.
    pub async fn start_with(database: Database, settings: &[(&str, &str)]) -> Option<Server> {
        let folder = tempfile::tempdir().expect("a folder for the story");
        let (url, postgres) = match database {
            Database::Sqlite => (format!("sqlite://{}", folder.path().join("guildhall.db").display()), None),
            Database::Postgres => {
                let made = create_database().await?;
                (made.0.clone(), Some(made))
            }
        };
        Some(Server::start_on(url, folder, postgres, settings).await)
    }

    /// Starts a server whose database is reached by another way, or is somebody else's too, with these
    /// settings: pairs of a variable and its value.
    pub async fn start_through(database: String, settings: &[(&str, &str)]) -> Server {
        Server::start_on(database, tempfile::tempdir().expect("a folder for the story"), None, settings).await
    }

    async fn start_on(
        database: String,
        folder: tempfile::TempDir,
        postgres: Option<(String, String)>,
        settings: &[(&str, &str)],
    ) -> Server {
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let mut server = Server { url, http, database, folder, postgres, settings, child: None };
        server.begin().await;
        server
    }

    /// Starts the process, and waits until it is ready.
    pub async fn begin(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        // Without the trap, a process that writes past its limit of file size is ended by a signal.
        let mut command = Command::new("bash");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "-"]).arg(binary());
        command.args(["serve", "--listen", self.url.trim_start_matches("http://"), "--data"]).arg(self.folder.path());
        command.env("GUILDHALL_DATABASE_URL", &self.database);
        command.env("GUILDHALL_LOG", "warn").env("GUILDHALL_LIMITS_ENABLED", "false");
        command.env("GUILDHALL_PASSWORDS_MEMORY_KIB", "8").env("GUILDHALL_PASSWORDS_PASSES", "1");
        command.env("GUILDHALL_TOKENS_ACCESS_SECONDS", "86400");
        // Plugins' deadlines are for optimised servers that have the machine to themselves.
        command.env("GUILDHALL_PLUGINS_PATIENCE", "40").envs(self.settings.iter().cloned());
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("the server starts"));
        let ready = self.until(|answer| answer.is_some_and(|(status, _)| status == 200)).await;
        assert!(ready, "the server isn't ready: {}", self.said());
    }

    /// Waits until `/readyz` answers in this way: with a status and a body, or not at all.
    pub async fn until(&self, good: impl Fn(Option<(u16, String)>) -> bool) -> bool {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            if good(self.readiness().await) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// What `/readyz` answers.
    pub async fn readiness(&self) -> Option<(u16, String)> {
        let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Kills the process at once, and waits until it is gone.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.start_kill().expect("a signal");
        child.wait().await.expect("its end");
    }

    /// Asks the process to end.
    pub fn terminate(&self) {
        let process = self.process();
        let asked = std::process::Command::new("kill").args(["-TERM", &process.to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "the signal is sent");
    }

    /// How the process ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends in time").expect("its end")
    }

    /// The number of the process.
    pub fn process(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// Whether the process still runs.
    pub fn lives(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Somebody without an account.
    pub fn nobody(&self) -> User {
        User::at(&self.url, &self.http)
    }

    /// What the server wrote to its log.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log.txt")
    }

    /// Ends the process and drops its database.
    pub async fn stop(mut self) {
        if self.child.is_some() {
            self.kill().await;
        }
        if let Some((url, name)) = &self.postgres {
            drop_database(url, name).await;
        }
    }
}
