//! The floors: bare programs that do the least that the same work asks for, each started as a process of its own.

mod argon2;
mod broadcaster;
mod component;
mod history;
mod ok;
mod pgbench;
mod sockets;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::Bench;
use crate::figures::Work;
use crate::guests::Guests;
use crate::process::{Listening, own_cpu};

pub use pgbench::insert_rows;

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
    /// Deliveries of the broadcaster in a quiet and in a busy room, without and with a disk.
    pub const QUIET_PER_CPU_SECOND: f64 = 221_000.0;
    pub const BUSY_PER_CPU_SECOND: f64 = 1_051_000.0;
    pub const DURABLE_QUIET_PER_CPU_SECOND: f64 = 211_000.0;
    pub const DURABLE_BUSY_PER_CPU_SECOND: f64 = 814_000.0;
    pub const POSTGRES_ROWS_PER_SECOND: f64 = 17_200.0;
    /// Kilobytes for each connection to a bare axum.
    pub const CONNECTION: f64 = 9.2;
}

/// The name of the file that the durable floor keeps its messages in.
pub const DATABASE: &str = "floor.db";

/// How far a floor may be from its reference.
pub const TOLERANCE: f64 = 0.25;

/// One floor, as a hidden subcommand of this program.
#[derive(Subcommand)]
pub enum Floor {
    /// Answers every request with "ok", on a bare axum.
    Ok { address: SocketAddr },
    /// Acknowledges and broadcasts messages; those that wait at once are first committed at once, if there is a place.
    Broadcaster { address: SocketAddr, data: Option<PathBuf> },
    /// Lets WebSockets in, on a bare axum with small buffers.
    Sockets { address: SocketAddr },
    /// Reads pages of 50 messages straight from SQLite.
    History { data: PathBuf, rows: u64, seconds: u64 },
    /// Calls a component's filter in fresh instances.
    Component { file: PathBuf, threads: u64, seconds: u64 },
    /// Compiles a component.
    Compile { file: PathBuf, times: u64 },
    /// Hashes passwords with argon2id.
    Argon2 { threads: u64, seconds: u64 },
}

impl Floor {
    pub fn run(self) -> Result<()> {
        match self {
            Floor::Ok { address } => ok::serve(address),
            Floor::Broadcaster { address, data } => broadcaster::serve(address, data.as_deref()),
            Floor::Sockets { address } => sockets::serve(address),
            Floor::History { data, rows, seconds } => history::read_pages(&data, rows, Duration::from_secs(seconds)),
            Floor::Component { file, threads, seconds } => {
                component::call(&file, threads, Duration::from_secs(seconds))
            }
            Floor::Compile { file, times } => component::compile(&file, times),
            Floor::Argon2 { threads, seconds } => argon2::hash_passwords(threads, Duration::from_secs(seconds)),
        }
    }
}

/// Starts the bare axum.
pub fn start_ok(bench: &Bench) -> Result<Listening> {
    start(bench, "ok", false)
}

/// Starts the broadcaster that keeps nothing.
pub fn start_bare(bench: &Bench) -> Result<Listening> {
    start(bench, "broadcaster", false)
}

/// Starts the durable broadcaster on an empty database.
pub fn start_durable(bench: &Bench) -> Result<Listening> {
    start(bench, "broadcaster", true)
}

/// Starts the bare axum with WebSockets.
pub fn start_sockets(bench: &Bench) -> Result<Listening> {
    start(bench, "sockets", false)
}

fn start(bench: &Bench, name: &str, keeps: bool) -> Result<Listening> {
    Listening::start(bench, |address, data| {
        let mut command = own_program()?;
        command.args(["floor", name, &address.to_string()]);
        if keeps {
            command.arg(data);
        }
        Ok(command)
    })
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

/// Has the filter of the component that does nothing called on `threads` threads at once.
pub fn call_component(bench: &Bench, threads: usize) -> Result<Work> {
    let seconds = bench.duration.as_secs().to_string();
    let file = Guests::idle_file()?;
    work(own_program()?.args(["floor", "component"]).arg(file).args([threads.to_string(), seconds]))
}

/// Has a component compiled some times.
pub fn compile_component(file: &std::path::Path, times: u64) -> Result<Work> {
    work(own_program()?.args(["floor", "compile"]).arg(file).arg(times.to_string()))
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
