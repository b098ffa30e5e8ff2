//! The table of voice states.

use smallvec::SmallVec;

use super::{Present, Seat, VoiceState};
use crate::channels::MemberRules;
use crate::clock::Timestamp;
use crate::db::{Conn, Result};
use crate::id::{ChannelId, RoleId, StreamId, UserId};

#[derive(sqlx::FromRow)]
struct Row {
    user_id: UserId,
    stream_id: StreamId,
    channel_id: ChannelId,
    session_id: i64,
    node: i64,
    incarnation: i64,
    muted: bool,
    deafened: bool,
    position: i64,
    joined_at: Timestamp,
    server_muted: Option<bool>,
    server_deafened: Option<bool>,
}

impl From<Row> for Present {
    fn from(row: Row) -> Present {
        Present {
            state: VoiceState {
                user_id: row.user_id,
                channel_id: Some(row.channel_id),
                joined_at: row.joined_at,
                muted: row.muted,
                deafened: row.deafened,
                server_muted: row.server_muted.unwrap_or(false),
                server_deafened: row.server_deafened.unwrap_or(false),
                speaking: false,
            },
            channel: row.channel_id,
            stream: row.stream_id,
            seat: Seat { session: row.session_id, node: row.node, incarnation: row.incarnation },
            position: row.position,
        }
    }
}

/// Where somebody is; nothing if they are in no voice channel.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Option<Present>> {
    let sql = "select v.user_id, v.stream_id, v.channel_id, v.session_id, v.node, v.incarnation, v.muted, v.deafened,
        v.position, v.joined_at, m.muted as server_muted, m.deafened as server_deafened
        from voice_states v left join members m on m.guild_id = v.stream_id and m.user_id = v.user_id
        where v.user_id = $1";
    Ok(conn.optional::<Row>(sql, &[&user]).await?.map(Present::from))
}

/// Everybody in the channels of a stream, whoever came first first.
pub async fn in_stream(conn: &mut Conn, stream: StreamId) -> Result<Vec<Present>> {
    let sql = "select v.user_id, v.stream_id, v.channel_id, v.session_id, v.node, v.incarnation, v.muted, v.deafened,
        v.position, v.joined_at, m.muted as server_muted, m.deafened as server_deafened
        from voice_states v left join members m on m.guild_id = v.stream_id and m.user_id = v.user_id
        where v.stream_id = $1 order by v.joined_at, v.user_id";
    Ok(conn.all::<Row>(sql, &[&stream]).await?.into_iter().map(Present::from).collect())
}

/// How many are in a channel.
pub async fn count_in(conn: &mut Conn, channel: ChannelId) -> Result<i64> {
    let sql = "select count(*) from voice_states where channel_id = $1";
    conn.one::<(i64,)>(sql, &[&channel]).await.map(|(count,)| count)
}

/// Puts somebody in a channel, wherever they were before.
pub async fn put(
    conn: &mut Conn,
    user: UserId,
    (stream, channel): (StreamId, ChannelId),
    seat: Seat,
    (muted, deafened): (bool, bool),
    position: i64,
    now: Timestamp,
) -> Result<()> {
    let sql = "insert into voice_states
        (user_id, stream_id, channel_id, session_id, node, incarnation, muted, deafened, position, joined_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (user_id) do update set stream_id = excluded.stream_id, channel_id = excluded.channel_id,
        session_id = excluded.session_id, node = excluded.node, incarnation = excluded.incarnation,
        muted = excluded.muted, deafened = excluded.deafened, position = excluded.position,
        joined_at = excluded.joined_at";
    let Seat { session, node, incarnation } = seat;
    conn.execute(sql, &[&user, &stream, &channel, &session, &node, &incarnation, &muted, &deafened, &position, &now])
        .await
        .map(drop)
}

/// Stores what somebody says of themselves.
pub async fn set_flags(conn: &mut Conn, user: UserId, (muted, deafened): (bool, bool), position: i64) -> Result<()> {
    let sql = "update voice_states set muted = $2, deafened = $3, position = $4 where user_id = $1";
    conn.execute(sql, &[&user, &muted, &deafened, &position]).await.map(drop)
}

/// Stores which row of the log tells of somebody last.
pub async fn set_position(conn: &mut Conn, user: UserId, position: i64) -> Result<()> {
    conn.execute("update voice_states set position = $2 where user_id = $1", &[&user, &position]).await.map(drop)
}

/// Stores through which socket somebody takes part.
pub async fn set_seat(conn: &mut Conn, user: UserId, seat: Seat) -> Result<()> {
    let sql = "update voice_states set session_id = $2, node = $3, incarnation = $4 where user_id = $1";
    conn.execute(sql, &[&user, &seat.session, &seat.node, &seat.incarnation]).await.map(drop)
}

/// Takes somebody out.
pub async fn delete(conn: &mut Conn, user: UserId) -> Result<()> {
    conn.execute("delete from voice_states where user_id = $1", &[&user]).await.map(drop)
}

/// Everybody in a guild's channels with what decides their permissions: `(channel, member)`.
pub async fn standing_in(conn: &mut Conn, guild: StreamId) -> Result<Vec<(ChannelId, MemberRules)>> {
    let sql = "select v.user_id, v.channel_id, m.timed_out_until, r.role_id from voice_states v
        left join members m on m.guild_id = v.stream_id and m.user_id = v.user_id
        left join member_roles r on r.guild_id = v.stream_id and r.user_id = v.user_id
        where v.stream_id = $1 order by v.user_id";
    let rows: Vec<(UserId, ChannelId, Option<Timestamp>, Option<RoleId>)> = conn.all(sql, &[&guild]).await?;
    let mut standing: Vec<(ChannelId, MemberRules)> = Vec::new();
    for (user, channel, timed_out_until, role) in rows {
        match standing.last_mut().filter(|(_, member)| member.user == user) {
            Some((_, member)) => member.roles.extend(role),
            None => {
                let roles: SmallVec<[RoleId; 4]> = role.into_iter().collect();
                standing.push((channel, MemberRules { user, roles, timed_out_until }));
            }
        }
    }
    Ok(standing)
}

/// The runs of nodes through which people take part: `(node, incarnation)`.
pub async fn runs(conn: &mut Conn) -> Result<Vec<(i64, i64)>> {
    conn.all("select distinct node, incarnation from voice_states", &[]).await
}

/// The runs through which people take part and which no node goes on with: `(node, incarnation)`.
pub async fn lost_runs(conn: &mut Conn) -> Result<Vec<(i64, i64)>> {
    let sql = "select distinct v.node, v.incarnation from voice_states v
        left join nodes n on n.id = v.node and n.incarnation = v.incarnation where n.id is null";
    conn.all(sql, &[]).await
}

/// The streams in whose channels people take part through one run of a node.
pub async fn streams_of_run(conn: &mut Conn, node: i64, incarnation: i64) -> Result<Vec<StreamId>> {
    let sql = "select distinct stream_id from voice_states where node = $1 and incarnation = $2 order by stream_id";
    let rows: Vec<(StreamId,)> = conn.all(sql, &[&node, &incarnation]).await?;
    Ok(rows.into_iter().map(|(stream,)| stream).collect())
}

/// Who takes part through one run of a node, and through which session's socket.
pub async fn seats_of_run(conn: &mut Conn, node: i64, incarnation: i64) -> Result<Vec<(UserId, i64)>> {
    let sql = "select user_id, session_id from voice_states where node = $1 and incarnation = $2";
    conn.all(sql, &[&node, &incarnation]).await
}
