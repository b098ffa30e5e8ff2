//! Routes of messages.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Draft, Message, Sent, history};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Page, PageQuery};
use crate::http::{Body, Path, Query};
use crate::id::{ChannelId, MessageId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_messages, send_message)).routes(routes!(get_message))
}

/// Read a page of a channel's messages.
#[utoipa::path(get, path = "/channels/{channel_id}/messages", tag = "messages",
    params(("channel_id" = ChannelId, Path), PageQuery), responses((status = 200, body = Page<Message>)))]
async fn list_messages(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Message>>> {
    history::list(&app, &caller, channel, query).await.map(Json)
}

/// Send a message.
#[utoipa::path(post, path = "/channels/{channel_id}/messages", tag = "messages",
    params(("channel_id" = ChannelId, Path)), request_body = Draft,
    responses((status = 201, body = Message), (status = 200, body = Message, description = "Sent before, under the same nonce")))]
async fn send_message(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Body(draft): Body<Draft>,
) -> Result<Sent> {
    super::send(&app, &caller, channel, draft).await
}

impl IntoResponse for Sent {
    fn into_response(self) -> Response {
        let status = if self.created { StatusCode::CREATED } else { StatusCode::OK };
        (status, Json(self.message)).into_response()
    }
}

/// Read a message.
#[utoipa::path(get, path = "/messages/{message_id}", tag = "messages", params(("message_id" = MessageId, Path)),
    responses((status = 200, body = Message)))]
async fn get_message(State(app): State<App>, caller: Caller, Path(message): Path<MessageId>) -> Result<Json<Message>> {
    history::get(&app, &caller, message).await.map(Json)
}
