//! The tables of bots and their tokens.

use crate::accounts::store::UserRow;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::UserId;

pub async fn bot_by_token(conn: &mut Conn, hash: &str) -> Result<Option<UserId>> {
    let found = conn.optional::<(UserId,)>("select bot_id from bot_tokens where hash = $1", &[&hash]).await?;
    Ok(found.map(|(bot,)| bot))
}

/// Somebody's bots, the newest first.
pub async fn bots_of(conn: &mut Conn, owner: UserId) -> Result<Vec<UserRow>> {
    let sql = "select id, kind, username, email, email_verified, display_name, bio, avatar_file_id, locale, owner_id,
        instance_role, totp_enabled, disabled_at, created_at from users
        where owner_id = $1 and kind = 'bot' order by id desc";
    conn.all(sql, &[&owner]).await
}

/// Gives a bot its token, in place of any other.
pub async fn put_token(conn: &mut Conn, bot: UserId, hash: &str, now: Timestamp) -> Result<()> {
    let sql = "insert into bot_tokens (bot_id, hash, created_at) values ($1, $2, $3)
        on conflict (bot_id) do update set hash = excluded.hash, created_at = excluded.created_at";
    conn.execute(sql, &[&bot, &hash, &now]).await.map(drop)
}

/// Leaves of an account what its messages need, and frees its name.
pub async fn bury(conn: &mut Conn, bot: UserId, username: &str, username_key: &str, now: Timestamp) -> Result<()> {
    conn.execute("delete from bot_tokens where bot_id = $1", &[&bot]).await?;
    let sql = "update users set kind = 'deleted', username = $2, username_key = $3, display_name = $2, bio = '',
        avatar_file_id = null, disabled_at = $4 where id = $1";
    conn.execute(sql, &[&bot, &username, &username_key, &now]).await.map(drop)
}
