//! The table of timers, as far as their time is concerned.

use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{GuildId, InstallationId};

/// A timer whose time has come.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Due {
    /// Whose.
    pub installation_id: InstallationId,
    /// In which guild.
    pub guild_id: GuildId,
    /// Its name.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What it was set with.
    pub payload: Vec<u8>,
    /// How many plugins' doings led to it.
    pub depth: i64,
    /// How often it was tried.
    pub attempt: i64,
    /// Until when a node was at it, or it had to wait.
    pub held_until: Timestamp,
}

/// Timers whose time has come and that nobody is at: first the oldest of each installation, so that none with many
/// keeps the others from theirs.
pub async fn due(conn: &mut Conn, now: Timestamp, at_most: i64) -> Result<Vec<Due>> {
    // Keys are ranked alone: payloads are large.
    let sql = "select t.installation_id, next.guild_id, t.id, t.at, t.payload, t.depth, t.attempt, t.held_until
        from (select installation_id, guild_id, id, turn from (
                select t.installation_id, i.guild_id, t.id, t.at,
                    row_number() over (partition by t.installation_id order by t.at, t.id) as turn
                from plugin_timers t join installations i on i.id = t.installation_id
                where t.at <= $1 and t.held_until <= $1 and i.state = 'enabled' and i.removed_at is null) as due
            order by turn, at, installation_id limit $2) as next
        join plugin_timers t on t.installation_id = next.installation_id and t.id = next.id
        order by next.turn, t.at, t.installation_id";
    conn.all(sql, &[&now, &at_most]).await
}

/// When the next timer is due, after a moment.
pub async fn next(conn: &mut Conn, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "select t.at from plugin_timers t join installations i on i.id = t.installation_id
        where t.at > $1 and i.state = 'enabled' and i.removed_at is null order by t.at limit 1";
    let coming: Option<(Timestamp,)> = conn.optional(sql, &[&now]).await?;
    let sql = "select min(t.held_until) from plugin_timers t join installations i on i.id = t.installation_id
        where t.at <= $1 and t.held_until > $1 and i.state = 'enabled' and i.removed_at is null";
    let (held,): (Option<Timestamp>,) = conn.one(sql, &[&now]).await?;
    Ok(coming.map(|(at,)| at).into_iter().chain(held).min())
}

/// Takes a timer for a while, if it is as it was.
pub async fn hold(conn: &mut Conn, timer: &Due, until: Timestamp) -> Result<bool> {
    let sql = "update plugin_timers set held_until = $5
        where installation_id = $1 and id = $2 and at = $3 and held_until = $4";
    let changed = conn.execute(sql, &[&timer.installation_id, &timer.id, &timer.at, &timer.held_until, &until]).await?;
    Ok(changed > 0)
}

/// Puts a timer off that is still set for the same moment.
pub async fn postpone(conn: &mut Conn, timer: &Due, attempt: i64, until: Timestamp) -> Result<()> {
    let sql = "update plugin_timers set attempt = $4, held_until = $5
        where installation_id = $1 and id = $2 and at = $3";
    conn.execute(sql, &[&timer.installation_id, &timer.id, &timer.at, &attempt, &until]).await.map(drop)
}

/// Lets go of everything: whoever held it is gone.
pub async fn release_all(conn: &mut Conn) -> Result<()> {
    conn.execute("update plugin_timers set held_until = 0 where held_until <> 0", &[]).await.map(drop)
}

/// Forgets the times of an installation's cron entries.
pub async fn clear_cron(conn: &mut Conn, installation: InstallationId) -> Result<()> {
    let sql = "delete from plugin_timers where installation_id = $1 and substr(id, 1, 5) = 'cron:'";
    conn.execute(sql, &[&installation]).await.map(drop)
}

/// Forgets an installation's timers.
pub async fn clear(conn: &mut Conn, installation: InstallationId) -> Result<()> {
    conn.execute("delete from plugin_timers where installation_id = $1", &[&installation]).await.map(drop)
}
