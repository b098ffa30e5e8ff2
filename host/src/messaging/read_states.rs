//! How far somebody has read, and how much they have not.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::{self, marks};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, ChannelKind, access};
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds;
use crate::http::body::{Faults, Validate};
use crate::id::{ChannelId, MessageId, UserId};
use crate::log::{EventKind, NewEvent};

/// The most unread messages and mentions that are counted in one channel: nobody reads the number beyond.
pub const MAX_COUNTED: i64 = 1_000;

/// Where somebody stands in a channel.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReadState {
    /// The channel.
    pub channel_id: ChannelId,
    /// The last message that was read.
    pub last_read_id: Option<MessageId>,
    /// Messages of others after it, at most 1,000.
    pub unread_count: i64,
    /// Those among them that mention the reader, a role of theirs or everyone, at most 1,000.
    pub mention_count: i64,
}

/// `PUT /channels/{id}/read`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadUpTo {
    /// The last message that was read; an earlier one than before makes what follows it unread again.
    pub message_id: MessageId,
}

impl Validate for ReadUpTo {
    fn check(&self, _: &mut Faults) {}
}

/// Where somebody stands in these channels, in the same order.
pub(crate) async fn in_channels(conn: &mut Conn, user: UserId, channels: &[ChannelId]) -> Result<Vec<ReadState>> {
    let found = marks::read_states(conn, user, channels).await?;
    let mut states: HashMap<ChannelId, ReadState> = found.into_iter().map(|state| (state.channel_id, state)).collect();
    Ok(channels.iter().filter_map(|channel| states.remove(channel)).collect())
}

/// Where the caller stands in every channel that they see.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<ReadState>> {
    let mut seen = channels::directs_of(&mut app.db.read().await?, caller.user).await?;
    for guild in guilds::mine(app, caller).await? {
        let Some(membership) = channels::membership_of(app, guild.id, caller.user).await? else { continue };
        let talk = membership.guild.channels.iter().filter(|(_, rule)| rule.kind != ChannelKind::Category);
        seen.extend(talk.map(|(&channel, _)| channel).filter(|&channel| membership.access(channel).is_ok()));
    }
    seen.sort_unstable();
    in_channels(&mut app.db.read().await?, caller.user, &seen).await
}

/// Says up to which message of a channel the caller has read.
pub async fn mark(app: &App, caller: &Caller, channel: ChannelId, read: ReadUpTo) -> Result<ReadState> {
    access(app, caller, channel).await?;
    let (user, id) = (caller.user, read.message_id);
    caller
        .write(app, &[user.into()], move |tx| {
            Box::pin(async move {
                let row = store::message(tx, id).await?.filter(|row| row.channel_id == channel);
                let row = row.ok_or_else(|| Error::field("/message_id", FieldCode::UnknownReference))?;
                let moves = marks::last_read(tx, user, channel).await? != Some(id);
                let now = tx.now;
                if moves {
                    marks::set_read(tx, user, channel, (row.position, id), now).await?;
                }
                let state = in_channels(tx, user, &[channel]).await?.pop().ok_or(Code::NotFound)?;
                if moves {
                    tx.append(NewEvent::new(EventKind::ReadStateUpdated, user, &state)?)?;
                }
                Ok(state)
            })
        })
        .await
}
