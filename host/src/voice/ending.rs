//! What ends a voice state besides leaving: rights that are lost, channels that go, sockets and nodes that end.

use super::{ATTEMPTS, Present, Seat, store, tell_gone};
use crate::app::App;
use crate::channels::{self, Permissions};
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, StreamId, UserId};
use crate::log::{EventKind, Tx};

/// Takes somebody out of voice.
pub(super) async fn end(tx: &mut Tx, present: &Present) -> Result<()> {
    store::delete(tx, present.state.user_id).await?;
    tell_gone(tx, present)
}

/// Takes somebody out of voice if they are in a channel of this stream, which they leave.
pub(crate) async fn end_in(tx: &mut Tx, stream: impl Into<StreamId>, user: UserId) -> Result<()> {
    let stream = stream.into();
    match store::of_user(tx, user).await?.filter(|present| present.stream == stream) {
        Some(present) => end(tx, &present).await,
        None => Ok(()),
    }
}

/// Takes everybody out of the channels of a stream, or out of one of them: it goes.
pub(crate) async fn end_all(tx: &mut Tx, stream: impl Into<StreamId>, channel: Option<ChannelId>) -> Result<()> {
    for present in store::in_stream(tx, stream.into()).await? {
        if channel.is_none_or(|channel| channel == present.channel) {
            end(tx, &present).await?;
        }
    }
    Ok(())
}

/// Takes out of voice whoever lost the right to be there by what this transaction has written since
/// its row number `from`. The log's writers call it after every operation, so that no change of
/// roles, overwrites, members or owners has to think of voice.
pub(crate) async fn end_without_right(tx: &mut Tx, from: usize) -> Result<()> {
    let mut guilds: Vec<GuildId> = Vec::new();
    for entry in tx.written_since(from).iter().filter(|entry| may_take_rights(entry.kind)) {
        let guild = GuildId(entry.stream.0);
        if !guilds.contains(&guild) {
            guilds.push(guild);
        }
    }
    for guild in guilds {
        look_again(tx, guild).await?;
    }
    Ok(())
}

fn may_take_rights(kind: EventKind) -> bool {
    use EventKind::*;
    kind.changes_access() && !matches!(kind, GuildCreated | MemberJoined | RoleCreated | ChannelCreated)
}

async fn look_again(tx: &mut Tx, guild: GuildId) -> Result<()> {
    let standing = store::standing_in(tx, guild.into()).await?;
    if standing.is_empty() {
        return Ok(());
    }
    // None for a direct or group channel, which takes people out by itself.
    let Some(rules) = channels::rules_through(tx, guild).await? else { return Ok(()) };
    let (needed, now) = (Permissions::VIEW_CHANNEL | Permissions::CONNECT, tx.now);
    for (channel, member) in standing {
        if !rules.resolve(&member, Some(channel), now).contains(needed) {
            end_in(tx, guild, member.user).await?;
        }
    }
    Ok(())
}

/// Takes somebody out of voice if they take part through this session's socket, which is gone.
pub async fn leave_if_session(app: &App, user: UserId, session: i64) -> Result<()> {
    reseat(app, user, session, None).await.map(drop)
}

/// From here on somebody takes part through another socket, if they did through that of `old`: a
/// session went on elsewhere. Answers whether they did.
pub async fn take_over(app: &App, user: UserId, old: i64, seat: Seat) -> Result<bool> {
    reseat(app, user, old, Some(seat)).await
}

/// Gives somebody another seat or none, if they have that of this session; whether they had.
async fn reseat(app: &App, user: UserId, session: i64, seat: Option<Seat>) -> Result<bool> {
    for _ in 0..ATTEMPTS {
        let present = store::of_user(&mut app.db.read().await?, user).await?;
        let Some(known) = present.filter(|present| present.seat.session == session) else { return Ok(false) };
        let (streams, stream) = ([known.stream], known.stream);
        let work = app.writer.run(None, None, &streams, move |tx| {
            Box::pin(async move {
                let present = store::of_user(tx, user).await?.filter(|present| present.seat.session == session);
                match (present, seat) {
                    (None, _) => return Ok(Some(false)),
                    // They have moved to another stream, whose shard isn't taken.
                    (Some(present), _) if present.stream != stream => return Ok(None),
                    (Some(_), Some(seat)) => store::set_seat(tx, user, seat).await?,
                    (Some(present), None) => end(tx, &present).await?,
                }
                Ok(Some(true))
            })
        });
        if let Some(had) = work.await? {
            return Ok(had);
        }
    }
    Err(Code::Unavailable.into())
}

/// Takes everybody out of voice who took part through a run of a node that is over. Called again it
/// finds nothing: so it comes before whatever forgets the node.
pub async fn forget_node(app: &App, node: i64, incarnation: i64) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let streams = store::streams_of_run(&mut app.db.read().await?, node, incarnation).await?;
        if streams.is_empty() {
            return Ok(());
        }
        for stream in streams {
            app.writer.run(None, None, &[stream], move |tx| Box::pin(end_run(tx, stream, node, incarnation))).await?;
        }
    }
    Err(Code::Unavailable.into())
}

async fn end_run(tx: &mut Tx, stream: StreamId, node: i64, incarnation: i64) -> Result<()> {
    for present in store::in_stream(tx, stream).await? {
        if (present.seat.node, present.seat.incarnation) == (node, incarnation) {
            end(tx, &present).await?;
        }
    }
    Ok(())
}

/// Takes everybody out of voice who took part through former runs of this node. SQLite has one node
/// at a time, so there all other runs are over.
pub async fn forget_former_runs(app: &App, node: i64, incarnation: i64) -> Result<()> {
    let runs = store::runs(&mut app.db.read().await?).await?;
    let alone = !app.db.is_postgres();
    for (other, run) in runs.into_iter().filter(|(other, run)| (alone || *other == node) && *run != incarnation) {
        forget_node(app, other, run).await?;
    }
    Ok(())
}

/// Takes everybody out of voice who takes part through a run that no node goes on with: a place may
/// have been given by a node that was cleared away at that moment.
pub async fn forget_lost_runs(app: &App) -> Result<()> {
    let lost = store::lost_runs(&mut app.db.read().await?).await?;
    for (node, incarnation) in lost {
        forget_node(app, node, incarnation).await?;
    }
    Ok(())
}

/// Who takes part through a run of a node, and through which session's socket.
pub async fn seats_of_run(app: &App, (node, incarnation): (i64, i64)) -> Result<Vec<(UserId, i64)>> {
    Ok(store::seats_of_run(&mut app.db.read().await?, node, incarnation).await?)
}
