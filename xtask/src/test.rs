//! The test commands: what they run, in which order.

use std::ffi::OsString;

use anyhow::Result;

use crate::setup::Setup;
use crate::{plugins, program, workspace};

/// Which tests to run.
#[derive(clap::Args)]
pub struct Selection {
    /// Leave PostgreSQL alone and test on SQLite only
    #[arg(long)]
    only_sqlite: bool,
    /// Arguments for the test binaries, such as a part of a test's name
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// Checks format and lints unless `quick`, then runs every test. The checks come first because
/// they fail sooner than the services start.
pub fn test(quick: bool, selection: &Selection) -> Result<()> {
    if !quick {
        check_format_and_lints()?;
    }
    run_tests(selection, &[])
}

/// Runs every test with the long suites whole.
pub fn soak(selection: &Selection) -> Result<()> {
    run_tests(selection, &[("GUILDHALL_SOAK", "1")])
}

fn check_format_and_lints() -> Result<()> {
    program::heading("Checking the format");
    program::run(workspace::cargo("fmt").args(["--all", "--check"]))?;
    program::heading("Checking the lints");
    let mut clippy = workspace::cargo("clippy");
    program::run(clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn run_tests(selection: &Selection, variables: &[(&str, &str)]) -> Result<()> {
    let plugins = plugins::build()?;
    let test_guests = plugins::build_test_guests()?;
    let setup = Setup::for_tests(selection.only_sqlite)?;
    program::heading("Running the tests");
    let mut tests = workspace::cargo("test");
    tests.arg("--workspace").arg("--").args(&selection.arguments);
    tests.envs(variables.iter().copied()).env(plugins::VARIABLE, plugins);
    // What a story that fails says would be lost above its backtrace where only the end of the output is kept.
    tests.env("RUST_BACKTRACE", "0");
    tests.envs(test_guests.map(|folder| (plugins::VARIABLE_OF_TEST_GUESTS, folder)));
    program::run(setup.apply(&mut tests))
}
