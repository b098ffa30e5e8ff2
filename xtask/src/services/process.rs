//! One server process: started in a process group of its own, recognised by a lock that it
//! holds, stopped by its own pid.

use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::state::State;
use crate::program;

const TIME_TO_STOP: Duration = Duration::from_secs(30);
const TIME_TO_OBEY: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
const LINES_OF_THE_LOG: usize = 20;

/// Where a service's output goes.
pub fn log_file(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// The last lines that a service wrote.
pub fn end_of_log(folder: &Path) -> String {
    let log = fs::read(log_file(folder)).unwrap_or_default();
    program::last_lines(&String::from_utf8_lossy(&log), LINES_OF_THE_LOG)
}

/// Starts a service and returns its pid. The own process group keeps a Ctrl-C at the terminal
/// from it.
///
/// The service inherits its log locked, and with it the lock: the lock is held exactly as long
/// as one of its processes lives. A pid alone would not do to recognise the service later,
/// because the system may have given it to somebody else.
pub fn spawn(mut command: Command, folder: &Path) -> Result<u32> {
    let path = log_file(folder);
    let log = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    log.lock().context("locking the log")?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    let child = command.spawn().context("starting the process")?;
    // `command` is consumed, so that no handle on the lock stays with this process.
    Ok(child.id())
}

/// Whether the service runs: one of its processes lives, and it is not merely a straggler.
pub fn is_alive(state: &State) -> bool {
    let exists = pid(state).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH));
    exists && is_in_use(&state.folder)
}

/// Whether any process of the service in this folder lives. Asking takes a shared lock, so that
/// two who ask at once do not take each other for the service.
pub fn is_in_use(folder: &Path) -> bool {
    let Ok(log) = File::open(log_file(folder)) else {
        return false;
    };
    matches!(log.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Ends a service, if it is alive, and waits until all of its processes are gone. SIGINT means
/// a quick and orderly end to every server we know; a program that was started by a shell in the
/// background may ignore it, and is then told otherwise.
pub fn stop(state: &State) -> Result<()> {
    for signal in [Signal::INT, Signal::TERM] {
        let Some(pid) = pid(state).filter(|_| is_alive(state)) else { break };
        match kill_process(pid, signal) {
            // Or it has ended by itself in this very moment.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => bail!("process {} cannot be signalled: {error}", state.pid),
        }
        if wait_until(TIME_TO_OBEY, || !is_in_use(&state.folder)) {
            return Ok(());
        }
    }
    wait_for_stragglers(&state.folder)
}

/// Waits until nothing uses the folder any more. A server that was killed leaves children which
/// need a moment to notice.
pub fn wait_for_stragglers(folder: &Path) -> Result<()> {
    let free = wait_until(TIME_TO_STOP, || !is_in_use(folder));
    ensure!(free, "after {TIME_TO_STOP:?} a process still uses {}", folder.display());
    Ok(())
}

/// Looks again and again until the condition holds, and returns whether it came to hold.
pub fn wait_until(limit: Duration, condition: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if condition() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    condition()
}

/// Whether every account may enter this folder and all folders above it.
pub fn everybody_can_reach(folder: &Path) -> Result<bool> {
    const OTHERS_MAY_ENTER: u32 = 0o001;
    for folder in folder.canonicalize()?.ancestors() {
        if folder.metadata()?.mode() & OTHERS_MAY_ENTER == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn pid(state: &State) -> Option<Pid> {
    Pid::from_raw(state.pid.try_into().ok()?)
}

/// A password that nobody guesses.
pub fn generate_password() -> Result<String> {
    let mut bytes = [0; 16];
    let mut source = fs::File::open("/dev/urandom").context("opening /dev/urandom")?;
    std::io::Read::read_exact(&mut source, &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A port of this machine that nobody listens on.
pub fn find_free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn start(script: &str, folder: &Path) -> State {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let pid = spawn(command, folder).unwrap();
        State { pid, kept: false, url: String::new(), folder: folder.to_owned() }
    }

    #[test]
    fn a_service_is_alive_from_start_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let state = start("echo hello; exec sleep 60", folder.path());
        assert!(wait_until(TIME_TO_STOP, || end_of_log(folder.path()) == "hello"));
        assert!(is_alive(&state));
        stop(&state).unwrap();
        assert!(!is_alive(&state));
    }

    #[test]
    fn a_living_process_without_the_lock_is_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = start("true", folder.path());
        wait_for_stragglers(folder.path()).unwrap();
        state.pid = std::process::id();
        assert!(!is_alive(&state));
    }

    #[test]
    fn a_closed_folder_closes_everything_below() {
        let closed = tempfile::tempdir().unwrap();
        let below = closed.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!everybody_can_reach(&below).unwrap());
        assert!(everybody_can_reach(Path::new("/")).unwrap());
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let [one, other] = [(); 2].map(|()| generate_password().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
