//! Node packages and Python environments: the real clients that tests let talk to the server, and the
//! servers that the benchmark sets beside it.
//!
//! What to install is written beside the sources that need it; it is installed under the target
//! directory, so that the source tree stays clean, and again only when those files change.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{debian, program, workspace};

/// Who needs packages.
#[derive(Clone, Copy)]
pub enum Purpose {
    Tests,
    Benchmarks,
}

impl Purpose {
    /// Where it says which Node packages it needs.
    fn node_sources(self) -> PathBuf {
        match self {
            Purpose::Tests => workspace::root().join("tests").join("clients"),
            Purpose::Benchmarks => workspace::root().join("bench").join("peers").join("node"),
        }
    }

    /// Where it says which Python packages it needs.
    fn python_sources(self) -> PathBuf {
        match self {
            Purpose::Tests => workspace::root().join("tests").join("clients"),
            Purpose::Benchmarks => workspace::root().join("bench").join("peers").join("flask"),
        }
    }

    /// A folder to install into, and a lock that keeps another run from doing the same.
    fn workshop(self, name: &str) -> Result<(fs::File, PathBuf)> {
        let target = workspace::target()?;
        let workshop = match self {
            Purpose::Tests => target.join("clients"),
            Purpose::Benchmarks => target.join("bench").join("peers"),
        };
        Ok((workspace::lock(&workshop)?, workshop.join(name)))
    }
}

/// Installs the Node packages. Returns the folder that holds `node_modules`, or nothing when none
/// are needed.
pub fn node(purpose: Purpose) -> Result<Option<PathBuf>> {
    let sources = purpose.node_sources();
    let Some(manifest) = read_source(&sources, "package.json")? else {
        return Ok(None);
    };
    let lock = read_source(&sources, "package-lock.json")?.context("package-lock.json is missing")?;
    let (_lock, folder) = purpose.workshop("node")?;
    let wanted = format!("{manifest}{lock}");
    if is_installed(&folder, &wanted) {
        return Ok(Some(folder));
    }
    if !(program::answers("node", &["--version"]) && program::answers("npm", &["--version"])) {
        debian::install(&["nodejs", "npm"])?;
    }
    program::heading("Installing the Node packages");
    empty(&folder)?;
    fs::write(folder.join("package.json"), manifest)?;
    fs::write(folder.join("package-lock.json"), lock)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
    program::capture(&mut npm)?;
    mark_installed(&folder, &wanted)?;
    Ok(Some(folder))
}

/// Makes the virtual environment. Returns its interpreter, or nothing when no packages are needed.
pub fn python(purpose: Purpose) -> Result<Option<PathBuf>> {
    let sources = purpose.python_sources();
    let Some(wanted) = read_source(&sources, "requirements.txt")? else {
        return Ok(None);
    };
    let (_lock, folder) = purpose.workshop("venv")?;
    let interpreter = folder.join("bin").join("python");
    // An upgrade of the system's Python can leave the environment's link dangling.
    if is_installed(&folder, &wanted) && interpreter.exists() {
        return Ok(Some(interpreter));
    }
    // Debian packs the two modules apart from the interpreter.
    if !program::answers("python3", &["-c", "import ensurepip, venv"]) {
        debian::install(&["python3", "python3-venv"])?;
    }
    program::heading("Installing the Python packages");
    empty(&folder)?;
    program::capture(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    program::capture(pip.arg(sources.join("requirements.txt")))?;
    mark_installed(&folder, &wanted)?;
    Ok(Some(interpreter))
}

/// The text of a file that says what to install, or nothing when there is no such file.
fn read_source(sources: &Path, name: &str) -> Result<Option<String>> {
    let path = sources.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
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
