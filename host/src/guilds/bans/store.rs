//! The table of bans.

use super::Ban;
use crate::accounts::{Author, UserKind};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{FileId, GuildId, UserId};

#[derive(sqlx::FromRow)]
struct BanRow {
    user_id: UserId,
    username: String,
    display_name: String,
    avatar_file_id: Option<FileId>,
    kind: UserKind,
    reason: String,
    actor_id: UserId,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl From<BanRow> for Ban {
    fn from(row: BanRow) -> Ban {
        let user = Author {
            id: row.user_id,
            username: row.username,
            display_name: row.display_name,
            avatar_file_id: row.avatar_file_id,
            kind: row.kind.as_str(),
        };
        Ban { user, reason: row.reason, actor_id: row.actor_id, created_at: row.created_at, expires_at: row.expires_at }
    }
}

/// Whether somebody is banned now.
pub async fn is_banned(conn: &mut Conn, guild: GuildId, user: UserId, now: Timestamp) -> Result<bool> {
    let sql = "select 1 from bans where guild_id = $1 and user_id = $2 and (expires_at is null or expires_at > $3)";
    conn.optional::<(i32,)>(sql, &[&guild, &user, &now]).await.map(|found| found.is_some())
}

/// The row of a ban, even if it has ended.
pub async fn ban(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<Option<Ban>> {
    let sql = "select b.user_id, u.username, u.display_name, u.avatar_file_id, u.kind, b.reason, b.actor_id,
        b.created_at, b.expires_at from bans b join users u on u.id = b.user_id
        where b.guild_id = $1 and b.user_id = $2";
    Ok(conn.optional::<BanRow>(sql, &[&guild, &user]).await?.map(Ban::from))
}

/// Bans in force of accounts after one, in the order of accounts.
pub async fn page(conn: &mut Conn, guild: GuildId, after: UserId, now: Timestamp, limit: i64) -> Result<Vec<Ban>> {
    let sql = "select b.user_id, u.username, u.display_name, u.avatar_file_id, u.kind, b.reason, b.actor_id,
        b.created_at, b.expires_at from bans b join users u on u.id = b.user_id
        where b.guild_id = $1 and b.user_id > $2 and (b.expires_at is null or b.expires_at > $3)
        order by b.user_id limit $4";
    Ok(conn.all::<BanRow>(sql, &[&guild, &after, &now, &limit]).await?.into_iter().map(Ban::from).collect())
}

/// Stores a ban, in the place of one that has ended if its row is still there.
pub async fn put(conn: &mut Conn, guild: GuildId, ban: &Ban) -> Result<()> {
    let sql = "insert into bans (guild_id, user_id, reason, actor_id, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (guild_id, user_id) do update set reason = excluded.reason, actor_id = excluded.actor_id,
        created_at = excluded.created_at, expires_at = excluded.expires_at";
    let Ban { user, reason, actor_id, created_at, expires_at } = ban;
    conn.execute(sql, &[&guild, &user.id, reason, actor_id, created_at, expires_at]).await.map(drop)
}

pub async fn delete(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<()> {
    conn.execute("delete from bans where guild_id = $1 and user_id = $2", &[&guild, &user]).await.map(drop)
}

/// Bans that have ended, of guilds that are there.
pub async fn ended(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<(GuildId, UserId)>> {
    let sql = "select b.guild_id, b.user_id from bans b join guilds g on g.id = b.guild_id
        where b.expires_at <= $1 and g.deleted_at is null order by b.expires_at limit $2";
    conn.all(sql, &[&now, &limit]).await
}
