//! Who is in which direct or group channel.

use std::collections::HashMap;

use crate::channels::Channel;
use crate::channels::store::ChannelRow;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, UserId};

/// The direct and group channels that somebody is in, the newest first, with their recipients.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Vec<Channel>> {
    let sql = "select c.id, c.guild_id, c.kind, c.name, c.topic, c.parent_id, c.position, c.inherits, c.nsfw,
        c.slowmode_seconds, c.owner_id, c.starter_message_id, c.archived, c.locked, c.user_limit,
        c.version, c.created_at
        from recipients r join channels c on c.id = r.channel_id
        where r.user_id = $1 and c.deleted_at is null order by c.id desc";
    let rows: Vec<ChannelRow> = conn.all(sql, &[&user]).await?;
    let sql = "select o.channel_id, o.user_id from recipients r join recipients o on o.channel_id = r.channel_id
        where r.user_id = $1 order by o.user_id";
    let pairs: Vec<(ChannelId, UserId)> = conn.all(sql, &[&user]).await?;
    let mut recipients: HashMap<ChannelId, Vec<UserId>> = HashMap::new();
    for (channel, other) in pairs {
        recipients.entry(channel).or_default().push(other);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let people = recipients.remove(&row.id).unwrap_or_default();
            row.channel(Vec::new(), people)
        })
        .collect())
}

/// The ids of the direct and group channels that somebody is in.
pub async fn ids_of_user(conn: &mut Conn, user: UserId) -> Result<Vec<ChannelId>> {
    let sql = "select r.channel_id from recipients r join channels c on c.id = r.channel_id
        where r.user_id = $1 and c.deleted_at is null order by r.channel_id";
    let rows: Vec<(ChannelId,)> = conn.all(sql, &[&user]).await?;
    Ok(rows.into_iter().map(|(channel,)| channel).collect())
}

/// Those whom somebody talks to in direct and group channels, the newest channels first, `limit` at most.
pub async fn partners(conn: &mut Conn, user: UserId, limit: i64) -> Result<Vec<(ChannelId, UserId)>> {
    let sql = "select o.channel_id, o.user_id from recipients r join recipients o on o.channel_id = r.channel_id
        where r.user_id = $1 and o.user_id <> $1 order by o.channel_id desc, o.user_id limit $2";
    conn.all(sql, &[&user, &limit]).await
}

/// The direct channel of two people, if they have one.
pub async fn pair(conn: &mut Conn, low: UserId, high: UserId) -> Result<Option<ChannelId>> {
    let sql = "select channel_id from direct_pairs where low_id = $1 and high_id = $2";
    let found: Option<(ChannelId,)> = conn.optional(sql, &[&low, &high]).await?;
    Ok(found.map(|(channel,)| channel))
}

pub async fn insert_pair(conn: &mut Conn, low: UserId, high: UserId, channel: ChannelId) -> Result<()> {
    let sql = "insert into direct_pairs (low_id, high_id, channel_id) values ($1, $2, $3)";
    conn.execute(sql, &[&low, &high, &channel]).await.map(drop)
}

pub async fn add(conn: &mut Conn, channel: ChannelId, user: UserId) -> Result<()> {
    let sql = "insert into recipients (channel_id, user_id) values ($1, $2) on conflict do nothing";
    conn.execute(sql, &[&channel, &user]).await.map(drop)
}

pub async fn remove(conn: &mut Conn, channel: ChannelId, user: UserId) -> Result<()> {
    conn.execute("delete from recipients where channel_id = $1 and user_id = $2", &[&channel, &user]).await.map(drop)
}

/// Gives a group another owner.
pub async fn set_owner(conn: &mut Conn, channel: ChannelId, owner: UserId) -> Result<()> {
    conn.execute("update channels set owner_id = $2 where id = $1", &[&channel, &owner]).await.map(drop)
}
