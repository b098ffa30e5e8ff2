//! Running the optimised server: for people (`serve`) and for the load generator (`bench`).

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::Setup;
use crate::{plugins, program, workspace};

/// Builds the server and its plugins and becomes the server, so that signals and the exit code are
/// its own.
pub fn serve(arguments: &[OsString]) -> Result<()> {
    let plugins = plugins::build()?;
    build_server()?;
    let server = workspace::server()?;
    let error = Command::new(&server).arg("serve").args(arguments).env(plugins::VARIABLE, plugins).exec();
    Err(error).with_context(|| format!("starting {}", server.display()))
}

/// Builds the server and runs the load generator on it, with PostgreSQL at hand unless the
/// arguments say otherwise.
pub fn bench(arguments: &[OsString]) -> Result<()> {
    let plugins = plugins::build()?;
    let test_guests = plugins::build_test_guests()?;
    build_server()?;
    let only_sqlite = arguments.iter().any(|argument| argument == "--only-sqlite");
    let setup = Setup::for_benchmarks(only_sqlite)?;
    program::heading("Running the benchmarks");
    let mut bench = workspace::cargo("run");
    bench.args(["--release", "--package", "bench", "--", "run"]);
    bench.args(arguments.iter().filter(|argument| *argument != "--only-sqlite"));
    bench.env("GUILDHALL_BIN", workspace::server()?).env(plugins::VARIABLE, plugins);
    bench.envs(test_guests.map(|folder| (plugins::VARIABLE_OF_TEST_GUESTS, folder)));
    program::run(setup.apply(&mut bench))
}

/// Builds the server with optimisations, into [`workspace::server`].
pub fn build_server() -> Result<()> {
    program::heading("Building the server");
    program::run(workspace::cargo("build").args(["--release", "--package", "guildhall"]))
}
