//! Incoming webhooks: addresses through which programs outside speak in a channel.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Access, ChannelKind, Permissions, access, membership_of};
use crate::accounts::{Caller, token};
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Code, Error, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use crate::log::{EventKind, NewEvent, Tx};
use crate::messaging::mentions::AllowedMentions;
use crate::messaging::webhooks::{self, WebhookDraft, send_as_webhook};
use crate::messaging::{self, Sent};
use crate::plugins::filtering;

pub mod routes;
pub(super) mod store;

/// Webhooks of one channel, at most.
const MAX_WEBHOOKS: usize = 10;
/// The longest name of a webhook, in characters.
const MAX_NAME: usize = 80;

/// An incoming webhook.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Webhook {
    /// The webhook's id.
    pub id: WebhookId,
    /// The guild.
    pub guild_id: GuildId,
    /// Where it speaks.
    pub channel_id: ChannelId,
    /// The name that it speaks under.
    pub name: String,
    /// Who made it; it mentions those whom they may mention.
    pub creator_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// What proves its messages: said once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// `POST /channels/{id}/webhooks`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// The name that it speaks under, 1 to 80 characters.
    pub name: String,
}

impl Validate for NewWebhook {
    fn check(&self, faults: &mut Faults) {
        check_name("/name", &self.name, faults);
    }
}

fn check_name(pointer: &str, name: &str, faults: &mut Faults) {
    faults.length(pointer, name.trim(), 1, MAX_NAME);
    faults.length(pointer, name, 0, MAX_NAME);
}

/// `POST /webhooks/{id}/{token}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// What to say, at most 4,000 characters.
    pub content: String,
    /// Another name to speak under, 1 to 80 characters.
    pub username: Option<String>,
    /// Which of the mentions in its text count; all that its maker may make, if this isn't said.
    pub allowed_mentions: Option<AllowedMentions>,
    /// Its own name for the message: the same again within a day is the same message.
    pub nonce: Option<String>,
}

impl Validate for Delivery {
    fn check(&self, faults: &mut Faults) {
        messaging::check_content("/content", &self.content, faults);
        if let Some(username) = &self.username {
            check_name("/username", username, faults);
        }
        if let Some(nonce) = &self.nonce {
            faults.length("/nonce", nonce, 1, messaging::MAX_NONCE);
        }
    }
}

/// The webhooks of a channel, without their tokens.
pub async fn list(app: &App, caller: &Caller, channel: ChannelId) -> Result<Vec<Webhook>> {
    let access = access(app, caller, channel).await?;
    access.require(Permissions::MANAGE_WEBHOOKS)?;
    Ok(store::of_channel(&mut app.db.read().await?, channel).await?)
}

/// Makes a webhook; the only answer that holds its token.
pub async fn create(app: &App, caller: &Caller, channel: ChannelId, new: NewWebhook) -> Result<Webhook> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Changes, access.stream().0)?;
    require_speakable(&access)?;
    let (id, token) = (WebhookId(app.next_id()?), token::random());
    let (creator, reason) = (caller.user, caller.reason.clone());
    access
        .change(app, caller, Permissions::MANAGE_WEBHOOKS, move |tx, access| {
            Box::pin(async move {
                let guild_id = access.guild().ok_or(Code::NotFound)?;
                if store::of_channel(tx, channel).await?.len() >= MAX_WEBHOOKS {
                    return Err(Error::limit("webhooks", MAX_WEBHOOKS));
                }
                let name = new.name.trim().to_owned();
                let created_at = tx.now;
                let webhook =
                    Webhook { id, guild_id, channel_id: channel, name, creator_id: creator, created_at, token: None };
                store::insert(tx, &webhook, &token::hash(&token)).await?;
                announce(tx, EventKind::WebhookCreated, &webhook)?;
                let note = Note::new(guild_id, Action::WebhookCreate).target(id.0).reason(&reason);
                note.change("name", None::<String>, &webhook.name).write(tx).await?;
                Ok(Webhook { token: Some(token), ..webhook })
            })
        })
        .await
}

fn require_speakable(access: &Access) -> Result<()> {
    match access.kind() {
        ChannelKind::Text | ChannelKind::Announcement | ChannelKind::Voice => Ok(()),
        _ => Err(Code::WrongChannelKind.into()),
    }
}

fn announce(tx: &mut Tx, kind: EventKind, webhook: &Webhook) -> Result<()> {
    tx.append(NewEvent::new(kind, webhook.guild_id, webhook)?.in_channel(webhook.channel_id)).map(drop)
}

/// Removes a webhook.
pub async fn delete(app: &App, caller: &Caller, id: WebhookId) -> Result<()> {
    let found = store::webhook(&mut app.db.read().await?, id).await?.ok_or(Code::NotFound)?;
    let access = access(app, caller, found.channel_id).await?;
    app.limiter.check(caller, Group::Changes, access.stream().0)?;
    let reason = caller.reason.clone();
    access
        .change(app, caller, Permissions::MANAGE_WEBHOOKS, move |tx, _| {
            Box::pin(async move {
                let webhook = store::webhook(tx, id).await?.ok_or(Code::NotFound)?;
                remove(tx, &webhook).await?;
                let note = Note::new(webhook.guild_id, Action::WebhookDelete).target(id.0).reason(&reason);
                note.change("name", &webhook.name, None::<String>).write(tx).await
            })
        })
        .await
}

async fn remove(tx: &mut Tx, webhook: &Webhook) -> Result<()> {
    store::delete(tx, webhook.id).await?;
    announce(tx, EventKind::WebhookDeleted, webhook)
}

/// Removes the webhooks of a channel that goes.
pub(super) async fn remove_all(tx: &mut Tx, channel: ChannelId) -> Result<()> {
    for webhook in store::of_channel(tx, channel).await? {
        remove(tx, &webhook).await?;
    }
    Ok(())
}

/// Says something through a webhook, for whoever has its token.
pub async fn deliver(app: &App, caller: &Caller, id: WebhookId, token: &str, mut said: Delivery) -> Result<Sent> {
    let hash = token::hash(token);
    let webhook = store::proved(&mut app.db.read().await?, id, &hash).await?.ok_or(Code::NotFound)?;
    app.limiter.check_account(Group::Messages, &format!("webhook {id}"))?;
    let name = said.username.take().map_or(webhook.name, |name| name.trim().to_owned());
    let author = webhooks::author(UserId(id.0), name.clone());
    let place = (webhook.guild_id, webhook.channel_id);
    filtering::webhook(app, author, &caller.locale, place, said.nonce.as_deref(), &mut said.content).await?;
    let maker = membership_of(app, webhook.guild_id, webhook.creator_id).await?;
    let maker = maker.and_then(|maker| maker.access(webhook.channel_id).ok());
    app.writer
        .run(None, caller.request_id.clone(), &[webhook.guild_id.into()], move |tx| {
            Box::pin(async move {
                // Removed meanwhile, by itself or with its channel or guild.
                let webhook = store::proved(tx, id, &hash).await?.ok_or(Code::NotFound)?;
                let draft = WebhookDraft {
                    id: MessageId(tx.next_id()?),
                    webhook: id,
                    name,
                    content: said.content,
                    nonce: said.nonce,
                    allowed_mentions: said.allowed_mentions,
                };
                send_as_webhook(tx, (webhook.guild_id, webhook.channel_id), maker.as_ref(), draft).await
            })
        })
        .await
}
