//! Where things are: the source tree, the target directory, the server's binary, and cargo itself.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The folder that holds the workspace's `Cargo.toml`.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The target directory, found from the place of this very program: whichever variable or
/// configuration moved it, cargo has put this program two folders below it.
pub fn target() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program's own file")?;
    let target = program.ancestors().nth(2).context("this program lies outside a target folder")?;
    Ok(target.to_path_buf())
}

/// The optimised server, as [`build_server`](crate::serve::build_server) leaves it.
pub fn server() -> Result<PathBuf> {
    Ok(target()?.join("release").join("guildhall"))
}

/// A cargo command on this workspace. The working directory stays the caller's, because a
/// relative `CARGO_TARGET_DIR` is relative to that.
pub fn cargo(subcommand: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(subcommand).arg("--manifest-path").arg(root().join("Cargo.toml"));
    cargo
}

/// Waits until nobody else works on `folder`, which is created, and keeps others away from it
/// until the returned file is dropped.
pub fn lock(folder: &Path) -> Result<File> {
    let lock = open_lock(folder, "lock")?;
    lock.lock().with_context(|| format!("locking {}", folder.display()))?;
    Ok(lock)
}

/// Opens a lock file in `folder`, creating both.
pub fn open_lock(folder: &Path, name: &str) -> Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let path = folder.join(name);
    File::create(&path).with_context(|| format!("opening {}", path.display()))
}

/// Removes a folder and everything in it, if it is there.
pub fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}
