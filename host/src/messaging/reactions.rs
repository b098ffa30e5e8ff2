//! Reactions: what people answer to a message with one picture.

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use super::emoji::Emoji;
use super::reacting::{self, Mark, Outcome, Reaction};
use super::store::{MessageRow, marks};
use super::{ReactionCount, history, refuse_blocked, require_participation, said_once};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{Access, Permissions};
use crate::clock::Timestamp;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds;
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate};
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{MessageId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

/// `POST /messages/{id}/reactions`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReaction {
    /// A Unicode emoji, or `name:id` of one of the guild's own.
    pub emoji: String,
}

impl Validate for NewReaction {
    fn check(&self, faults: &mut Faults) {
        if Emoji::parse(&self.emoji).is_none() {
            faults.note("/emoji", FieldCode::InvalidFormat);
        }
    }
}

/// `DELETE /messages/{id}/reactions`, in the body or the query.
#[derive(Debug, Clone, Default, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReactionTarget {
    /// Which emoji.
    pub emoji: Option<String>,
    /// Whose reaction; one's own if this isn't said.
    pub user_id: Option<UserId>,
}

impl Validate for ReactionTarget {
    fn check(&self, _: &mut Faults) {}
}

impl ReactionTarget {
    /// The same with what a body says; the two must not contradict each other.
    pub fn with(self, body: ReactionTarget) -> Result<ReactionTarget> {
        Ok(ReactionTarget {
            emoji: said_once("/emoji", self.emoji, body.emoji)?,
            user_id: said_once("/user_id", self.user_id, body.user_id)?,
        })
    }
}

/// Whose reactions with one emoji are asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReactorsQuery {
    /// Which emoji.
    pub emoji: String,
    /// People after this one.
    pub after: Option<String>,
    /// How many, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
}

/// How people reacted to a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reactions {
    /// The message.
    pub message_id: MessageId,
    /// Every emoji on it, in the order in which they came.
    pub reactions: Vec<ReactionCount>,
}

/// Somebody who reacted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reactor {
    /// Who.
    pub user: Author,
    /// When.
    pub reacted_at: Timestamp,
}

/// Leaves a reaction on a message; whether it is new, and how all reactions stand.
pub async fn add(app: &App, caller: &Caller, id: MessageId, new: NewReaction) -> Result<(bool, Reactions)> {
    let (access, row) = history::find(app, caller, id).await?;
    require_participation(&access, app.now())?;
    let emoji = Emoji::parse(&new.emoji).ok_or_else(|| Error::field("/emoji", FieldCode::InvalidFormat))?;
    let mut outcome = Outcome::RulesMoved;
    if access.guild().is_some() && matches!(emoji, Emoji::Unicode(_)) {
        let (answer, answered) = oneshot::channel();
        app.writer.react(Reaction { answer: Some(answer), ..reaction(caller, &access, id, &emoji) }).await?;
        outcome = answered.await.map_err(|_| Code::Unavailable)??;
    }
    if outcome == Outcome::RulesMoved {
        outcome = add_alone(app, caller, &access, id, emoji).await?;
    }
    let new = outcome.is_new()?;
    Ok((new, counts(app, &access, &row).await?))
}

fn reaction(caller: &Caller, access: &Access, message_id: MessageId, emoji: &Emoji) -> Reaction {
    Reaction {
        stream: access.stream(),
        mark: Mark {
            message_id,
            channel_id: access.channel,
            guild_id: access.guild(),
            user_id: caller.user,
            emoji: emoji.to_string(),
        },
        may_be_first: access.may(Permissions::ADD_REACTIONS),
        allowed_under: access.membership().map(|membership| (membership.id(), membership.guild.version)),
        request_id: caller.request_id.clone(),
        outcome: Outcome::RulesMoved,
        answer: None,
    }
}

/// Adds a reaction in a transaction step of its own, where everything that decides is read anew.
async fn add_alone(app: &App, caller: &Caller, access: &Access, id: MessageId, emoji: Emoji) -> Result<Outcome> {
    let author = caller.clone();
    access
        .change(app, caller, Permissions::READ_HISTORY, move |tx, access| {
            Box::pin(async move { add_within(tx, &author, &access, id, &emoji).await })
        })
        .await
}

/// Adds a reaction as a part of a larger change.
pub(crate) async fn add_within(
    tx: &mut Tx,
    caller: &Caller,
    access: &Access,
    id: MessageId,
    emoji: &Emoji,
) -> Result<Outcome> {
    require_participation(access, tx.now)?;
    refuse_blocked(tx, access).await?;
    require_known(tx, access, id, emoji).await?;
    let mut alone = [Reaction { allowed_under: None, ..reaction(caller, access, id, emoji) }];
    reacting::write(tx, &mut alone).await?;
    Ok(alone[0].outcome)
}

/// Refuses a custom emoji that isn't the guild's, unless somebody has left it on the message already.
async fn require_known(tx: &mut Tx, access: &Access, id: MessageId, emoji: &Emoji) -> Result<()> {
    let Emoji::Custom { name, id: emoji_id } = emoji else { return Ok(()) };
    let text = emoji.to_string();
    if marks::reacted(tx, &[(id, &text)]).await?.iter().any(|found| found.there) {
        return Ok(());
    }
    let known = match access.guild() {
        Some(guild) => guilds::emoji_exists(tx, guild, *emoji_id, name).await?,
        None => false,
    };
    if known { Ok(()) } else { Err(Error::field("/emoji", FieldCode::UnknownReference)) }
}

/// Takes back one's own reaction or, for whoever manages messages, removes another's.
pub async fn remove(app: &App, caller: &Caller, id: MessageId, target: ReactionTarget) -> Result<Reactions> {
    let (access, row) = history::find(app, caller, id).await?;
    let emoji = target.emoji.ok_or_else(|| Error::field("/emoji", FieldCode::Required))?;
    let emoji = Emoji::parse(&emoji).ok_or_else(|| Error::field("/emoji", FieldCode::InvalidFormat))?;
    let user = target.user_id.unwrap_or(caller.user);
    let own = user == caller.user;
    let needed = if own { Permissions::READ_HISTORY } else { Permissions::MANAGE_MESSAGES };
    let reason = caller.reason.clone();
    let emoji = emoji.to_string();
    access
        .change(app, caller, needed, move |tx, access| {
            Box::pin(async move {
                if !remove_within(tx, &access, id, &emoji, user).await? {
                    return Err(Code::NotFound.into());
                }
                match access.guild().filter(|_| !own) {
                    None => Ok(()),
                    Some(guild) => {
                        let note = Note::new(guild, Action::ReactionRemove).target(id.0).reason(&reason);
                        note.change("user_id", user, ()).change("emoji", &emoji, ()).write(tx).await
                    }
                }
            })
        })
        .await?;
    counts(app, &access, &row).await
}

/// Removes somebody's reaction as a part of a larger change; false if there is none.
pub(crate) async fn remove_within(
    tx: &mut Tx,
    access: &Access,
    id: MessageId,
    emoji: &str,
    user: UserId,
) -> Result<bool> {
    if !marks::delete_reaction(tx, id, emoji, user).await? {
        return Ok(false);
    }
    let (channel_id, guild_id) = (access.channel, access.guild());
    let gone = Mark { message_id: id, channel_id, guild_id, user_id: user, emoji: emoji.to_owned() };
    let event = NewEvent::new(EventKind::ReactionRemoved, access.stream(), &gone)?;
    tx.append(event.in_channel(channel_id))?;
    Ok(true)
}

async fn counts(app: &App, access: &Access, row: &MessageRow) -> Result<Reactions> {
    let mut conn = app.db.read().await?;
    let here = (row.position, row.position);
    let found = marks::reaction_counts(&mut conn, row.channel_id, here, access.user()).await?;
    let reactions = found.into_iter().map(|(_, emoji, count, me)| ReactionCount { emoji, count, me: me > 0 }).collect();
    Ok(Reactions { message_id: row.id, reactions })
}

/// Who reacted to a message with an emoji, in the order of accounts.
pub async fn reactors(app: &App, caller: &Caller, id: MessageId, query: ReactorsQuery) -> Result<Page<Reactor>> {
    let (access, _) = history::find(app, caller, id).await?;
    access.require(Permissions::READ_HISTORY)?;
    let emoji = Emoji::parse(&query.emoji).ok_or(Code::InvalidQuery)?.to_string();
    let page = PageQuery { after: query.after, limit: query.limit, ..PageQuery::default() };
    let after = match page.anchor::<UserId>()? {
        Some(Anchor::After(user)) => user,
        _ => UserId(0),
    };
    let mut conn = app.db.read().await?;
    let found = marks::reactors(&mut conn, id, &emoji, after, page.limit() + 1).await?;
    let mut reactors = Vec::with_capacity(found.len());
    for (user, reacted_at) in found {
        reactors.push(Reactor { user: history::account(app, &mut conn, user).await?, reacted_at });
    }
    Ok(Page::cut(reactors, page.limit()))
}
