//! Voice: who is in which voice channel, and how they take part. Signalling only: sound goes another way.
//!
//! A voice state is one row of `voice_states`, and every change of it one row of the log, written in
//! its channel: who doesn't see the channel doesn't hear of it. Whoever goes from one channel to
//! another therefore leaves two rows, because those who see one may not see the other. A row of the
//! table is touched only by a transaction that has taken the shard of its stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::{self, Caller};
use crate::app::App;
use crate::channels::{Access, ChannelKind, Permissions, Place, access};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::{Code, Result};
use crate::id::{ChannelId, StreamId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub mod ending;
pub(crate) mod moderation;
mod store;

/// How often something is tried again because somebody went to another guild at the same moment.
const ATTEMPTS: usize = 5;

/// Somebody in a voice channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VoiceState {
    /// Who.
    pub user_id: UserId,
    /// Where; nowhere once they have left.
    pub channel_id: Option<ChannelId>,
    /// Since when; until they have left.
    pub joined_at: Timestamp,
    /// Whether they muted themselves.
    pub muted: bool,
    /// Whether they deafened themselves.
    pub deafened: bool,
    /// Whether a moderator muted them in the guild.
    pub server_muted: bool,
    /// Whether a moderator deafened them in the guild.
    pub server_deafened: bool,
    /// Whether they speak at the moment. Every change that is logged ends that.
    pub speaking: bool,
}

impl VoiceState {
    /// Whether they are muted, by themselves or by a moderator.
    pub fn is_muted(&self) -> bool {
        self.muted || self.server_muted
    }
}

/// The socket through which somebody takes part, and the run of the server that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// The socket's session.
    pub session: i64,
    /// The node that holds it.
    pub node: i64,
    /// Which run of that node.
    pub incarnation: i64,
}

/// A voice state with what of it isn't told to clients.
#[derive(Debug, Clone, PartialEq)]
pub struct Present {
    /// What clients are told.
    pub state: VoiceState,
    /// The channel they are in.
    pub channel: ChannelId,
    /// The stream of that channel.
    pub stream: StreamId,
    /// The socket through which they take part.
    pub seat: Seat,
    /// The position of the row of the log that told of it last.
    pub position: i64,
}

/// What people say of themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change {
    /// Whether they are muted, if that changes.
    pub muted: Option<bool>,
    /// Whether they are deafened, if that changes.
    pub deafened: Option<bool>,
}

impl Change {
    fn applied_to(self, state: &VoiceState) -> (bool, bool) {
        (self.muted.unwrap_or(state.muted), self.deafened.unwrap_or(state.deafened))
    }
}

/// Comes into a voice channel, out of the one that one was in. Whoever is there already takes part
/// through the new socket from here on, and nobody else is told.
pub async fn join(app: &App, caller: &Caller, seat: Seat, channel: ChannelId) -> Result<Present> {
    let access = access(app, caller, channel).await?;
    require_voice(&access)?;
    for _ in 0..ATTEMPTS {
        let before = store::of_user(&mut app.db.read().await?, caller.user).await?;
        // One's own stream too: two sockets of one person may come in at once, into different guilds.
        let mut streams: Vec<StreamId> = vec![caller.user.into(), access.stream()];
        streams.extend(before.map(|before| before.stream));
        let (access, named) = (access.clone(), streams.clone());
        let work = caller.write(app, &streams, move |tx| {
            Box::pin(async move {
                let access = access.confirm(tx).await?;
                require_voice(&access)?;
                let before = store::of_user(tx, access.user()).await?;
                if before.as_ref().is_some_and(|before| !named.contains(&before.stream)) {
                    return Ok(None);
                }
                enter(tx, &access, seat, before).await.map(Some)
            })
        });
        if let Some(present) = work.await? {
            return Ok(present);
        }
    }
    Err(Code::Unavailable.into())
}

fn require_voice(access: &Access) -> Result<()> {
    match access.kind() {
        ChannelKind::Voice | ChannelKind::Direct | ChannelKind::Group => access.require(Permissions::CONNECT),
        _ => Err(Code::WrongChannelKind.into()),
    }
}

async fn enter(tx: &mut Tx, access: &Access, seat: Seat, before: Option<Present>) -> Result<Present> {
    if let Some(before) = before.as_ref().filter(|before| before.channel == access.channel) {
        store::set_seat(tx, access.user(), seat).await?;
        return Ok(Present { seat, ..before.clone() });
    }
    refuse_blocked(tx, access).await?;
    refuse_full(tx, access).await?;
    place(tx, access.user(), seat, before, (access.stream(), access.channel)).await
}

/// Two people don't call each other once one has blocked the other.
async fn refuse_blocked(tx: &mut Tx, access: &Access) -> Result<()> {
    let Place::Direct(direct, me) = &access.place else { return Ok(()) };
    let other = direct.recipients.iter().find(|other| *other != me).filter(|_| direct.kind == ChannelKind::Direct);
    match other {
        Some(other) => accounts::refuse_blocked(tx, *me, *other).await,
        None => Ok(()),
    }
}

async fn refuse_full(tx: &mut Tx, access: &Access) -> Result<()> {
    let limit = access.rule().map_or(0, |rule| rule.user_limit);
    if limit == 0 || access.may(Permissions::MOVE_MEMBERS) {
        return Ok(());
    }
    if store::count_in(tx, access.channel).await? >= limit { Err(Code::VoiceFull.into()) } else { Ok(()) }
}

/// Puts somebody in a channel, and takes them out of the one that they were in. Muted people stay muted.
async fn place(
    tx: &mut Tx,
    user: UserId,
    seat: Seat,
    before: Option<Present>,
    (stream, channel): (StreamId, ChannelId),
) -> Result<Present> {
    let mut flags = (false, false);
    if let Some(before) = &before {
        tell_gone(tx, before)?;
        flags = (before.state.muted, before.state.deafened);
    }
    let (position, now) = (tx.next_position(stream), tx.now);
    store::put(tx, user, (stream, channel), seat, flags, position, now).await?;
    tell(tx, user).await
}

/// Tells those who see the channel how somebody takes part now.
async fn tell(tx: &mut Tx, user: UserId) -> Result<Present> {
    let present = store::of_user(tx, user).await?.ok_or(Code::NotFound)?;
    tx.append(NewEvent::new(EventKind::VoiceState, present.stream, &present.state)?.in_channel(present.channel))?;
    Ok(present)
}

/// Tells those who see the channel that somebody is there no longer.
fn tell_gone(tx: &mut Tx, before: &Present) -> Result<()> {
    let gone = VoiceState { channel_id: None, ..before.state.clone() };
    tx.append(NewEvent::new(EventKind::VoiceState, before.stream, &gone)?.in_channel(before.channel)).map(drop)
}

/// Changes what one says of oneself; not found for whoever isn't in that channel.
pub async fn change(app: &App, caller: &Caller, channel: ChannelId, change: Change) -> Result<Present> {
    let present = present_in(app, caller, channel).await?;
    if change.applied_to(&present.state) == (present.state.muted, present.state.deafened) {
        return Ok(present);
    }
    let user = caller.user;
    // A channel stays in its stream, so whoever is still in it is so in this transaction's.
    caller
        .write(app, &[present.stream], move |tx| {
            Box::pin(async move {
                let present = store::of_user(tx, user).await?.filter(|present| present.channel == channel);
                let present = present.ok_or(Code::NotFound)?;
                let flags = change.applied_to(&present.state);
                if flags == (present.state.muted, present.state.deafened) {
                    return Ok(present);
                }
                let position = tx.next_position(present.stream);
                store::set_flags(tx, user, flags, position).await?;
                tell(tx, user).await
            })
        })
        .await
}

/// How the caller takes part in a channel; not found if they don't.
pub async fn present_in(app: &App, caller: &Caller, channel: ChannelId) -> Result<Present> {
    access(app, caller, channel).await?;
    let present = store::of_user(&mut app.db.read().await?, caller.user).await?;
    present.filter(|present| present.channel == channel).ok_or(Code::NotFound.into())
}

/// Leaves a channel. Whoever isn't in it needs only to see it, and stays where they are.
pub async fn leave(app: &App, caller: &Caller, channel: ChannelId) -> Result<()> {
    let user = caller.user;
    let present = store::of_user(&mut app.db.read().await?, user).await?;
    let Some(present) = present.filter(|present| present.channel == channel) else {
        return access(app, caller, channel).await.map(drop);
    };
    caller
        .write(app, &[present.stream], move |tx| {
            Box::pin(async move {
                match store::of_user(tx, user).await?.filter(|present| present.channel == channel) {
                    Some(present) => ending::end(tx, &present).await,
                    None => Ok(()),
                }
            })
        })
        .await
}

/// Who is in these channels of a stream, for somebody who holds a connection already. Nobody speaks
/// in it: only sockets know that.
pub(crate) async fn states_through(
    conn: &mut Conn,
    stream: StreamId,
    channels: &[ChannelId],
) -> Result<Vec<VoiceState>> {
    let present = store::in_stream(conn, stream).await?.into_iter();
    Ok(present.filter(|present| channels.contains(&present.channel)).map(|present| present.state).collect())
}
