//! Editing: a message says something else, and keeps what it said before.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mentions::{self, AllowedMentions};
use super::store::{self, MessageRow};
use super::{Draft, Extras, Message, MessageKind, check_content, history, refuse_blocked};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{Access, Permissions};
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{ChannelId, MessageId, TargetId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::plugins::blocks::Node;
use crate::plugins::filtering::{self, Stage};

/// `PATCH /messages/{id}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// What to say instead, at most 4,000 characters.
    pub content: String,
    /// Which of the mentions in its text count; all that the author may make, if this isn't said.
    pub allowed_mentions: Option<AllowedMentions>,
    /// What a plugin shows below the text from here on.
    #[serde(skip)]
    pub blocks: Option<Node>,
}

impl Validate for Edit {
    fn check(&self, faults: &mut Faults) {
        check_content("/content", &self.content, faults);
        if let Some(allowed) = &self.allowed_mentions {
            allowed.check(faults);
        }
    }
}

/// What a message said before.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Revision {
    /// Counts from 1, the first thing that was said.
    pub revision: i64,
    /// What it said.
    pub content: String,
    /// Since when it said that.
    pub written_at: Timestamp,
}

/// Changes what one's own message says. The same text again changes nothing.
pub async fn edit(app: &App, caller: &Caller, id: MessageId, mut edit: Edit) -> Result<Message> {
    let (access, row) = history::find(app, caller, id).await?;
    app.limiter.check(caller, Group::Messages, access.channel.0)?;
    if row.author_id != caller.user || row.kind != MessageKind::Default {
        return Err(Code::Forbidden.into());
    }
    let email_verified = caller.identity()?.email_verified;
    access.require_speech(email_verified)?;
    filter(app, caller, &access, id, &mut edit).await?;
    let author = caller.identity()?.author.clone();
    access
        .change(app, caller, Permissions::VIEW_CHANNEL, move |tx, access| {
            Box::pin(async move {
                access.require_speech(email_verified)?;
                edit_within(tx, &access, id, author, &edit).await
            })
        })
        .await
}

/// Lets the guild's filters look at the new text.
async fn filter(app: &App, caller: &Caller, access: &Access, id: MessageId, edit: &mut Edit) -> Result<()> {
    let mut draft = Draft { content: std::mem::take(&mut edit.content), ..Draft::default() };
    filtering::draft(app, caller, access, id, &mut draft, Stage::Edit).await?;
    edit.content = draft.content;
    Ok(())
}

/// Changes what a message of this author says, as a part of a larger change.
pub(crate) async fn edit_within(
    tx: &mut Tx,
    access: &Access,
    id: MessageId,
    author: Author,
    edit: &Edit,
) -> Result<Message> {
    refuse_blocked(tx, access).await?;
    let row = history::still_there(tx, id).await?;
    if row.channel_id != access.channel {
        return Err(Code::NotFound.into());
    }
    if row.author_id != author.id || row.kind != MessageKind::Default {
        return Err(Code::Forbidden.into());
    }
    if row.content == edit.content && Extras::decode(row.extras.as_deref()).blocks == edit.blocks {
        return history::complete_one(tx, access, row, author).await;
    }
    let row = rewrite(tx, access, row, edit).await?;
    announce(tx, access, row, author).await
}

async fn announce(tx: &mut Tx, access: &Access, row: MessageRow, author: Author) -> Result<Message> {
    let message = history::complete_one(tx, access, row, author).await?;
    let event = NewEvent::new(EventKind::MessageUpdated, access.stream(), &message.for_everybody())?;
    tx.append(event.in_channel(access.channel))?;
    Ok(message)
}

/// Stores the new text, what it was before, and whom it mentions now; answers the row as it stands.
async fn rewrite(tx: &mut Tx, access: &Access, row: MessageRow, edit: &Edit) -> Result<MessageRow> {
    let before = Extras::decode(row.extras.as_deref());
    let present = mentions::present_through(tx, access, &edit.content).await?;
    let found = mentions::resolve(&edit.content, edit.allowed_mentions.as_ref(), access, &present);
    let after = Extras {
        mentions: found.users,
        mention_roles: found.roles,
        mention_everyone: found.everyone,
        blocks: edit.blocks.clone(),
        ..before.clone()
    };
    let (before, targets) = (before.targets(access.guild()), after.targets(access.guild()));
    let gone: Vec<(TargetId, ChannelId, i64)> = before
        .into_iter()
        .filter(|target| !targets.contains(target))
        .map(|target| (target, row.channel_id, row.position))
        .collect();
    let now = tx.now;
    let extras = after.encode()?;
    store::insert_revision(tx, row.id, &row.content, row.edited_at.unwrap_or(row.id.created_at())).await?;
    store::rewrite(tx, row.id, &edit.content, &extras, now).await?;
    store::delete_mentions(tx, &gone).await?;
    store::insert_mentions(tx, &row, &targets).await?;
    Ok(MessageRow { content: edit.content.clone(), extras, edited_at: Some(now), ..row })
}

/// What a message said before, the newest first, for its author and for whoever manages messages.
pub async fn revisions(app: &App, caller: &Caller, id: MessageId, query: PageQuery) -> Result<Page<Revision>> {
    let (access, row) = history::find(app, caller, id).await?;
    let own = row.author_id == caller.user;
    access.require(if own { Permissions::READ_HISTORY } else { Permissions::MANAGE_MESSAGES })?;
    let before = match query.anchor::<i64>()? {
        None => i64::MAX,
        Some(Anchor::Before(revision)) => revision,
        Some(Anchor::After(_) | Anchor::Around(_)) => return Err(Code::InvalidQuery.into()),
    };
    let found = store::revisions(&mut app.db.read().await?, id, before, query.limit() + 1).await?;
    Ok(Page::cut(found, query.limit()))
}
