//! Deleting: a message leaves its place in the order, and nothing else.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::{self, FLAG_PINNED, FLAG_REACTED, MessageRow, marks};
use super::{Extras, history};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{Access, Permissions, access};
use crate::error::{Code, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate};
use crate::id::{ChannelId, GuildId, MessageId, StreamId, TargetId};
use crate::log::{EventKind, NewEvent, Tx};

/// The most messages that one call deletes.
const MAX_AT_ONCE: usize = 100;

/// `POST /channels/{id}/messages/bulk-delete`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkDelete {
    /// 1 to 100 messages of the channel; others are passed over.
    pub ids: Vec<MessageId>,
}

impl Validate for BulkDelete {
    fn check(&self, faults: &mut Faults) {
        if self.ids.is_empty() {
            faults.note("/ids", FieldCode::TooShort);
        }
        faults.items("/ids", self.ids.len(), MAX_AT_ONCE);
    }
}

/// What a bulk deletion deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// The messages that are gone by it, the oldest first.
    pub deleted: Vec<MessageId>,
}

/// The body of `message_deleted`.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageDeleted {
    id: MessageId,
    channel_id: ChannelId,
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_id: Option<GuildId>,
}

/// The body of `messages_deleted`.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagesDeleted<'a> {
    #[schema(value_type = Vec<MessageId>)]
    ids: &'a [MessageId],
    channel_id: ChannelId,
    guild_id: GuildId,
}

/// Deletes a message: one's own, or anybody's for whoever manages messages.
pub async fn delete(app: &App, caller: &Caller, id: MessageId) -> Result<()> {
    let (access, row) = history::find(app, caller, id).await?;
    let own = row.author_id == caller.user;
    let needed = if own { Permissions::VIEW_CHANNEL } else { Permissions::MANAGE_MESSAGES };
    let reason = caller.reason.clone();
    access
        .change(app, caller, needed, move |tx, access| {
            Box::pin(async move { delete_within(tx, &access, id, Whose::Anybodys(&reason)).await })
        })
        .await
}

/// Whose messages are to be deleted.
pub(crate) enum Whose<'r> {
    /// One's own and no others, whatever one may do.
    Own,
    /// Anybody's, by whoever manages messages, for this reason.
    Anybodys(&'r str),
}

/// Deletes a message as a part of a larger change.
pub(crate) async fn delete_within(tx: &mut Tx, access: &Access, id: MessageId, whose: Whose<'_>) -> Result<()> {
    let row = history::still_there(tx, id).await?;
    let (channel_id, guild_id, author) = (row.channel_id, access.guild(), row.author_id);
    if channel_id != access.channel {
        return Err(Code::NotFound.into());
    }
    let own = author == access.user();
    let reason = match whose {
        _ if own => "",
        Whose::Own => return Err(Code::Forbidden.into()),
        Whose::Anybodys(reason) => {
            access.require(Permissions::MANAGE_MESSAGES)?;
            reason
        }
    };
    erase(tx, guild_id, vec![row]).await?;
    let gone = MessageDeleted { id, channel_id, guild_id };
    let event = NewEvent::new(EventKind::MessageDeleted, access.stream(), &gone)?;
    tx.append(event.in_channel(channel_id))?;
    match guild_id.filter(|_| !own) {
        None => Ok(()),
        Some(guild) => {
            let note = Note::new(guild, Action::MessageDelete).target(id.0).reason(reason);
            let note = note.change("channel_id", channel_id, ());
            note.change("author_id", author, ()).write(tx).await
        }
    }
}

/// Deletes messages of a guild's channel, as one event.
pub async fn delete_many(app: &App, caller: &Caller, channel: ChannelId, bulk: BulkDelete) -> Result<Deleted> {
    let access = access(app, caller, channel).await?;
    let reason = caller.reason.clone();
    access
        .change(app, caller, Permissions::MANAGE_MESSAGES, move |tx, access| {
            Box::pin(async move {
                let mut rows = store::messages(tx, &bulk.ids).await?;
                rows.retain(|row| row.channel_id == channel && row.deleted_at.is_none());
                let deleted = match access.guild() {
                    Some(guild) if !rows.is_empty() => erase_announced(tx, guild, channel, rows).await?,
                    _ => return Ok(Deleted { deleted: Vec::new() }),
                };
                if let Some(guild) = access.guild() {
                    let note = Note::new(guild, Action::MessagesBulkDelete).target(channel.0).reason(&reason);
                    note.change("ids", &deleted, ()).write(tx).await?;
                }
                Ok(Deleted { deleted })
            })
        })
        .await
}

/// Erases messages of one channel of a guild, and tells those who see it with one event.
pub(crate) async fn erase_announced(
    tx: &mut Tx,
    guild: GuildId,
    channel: ChannelId,
    rows: Vec<MessageRow>,
) -> Result<Vec<MessageId>> {
    let ids = erase(tx, Some(guild), rows).await?;
    let gone = MessagesDeleted { ids: &ids, channel_id: channel, guild_id: guild };
    let event = NewEvent::new(EventKind::MessagesDeleted, StreamId::from(guild), &gone)?;
    tx.append(event.in_channel(channel))?;
    Ok(ids)
}

/// Makes tombstones of messages; what hung on them goes with them.
async fn erase(tx: &mut Tx, guild: Option<GuildId>, rows: Vec<MessageRow>) -> Result<Vec<MessageId>> {
    let now = tx.now;
    let with = |wanted: fn(&MessageRow) -> bool| -> Vec<MessageId> {
        rows.iter().filter(|row| wanted(row)).map(|row| row.id).collect()
    };
    let ids = with(|_| true);
    let reacted = with(|row| row.flags & FLAG_REACTED != 0);
    let edited = with(|row| row.edited_at.is_some());
    let pinned: Vec<(ChannelId, MessageId)> =
        rows.iter().filter(|row| row.flags & FLAG_PINNED != 0).map(|row| (row.channel_id, row.id)).collect();
    let mentioned: Vec<(TargetId, ChannelId, i64)> = rows
        .iter()
        .flat_map(|row| {
            let targets = Extras::decode(row.extras.as_deref()).targets(guild);
            targets.into_iter().map(|target| (target, row.channel_id, row.position))
        })
        .collect();
    store::bury(tx, &ids, now).await?;
    store::delete_revisions(tx, &edited).await?;
    store::delete_mentions(tx, &mentioned).await?;
    marks::delete_reactions(tx, &reacted).await?;
    marks::delete_pins(tx, &pinned).await?;
    Ok(ids)
}
