//! Routes of direct messages and groups.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewDirect, Opened};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::Channel;
use crate::error::Result;
use crate::http::page::{Page, Versioned};
use crate::http::path::UserRef;
use crate::http::{Body, Path};
use crate::id::{ChannelId, UserId};

/// The routes of direct messages and groups.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_directs, open_direct)).routes(routes!(add_recipient, remove_recipient))
}

/// List one's direct messages and groups.
#[utoipa::path(get, path = "/users/@me/channels", tag = "directs", responses((status = 200, body = Page<Channel>)))]
async fn list_directs(State(app): State<App>, caller: Caller) -> Result<Json<Page<Channel>>> {
    super::list(&app, &caller).await.map(Page::whole).map(Json)
}

/// Open the direct channel with somebody, or a group.
#[utoipa::path(post, path = "/users/@me/channels", tag = "directs", request_body = NewDirect,
    responses((status = 201, body = Channel), (status = 200, body = Channel, description = "The two had it before")))]
async fn open_direct(State(app): State<App>, caller: Caller, Body(new): Body<NewDirect>) -> Result<Opened> {
    super::open(&app, &caller, new).await
}

impl IntoResponse for Opened {
    fn into_response(self) -> Response {
        let status = if self.created { StatusCode::CREATED } else { StatusCode::OK };
        (status, Json(self.channel)).into_response()
    }
}

/// Add somebody to a group.
#[utoipa::path(put, path = "/channels/{channel_id}/recipients/{user_id}", tag = "directs",
    params(("channel_id" = ChannelId, Path), ("user_id" = UserId, Path)), responses((status = 200, body = Channel)))]
async fn add_recipient(
    State(app): State<App>,
    caller: Caller,
    Path((channel, user)): Path<(ChannelId, UserRef)>,
) -> Result<Versioned<Channel>> {
    let group = super::add_recipient(&app, &caller, channel, user.of(&caller)).await?;
    Ok(Versioned(group.version, group))
}

/// Leave a group, or take somebody out of one's own.
#[utoipa::path(delete, path = "/channels/{channel_id}/recipients/{user_id}", tag = "directs",
    params(("channel_id" = ChannelId, Path), ("user_id" = UserId, Path)), responses((status = 204)))]
async fn remove_recipient(
    State(app): State<App>,
    caller: Caller,
    Path((channel, user)): Path<(ChannelId, UserRef)>,
) -> Result<StatusCode> {
    super::remove_recipient(&app, &caller, channel, user.of(&caller)).await.map(|()| StatusCode::NO_CONTENT)
}
