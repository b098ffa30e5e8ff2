//! A test run's hold on the services it uses: whatever ends the run, they are stopped after it.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{Service, Stop, services_folder, stop};
use crate::workspace;

/// While this lives, services that it starts run. Dropping it stops them, unless another run
/// uses them too or they were started by hand.
///
/// The stopping is done by a second process, the keeper, in a process group of its own. It waits
/// for the end of its standard input, which only this process holds open. So it does not matter
/// whether this process ends well, panics, is interrupted or is killed.
pub struct Run {
    keeper: Child,
    lifeline: Option<ChildStdin>,
}

impl Run {
    /// Begins a run. Nothing is started yet.
    pub fn begin() -> Result<Run> {
        let mut keeper = Command::new(std::env::current_exe()?)
            .args(["services", "keep"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("starting the keeper of services")?;
        let lifeline = keeper.stdin.take();
        let answer = keeper.stdout.take().context("the keeper has no output")?;
        let run = Run { keeper, lifeline };
        let mut line = String::new();
        BufReader::new(answer).read_line(&mut line)?;
        ensure!(line == "ready\n", "the keeper of services did not come up");
        Ok(run)
    }

    /// Makes sure that a service runs for as long as this run does, and returns its URL.
    pub fn start(&self, service: Service) -> Result<String> {
        super::start(service, false)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.lifeline = None;
        // The keeper reports its own failures; there is nothing to add here.
        let _ = self.keeper.wait();
    }
}

/// What the keeper does. It shares the lock `runs` with the keepers of other runs; who can have
/// it alone afterwards is the last.
pub fn keep() -> Result<()> {
    let runs = workspace::open_lock(&services_folder()?, "runs")?;
    runs.lock_shared().context("joining the other runs")?;
    println!("ready");
    io::stdin().read_to_end(&mut Vec::new())?;
    runs.unlock().context("leaving the other runs")?;
    if runs.try_lock().is_err() {
        return Ok(());
    }
    for &service in Service::ALL {
        stop(service, Stop::UnlessKept)?;
    }
    Ok(())
}
