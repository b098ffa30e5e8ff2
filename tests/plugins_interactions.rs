//! Commands, buttons, lists and forms of plugins, and what comes of them.

use std::time::Duration;

use crate::guilds_cast::{id, role};
use crate::messages_cast::{channel, time_out};
use crate::plugins_installing::path;
use crate::support::plugins::built;
use crate::support::{Socket, SocketIo, Travel, User, Value, json};
use crate::{plugin_story, story};

/// Installs a plugin that answers in every way there is.
pub async fn waiter(owner: &User, guild: &str) -> Value {
    owner.post("/marketplace/tests.waiter", json!({"guild_id": guild})).await.expect(201)
}

/// The command that is answered like this.
pub fn serve(waiter: &Value, channel: &str, what: &str) -> Value {
    json!({
        "kind": "command", "guild_id": waiter["guild_id"], "channel_id": channel, "installation_id": waiter["id"],
        "path": ["serve"], "args": {"what": what},
    })
}

/// A button that is pressed, or a list from which this is chosen.
pub fn press(message: &Value, component: &str, values: &[&str]) -> Value {
    json!({"kind": "component", "message_id": message["id"], "id": component, "values": values})
}

/// The newest message of a channel.
async fn newest(user: &User, channel: &str) -> Value {
    user.get(&format!("/channels/{channel}/messages?limit=1")).await.expect(200)["items"][0].clone()
}

/// The codes of an installation's log, the newest first.
async fn codes(owner: &User, installation: &Value) -> Vec<String> {
    let log = owner.get(&format!("{}/logs", path(installation))).await.expect(200);
    let lines = log["items"].as_array().unwrap().iter();
    lines.map(|line| line["code"].as_str().unwrap().to_owned()).collect()
}

plugin_story!(commands_are_listed_in_the_readers_language, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let waiter = waiter(&ada, &guild).await;
    let commands = format!("/guilds/{guild}/commands");

    let listed = bob.get(&commands).await.expect(200);

    assert_eq!(listed["has_more"], false);
    let [serve, order] = listed["items"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&serve["name"], &serve["description"]), (&json!("serve"), &json!("Answers in one way")));
    assert_eq!((&serve["installation_id"], &serve["plugin"]), (&waiter["id"], &json!("tests.waiter")));
    let what = json!({
        "name": "what", "kind": "text", "description": "In which way", "required": true, "choices": [],
        "autocomplete": true,
    });
    assert_eq!(serve["options"][0], what);
    assert_eq!(order["options"], json!([]));
    let echo = &order["subcommands"][0];
    assert_eq!((&echo["name"], &echo["options"][1]["choices"]), (&json!("echo"), &json!(["small", "large"])));
    let turkish = bob.with_header("accept-language", "tr").get(&commands).await.expect(200);
    assert_eq!(turkish["items"][0]["plugin_name"], "Garson");
    assert_eq!(turkish["items"][0]["options"][0]["description"], "Hangi biçimde");
    assert_eq!(turkish["items"][1]["subcommands"][0]["description"], "Anlaşılanı söyler");
    assert_eq!(turkish["items"][1]["subcommands"][0]["options"][0]["description"], "Ne yenecek");
    eve.get(&commands).await.problem(404, "NOT_FOUND");
    ada.patch(&path(&waiter), json!({"enabled": false})).await.expect(200);
    assert_eq!(bob.get(&commands).await.expect(200)["items"], json!([]));
});

plugin_story!(what_a_command_is_given_is_checked_first, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let (waiter, cooks) = (waiter(&ada, &guild).await, role(&ada, &guild, "cooks", &[]).await);
    let hidden = channel(&ada, &guild).await;
    let overwrite = format!("/channels/{hidden}/overwrites/{guild}");
    ada.put(&overwrite, json!({"kind": "role", "allow": [], "deny": ["VIEW_CHANNEL"]})).await.expect(200);
    let order = |args: Value| {
        let mut order = serve(&waiter, &general, "");
        order["path"] = json!(["order", "echo"]);
        order["args"] = args;
        order
    };
    let all = json!({
        "dish": "soup", "size": "large", "count": 3, "price": 2.5, "hot": true, "guest": bob.id, "table": general,
        "party": cooks,
    });

    let answer = bob.post("/interactions", order(all)).await.expect(200);

    let said = format!(
        "dish=soup size=large count=3 price=2.5 hot=true guest=user:{} table=channel:{general} party=role:{cooks}",
        bob.id
    );
    assert_eq!(answer, json!({"kind": "ephemeral", "message": {"content": said, "blocks": null}}));
    let before = app.log_position().await;
    let wrong = json!({
        "size": "huge", "count": "3", "price": true, "hot": 1, "guest": eve.id, "table": hidden, "party": "x",
        "extra/": null,
    });
    let faults = bob.post("/interactions", order(wrong)).await.problem(422, "INVALID_FIELDS");
    let mut told: Vec<String> = faults["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| format!("{} {}", fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap()))
        .collect();
    told.sort();
    let expected = [
        "/args/count WRONG_TYPE",
        "/args/dish REQUIRED",
        "/args/extra~1 UNKNOWN_FIELD",
        "/args/guest UNKNOWN_REFERENCE",
        "/args/hot WRONG_TYPE",
        "/args/party INVALID_FORMAT",
        "/args/price WRONG_TYPE",
        "/args/size UNKNOWN_REFERENCE",
        "/args/table UNKNOWN_REFERENCE",
    ];
    assert_eq!(told, expected);
    for (field, value, fault) in [
        ("path", json!(["order"]), "/path"),
        ("path", json!(["order", "echo", "x"]), "/path"),
        ("path", json!([]), "/path"),
        ("guild_id", json!("1"), "/guild_id"),
        ("message_id", json!("1"), "/message_id"),
        ("channel_id", Value::Null, "/channel_id"),
        ("strange", json!(1), "/strange"),
    ] {
        let mut order = order(json!({"dish": "soup"}));
        order[field] = value;
        assert_eq!(bob.post("/interactions", order).await.faults(), [fault]);
    }
    assert_eq!(app.log_position().await, before);
});

plugin_story!(only_who_may_take_part_interacts, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let waiter = waiter(&ada, &guild).await;
    let whisper = serve(&waiter, &general, "whisper");
    app.nobody().post("/interactions", whisper.clone()).await.problem(401, "UNAUTHENTICATED");
    eve.post("/interactions", whisper.clone()).await.problem(404, "NOT_FOUND");
    let mut elsewhere = whisper.clone();
    elsewhere["installation_id"] = json!("1");
    bob.post("/interactions", elsewhere).await.problem(404, "PLUGIN_NOT_INSTALLED");
    bob.post("/interactions", whisper.clone()).await.expect(200);

    let overwrite = format!("/channels/{general}/overwrites/{guild}");
    ada.put(&overwrite, json!({"kind": "role", "allow": [], "deny": ["USE_COMMANDS"]})).await.expect(200);
    bob.post("/interactions", whisper.clone()).await.problem(403, "MISSING_PERMISSION");
    ada.put(&overwrite, json!({"kind": "role", "allow": [], "deny": ["SEND_MESSAGES"]})).await.expect(200);
    bob.post("/interactions", whisper.clone()).await.expect(200);
    let before = app.log_position().await;
    bob.post("/interactions", serve(&waiter, &general, "message")).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before, "nobody says more through a plugin than by themselves");
    ada.delete(&overwrite).await.expect(204);
    time_out(&ada, &guild, &bob).await;
    bob.post("/interactions", whisper.clone()).await.problem(403, "TIMED_OUT");
    ada.patch(&path(&waiter), json!({"enabled": false})).await.expect(200);
    ada.post("/interactions", whisper).await.problem(404, "PLUGIN_NOT_INSTALLED");
});

plugin_story!(a_reply_is_seen_by_all_or_by_one, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let waiter = waiter(&ada, &guild).await;
    let mut ears = Socket::connect(&ada).await;
    let ask = async |what: &str| bob.post("/interactions", serve(&waiter, &general, what)).await;

    let before = app.log_position().await;
    let whisper = ask("whisper").await.expect(200);
    let text = json!({"kind": "text", "text": "Psst"});
    assert_eq!(whisper, json!({"kind": "ephemeral", "message": {"content": "Only for you", "blocks": text}}));
    let form = ask("form").await.expect(200);
    let input = json!({
        "kind": "input", "id": "name", "label": "Name", "multiline": false, "required": true, "value": null,
        "max_length": 40,
    });
    assert_eq!(form, json!({"kind": "form", "id": "reservation", "title": "A table", "body": input}));
    assert_eq!(ask("nothing").await.expect(200), json!({"kind": "none"}));
    let confetti = json!({"kind": "custom", "name": "confetti", "data": {"colour": "red"}});
    assert_eq!(ask("custom").await.expect(200), confetti);
    assert_eq!(app.log_position().await, before, "nothing of that is kept");

    let message = ask("message").await.expect(200);

    let told = ears.event("message_created").await;
    assert_eq!(message, json!({"kind": "message", "message_id": told["id"]}));
    assert_eq!((&told["author"]["id"], &told["content"]), (&waiter["bot_id"], &json!("Dinner is served")));
    let again = json!({
        "kind": "button", "id": "again", "label": "Again", "style": "primary", "emoji": null, "url": null,
        "disabled": false,
    });
    assert_eq!(told["blocks"]["children"][0], json!({"kind": "row", "children": [again]}));
    let read = newest(&bob, &general).await;
    assert_eq!((&read["id"], &read["blocks"]), (&told["id"], &told["blocks"]));
    let mut form = json!({
        "kind": "form", "installation_id": waiter["id"], "channel_id": general, "id": "reservation",
        "fields": {"name": "Bob", "seats": "2"},
    });
    assert_eq!(bob.post("/interactions", form.clone()).await.expect(200)["kind"], "message");
    assert_eq!(ears.event("message_created").await["content"], "name=Bob seats=2");
    form["fields"] = json!({"name": "x".repeat(4_001)});
    assert_eq!(bob.post("/interactions", form).await.faults(), ["/fields/name"]);
});

plugin_story!(a_button_is_pressed_where_it_stands, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let waiter = waiter(&ada, &guild).await;
    bob.post("/interactions", serve(&waiter, &general, "message")).await.expect(200);
    let menu = newest(&bob, &general).await;
    let (mut ears, mut native) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    let mut polling = SocketIo::connect(&bob, Travel::Polling).await;
    let updated = json!({"kind": "update", "message_id": menu["id"]});

    assert_eq!(bob.post("/interactions", press(&menu, "again", &[])).await.expect(200), updated);
    assert_eq!(native.request("interact", press(&menu, "again", &[])).await.unwrap(), updated);
    assert_eq!(polling.request("interact", press(&menu, "again", &[])).await.unwrap(), updated);

    for times in 1..=3 {
        let told = ears.event("message_updated").await;
        assert_eq!((&told["id"], &told["content"]), (&menu["id"], &json!(format!("Pressed: {times}"))));
        assert_eq!(told["blocks"], menu["blocks"]);
    }
    let chosen = bob.post("/interactions", press(&menu, "dishes", &["stew", "soup"])).await.expect(200);
    assert_eq!(chosen["message"]["content"], "stew+soup");
    let before = app.log_position().await;
    for (component, values, fault) in [
        ("nowhere", vec![], "/id"),
        ("again", vec!["soup"], "/values"),
        ("dishes", vec![], "/values"),
        ("dishes", vec!["pizza"], "/values/0"),
    ] {
        assert_eq!(bob.post("/interactions", press(&menu, component, &values)).await.faults(), [fault]);
    }
    let his = bob.say(&general, "No buttons").await;
    bob.post("/interactions", press(&his, "again", &[])).await.problem(404, "PLUGIN_NOT_INSTALLED");
    let problem = native.request("interact", press(&menu, "nowhere", &[])).await.unwrap_err();
    assert_eq!(problem["errors"][0]["pointer"], "/id");
    assert_eq!(app.log_position().await, before + 1, "his message alone");
    ada.delete(&format!("/messages/{}", id(&menu))).await.expect(204);
    bob.post("/interactions", press(&menu, "again", &[])).await.problem(404, "NOT_FOUND");
});

plugin_story!(what_presses_at_once_counts_each, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let waiter = waiter(&ada, &guild).await;
    bob.post("/interactions", serve(&waiter, &general, "message")).await.expect(200);
    let menu = newest(&bob, &general).await;

    // Each reads what all others write: whoever loses is called again.
    let presses = (0..12).map(|at| {
        let (person, body) = (if at % 2 == 0 { &ada } else { &bob }, press(&menu, "again", &[]));
        async move { person.post("/interactions", body).await.expect(200) }
    });
    futures_util::future::join_all(presses).await;

    assert_eq!(newest(&bob, &general).await["content"], "Pressed: 12");
});

plugin_story!(what_is_being_typed_is_completed_and_nothing_kept, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let waiter = waiter(&ada, &guild).await;
    let mut typing = serve(&waiter, &general, "mess");
    typing["kind"] = json!("autocomplete");
    assert_eq!(bob.post("/interactions", typing.clone()).await.faults(), ["/focused"]);
    typing["focused"] = json!("what");

    let offered = bob.post("/interactions", typing.clone()).await.expect(200);

    let choice = json!({"value": "message", "label": "MESSAGE", "description": null});
    assert_eq!(offered, json!({"kind": "choices", "choices": [choice]}));
    let kept = bob.post("/interactions", serve(&waiter, &general, "typed")).await.expect(200);
    assert_eq!(kept["message"]["content"], "nothing");
    typing["focused"] = json!("whom");
    assert_eq!(bob.post("/interactions", typing).await.faults(), ["/focused"]);
});

plugin_story!(what_fails_is_told_to_whom_it_concerns, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let waiter = waiter(&ada, &guild).await;
    let before = app.log_position().await;
    let ask = async |what: &str| bob.post("/interactions", serve(&waiter, &general, what)).await;

    let refused = ask("refuse").await.problem(409, "KITCHEN_CLOSED");
    assert_eq!(refused["detail"], "Come back tomorrow");
    assert!(refused["type"].as_str().unwrap().ends_with("#PLUGIN_REFUSED"), "{refused}");
    let invalid = ask("invalid").await.problem(422, "INVALID_FIELDS");
    assert_eq!(
        (&invalid["errors"][0]["pointer"], &invalid["errors"][0]["code"]),
        (&json!("/args/what"), &json!("TOO_LONG"))
    );
    assert_eq!(invalid["errors"][0]["detail"], "At most 3 characters or items.");
    let denied = ask("denied").await.problem(403, "MISSING_PERMISSION");
    assert!(denied["detail"].as_str().unwrap().contains("MANAGE_GUILD"), "{denied}");
    ask("lost").await.problem(404, "NOT_FOUND");
    assert_eq!(ask("typed").await.expect(200)["message"]["content"], "nothing", "what fails has done nothing");
    let failed = ask("panic").await.problem(502, "PLUGIN_FAILED");
    assert!(!failed.to_string().contains("milk"), "{failed}");
    ask("update").await.problem(502, "PLUGIN_FAILED");
    ask("empty").await.problem(502, "PLUGIN_FAILED");
    ask("strange").await.problem(502, "PLUGIN_FAILED");

    assert_eq!(app.log_position().await, before);
    let expected = ["FAILED", "BAD_OUTPUT", "BAD_OUTPUT", "TRAPPED", "", "FAILED", "FAILED", "FAILED", "FAILED"];
    assert_eq!(codes(&ada, &waiter).await, expected);
    let logs = format!("{}/logs", path(&waiter));
    bob.get(&logs).await.problem(403, "MISSING_PERMISSION");
    let page = ada.get(&format!("{logs}?limit=4")).await.expect(200);
    assert_eq!((page["items"].as_array().unwrap().len(), &page["has_more"]), (4, &json!(true)));
    let (panicked, last) = (&page["items"][3], id(&page["items"][3]));
    assert_eq!((&panicked["hook"], &panicked["level"]), (&json!("interactions"), &json!("error")));
    let older = ada.get(&format!("{logs}?before={last}&limit=1")).await.expect(200);
    assert!(older["items"][0]["message"].as_str().unwrap().contains("out of milk"), "{older}");
    let bundle = ada.get(&format!("{logs}/{last}/bundle")).await.expect(200);
    assert_eq!(bundle["digest"], waiter["digest"]);
    bob.get(&format!("{logs}/{last}/bundle")).await.problem(403, "MISSING_PERMISSION");
    ada.get(&format!("{logs}/{}/bundle", id(&older["items"][0]))).await.problem(404, "NOT_FOUND");
    let bundle = serde_json::from_value(bundle).expect("a bundle");
    let component = std::fs::read(built().join("tests.waiter.wasm")).expect("the plugin");
    let seen = guildhall::plugins::replay::replay(&app.app.config.plugins, bundle, component.into()).await.unwrap();
    assert_eq!(seen.first, seen.now, "the same trap at the same place");
    assert!(seen.is_same() && seen.first.starts_with("TRAPPED"), "{}", seen.first);
});

plugin_story!(a_plugin_says_the_same_once_under_one_nonce, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let waiter = waiter(&ada, &guild).await;

    let told = ada.post("/interactions", serve(&waiter, &general, "twice")).await.expect(200);
    let again = ada.post("/interactions", serve(&waiter, &general, "twice")).await.expect(200);

    let sent = newest(&ada, &general).await;
    let id = sent["id"].as_str().unwrap();
    assert_eq!((&sent["content"], &sent["silent"]), (&json!("Once"), &json!(true)));
    assert_eq!(told["message"]["content"], format!("{id} {id}"));
    assert_eq!(again["message"]["content"], format!("{id} {id}"));
    let history = ada.get(&format!("/channels/{general}/messages")).await.expect(200);
    let said = history["items"].as_array().unwrap().iter().filter(|one| one["content"] == "Once").count();
    assert_eq!(said, 1);
});

story!(
    what_stands_below_a_whisper_is_for_the_one_who_sees_it,
    |config| {
        config.plugins.bundled = built().to_owned();
        config.tokens.access_seconds = 200_000;
    },
    |app| {
        let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
        let waiter = waiter(&ada, &guild).await;

        let whisper =
            bob.post("/interactions", serve(&waiter, &general, "secret")).await.expect(200)["message"].clone();

        ada.post("/interactions", press(&whisper, "again", &[])).await.problem(404, "NOT_FOUND");
        ada.get(&format!("/messages/{}", id(&whisper))).await.problem(404, "NOT_FOUND");
        assert_eq!(bob.post("/interactions", press(&whisper, "strange", &[])).await.faults(), ["/id"]);
        let chosen = bob.post("/interactions", press(&whisper, "dishes", &["soup", "stew"])).await.expect(200);
        assert_eq!(chosen["message"]["content"], "soup+stew");
        let updated = bob.post("/interactions", press(&whisper, "again", &[])).await.expect(200);
        assert_eq!((&updated["kind"], &updated["message"]["id"]), (&json!("ephemeral"), &whisper["id"]));
        assert_eq!(updated["message"]["content"], "Pressed: 1");
        let again = bob.post("/interactions", press(&updated["message"], "again", &[])).await.expect(200);
        assert_eq!(again["message"]["content"], "Pressed: 2");

        app.advance(Duration::from_secs(16 * 60));
        bob.post("/interactions", press(&whisper, "again", &[])).await.problem(404, "NOT_FOUND");
        let db = &app.app.db;
        guildhall::plugins::sweep(&app.app).await.expect("a sweep");
        let count: (i64,) = db.read().await.unwrap().one("select count(*) from plugin_whispers", &[]).await.unwrap();
        assert_eq!(count.0, 0);
    }
);
