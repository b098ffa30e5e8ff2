//! Brings a database's schema up to date, from the one portable set of migrations.

use std::borrow::Cow;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::Db;

static PORTABLE: Migrator = sqlx::migrate!("../migrations");

/// Applies what is missing. Several nodes may call it at once: the driver's lock lets one go first.
pub async fn run(db: &Db) -> anyhow::Result<()> {
    match db {
        Db::Sqlite { writer, .. } => {
            let migrations = PORTABLE.iter().map(for_sqlite).collect();
            Migrator::with_migrations(migrations).run(writer).await?;
        }
        Db::Postgres(pool) => PORTABLE.run(pool).await?,
    }
    Ok(())
}

/// SQLite makes a column the row id only if it says `integer primary key`, and clusters a table
/// only if it is `without rowid`: each saves a second tree, and with it half of an insert.
/// The checksum stays that of the portable text.
fn for_sqlite(migration: &Migration) -> Migration {
    let text = migration
        .sql
        .as_str()
        .replace("bigint primary key", "integer primary key")
        .replace("); -- clustered", ") without rowid;");
    Migration {
        sql: AssertSqlSafe(text).into_sql_str(),
        checksum: Cow::clone(&migration.checksum),
        ..migration.clone()
    }
}
