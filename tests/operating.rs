//! What whoever runs a server relies on: is it alive, what does it do, and whom does it answer in which language.

use std::collections::BTreeSet;
use std::time::Duration;

use guildhall::i18n::{self, LOCALES};
use reqwest::Method;

use crate::support::{Answer, Socket, User, json};
use crate::{plugin_story, story};

mod door;
mod pages;
mod program;
mod tls;

/// How long a story waits for a reader of the log.
const PATIENCE: Duration = Duration::from_secs(10);

story!(a_server_says_that_it_lives_and_is_ready, |app| {
    let nobody = app.nobody();
    assert_eq!(nobody.get("//healthz").await.text, "ok");
    let ready = nobody.get("//readyz").await.expect(200);
    assert_eq!(ready, json!({"ready": true, "storage": "writable", "draining": false}));
});

/// The lines of a metric.
fn lines<'t>(metrics: &'t str, name: &str) -> Vec<&'t str> {
    metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name)).collect()
}

/// The labels of a line, but for those that hold the bounds of buckets.
fn labels(line: &str) -> Vec<(&str, &str)> {
    let Some((_, rest)) = line.split_once('{') else { return Vec::new() };
    let labels = rest.rsplit_once('}').map_or(rest, |(labels, _)| labels);
    let labels = labels.trim_end_matches('"').split("\",").filter_map(|label| label.split_once("=\""));
    labels.filter(|(name, _)| *name != "le").collect()
}

story!(the_metrics_name_routes_and_readers_and_nobody, |app| {
    let ([ada], guild, channel) = app.guild_of(["ada"]).await;
    let said = ada.say(&channel, "Hello").await;
    ada.get(&format!("//guilds/{guild}/settings")).await.expect(200);
    ada.get(&format!("//guilds/{}/settings", 1)).await.problem(404, "NOT_FOUND");
    ada.get(&format!("/nothing/{guild}")).await.problem(404, "NOT_FOUND");
    ada.answer(ada.request(Method::from_bytes(b"BREW").unwrap(), &format!("//{guild}"))).await;
    let _socket = Socket::connect(&ada).await;

    let metrics = {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = ada.get("//metrics").await;
            assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
            if !lines(&answer.text, "guildhall_log_lag_rows").is_empty() {
                break answer.text;
            }
            assert!(tokio::time::Instant::now() < deadline, "no reader of the log tells how far it is behind");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let counted = lines(&metrics, "guildhall_http_request_seconds_count");
    for (route, method, status) in [
        ("/api/v1/channels/{channel_id}/messages", "POST", "2xx"),
        ("/guilds/{guild_id}/settings", "GET", "2xx"),
        ("/guilds/{guild_id}/settings", "GET", "4xx"),
        ("other", "GET", "4xx"),
        ("other", "other", "4xx"),
    ] {
        let wanted = [("route", route), ("method", method), ("status", status)];
        let found = counted.iter().any(|line| wanted.iter().all(|label| labels(line).contains(label)));
        assert!(found, "{wanted:?} isn't counted:\n{}", counted.join("\n"));
    }
    assert!(!lines(&metrics, "guildhall_http_request_seconds_bucket").is_empty(), "{metrics}");
    assert_eq!(lines(&metrics, "guildhall_sockets").len(), 1);
    assert!(labels(lines(&metrics, "guildhall_log_position")[0]).iter().any(|(name, _)| *name == "shard"));
    assert!(labels(lines(&metrics, "guildhall_log_lag_rows")[0]).iter().any(|(name, _)| *name == "reader"));
    for (name, value) in metrics.lines().filter(|line| !line.starts_with('#')).flat_map(labels) {
        let digits = value.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        assert!(digits <= Some(4), "an id in the label {name}={value}");
    }
    assert!(!metrics.contains(said["id"].as_str().unwrap()) && !metrics.contains("BREW"), "{metrics}");
});

plugin_story!(a_server_tells_how_its_plugins_fare, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    ada.post("/marketplace/guildhall.polls", json!({"guild_id": guild})).await.expect(201);
    ada.get(&format!("/polls?guild_id={guild}")).await.expect(200);

    let metrics = app.nobody().get("//metrics").await.text;

    for (name, count) in [("slots_free", 2), ("breakers_open", 1), ("deliveries_waiting", 1)] {
        assert_eq!(lines(&metrics, &format!("guildhall_plugin_{name}")).len(), count, "{name}");
    }
    let calls = lines(&metrics, "guildhall_plugin_call_seconds_count");
    let wanted = [("plugin", "guildhall.polls"), ("hook", "http-routes"), ("outcome", "ok")];
    assert!(calls.iter().any(|line| wanted.iter().all(|label| labels(line).contains(label))), "{calls:?}");
});

story!(every_answer_bears_an_id_of_its_own, |app| {
    let nobody = app.nobody();
    let mut seen = BTreeSet::new();
    for (method, path, status) in [
        ("GET", "//healthz", 200),
        ("GET", "//metrics", 200),
        ("GET", "//api/v1/docs/", 200),
        ("GET", "/openapi.json", 200),
        ("OPTIONS", "/register", 200),
        ("GET", "/users/@me/sessions", 401),
        ("GET", "/nothing", 404),
        ("GET", "//nothing", 404),
        ("GET", "/nothing", 404),
        ("POST", "//readyz", 405),
        ("POST", "/register", 415),
    ] {
        let answer = nobody.answer(nobody.request(method.parse().unwrap(), path)).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert!(seen.insert(id.to_owned()), "{method} {path} has the id of another");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{method} {path}");
        if status >= 400 {
            assert_eq!(answer.body["request_id"], id, "{method} {path}");
        }
    }
    // What a client claims is no id.
    let claimed = nobody.with_header("x-request-id", "mine").get("//healthz").await;
    assert_ne!(claimed.headers["x-request-id"], "mine");
});

async fn absent(user: &User) -> Answer {
    user.get("/guilds/1").await
}

story!(problems_are_told_in_the_language_that_is_asked_for, |app| {
    let [ada] = app.users(["ada"]).await;
    let titles: BTreeSet<String> = LOCALES.iter().map(|locale| i18n::title(locale, "NOT_FOUND")).collect();
    assert_eq!(titles.len(), LOCALES.len(), "two languages say the same");
    for (header, locale) in [
        ("en", "en"),
        ("tr", "tr"),
        ("es-MX", "es"),
        ("fr-CA, en;q=0.5", "fr"),
        ("fr;q=0.2, de;q=0.9", "de"),
        ("DE-ch", "de"),
        ("ja, fr;q=0.1", "fr"),
        ("de;q=0, es; q=0.1", "es"),
        ("ja", "en"),
        ("*", "en"),
        ("tr;q=NaN, ;;q=x,,", "en"),
    ] {
        let problem = absent(&ada.with_header("accept-language", header)).await.problem(404, "NOT_FOUND");
        assert_eq!(problem["title"], i18n::title(locale, "NOT_FOUND"), "{header}");
        assert_eq!(problem["detail"], i18n::detail(locale, "NOT_FOUND", &[]), "{header}");
    }
    let turkish = app.nobody().with_header("accept-language", "tr");
    let problem = turkish.post("/register", json!({})).await.problem(422, "INVALID_FIELDS");
    assert_eq!(problem["errors"][0]["detail"], i18n::detail("tr", "FIELD_REQUIRED", &[]));
});

story!(problems_are_told_in_the_account_s_language_to_who_asks_for_none, |app| {
    let [ada] = app.users(["ada"]).await;
    let title = |problem: crate::support::Value| problem["title"].as_str().unwrap_or_default().to_owned();
    let english = title(absent(&ada).await.problem(404, "NOT_FOUND"));
    assert_eq!(english, i18n::title("en", "NOT_FOUND"));
    ada.put(&format!("/users/{}/profile", ada.id), json!({"locale": "tr"})).await.expect(200);
    let turkish = title(absent(&ada).await.problem(404, "NOT_FOUND"));
    assert_eq!(turkish, i18n::title("tr", "NOT_FOUND"));
    let german = title(absent(&ada.with_header("accept-language", "de")).await.problem(404, "NOT_FOUND"));
    assert_eq!(german, i18n::title("de", "NOT_FOUND"));
    // A header that asks for nothing we speak leaves the account's language.
    let japanese = title(absent(&ada.with_header("accept-language", "ja")).await.problem(404, "NOT_FOUND"));
    assert_eq!(japanese, turkish);
});
