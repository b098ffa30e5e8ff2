//! A look into the SQLite file of a server or a floor, past the program that is to be believed.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};

/// The rows in the `messages` table of the database at `path`.
pub fn count_messages(path: &Path) -> Result<u64> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|database| database.query_row("select count(*) from messages", [], |row| row.get(0)))
        .with_context(|| format!("counting the messages in {}", path.display()))
}
