//! What people would pick instead of Guildhall, each the same small chat written as its documentation advises.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::Bench;
use crate::process::Listening;

/// The name of the file that a peer keeps its messages in.
pub const DATABASE: &str = "peer.db";
/// People that a peer knows.
pub const PEOPLE: usize = 5_000;

/// A chat on another foundation, installed on this machine.
pub struct Peer {
    pub name: &'static str,
    program: PathBuf,
    /// The program's source, and where it finds its packages if it must be told.
    source: PathBuf,
    packages: Option<PathBuf>,
}

/// Those that `cargo xtask bench` has installed: it says where by these variables.
pub fn installed() -> Vec<Peer> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let node = path("GUILDHALL_BENCH_NODE_DIR").map(|folder| Peer {
        name: "Node",
        program: "node".into(),
        source: sources.join("node/server.js"),
        packages: Some(folder.join("node_modules")),
    });
    let flask = path("GUILDHALL_BENCH_PYTHON").map(|interpreter| Peer {
        name: "Flask",
        program: interpreter,
        source: sources.join("flask/server.py"),
        packages: None,
    });
    node.into_iter().chain(flask).collect()
}

/// Those that are installed, and what runs them, in one line.
pub fn describe() -> Result<String> {
    let describe = |peer: &Peer| -> Result<String> {
        let output = Command::new(&peer.program).arg("--version").output()?;
        Ok(format!("{} ({})", peer.name, String::from_utf8_lossy(&output.stdout).trim()))
    };
    let peers = installed().iter().map(describe).collect::<Result<Vec<_>>>()?;
    Ok(if peers.is_empty() { "none is installed".to_owned() } else { peers.join(", ") })
}

/// The token of one of the people.
pub fn token(person: usize) -> String {
    format!("token-of-person-{person:05}")
}

impl Peer {
    /// Starts it on an empty database with all the people.
    pub fn start(&self, bench: &Bench) -> Result<Listening> {
        Listening::start(bench, |address: SocketAddr, data: &Path| {
            let mut command = Command::new(&self.program);
            command.arg(&self.source).arg(address.port().to_string()).arg(data.join(DATABASE)).arg(PEOPLE.to_string());
            command.envs(self.packages.as_ref().map(|packages| ("NODE_PATH", packages)));
            command.env("NODE_ENV", "production");
            Ok(command)
        })
    }
}
