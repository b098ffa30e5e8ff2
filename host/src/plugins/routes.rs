//! Routes of the marketplace and of what guilds have installed from it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::changing::{self, InstallationChange};
use super::installation::Installation;
use super::installing::{self, NewInstallation, Outcome};
use super::manifest::Permission;
use super::marketplace::{self, Listings, MarketplaceQuery};
use super::{held, interactions, logs};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::body::{Faults, Validate};
use crate::http::page::{IfMatch, Page, Versioned};
use crate::http::{Body, Path, Query};
use crate::id::{ChannelId, GuildId, InstallationId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_marketplace))
        .routes(routes!(install))
        .routes(routes!(list_installations, install_here))
        .routes(routes!(get_installation, change_installation, uninstall))
        .merge(interactions::routes::routes())
        .merge(held::routes::routes())
        .merge(logs::routes::routes())
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let (status, installation) = match self {
            Outcome::Installed(installation) => (StatusCode::CREATED, installation),
            Outcome::There(installation) => (StatusCode::OK, installation),
        };
        (status, Versioned(installation.revision, installation)).into_response()
    }
}

/// List what can be installed.
#[utoipa::path(get, path = "/marketplace", tag = "plugins", params(MarketplaceQuery),
    responses((status = 200, body = Listings)))]
async fn list_marketplace(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<MarketplaceQuery>,
) -> Result<Json<Listings>> {
    marketplace::list(&app, &caller, query).await.map(Json)
}

/// Install a plugin in a guild. The same again is answered with 200.
#[utoipa::path(post, path = "/marketplace/{integration_id}", tag = "plugins",
    params(("integration_id" = String, Path)), request_body = NewInstallation,
    responses((status = 201, body = Installation), (status = 200, body = Installation)))]
async fn install(
    State(app): State<App>,
    caller: Caller,
    Path(plugin): Path<String>,
    Body(new): Body<NewInstallation>,
) -> Result<Outcome> {
    installing::install(&app, &caller, &plugin, new).await
}

/// List what a guild has installed.
#[utoipa::path(get, path = "/guilds/{guild_id}/installations", tag = "plugins", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Page<Installation>)))]
async fn list_installations(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
) -> Result<Json<Page<Installation>>> {
    changing::list(&app, &caller, guild).await.map(Page::whole).map(Json)
}

/// `POST /guilds/{id}/installations`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInstallationHere {
    /// The plugin: `publisher.name`.
    plugin: String,
    /// Only this version; whichever there is, if it isn't said.
    version: Option<String>,
    /// What to allow it, as in `POST /marketplace/{integration_id}`.
    permissions: Option<Vec<Permission>>,
    /// The channels in which it reads and writes messages, as in `POST /marketplace/{integration_id}`.
    channels: Option<Vec<ChannelId>>,
    /// How to set it; what isn't said has its default.
    #[schema(value_type = Option<Object>)]
    config: Option<Map<String, Value>>,
}

impl NewInstallationHere {
    fn split(self, guild_id: GuildId) -> (String, NewInstallation) {
        let NewInstallationHere { plugin, version, permissions, channels, config } = self;
        (plugin, NewInstallation { guild_id, version, permissions, channels, config })
    }
}

impl Validate for NewInstallationHere {
    fn check(&self, faults: &mut Faults) {
        faults.length("/plugin", &self.plugin, 1, 65);
        let NewInstallationHere { version, permissions, channels, .. } = self;
        installing::check(version.as_deref(), permissions.as_deref(), channels.as_deref(), faults);
    }
}

/// Install a plugin in a guild. The same again is answered with 200.
#[utoipa::path(post, path = "/guilds/{guild_id}/installations", tag = "plugins", params(("guild_id" = GuildId, Path)),
    request_body = NewInstallationHere,
    responses((status = 201, body = Installation), (status = 200, body = Installation)))]
async fn install_here(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Body(new): Body<NewInstallationHere>,
) -> Result<Outcome> {
    let (plugin, new) = new.split(guild);
    installing::install(&app, &caller, &plugin, new).await
}

/// Read an installation.
#[utoipa::path(get, path = "/installations/{installation_id}", tag = "plugins",
    params(("installation_id" = InstallationId, Path)), responses((status = 200, body = Installation)))]
async fn get_installation(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstallationId>,
) -> Result<Versioned<Installation>> {
    changing::get(&app, &caller, id).await.map(|found| Versioned(found.revision, found))
}

/// Change an installation.
#[utoipa::path(patch, path = "/installations/{installation_id}", tag = "plugins",
    params(("installation_id" = InstallationId, Path)), request_body = InstallationChange,
    responses((status = 200, body = Installation)))]
async fn change_installation(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstallationId>,
    if_match: IfMatch,
    Body(change): Body<InstallationChange>,
) -> Result<Versioned<Installation>> {
    changing::change(&app, &caller, id, change, if_match).await.map(|new| Versioned(new.revision, new))
}

/// Remove a plugin from its guild. Its data stays for 30 days.
#[utoipa::path(delete, path = "/installations/{installation_id}", tag = "plugins",
    params(("installation_id" = InstallationId, Path)), responses((status = 204)))]
async fn uninstall(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InstallationId>,
    if_match: IfMatch,
) -> Result<StatusCode> {
    installing::uninstall(&app, &caller, id, if_match).await.map(|()| StatusCode::NO_CONTENT)
}
