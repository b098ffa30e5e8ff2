//! The tables of accounts: users, sessions, tokens, keys.

use crate::accounts::identities::{Author, Identity};
use crate::accounts::names::{email_key, key};
use crate::accounts::sessions::Session;
use crate::accounts::{InstanceRole, PrivateProfile, User, UserKind};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{FileId, SessionId, UserId};

/// An account about to be stored.
pub struct NewUser {
    pub id: UserId,
    pub kind: UserKind,
    pub username: String,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub locale: String,
    pub owner_id: Option<UserId>,
    pub instance_role: InstanceRole,
}

/// An account as it is stored, without its secrets.
#[derive(Debug, sqlx::FromRow)]
pub struct UserRow {
    pub id: UserId,
    pub kind: UserKind,
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub display_name: String,
    pub bio: String,
    pub avatar_file_id: Option<FileId>,
    pub locale: String,
    pub owner_id: Option<UserId>,
    pub instance_role: InstanceRole,
    pub totp_enabled: bool,
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl UserRow {
    /// As others see it.
    pub fn public(self) -> User {
        User {
            id: self.id,
            username: self.username,
            display_name: self.display_name,
            bio: self.bio,
            avatar_file_id: self.avatar_file_id,
            locale: self.locale,
            bot: self.kind == UserKind::Bot,
            created_at: self.created_at,
            private: None,
        }
    }

    /// As its owner sees it.
    pub fn own(self) -> User {
        let private = PrivateProfile {
            email: self.email.clone(),
            email_verified: self.email_verified,
            totp_enabled: self.totp_enabled,
            instance_role: self.instance_role,
        };
        User { private: Some(private), ..self.public() }
    }

    /// As the server needs it for nearly every request.
    pub fn identity(self) -> Identity {
        Identity {
            author: Author {
                id: self.id,
                username: self.username,
                display_name: self.display_name,
                avatar_file_id: self.avatar_file_id,
                kind: self.kind.as_str(),
            },
            kind: self.kind,
            instance_role: self.instance_role,
            locale: self.locale,
            disabled: self.disabled_at.is_some(),
            email_verified: self.email_verified,
        }
    }
}

pub async fn insert_user(conn: &mut Conn, user: &NewUser, username_key: &str, now: Timestamp) -> Result<()> {
    let email_key = user.email.as_deref().map(email_key);
    let sql = "insert into users (id, kind, username, username_key, email, email_key, password_hash, display_name,
        locale, owner_id, instance_role, created_at) values ($1, $2, $3, $4, $5, $6, $7, $3, $8, $9, $10, $11)";
    conn.execute(
        sql,
        &[
            &user.id,
            &user.kind,
            &user.username,
            &username_key,
            &user.email,
            &email_key,
            &user.password_hash,
            &user.locale,
            &user.owner_id,
            &user.instance_role,
            &now,
        ],
    )
    .await
    .map(drop)
}

pub async fn user(conn: &mut Conn, id: UserId) -> Result<Option<UserRow>> {
    let sql = "select id, kind, username, email, email_verified, display_name, bio, avatar_file_id, locale, owner_id,
        instance_role, totp_enabled, disabled_at, created_at from users where id = $1";
    conn.optional(sql, &[&id]).await
}

pub async fn username_taken(conn: &mut Conn, username_key: &str) -> Result<bool> {
    let sql = "select 1 from users where username_key = $1";
    conn.optional::<(i32,)>(sql, &[&username_key]).await.map(|found| found.is_some())
}

pub async fn email_taken(conn: &mut Conn, email_key: &str) -> Result<bool> {
    let sql = "select 1 from users where email_key = $1";
    conn.optional::<(i32,)>(sql, &[&email_key]).await.map(|found| found.is_some())
}

/// What it takes to check who signs in.
#[derive(Debug, sqlx::FromRow)]
pub struct Credentials {
    pub id: UserId,
    pub username: String,
    pub password_hash: Option<String>,
    pub totp_secret: Option<String>,
    pub totp_enabled: bool,
    pub disabled_at: Option<Timestamp>,
}

/// The account with this user name or e-mail address.
pub async fn credentials(conn: &mut Conn, name: &str) -> Result<Option<Credentials>> {
    let by_email = "select id, username, password_hash, totp_secret, totp_enabled, disabled_at from users
        where email_key = $1 and kind = 'user'";
    let by_name = "select id, username, password_hash, totp_secret, totp_enabled, disabled_at from users
        where username_key = $1 and kind = 'user'";
    if name.contains('@') {
        conn.optional(by_email, &[&email_key(name)]).await
    } else {
        conn.optional(by_name, &[&key(name)]).await
    }
}

// Sessions and their tokens ----------------------------------------------------

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

// One-time tokens, second factors, bots -----------------------------------------

#[derive(Debug, sqlx::FromRow)]
pub struct OneTimeToken {
    pub user_id: Option<UserId>,
    pub subject: String,
}

/// Uses up a token of this purpose, if it is good.
pub async fn use_one_time_token(
    conn: &mut Conn,
    hash: &str,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<OneTimeToken>> {
    let sql = "update one_time_tokens set uses_left = uses_left - 1
        where hash = $1 and purpose = $2 and uses_left > 0 and expires_at > $3 returning user_id, subject";
    conn.optional(sql, &[&hash, &purpose, &now]).await
}

/// Takes a step of the second factor; whether it is later than the last one taken.
pub async fn take_totp_step(conn: &mut Conn, user: UserId, step: i64) -> Result<bool> {
    let sql = "update users set totp_last_step = $2 where id = $1 and totp_last_step < $2";
    conn.execute(sql, &[&user, &step]).await.map(|changed| changed > 0)
}

pub async fn take_recovery_code(conn: &mut Conn, user: UserId, hash: &str) -> Result<bool> {
    let sql = "delete from recovery_codes where user_id = $1 and hash = $2";
    conn.execute(sql, &[&user, &hash]).await.map(|changed| changed > 0)
}

pub async fn bot_by_token(conn: &mut Conn, hash: &str) -> Result<Option<UserId>> {
    let found = conn.optional::<(UserId,)>("select bot_id from bot_tokens where hash = $1", &[&hash]).await?;
    Ok(found.map(|(bot,)| bot))
}

// Signing keys -------------------------------------------------------------------

#[derive(Debug, sqlx::FromRow)]
pub struct SigningKey {
    pub id: String,
    pub secret: Vec<u8>,
}

/// Keys that sign or still prove, the newest first.
pub async fn signing_keys(conn: &mut Conn, retired_after: Timestamp) -> Result<Vec<SigningKey>> {
    let sql = "select id, secret from signing_keys where retired_at is null or retired_at > $1
        order by case when retired_at is null then 0 else 1 end, created_at desc";
    conn.all(sql, &[&retired_after]).await
}

pub async fn add_signing_key(conn: &mut Conn, id: &str, secret: &Vec<u8>, now: Timestamp) -> Result<()> {
    let sql = "insert into signing_keys (id, secret, created_at) values ($1, $2, $3)";
    conn.execute(sql, &[&id, secret, &now]).await.map(drop)
}

/// Whether one of two people has blocked the other.
pub async fn blocked_between(conn: &mut Conn, one: UserId, other: UserId) -> Result<bool> {
    let sql = "select 1 from blocks where (user_id = $1 and target_id = $2) or (user_id = $2 and target_id = $1)";
    conn.optional::<(i32,)>(sql, &[&one, &other]).await.map(|found| found.is_some())
}

pub async fn blocked_by(conn: &mut Conn, user: UserId) -> Result<Vec<UserId>> {
    let rows: Vec<(UserId,)> =
        conn.all("select target_id from blocks where user_id = $1 order by target_id", &[&user]).await?;
    Ok(rows.into_iter().map(|(target,)| target).collect())
}
