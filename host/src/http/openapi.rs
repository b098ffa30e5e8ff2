//! The API's own description: OpenAPI 3.1, and a page to browse it that loads nothing from elsewhere.

use axum::Router;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;

/// What the document says beside its routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Guildhall", description = "A chat server that guilds extend by themselves."),
    servers((url = "/api/v1")),
    modifiers(&Security),
    security(("token" = []), ("bot" = [])),
    components(schemas(super::Problem))
)]
pub struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let bot = utoipa::openapi::security::ApiKeyValue::with_description(
            "Authorization",
            "`Bot ` and the token of a bot account.",
        );
        components.add_security_scheme("bot", SecurityScheme::ApiKey(utoipa::openapi::security::ApiKey::Header(bot)));
    }
}

/// `/api/v1/openapi.json` and `/api/v1/docs`.
pub fn routes(document: utoipa::openapi::OpenApi) -> Router<App> {
    SwaggerUi::new("/api/v1/docs").url("/api/v1/openapi.json", document).into()
}
