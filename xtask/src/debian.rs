//! Getting what is missing from the package manager of Debian and its kin.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{program, workspace};

/// Whether this machine has Debian's package manager.
fn is_here() -> bool {
    program::folder_in_path(&["apt-get", "dpkg"]).is_some()
}

/// Installs packages, for everybody on this machine. Only root can do that, and only on Debian;
/// elsewhere the error names what the reader has to install.
pub fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" and ");
    if !(is_here() && program::is_root()) {
        bail!("{names} must be installed first");
    }
    program::heading(&format!("Installing {names}"));
    program::capture(&mut apt_get("update"))?;
    program::capture(apt_get("install").args(["--yes", "--no-install-recommends"]).args(packages))?;
    Ok(())
}

/// Unpacks packages, and all of their dependencies that are not installed, into a folder. This
/// needs no rights and changes nothing outside that folder.
pub fn unpack(packages: &[&str], folder: &Path) -> Result<()> {
    let names = packages.join(" and ");
    ensure!(is_here(), "{names} must be installed first");
    program::heading(&format!("Unpacking {names} into {}", folder.display()));
    let mut simulate = apt_get("install");
    simulate.args(["--simulate", "--no-install-recommends"]).args(packages);
    let simulation = program::capture(&mut simulate)?;
    let archives = tempfile::tempdir().context("making a folder for packages")?;
    let mut download = apt_get("download");
    program::capture(download.args(new_packages(&simulation)).current_dir(&archives))?;
    // Whoever finds the folder under its name shall find it whole.
    let unfinished = folder.with_extension("unfinished");
    workspace::remove_folder(&unfinished)?;
    for archive in fs::read_dir(&archives)? {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("--extract").arg(archive?.path()).arg(&unfinished);
        program::capture(&mut dpkg)?;
    }
    fs::rename(&unfinished, folder).with_context(|| format!("finishing {}", folder.display()))
}

fn apt_get(subcommand: &str) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").arg(subcommand).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The packages that a simulated installation would bring: lines such as
/// `Inst libpq5 (15.13-0+deb12u1 Debian:12 [amd64])`.
fn new_packages(simulation: &str) -> Vec<&str> {
    simulation.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_tells_the_packages_it_would_install() {
        let simulation = "Reading package lists...\n\
            The following NEW packages will be installed:\n  libpq5 postgresql-15\n\
            Inst libpq5 (15.13-0+deb12u1 Debian:12 [amd64])\n\
            Inst libssl3 [3.0.15] (3.0.16 Debian:12 [amd64])\n\
            Conf libpq5 (15.13-0+deb12u1 Debian:12 [amd64])\n";
        assert_eq!(new_packages(simulation), ["libpq5", "libssl3"]);
    }
}
