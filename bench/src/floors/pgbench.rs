//! The floor of PostgreSQL: its own `pgbench`, inserting single rows from as many clients as the server has senders.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::Bench;
use crate::database::PostgresDatabase;

const TABLE: &str = "create table if not exists floor_messages (
    id bigserial primary key, channel_id bigint not null, author_id bigint not null, content text not null,
    created_at bigint not null)";
/// The text is as long as the load generator's.
const SCRIPT: &str = "insert into floor_messages (channel_id, author_id, content, created_at)
    values (1, 1, '0000001 from 001, and some words to fill a usual sentence', 1700000000000);\n";

/// Rows a second that `clients` get committed, one row and one transaction each.
pub fn insert_rows(bench: &Bench, database: &PostgresDatabase, clients: usize) -> Result<f64> {
    database.ask(TABLE)?;
    let script = bench.scratch.path().join("insert.sql");
    std::fs::write(&script, SCRIPT.replace('\n', " "))?;
    let seconds = bench.duration.max(Duration::from_secs(1)).as_secs();
    let mut pgbench = PostgresDatabase::program("pgbench");
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
    pgbench.arg(format!("--client={clients}")).arg(format!("--time={seconds}"));
    pgbench.arg("--file").arg(&script).arg(database.url());
    let output = pgbench.output().context("running pgbench")?;
    ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    let printed = String::from_utf8(output.stdout)?;
    let rate = printed.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate: f64 = rate.with_context(|| format!("pgbench told no rate: {printed}"))?;
    eprintln!("  pgbench: {rate:.0} a second");
    Ok(rate)
}
