//! The table of signing keys.

use crate::clock::Timestamp;
use crate::db::{Conn, Result};

#[derive(Debug, sqlx::FromRow)]
pub struct SigningKey {
    pub id: String,
    pub secret: Vec<u8>,
    pub created_at: Timestamp,
    pub retired_at: Option<Timestamp>,
}

/// Keys that sign or still prove, the newest first.
pub async fn signing_keys(conn: &mut Conn, retired_after: Timestamp) -> Result<Vec<SigningKey>> {
    let sql = "select id, secret, created_at, retired_at from signing_keys
        where retired_at is null or retired_at > $1
        order by case when retired_at is null then 0 else 1 end, created_at desc";
    conn.all(sql, &[&retired_after]).await
}

pub async fn add_signing_key(conn: &mut Conn, id: &str, secret: &Vec<u8>, now: Timestamp) -> Result<()> {
    let sql = "insert into signing_keys (id, secret, created_at) values ($1, $2, $3)";
    conn.execute(sql, &[&id, secret, &now]).await.map(drop)
}

/// Lets every key that signs only prove from here on.
pub async fn retire_signing_keys(conn: &mut Conn, now: Timestamp) -> Result<()> {
    conn.execute("update signing_keys set retired_at = $1 where retired_at is null", &[&now]).await.map(drop)
}

/// Removes keys that don't prove any more; answers how many.
pub async fn sweep(conn: &mut Conn, retired_before: Timestamp) -> Result<u64> {
    conn.execute("delete from signing_keys where retired_at < $1", &[&retired_before]).await
}
