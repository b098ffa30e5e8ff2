//! The server under test: started by the release binary, on a database of its own for each start.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::Bench;
use crate::database::{Kept, PostgresDatabase};
use crate::http::{self, Client};
use crate::process::{self, Listening};

/// How the server differs from its defaults while it is measured; told beside the figures.
pub const SETTINGS: [(&str, &str); 2] = [("GUILDHALL_LIMITS_ENABLED", "false"), ("GUILDHALL_LOG", "warn")];

/// Seconds that the tokens of a seed are good for: longer than the longest scenario.
const TOKENS_GOOD: &str = "36000";

/// Members whose tokens a seed tells, if it has so many.
const MOST_TOKENS: &str = "11000";

/// Guilds that one person of a seed may own.
const MOST_GUILDS: &str = "1000000";

/// Starts the server on an empty database.
pub fn start_empty(bench: &Bench) -> Result<Listening> {
    start(bench, tempfile::tempdir_in(&bench.scratch)?, &[])
}

/// Starts it on a copy of the seed, so that what one load leaves behind is no burden to the next.
pub fn start_on(bench: &Bench, seed: &Seed) -> Result<Listening> {
    let data = tempfile::tempdir_in(&bench.scratch)?;
    copy_to_disk(&seed.data, data.path())?;
    start(bench, data, &[])
}

/// The same with these plugins to install.
pub fn start_with(bench: &Bench, seed: &Seed, plugins: &Path) -> Result<Listening> {
    let data = tempfile::tempdir_in(&bench.scratch)?;
    copy_to_disk(&seed.data, data.path())?;
    start(bench, data, &[("GUILDHALL_PLUGINS_BUNDLED", plugins.display().to_string())])
}

/// Starts it again on the data of one that has ended.
pub fn start_again(bench: &Bench, data: TempDir, plugins: &Path) -> Result<Listening> {
    start(bench, data, &[("GUILDHALL_PLUGINS_BUNDLED", plugins.display().to_string())])
}

/// Starts it on an empty database of PostgreSQL.
pub fn start_on_postgres(bench: &Bench, database: &PostgresDatabase) -> Result<Listening> {
    start(bench, tempfile::tempdir_in(&bench.scratch)?, &[("GUILDHALL_DATABASE_URL", database.url())])
}

/// The SQLite file that a server keeps its messages in.
pub fn kept_by(server: &Listening) -> Kept {
    Kept::Sqlite(server.data.path().join("guildhall.db"))
}

fn start(bench: &Bench, data: TempDir, settings: &[(&str, String)]) -> Result<Listening> {
    let address = process::free_address()?;
    let command = |address: SocketAddr, data: &Path| {
        let mut command = program(bench)?;
        command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data).envs(SETTINGS);
        command.envs(settings.iter().map(|(name, value)| (*name, value)));
        Ok(command)
    };
    Listening::start_on(data, address, command, || is_ready(address))
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
#[derive(Clone, Deserialize)]
pub struct Contents {
    pub guild_id: String,
    pub channel_id: String,
    pub user_names: Vec<String>,
    pub password: String,
    /// Access tokens of the first members.
    pub tokens: Vec<String>,
    /// A channel of each guild, if there are several.
    pub channels: Vec<String>,
}

impl Seed {
    /// One guild with `members`, of whom the first need not sign in, and `messages` in its channel; made
    /// once in a run and then kept.
    pub fn obtain(bench: &Bench, messages: u64, members: u64) -> Result<Seed> {
        let name = format!("seed-{messages}-{members}");
        let arguments = [("--messages", messages), ("--members", members)];
        Seed::fill(bench, &name, &arguments, Path::new(""))
    }

    /// So many guilds, each with so many of these plugins.
    pub fn with_plugins(bench: &Bench, guilds: u64, installations: u64, plugins: &Path) -> Result<Seed> {
        let name = format!("seed-{guilds}-guilds-{installations}");
        let arguments =
            [("--guilds", guilds), ("--installations", installations), ("--messages", 1_000), ("--members", 64)];
        Seed::fill(bench, &name, &arguments, plugins)
    }

    fn fill(bench: &Bench, name: &str, arguments: &[(&str, u64)], plugins: &Path) -> Result<Seed> {
        let data = bench.scratch.path().join(name);
        let description = data.with_extension("json");
        if !description.exists() {
            eprintln!("  fills a database: {name}");
            let mut command = program(bench)?;
            command
                .arg("seed")
                .args(arguments.iter().flat_map(|(name, value)| [(*name).to_owned(), value.to_string()]));
            command.args(["--tokens", MOST_TOKENS]).envs(SETTINGS).env("GUILDHALL_TOKENS_ACCESS_SECONDS", TOKENS_GOOD);
            command.env("GUILDHALL_PLUGINS_BUNDLED", plugins).env("GUILDHALL_LIMITS_GUILDS_OWNED", MOST_GUILDS);
            let output = command.arg("--data").arg(&data).stderr(Stdio::inherit()).output()?;
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
