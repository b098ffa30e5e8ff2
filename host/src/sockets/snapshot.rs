//! Where things stand at one position of the log: what a session begins with.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::accounts::{self, User};
use crate::app::App;
use crate::channels::{self, Channel, Membership};
use crate::db::Conn;
use crate::error::{Code, Result};
use crate::guilds::{self, Guild, members::Member, roles::Role};
use crate::id::{ChannelId, GuildId, StreamId, UserId};
use crate::log;
use crate::messaging::read_states::{self, ReadState};
use crate::plugins::state::TopicState;
use crate::plugins::topics;
use crate::voice::{self, VoiceState};

/// Streams as somebody sees them, all at one moment.
pub struct Snapshot {
    /// The account that sees them, as its owner does.
    pub user: Box<RawValue>,
    /// Whom it has blocked.
    pub blocked: Vec<UserId>,
    /// The streams.
    pub streams: Vec<Stream>,
    /// The standing in each guild among them, as of the same moment.
    pub memberships: Vec<Membership>,
    /// Those of the streams asked for that the account doesn't belong to.
    pub absent: Vec<Absent>,
}

impl Snapshot {
    /// The version of the rules by which each guild among the streams is shown.
    pub fn versions(&self) -> impl Iterator<Item = (StreamId, i64)> {
        self.memberships.iter().map(|membership| (membership.id().into(), membership.guild.version))
    }
}

/// A stream that somebody doesn't belong to, as of a position.
pub struct Absent {
    /// Which.
    pub stream: StreamId,
    /// Its position.
    pub s: i64,
    /// The version of the guild's rules; the last there will ever be if it is no guild, or gone.
    pub version: i64,
}

impl Snapshot {
    /// The position of each stream, also of those that the account doesn't belong to: what came before it
    /// is told already.
    pub fn positions(&self) -> HashMap<StreamId, i64> {
        let there = self.streams.iter().map(|stream| (stream.id, stream.s));
        there.chain(self.absent.iter().map(|absent| (absent.stream, absent.s))).collect()
    }
}

/// A stream as of a position.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Stream {
    /// Which.
    #[serde(skip)]
    pub id: StreamId,
    /// Its position.
    #[serde(skip)]
    pub s: i64,
    /// All of it, its id and its position among it, as JSON.
    pub body: Box<RawValue>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StreamSnapshot)]
pub(super) struct Whole {
    id: StreamId,
    s: i64,
    #[serde(flatten)]
    content: Content,
}

#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = StreamContent)]
enum Content {
    /// The caller's own account.
    Account,
    /// A direct or group channel.
    Direct { channel: Box<Channel>, voice_states: Vec<VoiceState>, read_states: Vec<ReadState> },
    /// A guild.
    Guild(Box<GuildSnapshot>),
}

/// A guild as one of its members sees it.
#[derive(Serialize, ToSchema)]
struct GuildSnapshot {
    guild: Guild,
    channels: Vec<Channel>,
    roles: Vec<Role>,
    member: Option<Member>,
    voice_states: Vec<VoiceState>,
    read_states: Vec<ReadState>,
    /// What plugins say of things, in the channels that the member sees and in none.
    plugins: Vec<TopicState>,
}

/// These streams as somebody sees them; those that they don't belong to are left out.
pub async fn read(app: &App, user: UserId, streams: &[StreamId]) -> Result<Snapshot> {
    let mut conn = app.db.snapshot().await?;
    let heads = log::store::heads(&mut conn).await?;
    let shards = heads.len() as i64;
    let head = |stream: StreamId| {
        let shard = log::shard_of(stream, shards);
        heads.iter().find(|(one, _)| *one == shard).map_or(0, |(_, head)| *head)
    };
    let mut whole = Vec::with_capacity(streams.len());
    let (mut memberships, mut absent) = (Vec::new(), Vec::new());
    for &stream in streams {
        let content = if stream == user.into() {
            Some(Content::Account)
        } else if let Some(membership) = channels::membership_through(app, &mut conn, GuildId(stream.0), user).await? {
            let content = guild(app, &mut conn, &membership).await?;
            memberships.push(membership);
            Some(Content::Guild(Box::new(content)))
        } else {
            let direct = direct(app, &mut conn, ChannelId(stream.0), user).await?;
            if direct.is_none() {
                let version = channels::access_version(&mut conn, GuildId(stream.0)).await?;
                absent.push(Absent { stream, s: head(stream), version });
            }
            direct
        };
        if let Some(content) = content {
            let s = head(stream);
            whole.push(Stream { id: stream, s, body: to_raw_value(&Whole { id: stream, s, content })? });
        }
    }
    let account: User = accounts::own_profile(&mut conn, user).await?;
    let blocked = accounts::blocked_by(&mut conn, user).await?;
    Ok(Snapshot { user: to_raw_value(&account)?, blocked, streams: whole, memberships, absent })
}

async fn direct(app: &App, conn: &mut Conn, channel: ChannelId, user: UserId) -> Result<Option<Content>> {
    let Some(found) = channels::get_through(conn, channel).await? else { return Ok(None) };
    if !found.recipients.contains(&user) {
        return Ok(None);
    }
    let read_states = read_states::in_channels(conn, user, &[channel]).await?;
    let voice_states = voice_states(app, conn, channel.into(), &[channel]).await?;
    Ok(Some(Content::Direct { channel: Box::new(found), voice_states, read_states }))
}

async fn guild(app: &App, conn: &mut Conn, membership: &Membership) -> Result<GuildSnapshot> {
    let (guild, user) = (membership.id(), membership.member.user);
    let visible: Vec<Channel> = channels::list_through(conn, guild)
        .await?
        .into_iter()
        .filter(|channel| membership.access(channel.id).is_ok())
        .collect();
    let ids: Vec<_> = visible.iter().map(|channel| channel.id).collect();
    Ok(GuildSnapshot {
        guild: guilds::get_through(conn, guild).await?.ok_or(Code::NotFound)?,
        roles: guilds::roles_through(conn, guild).await?,
        member: guilds::member_through(conn, guild, user).await?,
        voice_states: voice_states(app, conn, guild.into(), &ids).await?,
        read_states: read_states::in_channels(conn, user, &ids).await?,
        plugins: topics::told_through(conn, guild, |place| place.is_none_or(|channel| ids.contains(&channel))).await?,
        channels: visible,
    })
}

/// Who is in voice, and who speaks there at the moment.
pub(super) async fn voice_states(
    app: &App,
    conn: &mut Conn,
    stream: StreamId,
    channels: &[ChannelId],
) -> Result<Vec<VoiceState>> {
    let mut states = voice::states_through(conn, stream, channels).await?;
    app.hub.voices.mark_speaking(&mut states);
    Ok(states)
}
