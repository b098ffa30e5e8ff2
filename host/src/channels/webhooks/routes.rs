//! Routes of incoming webhooks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Delivery, NewWebhook, Webhook};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, Page};
use crate::http::{Body, Guest, Path};
use crate::id::{ChannelId, WebhookId};
use crate::messaging::{Message, Sent};

/// The routes of incoming webhooks.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, create_webhook))
        .routes(routes!(delete_webhook))
        .routes(routes!(deliver))
}

/// List the webhooks of a channel, without their tokens.
#[utoipa::path(get, path = "/channels/{channel_id}/webhooks", tag = "webhooks",
    params(("channel_id" = ChannelId, Path)), responses((status = 200, body = Page<Webhook>)))]
async fn list_webhooks(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Page<Webhook>>> {
    super::list(&app, &caller, channel).await.map(Page::whole).map(Json)
}

/// Make a webhook; its token is said this once.
#[utoipa::path(post, path = "/channels/{channel_id}/webhooks", tag = "webhooks",
    params(("channel_id" = ChannelId, Path)), request_body = NewWebhook, responses((status = 201, body = Webhook)))]
async fn create_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Body(new): Body<NewWebhook>,
) -> Result<Created<Webhook>> {
    super::create(&app, &caller, channel, new).await.map(Created)
}

/// Remove a webhook.
#[utoipa::path(delete, path = "/webhooks/{webhook_id}", tag = "webhooks", params(("webhook_id" = WebhookId, Path)),
    responses((status = 204)))]
async fn delete_webhook(State(app): State<App>, caller: Caller, Path(webhook): Path<WebhookId>) -> Result<StatusCode> {
    super::delete(&app, &caller, webhook).await.map(|()| StatusCode::NO_CONTENT)
}

/// Say something through a webhook; its token is all that it takes.
#[utoipa::path(post, path = "/webhooks/{webhook_id}/{token}", tag = "webhooks", security(()),
    params(("webhook_id" = WebhookId, Path), ("token" = String, Path)), request_body = Delivery,
    responses((status = 201, body = Message), (status = 200, body = Message, description = "Sent before, under the same nonce")))]
async fn deliver(
    State(app): State<App>,
    Guest(caller): Guest,
    Path((webhook, token)): Path<(WebhookId, String)>,
    Body(said): Body<Delivery>,
) -> Result<Sent> {
    super::deliver(&app, &caller, webhook, &token, said).await
}
