//! Deleting channels and threads, with all that hangs on them.

use super::{Channel, ChannelKind, Permissions, access, announce, announce_update, store, webhooks, without_category};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Result};
use crate::guilds;
use crate::guilds::audit::{Action, Note};
use crate::http::limits::Group;
use crate::id::ChannelId;
use crate::log::{EventKind, Tx};
use crate::plugins::held;
use crate::voice::ending as voice;

/// Deletes a channel with its threads and webhooks, or a category, whose channels stay.
pub async fn delete(app: &App, caller: &Caller, channel: ChannelId) -> Result<()> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Changes, access.stream().0)?;
    let (needed, action) = match access.kind() {
        ChannelKind::Direct | ChannelKind::Group => return Err(Code::WrongChannelKind.into()),
        ChannelKind::Thread => (Permissions::MANAGE_THREADS, Action::ThreadDelete),
        _ => (Permissions::MANAGE_CHANNELS, Action::ChannelDelete),
    };
    let reason = caller.reason.clone();
    access
        .change(app, caller, needed, move |tx, access| {
            Box::pin(async move {
                let guild = access.guild().ok_or(Code::NotFound)?;
                let doomed = store::channel(tx, channel).await?.ok_or(Code::NotFound)?;
                for child in store::children(tx, channel).await? {
                    match doomed.kind {
                        ChannelKind::Category => set_free(tx, &doomed, child).await?,
                        _ => remove(tx, child).await?,
                    }
                }
                remove(tx, channel).await?;
                guilds::forget_channel(tx, guild, channel).await?;
                let note = Note::new(guild, action).target(channel.0).reason(&reason);
                note.change("name", &doomed.name, None::<String>).write(tx).await
            })
        })
        .await
}

async fn remove(tx: &mut Tx, channel: ChannelId) -> Result<()> {
    let doomed = store::channel(tx, channel).await?.ok_or(Code::NotFound)?;
    webhooks::remove_all(tx, channel).await?;
    if let Some(guild) = doomed.guild_id {
        voice::end_all(tx, guild, Some(channel)).await?;
        held::forget_channel(tx, guild, channel).await?;
    }
    let now = tx.now;
    store::delete(tx, channel, now).await?;
    announce(tx, EventKind::ChannelDeleted, &doomed).await
}

/// Takes a channel out of its category, which goes. What the category hid stays hidden.
async fn set_free(tx: &mut Tx, category: &Channel, child: ChannelId) -> Result<()> {
    let mut channel = store::channel(tx, child).await?.ok_or(Code::NotFound)?;
    if channel.inherits {
        let (outer, own) = (store::overwrites(tx, category.id).await?, store::overwrites(tx, child).await?);
        for one in without_category(&outer, &own) {
            store::put_overwrite(tx, child, &one).await?;
        }
    }
    channel.parent_id = None;
    store::update(tx, &channel).await?;
    announce_update(tx, child).await.map(drop)
}
