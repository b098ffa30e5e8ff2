//! Where things stand at one position of the log: what a session begins with.

use std::collections::HashMap;

use serde::Serialize;

use super::protocol::Subscribe;
use super::session::Session;
use crate::accounts::{self, User};
use crate::app::App;
use crate::channels::{self, Channel, Membership};
use crate::error::Result;
use crate::guilds::{self, Guild, members::Member, roles::Role};
use crate::id::{StreamId, UserId};
use crate::log;
use crate::messaging::read_states::{self, ReadState};
use crate::sockets::voice::VoiceState;

#[derive(Serialize)]
struct Ready<'a> {
    session_id: String,
    user: User,
    blocked: Vec<UserId>,
    streams: &'a [Stream],
}

/// A stream as of a position.
#[derive(Serialize)]
pub struct Stream {
    id: StreamId,
    s: i64,
    #[serde(flatten)]
    content: Content,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Content {
    /// The caller's own account.
    Account,
    /// A direct or group channel.
    Direct { channel: Box<Channel>, read_states: Vec<ReadState> },
    /// A guild.
    Guild(Box<GuildSnapshot>),
}

/// A guild as one of its members sees it.
#[derive(Serialize)]
pub struct GuildSnapshot {
    guild: Guild,
    channels: Vec<Channel>,
    roles: Vec<Role>,
    member: Option<Member>,
    voice_states: Vec<VoiceState>,
    read_states: Vec<ReadState>,
}

/// The body of `ready`, and the position of each stream in it. The session listens to all of them
/// before they are read, so nothing is between the two.
pub async fn ready(session: &Session) -> Result<(String, HashMap<StreamId, i64>)> {
    let (app, user) = (&session.app, session.caller().user);
    let mut streams = Vec::new();
    let directs = channels::directs_of(app, user).await?;
    for direct in &directs {
        app.hub.listen_direct(&session.handle, (*direct).into());
    }
    let mut memberships = Vec::new();
    if session.subscribe == Subscribe::All {
        app.hub.want_all(&session.handle);
        for guild in guilds::mine(app, &session.caller()).await? {
            if let Some(membership) = channels::membership_of(app, guild.id, user).await? {
                app.hub.listen_guild(&session.handle, &membership);
                memberships.push(membership);
            }
        }
    }
    let mut conn = app.db.snapshot().await?;
    let heads: HashMap<i64, i64> = log::store::heads(&mut conn).await?.into_iter().collect();
    let head = |stream: StreamId| heads.get(&log::shard_of(stream, app.writer.shards)).copied().unwrap_or_default();
    streams.push(Stream { id: user.into(), s: head(user.into()), content: Content::Account });
    for direct in directs {
        if let Some(channel) = channels::get_through(&mut conn, direct).await? {
            let read_states = read_states::in_channels(&mut conn, user, &[direct]).await?;
            let content = Content::Direct { channel: Box::new(channel), read_states };
            streams.push(Stream { id: direct.into(), s: head(direct.into()), content });
        }
    }
    for membership in &memberships {
        let content = Content::Guild(Box::new(guild(app, &mut conn, membership).await?));
        streams.push(Stream { id: membership.id().into(), s: head(membership.id().into()), content });
    }
    let account = accounts::own_profile(&mut conn, user).await?;
    let blocked = accounts::blocked_by(&mut conn, user).await?;
    let body = Ready { session_id: session.handle.key.to_string(), user: account, blocked, streams: &streams };
    Ok((serde_json::to_string(&body)?, streams.iter().map(|stream| (stream.id, stream.s)).collect()))
}

/// A guild for somebody who has just joined it, at the position of that.
pub async fn guild_at(app: &App, membership: &Membership, position: i64) -> Result<Stream> {
    let mut conn = app.db.snapshot().await?;
    let content = Content::Guild(Box::new(guild(app, &mut conn, membership).await?));
    Ok(Stream { id: membership.id().into(), s: position, content })
}

async fn guild(app: &App, conn: &mut crate::db::Conn, membership: &Membership) -> Result<GuildSnapshot> {
    let (guild, user) = (membership.id(), membership.member.user);
    let visible: Vec<Channel> = channels::list_through(conn, guild)
        .await?
        .into_iter()
        .filter(|channel| membership.access(channel.id).is_ok())
        .collect();
    let ids: Vec<_> = visible.iter().map(|channel| channel.id).collect();
    Ok(GuildSnapshot {
        guild: guilds::get_through(conn, guild).await?.ok_or(crate::error::Code::NotFound)?,
        roles: guilds::roles_through(conn, guild).await?,
        member: guilds::member_through(conn, guild, user).await?,
        voice_states: app.hub.voices.of(guild.into(), &ids),
        read_states: read_states::in_channels(conn, user, &ids).await?,
        channels: visible,
    })
}
