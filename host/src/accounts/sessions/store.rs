//! The tables of sessions and refresh tokens.

use super::Session;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{SessionId, UserId};

pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    pub user_agent: String,
    pub address: String,
    pub expires_at: Timestamp,
}

#[derive(Debug, sqlx::FromRow)]
pub struct SessionRow {
    pub id: SessionId,
    pub user_agent: String,
    pub address: String,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
}

impl SessionRow {
    pub fn session(self, current: Option<SessionId>) -> Session {
        Session {
            current: Some(self.id) == current,
            id: self.id,
            user_agent: self.user_agent,
            address: self.address,
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
        }
    }
}

pub async fn insert_session(conn: &mut Conn, new: &NewSession, now: Timestamp) -> Result<()> {
    let sql = "insert into sessions (id, user_id, user_agent, address, created_at, last_used_at, expires_at)
        values ($1, $2, $3, $4, $5, $5, $6)";
    conn.execute(sql, &[&new.id, &new.user_id, &new.user_agent, &new.address, &now, &new.expires_at]).await.map(drop)
}

pub async fn open_sessions(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<Vec<SessionRow>> {
    let sql = "select id, user_agent, address, created_at, last_used_at, expires_at from sessions
        where user_id = $1 and revoked_at is null and expires_at > $2 order by last_used_at desc";
    conn.all(sql, &[&user, &now]).await
}

pub async fn sessions_ended_since(conn: &mut Conn, since: Timestamp) -> Result<Vec<(SessionId, Timestamp)>> {
    conn.all("select id, revoked_at from sessions where revoked_at >= $1", &[&since]).await
}

/// Ends a session; whether it was open.
pub async fn revoke_session(conn: &mut Conn, user: UserId, session: SessionId, now: Timestamp) -> Result<bool> {
    let sql = "update sessions set revoked_at = $3 where id = $1 and user_id = $2 and revoked_at is null";
    conn.execute(sql, &[&session, &user, &now]).await.map(|changed| changed > 0)
}

pub async fn renew_session(conn: &mut Conn, session: SessionId, now: Timestamp, expires_at: Timestamp) -> Result<()> {
    let sql = "update sessions set last_used_at = $2, expires_at = $3 where id = $1";
    conn.execute(sql, &[&session, &now, &expires_at]).await.map(drop)
}

pub async fn insert_refresh_token(conn: &mut Conn, hash: &str, session: SessionId, now: Timestamp) -> Result<()> {
    let sql = "insert into refresh_tokens (hash, session_id, created_at) values ($1, $2, $3)";
    conn.execute(sql, &[&hash, &session, &now]).await.map(drop)
}

#[derive(Debug, sqlx::FromRow)]
pub struct RefreshTokenRow {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

pub async fn refresh_token(conn: &mut Conn, hash: &str) -> Result<Option<RefreshTokenRow>> {
    let sql = "select t.session_id, s.user_id, t.used_at, s.revoked_at, s.expires_at, u.disabled_at
        from refresh_tokens t join sessions s on s.id = t.session_id join users u on u.id = s.user_id
        where t.hash = $1";
    conn.optional(sql, &[&hash]).await
}

pub async fn use_refresh_token(conn: &mut Conn, hash: &str, now: Timestamp) -> Result<()> {
    conn.execute("update refresh_tokens set used_at = $2 where hash = $1", &[&hash, &now]).await.map(drop)
}

// What has ended ---------------------------------------------------------------

/// Removes sessions that ended before `before`, with their tokens, some at a time; answers how many rows.
pub async fn sweep_sessions(conn: &mut Conn, before: Timestamp, at_most: i64) -> Result<u64> {
    let sql = "delete from refresh_tokens where hash in (select t.hash from refresh_tokens t
        join sessions s on s.id = t.session_id where s.expires_at < $1 or s.revoked_at < $1 limit $2)";
    let tokens = conn.execute(sql, &[&before, &at_most]).await?;
    let sql = "delete from sessions where id in (select s.id from sessions s
        where (s.expires_at < $1 or s.revoked_at < $1)
        and not exists (select 1 from refresh_tokens t where t.session_id = s.id) limit $2)";
    Ok(tokens + conn.execute(sql, &[&before, &at_most]).await?)
}

/// Removes refresh tokens that were used before `before`, some at a time; answers how many.
pub async fn sweep_used_tokens(conn: &mut Conn, before: Timestamp, at_most: i64) -> Result<u64> {
    let sql = "delete from refresh_tokens where hash in
        (select hash from refresh_tokens where used_at < $1 limit $2)";
    conn.execute(sql, &[&before, &at_most]).await
}
