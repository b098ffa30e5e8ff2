//! Routes of channels.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Channel;
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::Path;
use crate::http::page::{Page, Versioned};
use crate::id::{ChannelId, GuildId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_channels)).routes(routes!(get_channel))
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
