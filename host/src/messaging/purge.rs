//! Deleting what somebody said lately, all over a guild: what goes with a ban.

use std::collections::BTreeMap;
use std::time::Duration;

use super::deleting;
use super::store::{self as messages, MessageRow};
use crate::app::App;
use crate::error::Result;
use crate::id::{self, ChannelId, GuildId, MessageId, UserId};
use crate::log::{self, Tx};

pub(crate) mod store;

/// Messages that are looked at in one go.
const AT_ONCE: i64 = 500;
/// Ids are minted before their messages take their place in the order: by how much, at most.
const MINTED_BEFORE: Duration = Duration::from_secs(60);

/// What there was to delete when it was looked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Messages with an id from here on are meant; nothing if none are.
    from: Option<MessageId>,
    /// The position of the guild's log up to which all were looked at.
    through: i64,
    messages: BTreeMap<ChannelId, Vec<MessageId>>,
}

/// Looks for messages of these authors in a guild, of the last `seconds`. It takes time and holds
/// nobody up: the transaction that deletes them looks only at what came since.
pub(crate) async fn find(app: &App, guild: GuildId, authors: &[UserId], seconds: i64) -> Result<Found> {
    if seconds <= 0 {
        return Ok(Found::default());
    }
    let since = app.now().before(Duration::from_secs(seconds.unsigned_abs()));
    let (from, margin) = (id::first_at(since), id::first_at(since.before(MINTED_BEFORE)));
    let shard = log::shard_of(guild.into(), app.writer.shards);
    let mut conn = app.db.read().await?;
    let heads = log::store::heads(&mut conn).await?;
    let through = heads.iter().find(|(one, _)| *one == shard).map_or(0, |(_, position)| *position);
    let mut found = BTreeMap::new();
    for channel in store::channels(&mut conn, guild).await? {
        let mut before = through + 1;
        loop {
            let rows = store::authors_before(&mut conn, channel, before, AT_ONCE).await?;
            let meant = rows.iter().filter(|(id, _, author)| id.0 >= from && authors.contains(author));
            let ids: Vec<MessageId> = meant.map(|(id, ..)| *id).collect();
            if !ids.is_empty() {
                found.entry(channel).or_insert_with(Vec::new).extend(ids);
            }
            match rows.last() {
                Some((id, position, _)) if rows.len() as i64 == AT_ONCE && id.0 >= margin => before = *position,
                _ => break,
            }
        }
    }
    Ok(Found { from: Some(MessageId(from)), through, messages: found })
}

/// Deletes what was found of these authors and what they have said since, with one event for each channel.
pub(crate) async fn delete(tx: &mut Tx, guild: GuildId, authors: &[UserId], found: Found) -> Result<()> {
    let Some(from) = found.from else { return Ok(()) };
    let mut doomed = found.messages;
    for (channel, id, author) in store::authors_after(tx, guild, found.through, from).await? {
        if authors.contains(&author) {
            doomed.entry(channel).or_default().push(id);
        }
    }
    for (channel, ids) in doomed {
        let mut rows: Vec<MessageRow> = Vec::new();
        for chunk in ids.chunks(AT_ONCE as usize) {
            rows.extend(messages::messages(tx, chunk).await?);
        }
        rows.retain(|row| row.deleted_at.is_none() && authors.contains(&row.author_id));
        if !rows.is_empty() {
            rows.sort_by_key(|row| row.position);
            deleting::erase_announced(tx, guild, channel, rows).await?;
        }
    }
    Ok(())
}
