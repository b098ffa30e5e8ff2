//! Everything that tests and benchmarks need around them, and what of it could not be had.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Error, Result};

use crate::clients::{self, Purpose};
use crate::program;
use crate::services::{self, Run, Service};

/// What was prepared. Services that were started for it stop when it is dropped.
pub struct Setup {
    variables: Vec<(&'static str, OsString)>,
    missing: Vec<Missing>,
    _run: Option<Run>,
}

/// Something that tests would use and that is not there.
struct Missing {
    name: &'static str,
    variable: &'static str,
}

impl Setup {
    /// Services and clients.
    pub fn for_tests(only_sqlite: bool) -> Result<Setup> {
        let mut setup = Setup::with(Service::ALL, only_sqlite)?;
        let [node, python] = [clients::node(Purpose::Tests), clients::python(Purpose::Tests)];
        setup.add("node", "tests with Node clients", "GUILDHALL_TEST_NODE_DIR", node)?;
        setup.add("python", "tests with Python clients", "GUILDHALL_TEST_PYTHON", python)?;
        Ok(setup)
    }

    /// The database, and the servers that people would pick instead.
    pub fn for_benchmarks(only_sqlite: bool) -> Result<Setup> {
        let mut setup = Setup::with(&[Service::Postgres], only_sqlite)?;
        let [node, python] = [clients::node(Purpose::Benchmarks), clients::python(Purpose::Benchmarks)];
        setup.add("node", "the comparison with Node", "GUILDHALL_BENCH_NODE_DIR", node)?;
        setup.add("python", "the comparison with Flask", "GUILDHALL_BENCH_PYTHON", python)?;
        if !only_sqlite {
            setup.variables.extend(services::variables_for_benchmarks()?);
        }
        Ok(setup)
    }

    fn with(services: &[Service], only_sqlite: bool) -> Result<Setup> {
        let mut setup = Setup { variables: Vec::new(), missing: Vec::new(), _run: None };
        if only_sqlite {
            // Asked for, so it is no failure, not even where nothing may be missing.
            for service in services {
                setup.skip(service.name(), service.variable());
                program::say(&format!("skipped: all on {}, because --only-sqlite was given", service.title()));
            }
            return Ok(setup);
        }
        let run = Run::begin()?;
        for &service in services {
            let what = format!("all on {}", service.title());
            let url = run.start(service).map(Some);
            setup.add(service.name(), &what, service.variable(), url)?;
        }
        setup._run = Some(run);
        Ok(setup)
    }

    /// Tells a command where everything is and what is missing.
    pub fn apply<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        for missing in &self.missing {
            command.env_remove(missing.variable);
        }
        if self.missing.is_empty() {
            return command.env_remove("GUILDHALL_TEST_SKIP");
        }
        let names: Vec<&str> = self.missing.iter().map(|missing| missing.name).collect();
        command.env("GUILDHALL_TEST_SKIP", names.join(","))
    }

    /// Notes one thing under the variable by which it is found. `None` means that nobody asks for
    /// it; a failure is passed on where nothing may be missing.
    fn add<V: Into<OsString>>(
        &mut self,
        name: &'static str,
        what: &str,
        variable: &'static str,
        outcome: Result<Option<V>>,
    ) -> Result<()> {
        match outcome {
            Ok(Some(value)) => self.variables.push((variable, value.into())),
            Ok(None) => {}
            Err(why) if nothing_may_be_missing() => {
                return Err(why.context(format!("{what} must not be skipped when CI=true")));
            }
            Err(why) => {
                self.skip(name, variable);
                program::say(&format!("skipped: {what}, because {}", in_one_line(&why)));
            }
        }
        Ok(())
    }

    fn skip(&mut self, name: &'static str, variable: &'static str) {
        self.missing.push(Missing { name, variable });
    }
}

/// Continuous integration must not pass because half of it was quietly left out.
fn nothing_may_be_missing() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

fn in_one_line(error: &Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_reason_fits_on_one_line() {
        let error = Error::msg("line one\n  line two").context("starting");
        assert_eq!(in_one_line(&error), "starting: line one line two");
    }

    #[test]
    fn a_command_learns_what_is_there_and_what_is_missing() {
        let mut setup =
            Setup { variables: vec![("GUILDHALL_TEST_PYTHON", "python".into())], missing: Vec::new(), _run: None };
        setup.skip("postgres", "GUILDHALL_TEST_POSTGRES_URL");
        setup.skip("node", "GUILDHALL_TEST_NODE_DIR");
        let mut command = Command::new("true");
        let told: Vec<_> = setup.apply(&mut command).get_envs().collect();
        assert!(told.contains(&(OsStr::new("GUILDHALL_TEST_SKIP"), Some(OsStr::new("postgres,node")))));
        assert!(told.contains(&(OsStr::new("GUILDHALL_TEST_PYTHON"), Some(OsStr::new("python")))));
        assert!(told.contains(&(OsStr::new("GUILDHALL_TEST_POSTGRES_URL"), None)));
    }
}
