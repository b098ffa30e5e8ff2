//! What moderators do to people in voice: move them, show them out, and say to all that they are muted.

use super::{ending, place, store, tell};
use crate::channels::{ChannelKind, MemberRules, Membership, Permissions};
use crate::error::{Code, Error, FieldCode, Result};
use crate::id::{ChannelId, GuildId, UserId};
use crate::log::Tx;

/// The field that says where somebody is to go.
const FIELD: &str = "/voice_channel_id";

/// A member who was moved: where they were, and where they are, nowhere if they were shown out.
pub(crate) struct Moved {
    pub from: ChannelId,
    pub to: Option<ChannelId>,
}

/// Moves a member to another voice channel of the guild, or out of voice; nothing if they are there
/// already. Limits don't hold: whoever may move members decides.
pub(crate) async fn move_member(
    tx: &mut Tx,
    mover: &Membership,
    member: &MemberRules,
    to: Option<ChannelId>,
) -> Result<Option<Moved>> {
    let present = store::of_user(tx, member.user).await?.filter(|present| present.stream == mover.id().into());
    // Who doesn't see where they are learns nothing of it.
    let seen = present.and_then(|present| Some((mover.access(present.channel).ok()?, present)));
    let Some((access, present)) = seen else {
        mover.require(Permissions::MOVE_MEMBERS)?;
        return if to.is_none() { Ok(None) } else { Err(Error::field(FIELD, FieldCode::NotAllowed)) };
    };
    access.require(Permissions::MOVE_MEMBERS)?;
    let from = present.channel;
    let Some(to) = to else {
        ending::end(tx, &present).await?;
        return Ok(Some(Moved { from, to: None }));
    };
    require_reachable(mover, member, to, tx)?;
    if to == from {
        return Ok(None);
    }
    place(tx, member.user, present.seat, Some(present), (mover.id().into(), to)).await?;
    Ok(Some(Moved { from, to: Some(to) }))
}

/// Refuses a channel that the mover may not come into and bring others to, or the member not enter.
fn require_reachable(mover: &Membership, member: &MemberRules, to: ChannelId, tx: &Tx) -> Result<()> {
    let target = mover.access(to).map_err(|_| Error::field(FIELD, FieldCode::UnknownReference))?;
    if target.kind() != ChannelKind::Voice {
        return Err(Code::WrongChannelKind.into());
    }
    target.require(Permissions::CONNECT | Permissions::MOVE_MEMBERS)?;
    let theirs = mover.guild.resolve(member, Some(to), tx.now);
    if theirs.contains(Permissions::VIEW_CHANNEL | Permissions::CONNECT) {
        Ok(())
    } else {
        Err(Error::field(FIELD, FieldCode::NotAllowed))
    }
}

/// Tells how a member takes part now that a moderator muted or deafened them, if they are in voice.
pub(crate) async fn tell_muted(tx: &mut Tx, guild: GuildId, user: UserId) -> Result<()> {
    let present = store::of_user(tx, user).await?.filter(|present| present.stream == guild.into());
    let Some(present) = present else { return Ok(()) };
    let position = tx.next_position(present.stream);
    store::set_position(tx, user, position).await?;
    tell(tx, user).await.map(drop)
}
