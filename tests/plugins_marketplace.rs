//! The marketplace: what can be installed, for whom, and in which language.

use crate::support::{User, Value, json};
use crate::{plugin_story, story};

/// The ids of what a query finds.
async fn found(user: &User, query: &str) -> Vec<String> {
    let page = user.get(&format!("/marketplace{query}")).await.expect(200);
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

story!(what_comes_with_the_server_is_listed_with_what_it_asks_for, |app| {
    let [ada] = app.users(["ada"]).await;

    let page = ada.get("/marketplace").await.expect(200);

    assert_eq!((&page["has_more"], &page["cursor"]), (&json!(false), &Value::Null));
    assert_eq!(found(&ada, "").await, ["tests.greeter", "tests.keeper", "tests.strict"], "the broken one is left out");
    let greeter = &page["items"][0];
    for (field, expected) in [
        ("name", json!("Greeter")),
        ("summary", json!("Says hello to those who come.")),
        ("publisher", json!("tests")),
        ("version", json!("1.2.0")),
        ("categories", json!(["community", "fun"])),
        ("badge", json!("runs_entirely_here")),
        ("installed", Value::Null),
    ] {
        assert_eq!(greeter[field], expected, "{field}");
    }
    let asked = |name: &str, reason: &str, optional: bool, group: &str| {
        let channels = if name == "messages-write" { "chosen" } else { "all" };
        json!({"name": name, "reason": reason, "optional": optional, "channels": channels, "group": group})
    };
    let expected = [
        asked("messages-write", "To say hello", false, "write"),
        asked("members", "To know whom", true, "read"),
        asked("moderation", "To show out whoever is rude", true, "moderate"),
    ];
    assert_eq!(greeter["permissions"], json!(expected));
    let settings = greeter["configuration"].as_array().unwrap();
    let keys: Vec<_> = settings.iter().map(|setting| setting["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["days", "greeting", "token"]);
    assert_eq!((&settings[1]["default"], &settings[1]["max"]), (&json!("Hello"), &json!(20.0)));
    assert_eq!(settings[2]["secret"], true);
    assert_eq!(page["items"][2]["badge"], Value::Null, "what has routes speaks to the outside");
    app.nobody().get("/marketplace").await.problem(401, "UNAUTHENTICATED");
});

story!(plugins_are_found_by_word_category_and_page, |app| {
    let [ada] = app.users(["ada"]).await;
    for (query, expected) in [
        ("?q=HELLO", vec!["tests.greeter"]),
        ("?q=keep", vec!["tests.keeper"]),
        ("?q=tests.", vec!["tests.greeter", "tests.keeper", "tests.strict"]),
        ("?q=nothing", vec![]),
        ("?category=moderation", vec!["tests.keeper"]),
        ("?category=games", vec![]),
        ("?limit=2", vec!["tests.greeter", "tests.keeper"]),
        ("?limit=2&cursor=tests.keeper", vec!["tests.strict"]),
    ] {
        assert_eq!(found(&ada, query).await, expected, "{query}");
    }
    let page = ada.get("/marketplace?limit=1&q=tests").await.expect(200);
    assert_eq!((&page["has_more"], &page["cursor"]), (&json!(true), &json!("tests.greeter")));
    for wrong in ["?category=nonsense", "?limit=0", "?guild_id=x"] {
        ada.get(&format!("/marketplace{wrong}")).await.problem(400, "INVALID_QUERY");
    }
});

story!(plugins_speak_the_readers_language, |app| {
    let [ada] = app.users(["ada"]).await;
    let page = ada.with_header("accept-language", "tr").get("/marketplace").await.expect(200);
    let greeter = &page["items"][0];
    assert_eq!((&greeter["name"], &greeter["summary"]), (&json!("Karşılayıcı"), &json!("Gelenleri selamlar.")));
    let reasons = [&greeter["permissions"][0]["reason"], &greeter["permissions"][1]["reason"]];
    assert_eq!(reasons, ["Selam vermek için", "To know whom"], "what isn't translated is told in English");
    let greeting = &greeter["configuration"][1];
    assert_eq!((&greeting["label"], &greeting["description"]), (&json!("Selam"), &json!("Ne denir")));
});

story!(members_see_what_their_guild_has_installed, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let installed = ada.post("/marketplace/tests.greeter", json!({"guild_id": guild})).await.expect(201);
    let page = bob.get(&format!("/marketplace?guild_id={guild}")).await.expect(200);
    let expected = json!({"id": installed["id"], "version": "1.2.0", "state": "enabled"});
    assert_eq!((&page["items"][0]["installed"], &page["items"][1]["installed"]), (&expected, &Value::Null));
    eve.get(&format!("/marketplace?guild_id={guild}")).await.problem(404, "NOT_FOUND");
});

plugin_story!(routes_of_plugins_stand_in_the_description_of_the_api, |app| {
    let document = app.nobody().get("/openapi.json").await.expect(200);

    let vote = &document["paths"]["/polls/{poll_id}/vote"]["post"];
    assert_eq!((&vote["summary"], &vote["tags"]), (&json!("Vote"), &json!(["guildhall.polls"])));
    assert!(document["paths"]["/polls"]["get"].is_object() && document["paths"]["/polls"]["post"].is_object());
    let mut named = Vec::new();
    references(&document, &mut named);
    assert!(named.contains(&"#/components/schemas/PollsPoll".to_owned()));
    for reference in named {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
    assert!(document["paths"]["/guilds"]["post"].is_object(), "the server's own are still there");
});

/// Everything that a document refers to within itself.
fn references(value: &Value, named: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            named.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|inner| references(inner, named));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, named)),
        _ => {}
    }
}
