//! The table of invitations.

use super::Invite;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, UserId};

#[derive(sqlx::FromRow)]
struct InviteRow {
    code: String,
    guild_id: GuildId,
    channel_id: Option<ChannelId>,
    inviter_id: UserId,
    max_uses: Option<i64>,
    uses: i64,
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<InviteRow> for Invite {
    fn from(row: InviteRow) -> Invite {
        Invite {
            code: row.code,
            guild_id: row.guild_id,
            channel_id: row.channel_id,
            inviter_id: row.inviter_id,
            uses: row.uses,
            max_uses: row.max_uses,
            expires_at: row.expires_at,
            created_at: row.created_at,
        }
    }
}

pub async fn insert(conn: &mut Conn, new: &Invite) -> Result<()> {
    let sql = "insert into invites (code, guild_id, channel_id, inviter_id, max_uses, uses, expires_at, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    conn.execute(
        sql,
        &[
            &new.code,
            &new.guild_id,
            &new.channel_id,
            &new.inviter_id,
            &new.max_uses,
            &new.uses,
            &new.expires_at,
            &new.created_at,
        ],
    )
    .await
    .map(drop)
}

/// An invitation that can be accepted: neither ended nor used up, and its guild is there.
pub async fn invite(conn: &mut Conn, code: &str, now: Timestamp) -> Result<Option<Invite>> {
    let sql = "select i.code, i.guild_id, i.channel_id, i.inviter_id, i.max_uses, i.uses, i.expires_at, i.created_at
        from invites i join guilds g on g.id = i.guild_id
        where i.code = $1 and g.deleted_at is null and (i.expires_at is null or i.expires_at > $2)
        and (i.max_uses is null or i.uses < i.max_uses)";
    Ok(conn.optional::<InviteRow>(sql, &[&code, &now]).await?.map(Invite::from))
}

/// A guild's invitations that can be accepted, the newest first.
pub async fn of_guild(conn: &mut Conn, guild: GuildId, now: Timestamp) -> Result<Vec<Invite>> {
    let sql = "select code, guild_id, channel_id, inviter_id, max_uses, uses, expires_at, created_at from invites
        where guild_id = $1 and (expires_at is null or expires_at > $2) and (max_uses is null or uses < max_uses)
        order by created_at desc, code";
    Ok(conn.all::<InviteRow>(sql, &[&guild, &now]).await?.into_iter().map(Invite::from).collect())
}

/// How many of a guild's invitations can be accepted.
pub async fn count(conn: &mut Conn, guild: GuildId, now: Timestamp) -> Result<i64> {
    let sql = "select count(*) from invites
        where guild_id = $1 and (expires_at is null or expires_at > $2) and (max_uses is null or uses < max_uses)";
    conn.one::<(i64,)>(sql, &[&guild, &now]).await.map(|(count,)| count)
}

pub async fn count_use(conn: &mut Conn, code: &str) -> Result<()> {
    conn.execute("update invites set uses = uses + 1 where code = $1", &[&code]).await.map(drop)
}

/// Removes an invitation; whether it was there.
pub async fn delete(conn: &mut Conn, code: &str) -> Result<bool> {
    conn.execute("delete from invites where code = $1", &[&code]).await.map(|rows| rows > 0)
}

/// Takes a channel that is gone out of a guild's invitations.
pub async fn forget_channel(conn: &mut Conn, guild: GuildId, channel: ChannelId) -> Result<()> {
    let sql = "update invites set channel_id = null where guild_id = $1 and channel_id = $2";
    conn.execute(sql, &[&guild, &channel]).await.map(drop)
}
