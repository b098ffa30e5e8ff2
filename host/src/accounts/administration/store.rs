//! The tables of accounts as administrators see them, and the server's own settings.

use crate::accounts::InstanceRole;
use crate::accounts::store::UserRow;
use crate::clock::Timestamp;
use crate::config::RegistrationMode;
use crate::db::{Conn, Result};
use crate::id::UserId;

/// Accounts older than `before` whose name or address has this in it, the newest first.
pub async fn search(
    conn: &mut Conn,
    name_pattern: &str,
    email_pattern: &str,
    before: UserId,
    limit: i64,
) -> Result<Vec<UserRow>> {
    let sql = "select id, kind, username, email, email_verified, display_name, bio, avatar_file_id, locale, owner_id,
        instance_role, totp_enabled, disabled_at, created_at from users
        where id < $3 and (username_key like $1 escape '\\' or email_key like $2 escape '\\')
        order by id desc limit $4";
    conn.all(sql, &[&name_pattern, &email_pattern, &before, &limit]).await
}

/// How many accounts run this server.
pub async fn administrators(conn: &mut Conn) -> Result<i64> {
    let sql = "select count(*) from users where instance_role = 'administrator' and disabled_at is null";
    conn.one::<(i64,)>(sql, &[]).await.map(|(count,)| count)
}

pub async fn set_role(conn: &mut Conn, user: UserId, role: InstanceRole) -> Result<()> {
    conn.execute("update users set instance_role = $2 where id = $1", &[&user, &role]).await.map(drop)
}

pub async fn set_disabled(conn: &mut Conn, user: UserId, since: Option<Timestamp>) -> Result<()> {
    conn.execute("update users set disabled_at = $2 where id = $1", &[&user, &since]).await.map(drop)
}

/// Who may make an account, if an administrator has decided that.
pub async fn registration_mode(conn: &mut Conn) -> Result<Option<RegistrationMode>> {
    let sql = "select value from instance_settings where name = 'registration_mode'";
    Ok(conn.optional::<(RegistrationMode,)>(sql, &[]).await?.map(|(mode,)| mode))
}

pub async fn set_registration_mode(conn: &mut Conn, mode: RegistrationMode) -> Result<()> {
    let sql = "insert into instance_settings (name, value) values ('registration_mode', $1)
        on conflict (name) do update set value = excluded.value";
    conn.execute(sql, &[&mode]).await.map(drop)
}
