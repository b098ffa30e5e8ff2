//! The table of idempotency keys.

use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::UserId;

/// A key that was used.
#[derive(Debug, sqlx::FromRow)]
pub struct Used {
    /// What it was used for.
    pub request: String,
    /// The status of the answer; 0 while there is none.
    pub status: i64,
    /// The answer, as JSON.
    pub response: String,
    /// When it was used.
    pub created_at: Timestamp,
}

pub async fn find(conn: &mut Conn, principal: UserId, key: &str) -> Result<Option<Used>> {
    let sql = "select request, status, response, created_at from idempotency_keys where principal = $1 and key = $2";
    conn.optional(sql, &[&principal, &key]).await
}

/// Takes a key that nobody has taken; whether that is so.
pub async fn claim(conn: &mut Conn, principal: UserId, key: &str, request: &str, now: Timestamp) -> Result<bool> {
    let sql = "insert into idempotency_keys (principal, key, request, status, response, created_at)
        values ($1, $2, $3, 0, '', $4) on conflict do nothing";
    conn.execute(sql, &[&principal, &key, &request, &now]).await.map(|changed| changed > 0)
}

/// Keeps the answer of whoever took the key at `claimed_at`.
pub async fn keep(
    conn: &mut Conn,
    principal: UserId,
    key: &str,
    claimed_at: Timestamp,
    status: i64,
    response: &str,
) -> Result<()> {
    let sql = "update idempotency_keys set status = $4, response = $5
        where principal = $1 and key = $2 and created_at = $3";
    conn.execute(sql, &[&principal, &key, &claimed_at, &status, &response]).await.map(drop)
}

/// Lets go of a key that was taken at `claimed_at`.
pub async fn release(conn: &mut Conn, principal: UserId, key: &str, claimed_at: Timestamp) -> Result<()> {
    let sql = "delete from idempotency_keys where principal = $1 and key = $2 and created_at = $3";
    conn.execute(sql, &[&principal, &key, &claimed_at]).await.map(drop)
}

/// Removes keys used before `before`, some at a time; answers how many.
pub async fn sweep(conn: &mut Conn, before: Timestamp, at_most: i64) -> Result<u64> {
    let sql = "delete from idempotency_keys where (principal, key) in
        (select principal, key from idempotency_keys where created_at < $1 limit $2)";
    conn.execute(sql, &[&before, &at_most]).await
}
