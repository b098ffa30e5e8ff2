//! Routes of custom emoji.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Emoji, Image, NewEmoji};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::http::page::{Created, Page};
use crate::http::{Body, Guest, Path};
use crate::id::{EmojiId, GuildId};

/// The routes of this slice.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_emojis, create_emoji))
        .routes(routes!(delete_emoji))
        .routes(routes!(get_emoji_image))
}

/// List the custom emoji of a guild.
#[utoipa::path(get, path = "/guilds/{guild_id}/emojis", tag = "emojis", params(("guild_id" = GuildId, Path)),
    responses((status = 200, body = Page<Emoji>)))]
async fn list_emojis(State(app): State<App>, caller: Caller, Path(guild): Path<GuildId>) -> Result<Json<Page<Emoji>>> {
    super::list(&app, &caller, guild).await.map(Page::whole).map(Json)
}

/// Make a custom emoji.
#[utoipa::path(post, path = "/guilds/{guild_id}/emojis", tag = "emojis", params(("guild_id" = GuildId, Path)),
    request_body = NewEmoji, responses((status = 201, body = Emoji)))]
async fn create_emoji(
    State(app): State<App>,
    caller: Caller,
    Path(guild): Path<GuildId>,
    Body(new): Body<NewEmoji>,
) -> Result<Created<Emoji>> {
    super::create(&app, &caller, guild, new).await.map(Created)
}

/// Delete a custom emoji.
#[utoipa::path(delete, path = "/guilds/{guild_id}/emojis/{emoji_id}", tag = "emojis",
    params(("guild_id" = GuildId, Path), ("emoji_id" = EmojiId, Path)), responses((status = 204)))]
async fn delete_emoji(
    State(app): State<App>,
    caller: Caller,
    Path((guild, emoji)): Path<(GuildId, EmojiId)>,
) -> Result<StatusCode> {
    super::delete(&app, &caller, guild, emoji).await.map(|()| StatusCode::NO_CONTENT)
}

/// Read a custom emoji's image; no account is needed.
#[utoipa::path(get, path = "/emojis/{emoji_id}", tag = "emojis", security(()),
    params(("emoji_id" = EmojiId, Path)), responses((status = 200, content_type = "image/*", body = Vec<u8>)))]
async fn get_emoji_image(State(app): State<App>, Guest(_): Guest, Path(emoji): Path<EmojiId>) -> Result<Image> {
    super::image(&app, emoji).await
}

/// An image never changes under its id, and must never be taken for anything else.
impl IntoResponse for Image {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.content_type.as_str()),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        ];
        (headers, self.bytes).into_response()
    }
}
