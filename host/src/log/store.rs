//! The log's tables: shards, rows, cursors.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::db::{Conn, OptionalText, Param, Result, Rows};
use crate::id::{ChannelId, StreamId, UserId};
use crate::log::{Entry, EventKind, POSTGRES_SHARDS};

static INSERT: Rows = Rows::new(
    "insert into log (shard, position, stream_id, channel_id, kind, payload, actor_id, request_id, at) values",
    9,
    "",
);

#[derive(sqlx::FromRow)]
struct LogRow {
    shard: i64,
    position: i64,
    stream_id: StreamId,
    channel_id: Option<ChannelId>,
    kind: EventKind,
    payload: String,
    actor_id: Option<UserId>,
    request_id: Option<String>,
    at: Timestamp,
}

impl From<LogRow> for Entry {
    fn from(row: LogRow) -> Entry {
        Entry {
            shard: row.shard,
            position: row.position,
            stream: row.stream_id,
            channel: row.channel_id,
            kind: row.kind,
            payload: row.payload.into(),
            actor: row.actor_id,
            request_id: row.request_id.map(Arc::from),
            at: row.at,
        }
    }
}

/// Makes the shards of a new database; answers how many this one has.
pub async fn ensure_shards(conn: &mut Conn, postgres: bool) -> Result<i64> {
    let wanted = if postgres { POSTGRES_SHARDS } else { 1 };
    let (there,): (i64,) = conn.one("select count(*) from log_shards", &[]).await?;
    if there > 0 {
        return Ok(there);
    }
    for shard in 0..wanted {
        let sql = "insert into log_shards (shard, position) values ($1, 0) on conflict do nothing";
        conn.execute(sql, &[&shard]).await?;
    }
    Ok(wanted)
}

/// Takes a shard for this transaction; answers the position of its last row.
pub async fn take_shard(conn: &mut Conn, shard: i64) -> Result<i64> {
    let sql = "update log_shards set position = position where shard = $1 returning position";
    conn.one::<(i64,)>(sql, &[&shard]).await.map(|(position,)| position)
}

/// Moves a shard's head, in the transaction that has taken it.
pub async fn move_shard(conn: &mut Conn, shard: i64, position: i64) -> Result<()> {
    conn.execute("update log_shards set position = $2 where shard = $1", &[&shard, &position]).await.map(drop)
}

/// Writes rows.
pub async fn insert(conn: &mut Conn, entries: &[Arc<Entry>]) -> Result<()> {
    let texts: Vec<(&str, OptionalText<'_>)> =
        entries.iter().map(|entry| (&*entry.payload, OptionalText(entry.request_id.as_deref()))).collect();
    conn.insert_many(&INSERT, entries.len(), |i| {
        let entry = &*entries[i];
        [
            &entry.shard,
            &entry.position,
            &entry.stream,
            &entry.channel,
            &entry.kind,
            &texts[i].0,
            &entry.actor,
            &texts[i].1,
            &entry.at,
        ]
    })
    .await
}

/// The last position of every shard, in the order of shards.
pub async fn heads(conn: &mut Conn) -> Result<Vec<(i64, i64)>> {
    conn.all("select shard, position from log_shards order by shard", &[]).await
}

/// The last position of a shard.
pub async fn head(conn: &mut Conn, shard: i64) -> Result<i64> {
    let sql = "select position from log_shards where shard = $1";
    conn.one::<(i64,)>(sql, &[&shard]).await.map(|(position,)| position)
}

/// Rows of a shard after `position`, in order, `limit` at most.
pub async fn after(conn: &mut Conn, shard: i64, position: i64, limit: i64) -> Result<Vec<Entry>> {
    let sql = "select shard, position, stream_id, channel_id, kind, payload, actor_id, request_id, at from log
        where shard = $1 and position > $2 order by position limit $3";
    let rows: Vec<LogRow> = conn.all(sql, &[&shard, &position, &limit]).await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// The oldest position of a shard that is kept; the one after its head if none is.
pub async fn first(conn: &mut Conn, shard: i64) -> Result<i64> {
    let sql = "select coalesce((select min(position) from log where shard = $1),
        (select position + 1 from log_shards where shard = $1), 1)";
    conn.one::<(i64,)>(sql, &[&shard]).await.map(|(position,)| position)
}

/// Rows of a stream after one position, up to and with another, in order, `limit` at most.
pub async fn of_stream(conn: &mut Conn, stream: StreamId, after: i64, through: i64, limit: i64) -> Result<Vec<Entry>> {
    let sql = "select shard, position, stream_id, channel_id, kind, payload, actor_id, request_id, at from log
        where stream_id = $1 and position > $2 and position <= $3 order by position limit $4";
    let rows: Vec<LogRow> = conn.all(sql, &[&stream, &after, &through, &limit]).await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// Rows of a shard after `position` that are of one of these kinds, in order, `limit` at most.
pub async fn of_kinds_after(
    conn: &mut Conn,
    shard: i64,
    position: i64,
    kinds: &[EventKind],
    limit: i64,
) -> Result<Vec<Entry>> {
    let sql = "select shard, position, stream_id, channel_id, kind, payload, actor_id, request_id, at from log
        where shard = $1 and position > $2 and kind in ($3, $4, $5, $6) order by position limit $7";
    let Some(last) = kinds.last() else { return Ok(Vec::new()) };
    let kind = |i: usize| kinds.get(i).unwrap_or(last);
    let params: [&dyn Param; 7] = [&shard, &position, kind(0), kind(1), kind(2), kind(3), &limit];
    let rows: Vec<LogRow> = conn.all(sql, &params).await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// Where a reader stands in a shard; it has seen everything up to and with this position.
pub async fn cursor(conn: &mut Conn, reader: &str, shard: i64) -> Result<i64> {
    let sql = "select position from cursors where reader = $1 and shard = $2";
    let found: Option<(i64,)> = conn.optional(sql, &[&reader, &shard]).await?;
    Ok(found.map_or(0, |(position,)| position))
}

/// Moves a reader's cursor, in the transaction of what it did with the rows.
pub async fn move_cursor(conn: &mut Conn, reader: &str, shard: i64, position: i64) -> Result<()> {
    let sql = "insert into cursors (reader, shard, position) values ($1, $2, $3)
        on conflict (reader, shard) do update set position = excluded.position";
    conn.execute(sql, &[&reader, &shard, &position]).await.map(drop)
}

/// Where a reader stands in each shard that it has begun with.
pub async fn cursors(conn: &mut Conn, reader: &str) -> Result<Vec<(i64, i64)>> {
    conn.all("select shard, position from cursors where reader = $1 order by shard", &[&reader]).await
}

/// Lets a reader begin at a position, unless it has begun with the shard already.
pub async fn begin_cursor(conn: &mut Conn, reader: &str, shard: i64, position: i64) -> Result<()> {
    let sql = "insert into cursors (reader, shard, position) values ($1, $2, $3) on conflict do nothing";
    conn.execute(sql, &[&reader, &shard, &position]).await.map(drop)
}

/// Moves a reader's cursor from one position to another; false if it doesn't stand there.
pub async fn advance_cursor(conn: &mut Conn, reader: &str, shard: i64, from: i64, to: i64) -> Result<bool> {
    let sql = "update cursors set position = $4 where reader = $1 and shard = $2 and position = $3";
    Ok(conn.execute(sql, &[&reader, &shard, &from, &to]).await? > 0)
}

/// Forgets where a reader stands in a shard, so that it keeps no rows of it.
pub async fn end_cursor(conn: &mut Conn, reader: &str, shard: i64) -> Result<()> {
    conn.execute("delete from cursors where reader = $1 and shard = $2", &[&reader, &shard]).await.map(drop)
}

/// How far each reader is behind the heads: `(reader, rows)`.
pub async fn lags(conn: &mut Conn) -> Result<Vec<(String, i64)>> {
    let sql = "select cursors.reader, cast(sum(log_shards.position - cursors.position) as bigint)
        from cursors join log_shards on log_shards.shard = cursors.shard group by cursors.reader";
    conn.all(sql, &[]).await
}

/// Removes the oldest rows of a shard that were written before `before` and that every reader has
/// seen, some at a time; answers how many. What is kept has no gaps: a row whose clock ran ahead
/// keeps those after it.
pub async fn expire(conn: &mut Conn, shard: i64, before: Timestamp, at_most: i64) -> Result<u64> {
    let sql = "delete from log where shard = $1 and position in
        (select position from log where shard = $1
            and position <= coalesce((select min(position) from cursors where shard = $1), position)
            and position < coalesce((select min(position) from
                (select position, at from log where shard = $1 order by position limit $3) as oldest
                where oldest.at >= $2), position + 1)
            order by position limit $3)";
    conn.execute(sql, &[&shard, &before, &at_most]).await
}

/// Shards that lack rows between their first and their last, and how many.
pub async fn gaps(conn: &mut Conn) -> Result<Vec<(i64, i64)>> {
    let sql = "select shard, max(position) - min(position) + 1 - count(*) from log group by shard
        having max(position) - min(position) + 1 <> count(*)";
    conn.all(sql, &[]).await
}
