//! Roles: making, changing, ordering and deleting them, and who stands above whom.

use crate::guilds_cast::{actions, give, id, number, promote, role, role_on_top, rows, tamper};
use crate::story;
use crate::support::{Socket, User, Value, json};

/// Names of a guild's roles, the highest first.
async fn order(user: &User, guild: &str) -> Vec<(String, i64)> {
    let roles = user.get(&format!("/guilds/{guild}/roles")).await.expect(200);
    let items = roles["items"].as_array().unwrap().iter();
    items.map(|role| (role["name"].as_str().unwrap().to_owned(), role["position"].as_i64().unwrap())).collect()
}

fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(name, position)| ((*name).to_owned(), *position)).collect()
}

story!(a_role_is_made_with_names_and_shown_with_both, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;
    let new = json!({"name": "weavers", "permissions": ["KICK_MEMBERS", "BAN_MEMBERS"], "color": 0x123456,
        "hoist": true, "mentionable": true});

    let made = ada.post(&format!("/guilds/{guild}/roles"), new.clone()).await.expect(201);

    assert_eq!(made["permissions"], ((1_i64 << 23) | (1 << 24)).to_string());
    assert_eq!(made["permission_names"], json!(["KICK_MEMBERS", "BAN_MEMBERS"]));
    assert_eq!((&made["position"], &made["color"], &made["version"]), (&json!(1), &json!(0x123456), &json!(1)));
    assert_eq!(ears.event("role_created").await, made);
    let listed = bob.get(&format!("/roles?guild_id={guild}")).await.expect(200);
    assert_eq!(listed["items"][0], made);
    assert_eq!(listed["items"][1]["id"], guild);
    let mut with_guild = new;
    with_guild["guild_id"] = json!(guild);
    ada.post("/roles", with_guild).await.expect(201);
    assert_eq!(order(&bob, &guild).await, pairs(&[("weavers", 2), ("weavers", 1), ("@everyone", 0)]));
    // The one that was moved up is told of, too.
    assert_eq!(ears.event("role_updated").await["position"], 2);

    let before = app.log_position().await;
    let wrong = json!({"name": "", "permissions": ["FLY"], "color": -1, "power": 3});
    let faults = ada.post(&format!("/guilds/{guild}/roles"), wrong).await.faults();
    assert_eq!(faults, ["/color", "/name", "/permissions", "/power"]);
    let number = json!({"name": "x", "permissions": "8"});
    assert_eq!(ada.post(&format!("/guilds/{guild}/roles"), number).await.faults(), ["/permissions"]);
    assert_eq!(ada.post("/roles", json!({"name": "x"})).await.faults(), ["/guild_id"]);
    ada.get("/roles").await.problem(400, "INVALID_QUERY");
    assert_eq!(app.log_position().await, before);
});

story!(hierarchy_holds_for_every_change_of_a_role, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let (elsewhere, _) = eve.guild("Elsewhere").await;
    bob.join(&guild).await;
    let low = role(&ada, &guild, "low", &[]).await;
    let own = promote(&ada, &guild, &bob, &["MANAGE_ROLES", "KICK_MEMBERS"]).await;
    let high = role_on_top(&ada, &guild, "high", &[]).await;
    let foreign = role(&eve, &elsewhere, "foreign", &[]).await;
    let at = |role: &str| format!("/guilds/{guild}/roles/{role}");
    let before = app.log_position().await;

    for role in [&own, &high] {
        bob.patch(&at(role), json!({"name": "mine"})).await.problem(403, "ROLE_TOO_HIGH");
        bob.delete(&at(role)).await.problem(403, "ROLE_TOO_HIGH");
    }
    bob.patch(&at(&low), json!({"permissions": ["BAN_MEMBERS"]})).await.problem(403, "MISSING_PERMISSION");
    bob.patch(&at(&low), json!({"permissions": ["ADMINISTRATOR"]})).await.problem(403, "MISSING_PERMISSION");
    bob.patch(&at(&low), json!({"position": 2})).await.problem(403, "ROLE_TOO_HIGH");
    bob.patch(&at(&guild), json!({"permissions": ["MANAGE_GUILD"]})).await.problem(403, "MISSING_PERMISSION");
    let admins = json!({"name": "x", "permissions": ["ADMINISTRATOR"]});
    bob.post(&format!("/guilds/{guild}/roles"), admins).await.problem(403, "MISSING_PERMISSION");
    for role in [&foreign, &"1".to_owned()] {
        ada.patch(&at(role), json!({"name": "x"})).await.problem(404, "NOT_FOUND");
        ada.delete(&at(role)).await.problem(404, "NOT_FOUND");
    }
    eve.patch(&at(&low), json!({"name": "x"})).await.problem(404, "NOT_FOUND");
    eve.post("/roles", json!({"name": "x", "guild_id": guild})).await.problem(404, "NOT_FOUND");
    ada.delete(&at(&guild)).await.problem(403, "FORBIDDEN");
    let faults = ada.patch(&at(&guild), json!({"name": "all", "position": 1})).await.faults();
    assert_eq!(faults, ["/name", "/position"]);
    assert_eq!(app.log_position().await, before);

    bob.patch(&at(&low), json!({"permissions": ["KICK_MEMBERS"], "name": "lower"})).await.expect(200);
    bob.patch(&at(&guild), json!({"permissions": ["VIEW_CHANNEL", "KICK_MEMBERS"]})).await.expect(200);
    let made = bob.post(&format!("/guilds/{guild}/roles"), json!({"name": "new"})).await.expect(201);
    bob.delete(&at(&id(&made))).await.expect(204);
    assert_eq!(actions(&ada, &guild).await[..4], ["role_delete", "role_create", "role_update", "role_update"]);
});

story!(whoever_manages_roles_without_having_one_stands_above_nobody, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let everyone = format!("/guilds/{guild}/roles/{guild}");
    ada.patch(&everyone, json!({"permissions": ["VIEW_CHANNEL", "MANAGE_ROLES"]})).await.expect(200);
    let before = app.log_position().await;
    bob.post(&format!("/guilds/{guild}/roles"), json!({"name": "mine"})).await.problem(403, "ROLE_TOO_HIGH");
    bob.patch(&everyone, json!({"permissions": []})).await.problem(403, "ROLE_TOO_HIGH");
    assert_eq!(app.log_position().await, before);
});

story!(the_order_of_roles_stays_whole_however_they_are_moved, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(role(&ada, &guild, name, &["MANAGE_ROLES"]).await);
    }
    let [a, b, c, d] = &ids[..] else { unreachable!("four roles") };
    let at = |role: &str| format!("/guilds/{guild}/roles/{role}");
    assert_eq!(order(&ada, &guild).await, pairs(&[("a", 4), ("b", 3), ("c", 2), ("d", 1), ("@everyone", 0)]));
    let mut ears = Socket::connect(&bob).await;

    ada.patch(&at(d), json!({"position": 3})).await.expect(200);
    assert_eq!(order(&ada, &guild).await, pairs(&[("a", 4), ("d", 3), ("b", 2), ("c", 1), ("@everyone", 0)]));
    let mut told: Vec<(Value, Value)> = Vec::new();
    for _ in 0..3 {
        let event = ears.event("role_updated").await;
        told.push((event["id"].clone(), event["position"].clone()));
    }
    for expected in [(b, 2), (c, 1), (d, 3)] {
        assert!(told.contains(&(json!(expected.0), json!(expected.1))), "{expected:?} in {told:?}");
    }
    ada.patch(&at(a), json!({"position": 1})).await.expect(200);
    assert_eq!(order(&ada, &guild).await, pairs(&[("d", 4), ("b", 3), ("c", 2), ("a", 1), ("@everyone", 0)]));
    assert_eq!(ada.patch(&at(a), json!({"position": 5})).await.faults(), ["/position"]);
    assert_eq!(ada.patch(&at(a), json!({"position": 0})).await.faults(), ["/position"]);
    ada.delete(&at(b)).await.expect(204);
    give(&ada, &guild, &bob, d).await;
    // Below one's own highest role, everything goes.
    bob.patch(&at(a), json!({"position": 3})).await.expect(200);
    bob.patch(&at(a), json!({"position": 4})).await.problem(403, "ROLE_TOO_HIGH");
    let now: Vec<String> = order(&ada, &guild).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(now, ["d", "a", "c", "@everyone"]);
    let mut positions: Vec<i64> = order(&ada, &guild).await.into_iter().map(|(_, position)| position).collect();
    positions.dedup();
    assert_eq!(positions.len(), 4);
});

story!(roles_tell_who_based_a_change_on_an_old_version, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let role = role(&ada, &guild, "weavers", &[]).await;
    let at = format!("/guilds/{guild}/roles/{role}");
    let first = ada.with_header("if-match", "\"1\"");
    let answer = first.patch(&at, json!({"hoist": true})).await;
    assert_eq!(answer.headers["etag"], "\"2\"");
    let changed = answer.expect(200);
    let before = app.log_position().await;
    first.patch(&at, json!({"hoist": false})).await.problem(412, "STALE_VERSION");
    first.delete(&at).await.problem(412, "STALE_VERSION");
    assert_eq!(ada.patch(&at, json!({"hoist": true})).await.expect(200), changed);
    assert_eq!(app.log_position().await, before);
});

story!(a_deleted_role_goes_from_members_and_channels, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mute = role(&ada, &guild, "mute", &[]).await;
    give(&ada, &guild, &bob, &mute).await;
    let sql = "insert into overwrites (channel_id, target_id, kind, allow, deny) values ($1, $2, 'role', 0, $3)";
    tamper(&app, sql, &[&number(&general), &number(&mute), &4_i64]).await;
    ada.patch(&format!("/guilds/{guild}/roles/{mute}"), json!({"hoist": true})).await.expect(200);
    let messages = format!("/channels/{general}/messages");
    bob.post(&messages, json!({"content": "mm"})).await.problem(403, "MISSING_PERMISSION");
    let mut ears = Socket::connect(&bob).await;

    ada.delete(&format!("/guilds/{guild}/roles/{mute}")).await.expect(204);

    assert_eq!(ears.event("channel_updated").await["overwrites"], json!([]));
    assert_eq!(ears.event("role_deleted").await, json!({"id": mute, "guild_id": guild}));
    bob.say(&general, "Free").await;
    assert_eq!(bob.get(&format!("/guilds/{guild}/members/@me")).await.expect(200)["roles"], json!([]));
    assert_eq!(ada.get(&format!("/channels/{general}")).await.expect(200)["overwrites"], json!([]));
});

story!(a_role_that_belongs_to_a_bot_stays_with_it, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let role = role(&ada, &guild, "helper", &[]).await;
    tamper(&app, "update roles set managed_by = 7 where id = $1", &[&number(&role)]).await;
    let before = app.log_position().await;
    ada.delete(&format!("/guilds/{guild}/roles/{role}")).await.problem(403, "FORBIDDEN");
    let at = format!("/guilds/{guild}/members/{}/roles/{role}", bob.id);
    ada.put(&at, json!({})).await.problem(403, "FORBIDDEN");
    assert_eq!(app.log_position().await, before);
});

story!(a_guild_has_as_many_roles_as_allowed, |config| { config.limits.roles = 3 }, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    role(&ada, &guild, "one", &[]).await;
    role(&ada, &guild, "two", &[]).await;
    ada.post(&format!("/guilds/{guild}/roles"), json!({"name": "three"})).await.problem(409, "LIMIT_REACHED");
    assert_eq!(rows(&app, &guild, "role_created").await.len(), 2);
});
