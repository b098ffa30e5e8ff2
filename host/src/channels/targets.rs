//! What channels say of a role or a member that is gone.

use super::store as channels;
use crate::error::{Code, Result};
use crate::id::GuildId;
use crate::log::{EventKind, NewEvent, Tx};

mod store;

/// Removes every overwrite of a guild's channels for a role or a member, and tells how the channels
/// are then. Whoever calls it raises the version of the guild's rules.
pub(crate) async fn forget(tx: &mut Tx, guild: GuildId, target: i64) -> Result<()> {
    let named = store::channels_naming(tx, guild, target).await?;
    store::remove(tx, guild, target).await?;
    for id in named {
        let channel = channels::channel(tx, id).await?.ok_or(Code::NotFound)?;
        tx.append(NewEvent::new(EventKind::ChannelUpdated, guild, &channel)?.in_channel(id))?;
    }
    Ok(())
}
