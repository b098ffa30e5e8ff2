//! The server under test: started by the release binary, on a database of its own for each start.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::Bench;
use crate::http::{self, Client};
use crate::process::{self, Process};

/// How the server differs from its defaults while it is measured; told beside the figures.
pub const SETTINGS: [(&str, &str); 2] = [("GUILDHALL_LIMITS_ENABLED", "false"), ("GUILDHALL_LOG", "warn")];

/// A running server; it ends and its database goes with this value.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
    data: TempDir,
    /// How long it took from its start until it said that it was ready.
    pub ready_after: Duration,
}

impl Server {
    /// Starts on an empty database.
    pub fn start_empty(bench: &Bench) -> Result<Server> {
        Server::start(bench, tempfile::tempdir_in(&bench.scratch)?)
    }

    /// Starts on a copy of the seed, so that what one load leaves behind is no burden to the next.
    pub fn start_on(bench: &Bench, seed: &Seed) -> Result<Server> {
        let data = tempfile::tempdir_in(&bench.scratch)?;
        copy_to_disk(&seed.data, data.path())?;
        Server::start(bench, data)
    }

    /// The SQLite file that the server keeps its messages in.
    pub fn database(&self) -> PathBuf {
        self.data.path().join("guildhall.db")
    }

    fn start(bench: &Bench, data: TempDir) -> Result<Server> {
        let address = process::free_address()?;
        let mut command = program(bench)?;
        command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data.path()).envs(SETTINGS);
        let started = Instant::now();
        let mut process = Process::spawn(&mut command)?;
        process.wait_until(|| is_ready(address))?;
        Ok(Server { process, address, data, ready_after: started.elapsed() })
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let answer =
        Client::connect(address).and_then(|mut client| client.exchange(&http::request("GET", "/readyz", None, None)));
    answer.is_ok_and(|(status, _)| status == 200)
}

/// The server's program, without settings that this process was given: the server refuses those it doesn't know.
fn program(bench: &Bench) -> Result<Command> {
    let mut command = Command::new(bench.server.as_ref().context("no server to measure")?);
    let settings: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).collect();
    for name in settings.iter().filter(|name| name.as_encoded_bytes().starts_with(b"GUILDHALL_")) {
        command.env_remove(name);
    }
    Ok(command)
}

/// A database that the server has filled for the benchmark and that no server runs on.
pub struct Seed {
    pub data: PathBuf,
    pub contents: Contents,
}

/// What the server says that it has put there.
#[derive(Deserialize)]
pub struct Contents {
    pub channel_id: String,
    pub user_names: Vec<String>,
    pub password: String,
}

impl Seed {
    /// One guild with `members`, and `messages` in its channel; made once in a run and then kept.
    pub fn obtain(bench: &Bench, messages: u64, members: u64) -> Result<Seed> {
        let data = bench.scratch.path().join(format!("seed-{messages}-{members}"));
        let description = data.with_extension("json");
        if !description.exists() {
            eprintln!("  fills a database with {messages} messages and {members} members");
            let mut command = program(bench)?;
            command.args(["seed", "--messages", &messages.to_string(), "--members", &members.to_string()]);
            let output = command.args(["--guilds", "1", "--data"]).arg(&data).stderr(Stdio::inherit()).output()?;
            ensure!(output.status.success(), "filling a database failed: {}", output.status);
            fs::write(&description, output.stdout)?;
        }
        let printed = fs::read_to_string(&description)?;
        let line = printed.lines().last().context("the seed was not described")?;
        Ok(Seed { data, contents: serde_json::from_str(line).context("the description of the seed")? })
    }
}

/// Copies a directory of files and forces them to the disk, lest the kernel write them back under the load.
fn copy_to_disk(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy_to_disk(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}
