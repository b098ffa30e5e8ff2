//! NATS for tests: a server of its own, on a free port of this machine only.

use std::fs::{self, Permissions};
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Launch, process, services_folder};
use crate::{debian, program};

const PROGRAM: &str = "nats-server";
const USER: &str = "guildhall";
/// How long a server that listens may take to greet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes a configuration into an empty folder, installing NATS if need be.
pub fn prepare(folder: &Path) -> Result<Launch> {
    let program = find_or_install()?;
    let (password, port) = (process::generate_password()?, process::find_free_port()?);
    let configuration = folder.join("nats.conf");
    fs::write(&configuration, configure(port, &password))?;
    fs::set_permissions(&configuration, Permissions::from_mode(0o600))?;
    fs::write(port_file(folder), port.to_string())?;
    let mut command = Command::new(program);
    command.arg("--config").arg(&configuration).current_dir(folder);
    Ok(Launch { command, url: format!("nats://{USER}:{password}@127.0.0.1:{port}") })
}

/// NATS greets whoever connects as soon as it serves.
pub fn is_ready(folder: &Path) -> bool {
    let greets = || {
        let port: u16 = fs::read_to_string(port_file(folder)).ok()?.parse().ok()?;
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut greeting = [0; 5];
        stream.read_exact(&mut greeting).ok()?;
        Some(&greeting == b"INFO ")
    };
    greets() == Some(true)
}

fn port_file(folder: &Path) -> PathBuf {
    folder.join("port")
}

/// Asks for a password although only this machine can connect, as in production.
fn configure(port: u16, password: &str) -> String {
    format!("listen: \"127.0.0.1:{port}\"\nauthorization {{\n  user: \"{USER}\"\n  password: \"{password}\"\n}}\n")
}

/// Finds NATS, or gets it: as root for the whole machine, else for this folder alone.
fn find_or_install() -> Result<PathBuf> {
    let private = services_folder()?.join("debian-nats");
    if let Some(program) = find(&private) {
        return Ok(program);
    }
    if program::is_root() {
        debian::install(&[PROGRAM])?;
    } else {
        debian::unpack(&[PROGRAM], &private)?;
    }
    find(&private).context("it was installed, but its program is not there")
}

fn find(private: &Path) -> Option<PathBuf> {
    // Debian keeps it where only root's path looks.
    let below = |root: &Path| {
        let folders = ["usr/sbin", "usr/bin"].into_iter().map(|folder| root.join(folder).join(PROGRAM));
        folders.into_iter().find(|program| program.is_file())
    };
    let in_path = program::folder_in_path(&[PROGRAM]).map(|folder| folder.join(PROGRAM));
    in_path.or_else(|| below(Path::new("/"))).or_else(|| below(private))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_to_this_machine_alone_and_asks_for_a_password() {
        let text = configure(4_222, "abc");
        assert!(text.contains("\"127.0.0.1:4222\"") && text.contains("password: \"abc\""));
    }
}
