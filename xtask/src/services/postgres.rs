//! PostgreSQL for tests: a scratch cluster of its own, on a free port of this machine only.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Launch, process, services_folder};
use crate::{debian, program};

const USER: &str = "guildhall";

/// Durability as in production, so that tests meet what users will; connections for many tests
/// at once; no door but the one port. Just-in-time compilation only slows small queries down.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "synchronous_commit=on",
    "max_connections=300",
    "jit=off",
    "logging_collector=off",
];

/// Makes a cluster in an empty folder, installing PostgreSQL if need be.
pub fn prepare(folder: &Path) -> Result<Launch> {
    let installation = Installation::find_or_install()?;
    let account = Account::for_server()?;
    let password = process::generate_password()?;
    initialise(&installation, account, folder, &password)?;
    let port = process::find_free_port()?;
    let mut command = installation.command("postgres", account, folder);
    command.arg("-D").arg(data(folder)).args(["-c", &format!("port={port}")]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    let url = format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres");
    Ok(Launch { command, url })
}

/// Where PostgreSQL's programs are and the libraries they need, under the variables by which the
/// benchmark finds them; nothing where its own search must do.
pub fn variables_for_benchmarks() -> Result<Vec<(&'static str, OsString)>> {
    let Some(Installation { programs, libraries }) = Installation::find(&services_folder()?.join("debian")) else {
        return Ok(Vec::new());
    };
    let libraries = libraries.map(|libraries| ("GUILDHALL_BENCH_POSTGRES_LIBRARIES", libraries));
    Ok(libraries.into_iter().chain([("GUILDHALL_BENCH_POSTGRES_PROGRAMS", programs.into())]).collect())
}

/// PostgreSQL answers connections before it serves them; only its own note says which.
pub fn is_ready(folder: &Path) -> bool {
    fs::read_to_string(data(folder).join("postmaster.pid")).is_ok_and(|note| says_ready(&note))
}

/// The status stands on the eighth line of the note, padded with spaces.
fn says_ready(note: &str) -> bool {
    note.lines().nth(7).is_some_and(|status| status.trim() == "ready")
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Asks for a password although only this machine can connect, because a superuser of the
/// cluster can run programs as us. It goes over the loopback in the clear: deriving a key for
/// each connection would take an unoptimised test longer than its queries.
fn initialise(installation: &Installation, account: Option<Account>, folder: &Path, password: &str) -> Result<()> {
    let password_file = folder.join("password");
    fs::write(&password_file, password)?;
    if let Some(Account { user, group }) = account {
        for path in [folder, &password_file] {
            chown(path, Some(user), Some(group)).with_context(|| format!("giving away {}", path.display()))?;
        }
    }
    let mut initdb = installation.command("initdb", account, folder);
    initdb.arg("--pgdata").arg(data(folder)).arg("--pwfile").arg(&password_file);
    initdb.args(["--username", USER, "--auth", "password"]);
    initdb.args(["--encoding", "UTF8", "--locale", "C", "--no-sync"]);
    program::capture(&mut initdb)?;
    fs::remove_file(&password_file).context("removing the password file")
}

/// The account to run as, where we are root: PostgreSQL refuses to be root.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    fn for_server() -> Result<Option<Account>> {
        if !program::is_root() {
            return Ok(None);
        }
        let account = ["postgres", "nobody"].into_iter().find_map(|name| Account::named(name).ok());
        account.context("there is no account but root to run PostgreSQL as").map(Some)
    }

    fn named(name: &str) -> Result<Account> {
        let ask = |what: &str| -> Result<u32> {
            Ok(program::capture(Command::new("id").args([what, name]))?.trim().parse()?)
        };
        Ok(Account { user: ask("-u")?, group: ask("-g")? })
    }
}

/// A folder with PostgreSQL's programs, and where they find libraries besides the system's.
struct Installation {
    programs: PathBuf,
    libraries: Option<OsString>,
}

impl Installation {
    /// Finds PostgreSQL, or gets it: as root for the whole machine, else for this folder alone.
    fn find_or_install() -> Result<Installation> {
        let private = services_folder()?.join("debian");
        if let Some(installation) = Installation::find(&private) {
            return Ok(installation);
        }
        if program::is_root() {
            debian::install(&["postgresql"])?;
        } else {
            debian::unpack(&["postgresql"], &private)?;
        }
        Installation::find(&private).context("it was installed, but its programs are not there")
    }

    fn find(private: &Path) -> Option<Installation> {
        let system = || {
            program::folder_in_path(&["initdb", "postgres"])
                .or_else(|| newest_programs(Path::new("/")))
                .map(|programs| Installation { programs, libraries: None })
        };
        let unpacked = || {
            let programs = newest_programs(private)?;
            Some(Installation { programs, libraries: library_path(private) })
        };
        system().or_else(unpacked)
    }

    /// A command of this installation, run under an account if one is given. It starts in the
    /// scratch folder, because our own working directory may be closed to that account.
    fn command(&self, name: &str, account: Option<Account>, folder: &Path) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(folder);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(Account { user, group }) = account {
            // With the user id the standard library drops root's supplementary groups too.
            command.uid(user).gid(group);
        }
        command
    }
}

/// The programs of the newest PostgreSQL that Debian's packages put under a root folder.
fn newest_programs(root: &Path) -> Option<PathBuf> {
    let versions = root.join("usr/lib/postgresql");
    let names = fs::read_dir(&versions).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let complete = entry.path().join("bin/initdb").is_file();
        complete.then(|| entry.file_name().to_string_lossy().into_owned())
    });
    Some(versions.join(newest_version(names)?).join("bin"))
}

/// The highest of the names that are versions, compared number by number: 9.6 is before 15.
fn newest_version(names: impl IntoIterator<Item = String>) -> Option<String> {
    names
        .into_iter()
        .filter_map(|name| {
            let numbers: Option<Vec<u32>> = name.split('.').map(|number| number.parse().ok()).collect();
            Some((numbers?, name))
        })
        .max()
        .map(|(_, name)| name)
}

/// The folders of libraries under a root folder, such as `usr/lib/x86_64-linux-gnu`.
fn library_path(root: &Path) -> Option<OsString> {
    let folders = ["usr/lib", "lib"]
        .into_iter()
        .filter_map(|parent| fs::read_dir(root.join(parent)).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains("-linux-"));
    std::env::join_paths(folders).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(names: &[&str]) -> Option<String> {
        newest_version(names.iter().map(|&name| name.to_owned()))
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(newest(&["9.6", "15", "9.10"]).as_deref(), Some("15"));
        assert_eq!(newest(&["9.6", "9.10"]).as_deref(), Some("9.10"));
        assert_eq!(newest(&["common", "14"]).as_deref(), Some("14"));
        assert_eq!(newest(&["common", ""]), None);
    }

    #[test]
    fn only_the_eighth_line_of_the_note_says_ready() {
        let note = |status| format!("1\n/data\n1700000000\n5433\n\n127.0.0.1\n  1 2\n{status}\n");
        assert!(says_ready(&note("ready   ")));
        assert!(!says_ready(&note("starting")));
        assert!(!says_ready("1\n/data\n"));
    }
}
