//! Pins: the messages that a channel keeps at hand.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::sending::{compose, write_alone};
use super::store::marks::{self, PinRow};
use super::store::{self, FLAG_PINNED, MessageRow};
use super::{Draft, Message, MessageKind, history, refuse_blocked, require_participation, said_once};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{Access, Permissions, access};
use crate::clock::Timestamp;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate};
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{ChannelId, GuildId, MessageId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

/// The most pins in a channel.
const MAX_PINS: usize = 250;

/// A message that a channel keeps at hand: also the body of `pin_added`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Pin {
    /// The channel.
    pub channel_id: ChannelId,
    /// The guild of that channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<GuildId>,
    /// The message.
    pub message_id: MessageId,
    /// Who pinned it.
    pub pinned_by: UserId,
    /// When.
    pub pinned_at: Timestamp,
    /// The message as it stands.
    pub message: Message,
}

/// The body of `pin_removed`.
#[derive(Serialize, ToSchema)]
pub(crate) struct PinRemoved {
    channel_id: ChannelId,
    #[serde(skip_serializing_if = "Option::is_none")]
    guild_id: Option<GuildId>,
    message_id: MessageId,
}

/// `POST /channels/{id}/pins`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPin {
    /// A message of the channel.
    pub message_id: MessageId,
}

impl Validate for NewPin {
    fn check(&self, _: &mut Faults) {}
}

/// `DELETE /channels/{id}/pins`, in the body or the query.
#[derive(Debug, Clone, Default, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PinTarget {
    /// Which message.
    pub message_id: Option<MessageId>,
}

impl Validate for PinTarget {
    fn check(&self, _: &mut Faults) {}
}

impl PinTarget {
    /// The same with what a body says; the two must not contradict each other.
    pub fn with(self, body: PinTarget) -> Result<PinTarget> {
        Ok(PinTarget { message_id: said_once("/message_id", self.message_id, body.message_id)? })
    }
}

/// Pins a message; whether it wasn't pinned before, and the pin.
pub async fn add(app: &App, caller: &Caller, channel: ChannelId, new: NewPin) -> Result<(bool, Pin)> {
    let access = access(app, caller, channel).await?;
    access.require(Permissions::PIN_MESSAGES)?;
    let id = new.message_id;
    let author = {
        let mut conn = app.db.read().await?;
        let row = of_channel(store::message(&mut conn, id).await?, channel)?;
        history::author(app, &mut conn, &row).await?
    };
    let pinner = caller.clone();
    access
        .change(app, caller, Permissions::PIN_MESSAGES, move |tx, access| {
            Box::pin(async move {
                require_participation(&access, tx.now)?;
                refuse_blocked(tx, &access).await?;
                let row = of_channel(store::message(tx, id).await?, channel)?;
                match marks::pin(tx, channel, id).await? {
                    Some(pin) => {
                        let message = history::complete_one(tx, &access, row, author).await?;
                        Ok((false, view(&access, pin, message)))
                    }
                    None => Ok((true, pin(tx, &access, row, author, &pinner).await?)),
                }
            })
        })
        .await
}

/// The message, if it stands in this channel.
fn of_channel(row: Option<MessageRow>, channel: ChannelId) -> Result<MessageRow> {
    let row = row.filter(|row| row.channel_id == channel && row.deleted_at.is_none());
    row.ok_or_else(|| Error::field("/message_id", FieldCode::UnknownReference))
}

fn view(access: &Access, pin: PinRow, message: Message) -> Pin {
    Pin {
        channel_id: access.channel,
        guild_id: access.guild(),
        message_id: pin.message_id,
        pinned_by: pin.pinned_by,
        pinned_at: pin.pinned_at,
        message,
    }
}

async fn pin(tx: &mut Tx, access: &Access, row: MessageRow, author: Author, caller: &Caller) -> Result<Pin> {
    if marks::count_pins(tx, access.channel).await? >= MAX_PINS as i64 {
        return Err(Error::limit("pins", MAX_PINS));
    }
    let new = PinRow { message_id: row.id, pinned_by: caller.user, pinned_at: tx.now };
    marks::insert_pin(tx, access.channel, &new).await?;
    marks::flag(tx, &[row.id], FLAG_PINNED).await?;
    let row = MessageRow { flags: row.flags | FLAG_PINNED, ..row };
    let message = history::complete_one(tx, access, row, author).await?;
    let pin = view(access, new, message);
    let everybodys = Pin { message: pin.message.for_everybody(), ..pin.clone() };
    let event = NewEvent::new(EventKind::PinAdded, access.stream(), &everybodys)?;
    tx.append(event.in_channel(access.channel))?;
    tell(tx, caller, access, pin.message_id).await?;
    note(tx, &caller.reason, access, Action::MessagePin, pin.message_id).await?;
    Ok(pin)
}

/// Says in the channel that a message was pinned: an answer to it, without words.
async fn tell(tx: &mut Tx, caller: &Caller, access: &Access, pinned: MessageId) -> Result<()> {
    let words = Draft { reply_to: vec![pinned], ..Draft::default() };
    let id = MessageId(tx.next_id()?);
    let message = compose(caller, access, id, MessageKind::Pin, &words, &[])?;
    write_alone(tx, message).await.map(drop)
}

async fn note(tx: &mut Tx, reason: &str, access: &Access, action: Action, message: MessageId) -> Result<()> {
    let Some(guild) = access.guild() else { return Ok(()) };
    let note = Note::new(guild, action).target(message.0).reason(reason);
    match action {
        Action::MessagePin => note.change("channel_id", (), access.channel).write(tx).await,
        _ => note.change("channel_id", access.channel, ()).write(tx).await,
    }
}

/// Takes a pin off.
pub async fn remove(app: &App, caller: &Caller, channel: ChannelId, target: PinTarget) -> Result<()> {
    let access = access(app, caller, channel).await?;
    let id = target.message_id.ok_or_else(|| Error::field("/message_id", FieldCode::Required))?;
    let reason = caller.reason.clone();
    access
        .change(app, caller, Permissions::PIN_MESSAGES, move |tx, access| {
            Box::pin(async move {
                require_participation(&access, tx.now)?;
                marks::pin(tx, channel, id).await?.ok_or(Code::NotFound)?;
                marks::delete_pins(tx, &[(channel, id)]).await?;
                marks::unflag(tx, id, FLAG_PINNED).await?;
                let gone = PinRemoved { channel_id: channel, guild_id: access.guild(), message_id: id };
                let event = NewEvent::new(EventKind::PinRemoved, access.stream(), &gone)?;
                tx.append(event.in_channel(channel))?;
                note(tx, &reason, &access, Action::MessageUnpin, id).await
            })
        })
        .await
}

/// A channel's pins, the newest first.
pub async fn list(app: &App, caller: &Caller, channel: ChannelId, query: PageQuery) -> Result<Page<Pin>> {
    let access = access(app, caller, channel).await?;
    access.require(Permissions::READ_HISTORY)?;
    let anchor = query.anchor::<MessageId>()?;
    let mut conn = app.db.read().await?;
    let before = match anchor {
        None => (Timestamp(i64::MAX), MessageId(i64::MAX)),
        Some(Anchor::Before(id)) => {
            let pin = marks::pin(&mut conn, channel, id).await?.ok_or(Code::NotFound)?;
            (pin.pinned_at, pin.message_id)
        }
        Some(Anchor::After(_) | Anchor::Around(_)) => return Err(Code::InvalidQuery.into()),
    };
    let found = marks::pins_before(&mut conn, channel, before, query.limit() + 1).await?;
    let Page { items: found, has_more } = Page::cut(found, query.limit());
    let ids: Vec<MessageId> = found.iter().map(|pin| pin.message_id).collect();
    let rows = store::messages(&mut conn, &ids).await?;
    let messages = history::complete(app, &mut conn, &access, rows).await?;
    let message = |pin: &PinRow| messages.iter().find(|message| message.id == pin.message_id).cloned();
    let items = found.into_iter().filter_map(|pin| message(&pin).map(|message| view(&access, pin, message))).collect();
    Ok(Page { items, has_more })
}
