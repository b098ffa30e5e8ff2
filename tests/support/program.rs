//! The server's own binary, to be run as a process of its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The binary, copied to where no build replaces it while tests run.
pub fn binary() -> &'static Path {
    static COPY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = COPY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for the binary");
        let path = folder.path().join("guildhall");
        std::fs::copy(env!("CARGO_BIN_EXE_guildhall"), &path).expect("the binary is built");
        (folder, path)
    });
    path
}
