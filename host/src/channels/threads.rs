//! Threads: branches of a channel, started from a message or out of nothing; in forums, the posts.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::create::{check_name, refuse_too_many};
use super::{Access, Channel, ChannelKind, Permissions, access, announce, store};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::http::page::Page;
use crate::id::{ChannelId, GuildId, MessageId};
use crate::log::{EventKind, Tx};
use crate::messaging::{self, Draft, MessageKind, system};
use crate::plugins::filtering;

/// `POST /channels/{id}/threads`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewThread {
    /// 1 to 100 characters.
    pub name: String,
    /// The message to branch from; the thread gets its id.
    pub message_id: Option<MessageId>,
    /// The first message in it. A post in a forum must have one.
    pub content: Option<String>,
}

impl Validate for NewThread {
    fn check(&self, faults: &mut Faults) {
        check_name("/name", &self.name, faults);
        if let Some(content) = &self.content {
            messaging::check_content("/content", content, faults);
        }
    }
}

/// Which threads of a channel are asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ThreadQuery {
    /// Those that are put away, instead of those that aren't.
    pub archived: bool,
    /// Threads older than this one.
    pub before: Option<ChannelId>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
}

/// The threads of a channel, the newest first.
pub async fn list(app: &App, caller: &Caller, channel: ChannelId, query: ThreadQuery) -> Result<Page<Channel>> {
    let access = access(app, caller, channel).await?;
    require_branches(&access)?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Code::InvalidQuery.into());
    }
    let before = query.before.unwrap_or(ChannelId(i64::MAX));
    let mut conn = app.db.read().await?;
    Ok(Page::cut(store::threads(&mut conn, channel, query.archived, before, limit + 1).await?, limit))
}

fn require_branches(access: &Access) -> Result<()> {
    match access.kind() {
        ChannelKind::Text | ChannelKind::Announcement | ChannelKind::Forum => Ok(()),
        _ => Err(Code::WrongChannelKind.into()),
    }
}

/// A thread on its way.
pub(crate) struct Start {
    /// Its id.
    pub thread: ChannelId,
    /// Who starts it.
    pub caller: Caller,
    /// What it is to be.
    pub new: NewThread,
    /// How many channels the guild may have.
    pub max: usize,
}

/// Starts a thread, and says so in its channel.
pub async fn start(app: &App, caller: &Caller, channel: ChannelId, new: NewThread) -> Result<Channel> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Changes, access.stream().0)?;
    app.limiter.check(caller, Group::Messages, channel.0)?;
    let mut start = Start {
        thread: ChannelId(new.message_id.map_or_else(|| app.next_id(), |message| Ok(message.0))?),
        caller: caller.clone(),
        new,
        max: app.config.limits.channels,
    };
    require(&access, &start)?;
    if let Some(content) = &mut start.new.content {
        filtering::opening(app, caller, &access, content).await?;
    }
    access
        .change(app, caller, Permissions::CREATE_THREADS, move |tx, access| {
            Box::pin(async move { start_within(tx, &access, &start).await })
        })
        .await
}

/// Starts a thread as a part of a larger change.
pub(crate) async fn start_within(tx: &mut Tx, access: &Access, start: &Start) -> Result<Channel> {
    require(access, start)?;
    let guild = access.guild().ok_or(Code::NotFound)?;
    branch(tx, guild, access, start).await?;
    if access.kind() != ChannelKind::Forum {
        say_so(tx, guild, access, start).await?;
    }
    if let Some(content) = &start.new.content {
        say_first(tx, access, start, content).await?;
    }
    store::channel(tx, start.thread).await?.ok_or(Code::NotFound.into())
}

/// Refuses whoever may not start this thread here.
fn require(access: &Access, start: &Start) -> Result<()> {
    require_branches(access)?;
    access.require(Permissions::CREATE_THREADS)?;
    access.require_verified(start.caller.identity()?.email_verified)?;
    if access.kind() == ChannelKind::Forum {
        if start.new.message_id.is_some() {
            return Err(Error::field("/message_id", FieldCode::NotAllowed));
        }
        if start.new.content.is_none() {
            return Err(Error::field("/content", FieldCode::Required));
        }
    }
    if start.new.message_id.is_some() {
        access.require(Permissions::READ_HISTORY)?;
    }
    if start.new.content.is_some() {
        access.require(Permissions::SEND_IN_THREADS)?;
    }
    Ok(())
}

async fn branch(tx: &mut Tx, guild: GuildId, access: &Access, start: &Start) -> Result<()> {
    if let Some(message) = start.new.message_id
        && !messaging::stands_in(tx, access.channel, message).await?
    {
        return Err(Error::field("/message_id", FieldCode::UnknownReference));
    }
    if store::was_there(tx, start.thread).await? {
        return Err(Code::AlreadyExists.into());
    }
    refuse_too_many(tx, guild, start.max).await?;
    let row = store::NewRow {
        kind: ChannelKind::Thread,
        parent_id: Some(access.channel),
        owner_id: Some(start.caller.user),
        starter_message_id: start.new.message_id,
        ..store::NewRow::text(start.thread, guild, start.new.name.trim())
    };
    let now = tx.now;
    store::insert(tx, &row, now).await?;
    let thread = store::channel(tx, start.thread).await?.ok_or(Code::NotFound)?;
    announce(tx, EventKind::ChannelCreated, &thread).await?;
    let note = Note::new(guild, Action::ThreadCreate).target(thread.id.0).reason(&start.caller.reason);
    note.change("name", None::<String>, &thread.name).write(tx).await
}

async fn say_so(tx: &mut Tx, guild: GuildId, access: &Access, start: &Start) -> Result<()> {
    let notice = system::Notice {
        id: MessageId(tx.next_id()?),
        guild,
        channel: access.channel,
        kind: MessageKind::Thread,
        author: start.caller.identity()?.author.clone(),
        content: format!("<#{}>", start.thread),
        reply_to: start.new.message_id.into_iter().collect(),
    };
    system::post(tx, notice).await
}

async fn say_first(tx: &mut Tx, access: &Access, start: &Start, content: &str) -> Result<()> {
    let membership = access.membership().ok_or(Code::NotFound)?;
    // The thread is younger than the rules that the access knows.
    let inside = membership.confirm(tx).await?.access(start.thread)?;
    let draft = Draft { content: content.to_owned(), ..Draft::default() };
    messaging::send_within(tx, &start.caller, &inside, &draft).await
}
