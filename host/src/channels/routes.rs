//! Routes of channels and threads, and of who may do what in them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::change::{self, ChannelChange};
use super::create::{self, NewChannel};
use super::delete;
use super::explain::{self, Explain, Standing};
use super::overwrites::{self, NewOverwrite};
use super::threads::{self, NewThread, ThreadQuery};
use super::{Channel, directs, webhooks};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, IfMatch, Page, Versioned};
use crate::http::path::UserRef;
use crate::http::{Body, Path, Query};
use crate::id::{ChannelId, GuildId, TargetId, UserId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_channels, create_channel))
        .routes(routes!(get_channel, change_channel, delete_channel))
        .routes(routes!(put_overwrite, delete_overwrite))
        .routes(routes!(get_permissions))
        .routes(routes!(list_threads, start_thread))
        .merge(directs::routes::routes())
        .merge(webhooks::routes::routes())
}

/// List the channels of a guild that one sees.
#[utoipa::path(get, path = "/guilds/{guild_id}/channels", tag = "channels", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Page<Channel>)))]
async fn list_channels(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
) -> Result<Json<Page<Channel>>> {
    super::list(&app, &caller, guild).await.map(Page::whole).map(Json)
}

/// Make a channel.
#[utoipa::path(post, path = "/guilds/{guild_id}/channels", tag = "channels", params(("guild_id" = GuildId, Path)),
    request_body = NewChannel, responses((status = 201, body = Channel)))]
async fn create_channel(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Body(new): Body<NewChannel>,
) -> Result<Created<Channel>> {
    create::create(&app, &caller, guild, new).await.map(Created)
}

/// Read a channel.
#[utoipa::path(get, path = "/channels/{channel_id}", tag = "channels", params(("channel_id" = ChannelId, Path)),
    responses((status = 200, body = Channel)))]
async fn get_channel(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
) -> Result<Versioned<Arc<Channel>>> {
    super::get(&app, &caller, channel).await.map(|channel| Versioned(channel.version, channel))
}

/// Change a channel, a thread or the name of a group.
#[utoipa::path(patch, path = "/channels/{channel_id}", tag = "channels",
    params(("channel_id" = ChannelId, Path), ("If-Match" = Option<String>, Header)),
    request_body = ChannelChange, responses((status = 200, body = Channel)))]
async fn change_channel(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    if_match: IfMatch,
    Body(change): Body<ChannelChange>,
) -> Result<Versioned<Channel>> {
    change::change(&app, &caller, channel, change, if_match).await.map(versioned)
}

fn versioned(channel: Channel) -> Versioned<Channel> {
    Versioned(channel.version, channel)
}

/// Delete a channel with its threads, or a category, whose channels stay.
#[utoipa::path(delete, path = "/channels/{channel_id}", tag = "channels", params(("channel_id" = ChannelId, Path)),
    responses((status = 204)))]
async fn delete_channel(State(app): State<App>, caller: Caller, Path(channel): Path<ChannelId>) -> Result<StatusCode> {
    delete::delete(&app, &caller, channel).await.map(|()| StatusCode::NO_CONTENT)
}

/// Make an exception for a role or a member.
#[utoipa::path(put, path = "/channels/{channel_id}/overwrites/{target_id}", tag = "channels",
    params(("channel_id" = ChannelId, Path), ("target_id" = TargetId, Path)),
    request_body = NewOverwrite, responses((status = 200, body = Channel)))]
async fn put_overwrite(
    State(app): State<App>,
    caller: Caller,
    Path((channel, target)): Path<(ChannelId, TargetId)>,
    Body(new): Body<NewOverwrite>,
) -> Result<Versioned<Channel>> {
    overwrites::put(&app, &caller, channel, target, new).await.map(versioned)
}

/// Remove an exception.
#[utoipa::path(delete, path = "/channels/{channel_id}/overwrites/{target_id}", tag = "channels",
    params(("channel_id" = ChannelId, Path), ("target_id" = TargetId, Path)), responses((status = 204)))]
async fn delete_overwrite(
    State(app): State<App>,
    caller: Caller,
    Path((channel, target)): Path<(ChannelId, TargetId)>,
) -> Result<StatusCode> {
    overwrites::remove(&app, &caller, channel, target).await.map(|_| StatusCode::NO_CONTENT)
}

/// Read what somebody may do in a channel and, with `?explain=true`, why.
#[utoipa::path(get, path = "/channels/{channel_id}/permissions/{user_id}", tag = "channels",
    params(("channel_id" = ChannelId, Path), ("user_id" = UserId, Path), Explain),
    responses((status = 200, body = Standing)))]
async fn get_permissions(
    State(app): State<App>,
    caller: Caller,
    Path((channel, user)): Path<(ChannelId, UserRef)>,
    Query(query): Query<Explain>,
) -> Result<Json<Standing>> {
    explain::standing(&app, &caller, channel, user.of(&caller), query).await.map(Json)
}

/// List the threads of a channel.
#[utoipa::path(get, path = "/channels/{channel_id}/threads", tag = "channels",
    params(("channel_id" = ChannelId, Path), ThreadQuery), responses((status = 200, body = Page<Channel>)))]
async fn list_threads(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Query(query): Query<ThreadQuery>,
) -> Result<Json<Page<Channel>>> {
    threads::list(&app, &caller, channel, query).await.map(Json)
}

/// Start a thread.
#[utoipa::path(post, path = "/channels/{channel_id}/threads", tag = "channels",
    params(("channel_id" = ChannelId, Path)), request_body = NewThread, responses((status = 201, body = Channel)))]
async fn start_thread(
    State(app): State<App>,
    caller: Caller,
    Path(channel): Path<ChannelId>,
    Body(new): Body<NewThread>,
) -> Result<Created<Channel>> {
    threads::start(&app, &caller, channel, new).await.map(Created)
}
