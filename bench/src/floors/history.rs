//! The history floor: pages of 50 messages read straight from SQLite, newest first, by one thread.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rusqlite::{Connection, params};

const PAGE: usize = 50;
const CHANNEL: u64 = 1;

pub fn read_pages(data: &Path, rows: u64, duration: Duration) -> Result<()> {
    let database = Connection::open(data.join("history.db"))?;
    fill(&database, rows)?;
    super::report_work(|| read_until(&database, duration))
}

/// Makes the table if it isn't there yet.
fn fill(database: &Connection, rows: u64) -> Result<()> {
    database.execute_batch(
        "pragma journal_mode = wal;
         create table if not exists messages (
             id integer primary key, channel_id bigint not null, position bigint not null,
             author_id bigint not null, content text not null, created_at bigint not null);
         create unique index if not exists messages_by_position on messages (channel_id, position);",
    )?;
    if database.query_row("select count(*) from messages", [], |row| row.get::<_, u64>(0))? == rows {
        return Ok(());
    }
    let transaction = database.unchecked_transaction()?;
    let mut insert = transaction.prepare("insert into messages values (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for row in 0..rows {
        let content = format!("{row:07} from {:03}, and some words to fill a usual sentence", row % 64);
        insert.execute(params![row, CHANNEL, row, row % 64, content, row])?;
    }
    drop(insert);
    Ok(transaction.commit()?)
}

fn read_until(database: &Connection, duration: Duration) -> Result<u64> {
    let mut page = database.prepare(
        "select id, position, author_id, content, created_at from messages
         where channel_id = ?1 order by position desc limit ?2",
    )?;
    let (started, mut done) = (Instant::now(), 0);
    while started.elapsed() < duration {
        let (mut rows, mut count, mut characters) = (page.query(params![CHANNEL, PAGE])?, 0, 0);
        while let Some(row) = rows.next()? {
            let (_id, _position, _author): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (content, _created_at): (String, u64) = (row.get(3)?, row.get(4)?);
            characters += content.len();
            count += 1;
        }
        ensure!(count == PAGE && characters > PAGE, "a page of {count} messages with {characters} characters");
        done += 1;
    }
    Ok(done)
}
