//! How far somebody has read, and how much they have not.

use serde::Serialize;
use utoipa::ToSchema;

use super::store;
use crate::db::Conn;
use crate::error::Result;
use crate::id::{ChannelId, MessageId, UserId};

/// The most unread messages and mentions that are counted in one channel: nobody reads the number beyond.
pub const MAX_COUNTED: i64 = 1_000;

/// Where somebody stands in a channel.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReadState {
    /// The channel.
    pub channel_id: ChannelId,
    /// The last message that was read.
    pub last_read_id: Option<MessageId>,
    /// Messages after it, at most 1,000.
    pub unread_count: i64,
    /// Those among them that mention the reader, at most 1,000.
    pub mention_count: i64,
}

/// Where somebody stands in these channels.
pub(crate) async fn in_channels(conn: &mut Conn, user: UserId, channels: &[ChannelId]) -> Result<Vec<ReadState>> {
    let mut states = Vec::with_capacity(channels.len());
    for &channel in channels {
        states.push(store::read_state(conn, user, channel).await?);
    }
    Ok(states)
}
