//! Routes of roles.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewRole, Role, RoleChange};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::Permissions;
use crate::error::Result;
use crate::http::body::{Faults, Validate};
use crate::http::page::{Created, IfMatch, Page, Versioned};
use crate::http::{Body, Path, Query};
use crate::id::{GuildId, RoleId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_roles, create_role))
        .routes(routes!(list_roles_of, create_role_in))
        .routes(routes!(change_role, delete_role))
}

/// List the roles of a guild.
#[utoipa::path(get, path = "/guilds/{guild_id}/roles", tag = "roles", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Page<Role>)))]
async fn list_roles(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<Json<Page<Role>>> {
    super::list(&app, &caller, guild).await.map(Page::whole).map(Json)
}

/// Make a role.
#[utoipa::path(post, path = "/guilds/{guild_id}/roles", tag = "roles", params(("guild_id" = GuildId, Path)),
    request_body = NewRole, responses((status = 201, body = Role)))]
async fn create_role(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Body(new): Body<NewRole>,
) -> Result<Created<Role>> {
    super::create(&app, &caller, guild, new).await.map(Created)
}

/// Whose roles are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RolesQuery {
    /// The guild.
    guild_id: GuildId,
}

/// List the roles of a guild.
#[utoipa::path(get, path = "/roles", tag = "roles", params(RolesQuery), responses((status = 200, body = Page<Role>)))]
async fn list_roles_of(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<RolesQuery>,
) -> Result<Json<Page<Role>>> {
    super::list(&app, &caller, query.guild_id).await.map(Page::whole).map(Json)
}

/// `POST /roles`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRoleIn {
    /// The guild.
    guild_id: GuildId,
    /// 1 to 100 characters.
    name: String,
    /// What its members may do, by name: nothing that one may not do oneself.
    #[serde(default)]
    permissions: Permissions,
    /// Its color, as 0xRRGGBB.
    #[serde(default)]
    color: i64,
    /// Whether its members are shown apart.
    #[serde(default)]
    hoist: bool,
    /// Whether anybody may mention it.
    #[serde(default)]
    mentionable: bool,
}

impl NewRoleIn {
    fn role(&self) -> NewRole {
        NewRole {
            name: self.name.clone(),
            permissions: self.permissions,
            color: self.color,
            hoist: self.hoist,
            mentionable: self.mentionable,
        }
    }
}

impl Validate for NewRoleIn {
    fn check(&self, faults: &mut Faults) {
        self.role().check(faults);
    }
}

/// Make a role.
#[utoipa::path(post, path = "/roles", tag = "roles", request_body = NewRoleIn,
    responses((status = 201, body = Role)))]
async fn create_role_in(State(app): State<App>, caller: Caller, Body(new): Body<NewRoleIn>) -> Result<Created<Role>> {
    super::create(&app, &caller, new.guild_id, new.role()).await.map(Created)
}

/// Change a role.
#[utoipa::path(patch, path = "/guilds/{guild_id}/roles/{role_id}", tag = "roles",
    params(("guild_id" = GuildId, Path), ("role_id" = RoleId, Path)), request_body = RoleChange,
    responses((status = 200, body = Role)))]
async fn change_role(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<(GuildId, RoleId)>,
    if_match: IfMatch,
    Body(change): Body<RoleChange>,
) -> Result<Versioned<Role>> {
    super::change(&app, &caller, place, change, if_match).await.map(|role| Versioned(role.version, role))
}

/// Delete a role.
#[utoipa::path(delete, path = "/guilds/{guild_id}/roles/{role_id}", tag = "roles",
    params(("guild_id" = GuildId, Path), ("role_id" = RoleId, Path)), responses((status = 204)))]
async fn delete_role(
    State(app): State<App>,
    caller: Caller,
    Path(place): Path<(GuildId, RoleId)>,
    if_match: IfMatch,
) -> Result<StatusCode> {
    super::delete(&app, &caller, place, if_match).await.map(|()| StatusCode::NO_CONTENT)
}
