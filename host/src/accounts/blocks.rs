//! Whom somebody doesn't want to hear from.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Caller, UserKind, store as accounts};
use crate::app::App;
use crate::channels;
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::id::{ChannelId, StreamId, UserId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::voice::ending as voice;

mod store;

/// That somebody is blocked, as the one who blocks sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Block {
    /// Who is blocked.
    pub user_id: UserId,
    /// Since when.
    pub created_at: Timestamp,
}

/// Blocks somebody; once they are blocked nothing more happens. A call between the two ends.
pub async fn block(app: &App, caller: &Caller, target: UserId) -> Result<Block> {
    require_other(app, caller, target).await?;
    let user = caller.user;
    loop {
        let call = channels::direct_between(&mut app.db.read().await?, user, target).await?;
        let streams: Vec<StreamId> = [user.into()].into_iter().chain(call.map(StreamId::from)).collect();
        let work = caller.write(app, &streams, move |tx| {
            Box::pin(async move {
                // The two have opened a channel since, which happens once.
                if channels::direct_between(tx, user, target).await? != call {
                    return Ok(None);
                }
                put(tx, user, target, call).await.map(Some)
            })
        });
        if let Some(block) = work.await? {
            return Ok(block);
        }
    }
}

async fn put(tx: &mut Tx, user: UserId, target: UserId, call: Option<ChannelId>) -> Result<Block> {
    let now = tx.now;
    let fresh = store::insert(tx, user, target, now).await?;
    let created_at = store::since(tx, user, target).await?.unwrap_or(now);
    let block = Block { user_id: target, created_at };
    if fresh {
        tx.append(NewEvent::new(EventKind::BlockAdded, user, &block)?)?;
        if let Some(call) = call {
            voice::end_all(tx, call, None).await?;
        }
    }
    Ok(block)
}

/// Blocks somebody no longer.
pub async fn unblock(app: &App, caller: &Caller, target: UserId) -> Result<()> {
    require_other(app, caller, target).await?;
    let user = caller.user;
    caller
        .write(app, &[user.into()], move |tx| {
            Box::pin(async move {
                let Some(created_at) = store::since(tx, user, target).await? else { return Ok(()) };
                store::delete(tx, user, target).await?;
                let block = Block { user_id: target, created_at };
                tx.append(NewEvent::new(EventKind::BlockRemoved, user, &block)?)?;
                Ok(())
            })
        })
        .await
}

/// Refuses programs, oneself, and whoever isn't there.
async fn require_other(app: &App, caller: &Caller, target: UserId) -> Result<()> {
    caller.require_person()?;
    if target == caller.user {
        return Err(Error::field("/user_id", FieldCode::NotAllowed));
    }
    let found = accounts::user(&mut app.db.read().await?, target).await?;
    found.filter(|row| row.kind != UserKind::Deleted).map(drop).ok_or(Code::NotFound.into())
}

/// Refuses, without telling who, if one of two people has blocked the other.
pub(crate) async fn refuse_blocked(conn: &mut Conn, one: UserId, other: UserId) -> Result<()> {
    if store::between(conn, one, other).await? { Err(Code::Blocked.into()) } else { Ok(()) }
}

/// Whom somebody has blocked, and who has blocked them.
pub(crate) async fn blocks_around(conn: &mut Conn, user: UserId) -> Result<Vec<UserId>> {
    Ok(store::around(conn, user).await?)
}

/// Whom somebody has blocked.
pub(crate) async fn blocked_by(conn: &mut Conn, user: UserId) -> Result<Vec<UserId>> {
    Ok(store::of(conn, user).await?)
}
