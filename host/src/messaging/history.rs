//! Reading messages back, in the order of the log.

use std::collections::HashMap;

use super::store::{self, FLAG_PINNED, FLAG_REACTED, MessageRow, marks};
use super::{AuthorKind, Extras, Message, ReactionCount, webhooks};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{Access, Permissions, access};
use crate::db::Conn;
use crate::error::{Code, Result};
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{ChannelId, MessageId, UserId};
use crate::log::Tx;

/// A page of a channel's messages, the newest first. Tombstones aren't counted.
pub async fn list(app: &App, caller: &Caller, channel: ChannelId, query: PageQuery) -> Result<Page<Message>> {
    let access = access(app, caller, channel).await?;
    access.require(Permissions::READ_HISTORY)?;
    let mut conn = app.db.read().await?;
    let (rows, has_more) = match query.anchor::<MessageId>()? {
        None => newest(app, &mut conn, &access, query.limit()).await?,
        Some(_) => page(&mut conn, channel, &query).await?,
    };
    let items = complete(app, &mut conn, &access, rows).await?;
    Ok(Page { items, has_more })
}

/// The page that nearly everybody asks for: from memory, if it is there.
async fn newest(app: &App, conn: &mut Conn, access: &Access, limit: i64) -> Result<(Vec<MessageRow>, bool)> {
    // First whether memory is behind, and then what it holds: in between it can only become newer.
    let known = if app.is_behind(conn, access.stream()).await? { None } else { app.recent.known(access.channel) };
    let rows = match known {
        Some(rows) => rows,
        None => app.recent.read(conn, access.channel).await?,
    };
    let shown = rows.len().min(limit as usize);
    Ok((rows[..shown].to_vec(), rows.len() > shown))
}

async fn page(conn: &mut Conn, channel: ChannelId, query: &PageQuery) -> Result<(Vec<MessageRow>, bool)> {
    let limit = query.limit();
    let anchor = query.anchor::<MessageId>()?;
    let position = match anchor {
        None => i64::MAX,
        Some(Anchor::Before(id) | Anchor::After(id) | Anchor::Around(id)) => position_of(conn, channel, id).await?,
    };
    let (mut rows, has_more) = match anchor {
        None | Some(Anchor::Before(_)) => cut(store::before(conn, channel, position, limit + 1).await?, limit),
        Some(Anchor::After(_)) => cut(store::after(conn, channel, position, limit + 1).await?, limit),
        Some(Anchor::Around(_)) => {
            let older = store::before(conn, channel, position + 1, limit + 1).await?;
            let newer = store::after(conn, channel, position, limit + 1).await?;
            middle(older, newer, limit)
        }
    };
    rows.sort_by_key(|row| std::cmp::Reverse(row.position));
    Ok((rows, has_more))
}

/// A page around an anchor: half of it older, the anchor among them, half of it newer; where one side
/// has less, the other one gives more.
fn middle(older: Vec<MessageRow>, newer: Vec<MessageRow>, limit: i64) -> (Vec<MessageRow>, bool) {
    let spare = (limit / 2 - newer.len() as i64).max(0);
    let (older, more_before) = cut(older, limit - limit / 2 + spare);
    let (newer, more_after) = cut(newer, limit - older.len() as i64);
    (older.into_iter().chain(newer).collect(), more_before || more_after)
}

fn cut(mut rows: Vec<MessageRow>, limit: i64) -> (Vec<MessageRow>, bool) {
    let has_more = rows.len() as i64 > limit;
    rows.truncate(limit.max(0) as usize);
    (rows, has_more)
}

async fn position_of(conn: &mut Conn, channel: ChannelId, id: MessageId) -> Result<i64> {
    let row = store::message(conn, id).await?.filter(|row| row.channel_id == channel);
    Ok(row.ok_or(Code::NotFound)?.position)
}

/// One message that the caller may read.
pub async fn get(app: &App, caller: &Caller, id: MessageId) -> Result<Message> {
    let (access, row) = find(app, caller, id).await?;
    access.require(Permissions::READ_HISTORY)?;
    whole(app, &access, row).await
}

/// A row with all that hangs on it.
pub(super) async fn whole(app: &App, access: &Access, row: MessageRow) -> Result<Message> {
    let mut conn = app.db.read().await?;
    let mut found = complete(app, &mut conn, access, vec![row]).await?;
    found.pop().ok_or(Code::NotFound.into())
}

/// A message that isn't deleted, with the caller's standing in its channel; not found for whoever
/// can't see that.
pub async fn find(app: &App, caller: &Caller, id: MessageId) -> Result<(Access, MessageRow)> {
    caller.identity()?;
    let row = store::message(&mut app.db.read().await?, id).await?;
    let row = row.filter(|row| row.deleted_at.is_none()).ok_or(Code::NotFound)?;
    Ok((access(app, caller, row.channel_id).await?, row))
}

/// The same row as of this transaction, unless it was deleted meanwhile.
pub(super) async fn still_there(tx: &mut Tx, id: MessageId) -> Result<MessageRow> {
    let row = store::message(tx, id).await?;
    row.filter(|row| row.deleted_at.is_none()).ok_or(Code::NotFound.into())
}

/// Adds to rows of one channel what hangs on them: authors, reactions, pins.
pub async fn complete(app: &App, conn: &mut Conn, access: &Access, rows: Vec<MessageRow>) -> Result<Vec<Message>> {
    let mut reactions = reactions_of(conn, access, &rows).await?;
    let mut messages = Vec::with_capacity(rows.len());
    for row in rows {
        let author = author(app, conn, &row).await?;
        let reactions = reactions.remove(&row.id).unwrap_or_default();
        messages.push(assemble(access, row, author, reactions));
    }
    Ok(messages)
}

/// The same for one row inside a transaction, where its author is known.
pub(super) async fn complete_one(tx: &mut Tx, access: &Access, row: MessageRow, author: Author) -> Result<Message> {
    let rows = [row];
    let mut reactions = reactions_of(tx, access, &rows).await?;
    let [row] = rows;
    let reactions = reactions.remove(&row.id).unwrap_or_default();
    Ok(assemble(access, row, author, reactions))
}

fn assemble(access: &Access, row: MessageRow, author: Author, reactions: Vec<ReactionCount>) -> Message {
    let extras = Extras::decode(row.extras.as_deref());
    Message {
        id: row.id,
        channel_id: row.channel_id,
        guild_id: access.guild(),
        kind: row.kind,
        author,
        content: row.content,
        reply_to: extras.reply_to,
        attachments: extras.attachments,
        mentions: extras.mentions,
        mention_roles: extras.mention_roles,
        mention_everyone: extras.mention_everyone,
        reactions,
        pinned: row.flags & FLAG_PINNED != 0,
        silent: extras.silent,
        blocks: extras.blocks,
        nonce: None,
        created_at: row.id.created_at(),
        edited_at: row.edited_at,
    }
}

/// Who wrote a message, as they are now.
pub(super) async fn author(app: &App, conn: &mut Conn, row: &MessageRow) -> Result<Author> {
    if row.author_kind == AuthorKind::Webhook {
        let name = Extras::decode(row.extras.as_deref()).webhook.unwrap_or_default();
        return Ok(webhooks::author(row.author_id, name));
    }
    account(app, conn, row.author_id).await
}

/// An account as it stands beside what it did.
pub(super) async fn account(app: &App, conn: &mut Conn, id: UserId) -> Result<Author> {
    match app.identities.get_through(conn, id).await? {
        Some(identity) => Ok(identity.author.clone()),
        None => Ok(nobody(id)),
    }
}

fn nobody(id: UserId) -> Author {
    Author { id, username: String::new(), display_name: String::new(), avatar_file_id: None, kind: "deleted" }
}

async fn reactions_of(
    conn: &mut Conn,
    access: &Access,
    rows: &[MessageRow],
) -> Result<HashMap<MessageId, Vec<ReactionCount>>> {
    let mut reactions: HashMap<MessageId, Vec<ReactionCount>> = HashMap::new();
    let reacted = || rows.iter().filter(|row| row.flags & FLAG_REACTED != 0).map(|row| row.position);
    let (Some(from), Some(to)) = (reacted().min(), reacted().max()) else { return Ok(reactions) };
    for (message, emoji, count, me) in marks::reaction_counts(conn, access.channel, (from, to), access.user()).await? {
        reactions.entry(message).or_default().push(ReactionCount { emoji, count, me: me > 0 });
    }
    Ok(reactions)
}
