//! The table of accounts.

use crate::accounts::identities::{Author, Identity};
use crate::accounts::names::{email_key, key};
use crate::accounts::{InstanceRole, PrivateProfile, User, UserKind};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{FileId, UserId};

/// An account about to be stored.
pub struct NewUser {
    pub id: UserId,
    pub kind: UserKind,
    pub username: String,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub display_name: String,
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
        locale, owner_id, instance_role, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
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
            &user.display_name,
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
    pub password_hash: Option<String>,
    pub disabled_at: Option<Timestamp>,
}

/// The account with this user name or e-mail address.
pub async fn credentials(conn: &mut Conn, name: &str) -> Result<Option<Credentials>> {
    let by_email = "select id, password_hash, disabled_at from users
        where email_key = $1 and kind = 'user'";
    let by_name = "select id, password_hash, disabled_at from users
        where username_key = $1 and kind = 'user'";
    if name.contains('@') {
        conn.optional(by_email, &[&email_key(name)]).await
    } else {
        conn.optional(by_name, &[&key(name)]).await
    }
}

/// The account with this user name, whatever it is.
pub async fn user_named(conn: &mut Conn, username: &str) -> Result<Option<UserId>> {
    let sql = "select id from users where username_key = $1";
    Ok(conn.optional::<(UserId,)>(sql, &[&key(username)]).await?.map(|(id,)| id))
}

/// The person with this e-mail address.
pub async fn user_with_email(conn: &mut Conn, email: &str) -> Result<Option<UserId>> {
    let sql = "select id from users where email_key = $1 and kind = 'user' and disabled_at is null";
    Ok(conn.optional::<(UserId,)>(sql, &[&email_key(email)]).await?.map(|(id,)| id))
}

pub async fn password_hash(conn: &mut Conn, user: UserId) -> Result<Option<String>> {
    let sql = "select password_hash from users where id = $1";
    Ok(conn.optional::<(Option<String>,)>(sql, &[&user]).await?.and_then(|(hash,)| hash))
}

pub async fn set_password(conn: &mut Conn, user: UserId, password_hash: &str) -> Result<()> {
    conn.execute("update users set password_hash = $2 where id = $1", &[&user, &password_hash]).await.map(drop)
}

pub async fn set_profile(conn: &mut Conn, user: UserId, display_name: &str, bio: &str, locale: &str) -> Result<()> {
    let sql = "update users set display_name = $2, bio = $3, locale = $4 where id = $1";
    conn.execute(sql, &[&user, &display_name, &bio, &locale]).await.map(drop)
}

/// Changes where to write to somebody; they must show anew that it is theirs.
pub async fn set_email(conn: &mut Conn, user: UserId, email: &str) -> Result<()> {
    let sql = "update users set email = $2, email_key = $3, email_verified = false where id = $1";
    conn.execute(sql, &[&user, &email, &email_key(email)]).await.map(drop)
}

pub async fn verify_email(conn: &mut Conn, user: UserId) -> Result<()> {
    conn.execute("update users set email_verified = true where id = $1", &[&user]).await.map(drop)
}
