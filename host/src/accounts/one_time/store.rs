//! The table of one-time tokens.

use super::{NewToken, Purpose};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::UserId;

#[derive(Debug, sqlx::FromRow)]
pub struct OneTimeToken {
    pub user_id: Option<UserId>,
    pub subject: String,
}

pub async fn insert(conn: &mut Conn, new: &NewToken, now: Timestamp) -> Result<()> {
    let sql = "insert into one_time_tokens (hash, purpose, user_id, subject, uses_left, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7)";
    conn.execute(sql, &[&new.hash, &new.purpose, &new.user, &new.subject, &new.uses, &now, &new.expires_at])
        .await
        .map(drop)
}

/// A token of this purpose, if it is good.
pub async fn find(conn: &mut Conn, hash: &str, purpose: Purpose, now: Timestamp) -> Result<Option<OneTimeToken>> {
    let sql = "select user_id, subject from one_time_tokens
        where hash = $1 and purpose = $2 and uses_left > 0 and expires_at > $3";
    conn.optional(sql, &[&hash, &purpose, &now]).await
}

/// Uses up a token of this purpose, if it is good.
pub async fn take(conn: &mut Conn, hash: &str, purpose: Purpose, now: Timestamp) -> Result<Option<OneTimeToken>> {
    let sql = "update one_time_tokens set uses_left = uses_left - 1
        where hash = $1 and purpose = $2 and uses_left > 0 and expires_at > $3 returning user_id, subject";
    conn.optional(sql, &[&hash, &purpose, &now]).await
}

/// Removes an account's tokens of this purpose.
pub async fn void_of(conn: &mut Conn, user: UserId, purpose: Purpose) -> Result<()> {
    let sql = "delete from one_time_tokens where user_id = $1 and purpose = $2";
    conn.execute(sql, &[&user, &purpose]).await.map(drop)
}

/// Removes every token of this purpose.
pub async fn void_all(conn: &mut Conn, purpose: Purpose) -> Result<()> {
    conn.execute("delete from one_time_tokens where purpose = $1", &[&purpose]).await.map(drop)
}

/// Removes tokens that are used up or expired, some at a time; answers how many.
pub async fn sweep(conn: &mut Conn, now: Timestamp, at_most: i64) -> Result<u64> {
    let sql = "delete from one_time_tokens where hash in
        (select hash from one_time_tokens where uses_left <= 0 or expires_at <= $1 limit $2)";
    conn.execute(sql, &[&now, &at_most]).await
}
