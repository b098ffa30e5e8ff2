//! Routes of members.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::update::{self, MemberChange};
use super::{Member, MembersQuery};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, Page};
use crate::http::path::UserRef;
use crate::http::{Body, Path, Query};
use crate::id::{GuildId, RoleId, UserId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_members))
        .routes(routes!(get_member, put_member, change_member, remove_member))
        .routes(routes!(give_role, take_role))
}

/// List the members of a guild.
#[utoipa::path(get, path = "/guilds/{guild_id}/members", tag = "members",
    params(("guild_id" = GuildId, Path), MembersQuery), responses((status = 200, body = Page<Member>)))]
async fn list_members(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Query(query): Query<MembersQuery>,
) -> Result<Json<Page<Member>>> {
    super::list(&app, &caller, guild, query).await.map(Json)
}

/// Read a member.
#[utoipa::path(get, path = "/guilds/{guild_id}/members/{user_id}", tag = "members",
    params(("guild_id" = GuildId, Path), ("user_id" = UserId, Path, description = "An account, or `@me`")),
    responses((status = 200, body = Member)))]
async fn get_member(
    State(app): State<App>,
    caller: Caller,
    Path((guild, user)): Path<(GuildId, UserRef)>,
) -> Result<Json<Member>> {
    super::get(&app, &caller, guild, user.of(&caller)).await.map(Json)
}

/// Join a public guild as `@me`, or add a bot of one's own.
#[utoipa::path(put, path = "/guilds/{guild_id}/members/{user_id}", tag = "members",
    params(("guild_id" = GuildId, Path), ("user_id" = UserId, Path, description = "A bot, or `@me`")),
    responses((status = 201, body = Member)))]
async fn put_member(
    State(app): State<App>,
    caller: Caller,
    Path((guild, user)): Path<(GuildId, UserRef)>,
) -> Result<Created<Member>> {
    match user.of(&caller) {
        user if user == caller.user => super::join_public(&app, &caller, guild).await.map(Created),
        bot => super::add_bot(&app, &caller, guild, bot).await.map(Created),
    }
}

/// Change a member's nickname, roles or timeout.
#[utoipa::path(patch, path = "/guilds/{guild_id}/members/{user_id}", tag = "members",
    params(("guild_id" = GuildId, Path), ("user_id" = UserId, Path, description = "An account, or `@me`")),
    request_body = MemberChange, responses((status = 200, body = Member)))]
async fn change_member(
    State(app): State<App>,
    caller: Caller,
    Path((guild, user)): Path<(GuildId, UserRef)>,
    Body(change): Body<MemberChange>,
) -> Result<Json<Member>> {
    update::change(&app, &caller, guild, user.of(&caller), change).await.map(Json)
}

/// Remove a member, or leave as `@me`.
#[utoipa::path(delete, path = "/guilds/{guild_id}/members/{user_id}", tag = "members",
    params(("guild_id" = GuildId, Path), ("user_id" = UserId, Path, description = "An account, or `@me`")),
    responses((status = 204)))]
async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    Path((guild, user)): Path<(GuildId, UserRef)>,
) -> Result<StatusCode> {
    super::kick(&app, &caller, guild, user.of(&caller)).await.map(|()| StatusCode::NO_CONTENT)
}

/// Give a member a role.
#[utoipa::path(put, path = "/guilds/{guild_id}/members/{user_id}/roles/{role_id}", tag = "members",
    params(("guild_id" = GuildId, Path), ("user_id" = UserId, Path, description = "An account, or `@me`"),
        ("role_id" = RoleId, Path)),
    responses((status = 200, body = Member)))]
async fn give_role(
    State(app): State<App>,
    caller: Caller,
    Path((guild, user, role)): Path<(GuildId, UserRef, RoleId)>,
) -> Result<Json<Member>> {
    update::give_role(&app, &caller, guild, user.of(&caller), role).await.map(Json)
}

/// Take a role from a member.
#[utoipa::path(delete, path = "/guilds/{guild_id}/members/{user_id}/roles/{role_id}", tag = "members",
    params(("guild_id" = GuildId, Path), ("user_id" = UserId, Path, description = "An account, or `@me`"),
        ("role_id" = RoleId, Path)),
    responses((status = 200, body = Member)))]
async fn take_role(
    State(app): State<App>,
    caller: Caller,
    Path((guild, user, role)): Path<(GuildId, UserRef, RoleId)>,
) -> Result<Json<Member>> {
    update::take_role(&app, &caller, guild, user.of(&caller), role).await.map(Json)
}
