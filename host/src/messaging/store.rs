//! The tables of messages.

use crate::clock::Timestamp;
use crate::db::{Conn, Result, Rows};
use crate::id::{ChannelId, GuildId, MessageId, TargetId, UserId};
use crate::messaging::editing::Revision;
use crate::messaging::{AuthorKind, MessageKind};

pub mod marks;

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
    Rows::new("insert into mentions (target_id, channel_id, position, author_id) values", 4, "on conflict do nothing");
static DELETE_MENTIONS: Rows = Rows::new(
    "with gone (target_id, channel_id, position) as (values",
    3,
    ") delete from mentions where (target_id, channel_id, position) in
        (select cast(target_id as bigint), cast(channel_id as bigint), cast(position as bigint) from gone)",
);
static BURY: Rows = Rows::new(
    "with gone (message_id, at) as (values",
    2,
    ") update messages set content = '', extras = null, flags = 0, deleted_at = cast(gone.at as bigint)
        from gone where id = cast(gone.message_id as bigint)",
);
static DELETE_REVISIONS: Rows = Rows::new("delete from revisions where message_id in (", 1, ")");
static MEMBERS: Rows = Rows::new(
    "with asked (guild_id, user_id) as (values",
    2,
    ") select user_id from members where (guild_id, user_id) in
        (select cast(guild_id as bigint), cast(user_id as bigint) from asked)",
);
static MESSAGES: Rows = Rows::new(
    "select id, channel_id, position, kind, author_id, author_kind, content, extras, flags, edited_at, deleted_at
        from messages where id in (",
    1,
    ")",
);
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
    pub mentions: Vec<TargetId>,
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
    let mentioned: Vec<(&TargetId, &NewMessage)> =
        messages.iter().flat_map(|m| m.mentions.iter().map(move |target| (target, *m))).collect();
    conn.insert_many(&INSERT_MENTIONS, mentioned.len(), |i| {
        let (target, m) = mentioned[i];
        [target, &m.channel_id, &m.position, &m.author_id]
    })
    .await
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

/// Messages and tombstones among these, the oldest first.
pub async fn messages(conn: &mut Conn, ids: &[MessageId]) -> Result<Vec<MessageRow>> {
    let mut rows: Vec<MessageRow> = conn.look_up(&MESSAGES, ids.len(), |i| [&ids[i]]).await?;
    rows.sort_by_key(|row| row.position);
    rows.dedup_by_key(|row| row.id);
    Ok(rows)
}

/// Which of these people belong to the guild.
pub async fn members_among(conn: &mut Conn, guild: GuildId, users: &[UserId]) -> Result<Vec<UserId>> {
    let rows: Vec<(UserId,)> = conn.look_up(&MEMBERS, users.len(), |i| [&guild, &users[i]]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

// Changing and deleting ----------------------------------------------------------

/// Gives a message another text.
pub async fn rewrite(
    conn: &mut Conn,
    id: MessageId,
    content: &str,
    extras: &Option<String>,
    now: Timestamp,
) -> Result<()> {
    let sql = "update messages set content = $2, extras = $3, edited_at = $4 where id = $1";
    conn.execute(sql, &[&id, &content, extras, &now]).await.map(drop)
}

/// Keeps what a message said before, and since when.
pub async fn insert_revision(conn: &mut Conn, id: MessageId, content: &str, written_at: Timestamp) -> Result<()> {
    let sql = "select coalesce(max(revision), 0) + 1 from revisions where message_id = $1";
    let (revision,): (i64,) = conn.one(sql, &[&id]).await?;
    let sql = "insert into revisions (message_id, revision, content, written_at) values ($1, $2, $3, $4)";
    conn.execute(sql, &[&id, &revision, &content, &written_at]).await.map(drop)
}

/// What a message said before it was edited at this moment; nothing if that is forgotten.
pub async fn text_before(conn: &mut Conn, id: MessageId, edited_at: Timestamp) -> Result<Option<String>> {
    let sql = "select content from revisions where message_id = $1 and written_at < $2 order by revision desc limit 1";
    let found: Option<(String,)> = conn.optional(sql, &[&id, &edited_at]).await?;
    Ok(found.map(|(content,)| content))
}

/// What a message said before, the newest first.
pub async fn revisions(conn: &mut Conn, id: MessageId, before: i64, limit: i64) -> Result<Vec<Revision>> {
    let sql = "select revision, content, written_at from revisions
        where message_id = $1 and revision < $2 order by revision desc limit $3";
    let rows: Vec<(i64, String, Timestamp)> = conn.all(sql, &[&id, &before, &limit]).await?;
    let revision = |(revision, content, written_at)| Revision { revision, content, written_at };
    Ok(rows.into_iter().map(revision).collect())
}

/// Notes whom a message mentions besides those that it mentioned before.
pub async fn insert_mentions(conn: &mut Conn, row: &MessageRow, targets: &[TargetId]) -> Result<()> {
    let values =
        |i: usize| -> [&dyn crate::db::Param; 4] { [&targets[i], &row.channel_id, &row.position, &row.author_id] };
    conn.insert_many(&INSERT_MENTIONS, targets.len(), values).await
}

/// Forgets that the messages at these positions mention these targets.
pub async fn delete_mentions(conn: &mut Conn, mentioned: &[(TargetId, ChannelId, i64)]) -> Result<()> {
    let row = |i: usize| -> [&dyn crate::db::Param; 3] { [&mentioned[i].0, &mentioned[i].1, &mentioned[i].2] };
    conn.look_up::<(i64,), 3>(&DELETE_MENTIONS, mentioned.len(), row).await.map(drop)
}

/// Leaves of messages nothing but their places.
pub async fn bury(conn: &mut Conn, ids: &[MessageId], now: Timestamp) -> Result<()> {
    conn.look_up::<(i64,), 2>(&BURY, ids.len(), |i| [&ids[i], &now]).await.map(drop)
}

/// Removes what messages said before.
pub async fn delete_revisions(conn: &mut Conn, ids: &[MessageId]) -> Result<()> {
    conn.look_up::<(i64,), 1>(&DELETE_REVISIONS, ids.len(), |i| [&ids[i]]).await.map(drop)
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
