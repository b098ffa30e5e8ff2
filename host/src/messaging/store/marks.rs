//! The tables of what people leave on messages: reactions, pins, how far they have read.

use crate::clock::Timestamp;
use crate::db::{Conn, Result, Rows};
use crate::id::{ChannelId, MessageId, UserId};
use crate::messaging::read_states::{MAX_COUNTED, ReadState};

static REACTED: Rows = Rows::new(
    "with asked (message_id, emoji) as (values",
    2,
    ") select m.id, a.emoji, m.flags, m.deleted_at, (select count(*) from
            (select 1 from reactions r where r.message_id = a.message_id and r.emoji = a.emoji limit 1) as one)
        from (select distinct message_id, emoji from asked) a join messages m on m.id = a.message_id",
);
static INSERT_REACTIONS: Rows = Rows::new(
    "insert into reactions (message_id, emoji, user_id, created_at) values",
    4,
    "on conflict do nothing returning message_id, emoji, user_id",
);
static FLAG: Rows = Rows::new(
    "with flagged (message_id, flag) as (values",
    2,
    ") update messages set flags = flags | flagged.flag from flagged where id = flagged.message_id",
);
static DELETE_REACTIONS: Rows = Rows::new("delete from reactions where message_id in (", 1, ")");
static DELETE_PINS: Rows = Rows::new("delete from pins where (channel_id, message_id) in (values", 2, ")");
/// Counting stops at the most that is told: a channel costs no more than that, however long nobody came.
static READ_STATES: Rows = Rows::new(
    "with asked (channel_id, user_id) as (values",
    2,
    ") select a.channel_id, r.message_id,
        (select count(*) from (select 1 from messages m
            where m.channel_id = a.channel_id and m.position > coalesce(r.position, 0)
            and m.deleted_at is null and m.author_id <> a.user_id limit 1000) as unread),
        (select count(*) from (select distinct t.position from mentions t
            where t.target_id in (select a.user_id union all select c.guild_id union all
                select o.role_id from member_roles o where o.guild_id = c.guild_id and o.user_id = a.user_id)
            and t.channel_id = a.channel_id and t.position > coalesce(r.position, 0)
            and t.author_id <> a.user_id limit 1000) as mentioned)
        from (select distinct channel_id, user_id from asked) a
        join channels c on c.id = a.channel_id
        left join read_states r on r.user_id = a.user_id and r.channel_id = a.channel_id",
);
const _: () = assert!(MAX_COUNTED == 1_000, "the statement above says so too");

// Reactions ----------------------------------------------------------------------

/// A message on which somebody wants to leave an emoji.
#[derive(Debug, Clone)]
pub struct Reacted {
    pub id: MessageId,
    pub emoji: String,
    pub flags: i64,
    pub deleted_at: Option<Timestamp>,
    /// Whether somebody has left that emoji on it already.
    pub there: bool,
}

/// How messages stand to the emoji that somebody wants to leave on them.
pub async fn reacted(conn: &mut Conn, asked: &[(MessageId, &str)]) -> Result<Vec<Reacted>> {
    type Row = (MessageId, String, i64, Option<Timestamp>, i64);
    let rows: Vec<Row> = conn.look_up(&REACTED, asked.len(), |i| [&asked[i].0, &asked[i].1]).await?;
    let reacted = |(id, emoji, flags, deleted_at, count)| Reacted { id, emoji, flags, deleted_at, there: count > 0 };
    Ok(rows.into_iter().map(reacted).collect())
}

/// How many different emoji there are on a message: leaps from one to the next, whatever each one's count.
pub async fn distinct_emoji(conn: &mut Conn, message: MessageId) -> Result<i64> {
    let sql = "with recursive found (emoji) as (
            select min(emoji) from reactions where message_id = $1
            union all select (select min(r.emoji) from reactions r where r.message_id = $1 and r.emoji > found.emoji)
                from found where found.emoji is not null)
        select count(emoji) from found";
    conn.one::<(i64,)>(sql, &[&message]).await.map(|(count,)| count)
}

/// Stores reactions; answers those that were not there before.
pub async fn insert_reactions(
    conn: &mut Conn,
    reactions: &[(MessageId, &str, UserId)],
    now: Timestamp,
) -> Result<Vec<(MessageId, String, UserId)>> {
    let row = |i: usize| -> [&dyn crate::db::Param; 4] {
        let (message, emoji, user) = &reactions[i];
        [message, emoji, user, &now]
    };
    conn.look_up(&INSERT_REACTIONS, reactions.len(), row).await
}

/// Takes a reaction back; whether it was there.
pub async fn delete_reaction(conn: &mut Conn, message: MessageId, emoji: &str, user: UserId) -> Result<bool> {
    let sql = "delete from reactions where message_id = $1 and emoji = $2 and user_id = $3";
    Ok(conn.execute(sql, &[&message, &emoji, &user]).await? > 0)
}

/// Removes all reactions to these messages.
pub async fn delete_reactions(conn: &mut Conn, messages: &[MessageId]) -> Result<()> {
    conn.look_up::<(i64,), 1>(&DELETE_REACTIONS, messages.len(), |i| [&messages[i]]).await.map(drop)
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

/// Who reacted to a message with an emoji, in the order of accounts.
pub async fn reactors(
    conn: &mut Conn,
    message: MessageId,
    emoji: &str,
    after: UserId,
    limit: i64,
) -> Result<Vec<(UserId, Timestamp)>> {
    let sql = "select user_id, created_at from reactions where message_id = $1 and emoji = $2 and user_id > $3
        order by user_id limit $4";
    conn.all(sql, &[&message, &emoji, &after, &limit]).await
}

/// Sets a flag on messages.
pub async fn flag(conn: &mut Conn, messages: &[MessageId], flag: i64) -> Result<()> {
    conn.look_up::<(i64,), 2>(&FLAG, messages.len(), |i| [&messages[i], &flag]).await.map(drop)
}

/// Takes a flag off a message.
pub async fn unflag(conn: &mut Conn, message: MessageId, flag: i64) -> Result<()> {
    let others = !flag;
    conn.execute("update messages set flags = flags & $2 where id = $1", &[&message, &others]).await.map(drop)
}

// Pins ---------------------------------------------------------------------------

/// That a message is pinned.
#[derive(Debug, Clone, Copy)]
pub struct PinRow {
    pub message_id: MessageId,
    pub pinned_by: UserId,
    pub pinned_at: Timestamp,
}

impl From<(MessageId, UserId, Timestamp)> for PinRow {
    fn from((message_id, pinned_by, pinned_at): (MessageId, UserId, Timestamp)) -> PinRow {
        PinRow { message_id, pinned_by, pinned_at }
    }
}

pub async fn pin(conn: &mut Conn, channel: ChannelId, message: MessageId) -> Result<Option<PinRow>> {
    let sql = "select message_id, pinned_by, pinned_at from pins where channel_id = $1 and message_id = $2";
    let found: Option<(MessageId, UserId, Timestamp)> = conn.optional(sql, &[&channel, &message]).await?;
    Ok(found.map(PinRow::from))
}

/// A channel's pins older than one, the newest first.
pub async fn pins_before(
    conn: &mut Conn,
    channel: ChannelId,
    (at, message): (Timestamp, MessageId),
    limit: i64,
) -> Result<Vec<PinRow>> {
    let sql = "select message_id, pinned_by, pinned_at from pins
        where channel_id = $1 and (pinned_at < $2 or (pinned_at = $2 and message_id < $3))
        order by pinned_at desc, message_id desc limit $4";
    let rows: Vec<(MessageId, UserId, Timestamp)> = conn.all(sql, &[&channel, &at, &message, &limit]).await?;
    Ok(rows.into_iter().map(PinRow::from).collect())
}

pub async fn count_pins(conn: &mut Conn, channel: ChannelId) -> Result<i64> {
    let sql = "select count(*) from pins where channel_id = $1";
    conn.one::<(i64,)>(sql, &[&channel]).await.map(|(count,)| count)
}

pub async fn insert_pin(conn: &mut Conn, channel: ChannelId, pin: &PinRow) -> Result<()> {
    let sql = "insert into pins (channel_id, message_id, pinned_by, pinned_at) values ($1, $2, $3, $4)";
    conn.execute(sql, &[&channel, &pin.message_id, &pin.pinned_by, &pin.pinned_at]).await.map(drop)
}

/// Removes pins.
pub async fn delete_pins(conn: &mut Conn, pinned: &[(ChannelId, MessageId)]) -> Result<()> {
    conn.look_up::<(i64,), 2>(&DELETE_PINS, pinned.len(), |i| [&pinned[i].0, &pinned[i].1]).await.map(drop)
}

// Read states --------------------------------------------------------------------

/// Where somebody stands in channels; what was said before they first read one is all unread.
pub async fn read_states(conn: &mut Conn, user: UserId, channels: &[ChannelId]) -> Result<Vec<ReadState>> {
    let rows: Vec<(ChannelId, Option<MessageId>, i64, i64)> =
        conn.look_up(&READ_STATES, channels.len(), |i| [&channels[i], &user]).await?;
    let state = |(channel_id, last_read_id, unread_count, mention_count)| ReadState {
        channel_id,
        last_read_id,
        unread_count,
        mention_count,
    };
    Ok(rows.into_iter().map(state).collect())
}

/// The message up to which somebody has read a channel.
pub async fn last_read(conn: &mut Conn, user: UserId, channel: ChannelId) -> Result<Option<MessageId>> {
    let sql = "select message_id from read_states where user_id = $1 and channel_id = $2";
    Ok(conn.optional::<(MessageId,)>(sql, &[&user, &channel]).await?.map(|(message,)| message))
}

/// Says that somebody has read a channel up to a message.
pub async fn set_read(
    conn: &mut Conn,
    user: UserId,
    channel: ChannelId,
    (position, message): (i64, MessageId),
    now: Timestamp,
) -> Result<()> {
    let sql = "insert into read_states (user_id, channel_id, position, message_id, updated_at)
        values ($1, $2, $3, $4, $5) on conflict (user_id, channel_id) do update set
        position = excluded.position, message_id = excluded.message_id, updated_at = excluded.updated_at";
    conn.execute(sql, &[&user, &channel, &position, &message, &now]).await.map(drop)
}
