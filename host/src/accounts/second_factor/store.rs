//! The second factor in the tables of accounts and recovery codes.

use crate::db::{Conn, Result, Rows};
use crate::id::UserId;

static INSERT_CODES: Rows = Rows::new("insert into recovery_codes (user_id, hash) values", 2, "");

/// An account's secret and whether it is asked for; nothing if the account has no secret.
pub async fn secret(conn: &mut Conn, user: UserId) -> Result<Option<(String, bool)>> {
    let sql = "select totp_secret, totp_enabled from users where id = $1 and totp_secret is not null";
    conn.optional(sql, &[&user]).await
}

/// Keeps a secret that isn't asked for yet; whether no other is.
pub async fn propose(conn: &mut Conn, user: UserId, secret: &str) -> Result<bool> {
    let sql = "update users set totp_secret = $2 where id = $1 and not totp_enabled";
    conn.execute(sql, &[&user, &secret]).await.map(|changed| changed > 0)
}

pub async fn enable(conn: &mut Conn, user: UserId) -> Result<()> {
    conn.execute("update users set totp_enabled = true where id = $1", &[&user]).await.map(drop)
}

pub async fn disable(conn: &mut Conn, user: UserId) -> Result<()> {
    conn.execute("update users set totp_enabled = false, totp_secret = null where id = $1", &[&user]).await?;
    conn.execute("delete from recovery_codes where user_id = $1", &[&user]).await.map(drop)
}

/// Replaces an account's recovery codes.
pub async fn replace_codes(conn: &mut Conn, user: UserId, hashes: &[String]) -> Result<()> {
    conn.execute("delete from recovery_codes where user_id = $1", &[&user]).await?;
    conn.insert_many(&INSERT_CODES, hashes.len(), |i| [&user, &hashes[i]]).await
}

/// Takes a step of the second factor; whether it is later than the last one taken.
pub async fn take_step(conn: &mut Conn, user: UserId, step: i64) -> Result<bool> {
    let sql = "update users set totp_last_step = $2 where id = $1 and totp_last_step < $2";
    conn.execute(sql, &[&user, &step]).await.map(|changed| changed > 0)
}

pub async fn take_recovery_code(conn: &mut Conn, user: UserId, hash: &str) -> Result<bool> {
    let sql = "delete from recovery_codes where user_id = $1 and hash = $2";
    conn.execute(sql, &[&user, &hash]).await.map(|changed| changed > 0)
}
