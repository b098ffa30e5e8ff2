//! Routes of messages and of what hangs on them.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::deleting::{self, BulkDelete, Deleted};
use super::editing::{self, Edit, Revision};
use super::pins::{self, NewPin, Pin, PinTarget};
use super::reactions::{self, NewReaction, ReactionTarget, Reactions, Reactor, ReactorsQuery};
use super::read_states::{self, ReadState, ReadUpTo};
use super::{Draft, Message, Sent, history};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::body::OptionalBody;
use crate::http::page::{Page, PageQuery};
use crate::http::{Body, Path, Query};
use crate::id::{ChannelId, MessageId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_messages, send_message))
        .routes(routes!(bulk_delete))
        .routes(routes!(get_message, edit_message, delete_message))
        .routes(routes!(list_revisions))
        .routes(routes!(list_reactors, add_reaction, remove_reaction))
        .routes(routes!(list_pins, add_pin, remove_pin))
        .routes(routes!(remove_pin_by_path))
        .routes(routes!(mark_read))
        .routes(routes!(list_read_states))
}

/// 201 if it is new, 200 if it was there before.
fn fresh_or_known<T: serde::Serialize>(new: bool, body: T) -> Response {
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    (status, Json(body)).into_response()
}

impl IntoResponse for Sent {
    fn into_response(self) -> Response {
        let status = if self.created { StatusCode::CREATED } else { StatusCode::OK };
        let json = [(header::CONTENT_TYPE, "application/json")];
        (status, json, self.message.as_bytes().to_vec()).into_response()
    }
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

/// Delete up to 100 messages of a channel at once.
#[utoipa::path(post, path = "/channels/{channel_id}/messages/bulk-delete", tag = "messages",
    params(("channel_id" = ChannelId, Path)), request_body = BulkDelete, responses((status = 200, body = Deleted)))]
async fn bulk_delete(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Body(bulk): Body<BulkDelete>,
) -> Result<Json<Deleted>> {
    deleting::delete_many(&app, &caller, channel, bulk).await.map(Json)
}

/// Read a message.
#[utoipa::path(get, path = "/messages/{message_id}", tag = "messages", params(("message_id" = MessageId, Path)),
    responses((status = 200, body = Message)))]
async fn get_message(State(app): State<App>, caller: Caller, Path(message): Path<MessageId>) -> Result<Json<Message>> {
    history::get(&app, &caller, message).await.map(Json)
}

/// Edit one's own message.
#[utoipa::path(patch, path = "/messages/{message_id}", tag = "messages", params(("message_id" = MessageId, Path)),
    request_body = Edit, responses((status = 200, body = Message)))]
async fn edit_message(
    State(app): State<App>,
    caller: Caller,
    Path(message): Path<MessageId>,
    Body(edit): Body<Edit>,
) -> Result<Json<Message>> {
    editing::edit(&app, &caller, message, edit).await.map(Json)
}

/// Delete a message.
#[utoipa::path(delete, path = "/messages/{message_id}", tag = "messages", params(("message_id" = MessageId, Path)),
    responses((status = 204)))]
async fn delete_message(State(app): State<App>, caller: Caller, Path(message): Path<MessageId>) -> Result<StatusCode> {
    deleting::delete(&app, &caller, message).await.map(|()| StatusCode::NO_CONTENT)
}

/// Read what a message said before; `before` takes the number of a revision.
#[utoipa::path(get, path = "/messages/{message_id}/revisions", tag = "messages",
    params(("message_id" = MessageId, Path), PageQuery), responses((status = 200, body = Page<Revision>)))]
async fn list_revisions(
    State(app): State<App>,
    caller: Caller,
    Path(message): Path<MessageId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Revision>>> {
    editing::revisions(&app, &caller, message, query).await.map(Json)
}

/// Read who reacted with an emoji.
#[utoipa::path(get, path = "/messages/{message_id}/reactions", tag = "messages",
    params(("message_id" = MessageId, Path), ReactorsQuery), responses((status = 200, body = Page<Reactor>)))]
async fn list_reactors(
    State(app): State<App>,
    caller: Caller,
    Path(message): Path<MessageId>,
    Query(query): Query<ReactorsQuery>,
) -> Result<Json<Page<Reactor>>> {
    reactions::reactors(&app, &caller, message, query).await.map(Json)
}

/// React to a message.
#[utoipa::path(post, path = "/messages/{message_id}/reactions", tag = "messages",
    params(("message_id" = MessageId, Path)), request_body = NewReaction,
    responses((status = 201, body = Reactions), (status = 200, body = Reactions, description = "It was there before")))]
async fn add_reaction(
    State(app): State<App>,
    caller: Caller,
    Path(message): Path<MessageId>,
    Body(new): Body<NewReaction>,
) -> Result<Response> {
    reactions::add(&app, &caller, message, new).await.map(|(new, counts)| fresh_or_known(new, counts))
}

/// Take a reaction back, or remove another's.
#[utoipa::path(delete, path = "/messages/{message_id}/reactions", tag = "messages",
    params(("message_id" = MessageId, Path), ReactionTarget), request_body = Option<ReactionTarget>,
    responses((status = 200, body = Reactions)))]
async fn remove_reaction(
    State(app): State<App>,
    caller: Caller,
    Path(message): Path<MessageId>,
    Query(query): Query<ReactionTarget>,
    OptionalBody(body): OptionalBody<ReactionTarget>,
) -> Result<Json<Reactions>> {
    let target = query.with(body.unwrap_or_default())?;
    reactions::remove(&app, &caller, message, target).await.map(Json)
}

/// Read a page of a channel's pins; `before` takes the message of a pin.
#[utoipa::path(get, path = "/channels/{channel_id}/pins", tag = "messages",
    params(("channel_id" = ChannelId, Path), PageQuery), responses((status = 200, body = Page<Pin>)))]
async fn list_pins(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Pin>>> {
    pins::list(&app, &caller, channel, query).await.map(Json)
}

/// Pin a message.
#[utoipa::path(post, path = "/channels/{channel_id}/pins", tag = "messages", params(("channel_id" = ChannelId, Path)),
    request_body = NewPin,
    responses((status = 201, body = Pin), (status = 200, body = Pin, description = "It was pinned before")))]
async fn add_pin(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Body(new): Body<NewPin>,
) -> Result<Response> {
    pins::add(&app, &caller, channel, new).await.map(|(new, pin)| fresh_or_known(new, pin))
}

/// Take a pin off.
#[utoipa::path(delete, path = "/channels/{channel_id}/pins", tag = "messages",
    params(("channel_id" = ChannelId, Path), PinTarget), request_body = Option<PinTarget>, responses((status = 204)))]
async fn remove_pin(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Query(query): Query<PinTarget>,
    OptionalBody(body): OptionalBody<PinTarget>,
) -> Result<StatusCode> {
    let target = query.with(body.unwrap_or_default())?;
    pins::remove(&app, &caller, channel, target).await.map(|()| StatusCode::NO_CONTENT)
}

/// Take a pin off, named in the path.
#[utoipa::path(delete, path = "/channels/{channel_id}/pins/{message_id}", tag = "messages",
    params(("channel_id" = ChannelId, Path), ("message_id" = MessageId, Path)), responses((status = 204)))]
async fn remove_pin_by_path(
    State(app): State<App>,
    caller: Caller,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode> {
    let target = PinTarget { message_id: Some(message) };
    pins::remove(&app, &caller, channel, target).await.map(|()| StatusCode::NO_CONTENT)
}

/// Say how far one has read.
#[utoipa::path(put, path = "/channels/{channel_id}/read", tag = "messages", params(("channel_id" = ChannelId, Path)),
    request_body = ReadUpTo, responses((status = 200, body = ReadState)))]
async fn mark_read(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Body(read): Body<ReadUpTo>,
) -> Result<Json<ReadState>> {
    read_states::mark(&app, &caller, channel, read).await.map(Json)
}

/// Read how far one has read everywhere.
#[utoipa::path(get, path = "/users/@me/read-states", tag = "messages",
    responses((status = 200, body = Page<ReadState>)))]
async fn list_read_states(State(app): State<App>, caller: Caller) -> Result<Json<Page<ReadState>>> {
    read_states::list(&app, &caller).await.map(Page::whole).map(Json)
}
