//! Routes of guilds.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::settings::{self, SettingsChange, Transfer};
use super::{Guild, GuildsQuery, NewGuild};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, IfMatch, Page, Versioned};
use crate::http::{Body, Path, Query};
use crate::id::GuildId;

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_guilds, create_guild))
        .routes(routes!(get_guild, delete_guild))
        .routes(routes!(get_settings, change_settings))
        .routes(routes!(transfer_guild))
        .merge(super::members::routes::routes())
        .merge(super::roles::routes::routes())
        .merge(super::invites::routes::routes())
        .merge(super::bans::routes::routes())
        .merge(super::emojis::routes::routes())
        .merge(super::audit::routes::routes())
}

/// List one's guilds or, with `discover`, the public ones.
#[utoipa::path(get, path = "/guilds", tag = "guilds", params(GuildsQuery),
    responses((status = 200, body = Page<Guild>)))]
async fn list_guilds(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<GuildsQuery>,
) -> Result<Json<Page<Guild>>> {
    super::list(&app, &caller, query).await.map(Json)
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

/// Delete a guild, as its owner.
#[utoipa::path(delete, path = "/guilds/{guild_id}", tag = "guilds", params(("guild_id" = GuildId, Path)),
    responses((status = 204)))]
async fn delete_guild(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<StatusCode> {
    settings::delete(&app, &caller, guild).await.map(|()| StatusCode::NO_CONTENT)
}

/// Read a guild's settings.
#[utoipa::path(get, path = "/guilds/{guild_id}/settings", tag = "guilds", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Guild)))]
async fn get_settings(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<Versioned<Guild>> {
    super::settings(&app, &caller, guild).await.map(|guild| Versioned(guild.version, guild))
}

/// Change a guild's settings.
#[utoipa::path(put, path = "/guilds/{guild_id}/settings", tag = "guilds", params(("guild_id" = GuildId, Path)),
    request_body = SettingsChange, responses((status = 200, body = Guild)))]
async fn change_settings(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    if_match: IfMatch,
    Body(change): Body<SettingsChange>,
) -> Result<Versioned<Guild>> {
    settings::change(&app, &caller, guild, change, if_match).await.map(|guild| Versioned(guild.version, guild))
}

/// Give a guild to another of its members, as its owner.
#[utoipa::path(post, path = "/guilds/{guild_id}/transfer", tag = "guilds", params(("guild_id" = GuildId, Path)),
    request_body = Transfer, responses((status = 200, body = Guild)))]
async fn transfer_guild(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Body(transfer): Body<Transfer>,
) -> Result<Versioned<Guild>> {
    settings::transfer(&app, &caller, guild, transfer).await.map(|guild| Versioned(guild.version, guild))
}
