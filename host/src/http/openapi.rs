//! The API's own description: OpenAPI 3.1, and a page to browse it that loads nothing from elsewhere.

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::Html;
use axum::routing::get;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::error::Code;
use crate::i18n;

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

/// `/api/v1/openapi.json`, `/api/v1/docs`, and the page that every problem's `type` leads to.
pub fn routes(document: utoipa::openapi::OpenApi) -> Router<App> {
    let browsable: Router<App> = SwaggerUi::new("/api/v1/docs").url("/api/v1/openapi.json", document).into();
    browsable.route("/api/v1/docs/problems", get(problems))
}

/// Every code that a refusal can have, in the reader's language.
async fn problems(headers: HeaderMap) -> Html<String> {
    let locale = i18n::negotiate(headers.get(header::ACCEPT_LANGUAGE)).unwrap_or(i18n::DEFAULT);
    let rows: String = Code::ALL
        .iter()
        .map(|code| {
            let (title, detail) = (i18n::title(locale, code.as_str()), i18n::detail(locale, code.as_str(), &[]));
            let status = code.status().as_u16();
            format!("<tr id=\"{code}\"><td>{status}<td><code>{code}</code><td>{title}<td>{detail}</tr>\n")
        })
        .collect();
    Html(PROBLEMS_PAGE.replace("{locale}", locale).replace("{rows}", &rows))
}

const PROBLEMS_PAGE: &str = "<!doctype html>
<html lang={locale}><meta charset=utf-8><meta name=viewport content=\"width=device-width\">
<title>Guildhall: problems</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color-scheme: light dark }
  table { border-collapse: collapse } td { padding: .4rem .8rem; border-bottom: 1px solid #8884; vertical-align: top }
  tr:target { background: #fd03 }
</style>
<h1>application/problem+json</h1>
<table>
{rows}</table>
</html>
";
