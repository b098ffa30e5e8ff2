//! The tables of channels, and all that decides permissions.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::remembered::{Direct, Home};
use super::rules::{
    ChannelKind, ChannelRule, GuildRules, MemberRules, Overwrite, OverwriteKind, RoleRule, Verification,
};
use super::{Channel, OverwriteView, Permissions};
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, GuildId, MessageId, RoleId, UserId};

#[derive(sqlx::FromRow)]
struct RuleRow {
    id: ChannelId,
    kind: ChannelKind,
    parent_id: Option<ChannelId>,
    inherits: bool,
    slowmode_seconds: i64,
    archived: bool,
    locked: bool,
    owner_id: Option<UserId>,
    starter_message_id: Option<MessageId>,
    user_limit: i64,
}

/// All of a guild that decides permissions, at one moment if `conn` is a transaction.
pub async fn guild_rules(conn: &mut Conn, guild: GuildId) -> Result<Option<GuildRules>> {
    let sql = "select owner_id, access_version, verification from guilds where id = $1 and deleted_at is null";
    let Some((owner, version, verification)) = conn.optional::<(UserId, i64, Verification)>(sql, &[&guild]).await?
    else {
        return Ok(None);
    };
    let sql = "select id, position, permissions, mentionable from roles where guild_id = $1";
    let roles: Vec<(RoleId, i64, Permissions, bool)> = conn.all(sql, &[&guild]).await?;
    let roles = roles
        .into_iter()
        .map(|(id, position, permissions, mentionable)| (id, RoleRule { position, permissions, mentionable }));
    let sql = "select id, kind, parent_id, inherits, slowmode_seconds, archived, locked, owner_id, starter_message_id,
        user_limit from channels where guild_id = $1 and deleted_at is null";
    let channels: Vec<RuleRow> = conn.all(sql, &[&guild]).await?;
    let mut channels: HashMap<ChannelId, ChannelRule> = channels.into_iter().map(|row| (row.id, row.into())).collect();
    let sql = "select o.channel_id, o.target_id, o.kind, o.allow, o.deny
        from overwrites o join channels c on c.id = o.channel_id where c.guild_id = $1";
    let overwrites: Vec<(ChannelId, i64, OverwriteKind, Permissions, Permissions)> = conn.all(sql, &[&guild]).await?;
    for (channel, target, kind, allow, deny) in overwrites {
        if let Some(rule) = channels.get_mut(&channel) {
            rule.overwrites.push(Overwrite { target, kind, allow, deny });
        }
    }
    Ok(Some(GuildRules { id: guild, version, owner, verification, roles: roles.collect(), channels }))
}

impl From<RuleRow> for ChannelRule {
    fn from(row: RuleRow) -> ChannelRule {
        ChannelRule {
            kind: row.kind,
            parent: row.parent_id,
            inherits: row.inherits,
            slowmode_seconds: row.slowmode_seconds,
            archived: row.archived,
            locked: row.locked,
            owner: row.owner_id,
            starter: row.starter_message_id,
            user_limit: row.user_limit,
            overwrites: Vec::new(),
        }
    }
}

/// The version of a guild's rules; nothing if there is no such guild.
pub async fn access_version(conn: &mut Conn, guild: GuildId) -> Result<Option<i64>> {
    let sql = "select access_version from guilds where id = $1 and deleted_at is null";
    let found: Option<(i64,)> = conn.optional(sql, &[&guild]).await?;
    Ok(found.map(|(version,)| version))
}

/// Raises the version of a guild's rules: every change that they decide on must.
pub async fn raise_access_version(conn: &mut Conn, guild: GuildId) -> Result<()> {
    conn.execute("update guilds set access_version = access_version + 1 where id = $1", &[&guild]).await.map(drop)
}

/// What of a member decides permissions; nothing if they are none.
pub async fn member_rules(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<Option<MemberRules>> {
    let sql = "select m.timed_out_until, r.role_id from members m
        left join member_roles r on r.guild_id = m.guild_id and r.user_id = m.user_id
        where m.guild_id = $1 and m.user_id = $2";
    let rows: Vec<(Option<Timestamp>, Option<RoleId>)> = conn.all(sql, &[&guild, &user]).await?;
    let Some(&(timed_out_until, _)) = rows.first() else { return Ok(None) };
    let roles = rows.into_iter().filter_map(|(_, role)| role).collect();
    Ok(Some(MemberRules { user, roles, timed_out_until }))
}

/// Where a channel belongs; nothing if there is none.
pub async fn home(conn: &mut Conn, channel: ChannelId) -> Result<Option<Home>> {
    let sql = "select guild_id, kind, owner_id from channels where id = $1 and deleted_at is null";
    let found: Option<(Option<GuildId>, ChannelKind, Option<UserId>)> = conn.optional(sql, &[&channel]).await?;
    Ok(match found {
        None => None,
        Some((Some(guild), ..)) => Some(Home::Guild(guild)),
        Some((None, kind, owner)) => {
            let recipients = recipients(conn, channel).await?;
            Some(Home::Direct(Arc::new(Direct { id: channel, kind, recipients, owner })))
        }
    })
}

/// Who is in a direct or group channel.
pub async fn recipients(conn: &mut Conn, channel: ChannelId) -> Result<SmallVec<[UserId; 2]>> {
    let sql = "select user_id from recipients where channel_id = $1 order by user_id";
    let rows: Vec<(UserId,)> = conn.all(sql, &[&channel]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

// Channels ---------------------------------------------------------------------

/// A channel about to be stored.
pub struct NewRow {
    pub id: ChannelId,
    pub guild_id: Option<GuildId>,
    pub kind: ChannelKind,
    pub name: String,
    pub topic: String,
    pub parent_id: Option<ChannelId>,
    pub position: i64,
    pub inherits: bool,
    pub nsfw: bool,
    pub slowmode_seconds: i64,
    pub owner_id: Option<UserId>,
    pub starter_message_id: Option<MessageId>,
    pub user_limit: i64,
}

impl NewRow {
    /// A plain text channel.
    pub fn text(id: ChannelId, guild: GuildId, name: &str) -> NewRow {
        NewRow {
            id,
            guild_id: Some(guild),
            kind: ChannelKind::Text,
            name: name.to_owned(),
            topic: String::new(),
            parent_id: None,
            position: 0,
            inherits: true,
            nsfw: false,
            slowmode_seconds: 0,
            owner_id: None,
            starter_message_id: None,
            user_limit: 0,
        }
    }

    /// A channel between people.
    pub fn direct(id: ChannelId, kind: ChannelKind) -> NewRow {
        NewRow { guild_id: None, kind, inherits: false, ..NewRow::text(id, GuildId(0), "") }
    }
}

pub async fn insert(conn: &mut Conn, new: &NewRow, now: Timestamp) -> Result<()> {
    let sql = "insert into channels (id, guild_id, kind, name, topic, parent_id, position, inherits, nsfw,
        slowmode_seconds, owner_id, starter_message_id, user_limit, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    conn.execute(
        sql,
        &[
            &new.id,
            &new.guild_id,
            &new.kind,
            &new.name,
            &new.topic,
            &new.parent_id,
            &new.position,
            &new.inherits,
            &new.nsfw,
            &new.slowmode_seconds,
            &new.owner_id,
            &new.starter_message_id,
            &new.user_limit,
            &now,
        ],
    )
    .await
    .map(drop)
}

#[derive(sqlx::FromRow)]
pub(super) struct ChannelRow {
    pub(super) id: ChannelId,
    guild_id: Option<GuildId>,
    kind: ChannelKind,
    name: String,
    topic: String,
    parent_id: Option<ChannelId>,
    position: i64,
    inherits: bool,
    nsfw: bool,
    slowmode_seconds: i64,
    owner_id: Option<UserId>,
    starter_message_id: Option<MessageId>,
    archived: bool,
    locked: bool,
    user_limit: i64,
    version: i64,
    created_at: Timestamp,
}

impl ChannelRow {
    pub(super) fn channel(self, overwrites: Vec<OverwriteView>, recipients: Vec<UserId>) -> Channel {
        Channel {
            id: self.id,
            guild_id: self.guild_id,
            kind: self.kind,
            name: self.name,
            topic: self.topic,
            parent_id: self.parent_id,
            position: self.position,
            inherits: self.inherits,
            nsfw: self.nsfw,
            slowmode_seconds: self.slowmode_seconds,
            owner_id: self.owner_id,
            starter_message_id: self.starter_message_id,
            archived: self.archived,
            locked: self.locked,
            user_limit: self.user_limit,
            overwrites,
            recipients,
            version: self.version,
            created_at: self.created_at,
        }
    }
}

/// One channel with its overwrites and recipients.
pub async fn channel(conn: &mut Conn, id: ChannelId) -> Result<Option<Channel>> {
    let sql = "select id, guild_id, kind, name, topic, parent_id, position, inherits, nsfw, slowmode_seconds, owner_id,
        starter_message_id, archived, locked, user_limit, version, created_at
        from channels where id = $1 and deleted_at is null";
    let Some(row) = conn.optional::<ChannelRow>(sql, &[&id]).await? else { return Ok(None) };
    let overwrites = overwrites(conn, id).await?.iter().map(OverwriteView::from).collect();
    let recipients = if row.guild_id.is_none() { recipients(conn, id).await?.into_vec() } else { Vec::new() };
    Ok(Some(row.channel(overwrites, recipients)))
}

/// A channel's own exceptions.
pub async fn overwrites(conn: &mut Conn, channel: ChannelId) -> Result<Vec<Overwrite>> {
    let sql = "select target_id, kind, allow, deny from overwrites where channel_id = $1 order by target_id";
    let rows: Vec<(i64, OverwriteKind, Permissions, Permissions)> = conn.all(sql, &[&channel]).await?;
    Ok(rows.into_iter().map(|(target, kind, allow, deny)| Overwrite { target, kind, allow, deny }).collect())
}

/// A guild's channels and threads, in their order.
pub async fn channels(conn: &mut Conn, guild: GuildId) -> Result<Vec<Channel>> {
    let sql = "select id, guild_id, kind, name, topic, parent_id, position, inherits, nsfw, slowmode_seconds, owner_id,
        starter_message_id, archived, locked, user_limit, version, created_at
        from channels where guild_id = $1 and deleted_at is null order by position, id";
    let rows: Vec<ChannelRow> = conn.all(sql, &[&guild]).await?;
    let sql = "select o.channel_id, o.target_id, o.kind, o.allow, o.deny
        from overwrites o join channels c on c.id = o.channel_id where c.guild_id = $1 order by o.target_id";
    let all: Vec<(ChannelId, i64, OverwriteKind, Permissions, Permissions)> = conn.all(sql, &[&guild]).await?;
    let mut overwrites: HashMap<ChannelId, Vec<OverwriteView>> = HashMap::new();
    for (channel, target, kind, allow, deny) in all {
        overwrites.entry(channel).or_default().push(OverwriteView::from(&Overwrite { target, kind, allow, deny }));
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let own = overwrites.remove(&row.id).unwrap_or_default();
            row.channel(own, Vec::new())
        })
        .collect())
}

/// Puts a thread away, or takes it out again.
pub async fn set_archived(conn: &mut Conn, channel: ChannelId, archived: bool) -> Result<()> {
    let sql = "update channels set archived = $2, version = version + 1 where id = $1";
    conn.execute(sql, &[&channel, &archived]).await.map(drop)
}

/// Whether there is or was a channel with this id.
pub async fn was_there(conn: &mut Conn, id: ChannelId) -> Result<bool> {
    let found: Option<(i32,)> = conn.optional("select 1 from channels where id = $1", &[&id]).await?;
    Ok(found.is_some())
}

/// How many channels and threads of a guild aren't put away.
pub async fn count(conn: &mut Conn, guild: GuildId) -> Result<i64> {
    let sql = "select count(*) from channels where guild_id = $1 and deleted_at is null and not archived";
    conn.one::<(i64,)>(sql, &[&guild]).await.map(|(count,)| count)
}

/// The place after a guild's last channel.
pub async fn next_position(conn: &mut Conn, guild: GuildId) -> Result<i64> {
    let sql = "select coalesce(max(position), -1) + 1 from channels
        where guild_id = $1 and deleted_at is null and kind <> 'thread'";
    conn.one::<(i64,)>(sql, &[&guild]).await.map(|(position,)| position)
}

/// The threads of a channel that are put away or not, the newest first.
pub async fn threads(
    conn: &mut Conn,
    channel: ChannelId,
    archived: bool,
    before: ChannelId,
    limit: i64,
) -> Result<Vec<Channel>> {
    let sql = "select id, guild_id, kind, name, topic, parent_id, position, inherits, nsfw, slowmode_seconds, owner_id,
        starter_message_id, archived, locked, user_limit, version, created_at from channels
        where parent_id = $1 and kind = 'thread' and archived = $2 and id < $3 and deleted_at is null
        order by id desc limit $4";
    let rows: Vec<ChannelRow> = conn.all(sql, &[&channel, &archived, &before, &limit]).await?;
    Ok(rows.into_iter().map(|row| row.channel(Vec::new(), Vec::new())).collect())
}

/// The channels in a category, or the threads of a channel.
pub async fn children(conn: &mut Conn, parent: ChannelId) -> Result<Vec<ChannelId>> {
    let sql = "select id from channels where parent_id = $1 and deleted_at is null order by position, id";
    let rows: Vec<(ChannelId,)> = conn.all(sql, &[&parent]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Stores what of a channel can be changed, as its next version.
pub async fn update(conn: &mut Conn, channel: &Channel) -> Result<()> {
    let sql = "update channels set name = $2, topic = $3, parent_id = $4, position = $5, inherits = $6, nsfw = $7,
        slowmode_seconds = $8, archived = $9, locked = $10, owner_id = $11, user_limit = $12,
        version = version + 1 where id = $1";
    conn.execute(
        sql,
        &[
            &channel.id,
            &channel.name,
            &channel.topic,
            &channel.parent_id,
            &channel.position,
            &channel.inherits,
            &channel.nsfw,
            &channel.slowmode_seconds,
            &channel.archived,
            &channel.locked,
            &channel.owner_id,
            &channel.user_limit,
        ],
    )
    .await
    .map(drop)
}

/// Raises a channel's version, where something that hangs on it changed.
pub async fn touch(conn: &mut Conn, channel: ChannelId) -> Result<()> {
    conn.execute("update channels set version = version + 1 where id = $1", &[&channel]).await.map(drop)
}

/// Deletes a channel, for all who ask; what was said in it is cleared away later.
pub async fn delete(conn: &mut Conn, channel: ChannelId, now: Timestamp) -> Result<()> {
    conn.execute("update channels set deleted_at = $2 where id = $1", &[&channel, &now]).await?;
    conn.execute("delete from overwrites where channel_id = $1", &[&channel]).await?;
    conn.execute("delete from slowmodes where channel_id = $1", &[&channel]).await.map(drop)
}

/// Adds an exception to a channel, or replaces the one for the same target.
pub async fn put_overwrite(conn: &mut Conn, channel: ChannelId, one: &Overwrite) -> Result<()> {
    let sql = "insert into overwrites (channel_id, target_id, kind, allow, deny) values ($1, $2, $3, $4, $5)
        on conflict (channel_id, target_id) do update set allow = excluded.allow, deny = excluded.deny";
    conn.execute(sql, &[&channel, &one.target, &one.kind, &one.allow, &one.deny]).await.map(drop)
}

/// Removes an exception from a channel.
pub async fn delete_overwrite(conn: &mut Conn, channel: ChannelId, target: i64) -> Result<()> {
    let sql = "delete from overwrites where channel_id = $1 and target_id = $2";
    conn.execute(sql, &[&channel, &target]).await.map(drop)
}
