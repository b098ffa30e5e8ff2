//! Automod before messages are stored: what it blocks, holds, tells and punishes, and what moderators make of it.

use std::time::Duration;

use crate::guilds_cast::{actions, give, id, promote, role, rows};
use crate::messages_cast::{channel, ids, time_out};
use crate::plugin_story;
use crate::plugins_installing::path;
use crate::support::{Socket, SocketIo, Travel, User, Value, json};

/// Installs automod, set like this.
pub async fn watch(owner: &User, guild: &str, config: Value) -> Value {
    let new = json!({"guild_id": guild, "config": config, "permissions": ["moderation"]});
    owner.post("/marketplace/guildhall.automod", new).await.expect(201)
}

/// Automod that does this when a word begins with "casino".
pub fn on_casino(action: &str) -> Value {
    json!({"keywords": ["casino*"], "keywords-action": action})
}

fn messages(channel: &str) -> String {
    format!("/channels/{channel}/messages")
}

/// Has somebody's message held; answers what moderators see of it.
pub async fn held(owner: &User, author: &User, guild: &str, channel: &str, content: &str) -> Value {
    author.post(&messages(channel), json!({"content": content})).await.problem(409, "MESSAGE_HELD");
    let page = owner.get(&format!("/guilds/{guild}/held-messages")).await.expect(200);
    page["items"][0].clone()
}

plugin_story!(what_is_blocked_is_said_in_the_authors_language_through_every_door, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    watch(&ada, &guild, on_casino("block")).await;
    let said = bob.say(&general, "  Casual  TALK about Casimir\u{200b}s ").await;
    assert_eq!(said["content"], "  Casual  TALK about Casimir\u{200b}s ", "nothing is changed that needn't be");
    let mut native = Socket::connect(&bob).await;
    let mut polling = SocketIo::connect(&bob, Travel::Polling).await;
    let before = app.log_position().await;

    for (language, reason) in [
        ("en", "something that isn't allowed here: “casino*”"),
        ("tr", "burada izin verilmeyen bir şey var: “casino*”"),
        ("es", "algo que aquí no está permitido: «casino*»"),
        ("fr", "quelque chose qui n'est pas permis ici : « casino* »"),
        ("de", "etwas, das hier nicht erlaubt ist: „casino*“"),
    ] {
        let foreign = bob.with_header("accept-language", language);
        let problem = foreign.post(&messages(&general), json!({"content": "Best CAS\u{200b}INO"})).await;
        let detail = problem.problem(403, "MESSAGE_BLOCKED")["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(reason) && detail.contains("guildhall.automod"), "{language}: {detail}");
    }
    let body = json!({"channel_id": general, "content": "casinos"});
    for refused in [native.request("send_message", body.clone()).await, polling.request("send_message", body).await] {
        assert_eq!(refused.unwrap_err()["code"], "MESSAGE_BLOCKED");
    }

    assert_eq!(app.log_position().await, before);
    ada.say(&general, "Whoever manages messages may say casino").await;
});

plugin_story!(edits_are_looked_at_too, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let automod = watch(&ada, &guild, on_casino("block")).await;
    let said = bob.say(&general, "Nothing").await;
    let message = format!("/messages/{}", id(&said));
    for action in ["block", "hold"] {
        ada.patch(&path(&automod), json!({"config": {"keywords-action": action}})).await.expect(200);
        let before = app.log_position().await;
        bob.patch(&message, json!({"content": "A casino"})).await.problem(403, "MESSAGE_BLOCKED");
        assert_eq!(app.log_position().await, before);
    }
    assert_eq!(bob.get(&message).await.expect(200)["content"], "Nothing");
    assert_eq!(bob.patch(&message, json!({"content": "A casket"})).await.expect(200)["content"], "A casket");
});

plugin_story!(moderators_send_what_was_held, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let automod = watch(&ada, &guild, on_casino("hold")).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    let first = bob.say(&general, "Who plays?").await;

    let content = format!("A casino! <@{}>", ada.id);
    let draft = json!({"content": content, "reply_to": [id(&first)], "nonce": "casino", "silent": true});
    bob.post(&messages(&general), draft.clone()).await.problem(409, "MESSAGE_HELD");
    bob.post(&messages(&general), draft.clone()).await.problem(409, "MESSAGE_HELD");

    let told = hers.event("message_held").await;
    let page = ada.get(&format!("/guilds/{guild}/held-messages")).await.expect(200);
    assert_eq!(page, json!({"items": [told], "has_more": false}));
    assert_eq!((&told["author_id"], &told["channel_id"]), (&json!(bob.id), &json!(general)));
    assert_eq!((&told["rule"], &told["installation_id"]), (&json!("keywords"), &automod["id"]));
    bob.get(&format!("/guilds/{guild}/held-messages")).await.problem(403, "MISSING_PERMISSION");
    eve.get(&format!("/guilds/{guild}/held-messages")).await.problem(404, "NOT_FOUND");
    let approve = format!("/held-messages/{}/approve", id(&told));
    let before = app.log_position().await;
    bob.post(&approve, json!({})).await.problem(403, "MISSING_PERMISSION");
    eve.post(&approve, json!({})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);

    ada.with_header("x-audit-log-reason", "It was a joke").post(&approve, json!({})).await.expect(204);

    let sent = his.event("message_created").await;
    let sent = if sent["id"] == first["id"] { his.event("message_created").await } else { sent };
    assert_eq!((&sent["id"], &sent["author"]["id"]), (&told["id"], &json!(bob.id)));
    assert_eq!((&sent["mentions"], &sent["reply_to"]), (&json!([ada.id]), &json!([first["id"]])));
    assert_eq!((&sent["nonce"], &sent["silent"]), (&json!("casino"), &json!(true)));
    assert_eq!(bob.post(&messages(&general), draft).await.expect(200)["id"], sent["id"], "the same message again");
    his.nothing("message_released").await;
    let released = hers.event("message_released").await;
    assert_eq!((&released["approved"], &released["moderator_id"]), (&json!(true), &json!(ada.id)));
    let page = ada.get(&format!("/guilds/{guild}/held-messages")).await.expect(200);
    assert_eq!(page["items"], json!([]));
    assert_eq!(actions(&ada, &guild).await[0], "message_approve");
    let history = bob.get(&messages(&general)).await.expect(200);
    assert_eq!(ids(&history)[0], id(&told));
    ada.post(&approve, json!({})).await.problem(404, "NOT_FOUND");
    assert_eq!(rows(&app, &guild, "message_created").await.iter().filter(|row| row["id"] == told["id"]).count(), 1);
});

plugin_story!(moderators_throw_away_what_was_held, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    watch(&ada, &guild, on_casino("hold")).await;
    let waits = held(&ada, &bob, &guild, &general, "A casino").await;
    let newer = held(&ada, &bob, &guild, &general, "Two casinos").await;
    let pages = format!("/guilds/{guild}/held-messages?limit=1");
    let page = ada.get(&pages).await.expect(200);
    assert_eq!((ids(&page), &page["has_more"]), (vec![id(&newer)], &json!(true)));
    assert_eq!(ids(&ada.get(&format!("{pages}&before={}", id(&newer))).await.expect(200)), [id(&waits)]);
    ada.get(&format!("{pages}&after=1")).await.problem(400, "INVALID_QUERY");

    ada.post(&format!("/held-messages/{}/reject", id(&waits)), json!({})).await.expect(204);

    assert_eq!(rows(&app, &guild, "message_released").await[0]["approved"], false);
    assert_eq!(actions(&ada, &guild).await[0], "message_reject");
    ada.post(&format!("/held-messages/{}/approve", id(&waits)), json!({})).await.problem(404, "NOT_FOUND");
    ada.get(&format!("/messages/{}", id(&waits))).await.problem(404, "NOT_FOUND");
    assert_eq!(ids(&ada.get(&format!("/guilds/{guild}/held-messages")).await.expect(200)), [id(&newer)]);
});

plugin_story!(what_its_author_may_not_say_any_more_is_not_sent, |app| {
    let ([ada, bob, cid], guild, general) = app.guild_of(["ada", "bob", "cid"]).await;
    let side = channel(&ada, &guild).await;
    watch(&ada, &guild, on_casino("hold")).await;
    let his = held(&ada, &bob, &guild, &general, "A casino").await;
    let gone = held(&ada, &cid, &guild, &side, "A casino").await;
    let approve = |one: &Value| format!("/held-messages/{}/approve", id(one));

    time_out(&ada, &guild, &bob).await;
    let before = app.log_position().await;
    ada.post(&approve(&his), json!({})).await.problem(409, "AUTHOR_SILENCED");
    assert_eq!(app.log_position().await, before);
    ada.delete(&format!("/guilds/{guild}/members/{}", bob.id)).await.expect(204);
    ada.post(&approve(&his), json!({})).await.problem(409, "AUTHOR_SILENCED");
    ada.delete(&format!("/channels/{side}")).await.expect(204);
    ada.post(&approve(&gone), json!({})).await.problem(404, "NOT_FOUND");

    let page = ada.get(&format!("/guilds/{guild}/held-messages")).await.expect(200);
    assert_eq!(ids(&page), [id(&his)], "it stays, and its author's absence breaks nothing");
    ada.post(&format!("/held-messages/{}/reject", id(&his)), json!({})).await.expect(204);
    cid.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
    ada.delete(&format!("/guilds/{guild}")).await.expect(204);
    ada.get(&format!("/guilds/{guild}/held-messages")).await.problem(404, "NOT_FOUND");
});

plugin_story!(what_one_does_not_see_one_does_not_release, |app| {
    let ([ada, bob, mo], guild, general) = app.guild_of(["ada", "bob", "mo"]).await;
    let helpers = promote(&ada, &guild, &mo, &["MANAGE_MESSAGES"]).await;
    watch(&ada, &guild, on_casino("hold")).await;
    let waits = held(&ada, &bob, &guild, &general, "A casino").await;
    assert_eq!(ids(&mo.get(&format!("/guilds/{guild}/held-messages")).await.expect(200)), [id(&waits)]);
    let overwrite = format!("/channels/{general}/overwrites/{helpers}");
    ada.put(&overwrite, json!({"kind": "role", "allow": [], "deny": ["VIEW_CHANNEL"]})).await.expect(200);

    assert_eq!(ids(&mo.get(&format!("/guilds/{guild}/held-messages")).await.expect(200)), Vec::<String>::new());
    for what in ["approve", "reject"] {
        mo.post(&format!("/held-messages/{}/{what}", id(&waits)), json!({})).await.problem(404, "NOT_FOUND");
    }
    ada.put(&overwrite, json!({"kind": "role", "allow": [], "deny": ["MANAGE_MESSAGES"]})).await.expect(200);
    mo.post(&format!("/held-messages/{}/approve", id(&waits)), json!({})).await.problem(403, "MISSING_PERMISSION");
    ada.delete(&overwrite).await.expect(204);
    mo.post(&format!("/held-messages/{}/approve", id(&waits)), json!({})).await.expect(204);
});

plugin_story!(moderators_are_told_and_authors_silenced, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mut config = on_casino("time-out");
    config["caps-action"] = json!("alert");
    config["language"] = json!("de");
    let automod = watch(&ada, &guild, config).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);

    bob.say(&general, "WHY IS NOBODY HERE").await;

    let alert = hers.event("moderation_alert").await;
    assert_eq!((&alert["rule"], &alert["user_id"]), (&json!("caps"), &json!(bob.id)));
    assert_eq!((&alert["content"], &alert["plugin"]), (&json!("WHY IS NOBODY HERE"), &json!("guildhall.automod")));
    assert_eq!(alert["text"], "Überwiegend Großbuchstaben", "in the language that the admin has set");
    his.nothing("moderation_alert").await;

    bob.post(&messages(&general), json!({"content": "A casino"})).await.problem(403, "MESSAGE_BLOCKED");

    assert_eq!(hers.event("moderation_alert").await["rule"], "keywords");
    let updated = his.event("member_updated").await;
    assert!(updated["timed_out_until"].is_string(), "{updated}");
    bob.post(&messages(&general), json!({"content": "Sorry"})).await.problem(403, "TIMED_OUT");
    let audit = ada.get(&format!("/guilds/{guild}/audit-log")).await.expect(200);
    let entry = &audit["items"][0];
    assert_eq!((&entry["action"], &entry["actor_id"]), (&json!("member_timeout"), &automod["bot_id"]));
    let him = format!("/guilds/{guild}/members/{}", bob.id);
    ada.patch(&him, json!({"timed_out_until": null})).await.expect(200);
    ada.patch(&path(&automod), json!({"permissions": []})).await.expect(200);
    bob.post(&messages(&general), json!({"content": "A casino"})).await.problem(403, "MESSAGE_BLOCKED");
    bob.say(&general, "Still here").await;
});

plugin_story!(some_are_not_looked_at, |app| {
    let ([ada, bob, cid], guild, general) = app.guild_of(["ada", "bob", "cid"]).await;
    let (free, trusted) = (channel(&ada, &guild).await, role(&ada, &guild, "trusted", &[]).await);
    let mut config = on_casino("block");
    config["exempt-channels"] = json!([free]);
    config["exempt-roles"] = json!([trusted]);
    config["exempt-moderators"] = json!(false);
    let automod = watch(&ada, &guild, config).await;
    give(&ada, &guild, &bob, &trusted).await;

    bob.say(&general, "A casino").await;
    cid.say(&free, "A casino").await;
    cid.post(&messages(&general), json!({"content": "A casino"})).await.problem(403, "MESSAGE_BLOCKED");
    ada.post(&messages(&general), json!({"content": "A casino"})).await.problem(403, "MESSAGE_BLOCKED");
    ada.delete(&format!("/guilds/{guild}/members/{}/roles/{trusted}", bob.id)).await.expect(200);
    bob.post(&messages(&general), json!({"content": "A casino"})).await.problem(403, "MESSAGE_BLOCKED");
    ada.patch(&path(&automod), json!({"enabled": false})).await.expect(200);
    cid.say(&general, "A casino").await;
});

plugin_story!(saying_the_same_again_and_again_is_noticed, |app| {
    let ([ada, bob, cid], guild, general) = app.guild_of(["ada", "bob", "cid"]).await;
    watch(&ada, &guild, json!({"repeats-most": 2, "repeats-seconds": 60})).await;
    bob.say(&general, "Buy now").await;
    bob.say(&general, "buy  NOW").await;
    bob.post(&messages(&general), json!({"content": "b\u{200b}uy now"})).await.problem(403, "MESSAGE_BLOCKED");
    bob.say(&general, "Something else").await;
    cid.say(&general, "Buy now").await;
    app.advance(Duration::from_secs(120));
    bob.say(&general, "Buy now").await;
});

plugin_story!(what_plugins_say_is_looked_at_by_the_others, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let waiter = ada.post("/marketplace/tests.waiter", json!({"guild_id": guild})).await.expect(201);
    watch(&ada, &guild, json!({"keywords": ["dinner"]})).await;
    let serve = json!({
        "kind": "command", "guild_id": guild, "channel_id": general, "installation_id": waiter["id"],
        "path": ["serve"], "args": {"what": "message"},
    });
    let before = app.log_position().await;
    bob.post("/interactions", serve).await.problem(502, "PLUGIN_FAILED");
    assert_eq!(app.log_position().await, before);
    let log = ada.get(&format!("{}/logs", path(&waiter))).await.expect(200);
    let line = &log["items"][0];
    assert_eq!((&line["code"], &line["level"]), (&json!("REFUSED"), &json!("warn")), "it isn't the plugin's fault");
    assert!(line["message"].as_str().unwrap().contains("MESSAGE_BLOCKED"), "{line}");
});

plugin_story!(webhooks_and_new_threads_are_looked_at_as_well, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let forum = ada.make_channel(&guild, json!({"name": "forum", "kind": "forum"})).await;
    bob.join(&guild).await;
    let hook = ada.post(&format!("/channels/{general}/webhooks"), json!({"name": "Builds"})).await.expect(201);
    let hook = format!("/webhooks/{}/{}", id(&hook), hook["token"].as_str().unwrap());
    for action in ["block", "hold"] {
        let config = json!({"config": on_casino(action)});
        let automod = ada.get(&format!("/guilds/{guild}/installations")).await.expect(200);
        match automod["items"].as_array().and_then(|all| all.first()) {
            None => drop(watch(&ada, &guild, on_casino(action)).await),
            Some(automod) => drop(ada.patch(&path(automod), config).await.expect(200)),
        }
        let said = json!({"content": "The casino is open", "username": "Croupier"});
        // Nobody is there to wait for the moderators: what would be held is refused.
        app.nobody().post(&hook, said).await.problem(403, "MESSAGE_BLOCKED");
        for place in [&general, &forum] {
            let thread = json!({"name": "Games", "content": "To the casino"});
            bob.post(&format!("/channels/{place}/threads"), thread).await.problem(403, "MESSAGE_BLOCKED");
        }
    }
    app.nobody().post(&hook, json!({"content": "The build is green"})).await.expect(201);
    bob.post(&format!("/channels/{forum}/threads"), json!({"name": "Games", "content": "Chess"})).await.expect(201);
});
