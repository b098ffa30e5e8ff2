//! The table of deliveries.

use super::Lane;
use crate::clock::Timestamp;
use crate::db::{Conn, Result, Rows};
use crate::id::{GuildId, InstallationId, UserId};

static INSERT: Rows = Rows::new(
    "insert into plugin_deliveries (id, installation_id, guild_id, hook, lane, position, input, event_id, actor_id,
        depth, due_at) values",
    11,
    "",
);

/// Something that an installation is to be told of.
#[derive(Debug, Clone)]
pub struct New {
    /// Whom, where, and after what.
    pub lane: Lane,
    /// The hook that takes it.
    pub hook: &'static str,
    /// Its place in the log.
    pub position: i64,
    /// What the hook is called with, as JSON.
    pub input: String,
    /// What it stems from.
    pub event_id: String,
    /// Who did that.
    pub actor: Option<UserId>,
    /// How many plugins' doings led there.
    pub depth: u8,
}

/// A delivery that waits.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Delivery {
    /// Its id.
    pub id: i64,
    /// What the hook is called with, as JSON.
    pub input: String,
    /// What it stems from.
    pub event_id: String,
    /// Who did that.
    pub actor_id: Option<UserId>,
    /// How many plugins' doings led there.
    pub depth: i64,
    /// How often it was tried.
    pub attempt: i64,
    /// When it is to be tried.
    pub due_at: Timestamp,
    /// Until when a node is at it.
    pub held_until: Timestamp,
}

/// Adds deliveries, each with its id.
pub async fn insert(conn: &mut Conn, new: &[(i64, New)], now: Timestamp) -> Result<()> {
    let depths: Vec<i64> = new.iter().map(|(_, one)| i64::from(one.depth)).collect();
    conn.insert_many(&INSERT, new.len(), |i| {
        let (id, one) = &new[i];
        [
            id,
            &one.lane.installation,
            &one.lane.guild,
            &one.hook,
            &one.lane.lane,
            &one.position,
            &one.input,
            &one.event_id,
            &one.actor,
            &depths[i],
            &now,
        ]
    })
    .await
}

/// How much waits, as far as anybody needs to know: counting more takes too long.
pub async fn waiting(conn: &mut Conn) -> Result<i64> {
    let sql = "select count(*) from (select 1 as one from plugin_deliveries limit 100000) as waiting";
    conn.one::<(i64,)>(sql, &[]).await.map(|(count,)| count)
}

/// Lanes in which something waits.
pub async fn lanes(conn: &mut Conn, at_most: i64) -> Result<Vec<Lane>> {
    let sql = "select installation_id, guild_id, lane from plugin_deliveries
        group by installation_id, guild_id, lane order by min(position) limit $1";
    let rows: Vec<(InstallationId, GuildId, i64)> = conn.all(sql, &[&at_most]).await?;
    Ok(rows.into_iter().map(|(installation, guild, lane)| Lane { installation, guild, lane }).collect())
}

/// What waits first in a lane, in order.
pub async fn first(conn: &mut Conn, lane: Lane, at_most: i64) -> Result<Vec<Delivery>> {
    let sql = "select id, input, event_id, actor_id, depth, attempt, due_at, held_until
        from plugin_deliveries where installation_id = $1 and lane = $2 order by position, id limit $3";
    conn.all(sql, &[&lane.installation, &lane.lane, &at_most]).await
}

/// When the first of what waits in a lane is due, if anything does.
pub async fn due(conn: &mut Conn, installation: InstallationId, lane: i64) -> Result<Option<Timestamp>> {
    let sql = "select due_at from plugin_deliveries where installation_id = $1 and lane = $2
        order by position, id limit 1";
    Ok(conn.optional::<(Timestamp,)>(sql, &[&installation, &lane]).await?.map(|(due,)| due))
}

/// Takes a delivery for a while, if nobody has taken it meanwhile.
pub async fn hold(conn: &mut Conn, id: i64, before: Timestamp, until: Timestamp) -> Result<bool> {
    let sql = "update plugin_deliveries set held_until = $3 where id = $1 and held_until = $2";
    Ok(conn.execute(sql, &[&id, &before, &until]).await? > 0)
}

/// Keeps what was taken of a lane for longer.
pub async fn renew(conn: &mut Conn, lane: Lane, held: Timestamp, until: Timestamp) -> Result<()> {
    let sql = "update plugin_deliveries set held_until = $4
        where installation_id = $1 and lane = $2 and held_until = $3";
    conn.execute(sql, &[&lane.installation, &lane.lane, &held, &until]).await.map(drop)
}

/// Lets go of what was taken of a lane until this moment.
pub async fn release(conn: &mut Conn, lane: Lane, until: Timestamp) -> Result<()> {
    let sql = "update plugin_deliveries set held_until = 0
        where installation_id = $1 and lane = $2 and held_until = $3";
    conn.execute(sql, &[&lane.installation, &lane.lane, &until]).await.map(drop)
}

/// Lets go of everything: whoever held it is gone.
pub async fn release_all(conn: &mut Conn) -> Result<()> {
    conn.execute("update plugin_deliveries set held_until = 0 where held_until <> 0", &[]).await.map(drop)
}

/// Puts a delivery off.
pub async fn postpone(conn: &mut Conn, id: i64, attempt: i64, due: Timestamp) -> Result<()> {
    let sql = "update plugin_deliveries set attempt = $2, due_at = $3, held_until = 0 where id = $1";
    conn.execute(sql, &[&id, &attempt, &due]).await.map(drop)
}

/// Lets an installation be told at once of what was put off.
pub async fn hurry(conn: &mut Conn, installation: InstallationId, now: Timestamp) -> Result<()> {
    let sql = "update plugin_deliveries set due_at = $2 where installation_id = $1 and due_at > $2";
    conn.execute(sql, &[&installation, &now]).await.map(drop)
}

/// Forgets what an installation was to be told of.
pub async fn clear(conn: &mut Conn, installation: InstallationId) -> Result<()> {
    conn.execute("delete from plugin_deliveries where installation_id = $1", &[&installation]).await.map(drop)
}
