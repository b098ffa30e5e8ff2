//! A guild's settings, its owner, its end, and how it is found.

use std::time::Duration;

use crate::guilds_cast::{actions, count, give, id, number, promote, role, rows};
use crate::story;
use crate::support::{Socket, json};

story!(settings_change_for_all_and_tell_who_based_a_change_on_an_old_version, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;
    let settings = format!("/guilds/{guild}/settings");
    assert_eq!(ada.get(&settings).await.headers["etag"], "\"1\"");

    let wanted = json!({"name": "Difference", "description": "Of engines", "public": false, "default_locale": "tr",
        "system_channel_id": null, "verification": "email"});
    let answer = ada.with_header("if-match", "\"1\"").put(&settings, wanted.clone()).await;

    assert_eq!(answer.headers["etag"], "\"2\"");
    let changed = answer.expect(200);
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&changed[key], value, "{key}");
    }
    assert_eq!(changed["version"], 2);
    assert_eq!(ears.event("guild_updated").await, changed);
    let before = app.log_position().await;
    let stale = ada.with_header("if-match", "\"1\"").put(&settings, json!({"name": "Late"})).await;
    assert_eq!(stale.headers["etag"], "\"2\"");
    stale.problem(412, "STALE_VERSION");
    // The same again is no change.
    assert_eq!(ada.put(&settings, wanted).await.expect(200), changed);
    assert_eq!(app.log_position().await, before);
    let entry = ada.get(&format!("/guilds/{guild}/audit-log?action=guild_update")).await.expect(200);
    assert_eq!(entry["items"].as_array().unwrap().len(), 1);
    assert!(
        entry["items"][0]["changes"]
            .as_array()
            .unwrap()
            .contains(&json!({"key": "name", "old": "Engines", "new": "Difference"}))
    );
    let back = ada.put(&settings, json!({"system_channel_id": general})).await.expect(200);
    assert_eq!(back["system_channel_id"], general);
});

story!(settings_are_for_those_who_manage_the_guild, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let (other, elsewhere) = eve.guild("Elsewhere").await;
    bob.join(&guild).await;
    let settings = format!("/guilds/{guild}/settings");
    let before = app.log_position().await;

    app.nobody().put(&settings, json!({"name": "Mine"})).await.problem(401, "UNAUTHENTICATED");
    eve.put(&settings, json!({"name": "Mine"})).await.problem(404, "NOT_FOUND");
    bob.put(&settings, json!({"name": "Mine"})).await.problem(403, "MISSING_PERMISSION");
    ada.put(&settings, json!({"system_channel_id": elsewhere})).await.problem(404, "NOT_FOUND");
    ada.put(&format!("/guilds/{other}/settings"), json!({"name": "Mine"})).await.problem(404, "NOT_FOUND");
    let wrong = json!({"name": " ", "default_locale": "xx", "verification": "blood", "color": 1, "public": "yes"});
    let faults = ada.put(&settings, wrong).await.faults();
    assert_eq!(faults, ["/color", "/default_locale", "/name", "/public", "/verification"]);

    assert_eq!(app.log_position().await, before);
    promote(&ada, &guild, &bob, &["MANAGE_GUILD"]).await;
    bob.put(&settings, json!({"name": "Ours"})).await.expect(200);
});

story!(public_guilds_are_found_page_by_page_the_largest_first, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (engines, _) = ada.guild("Engines 100%").await;
    let (looms, _) = ada.guild("Looms").await;
    let (cards, _) = ada.guild("Cards_and_engines").await;
    let hidden = id(&ada.post("/guilds", json!({"name": "Engines, hidden"})).await.expect(201));
    bob.join(&looms).await;
    let found =
        |answer: serde_json::Value| -> Vec<String> { answer["items"].as_array().unwrap().iter().map(id).collect() };

    let all = bob.get("/guilds?discover=true").await.expect(200);
    assert_eq!(found(all), [looms.clone(), cards.clone(), engines.clone()]);
    let page = bob.get("/guilds?discover=true&limit=2").await.expect(200);
    assert_eq!(page["has_more"], true);
    let next = bob.get(&format!("/guilds?discover=true&limit=2&before={cards}")).await.expect(200);
    assert_eq!((next["has_more"].clone(), found(next)), (json!(false), vec![engines.clone()]));
    assert_eq!(found(bob.get("/guilds?discover=true&q=ENGINES").await.expect(200)), [cards.clone(), engines.clone()]);
    assert_eq!(found(bob.get("/guilds?discover=true&q=%25").await.expect(200)), vec![engines.clone()]);
    assert_eq!(found(bob.get("/guilds?discover=true&q=s_a").await.expect(200)), [cards]);

    assert_eq!(found(bob.get("/guilds").await.expect(200)), [looms]);
    bob.get("/guilds?q=x").await.problem(400, "INVALID_QUERY");
    bob.get("/guilds?discover=true&limit=101").await.problem(400, "INVALID_QUERY");
    bob.get(&format!("/guilds?discover=true&before={hidden}")).await.problem(404, "NOT_FOUND");
    bob.get(&format!("/guilds/{engines}")).await.expect(200);
    bob.get(&format!("/guilds/{hidden}")).await.problem(404, "NOT_FOUND");
});

story!(a_guild_is_given_to_a_member_who_is_a_person, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let helper = crate::guilds_cast::bot(&app, &ada, "helper").await;
    ada.put(&format!("/guilds/{guild}/members/{}", helper.id), json!({})).await.expect(201);
    promote(&ada, &guild, &bob, &["ADMINISTRATOR"]).await;
    let transfer = format!("/guilds/{guild}/transfer");
    let before = app.log_position().await;
    eve.post(&transfer, json!({"user_id": eve.id})).await.problem(404, "NOT_FOUND");
    bob.post(&transfer, json!({"user_id": bob.id})).await.problem(403, "FORBIDDEN");
    ada.post(&transfer, json!({"user_id": eve.id})).await.problem(404, "NOT_FOUND");
    ada.post(&transfer, json!({"user_id": helper.id})).await.problem(403, "BOTS_FORBIDDEN");
    ada.post(&transfer, json!({"user_id": ada.id})).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(app.log_position().await, before);

    let given = ada.post(&transfer, json!({"user_id": bob.id})).await.expect(200);

    assert_eq!(given["owner_id"], bob.id);
    ada.put(&format!("/guilds/{guild}/settings"), json!({"name": "Mine"})).await.problem(403, "MISSING_PERMISSION");
    ada.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
    assert_eq!(actions(&bob, &guild).await[..2], ["member_leave", "guild_transfer"]);
});

story!(nobody_gets_more_guilds_than_allowed_by_being_given_one, |config| { config.limits.guilds_owned = 1 }, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, _) = ada.guild("Engines").await;
    bob.guild("Looms").await;
    bob.join(&guild).await;
    ada.post(&format!("/guilds/{guild}/transfer"), json!({"user_id": bob.id})).await.problem(409, "LIMIT_REACHED");
});

story!(a_deleted_guild_is_gone_with_everything_in_it, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    promote(&ada, &guild, &bob, &["ADMINISTRATOR"]).await;
    let message = id(&ada.say(&general, "Goodbye").await);
    let invite = ada.post(&format!("/guilds/{guild}/invites"), json!({})).await.expect(201);
    let code = invite["code"].as_str().unwrap();
    let mut ears = Socket::connect(&bob).await;
    let before = app.log_position().await;
    bob.delete(&format!("/guilds/{guild}")).await.problem(403, "FORBIDDEN");
    assert_eq!(app.log_position().await, before);

    ada.delete(&format!("/guilds/{guild}")).await.expect(204);

    assert_eq!(ears.event("guild_deleted").await, json!({"id": guild}));
    for path in [
        format!("/guilds/{guild}"),
        format!("/guilds/{guild}/settings"),
        format!("/guilds/{guild}/members"),
        format!("/guilds/{guild}/audit-log"),
        format!("/channels/{general}/messages"),
        format!("/messages/{message}"),
        format!("/invites/{code}"),
    ] {
        ada.get(&path).await.problem(404, "NOT_FOUND");
    }
    ada.post(&format!("/channels/{general}/messages"), json!({"content": "Still?"})).await.problem(404, "NOT_FOUND");
    bob.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.problem(404, "NOT_FOUND");
    assert_eq!(ada.get("/guilds").await.expect(200)["items"], json!([]));
    ada.delete(&format!("/guilds/{guild}")).await.problem(404, "NOT_FOUND");
});

story!(the_rows_of_a_deleted_guild_go_later_and_those_of_others_stay, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let (kept, general_kept) = ada.guild("Looms").await;
    for guild in [&guild, &kept] {
        bob.join(guild).await;
        let role = role(&ada, guild, "weavers", &[]).await;
        give(&ada, guild, &bob, &role).await;
        ada.post(&format!("/guilds/{guild}/invites"), json!({})).await.expect(201);
    }
    for channel in [&general, &general_kept] {
        bob.say(channel, "I was here").await;
    }
    ada.delete(&format!("/guilds/{guild}")).await.expect(204);

    guildhall::guilds::sweep(&app.app).await.expect("a sweep");

    let (gone, there) = (number(&guild), number(&kept));
    for (sql, left) in [
        ("select count(*) from guilds where id = $1", 1),
        ("select count(*) from channels where guild_id = $1", 1),
        ("select count(*) from members where guild_id = $1", 2),
        ("select count(*) from member_roles where guild_id = $1", 1),
        ("select count(*) from roles where guild_id = $1", 2),
        ("select count(*) from invites where guild_id = $1", 1),
    ] {
        assert_eq!(count(&app, sql, &[&gone]).await, 0, "{sql}");
        assert_eq!(count(&app, sql, &[&there]).await, left, "{sql}");
    }
    let messages = "select count(*) from messages where channel_id = $1";
    assert_eq!(count(&app, messages, &[&number(&general)]).await, 0);
    assert!(count(&app, messages, &[&number(&general_kept)]).await >= 1);
    // What it was about stays to be accounted for, as long as audit logs are kept.
    let entries = "select count(*) from audit_entries where guild_id = $1";
    assert!(count(&app, entries, &[&gone]).await > 0);
    app.advance(Duration::from_secs(401 * 24 * 3600));
    guildhall::guilds::sweep(&app.app).await.expect("a sweep");
    assert_eq!(count(&app, entries, &[&gone]).await, 1);
    assert_eq!(rows(&app, &guild, "guild_deleted").await, [json!({"id": guild})]);
});
