//! The servers that tests need: which there are, and starting and stopping them.
//!
//! `target/services` holds one state file for each running service, a lock that is taken to
//! change anything, and a lock that test runs share while they use what runs.

mod nats;
mod postgres;
mod process;
mod run;
mod state;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{program, workspace};
pub use postgres::variables_for_benchmarks;
use process::wait_until;
pub use run::Run;
use state::State;

const TIME_TO_START: Duration = Duration::from_secs(60);

/// A server that tests talk to. Another one takes a line in each `match` below and a file like
/// `services/postgres.rs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Postgres,
    Nats,
}

/// What a service's own file decides: how to run it, and how tests reach it then.
struct Launch {
    command: Command,
    url: String,
}

impl Service {
    pub const ALL: &[Service] = &[Service::Postgres, Service::Nats];

    /// The short name in `GUILDHALL_TEST_SKIP` and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Service::Postgres => "postgres",
            Service::Nats => "nats",
        }
    }

    /// The name that people know it by.
    pub fn title(self) -> &'static str {
        match self {
            Service::Postgres => "PostgreSQL",
            Service::Nats => "NATS",
        }
    }

    /// The environment variable that tells tests its URL.
    pub fn variable(self) -> &'static str {
        match self {
            Service::Postgres => "GUILDHALL_TEST_POSTGRES_URL",
            Service::Nats => "GUILDHALL_TEST_NATS_URL",
        }
    }

    /// Prepares a server of its own in an empty folder, installing the program if need be.
    fn prepare(self, folder: &Path) -> Result<Launch> {
        match self {
            Service::Postgres => postgres::prepare(folder),
            Service::Nats => nats::prepare(folder),
        }
    }

    /// Whether the server in this folder accepts clients by now.
    fn is_ready(self, folder: &Path) -> bool {
        match self {
            Service::Postgres => postgres::is_ready(folder),
            Service::Nats => nats::is_ready(folder),
        }
    }

    /// The URL of a server that the user runs and wants tested. One that `start` printed and
    /// the shell kept is not the user's, and may be the URL of a server that is gone.
    fn users_own(self) -> Result<Option<String>> {
        let ours = State::read(&self.state_file()?)?.map(|state| state.url);
        let given = std::env::var(self.variable()).ok();
        Ok(given.filter(|url| !url.is_empty() && Some(url) != ours.as_ref()))
    }

    fn state_file(self) -> Result<PathBuf> {
        Ok(services_folder()?.join(format!("{}.state", self.name())))
    }

    /// What runs now, if anything does.
    fn running(self) -> Result<Option<State>> {
        Ok(State::read(&self.state_file()?)?.filter(process::is_alive))
    }
}

#[derive(clap::Subcommand)]
pub enum Action {
    /// Start every service and leave it running; prints `export` lines for the shell
    Start,
    /// Stop every service, also what an interrupted start left; prints `unset` lines
    Stop,
    /// Tell what runs
    Status,
    /// Print `export` lines for what runs
    Env,
    /// Stop what a test run started as soon as that run is over
    #[command(hide = true)]
    Keep,
}

pub fn perform(action: Action) -> Result<()> {
    match action {
        Action::Keep => run::keep(),
        Action::Start => for_each_service(|service| {
            println!("{}", export(service, &start(service, true)?));
            Ok(())
        }),
        Action::Stop => for_each_service(|service| {
            if stop(service, Stop::Always)? {
                println!("unset {}", service.variable());
            }
            Ok(())
        }),
        Action::Status => for_each_service(|service| {
            println!("{}: {}", service.title(), status(service)?);
            Ok(())
        }),
        Action::Env => for_each_service(|service| {
            if let Some(url) = url(service)? {
                println!("{}", export(service, &url));
            }
            Ok(())
        }),
    }
}

fn for_each_service(act: impl Fn(Service) -> Result<()>) -> Result<()> {
    Service::ALL.iter().try_for_each(|&service| act(service))
}

/// Makes sure that a service runs and returns its URL. `kept` says that it shall run until it is
/// stopped by hand rather than until the last test run is over.
fn start(service: Service, kept: bool) -> Result<String> {
    if let Some(url) = service.users_own()? {
        let (title, variable) = (service.title(), service.variable());
        program::say(&format!("{title}: the one in {variable}"));
        return Ok(url);
    }
    let _lock = workspace::lock(&services_folder()?)?;
    let mut state = match service.running()? {
        Some(state) => state,
        None => launch(service).with_context(|| format!("starting {}", service.title()))?,
    };
    if kept && !state.kept {
        state.kept = true;
        state.write(&service.state_file()?)?;
    }
    // Also for a server found running: whoever started it may have been interrupted here.
    wait_until_ready(service, &state)?;
    Ok(state.url)
}

fn launch(service: Service) -> Result<State> {
    clean(service)?;
    program::heading(&format!("Starting {}", service.title()));
    let folder = tempfile::Builder::new()
        .prefix(&scratch_prefix(service))
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(scratch_parent()?)
        .context("making a scratch folder")?;
    let Launch { command, url } = service.prepare(folder.path())?;
    let pid = process::spawn(command, folder.path())?;
    let state = State { pid, kept: false, url, folder: folder.keep() };
    state.write(&service.state_file()?)?;
    Ok(state)
}

fn wait_until_ready(service: Service, state: &State) -> Result<()> {
    wait_until(TIME_TO_START, || service.is_ready(&state.folder) || !process::is_alive(state));
    if process::is_alive(state) && service.is_ready(&state.folder) {
        return Ok(());
    }
    let log = process::end_of_log(&state.folder);
    end(service, state)?;
    bail!("{} did not come up: {log}", service.title())
}

/// Whether to stop also what shall run until it is stopped by hand.
#[derive(PartialEq, Eq)]
enum Stop {
    Always,
    UnlessKept,
}

/// Stops a service, if it runs, and removes what it left. Returns whether it did run and stopped.
fn stop(service: Service, which: Stop) -> Result<bool> {
    let _lock = workspace::lock(&services_folder()?)?;
    match service.running()? {
        Some(state) if state.kept && which == Stop::UnlessKept => Ok(false),
        Some(state) => {
            program::heading(&format!("Stopping {}", service.title()));
            end(service, &state)?;
            Ok(true)
        }
        None => clean(service).map(|()| false),
    }
}

fn end(service: Service, state: &State) -> Result<()> {
    process::stop(state).with_context(|| format!("stopping {}", service.title()))?;
    clean(service)
}

/// Removes what servers that run no more have left: the state file, and every scratch folder,
/// also one whose state was never written because its start was interrupted.
fn clean(service: Service) -> Result<()> {
    let state_file = service.state_file()?;
    if let Some(state) = State::read(&state_file)? {
        process::wait_for_stragglers(&state.folder)?;
        workspace::remove_folder(&state.folder)?;
    }
    State::remove(&state_file)?;
    for entry in fs::read_dir(services_folder()?)? {
        let entry = entry?;
        let is_scratch = entry.file_name().to_string_lossy().starts_with(&scratch_prefix(service));
        if is_scratch && !process::is_in_use(&entry.path()) {
            workspace::remove_folder(&entry.path())?;
        }
    }
    Ok(())
}

fn status(service: Service) -> Result<String> {
    if service.users_own()?.is_some() {
        return Ok(format!("the one in {}", service.variable()));
    }
    let Some(state) = service.running()? else {
        return Ok("not running".to_owned());
    };
    let until = if state.kept { "until it is stopped" } else { "until the test run is over" };
    let log = process::log_file(&state.folder);
    let (pid, log) = (state.pid, log.display());
    Ok(format!("running {until}, process {pid}, log {log}"))
}

fn url(service: Service) -> Result<Option<String>> {
    match service.users_own()? {
        Some(url) => Ok(Some(url)),
        None => Ok(service.running()?.map(|state| state.url)),
    }
}

/// A line for the shell, whatever characters the URL has.
fn export(service: Service, url: &str) -> String {
    let quoted = url.replace('\'', r"'\''");
    format!("export {}='{quoted}'", service.variable())
}

fn services_folder() -> Result<PathBuf> {
    let folder = workspace::target()?.join("services");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// Where scratch folders go. A server that refuses to be root runs as another account, which
/// cannot reach a target directory inside somebody's closed home.
fn scratch_parent() -> Result<PathBuf> {
    let folder = services_folder()?;
    if program::is_root() && !process::everybody_can_reach(&folder)? {
        return Ok(std::env::temp_dir());
    }
    Ok(folder)
}

fn scratch_prefix(service: Service) -> String {
    format!("{}-", service.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_survives_the_shell() {
        assert_eq!(
            export(Service::Postgres, "postgres://a:b'c@d/e?f&g"),
            r"export GUILDHALL_TEST_POSTGRES_URL='postgres://a:b'\''c@d/e?f&g'"
        );
    }
}
