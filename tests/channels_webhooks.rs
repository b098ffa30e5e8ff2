//! Incoming webhooks: programs outside that speak in a channel.

use crate::story;
use crate::support::{Socket, Value, id_of, json};

fn address(hook: &Value) -> String {
    format!("/webhooks/{}/{}", id_of(hook), hook["token"].as_str().expect("a token"))
}

story!(a_webhook_speaks_for_whoever_has_its_token, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;
    let hook = ada.post(&format!("/channels/{general}/webhooks"), json!({"name": "Builds"})).await.expect(201);
    assert_eq!((&hook["guild_id"], &hook["channel_id"]), (&json!(guild), &json!(general)));

    let said = app.nobody().post(&address(&hook), json!({"content": "green"})).await.expect(201);

    let author = json!({"id": hook["id"], "username": "Builds", "display_name": "Builds", "kind": "webhook"});
    assert_eq!(said["author"], author);
    assert_eq!(ears.event("message_created").await, said);
    assert_eq!(bob.get(&format!("/channels/{general}/messages")).await.expect(200)["items"][0], said);
    let named = app.nobody().post(&address(&hook), json!({"content": "red", "username": " Tests "})).await.expect(201);
    assert_eq!(named["author"]["username"], "Tests");
    let rows = app.log().await;
    let token = hook["token"].as_str().unwrap();
    assert!(rows.iter().all(|row| !row.payload.contains(token)), "the token stands in no row");
});

story!(a_webhook_says_the_same_once, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let path = format!("/channels/{general}/webhooks");
    let hook = ada.post(&path, json!({"name": "Builds"})).await.expect(201);
    let other = ada.post(&path, json!({"name": "Tests"})).await.expect(201);
    let said = json!({"content": "green", "nonce": "build-1", "username": "Seven"});

    let first = app.nobody().post(&address(&hook), said.clone()).await.expect(201);
    let before = app.log_position().await;
    let again = app.nobody().post(&address(&hook), said.clone()).await.expect(200);

    assert_eq!(app.log_position().await, before);
    assert_eq!(
        (&again["id"], &again["author"], &again["content"]),
        (&first["id"], &first["author"], &first["content"])
    );
    let others = app.nobody().post(&address(&other), said).await.expect(201);
    assert_ne!(others["id"], first["id"], "a nonce is a webhook's own");
});

story!(without_its_token_a_webhook_is_not_there, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let hook = ada.post(&format!("/channels/{general}/webhooks"), json!({"name": "Builds"})).await.expect(201);
    let before = app.log_position().await;

    let said = json!({"content": "hello"});
    let nobody = app.nobody();
    nobody.post(&format!("/webhooks/{}/wrong", id_of(&hook)), said.clone()).await.problem(404, "NOT_FOUND");
    let swapped = format!("/webhooks/12345/{}", hook["token"].as_str().unwrap());
    nobody.post(&swapped, said).await.problem(404, "NOT_FOUND");
    assert_eq!(
        nobody.post(&address(&hook), json!({"content": " ", "username": "", "nonce": "", "file": 1})).await.faults(),
        ["/content", "/file", "/nonce", "/username"]
    );
    assert_eq!(app.log_position().await, before);
});

story!(only_those_who_manage_webhooks_make_list_and_remove_them, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let path = format!("/channels/{general}/webhooks");
    let hook = ada.post(&path, json!({"name": "Builds"})).await.expect(201);
    let before = app.log_position().await;

    bob.post(&path, json!({"name": "Mine"})).await.problem(403, "MISSING_PERMISSION");
    bob.get(&path).await.problem(403, "MISSING_PERMISSION");
    bob.delete(&format!("/webhooks/{}", id_of(&hook))).await.problem(403, "MISSING_PERMISSION");
    eve.get(&path).await.problem(404, "NOT_FOUND");
    eve.delete(&format!("/webhooks/{}", id_of(&hook))).await.problem(404, "NOT_FOUND");
    let category = ada.make_channel(&guild, json!({"name": "c", "kind": "category"})).await;
    ada.post(&format!("/channels/{category}/webhooks"), json!({"name": "c"})).await.problem(422, "WRONG_CHANNEL_KIND");
    assert_eq!(ada.post(&path, json!({"name": " "})).await.faults(), ["/name"]);
    assert_eq!(app.log_position().await, before + 1, "only the category was made");

    ada.except(&general, &bob, &["MANAGE_WEBHOOKS"], &[]).await;
    let mut listed = hook.clone();
    listed.as_object_mut().unwrap().remove("token");
    assert_eq!(bob.get(&path).await.expect(200)["items"], json!([listed]));
    bob.delete(&format!("/webhooks/{}", id_of(&hook))).await.expect(204);
    app.nobody().post(&address(&hook), json!({"content": "?"})).await.problem(404, "NOT_FOUND");
    bob.delete(&format!("/webhooks/{}", id_of(&hook))).await.problem(404, "NOT_FOUND");
});

story!(a_channel_has_so_many_webhooks_and_no_more, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let path = format!("/channels/{general}/webhooks");
    for i in 0..10 {
        ada.post(&path, json!({"name": format!("w{i}")})).await.expect(201);
    }
    let before = app.log_position().await;
    ada.post(&path, json!({"name": "w10"})).await.problem(409, "LIMIT_REACHED");
    assert_eq!(app.log_position().await, before);
});

story!(a_webhook_mentions_those_whom_its_maker_may_mention, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    ada.except(&general, &bob, &["MANAGE_WEBHOOKS"], &["MENTION_EVERYONE"]).await;
    let path = format!("/channels/{general}/webhooks");
    let hers = ada.post(&path, json!({"name": "hers"})).await.expect(201);
    let his = bob.post(&path, json!({"name": "his"})).await.expect(201);
    let content = format!("@everyone and <@{}>", ada.id);

    for (hook, everyone) in [(&hers, true), (&his, false)] {
        let said = app.nobody().post(&address(hook), json!({"content": content})).await.expect(201);
        assert_eq!((&said["mention_everyone"], &said["mentions"]), (&json!(everyone), &json!([ada.id])));
    }
    let quiet = json!({"content": content, "allowed_mentions": {"users": []}});
    let said = app.nobody().post(&address(&hers), quiet).await.expect(201);
    assert_eq!((&said["mention_everyone"], &said["mentions"]), (&json!(false), &json!([])));
});

story!(
    each_webhook_has_a_rate_of_its_own,
    |config| {
        config.limits.enabled = true;
        config.limits.messages = 8;
    },
    |app| {
        let [ada] = app.users(["ada"]).await;
        let (_, general) = ada.guild("Engines").await;
        let path = format!("/channels/{general}/webhooks");
        let hook = ada.post(&path, json!({"name": "one"})).await.expect(201);
        let other = ada.post(&path, json!({"name": "two"})).await.expect(201);
        for _ in 0..2 {
            app.nobody().post(&address(&hook), json!({"content": "hi"})).await.expect(201);
        }
        app.nobody().post(&address(&hook), json!({"content": "hi"})).await.problem(429, "RATE_LIMITED");
        app.nobody().post(&address(&other), json!({"content": "hi"})).await.expect(201);
    }
);

story!(the_audit_log_tells_who_made_and_removed_a_webhook, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let why = ada.with_header("x-audit-log-reason", "for the builds");
    let hook = why.post(&format!("/channels/{general}/webhooks"), json!({"name": "Builds"})).await.expect(201);
    why.delete(&format!("/webhooks/{}", id_of(&hook))).await.expect(204);

    let log = ada.get(&format!("/guilds/{guild}/audit-log?target_id={}", id_of(&hook))).await.expect(200);
    let told = log["items"].as_array().unwrap().iter().map(|entry| {
        assert_eq!((&entry["actor_id"], &entry["reason"]), (&json!(ada.id), &json!("for the builds")));
        entry["action"].clone()
    });
    assert_eq!(told.collect::<Vec<_>>(), [json!("webhook_delete"), json!("webhook_create")]);
    assert!(!log.to_string().contains(hook["token"].as_str().unwrap()));
});
