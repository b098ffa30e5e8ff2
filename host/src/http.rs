//! The HTTP door: the router, its layers, and what handlers take and give.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::error::{Code, Error};
use crate::plugins::serving;
use crate::{accounts, channels, guilds, messaging, plugins, sockets};

pub mod body;
pub mod caller;
pub mod envelope;
pub mod idempotency;
pub mod limits;
pub mod openapi;
pub mod operating;
pub mod page;
mod parameters;
pub mod path;
pub mod problem;
pub mod serve;

pub use body::Body;
pub use caller::Guest;
pub use path::{Path, Query};
pub use problem::Problem;

/// Where the API stands.
pub const BASE: &str = "/api/v1";

/// Every route of the API, with its documents.
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .merge(accounts::routes::routes())
        .merge(guilds::routes::routes())
        .merge(channels::routes::routes())
        .merge(messaging::routes::routes())
        .merge(plugins::routes::routes())
}

/// The routes that also answer at `/`, so that clients of the first documentation work unchanged.
/// A test holds this list closed.
pub const AT_ROOT: [&str; 22] = [
    "/register",
    "/login",
    "/logout",
    "/users/{user_id}/profile",
    "/users/{user_id}/block",
    "/guilds",
    "/guilds/{guild_id}/settings",
    "/guilds/{guild_id}/channels",
    "/guilds/{guild_id}/roles",
    "/guilds/{guild_id}/bans",
    "/channels/{channel_id}/messages",
    "/channels/{channel_id}/pins",
    "/channels/{channel_id}/pins/{message_id}",
    "/messages/{message_id}/reactions",
    "/roles",
    "/marketplace",
    "/marketplace/{integration_id}",
    "/auth/refresh",
    "/users/@me/sessions",
    "/users/@me/sessions/{session_id}",
    "/gateway",
    "/socket.io/",
];

/// The whole server's router.
pub fn router(app: App) -> Router {
    let (api, document) = api().split_for_parts();
    let api = api.route_layer(middleware::from_fn_with_state(app.clone(), idempotency::wrap));
    let parameters = parameters::Parameters::of(&document);
    let api = api.route_layer(middleware::from_fn_with_state(parameters, parameters::refuse_unknown));
    Router::new()
        .nest(BASE, api.clone().fallback_service(plugins_routes(&app)).method_not_allowed_fallback(wrong_method))
        .merge(openapi::routes(document, &app.plugins.marketplace))
        .merge(operating::routes())
        .merge(accounts::pages::routes::routes())
        .merge(guilds::invites::routes::links())
        .merge(sockets::routes::routes())
        .route("/", get(welcome))
        .method_not_allowed_fallback(wrong_method)
        .fallback_service(at_root(api, &app).with_state(app.clone()))
        .layer(middleware::from_fn(envelope::dress))
        .layer(cors(&app))
        .layer(middleware::from_fn_with_state(app.clone(), envelope::wrap))
        .with_state(app)
}

/// The same routes without their prefix, for those in [`AT_ROOT`] alone.
fn at_root(api: Router<App>, app: &App) -> Router<App> {
    Router::new()
        .merge(api)
        .fallback_service(plugins_routes(app))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(only_mission_routes))
}

/// What plugins answer, which no layer around routes reaches.
fn plugins_routes(app: &App) -> Router {
    let once = middleware::from_fn_with_state(app.clone(), serving::routes::once);
    Router::new().fallback(serving::routes::answer).layer(once).with_state(app.clone())
}

async fn only_mission_routes(request: axum::extract::Request, next: middleware::Next) -> Response {
    let Some(route) = request.extensions().get::<axum::extract::MatchedPath>().cloned() else {
        return next.run(request).await;
    };
    if !AT_ROOT.contains(&route.as_str()) {
        return not_found().await;
    }
    let mut response = next.run(request).await;
    response.extensions_mut().insert(envelope::InnerRoute(route));
    response
}

async fn not_found() -> Response {
    Error::from(Code::NotFound).into_response()
}

async fn wrong_method() -> Response {
    Error::from(Code::MethodNotAllowed).into_response()
}

async fn welcome() -> Response {
    axum::response::Redirect::temporary(&format!("{BASE}/docs")).into_response()
}

fn cors(app: &App) -> CorsLayer {
    let allowed = &app.config.allowed_origins;
    let origins = if allowed.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(allowed.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let exposed =
        ["etag", "idempotency-replayed", "ratelimit", "retry-after", "x-request-id"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(tower_http::cors::Any)
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::ACCEPT_LANGUAGE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-audit-log-reason"),
        ])
        .expose_headers(exposed)
}
