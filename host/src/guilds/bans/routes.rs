//! Routes of bans.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bulk::{self, BulkBan, BulkBanned};
use super::{Ban, BansQuery, NewBan};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Error, FieldCode, Result};
use crate::http::body::{Faults, OptionalBody, Validate};
use crate::http::page::{Created, Page};
use crate::http::{Body, Path, Query};
use crate::id::{GuildId, UserId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_bans, ban, unban_named)).routes(routes!(unban)).routes(routes!(ban_many))
}

/// List the bans of a guild.
#[utoipa::path(get, path = "/guilds/{guild_id}/bans", tag = "bans", params(("guild_id" = GuildId, Path), BansQuery),
    responses((status = 200, body = Page<Ban>)))]
async fn list_bans(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Query(query): Query<BansQuery>,
) -> Result<Json<Page<Ban>>> {
    super::list(&app, &caller, guild, query).await.map(Json)
}

/// Ban somebody.
#[utoipa::path(post, path = "/guilds/{guild_id}/bans", tag = "bans", params(("guild_id" = GuildId, Path)),
    request_body = NewBan, responses((status = 201, body = Ban)))]
async fn ban(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Body(new): Body<NewBan>,
) -> Result<Created<Ban>> {
    super::add(&app, &caller, guild, new).await.map(Created)
}

/// Ban many at once.
#[utoipa::path(post, path = "/guilds/{guild_id}/bans/bulk", tag = "bans", params(("guild_id" = GuildId, Path)),
    request_body = BulkBan, responses((status = 200, body = BulkBanned)))]
async fn ban_many(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Body(bulk): Body<BulkBan>,
) -> Result<Json<BulkBanned>> {
    bulk::add(&app, &caller, guild, bulk).await.map(Json)
}

/// Whose ban to lift.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Target {
    /// Who is banned.
    user_id: UserId,
}

impl Validate for Target {
    fn check(&self, _: &mut Faults) {}
}

/// Whose ban to lift, if the body doesn't say it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct TargetQuery {
    /// Who is banned.
    user_id: Option<UserId>,
}

/// Lift a ban; the target stands in the body or in the query.
#[utoipa::path(delete, path = "/guilds/{guild_id}/bans", tag = "bans",
    params(("guild_id" = GuildId, Path), TargetQuery), request_body = Option<Target>,
    responses((status = 204)))]
async fn unban_named(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Query(query): Query<TargetQuery>,
    OptionalBody(body): OptionalBody<Target>,
) -> Result<StatusCode> {
    let named = body.map(|target| target.user_id).or(query.user_id);
    let user = named.ok_or_else(|| Error::field("/user_id", FieldCode::Required))?;
    super::remove(&app, &caller, guild, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// Lift a ban.
#[utoipa::path(delete, path = "/guilds/{guild_id}/bans/{user_id}", tag = "bans",
    params(("guild_id" = GuildId, Path), ("user_id" = UserId, Path)), responses((status = 204)))]
async fn unban(
    State(app): State<App>,
    caller: Caller,
    Path((guild, user)): Path<(GuildId, UserId)>,
) -> Result<StatusCode> {
    super::remove(&app, &caller, guild, user).await.map(|()| StatusCode::NO_CONTENT)
}
