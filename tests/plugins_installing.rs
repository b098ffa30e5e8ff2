//! Installing plugins: consent, what comes with them, what changes about them, and how they go.

use guildhall::id::{ChannelId, GuildId, InstallationId};

use crate::guilds_cast::{count, id, number, promote, rows, tamper};
use crate::story;
use crate::support::{Socket, SocketIo, Travel, User, Value, json};

/// What the bot's role must hold to write messages.
const WRITES: &[&str] = &["VIEW_CHANNEL", "SEND_MESSAGES", "SEND_IN_THREADS", "ADD_REACTIONS", "ATTACH_FILES"];
/// What it must hold besides to keep order.
const KEEPS_ORDER: &[&str] = &["MANAGE_MESSAGES", "KICK_MEMBERS", "BAN_MEMBERS", "TIMEOUT_MEMBERS"];

/// Installs a plugin as it is; answers the installation.
pub async fn install(user: &User, guild: &str, plugin: &str) -> Value {
    user.post(&format!("/marketplace/{plugin}"), json!({"guild_id": guild})).await.expect(201)
}

/// Where an installation is.
pub fn path(installation: &Value) -> String {
    format!("/installations/{}", id(installation))
}

/// The bot's own role.
pub async fn role_of(user: &User, guild: &str, installation: &Value) -> Option<Value> {
    let roles = user.get(&format!("/guilds/{guild}/roles")).await.expect(200);
    roles["items"].as_array().unwrap().iter().find(|role| role["id"] == installation["role_id"]).cloned()
}

/// What a guild has installed, in the order of filters, with their places.
pub async fn order(user: &User, guild: &str) -> Vec<(String, i64)> {
    let page = user.get(&format!("/guilds/{guild}/installations")).await.expect(200);
    let items = page["items"].as_array().unwrap().iter();
    items.map(|one| (one["plugin"].as_str().unwrap().to_owned(), one["position"].as_i64().unwrap())).collect()
}

story!(a_plugin_comes_with_a_bot_and_a_role_of_its_own, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    let mut other = SocketIo::connect_with(&ada, Travel::Socket, json!({"subscribe": "all"})).await;

    let made = install(&ada, &guild, "tests.greeter").await;

    for (field, expected) in [
        ("guild_id", json!(guild)),
        ("plugin", json!("tests.greeter")),
        ("version", json!("1.2.0")),
        ("permissions", json!(["messages-write"])),
        ("channels", Value::Null),
        ("config", json!({"greeting": "Hello"})),
        ("state", json!("enabled")),
        ("position", json!(0)),
        ("installed_by", json!(ada.id)),
        ("revision", json!(1)),
    ] {
        assert_eq!(made[field], expected, "{field}");
    }
    assert_eq!(made["digest"].as_str().unwrap().len(), 64);
    assert_eq!(hers.event("installation_added").await, made);
    let heard = other.event("installation_added").await;
    assert_eq!((&heard["id"], &heard["config"]), (&made["id"], &made["config"]));
    // Whoever doesn't manage plugins only sees somebody come.
    let came = his.event("member_joined").await;
    assert_eq!((&came["user"]["id"], &came["user"]["kind"]), (&made["bot_id"], &json!("bot")));
    assert_eq!(came["user"]["display_name"], "Greeter");
    his.nothing("installation_added").await;
    let bot = bob.get(&format!("/guilds/{guild}/members/{}", made["bot_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(bot["roles"], json!([made["role_id"]]));
    let role = role_of(&bob, &guild, &made).await.unwrap();
    assert_eq!((&role["name"], &role["managed_by"]), (&json!("Greeter"), &made["bot_id"]));
    assert_eq!((&role["permission_names"], &role["position"]), (&json!(WRITES), &json!(1)));
    let history = bob.get(&format!("/channels/{general}/messages")).await.expect(200);
    assert_eq!(history["items"][0]["author"]["id"], made["bot_id"], "it is welcomed as all are");
    // What followed on its coming was the admin's doing.
    let log = app.log().await;
    let added = log.iter().find(|entry| entry.kind.as_str() == "installation_added").unwrap();
    assert_eq!(added.actor.unwrap().to_string(), ada.id);
    let audit = ada.get(&format!("/guilds/{guild}/audit-log")).await.expect(200);
    let entry = &audit["items"][0];
    assert_eq!((&entry["action"], &entry["target_id"]), (&json!("installation_create"), &made["id"]));
    assert_eq!(entry["changes"][2]["new"], json!(["messages-write"]));
    let read = ada.get(&path(&made)).await;
    assert_eq!(read.headers["etag"], "\"1\"");
    assert_eq!(read.expect(200), made);
    assert_eq!(ada.get(&format!("/guilds/{guild}/installations")).await.expect(200)["items"], json!([made]));
});

story!(asking_again_changes_nothing_and_asking_for_something_else_is_refused, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let all = json!({"guild_id": guild, "version": "1.2.0", "permissions": ["members", "messages-write"],
        "config": {"days": 3, "token": "hunter2"}});
    let greeter = "/marketplace/tests.greeter";
    let made = ada.post(greeter, all.clone()).await.expect(201);
    assert_eq!(made["permissions"], json!(["messages-write", "members"]), "in one order");
    assert_eq!(made["config"], json!({"days": 3, "greeting": "Hello", "token": "***"}));
    let before = app.log_position().await;

    let same = json!({"guild_id": guild, "permissions": ["messages-write", "members", "members"]});
    for again in [all.clone(), same.clone()] {
        assert_eq!(ada.post(greeter, again).await.expect(200), made);
    }
    let here = json!({"plugin": "tests.greeter", "permissions": ["messages-write", "members"]});
    assert_eq!(ada.post(&format!("/guilds/{guild}/installations"), here).await.expect(200), made);
    // The first documentation's address.
    assert_eq!(ada.post("//marketplace/tests.greeter", same).await.expect(200), made);
    for (field, other) in [
        ("version", json!("1.3.0")),
        ("permissions", json!(["messages-write"])),
        ("permissions", Value::Null),
        ("config", json!({"days": 4})),
        ("config", json!({"token": "hunter3"})),
    ] {
        let mut asked = all.clone();
        asked[field] = other;
        ada.post(greeter, asked).await.problem(409, "ALREADY_EXISTS");
    }
    assert_eq!(app.log_position().await, before);
    assert_eq!(order(&ada, &guild).await.len(), 1);
});

story!(who_installs_must_be_allowed_to_and_hold_what_they_grant, |app| {
    let [ada, bob, cyd, eve] = app.users(["ada", "bob", "cyd", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for one in [&bob, &cyd] {
        one.join(&guild).await;
    }
    promote(&ada, &guild, &bob, &["MANAGE_PLUGINS", "KICK_MEMBERS"]).await;
    let installed = install(&ada, &guild, "tests.greeter").await;
    let (here, before) = (json!({"guild_id": guild}), app.log_position().await);

    cyd.post("/marketplace/tests.keeper", here.clone()).await.problem(403, "MISSING_PERMISSION");
    eve.post("/marketplace/tests.keeper", here.clone()).await.problem(404, "NOT_FOUND");
    ada.post("/marketplace/tests.unknown", here.clone()).await.problem(404, "NOT_FOUND");
    for (who, status, code) in [(&cyd, 403, "MISSING_PERMISSION"), (&eve, 404, "NOT_FOUND")] {
        who.get(&path(&installed)).await.problem(status, code);
        who.patch(&path(&installed), json!({"enabled": false})).await.problem(status, code);
        who.delete(&path(&installed)).await.problem(status, code);
        who.get(&format!("/guilds/{guild}/installations")).await.problem(status, code);
    }
    // He manages plugins, and may remove members; but not all that keeping order takes.
    let refused = bob.post("/marketplace/tests.keeper", here.clone()).await.problem(403, "MISSING_PERMISSION");
    assert!(refused["detail"].as_str().unwrap().contains("MANAGE_MESSAGES"), "{refused}");
    let more = json!({"permissions": ["messages-write", "moderation"]});
    bob.patch(&path(&installed), more).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);

    promote(&ada, &guild, &bob, &["MANAGE_MESSAGES", "BAN_MEMBERS", "TIMEOUT_MEMBERS", "MANAGE_ROLES"]).await;
    let keeper = bob.post("/marketplace/tests.keeper", here).await.expect(201);
    let role = role_of(&ada, &guild, &keeper).await.unwrap();
    assert_eq!(role["name"], "Keeper of the very long and winding road");
    let bot = ada.get(&format!("/guilds/{guild}/members/{}", keeper["bot_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(bot["user"]["display_name"], "Keeper of the very long and wind");
});

story!(a_plugin_that_nobody_consented_to_is_not_installed, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let before = app.log_position().await;
    for (plugin, asked, expected) in [
        ("tests.greeter", json!({"permissions": ["members", "roles"]}), vec!["/permissions", "/permissions/1"]),
        ("tests.greeter", json!({"permissions": ["fly"]}), vec!["/permissions/0"]),
        ("tests.greeter", json!({"version": "9.9.9"}), vec!["/version"]),
        ("tests.strict", json!({}), vec!["/config/address"]),
        ("tests.strict", json!({"config": {"address": null}}), vec!["/config/address"]),
        (
            "tests.greeter",
            json!({"version": "2.0.0", "permissions": [], "config": {"days": 9, "greeting": 1, "x/y": 1}}),
            vec!["/config/days", "/config/greeting", "/config/x~1y", "/permissions", "/version"],
        ),
    ] {
        let mut asked = asked;
        asked["guild_id"] = json!(guild);
        assert_eq!(ada.post(&format!("/marketplace/{plugin}"), asked.clone()).await.faults(), expected, "{asked}");
    }
    assert_eq!(app.log_position().await, before);
    assert_eq!(count(&app, "select count(*) from installations", &[]).await, 0);
    let set = json!({"guild_id": guild, "config": {"address": "here"}});
    assert_eq!(ada.post("/marketplace/tests.strict", set).await.expect(201)["permissions"], json!([]));
});

story!(what_a_plugin_may_do_is_narrowed_and_widened_at_any_time, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    promote(&ada, &guild, &bob, &["MANAGE_PLUGINS"]).await;
    let made = install(&ada, &guild, "tests.greeter").await;
    let mut ears = Socket::connect(&bob).await;

    let all = ada.patch(&path(&made), json!({"permissions": ["moderation", "messages-write"]})).await.expect(200);

    assert_eq!((&all["permissions"], &all["revision"]), (&json!(["messages-write", "moderation"]), &json!(2)));
    assert_eq!(ears.event("installation_updated").await, all);
    let wide = [WRITES, KEEPS_ORDER].concat();
    let role = role_of(&ada, &guild, &made).await.unwrap();
    assert_eq!(role["permission_names"], json!(wide));
    // An admin may take from the role what they like; what else changes leaves that as it is.
    let role_path = format!("/guilds/{guild}/roles/{}", made["role_id"].as_str().unwrap());
    let fewer: Vec<_> = wide.iter().filter(|name| **name != "ATTACH_FILES").collect();
    ada.patch(&role_path, json!({"permissions": fewer})).await.expect(200);
    // Whoever manages plugins may take everything from them, also what they can't do without.
    let none = bob.patch(&path(&made), json!({"permissions": []})).await.expect(200);
    assert_eq!(none["permissions"], json!([]));
    assert_eq!(role_of(&ada, &guild, &made).await.unwrap()["permission_names"], json!([]));
    let before = app.log_position().await;
    bob.patch(&path(&made), json!({"permissions": ["moderation"]})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(ada.patch(&path(&made), json!({"permissions": ["roles"]})).await.faults(), ["/permissions/0"]);
    assert_eq!(bob.patch(&path(&made), json!({"permissions": []})).await.expect(200)["revision"], 3);
    assert_eq!(app.log_position().await, before);
    ada.patch(&path(&made), json!({"permissions": ["moderation"]})).await.expect(200);
    assert_eq!(role_of(&ada, &guild, &made).await.unwrap()["permission_names"], json!(KEEPS_ORDER));
    ada.delete(&role_path).await.problem(403, "FORBIDDEN");
});

story!(a_plugin_is_set_and_keeps_its_secrets, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let made = install(&ada, &guild, "tests.greeter").await;
    let set = async |config: Value| ada.patch(&path(&made), json!({ "config": config })).await;

    let after = set(json!({"days": 3, "token": "hunter2"})).await.expect(200);

    assert_eq!(after["config"], json!({"days": 3, "greeting": "Hello", "token": "***"}));
    let after = set(json!({"days": null, "greeting": "Hi", "token": "***"})).await.expect(200);
    assert_eq!(after["config"], json!({"greeting": "Hi", "token": "***"}), "the secret is still there");
    let before = app.log_position().await;
    assert_eq!(
        set(json!({"greeting": "x".repeat(21), "days": 0, "no": 1})).await.faults(),
        ["/config/days", "/config/greeting", "/config/no"]
    );
    assert_eq!(set(json!("x")).await.faults(), ["/config"]);
    assert_eq!(set(json!({"greeting": "Hi"})).await.expect(200), after);
    assert_eq!(app.log_position().await, before, "what is so already changes nothing");
    let newer = set(json!({"token": "hunter3"})).await.expect(200);
    assert_eq!((&newer["config"], &newer["revision"]), (&after["config"], &json!(4)));
    // Neither the log nor the audit log nor the table tells.
    let log = app.log().await;
    assert!(log.iter().all(|entry| !entry.payload.contains("hunter")));
    let audit = ada.get(&format!("/guilds/{guild}/audit-log")).await.text;
    assert!(audit.contains("installation_update") && !audit.contains("hunter"));
    let told = "select count(*) from installations where config like '%hunter%' or config not like '%sealed%'";
    assert_eq!(count(&app, told, &[]).await, 0);
    let installed = app.app.plugins.installed.of(&app.app.db, GuildId(number(&guild))).await.unwrap();
    let secret = installed[0].config.secret(&app.app.plugins.vault, &installed[0].purpose(), "token");
    assert_eq!(secret.unwrap().as_deref(), Some("hunter3"));
    let stale = ada.with_header("if-match", "\"1\"").patch(&path(&made), json!({"enabled": false})).await;
    assert_eq!(stale.headers["etag"], "\"4\"");
    stale.problem(412, "STALE_VERSION");
});

story!(a_plugin_is_given_the_channels_that_its_admin_chooses, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let (_, elsewhere) = bob.guild("Elsewhere").await;
    let secret = ada.make_channel(&guild, json!({"name": "secret", "kind": "text"})).await;
    ada.except_everyone(&secret, &guild, &[], &["VIEW_CHANNEL"]).await;
    bob.join(&guild).await;
    promote(&ada, &guild, &bob, &["MANAGE_PLUGINS"]).await;
    let asked = |channels: Value| json!({"guild_id": guild, "channels": channels});
    let greeter = "/marketplace/tests.greeter";
    let before = app.log_position().await;
    let wrong = bob.post(greeter, asked(json!([general, secret, elsewhere, "1"]))).await.faults();
    assert_eq!(wrong, ["/channels/1", "/channels/2", "/channels/3"], "he doesn't see them himself");
    assert_eq!(ada.post("/marketplace/tests.keeper", asked(json!([general]))).await.faults(), ["/channels"]);
    assert_eq!(app.log_position().await, before);

    let made = ada.post(greeter, asked(json!([secret, general, general]))).await.expect(201);

    let both = json!([general, secret]);
    assert_eq!(made["channels"], both, "each once");
    let before = app.log_position().await;
    assert_eq!(ada.post(greeter, asked(both)).await.expect(200), made);
    ada.post(greeter, asked(json!([general]))).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(ada.patch(&path(&made), json!({"channels": [elsewhere]})).await.faults(), ["/channels/0"]);
    assert_eq!(app.log_position().await, before);
    let fewer = ada.patch(&path(&made), json!({"channels": [general]})).await.expect(200);
    assert_eq!((&fewer["channels"], &fewer["revision"]), (&json!([general]), &json!(2)));
    let installed = app.app.plugins.installed.of(&app.app.db, GuildId(number(&guild))).await.unwrap();
    let (general, secret) = (ChannelId(number(&general)), ChannelId(number(&secret)));
    let given = |channel, parent| installed[0].is_given(channel, parent);
    assert!(given(general, None) && given(ChannelId(1), Some(general)));
    assert!(!given(secret, None) && !given(ChannelId(1), Some(secret)) && !given(ChannelId(1), None));
    let all = ada.patch(&path(&made), json!({"channels": null})).await.expect(200);
    assert_eq!(all["channels"], Value::Null);
});

story!(filters_run_in_the_order_that_admins_give_them, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let greeter = install(&ada, &guild, "tests.greeter").await;
    install(&ada, &guild, "tests.keeper").await;
    let set = json!({"guild_id": guild, "config": {"address": "here"}});
    let strict = ada.post("/marketplace/tests.strict", set).await.expect(201);
    let named = |names: [&str; 3]| (0..).zip(names).map(|(at, name)| (format!("tests.{name}"), at)).collect::<Vec<_>>();
    assert_eq!(order(&ada, &guild).await, named(["greeter", "keeper", "strict"]));
    let mut ears = Socket::connect(&ada).await;

    assert_eq!(ada.patch(&path(&strict), json!({"position": 0})).await.expect(200)["position"], 0);

    assert_eq!(order(&ada, &guild).await, named(["strict", "greeter", "keeper"]));
    for moved in ["tests.greeter", "tests.keeper", "tests.strict"] {
        assert_eq!(ears.event("installation_updated").await["plugin"], moved, "all that moved are told of");
    }
    ada.patch(&path(&strict), json!({"position": 1})).await.expect(200);
    assert_eq!(order(&ada, &guild).await, named(["greeter", "strict", "keeper"]));
    let before = app.log_position().await;
    for wrong in [-1, 3] {
        assert_eq!(ada.patch(&path(&strict), json!({ "position": wrong })).await.faults(), ["/position"]);
    }
    ada.patch(&path(&strict), json!({"position": 1})).await.expect(200);
    assert_eq!(app.log_position().await, before);
    ada.delete(&path(&greeter)).await.expect(204);
    ada.patch(&path(&strict), json!({"position": 1})).await.expect(200);
    assert_eq!(order(&ada, &guild).await, [("tests.keeper".into(), 0), ("tests.strict".into(), 1)]);
});

story!(a_plugin_is_switched_off_by_admins_and_by_the_server, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let made = install(&ada, &guild, "tests.greeter").await;
    let (guild_id, installation) = (GuildId(number(&guild)), InstallationId(number(&id(&made))));
    let quarantine = || guildhall::plugins::changing::quarantine(&app.app, guild_id, installation, "Too slow".into());
    let state = async || app.app.plugins.installed.of(&app.app.db, guild_id).await.unwrap()[0].state.as_str();
    let mut ears = Socket::connect(&ada).await;

    assert_eq!(ada.patch(&path(&made), json!({"enabled": false})).await.expect(200)["state"], "disabled");
    assert_eq!(
        (ears.event("installation_updated").await["state"].as_str(), state().await),
        (Some("disabled"), "disabled")
    );
    let before = app.log_position().await;
    quarantine().await.unwrap();
    ada.patch(&path(&made), json!({"enabled": false})).await.expect(200);
    assert_eq!(app.log_position().await, before, "what is off stays off");

    assert_eq!(ada.patch(&path(&made), json!({"enabled": true})).await.expect(200)["state"], "enabled");
    quarantine().await.unwrap();
    assert_eq!(ears.event("installation_updated").await["state"], "enabled");
    let told = ears.event("installation_updated").await;
    assert_eq!((&told["state"], &told["state_reason"]), (&json!("quarantined"), &json!("Too slow")));
    assert_eq!(state().await, "quarantined");
    let audit = ada.get(&format!("/guilds/{guild}/audit-log")).await.expect(200);
    assert_eq!((&audit["items"][0]["actor_kind"], &audit["items"][0]["actor_id"]), (&json!("system"), &Value::Null));
    let again = ada.patch(&path(&made), json!({"enabled": true})).await.expect(200);
    assert_eq!((&again["state"], &again["state_reason"]), (&json!("enabled"), &json!("")));
});

story!(bots_of_plugins_belong_to_nobody, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let made = install(&ada, &guild, "tests.greeter").await;
    let bot = made["bot_id"].as_str().unwrap();
    let before = app.log_position().await;
    assert_eq!(ada.get("/users/@me/bots").await.expect(200)["items"], json!([]));
    ada.delete(&format!("/users/@me/bots/{bot}")).await.problem(404, "NOT_FOUND");
    ada.post(&format!("/users/@me/bots/{bot}/token"), json!({})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
    let tokens = "select count(*) from bot_tokens where bot_id = $1";
    assert_eq!(count(&app, tokens, &[&number(bot)]).await, 0);
    // A moderator may show it out all the same; it can be removed even then.
    ada.delete(&format!("/guilds/{guild}/members/{bot}")).await.expect(204);
    ada.delete(&path(&made)).await.expect(204);
    assert_eq!(rows(&app, &guild, "member_left").await.len(), 1);
});

story!(what_cannot_be_read_any_more_is_no_reason_to_fall_over, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let made = install(&ada, &guild, "tests.greeter").await;
    // As if the server came without it from now on.
    tamper(&app, "update installations set plugin = 'tests.gone' where id = $1", &[&number(&id(&made))]).await;
    assert_eq!(ada.get(&path(&made)).await.expect(200)["plugin"], "tests.gone");
    assert_eq!(ada.patch(&path(&made), json!({"config": {}})).await.faults(), ["/config"]);
    assert_eq!(ada.patch(&path(&made), json!({"permissions": ["members"]})).await.faults(), ["/permissions/0"]);
    ada.patch(&path(&made), json!({"permissions": [], "enabled": false})).await.expect(200);
    ada.delete(&path(&made)).await.expect(204);
});
