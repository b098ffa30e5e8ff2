//! The API's own description: OpenAPI 3.1, and a page to browse it that loads nothing from elsewhere.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;
use crate::error::{Code, Error};
use crate::i18n;
use crate::plugins::describing;
use crate::plugins::marketplace::Marketplace;

/// What the pages may load and run: what this server sends, and the icons inside of its style.
const PAGES_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

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

/// `/api/v1/openapi.json`, with the routes of the plugins at hand, `/api/v1/docs`, and the page that every problem's
/// `type` leads to.
pub fn routes(mut document: utoipa::openapi::OpenApi, marketplace: &Marketplace) -> Router<App> {
    document.paths.paths.values_mut().for_each(plain_summaries);
    let mut document = serde_json::to_value(document).unwrap_or_default();
    describing::add_to(&mut document, marketplace);
    // Left alone, the page asks a server elsewhere whether the document is valid.
    let config = Config::default().use_base_layout().validator_url("none");
    let browsable =
        SwaggerUi::new("/api/v1/docs").external_url_unchecked("/api/v1/openapi.json", document).config(config);
    Router::from(browsable).route("/api/v1/docs/problems", get(problems)).layer(middleware::map_response(at_home))
}

/// Summaries are plain text to OpenAPI: what marks code in our comments would be shown as it stands.
fn plain_summaries(item: &mut PathItem) {
    let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
    for summary in operations.into_iter().flatten().filter_map(|operation| operation.summary.as_mut()) {
        *summary = summary.replace('`', "");
    }
}

/// Lets the pages load nothing from elsewhere, and turns a missing file into a problem.
async fn at_home(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        return Error::from(Code::NotFound).into_response();
    }
    let policy = HeaderValue::from_static(PAGES_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Every code that a refusal can have, in the reader's language.
async fn problems(headers: HeaderMap) -> impl IntoResponse {
    let locale = i18n::negotiate(headers.get(header::ACCEPT_LANGUAGE)).unwrap_or(i18n::DEFAULT);
    let rows: String = Code::ALL
        .iter()
        .map(|code| {
            let title = i18n::title(locale, code.as_str());
            let detail = without_values(&i18n::detail(locale, code.as_str(), &[]));
            let status = code.status().as_u16();
            format!("<tr id=\"{code}\"><td>{status}<td><code>{code}</code><td>{title}<td>{detail}</tr>\n")
        })
        .collect();
    let page = PROBLEMS_PAGE.replace("{locale}", locale).replace("{rows}", &rows);
    ([(header::VARY, "accept-language")], Html(page))
}

/// A message with an ellipsis wherever a value would stand.
fn without_values(message: &str) -> String {
    let mut parts = message.split("{$");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "…" + part.split_once('}').map_or("", |(_, rest)| rest))
}

const PROBLEMS_PAGE: &str = "<!doctype html>
<html lang=\"{locale}\"><meta charset=utf-8><meta name=viewport content=\"width=device-width\">
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
