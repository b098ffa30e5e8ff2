//! A compiler for WebAssembly: rustup's, or else Debian's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{debian, program, workspace};

/// What plugins are compiled for: nothing is there but what the contract names.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The packages that hold a compiler which knows the target, and the library's sources.
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// Set to `debian` where rustup's servers are out of reach and trying them takes long.
const CHOICE: &str = "GUILDHALL_GUEST_TOOLCHAIN";

/// A `cargo build` for the target. Where rustup has the target, or can get it, that is all; else
/// Debian's compiler is unpacked under the target folder and builds the standard library too.
pub fn cargo_build() -> Result<Command> {
    let mut cargo = workspace::cargo("build");
    cargo.args(["--target", TARGET]).env_remove("RUSTFLAGS");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", remapped_paths()?.join("\x1f"));
    let folder = workspace::target()?.join("guests-toolchain");
    let wants_debian = std::env::var_os(CHOICE).is_some_and(|choice| choice == "debian");
    if !wants_debian && (has_target() || (!folder.is_dir() && add_target())) {
        return Ok(cargo);
    }
    if !folder.is_dir() {
        debian::unpack(&DEBIAN_PACKAGES, &folder)?;
    }
    use_debian(&mut cargo, &folder)?;
    Ok(cargo)
}

/// Panics name their files: where cargo keeps others' sources on this machine is nobody's business,
/// and would make the same sources other files elsewhere.
fn remapped_paths() -> Result<Vec<String>> {
    let home = std::env::home_dir().map(|home| home.join(".cargo"));
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home).context("finding cargo's home")?;
    let places = [(cargo_home.as_path(), "/cargo"), (workspace::root(), "/guildhall")];
    Ok(places.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect())
}

fn has_target() -> bool {
    let library = program::capture(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    library.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// Asks rustup for the target. Why it fails doesn't matter, since there is another way.
fn add_target() -> bool {
    program::heading(&format!("Adding the target {TARGET}"));
    program::answers("rustup", &["target", "add", TARGET]) && has_target()
}

/// Lets cargo use the compiler that was unpacked, its libraries, and the linker of the toolchain
/// that runs us.
fn use_debian(cargo: &mut Command, folder: &Path) -> Result<()> {
    let libraries = folder.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let linker = linker_folder()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(linker).chain(std::env::split_paths(&path)))?;
    cargo.arg("-Zbuild-std=std,panic_abort");
    cargo.env("RUSTC", folder.join("usr/bin/rustc")).env("LD_LIBRARY_PATH", libraries).env("PATH", path);
    // Building the standard library is an unstable feature of cargo.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    Ok(())
}

/// The folder of `rust-lld` in the toolchain at hand.
fn linker_folder() -> Result<PathBuf> {
    let sysroot = program::capture(Command::new("rustc").args(["--print", "sysroot"]))?;
    let version = program::capture(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc doesn't tell its host")?;
    let folder = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin");
    ensure!(folder.join("rust-lld").is_file(), "{} has no rust-lld", folder.display());
    Ok(folder)
}
