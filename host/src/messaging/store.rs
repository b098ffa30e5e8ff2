//! The tables of messages.

use crate::clock::Timestamp;
use crate::db::{Conn, Result, Rows};
use crate::id::{ChannelId, GuildId, MessageId, UserId};
use crate::messaging::read_states::{MAX_COUNTED, ReadState};
use crate::messaging::{AuthorKind, MessageKind};

/// Set in a message's flags once somebody has reacted to it: most pages need no look at reactions.
pub const FLAG_REACTED: i64 = 1;
/// Set while a message is pinned.
pub const FLAG_PINNED: i64 = 2;

static INSERT: Rows = Rows::new(
    "insert into messages (id, channel_id, position, kind, author_id, author_kind, content, extras, nonce) values",
    9,
    "",
);
static INSERT_MENTIONS: Rows =
    Rows::new("insert into mentions (user_id, channel_id, position) values", 3, "on conflict do nothing");
static ACCESS_VERSIONS: Rows =
    Rows::new("select id, access_version from guilds where id in (", 1, ") and deleted_at is null");
static BY_NONCES: Rows = Rows::new(
    "select id, author_id, channel_id, nonce from messages where (author_id, channel_id, nonce) in (values",
    3,
    ")",
);
static IN_CHANNEL: Rows = Rows::new("select id, channel_id, deleted_at from messages where id in (", 1, ")");

/// A message about to be stored.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub id: MessageId,
    pub channel_id: ChannelId,
    pub position: i64,
    pub kind: MessageKind,
    pub author_id: UserId,
    pub author_kind: AuthorKind,
    pub content: String,
    pub nonce: Option<String>,
    pub mentions: Vec<UserId>,
    pub extras: Option<String>,
}

impl NewMessage {
    /// What makes it the same message as one sent before.
    pub fn nonce_key(&self) -> Option<(UserId, ChannelId, &str)> {
        self.nonce.as_deref().map(|nonce| (self.author_id, self.channel_id, nonce))
    }
}

/// Stores messages whose positions are known.
pub async fn insert(conn: &mut Conn, messages: &[&NewMessage]) -> Result<()> {
    conn.insert_many(&INSERT, messages.len(), |i| {
        let m = messages[i];
        [&m.id, &m.channel_id, &m.position, &m.kind, &m.author_id, &m.author_kind, &m.content, &m.extras, &m.nonce]
    })
    .await?;
    let mentioned: Vec<(&UserId, &ChannelId, &i64)> =
        messages.iter().flat_map(|m| m.mentions.iter().map(|user| (user, &m.channel_id, &m.position))).collect();
    conn.insert_many(&INSERT_MENTIONS, mentioned.len(), |i| [mentioned[i].0, mentioned[i].1, mentioned[i].2]).await
}

/// The versions of guilds' rules.
pub async fn access_versions(conn: &mut Conn, guilds: &[GuildId]) -> Result<Vec<(GuildId, i64)>> {
    conn.look_up(&ACCESS_VERSIONS, guilds.len(), |i| [&guilds[i]]).await
}

/// Messages that were sent under these nonces.
pub async fn by_nonces(
    conn: &mut Conn,
    keys: &[(UserId, ChannelId, &str)],
) -> Result<Vec<(MessageId, UserId, ChannelId, String)>> {
    conn.look_up(&BY_NONCES, keys.len(), |i| [&keys[i].0, &keys[i].1, &keys[i].2]).await
}

/// Frees a nonce.
pub async fn forget_nonce(conn: &mut Conn, id: MessageId) -> Result<()> {
    conn.execute("update messages set nonce = null where id = $1", &[&id]).await.map(drop)
}

/// Which of these messages stand in the channel.
pub async fn in_channel(conn: &mut Conn, channel: ChannelId, ids: &[MessageId]) -> Result<Vec<MessageId>> {
    let rows: Vec<(MessageId, ChannelId, Option<Timestamp>)> =
        conn.look_up(&IN_CHANNEL, ids.len(), |i| [&ids[i]]).await?;
    Ok(rows.into_iter().filter(|(_, home, deleted)| *home == channel && deleted.is_none()).map(|(id, ..)| id).collect())
}

/// Takes the next turn in a channel with slow mode; if it isn't there yet, when it will be.
pub async fn take_slowmode(
    conn: &mut Conn,
    channel: ChannelId,
    user: UserId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Timestamp>> {
    let sql = "insert into slowmodes (channel_id, user_id, until) values ($1, $2, $4)
        on conflict (channel_id, user_id) do update set until = excluded.until where slowmodes.until <= $3";
    if conn.execute(sql, &[&channel, &user, &now, &until]).await? > 0 {
        return Ok(None);
    }
    let sql = "select until from slowmodes where channel_id = $1 and user_id = $2";
    let (free_at,): (Timestamp,) = conn.one(sql, &[&channel, &user]).await?;
    Ok(Some(free_at))
}

/// A message as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MessageRow {
    pub id: MessageId,
    pub channel_id: ChannelId,
    pub position: i64,
    pub kind: MessageKind,
    pub author_id: UserId,
    pub author_kind: AuthorKind,
    pub content: String,
    pub extras: Option<String>,
    pub flags: i64,
    pub edited_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
}

/// A message, or its tombstone.
pub async fn message(conn: &mut Conn, id: MessageId) -> Result<Option<MessageRow>> {
    let sql = "select id, channel_id, position, kind, author_id, author_kind, content, extras, flags, edited_at,
        deleted_at from messages where id = $1";
    conn.optional(sql, &[&id]).await
}

/// Messages before a position, the newest first.
pub async fn before(conn: &mut Conn, channel: ChannelId, position: i64, limit: i64) -> Result<Vec<MessageRow>> {
    let sql = "select id, channel_id, position, kind, author_id, author_kind, content, extras, flags, edited_at,
        deleted_at from messages where channel_id = $1 and position < $2 and deleted_at is null
        order by position desc limit $3";
    conn.all(sql, &[&channel, &position, &limit]).await
}

/// Messages after a position, the oldest first.
pub async fn after(conn: &mut Conn, channel: ChannelId, position: i64, limit: i64) -> Result<Vec<MessageRow>> {
    let sql = "select id, channel_id, position, kind, author_id, author_kind, content, extras, flags, edited_at,
        deleted_at from messages where channel_id = $1 and position > $2 and deleted_at is null
        order by position limit $3";
    conn.all(sql, &[&channel, &position, &limit]).await
}

/// How people reacted to the messages of a channel between two positions: `(message, emoji, count, me)`.
pub async fn reaction_counts(
    conn: &mut Conn,
    channel: ChannelId,
    (from, to): (i64, i64),
    reader: UserId,
) -> Result<Vec<(MessageId, String, i64, i64)>> {
    let sql = "select r.message_id, r.emoji, count(*), cast(max(case when r.user_id = $4 then 1 else 0 end) as bigint)
        from messages m join reactions r on r.message_id = m.id
        where m.channel_id = $1 and m.position between $2 and $3
        group by r.message_id, r.emoji order by r.message_id, min(r.created_at), r.emoji";
    conn.all(sql, &[&channel, &from, &to, &reader]).await
}

/// Where somebody stands in a channel; what was said before they first read it is all unread.
pub async fn read_state(conn: &mut Conn, user: UserId, channel: ChannelId) -> Result<ReadState> {
    let sql = "select position, message_id from read_states where user_id = $1 and channel_id = $2";
    let read: Option<(i64, MessageId)> = conn.optional(sql, &[&user, &channel]).await?;
    let position = read.map_or(0, |(position, _)| position);
    let sql = "select count(*) from (select 1 from messages
        where channel_id = $1 and position > $2 and deleted_at is null and author_id <> $3 limit $4) as unread";
    let (unread_count,): (i64,) = conn.one(sql, &[&channel, &position, &user, &MAX_COUNTED]).await?;
    let sql = "select count(*) from (select 1 from mentions
        where user_id = $1 and channel_id = $2 and position > $3 limit $4) as unread";
    let (mention_count,): (i64,) = conn.one(sql, &[&user, &channel, &position, &MAX_COUNTED]).await?;
    Ok(ReadState { channel_id: channel, last_read_id: read.map(|(_, id)| id), unread_count, mention_count })
}

/// Removes some of a channel's messages and all that hangs on them; answers how many.
pub async fn purge_channel(conn: &mut Conn, channel: ChannelId, at_most: i64) -> Result<u64> {
    for sql in [
        "delete from reactions where message_id in
            (select id from messages where channel_id = $1 order by position limit $2)",
        "delete from revisions where message_id in
            (select id from messages where channel_id = $1 order by position limit $2)",
    ] {
        conn.execute(sql, &[&channel, &at_most]).await?;
    }
    let sql = "delete from messages where id in
        (select id from messages where channel_id = $1 order by position limit $2)";
    let removed = conn.execute(sql, &[&channel, &at_most]).await?;
    if removed < at_most as u64 {
        for sql in [
            "delete from pins where channel_id = $1",
            "delete from mentions where channel_id = $1",
            "delete from read_states where channel_id = $1",
            "delete from slowmodes where channel_id = $1",
        ] {
            conn.execute(sql, &[&channel]).await?;
        }
    }
    Ok(removed)
}
