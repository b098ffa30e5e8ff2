//! The table of blocks.

use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::UserId;

/// Blocks somebody; whether they weren't before.
pub async fn insert(conn: &mut Conn, user: UserId, target: UserId, now: Timestamp) -> Result<bool> {
    let sql = "insert into blocks (user_id, target_id, created_at) values ($1, $2, $3) on conflict do nothing";
    conn.execute(sql, &[&user, &target, &now]).await.map(|changed| changed > 0)
}

/// Blocks somebody no longer; whether they were blocked before.
pub async fn delete(conn: &mut Conn, user: UserId, target: UserId) -> Result<bool> {
    let sql = "delete from blocks where user_id = $1 and target_id = $2";
    conn.execute(sql, &[&user, &target]).await.map(|changed| changed > 0)
}

/// Since when somebody is blocked.
pub async fn since(conn: &mut Conn, user: UserId, target: UserId) -> Result<Option<Timestamp>> {
    let sql = "select created_at from blocks where user_id = $1 and target_id = $2";
    Ok(conn.optional::<(Timestamp,)>(sql, &[&user, &target]).await?.map(|(since,)| since))
}

/// Whether one of two people has blocked the other.
pub async fn between(conn: &mut Conn, one: UserId, other: UserId) -> Result<bool> {
    let sql = "select 1 from blocks where (user_id = $1 and target_id = $2) or (user_id = $2 and target_id = $1)";
    conn.optional::<(i32,)>(sql, &[&one, &other]).await.map(|found| found.is_some())
}

/// Whom somebody has blocked.
pub async fn of(conn: &mut Conn, user: UserId) -> Result<Vec<UserId>> {
    let rows: Vec<(UserId,)> =
        conn.all("select target_id from blocks where user_id = $1 order by target_id", &[&user]).await?;
    Ok(rows.into_iter().map(|(target,)| target).collect())
}

/// Whom somebody has blocked, and who has blocked them.
pub async fn around(conn: &mut Conn, user: UserId) -> Result<Vec<UserId>> {
    let sql = "select target_id from blocks where user_id = $1 union select user_id from blocks where target_id = $1";
    Ok(conn.all::<(UserId,)>(sql, &[&user]).await?.into_iter().map(|(other,)| other).collect())
}
