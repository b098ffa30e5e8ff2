//! A look into the database of a program under test, past the program that is to be believed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};

/// Where a program keeps its messages.
pub enum Kept {
    Nowhere,
    Sqlite(PathBuf),
    Postgres(PostgresDatabase),
}

impl Kept {
    /// The rows in the table `messages`; none where nothing is kept.
    pub fn count(&self) -> Result<Option<u64>> {
        match self {
            Kept::Nowhere => Ok(None),
            Kept::Sqlite(path) => count_in_file(path).map(Some),
            Kept::Postgres(database) => {
                Ok(Some(database.ask("select count(*) from messages")?.parse().context("counting the messages")?))
            }
        }
    }
}

fn count_in_file(path: &Path) -> Result<u64> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|database| database.query_row("select count(*) from messages", [], |row| row.get(0)))
        .with_context(|| format!("counting the messages in {}", path.display()))
}

/// A database of its own on the PostgreSQL server that this run was given; it goes with this value.
pub struct PostgresDatabase {
    server: String,
    name: String,
}

impl PostgresDatabase {
    /// Makes one; nothing if the run was given no PostgreSQL.
    pub fn create() -> Result<Option<PostgresDatabase>> {
        let Ok(server) = std::env::var("GUILDHALL_TEST_POSTGRES_URL") else {
            return Ok(None);
        };
        let name = format!("guildhall_bench_{}", std::process::id());
        ask(&server, &format!("drop database if exists {name}"))?;
        ask(&server, &format!("create database {name}"))?;
        Ok(Some(PostgresDatabase { server, name }))
    }

    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{server}/{}", self.name)
    }

    /// Runs one statement and answers what it printed.
    pub fn ask(&self, statement: &str) -> Result<String> {
        ask(&self.url(), statement)
    }

    /// One of PostgreSQL's own programs: the run may have been told where they are.
    pub fn program(name: &str) -> Command {
        let folder = std::env::var_os("GUILDHALL_BENCH_POSTGRES_PROGRAMS").map(PathBuf::from);
        let mut program = Command::new(folder.map_or(name.into(), |folder| folder.join(name)));
        let libraries = std::env::var_os("GUILDHALL_BENCH_POSTGRES_LIBRARIES");
        program.envs(libraries.map(|libraries| ("LD_LIBRARY_PATH", libraries)));
        program
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        // What is left behind is dropped by the next run at the latest, or with the server.
        let _ = ask(&self.server, &format!("drop database if exists {} with (force)", self.name));
    }
}

fn ask(url: &str, statement: &str) -> Result<String> {
    let mut psql = PostgresDatabase::program("psql");
    psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--command", statement, url]);
    let output = psql.output().context("running psql")?;
    ensure!(output.status.success(), "psql failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
