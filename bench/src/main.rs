//! The benchmark program: drives the server and its floors with the same load, in turn, and prints how they compare.

mod community;
mod contestant;
mod database;
mod dialect;
mod figures;
mod floors;
mod guests;
mod http;
mod inbox;
mod load;
mod machine;
mod peers;
mod process;
mod report;
mod scenarios;
mod server;
mod session;
mod websocket;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use tempfile::TempDir;

use crate::report::{Report, Row};

/// Measures Guildhall against floors: bare programs that do the least that the same work asks for.
#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures the server that GUILDHALL_BIN names against the floors.
    Run(RunOptions),
    /// Measures the floors alone, to see whether this machine is the kind that the targets were set on.
    Floors(LoadOptions),
    /// Is one floor: the program starts itself so, that each has a process and clocks of its own.
    #[command(hide = true, subcommand)]
    Floor(floors::Floor),
}

#[derive(Args)]
struct RunOptions {
    /// The scenarios to run, as in `s3,s7`; all of them when left out.
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<String>,
    /// Also measures the scenarios of growth with ten million messages, which takes several gigabytes of disk.
    #[arg(long)]
    ten_million: bool,
    /// Has the clients of a storm identify anew; without it they resume.
    #[arg(long)]
    identify: bool,
    /// The document that keeps the table.
    #[arg(long)]
    write: Option<PathBuf>,
    #[command(flatten)]
    load: LoadOptions,
}

#[derive(Args)]
struct LoadOptions {
    /// Seconds that each load lasts, after a warm-up of a fifth of that.
    // Tokens last fifteen minutes and are made once for a scenario, hence the bounds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=20))]
    seconds: u64,
    /// How often each load takes its turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=5))]
    rounds: u64,
    /// Measures on a busy machine too, and says so in the table's heading.
    #[arg(long)]
    force: bool,
    /// Where databases are kept while the program runs: it must be a disk, for on a memory file system a commit is free.
    #[arg(long, default_value = "target/bench")]
    scratch: PathBuf,
}

/// What every scenario is given.
struct Bench {
    /// How long each load lasts, after its warm-up.
    duration: Duration,
    /// How often each load takes its turn.
    rounds: u64,
    /// Whether ten million messages are asked for.
    ten_million: bool,
    /// Whether the clients of a storm resume.
    resume: bool,
    /// The release server; none while only the floors are measured.
    server: Option<PathBuf>,
    /// Holds every database of this run and goes with it.
    scratch: TempDir,
}

impl Bench {
    fn prepare(load: &LoadOptions) -> Result<Bench> {
        machine::refuse_when_busy(load.force)?;
        std::fs::create_dir_all(&load.scratch)?;
        Ok(Bench {
            duration: Duration::from_secs(load.seconds),
            rounds: load.rounds,
            ten_million: false,
            resume: false,
            server: None,
            scratch: tempfile::tempdir_in(std::path::absolute(&load.scratch)?)?,
        })
    }
}

fn main() -> Result<()> {
    process::raise_open_files()?;
    match CommandLine::parse().command {
        Command::Run(options) => run(&options),
        Command::Floors(load) => check_floors(&load),
        Command::Floor(floor) => floor.run(),
    }
}

fn run(options: &RunOptions) -> Result<()> {
    let chosen = scenarios::choose(&options.scenario)?;
    let mut bench = Bench::prepare(&options.load)?;
    let server = std::env::var_os("GUILDHALL_BIN")
        .context("GUILDHALL_BIN must name the release server; `cargo xtask bench` builds it and sets this")?;
    bench.server = Some(std::path::absolute(PathBuf::from(server))?);
    bench.ten_million = options.ten_million;
    bench.resume = !options.identify;

    let mut report = Report::begin(&bench)?;
    for (name, scenario) in chosen {
        eprintln!("{name}: begins");
        // A broken promise voids the scenario that saw it and leaves the others their chance.
        let rows = scenario(&bench).unwrap_or_else(|error| vec![Row::void(name, &error)]);
        report.add(rows);
    }
    print!("{}", report.table());
    if let Some(path) = &options.write {
        std::fs::write(path, report.document()).with_context(|| format!("writing {}", path.display()))?;
    }
    ensure!(!report.has_void(), "a scenario is void: the table says why");
    Ok(())
}

fn check_floors(load: &LoadOptions) -> Result<()> {
    let bench = Bench::prepare(load)?;
    let mut report = Report::begin(&bench)?;
    report.add(scenarios::floors_alone(&bench)?);
    print!("{}", report.table());
    Ok(())
}
