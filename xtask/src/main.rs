//! The build glue of the project: `cargo xtask serve | test | soak | bench | plugins | services`.

mod clients;
mod debian;
mod plugins;
mod program;
mod serve;
mod services;
mod setup;
mod test;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Builds, runs and tests Guildhall")]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the server with optimisations and run it in the foreground
    Serve {
        /// Arguments for `guildhall serve`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Bring up everything that tests need, then check format and lints and run every test
    Test {
        /// Skip the checks of format and lints
        #[arg(long)]
        quick: bool,
        #[command(flatten)]
        selection: test::Selection,
    },
    /// Run the tests with their long suites whole
    Soak {
        #[command(flatten)]
        selection: test::Selection,
    },
    /// Run the benchmarks against an optimised server
    Bench {
        /// Arguments for the load generator; `--only-sqlite` also leaves PostgreSQL alone
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Build the plugins that come with the server
    Plugins,
    /// Start, stop or show the servers that tests need
    Services {
        #[command(subcommand)]
        action: services::Action,
    },
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().task {
        Task::Serve { arguments } => serve::serve(&arguments),
        Task::Test { quick, selection } => test::test(quick, &selection),
        Task::Soak { selection } => test::soak(&selection),
        Task::Bench { arguments } => serve::bench(&arguments),
        Task::Plugins => plugins::build_everything(),
        Task::Services { action } => services::perform(action),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            program::say(&format!("error: {error}"));
            for cause in error.chain().skip(1) {
                program::say(&format!("  because: {cause}"));
            }
            ExitCode::FAILURE
        }
    }
}
