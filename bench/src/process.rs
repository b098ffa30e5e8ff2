//! Programs under test as child processes, and what the kernel knows of their time and memory.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::Bench;

/// Linux reports processor time to programs in hundredths of a second on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// How long a program may take until it answers; a server may first have to look through millions of rows.
const PATIENCE: Duration = Duration::from_secs(60);

/// A child process that ends when this value does.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`. Its complaints are shown and its other words are not, for the table is printed there.
    pub fn spawn(command: &mut Command) -> Result<Process> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Ok(Process { child: child.with_context(|| format!("starting {}", command.get_program().display()))? })
    }

    /// Asks `is_ready` each millisecond until it says yes, and takes an ended process for a failure.
    pub fn wait_until(&mut self, is_ready: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("a program under test ended before it was ready: {status}");
            }
            if Instant::now() > deadline {
                bail!("a program under test wasn't ready after {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Asks the process to end, and waits until it has.
    pub fn terminate(&mut self) -> Result<()> {
        if let Some(process) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        }
        self.child.wait().map(drop).context("a program under test doesn't end")
    }

    /// The processor time that the process has used in all its threads.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.child.id().to_string())
    }

    /// The memory that the process holds resident, in bytes.
    pub fn resident(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most that it ever held resident, in bytes.
    pub fn peak_resident(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has already ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program under test that listens; it ends and its data goes with this value.
pub struct Listening {
    pub process: Process,
    pub address: SocketAddr,
    pub data: TempDir,
    /// How long it took from its start until it answered.
    pub ready_after: Duration,
}

impl Listening {
    /// Starts what `command` makes of an address and a folder, and waits until it accepts connections.
    pub fn start(bench: &Bench, command: impl FnOnce(SocketAddr, &Path) -> Result<Command>) -> Result<Listening> {
        let data = tempfile::tempdir_in(&bench.scratch)?;
        let address = free_address()?;
        Listening::start_on(data, address, command, || TcpStream::connect(address).is_ok())
    }

    /// The same on what `data` holds already, once the program says that it is ready.
    pub fn start_on(
        data: TempDir,
        address: SocketAddr,
        command: impl FnOnce(SocketAddr, &Path) -> Result<Command>,
        is_ready: impl Fn() -> bool,
    ) -> Result<Listening> {
        let mut command = command(address, data.path())?;
        let started = Instant::now();
        let mut process = Process::spawn(&mut command)?;
        process.wait_until(is_ready)?;
        Ok(Listening { process, address, data, ready_after: started.elapsed() })
    }
}

impl Listening {
    /// Ends the program; what it kept stays.
    pub fn end(self) -> Result<TempDir> {
        let Listening { mut process, data, .. } = self;
        process.terminate()?;
        Ok(data)
    }
}

/// The processor time that this process has used so far.
pub fn own_cpu() -> Result<Duration> {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    ticks(&stat).map(|ticks| TICK * ticks).with_context(|| format!("no processor time in {stat:?}"))
}

/// User and system time, the 14th and 15th fields. The second is a name that may hold anything, even spaces and
/// parentheses, so the count begins after the last of these.
fn ticks(stat: &str) -> Option<u32> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Lets this process open as many files as its administrator allows: each socket is one.
pub fn raise_open_files() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("raising the limit of open files")
}

/// An address on this machine alone, at a port that nobody listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_are_found_behind_an_odd_name() {
        let stat = "12 (a) b (c)) S 1 12 12 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 100 0 0";
        assert_eq!(ticks(stat), Some(12));
    }
}
