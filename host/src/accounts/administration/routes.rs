//! Routes for those who run the server.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Account, AccountQuery, AccountUpdate, InstanceSettings, Invitation, NewInvitation};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, Page};
use crate::http::{Body, Path, Query};
use crate::id::UserId;

/// The routes of this part of the slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_accounts))
        .routes(routes!(update_account))
        .routes(routes!(invite_to_register))
        .routes(routes!(get_instance_settings, put_instance_settings))
}

/// List the accounts of this server, for its administrators.
#[utoipa::path(get, path = "/admin/users", tag = "administration", params(AccountQuery),
    responses((status = 200, body = Page<Account>)))]
async fn list_accounts(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AccountQuery>,
) -> Result<Json<Page<Account>>> {
    super::list(&app, &caller, query).await.map(Json)
}

/// Change what an account may do on this server, or close it.
#[utoipa::path(patch, path = "/admin/users/{user_id}", tag = "administration", params(("user_id" = UserId, Path)),
    request_body = AccountUpdate, responses((status = 200, body = Account)))]
async fn update_account(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    Body(update): Body<AccountUpdate>,
) -> Result<Json<Account>> {
    super::update(&app, &caller, user, update).await.map(Json)
}

/// Invite people to make accounts, where that is by invitation.
#[utoipa::path(post, path = "/admin/registration-invitations", tag = "administration",
    request_body = NewInvitation, responses((status = 201, body = Invitation)))]
async fn invite_to_register(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewInvitation>,
) -> Result<Created<Invitation>> {
    super::invite(&app, &caller, new).await.map(Created)
}

/// Read the server's own settings.
#[utoipa::path(get, path = "/admin/settings", tag = "administration",
    responses((status = 200, body = InstanceSettings)))]
async fn get_instance_settings(State(app): State<App>, caller: Caller) -> Result<Json<InstanceSettings>> {
    super::settings(&app, &caller).await.map(Json)
}

/// Change the server's own settings. They win over its configuration.
#[utoipa::path(put, path = "/admin/settings", tag = "administration", request_body = InstanceSettings,
    responses((status = 200, body = InstanceSettings)))]
async fn put_instance_settings(
    State(app): State<App>,
    caller: Caller,
    Body(settings): Body<InstanceSettings>,
) -> Result<Json<InstanceSettings>> {
    super::set_settings(&app, &caller, settings).await.map(Json)
}
