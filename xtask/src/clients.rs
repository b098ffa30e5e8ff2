//! The real clients that tests let talk to the server: Node packages and a Python environment.
//!
//! What to install is written in `tests/clients`; it is installed under the target directory,
//! so that the source tree stays clean, and again only when those files change.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{debian, program, workspace};

/// Installs the Node packages. Returns the folder that holds `node_modules`, or nothing when no
/// test has a Node client.
pub fn node() -> Result<Option<PathBuf>> {
    let Some(manifest) = read_source("package.json")? else {
        return Ok(None);
    };
    let lock = read_source("package-lock.json")?.context("package-lock.json is missing")?;
    let (_lock, folder) = workshop("node")?;
    let wanted = format!("{manifest}{lock}");
    if is_installed(&folder, &wanted) {
        return Ok(Some(folder));
    }
    if !(program::answers("node", &["--version"]) && program::answers("npm", &["--version"])) {
        debian::install(&["nodejs", "npm"])?;
    }
    program::heading("Installing the Node clients");
    empty(&folder)?;
    fs::write(folder.join("package.json"), manifest)?;
    fs::write(folder.join("package-lock.json"), lock)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
    program::capture(&mut npm)?;
    mark_installed(&folder, &wanted)?;
    Ok(Some(folder))
}

/// Makes the virtual environment. Returns its interpreter, or nothing when no test has a Python
/// client.
pub fn python() -> Result<Option<PathBuf>> {
    let Some(wanted) = read_source("requirements.txt")? else {
        return Ok(None);
    };
    let (_lock, folder) = workshop("venv")?;
    let interpreter = folder.join("bin").join("python");
    // An upgrade of the system's Python can leave the environment's link dangling.
    if is_installed(&folder, &wanted) && interpreter.exists() {
        return Ok(Some(interpreter));
    }
    // Debian packs the two modules apart from the interpreter.
    if !program::answers("python3", &["-c", "import ensurepip, venv"]) {
        debian::install(&["python3", "python3-venv"])?;
    }
    program::heading("Installing the Python clients");
    empty(&folder)?;
    program::capture(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    program::capture(pip.arg(sources().join("requirements.txt")))?;
    mark_installed(&folder, &wanted)?;
    Ok(Some(interpreter))
}

fn sources() -> PathBuf {
    workspace::root().join("tests").join("clients")
}

/// The text of a file that says what to install, or nothing when there is no such file.
fn read_source(name: &str) -> Result<Option<String>> {
    let path = sources().join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// A folder to install into, and a lock that keeps another test run from doing the same.
fn workshop(name: &str) -> Result<(fs::File, PathBuf)> {
    let clients = workspace::target()?.join("clients");
    Ok((workspace::lock(&clients)?, clients.join(name)))
}

fn empty(folder: &Path) -> Result<()> {
    workspace::remove_folder(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))
}

/// Whether an installation came to its end, and of exactly this.
fn is_installed(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(marker(folder)).is_ok_and(|installed| installed == wanted)
}

fn mark_installed(folder: &Path, wanted: &str) -> Result<()> {
    Ok(fs::write(marker(folder), wanted)?)
}

fn marker(folder: &Path) -> PathBuf {
    folder.join("installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_counts_only_when_finished_and_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_installed(folder.path(), "socket.io 4"));
        mark_installed(folder.path(), "socket.io 4").unwrap();
        assert!(is_installed(folder.path(), "socket.io 4"));
        assert!(!is_installed(folder.path(), "socket.io 5"));
    }
}
