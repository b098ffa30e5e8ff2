//! What becomes of a call when its installation is changed while it runs, and when whoever asked goes away.

use std::time::Duration;

use guildhall::id::UserId;
use guildhall::plugins::calling;

use crate::guilds_cast::{id, number};
use crate::support::{Value, json};

use super::yard::{Place, Yard};

/// Changes an installation.
type Change = (&'static str, &'static str);

/// What is done to an installation in the middle of a call, and what the call has in its log then.
const CHANGES: &[Change] = &[
    ("nothing", ""),
    ("another permission is revoked", ""),
    ("its permission is revoked", "REVOKED"),
    ("every other channel is taken", ""),
    ("its channel is taken", "REVOKED"),
    ("it is switched off", "REVOKED"),
    ("it is uninstalled", "REVOKED"),
    ("its bot is shown out", "REVOKED"),
    ("its guild is deleted", "REVOKED"),
];

/// Goes through all of them. The call waits until the topic of its channel is set, so it ends after the change.
pub async fn go_through(yard: &Yard<'_>) {
    for (change, code) in CHANGES {
        let place = yard.place("hostile.wait").await;
        yard.unleash(&place, "scheduled").await;
        let (installation, app) = (yard.installation(&place).await, yard.app.app.clone());
        let payload: Vec<u8> = place.general.clone().into_bytes();
        let (input, ada) = (json!({"Scheduled": ["t", payload]}), UserId(number(&yard.ada.id)));
        let running = tokio::spawn(async move { calling::call(&app, installation, input, Some(ada)).await.unwrap() });

        make(yard, &place, change).await;
        if *change != "its guild is deleted" {
            yard.ada.patch(&format!("/channels/{}", place.general), json!({"topic": "go"})).await.expect(200);
        }

        let failed = running.await.unwrap().map(|failure| failure.code.to_string()).unwrap_or_default();
        let gone = ["it is uninstalled", "its bot is shown out", "its guild is deleted"].contains(change);
        // A bot that is gone sees no channel to wait in.
        assert!(failed == *code || gone && failed == "FAILED", "{change}: {failed}");
        if !["it is uninstalled", "its guild is deleted"].contains(change) {
            assert_eq!(yard.failure(&place, "scheduled", 0).await.0, failed, "{change}");
        }
        if *change != "its guild is deleted" {
            let page = yard.ada.get(&format!("/channels/{}/messages", place.general)).await.expect(200);
            let went = page["items"].as_array().unwrap().iter().any(|one| one["content"] == "went");
            assert_eq!(went, code.is_empty(), "{change}: nothing is done, or all");
        }
        assert_eq!(kept(yard, &place).await, usize::from(code.is_empty()), "{change}");
        yard.nobody_noticed(change).await;
    }
}

async fn make(yard: &Yard<'_>, place: &Place, change: &str) {
    let path = format!("/installations/{}", place.installation);
    let without = async |permission: &str| {
        let mut permissions = yard.ada.get(&path).await.expect(200)["permissions"].clone();
        permissions.as_array_mut().unwrap().retain(|one| one != permission);
        yard.ada.patch(&path, json!({ "permissions": permissions })).await.expect(200);
    };
    match change {
        "another permission is revoked" => without("badges").await,
        "its permission is revoked" => without("messages-write").await,
        "every other channel is taken" => {
            drop(yard.ada.patch(&path, json!({"channels": [place.general]})).await.expect(200));
        }
        "its channel is taken" => {
            let other = yard.ada.make_channel(&place.guild, json!({"name": "other", "kind": "text"})).await;
            drop(yard.ada.patch(&path, json!({"channels": [other]})).await.expect(200));
        }
        "it is switched off" => drop(yard.ada.patch(&path, json!({"enabled": false})).await.expect(200)),
        "it is uninstalled" => drop(yard.ada.delete(&path).await.expect(204)),
        "its bot is shown out" => {
            drop(yard.ada.delete(&format!("/guilds/{}/members/{}", place.guild, place.bot)).await.expect(204));
        }
        "its guild is deleted" => drop(yard.ada.delete(&format!("/guilds/{}", place.guild)).await.expect(204)),
        _ => {}
    }
}

/// How many keys an installation has stored.
async fn kept(yard: &Yard<'_>, place: &Place) -> usize {
    let sql = "select count(*) from plugin_kv where installation_id = $1";
    let mut conn = yard.app.app.db.read().await.unwrap();
    let (count,): (i64,) = conn.one(sql, &[&number(&place.installation)]).await.unwrap();
    count as usize
}

/// How many calls have used up their time.
async fn ended(yard: &Yard<'_>, place: &Place) -> usize {
    yard.log(place).await.iter().filter(|line| line["code"] == "CPU_BUDGET").count()
}

/// Whoever asked goes away before there is an answer: the call ends by itself, and counts.
pub async fn whoever_asked_goes_away(yard: &Yard<'_>) {
    let place = yard.place("hostile.loop").await;
    yard.unleash(&place, "http-routes").await;
    let path = format!("/p/{}/{}/do", place.guild, place.plugin);
    // The first answer says that the code is ready: the others are about nothing but its running.
    yard.ask(&place, "").await.problem(502, "PLUGIN_FAILED");
    for calls in 2..4 {
        while ended(yard, &place).await < calls {
            let request = yard.ada.request(reqwest::Method::POST, &path).json(&json!({})).send();
            let asking = tokio::spawn(request);
            // Long enough that the guest is called, and too short for it to have ended: most of the time.
            tokio::time::sleep(Duration::from_millis(150)).await;
            asking.abort();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    yard.nobody_noticed("requests that were given up").await;
}

/// A hook that keeps failing is left alone, tried again, and at last its plugin is switched off; its admin may
/// try once more.
pub async fn breakers_open(yard: &Yard<'_>) {
    let (place, same) = (yard.place("hostile.breaks").await, yard.place("hostile.breaks").await);
    yard.unleash(&place, "http-routes").await;
    yard.unleash(&same, "http-routes").await;
    let failures = async || yard.log(&place).await.iter().filter(|line| line["code"] == "TRAPPED").count();
    let fail = async || yard.ask(&place, "?panic=1").await.problem(502, "PLUGIN_FAILED");
    for _ in 0..5 {
        fail().await;
    }
    for query in ["?panic=1", ""] {
        yard.ask(&place, query).await.problem(502, "PLUGIN_FAILED");
    }
    assert_eq!(failures().await, 5, "it isn't called any more");
    yard.ask(&same, "").await.expect(200);
    assert_eq!(yard.call(&place, json!({"Scheduled": ["t", []]})).await, None, "its other hooks are");
    assert_eq!(yard.call(&place, json!({"Route": request()})).await.as_deref(), Some("BREAKER_OPEN"));

    // What works again is called as before.
    yard.app.advance(Duration::from_secs(31));
    yard.ask(&place, "").await.expect(200);
    for _ in 0..5 {
        fail().await;
    }
    // This time it is left alone for twice as long, and then it is given up.
    yard.app.advance(Duration::from_secs(31));
    yard.ask(&place, "").await.problem(502, "PLUGIN_FAILED");
    assert_eq!(yard.installation(&place).await.state.as_str(), "enabled");
    yard.app.advance(Duration::from_secs(31));
    fail().await;
    assert_eq!(failures().await, 11);
    let installation = yard.installation(&place).await;
    assert_eq!(installation.state.as_str(), "quarantined");
    assert!(installation.state_reason.starts_with("http-routes: TRAPPED"), "{}", installation.state_reason);
    yard.ask(&place, "").await.problem(404, "PLUGIN_NOT_INSTALLED");
    yard.ask(&same, "").await.expect(200);

    // Its admin tries once more, and whenever they change something it begins anew.
    let path = format!("/installations/{}", place.installation);
    yard.ada.patch(&path, json!({"enabled": true})).await.expect(200);
    yard.ask(&place, "").await.expect(200);
    for _ in 0..5 {
        fail().await;
    }
    yard.ask(&place, "").await.problem(502, "PLUGIN_FAILED");
    yard.ada.patch(&path, json!({"enabled": false})).await.expect(200);
    yard.ada.patch(&path, json!({"enabled": true})).await.expect(200);
    yard.ask(&place, "").await.expect(200);
    yard.nobody_noticed("a quarantine").await;
}

/// A plugin that can't begin with a guild is switched off there.
pub async fn what_cannot_begin_is_switched_off(yard: &Yard<'_>) {
    let (guild, _) = yard.ada.guild("Engines").await;
    let new = json!({"guild_id": guild});
    let made = yard.ada.post("/marketplace/hostile.begins-badly", new).await.expect(201);
    let path = format!("/installations/{}", id(&made));
    let mut seen = made;
    while seen["state"] == "enabled" {
        tokio::time::sleep(Duration::from_millis(20)).await;
        seen = yard.ada.get(&path).await.expect(200);
    }
    assert_eq!(seen["state"], "quarantined");
    assert!(seen["state_reason"].as_str().unwrap().starts_with("lifecycle: TRAPPED"), "{seen}");
    yard.ada.delete(&path).await.expect(204);
    yard.nobody_noticed("what couldn't begin").await;
}

/// Two plugins that answer whatever is said come to an end, and the log says why.
pub async fn two_that_answer_each_other_come_to_an_end(yard: &Yard<'_>) {
    let ping = yard.place("hostile.ping").await;
    let new = json!({"guild_id": ping.guild, "config": {"fault": "none"}});
    let made = yard.ada.post("/marketplace/hostile.pong", new).await.expect(201);
    let pong = Place { installation: id(&made), plugin: "hostile.pong".into(), ..ping.clone() };
    for place in [&ping, &pong] {
        yard.unleash(place, "on-message").await;
    }
    yard.ada.say(&ping.general, "hello").await;
    for place in [&ping, &pong] {
        while yard.failure(place, "on-message", 0).await.0 != "DEPTH" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    yard.nobody_noticed("two that answer each other").await;
    let path = format!("/channels/{}/messages?limit=100", ping.general);
    let page = yard.ada.get(&path).await.expect(200);
    let answers = page["items"].as_array().unwrap().iter().filter(|one| one["content"] == "and so?").count();
    assert_eq!(answers, 10, "each answers the other, until that has led on four times");
}

/// A request to the route.
fn request() -> Value {
    json!({"route": "do", "method": "POST", "path": "/do", "params": [], "query": [], "headers": [], "body": [],
        "resource": null, "attrs": []})
}
