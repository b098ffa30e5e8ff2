//! The table of installations' storage. Keys are bytes to it, so that both databases order them alike.

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::db::{Conn, Result, Rows};
use crate::id::{GuildId, InstallationId};

static GET: Rows = Rows::new(
    "select key, value, counter, version, expires_at from plugin_kv where (installation_id, key) in (values",
    2,
    ")",
);
static STANDINGS: Rows = Rows::new(
    "select key, version, cast(coalesce(octet_length(value), 8) as bigint) as size, counter, expires_at
        from plugin_kv
        where (installation_id, key) in (values",
    2,
    ")",
);
static PUT: Rows = Rows::new(
    "insert into plugin_kv (installation_id, key, value, counter, version, expires_at) values",
    6,
    "on conflict (installation_id, key) do update set value = excluded.value, counter = excluded.counter,
        version = excluded.version, expires_at = excluded.expires_at",
);
static DELETE: Rows = Rows::new("delete from plugin_kv where (installation_id, key) in (values", 2, ")");

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

/// The same, and until when it stands.
#[derive(sqlx::FromRow)]
struct Lasting {
    #[sqlx(flatten)]
    keyed: Keyed,
    expires_at: Option<Timestamp>,
}

/// How a key stands.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Standing {
    /// Its version.
    pub version: i64,
    /// Bytes of its value.
    pub size: i64,
    /// What it counts, if it is a counter.
    pub counter: Option<i64>,
    /// Until when it stands.
    pub expires_at: Option<Timestamp>,
}

/// The same, with the key.
#[derive(sqlx::FromRow)]
struct Stood {
    key: Vec<u8>,
    #[sqlx(flatten)]
    standing: Standing,
}

/// A key that is to be set.
pub struct Put<'k> {
    /// Its name.
    pub key: &'k [u8],
    /// What it is to hold, if it is no counter.
    pub value: Option<Vec<u8>>,
    /// What it counts, if it is one.
    pub counter: Option<i64>,
    /// Its new version.
    pub version: i64,
    /// Until when it stands.
    pub until: Option<Timestamp>,
}

/// The entry under a key.
pub async fn get(conn: &mut Conn, id: InstallationId, key: &str, now: Timestamp) -> Result<Option<Row>> {
    let sql = "select value, counter, version from plugin_kv
        where installation_id = $1 and key = $2 and (expires_at is null or expires_at > $3)";
    conn.optional(sql, &[&id, &key.as_bytes(), &now]).await
}

/// The entries under some keys, with their keys.
pub async fn get_many(
    conn: &mut Conn,
    id: InstallationId,
    keys: &[&str],
    now: Timestamp,
) -> Result<HashMap<String, Row>> {
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    let found: Vec<Lasting> = conn.look_up(&GET, keys.len(), |i| [&id, &keys[i]]).await?;
    let good = found.into_iter().filter(|one| one.expires_at.is_none_or(|until| until > now));
    Ok(good.map(|one| (text(one.keyed.key), one.keyed.row)).collect())
}

/// How some keys stand, whether they have expired or not.
pub async fn standings(conn: &mut Conn, id: InstallationId, keys: &[&str]) -> Result<HashMap<String, Standing>> {
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    let found: Vec<Stood> = conn.look_up(&STANDINGS, keys.len(), |i| [&id, &keys[i]]).await?;
    Ok(found.into_iter().map(|one| (text(one.key), one.standing)).collect())
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
    Ok(rows.into_iter().map(|(key, version)| (text(key), version)).collect())
}

fn text(key: Vec<u8>) -> String {
    String::from_utf8(key).unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned())
}

/// The first bytes that come after all keys with this prefix. No text holds the byte 255.
fn end_of(prefix: &str) -> Vec<u8> {
    [prefix.as_bytes(), &[0xff]].concat()
}

/// Sets keys.
pub async fn put(conn: &mut Conn, id: InstallationId, puts: &[Put<'_>]) -> Result<()> {
    conn.insert_many(&PUT, puts.len(), |i| {
        let Put { key, value, counter, version, until } = &puts[i];
        [&id, key, value, counter, version, until]
    })
    .await
}

/// Deletes keys.
pub async fn delete(conn: &mut Conn, id: InstallationId, keys: &[&[u8]]) -> Result<()> {
    conn.insert_many(&DELETE, keys.len(), |i| [&id, &keys[i]]).await
}

/// Installations in whose storage something has expired, with their guilds.
pub async fn expired(conn: &mut Conn, now: Timestamp, at_most: i64) -> Result<Vec<(InstallationId, GuildId)>> {
    let sql = "select distinct k.installation_id, i.guild_id from plugin_kv k
        join installations i on i.id = k.installation_id where k.expires_at <= $1 limit $2";
    conn.all(sql, &[&now, &at_most]).await
}

/// Deletes some of what has expired in an installation's storage; how many keys, and how many bytes they took.
pub async fn sweep(conn: &mut Conn, id: InstallationId, now: Timestamp, at_most: i64) -> Result<(usize, i64)> {
    let sql = "select key, cast(coalesce(octet_length(value), 8) as bigint) as size from plugin_kv
        where installation_id = $1 and expires_at <= $2 limit $3";
    let gone: Vec<(Vec<u8>, i64)> = conn.all(sql, &[&id, &now, &at_most]).await?;
    let keys: Vec<&[u8]> = gone.iter().map(|(key, _)| key.as_slice()).collect();
    delete(conn, id, &keys).await?;
    Ok((gone.len(), gone.iter().map(|(key, size)| key.len() as i64 + size).sum()))
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
