//! The pages that describe the API: they load nothing from elsewhere, and say all there is.

use guildhall::error::Code;
use guildhall::i18n::{self, LOCALES};

use crate::story;
use crate::support::{Answer, Value};

/// What stands between `before` and one of `ends`, wherever `before` does.
fn found<'t>(text: &'t str, before: &str, ends: &[char]) -> Vec<&'t str> {
    text.split(before)
        .skip(1)
        .map(|rest| rest.trim_start_matches(['"', '\'']))
        .map(|rest| rest.split(ends).next().unwrap_or_default())
        .collect()
}

/// Whether a reference stays on the server.
fn is_local(reference: &str) -> bool {
    !reference.contains("//") && !reference.contains(':') || reference.starts_with("data:")
}

/// Checks that the policy of a page lets it load from its own server alone.
#[track_caller]
fn stays_at_home(answer: &Answer) {
    let policy = answer.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    let sources = policy.split(';').flat_map(|rule| rule.split_whitespace().skip(1));
    for source in sources {
        assert!(["'self'", "'none'", "'unsafe-inline'", "data:"].contains(&source), "{source} in {policy}");
    }
    let scripts = policy.split(';').find(|rule| rule.trim().starts_with("script-src"));
    assert_eq!(scripts, None, "scripts have the default, their own server: {policy}");
}

story!(the_page_of_the_api_loads_nothing_from_elsewhere, |app| {
    let nobody = app.nobody();
    let page = nobody.get("//api/v1/docs").await;
    assert_eq!((page.status, &page.headers["content-type"]), (200, &"text/html".parse().unwrap()));
    assert!(page.text.to_lowercase().contains("<!doctype html"), "{}", page.text);
    stays_at_home(&page);
    let mut references = found(&page.text, "src=", &['"', '\'', ' ', '>']);
    references.extend(found(&page.text, "href=", &['"', '\'', ' ', '>']));
    assert!(references.len() >= 5, "the page's references were not found: {references:?}");
    let (mut scripts, mut styles) = (0, 0);
    for reference in references {
        assert!(is_local(reference), "{reference}");
        let asset = nobody.get(&format!("//api/v1/docs/{}", reference.trim_start_matches("./"))).await;
        assert_eq!(asset.status, 200, "{reference}");
        assert_eq!(asset.headers["x-content-type-options"], "nosniff", "{reference}");
        let kind = asset.headers["content-type"].to_str().expect("text").to_owned();
        if reference.ends_with(".css") {
            assert_eq!(kind, "text/css", "{reference}");
            let loads = found(&asset.text, "url(", &[')']).into_iter().chain(found(&asset.text, "@import ", &[';']));
            loads.for_each(|load| assert!(is_local(load), "{reference} loads {load}"));
            styles += 1;
        }
        if reference.ends_with(".js") {
            assert!(kind.ends_with("/javascript"), "{reference}: {kind}");
            scripts += 1;
        }
    }
    assert!(scripts >= 3 && styles >= 2, "{scripts} scripts, {styles} styles");
    let settings = nobody.get("//api/v1/docs/swagger-initializer.js").await.text;
    assert!(settings.contains("/api/v1/openapi.json"), "{settings}");
    assert!(found(&settings, "http", &[' ']).is_empty(), "{settings}");
    // The page would ask a validator on another server.
    let validator = found(&settings, "\"validatorUrl\":", &[',']);
    assert!(validator.len() == 1 && validator[0].trim().trim_matches('"') == "none", "{settings}");
});

story!(the_document_is_openapi_3_1, |app| {
    let document = app.nobody().get("/openapi.json").await.expect(200);
    let version = document["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3.1."), "{version}");
    assert_eq!(document["info"]["title"], "Guildhall");
    assert_eq!(document["servers"][0]["url"], "/api/v1");
    for path in ["/register", "/guilds/{guild_id}/settings", "/channels/{channel_id}/messages"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty() && !summary.contains('`'), "{method} {path}: {summary}");
        }
    }
    let text = document.to_string();
    for reference in found(&text, "\"$ref\":", &['"']) {
        let place = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} stands elsewhere"));
        assert!(document.pointer(place).is_some_and(Value::is_object), "{reference} leads nowhere");
    }
});

story!(the_page_of_problems_holds_every_code_in_every_language, |app| {
    for locale in LOCALES {
        let page = app.nobody().with_header("accept-language", locale).get("/docs/problems").await;
        assert_eq!(page.status, 200);
        stays_at_home(&page);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers["vary"].to_str().map(str::to_lowercase).unwrap_or_default(), "accept-language");
        assert!(page.text.contains(&format!("<html lang=\"{locale}\">")), "{}", page.text);
        for code in Code::ALL {
            let row = found(&page.text, &format!("<tr id=\"{code}\">"), &['\n']);
            assert_eq!(row.len(), 1, "{code} in {locale}");
            let (status, title) = (code.status().as_u16().to_string(), i18n::title(locale, code.as_str()));
            assert!(row[0].contains(&status) && row[0].contains(&title), "{code} in {locale}: {}", row[0]);
            assert!(!row[0].contains("{$"), "{code} in {locale} shows how it is made: {}", row[0]);
        }
    }
    let fallback = app.nobody().with_header("accept-language", "ja").get("/docs/problems").await;
    assert!(fallback.text.contains("<html lang=\"en\">"));
});

story!(the_type_of_a_problem_leads_to_its_description, |app| {
    let problem = app.nobody().get("/users/@me/sessions").await.problem(401, "UNAUTHENTICATED");
    let (page, anchor) = problem["type"].as_str().and_then(|kind| kind.split_once('#')).expect("an anchor");
    let page = app.nobody().get(&format!("/{page}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(&format!("id=\"{anchor}\"")));
});
