//! Routes of guilds and their members.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::members::{self, Member};
use super::{Guild, NewGuild};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, Page, Versioned};
use crate::http::{Body, Path};
use crate::id::GuildId;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_guilds, create_guild))
        .routes(routes!(get_guild))
        .routes(routes!(get_settings))
        .routes(routes!(join_guild))
}

/// List one's guilds.
#[utoipa::path(get, path = "/guilds", tag = "guilds", responses((status = 200, body = Page<Guild>)))]
async fn list_guilds(State(app): State<App>, caller: Caller) -> Result<Json<Page<Guild>>> {
    super::mine(&app, &caller).await.map(Page::whole).map(Json)
}

/// Make a guild.
#[utoipa::path(post, path = "/guilds", tag = "guilds", request_body = NewGuild,
    responses((status = 201, body = Guild)))]
async fn create_guild(State(app): State<App>, caller: Caller, Body(new): Body<NewGuild>) -> Result<Created<Guild>> {
    super::create(&app, &caller, new).await.map(Created)
}

/// Read a guild.
#[utoipa::path(get, path = "/guilds/{guild_id}", tag = "guilds", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Guild)))]
async fn get_guild(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<Json<Guild>> {
    super::get(&app, &caller, guild).await.map(Json)
}

/// Read a guild's settings.
#[utoipa::path(get, path = "/guilds/{guild_id}/settings", tag = "guilds", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Guild)))]
async fn get_settings(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<Versioned<Guild>> {
    super::settings(&app, &caller, guild).await.map(|guild| Versioned(guild.version, guild))
}

/// Join a public guild.
#[utoipa::path(put, path = "/guilds/{guild_id}/members/@me", tag = "guilds", params(("guild_id" = GuildId, Path)),
    responses((status = 201, body = Member)))]
async fn join_guild(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<Created<Member>> {
    members::join_public(&app, &caller, guild).await.map(Created)
}
