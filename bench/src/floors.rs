//! The floors: bare programs that do the least that the same work asks for, each started as a process of its own.

mod argon2;
mod durable;
mod history;
mod ok;

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Bench;
use crate::figures::Work;
use crate::process::{Process, own_cpu};

/// What the floors reached on the quiet two-core machine that the targets were set on. These are frozen: a floor that
/// is far from its reference says that the machine differs or is busy, and voids the comparison with the targets.
pub mod reference {
    /// Microseconds.
    pub const FORCED_WRITE: f64 = 150.0;
    pub const DURABLE_SENDS_PER_SECOND: f64 = 39_100.0;
    pub const OK_PER_SECOND: f64 = 113_000.0;
    /// Microseconds of processor time a page.
    pub const HISTORY_PAGE: f64 = 23.0;
    pub const PASSWORDS_PER_CPU_SECOND: f64 = 57.0;
}

/// The name of the file that the durable floor keeps its messages in.
pub const DURABLE_DATABASE: &str = "floor.db";

/// How far a floor may be from its reference.
pub const TOLERANCE: f64 = 0.25;

/// One floor, as a hidden subcommand of this program.
#[derive(Subcommand)]
pub enum Floor {
    /// Answers every request with "ok", on a bare axum.
    Ok { address: SocketAddr },
    /// Commits messages for all that wait at once, then acknowledges and broadcasts them.
    Durable { address: SocketAddr, data: PathBuf },
    /// Reads pages of 50 messages straight from SQLite.
    History { data: PathBuf, rows: u64, seconds: u64 },
    /// Hashes passwords with argon2id.
    Argon2 { threads: u64, seconds: u64 },
}

impl Floor {
    pub fn run(self) -> Result<()> {
        match self {
            Floor::Ok { address } => ok::serve(address),
            Floor::Durable { address, data } => durable::serve(address, &data),
            Floor::History { data, rows, seconds } => history::read_pages(&data, rows, Duration::from_secs(seconds)),
            Floor::Argon2 { threads, seconds } => argon2::hash_passwords(threads, Duration::from_secs(seconds)),
        }
    }
}

/// A floor that listens.
pub struct Listening {
    pub process: Process,
    pub address: SocketAddr,
    pub data: TempDir,
    /// How long it took from its start until it answered.
    pub ready_after: Duration,
}

/// Starts the bare axum.
pub fn start_ok(bench: &Bench) -> Result<Listening> {
    start(bench, "ok", |command, _| command)
}

/// Starts the durable broadcaster on an empty database.
pub fn start_durable(bench: &Bench) -> Result<Listening> {
    start(bench, "durable", |command, data| command.arg(data.path()))
}

fn start(
    bench: &Bench,
    name: &str,
    arguments: impl for<'a> FnOnce(&'a mut Command, &TempDir) -> &'a mut Command,
) -> Result<Listening> {
    let data = tempfile::tempdir_in(&bench.scratch)?;
    let address = crate::process::free_address()?;
    let started = Instant::now();
    let mut process = Process::spawn(arguments(own_program()?.args(["floor", name, &address.to_string()]), &data))?;
    process.wait_until(|| TcpStream::connect(address).is_ok())?;
    Ok(Listening { process, address, data, ready_after: started.elapsed() })
}

/// Has pages of 50 read from a table of `rows` messages, which is made the first time and kept under `bench.scratch`.
pub fn read_history(bench: &Bench, rows: u64) -> Result<Work> {
    let data = bench.scratch.path().join(format!("raw-history-{rows}"));
    std::fs::create_dir_all(&data)?;
    let seconds = bench.duration.as_secs().to_string();
    work(own_program()?.args(["floor", "history"]).arg(data).args([rows.to_string(), seconds]))
}

/// Has passwords hashed on `threads` threads at once.
pub fn hash_passwords(bench: &Bench, threads: usize) -> Result<Work> {
    let seconds = bench.duration.as_secs().to_string();
    work(own_program()?.args(["floor", "argon2", &threads.to_string(), &seconds]))
}

fn own_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Runs a floor that works by itself and prints what it did.
fn work(command: &mut Command) -> Result<Work> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "a floor failed: {}", output.status);
    let line: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| line[name].as_u64().with_context(|| format!("a floor printed no {name}"));
    Ok(Work {
        done: number("done")?,
        elapsed: Duration::from_nanos(number("elapsed_nanoseconds")?),
        cpu: Duration::from_nanos(number("cpu_nanoseconds")?),
    })
}

/// The other end of [`work`]: measures `job`, which tells how much it has done, and prints the figures.
fn report_work(job: impl FnOnce() -> Result<u64>) -> Result<()> {
    let (started, cpu) = (Instant::now(), own_cpu()?);
    let done = job()?;
    let (elapsed, cpu) = (started.elapsed().as_nanos() as u64, (own_cpu()? - cpu).as_nanos() as u64);
    println!("{}", json!({ "done": done, "elapsed_nanoseconds": elapsed, "cpu_nanoseconds": cpu }));
    Ok(())
}
