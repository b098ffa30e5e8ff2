//! The table of installations' storage. Keys are bytes to it, so that both databases order them alike.

use super::split;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::InstallationId;

/// An entry as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Row {
    value: Option<Vec<u8>>,
    counter: Option<i64>,
    /// Raised by every change, and never used twice.
    pub version: i64,
}

impl Row {
    /// The value.
    pub fn value(self) -> Vec<u8> {
        match (self.value, self.counter) {
            (Some(value), _) => value,
            (None, counter) => counter.unwrap_or_default().to_le_bytes().to_vec(),
        }
    }
}

/// An entry with its key.
#[derive(sqlx::FromRow)]
struct Keyed {
    key: Vec<u8>,
    #[sqlx(flatten)]
    row: Row,
}

/// The entry under a key.
pub async fn get(conn: &mut Conn, id: InstallationId, key: &str, now: Timestamp) -> Result<Option<Row>> {
    let sql = "select value, counter, version from plugin_kv
        where installation_id = $1 and key = $2 and (expires_at is null or expires_at > $3)";
    conn.optional(sql, &[&id, &key.as_bytes(), &now]).await
}

/// The version of the entry under a key.
pub async fn version(conn: &mut Conn, id: InstallationId, key: &str, now: Timestamp) -> Result<Option<i64>> {
    let sql = "select version from plugin_kv
        where installation_id = $1 and key = $2 and (expires_at is null or expires_at > $3)";
    let row: Option<(i64,)> = conn.optional(sql, &[&id, &key.as_bytes(), &now]).await?;
    Ok(row.map(|(version,)| version))
}

/// The bytes of a value, whether it has expired or not.
pub async fn size(conn: &mut Conn, id: InstallationId, key: &str) -> Result<Option<i64>> {
    let sql = "select cast(coalesce(octet_length(value), 8) as bigint) from plugin_kv
        where installation_id = $1 and key = $2";
    let row: Option<(i64,)> = conn.optional(sql, &[&id, &key.as_bytes()]).await?;
    Ok(row.map(|(size,)| size))
}

/// Entries whose keys begin so, after a key, in the order of the keys.
pub async fn scan(
    conn: &mut Conn,
    id: InstallationId,
    prefix: &str,
    after: &str,
    at_most: i64,
    now: Timestamp,
) -> Result<Vec<(String, Row)>> {
    let from = if after > prefix { after.as_bytes() } else { prefix.as_bytes() };
    let sql = "select key, value, counter, version from plugin_kv
        where installation_id = $1 and key >= $2 and key < $3 and key <> $4
            and (expires_at is null or expires_at > $5)
        order by key limit $6";
    let end = end_of(prefix);
    let rows: Vec<Keyed> = conn.all(sql, &[&id, &from, &end, &after.as_bytes(), &now, &at_most]).await?;
    let text = |key: Vec<u8>| String::from_utf8_lossy(&key).into_owned();
    Ok(rows.into_iter().map(|keyed| (text(keyed.key), keyed.row)).collect())
}

/// The keys of the same entries, and their versions.
pub async fn scan_versions(
    conn: &mut Conn,
    id: InstallationId,
    prefix: &str,
    after: &str,
    at_most: i64,
    now: Timestamp,
) -> Result<Vec<(String, i64)>> {
    let from = if after > prefix { after.as_bytes() } else { prefix.as_bytes() };
    let sql = "select key, version from plugin_kv
        where installation_id = $1 and key >= $2 and key < $3 and key <> $4
            and (expires_at is null or expires_at > $5)
        order by key limit $6";
    let end = end_of(prefix);
    let rows: Vec<(Vec<u8>, i64)> = conn.all(sql, &[&id, &from, &end, &after.as_bytes(), &now, &at_most]).await?;
    Ok(rows.into_iter().map(|(key, version)| (String::from_utf8_lossy(&key).into_owned(), version)).collect())
}

/// The first bytes that come after all keys with this prefix. No text holds the byte 255.
fn end_of(prefix: &str) -> Vec<u8> {
    [prefix.as_bytes(), &[0xff]].concat()
}

/// Sets a key.
pub async fn put(
    conn: &mut Conn,
    id: InstallationId,
    key: &str,
    value: &[u8],
    version: i64,
    until: Option<Timestamp>,
) -> Result<()> {
    let (value, counter) = split(value);
    let value = value.map(<[u8]>::to_vec);
    let sql = "insert into plugin_kv (installation_id, key, value, counter, version, expires_at)
            values ($1, $2, $3, $4, $5, $6)
        on conflict (installation_id, key) do update set value = excluded.value, counter = excluded.counter,
            version = excluded.version, expires_at = excluded.expires_at";
    conn.execute(sql, &[&id, &key.as_bytes(), &value, &counter, &version, &until]).await.map(drop)
}

/// Deletes a key.
pub async fn delete(conn: &mut Conn, id: InstallationId, key: &str) -> Result<()> {
    let sql = "delete from plugin_kv where installation_id = $1 and key = $2";
    conn.execute(sql, &[&id, &key.as_bytes()]).await.map(drop)
}

/// Adds to a counter, without reading it; false if the value is none, or would be too large for one.
pub async fn add(
    conn: &mut Conn,
    id: InstallationId,
    key: &str,
    by: i64,
    version: i64,
    now: Timestamp,
) -> Result<bool> {
    // What has expired counts as nothing. The bounds keep the sum within 64 bits on both databases.
    let (least, most) = (i64::MIN.saturating_sub(by.min(0)), i64::MAX.saturating_sub(by.max(0)));
    let sql = "insert into plugin_kv (installation_id, key, counter, version) values ($1, $2, $3, $4)
        on conflict (installation_id, key) do update set
            counter = case when plugin_kv.expires_at <= $5 then excluded.counter
                else plugin_kv.counter + excluded.counter end,
            value = null, version = excluded.version,
            expires_at = case when plugin_kv.expires_at <= $5 then null else plugin_kv.expires_at end
        where plugin_kv.expires_at <= $5 or plugin_kv.counter between $6 and $7";
    Ok(conn.execute(sql, &[&id, &key.as_bytes(), &by, &version, &now, &least, &most]).await? > 0)
}

/// Changes how many bytes an installation uses; false if that would be too many.
pub async fn grow(conn: &mut Conn, id: InstallationId, by: i64, most: i64) -> Result<bool> {
    let sql = "insert into plugin_usage (installation_id, kv_bytes) values ($1, $2)
        on conflict (installation_id) do update set kv_bytes = plugin_usage.kv_bytes + excluded.kv_bytes
            where excluded.kv_bytes <= 0 or plugin_usage.kv_bytes + excluded.kv_bytes <= $3";
    Ok(conn.execute(sql, &[&id, &by, &most]).await? > 0)
}

/// How many bytes an installation uses.
pub async fn used(conn: &mut Conn, id: InstallationId) -> Result<i64> {
    let sql = "select kv_bytes from plugin_usage where installation_id = $1";
    let row: Option<(i64,)> = conn.optional(sql, &[&id]).await?;
    Ok(row.map_or(0, |(used,)| used))
}
