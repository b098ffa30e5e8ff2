//! The tables of audit logs: the chain, which stays, and the personal part, which can be erased.

use std::collections::HashMap;

use super::{Action, ActorKind};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{AuditId, GuildId, TargetId, UserId};

/// A link of the chain as it is stored. The action is text here: a word that somebody put in by hand
/// must be found broken, not fail to be read.
#[derive(Debug, sqlx::FromRow)]
pub struct Link {
    pub guild_id: GuildId,
    pub sequence: i64,
    pub id: AuditId,
    pub action: String,
    pub target_id: Option<TargetId>,
    pub details_hash: String,
    pub previous_hash: String,
    pub hash: String,
    pub at: Timestamp,
}

/// The personal part of an entry.
#[derive(Debug)]
pub struct Details {
    pub salt: String,
    pub actor_id: Option<UserId>,
    pub actor_kind: ActorKind,
    pub changes: String,
    pub reason: String,
    pub request_id: String,
}

/// The sequence and the hash of a guild's last entry.
pub async fn last(conn: &mut Conn, guild: GuildId) -> Result<Option<(i64, String)>> {
    let sql = "select sequence, hash from audit_entries where guild_id = $1 order by sequence desc limit 1";
    conn.optional(sql, &[&guild]).await
}

pub async fn insert(conn: &mut Conn, link: &Link, details: &Details) -> Result<()> {
    let sql = "insert into audit_entries (guild_id, sequence, id, action, target_id, details_hash, previous_hash, hash,
        at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    conn.execute(
        sql,
        &[
            &link.guild_id,
            &link.sequence,
            &link.id,
            &link.action,
            &link.target_id,
            &link.details_hash,
            &link.previous_hash,
            &link.hash,
            &link.at,
        ],
    )
    .await?;
    let sql = "insert into audit_details (id, salt, actor_id, actor_kind, changes, reason, request_id)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let Details { salt, actor_id, actor_kind, changes, reason, request_id } = details;
    conn.execute(sql, &[&link.id, salt, actor_id, actor_kind, changes, reason, request_id]).await.map(drop)
}

/// Whether an account is a program.
pub async fn is_bot(conn: &mut Conn, user: UserId) -> Result<bool> {
    let sql = "select 1 from users where id = $1 and kind = 'bot'";
    conn.optional::<(i32,)>(sql, &[&user]).await.map(|found| found.is_some())
}

/// Links of a guild's chain after a sequence, in order.
pub async fn links_after(conn: &mut Conn, guild: GuildId, after: i64, limit: i64) -> Result<Vec<Link>> {
    let sql = "select guild_id, sequence, id, action, target_id, details_hash, previous_hash, hash, at
        from audit_entries where guild_id = $1 and sequence > $2 order by sequence limit $3";
    conn.all(sql, &[&guild, &after, &limit]).await
}

#[derive(sqlx::FromRow)]
struct DetailsRow {
    id: AuditId,
    salt: String,
    actor_id: Option<UserId>,
    actor_kind: ActorKind,
    changes: String,
    reason: String,
    request_id: String,
}

/// The details, as far as they are there, of a stretch of a guild's chain.
pub async fn details_between(conn: &mut Conn, guild: GuildId, from: i64, to: i64) -> Result<HashMap<AuditId, Details>> {
    let sql = "select d.id, d.salt, d.actor_id, d.actor_kind, d.changes, d.reason, d.request_id
        from audit_entries e join audit_details d on d.id = e.id
        where e.guild_id = $1 and e.sequence between $2 and $3";
    let rows: Vec<DetailsRow> = conn.all(sql, &[&guild, &from, &to]).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

impl From<DetailsRow> for Details {
    fn from(row: DetailsRow) -> Details {
        Details {
            salt: row.salt,
            actor_id: row.actor_id,
            actor_kind: row.actor_kind,
            changes: row.changes,
            reason: row.reason,
            request_id: row.request_id,
        }
    }
}

/// An entry with its details, for readers.
#[derive(sqlx::FromRow)]
pub struct EntryRow {
    pub id: AuditId,
    pub action: String,
    pub target_id: Option<TargetId>,
    pub at: Timestamp,
    pub actor_id: Option<UserId>,
    pub actor_kind: Option<ActorKind>,
    pub changes: Option<String>,
    pub reason: Option<String>,
    pub request_id: Option<String>,
}

/// Which entries are wanted.
pub struct Filter {
    pub actor: Option<UserId>,
    pub action: Option<Action>,
    pub target: Option<TargetId>,
    pub before: i64,
}

/// A guild's entries, the newest first.
pub async fn entries(conn: &mut Conn, guild: GuildId, filter: &Filter, limit: i64) -> Result<Vec<EntryRow>> {
    let sql = "select e.id, e.action, e.target_id, e.at, d.actor_id, d.actor_kind, d.changes, d.reason, d.request_id
        from audit_entries e left join audit_details d on d.id = e.id
        where e.guild_id = $1 and e.sequence < $2 and (d.actor_id = $3 or $3 is null)
        and (e.action = $4 or $4 is null) and (e.target_id = $5 or $5 is null)
        order by e.sequence desc limit $6";
    let action = filter.action.map(|action| action.as_str().to_owned());
    conn.all(sql, &[&guild, &filter.before, &filter.actor, &action, &filter.target, &limit]).await
}

/// Where an entry stands in its guild's chain.
pub async fn sequence(conn: &mut Conn, guild: GuildId, id: AuditId) -> Result<Option<i64>> {
    let sql = "select sequence from audit_entries where guild_id = $1 and id = $2";
    Ok(conn.optional::<(i64,)>(sql, &[&guild, &id]).await?.map(|(sequence,)| sequence))
}

/// Removes the details of what somebody did, and of what was done to them.
pub async fn erase(conn: &mut Conn, person: UserId) -> Result<()> {
    let sql = "delete from audit_details where actor_id = $1
        or id in (select id from audit_entries where target_id = $1)";
    conn.execute(sql, &[&person]).await.map(drop)
}

/// Guilds with entries from before a moment that may go. Each guild's last one stays: the chain goes on from it.
pub async fn guilds_with_old(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<Vec<GuildId>> {
    let sql = "select distinct e.guild_id from audit_entries e where e.at < $1 and exists
        (select 1 from audit_entries later where later.guild_id = e.guild_id and later.sequence > e.sequence)
        limit $2";
    let rows: Vec<(GuildId,)> = conn.all(sql, &[&before, &limit]).await?;
    Ok(rows.into_iter().map(|(guild,)| guild).collect())
}

/// Removes a guild's oldest entries from before a moment, some at a time; answers how many.
pub async fn expire(conn: &mut Conn, guild: GuildId, before: Timestamp, at_most: i64) -> Result<u64> {
    let Some((last, _)) = last(conn, guild).await? else { return Ok(0) };
    let sql = "select id, sequence from audit_entries where guild_id = $1 and at < $2 and sequence < $3
        order by sequence limit $4";
    let old: Vec<(AuditId, i64)> = conn.all(sql, &[&guild, &before, &last, &at_most]).await?;
    for (id, sequence) in &old {
        conn.execute("delete from audit_details where id = $1", &[id]).await?;
        conn.execute("delete from audit_entries where guild_id = $1 and sequence = $2", &[&guild, sequence]).await?;
    }
    Ok(old.len() as u64)
}
