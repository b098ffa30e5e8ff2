//! Members: how they come and go, what changes about them, and who may change it.

use std::time::Duration;

use guildhall::clock::Timestamp;

use crate::guilds_cast::{actions, again, bot, give, id, promote, role, role_on_top, rows};
use crate::story;
use crate::support::{Socket, TestApp, json};

fn in_days(app: &TestApp, days: u64) -> String {
    app.app.now().after(Duration::from_secs(days * 24 * 3600)).to_string()
}

story!(a_join_is_told_to_all_and_written_into_the_system_channel, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let mut ears = Socket::connect(&ada).await;

    let member = bob.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.expect(201);

    assert_eq!(ears.event("member_joined").await, member);
    assert_eq!(member["user"]["id"], bob.id);
    let message = ears.event("message_created").await;
    assert_eq!((&message["kind"], &message["author"]["username"]), (&json!("join"), &json!("bob")));
    let read = ada.get(&format!("/channels/{general}/messages")).await.expect(200);
    assert_eq!(read["items"][0], message);
    assert_eq!(bob.get(&format!("/guilds/{guild}")).await.expect(200)["member_count"], 2);
    let before = app.log_position().await;
    bob.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(app.log_position().await, before);

    ada.put(&format!("/guilds/{guild}/settings"), json!({"system_channel_id": null})).await.expect(200);
    bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
    assert_eq!(ears.event("member_left").await["user"]["id"], bob.id);
    bob.join(&guild).await;
    assert_eq!(rows(&app, &guild, "message_created").await.len(), 1);
    assert_eq!(rows(&app, &guild, "member_joined").await.len(), 2);
});

story!(closed_guilds_cannot_be_joined_or_seen, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let closed = id(&ada.post("/guilds", json!({"name": "Closed"})).await.expect(201));
    let before = app.log_position().await;
    bob.put(&format!("/guilds/{closed}/members/@me"), json!({})).await.problem(404, "NOT_FOUND");
    bob.get(&format!("/guilds/{closed}/members")).await.problem(404, "NOT_FOUND");
    bob.delete(&format!("/guilds/{closed}/members/@me")).await.problem(404, "NOT_FOUND");
    app.nobody().put(&format!("/guilds/{closed}/members/@me"), json!({})).await.problem(401, "UNAUTHENTICATED");
    // The owner is a member already, whatever the guild is.
    ada.put(&format!("/guilds/{closed}/members/@me"), json!({})).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(app.log_position().await, before);
});

story!(members_are_listed_in_pages_that_stay_where_they_are, |app| {
    let [ada, bob, cy, dee] = app.users(["ada", "bob", "cy", "dee"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&dee, &bob] {
        user.join(&guild).await;
    }
    bob.patch(&format!("/guilds/{guild}/members/@me"), json!({"nick": "Dr. B_"})).await.expect(200);
    let role = role(&ada, &guild, "weavers", &[]).await;
    give(&ada, &guild, &bob, &role).await;
    let names = |page: &serde_json::Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|member| member["user"]["username"].as_str().unwrap().to_owned()).collect()
    };
    let members = format!("/guilds/{guild}/members");

    let first = dee.get(&format!("{members}?limit=2")).await.expect(200);
    assert_eq!((names(&first), &first["has_more"]), (vec!["ada".into(), "bob".into()], &json!(true)));
    assert_eq!((&first["items"][1]["nick"], &first["items"][1]["roles"]), (&json!("Dr. B_"), &json!([role])));
    cy.join(&guild).await;
    let next = dee.get(&format!("{members}?limit=2&after={}", bob.id)).await.expect(200);
    assert_eq!((names(&next), &next["has_more"]), (vec!["cy".into(), "dee".into()], &json!(false)));
    assert_eq!(names(&dee.get(&format!("{members}?q=DR.%20b_")).await.expect(200)), ["bob"]);
    assert_eq!(names(&dee.get(&format!("{members}?q=d_")).await.expect(200)), [""; 0]);
    assert_eq!(dee.get(&format!("{members}/{}", bob.id)).await.expect(200), first["items"][1]);
    assert_eq!(dee.get(&format!("{members}/@me")).await.expect(200)["user"]["username"], "dee");
    dee.get(&format!("{members}?limit=0")).await.problem(400, "INVALID_QUERY");
    dee.get(&format!("{members}?after=x")).await.problem(400, "INVALID_QUERY");
    dee.get(&format!("{members}/1")).await.problem(404, "NOT_FOUND");
});

story!(nicknames_are_ones_own_or_of_those_below, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let at = |user: &crate::support::User| format!("/guilds/{guild}/members/{}", user.id);
    let mut ears = Socket::connect(&cy).await;

    let named = bob.patch(&at(&bob), json!({"nick": " Bobby "})).await.expect(200);

    assert_eq!(named["nick"], "Bobby");
    assert_eq!(ears.event("member_updated").await, named);
    let before = app.log_position().await;
    bob.patch(&at(&bob), json!({"nick": "Bobby"})).await.expect(200);
    bob.patch(&at(&bob), json!({})).await.expect(200);
    bob.patch(&at(&cy), json!({"nick": "C"})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(bob.patch(&at(&bob), json!({"nick": "x".repeat(33), "age": 3})).await.faults(), ["/age", "/nick"]);
    assert_eq!(app.log_position().await, before);
    promote(&ada, &guild, &bob, &["MANAGE_NICKNAMES"]).await;
    bob.patch(&at(&cy), json!({"nick": "C"})).await.expect(200);
    bob.patch(&at(&ada), json!({"nick": "A"})).await.problem(403, "OWNER_PROTECTED");
    promote(&ada, &guild, &cy, &[]).await;
    bob.patch(&at(&cy), json!({"nick": null})).await.problem(403, "ROLE_TOO_HIGH");
    assert_eq!(cy.patch(&at(&cy), json!({"nick": null})).await.expect(200)["nick"], json!(null));
    // Whoever may not change it may not, oneself included.
    let everyone = format!("/guilds/{guild}/roles/{guild}");
    ada.patch(&everyone, json!({"permissions": ["VIEW_CHANNEL"]})).await.expect(200);
    cy.patch(&at(&cy), json!({"nick": "me"})).await.problem(403, "MISSING_PERMISSION");
});

story!(roles_are_given_from_below_ones_own_and_with_no_more_than_one_may, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let (_, _) = cy.guild("Elsewhere").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let low = role(&ada, &guild, "low", &["SEND_MESSAGES"]).await;
    let strong = role(&ada, &guild, "strong", &["BAN_MEMBERS"]).await;
    let own = promote(&ada, &guild, &bob, &["MANAGE_ROLES"]).await;
    let high = role_on_top(&ada, &guild, "high", &[]).await;
    let at = |role: &str| format!("/guilds/{guild}/members/{}/roles/{role}", cy.id);
    let elsewhere = cy.get("/guilds").await.expect(200);
    let foreign = elsewhere["items"].as_array().unwrap().iter().map(id).find(|other| *other != guild).unwrap();
    let foreign = role(&cy, &foreign, "foreign", &[]).await;
    let before = app.log_position().await;

    cy.put(&at(&low), json!({})).await.problem(403, "MISSING_PERMISSION");
    bob.put(&at(&high), json!({})).await.problem(403, "ROLE_TOO_HIGH");
    bob.put(&at(&own), json!({})).await.problem(403, "ROLE_TOO_HIGH");
    bob.put(&at(&strong), json!({})).await.problem(403, "MISSING_PERMISSION");
    bob.put(&at(&foreign), json!({})).await.problem(404, "NOT_FOUND");
    bob.put(&at(&guild), json!({})).await.problem(403, "FORBIDDEN");
    bob.put(&format!("/guilds/{guild}/members/1/roles/{low}"), json!({})).await.problem(404, "NOT_FOUND");
    bob.put(&format!("/guilds/{guild}/members/{}/roles/{low}", ada.id), json!({}))
        .await
        .problem(403, "OWNER_PROTECTED");
    let cy_at = format!("/guilds/{guild}/members/{}", cy.id);
    bob.patch(&cy_at, json!({"roles": [low, foreign]})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);

    assert_eq!(bob.put(&at(&low), json!({})).await.expect(200)["roles"], json!([low]));
    let given = app.log_position().await;
    assert_eq!(bob.put(&at(&low), json!({})).await.expect(200)["roles"], json!([low]));
    assert_eq!(app.log_position().await, given);
    assert_eq!(bob.delete(&at(&low)).await.expect(200)["roles"], json!([]));
    let both = ada.patch(&cy_at, json!({"roles": [low, strong, low]})).await.expect(200);
    assert_eq!(both["roles"].as_array().unwrap().len(), 2);
    // What one couldn't give can stay as it is, and be taken.
    assert_eq!(bob.patch(&cy_at, json!({"roles": [strong]})).await.expect(200)["roles"], json!([strong]));
    assert_eq!(bob.delete(&at(&strong)).await.expect(200)["roles"], json!([]));
    ada.put(&at(&high), json!({})).await.expect(200);
    bob.delete(&at(&low)).await.problem(403, "ROLE_TOO_HIGH");
    assert_eq!(actions(&ada, &guild).await[0], "member_roles_update");
});

story!(a_role_works_at_once_and_no_longer_once_it_is_taken, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let settings = format!("/guilds/{guild}/settings");
    let role = promote(&ada, &guild, &bob, &["MANAGE_GUILD"]).await;
    bob.put(&settings, json!({"name": "Looms"})).await.expect(200);
    ada.delete(&format!("/guilds/{guild}/members/{}/roles/{role}", bob.id)).await.expect(200);
    bob.put(&settings, json!({"name": "Cards"})).await.problem(403, "MISSING_PERMISSION");
});

story!(a_member_timed_out_only_reads_until_it_ends_or_is_lifted, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    promote(&ada, &guild, &cy, &["TIMEOUT_MEMBERS"]).await;
    let at = format!("/guilds/{guild}/members/{}", bob.id);
    let messages = format!("/channels/{general}/messages");
    let until = in_days(&app, 2);
    let before = app.log_position().await;
    bob.patch(&at, json!({"timed_out_until": until})).await.problem(403, "MISSING_PERMISSION");
    for wrong in [in_days(&app, 29), "2025-01-01T00:00:00Z".to_owned()] {
        assert_eq!(cy.patch(&at, json!({"timed_out_until": wrong})).await.faults(), ["/timed_out_until"]);
    }
    assert_eq!(app.log_position().await, before);

    let member = cy.patch(&at, json!({"timed_out_until": until})).await.expect(200);

    assert_eq!(member["timed_out_until"], until);
    bob.post(&messages, json!({"content": "But"})).await.problem(403, "TIMED_OUT");
    bob.patch(&at, json!({"nick": "But"})).await.problem(403, "TIMED_OUT");
    bob.get(&messages).await.expect(200);
    // Coming again doesn't shorten it.
    bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
    bob.join(&guild).await;
    bob.post(&messages, json!({"content": "But"})).await.problem(403, "TIMED_OUT");
    cy.patch(&at, json!({"timed_out_until": null})).await.expect(200);
    bob.say(&general, "Thanks").await;
    cy.patch(&at, json!({"timed_out_until": until})).await.expect(200);
    bob.post(&messages, json!({"content": "But"})).await.problem(403, "TIMED_OUT");
    app.advance(Duration::from_secs(2 * 24 * 3600));
    let cy = again(&app, "cy").await;
    let bob = again(&app, "bob").await;
    bob.say(&general, "At last").await;
    assert_eq!(cy.patch(&at, json!({"timed_out_until": null})).await.expect(200)["nick"], json!(null));
    assert_eq!(actions(&again(&app, "ada").await, &guild).await[0], "member_timeout");
});

story!(owners_and_administrators_cannot_be_timed_out, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let admins = role(&ada, &guild, "admins", &["ADMINISTRATOR"]).await;
    give(&ada, &guild, &cy, &admins).await;
    promote(&ada, &guild, &bob, &["TIMEOUT_MEMBERS"]).await;
    let until = json!({"timed_out_until": in_days(&app, 1)});
    let at = |user: &crate::support::User| format!("/guilds/{guild}/members/{}", user.id);
    let before = app.log_position().await;
    bob.patch(&at(&ada), until.clone()).await.problem(403, "OWNER_PROTECTED");
    ada.patch(&at(&ada), until.clone()).await.problem(403, "OWNER_PROTECTED");
    bob.patch(&at(&cy), until.clone()).await.problem(403, "ROLE_TOO_HIGH");
    ada.patch(&at(&cy), until.clone()).await.problem(403, "ROLE_TOO_HIGH");
    bob.patch(&at(&bob), until).await.problem(403, "FORBIDDEN");
    assert_eq!(app.log_position().await, before);
});

story!(members_below_are_kicked_and_the_owner_stays, |app| {
    let [ada, bob, cy, dee] = app.users(["ada", "bob", "cy", "dee"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &cy, &dee] {
        user.join(&guild).await;
    }
    promote(&ada, &guild, &bob, &["KICK_MEMBERS"]).await;
    promote(&ada, &guild, &cy, &["KICK_MEMBERS"]).await;
    let at = |user: &crate::support::User| format!("/guilds/{guild}/members/{}", user.id);
    let mut ears = Socket::connect(&dee).await;
    let before = app.log_position().await;
    dee.delete(&at(&bob)).await.problem(403, "MISSING_PERMISSION");
    bob.delete(&at(&cy)).await.problem(403, "ROLE_TOO_HIGH");
    cy.delete(&at(&ada)).await.problem(403, "OWNER_PROTECTED");
    ada.delete(&at(&ada)).await.problem(403, "OWNER_PROTECTED");
    ada.delete(&format!("/guilds/{guild}/members/@me")).await.problem(403, "OWNER_PROTECTED");
    cy.delete(&format!("/guilds/{guild}/members/1")).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);

    cy.with_header("x-audit-log-reason", "noise").delete(&at(&dee)).await.expect(204);

    assert_eq!(ears.event("member_left").await["user"]["id"], dee.id);
    dee.get(&format!("/channels/{general}/messages")).await.problem(404, "NOT_FOUND");
    let log = ada.get(&format!("/guilds/{guild}/audit-log?action=member_kick")).await.expect(200);
    assert_eq!((&log["items"][0]["reason"], &log["items"][0]["target_id"]), (&json!("noise"), &json!(dee.id)));
    // Who comes back has lost every role.
    cy.delete(&at(&bob)).await.expect(204);
    bob.join(&guild).await;
    assert_eq!(bob.get(&at(&bob)).await.expect(200)["roles"], json!([]));
});

story!(a_bot_comes_with_its_owner, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let (helper, spy) = (bot(&app, &ada, "helper").await, bot(&app, &bob, "spy").await);
    let at = |user: &crate::support::User| format!("/guilds/{guild}/members/{}", user.id);
    let before = app.log_position().await;
    helper.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.problem(403, "BOTS_FORBIDDEN");
    bob.put(&at(&spy), json!({})).await.problem(403, "MISSING_PERMISSION");
    ada.put(&at(&spy), json!({})).await.problem(404, "NOT_FOUND");
    ada.put(&format!("/guilds/{guild}/members/{}", Timestamp(7).0), json!({})).await.problem(404, "NOT_FOUND");
    ada.put(&at(&bob), json!({})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);

    let member = ada.put(&at(&helper), json!({})).await.expect(201);

    assert_eq!(member["user"]["kind"], "bot");
    helper.say(&general, "beep").await;
    ada.put(&at(&helper), json!({})).await.problem(409, "ALREADY_EXISTS");
    let log = ada.get(&format!("/guilds/{guild}/audit-log?action=bot_add")).await.expect(200);
    assert_eq!((&log["items"][0]["actor_id"], &log["items"][0]["target_id"]), (&json!(ada.id), &json!(helper.id)));
});

story!(
    changes_to_a_guild_have_a_rate,
    |config| {
        config.limits.enabled = true;
        config.limits.changes = 12;
    },
    |app| {
        let ([ada], guild, _) = app.guild_of(["ada"]).await;
        let settings = format!("/guilds/{guild}/settings");
        for name in ["a", "b", "c"] {
            ada.put(&settings, json!({"name": name})).await.expect(200);
        }
        let before = app.log_position().await;
        let refused = ada.put(&settings, json!({"name": "d"})).await;
        assert!(refused.headers.contains_key("retry-after"));
        refused.problem(429, "RATE_LIMITED");
        assert_eq!(app.log_position().await, before);
    }
);
