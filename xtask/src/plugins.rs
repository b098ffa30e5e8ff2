//! `cargo xtask plugins`: builds the plugins that come with the server, and the tests' own.
//!
//! Each folder of `plugins/` with a `plugin.toml` is a crate of that folder's name. Cargo compiles
//! them all at once, for WebAssembly; each module becomes a component with its manifest and texts.

#[cfg(test)]
mod bundled;
mod component;
#[cfg(test)]
mod contract;
mod package;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{program, workspace};
use package::Package;
use toolchain::TARGET;

/// Tells the server, and the tests, which folder holds the plugins that come with it.
pub const VARIABLE: &str = "GUILDHALL_PLUGINS_BUNDLED";
/// Tells the tests which folder holds the plugins that are theirs alone.
pub const VARIABLE_OF_TEST_GUESTS: &str = "GUILDHALL_TEST_GUESTS";

/// The profile of the workspace for plugins.
const PROFILE: &str = "guest";

/// Builds the plugins that come with the server. Returns the folder that holds them, each as
/// `<id>.wasm`.
pub fn build() -> Result<PathBuf> {
    let folder = workspace::target()?.join("plugins");
    build_all(&workspace::root().join("plugins"), &folder)?;
    Ok(folder)
}

/// Builds the plugins that only tests use. Returns their folder, or nothing when there are none.
pub fn build_test_guests() -> Result<Option<PathBuf>> {
    let sources = workspace::root().join("tests").join("guests");
    let folder = workspace::target()?.join("test-guests");
    if !sources.is_dir() {
        return Ok(None);
    }
    build_all(&sources, &folder)?;
    Ok(Some(folder))
}

/// Builds all of them.
pub fn build_everything() -> Result<()> {
    build()?;
    build_test_guests().map(drop)
}

fn build_all(sources: &Path, folder: &Path) -> Result<()> {
    let packages = Package::all_in(sources)?;
    if packages.is_empty() {
        return Ok(fs::create_dir_all(folder)?);
    }
    let modules = workspace::target()?.join("guests");
    let _lock = workspace::lock(&modules)?;
    compile(&packages, &modules)?;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    for package in &packages {
        let module = modules.join(TARGET).join(PROFILE).join(package.module_name());
        component::write(package, &module, folder, &modules)?;
    }
    remove_others(folder, &packages)
}

/// Compiles the crates. Cargo knows which of them have changed.
fn compile(packages: &[Package], modules: &Path) -> Result<()> {
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    program::heading(&format!("Building the plugins {}", names.join(", ")));
    let mut cargo = toolchain::cargo_build()?;
    cargo.args(["--profile", PROFILE, "--target-dir"]).arg(modules);
    for name in names {
        cargo.args(["--package", name]);
    }
    program::run(&mut cargo)
}

/// Removes the components of plugins that are gone: whoever reads the folder takes all it holds.
fn remove_others(folder: &Path, packages: &[Package]) -> Result<()> {
    for file in fs::read_dir(folder)? {
        let file = file?.path();
        let is_ours = |package: &Package| file.file_stem().is_some_and(|stem| stem == package.id.as_str());
        if !packages.iter().any(is_ours) {
            fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
        }
    }
    Ok(())
}
