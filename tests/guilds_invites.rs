//! Invitations: who makes them, who accepts them, and how they end.

use std::time::Duration;

use crate::guilds_cast::{actions, count, id, number, promote};
use crate::story;
use crate::support::{TestApp, User, Value, json};

async fn closed_guild(owner: &User) -> (String, String) {
    let guild = owner.post("/guilds", json!({"name": "Closed", "description": "By invitation"})).await.expect(201);
    (id(&guild), guild["system_channel_id"].as_str().unwrap().to_owned())
}

async fn invite(user: &User, guild: &str, new: Value) -> String {
    let made = user.post(&format!("/guilds/{guild}/invites"), new).await.expect(201);
    made["code"].as_str().unwrap().to_owned()
}

async fn accept(user: &User, code: &str) -> crate::support::Answer {
    user.post(&format!("/invites/{code}"), json!({})).await
}

fn after(app: &TestApp, seconds: u64) -> String {
    app.app.now().after(Duration::from_secs(seconds)).to_string()
}

story!(an_invitation_leads_into_a_closed_guild, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, channel) = closed_guild(&ada).await;
    let code = invite(&ada, &guild, json!({"channel_id": channel, "max_uses": 5})).await;
    assert_eq!(code.len(), 10);

    let seen = app.nobody().get(&format!("/invites/{code}")).await.expect(200);
    assert_eq!(
        seen["guild"],
        json!({"id": guild, "name": "Closed", "description": "By invitation",
        "icon_file_id": null, "member_count": 1})
    );
    let accepted = accept(&bob, &code).await.expect(201);

    assert_eq!((&accepted["guild"]["id"], &accepted["channel_id"]), (&json!(guild), &json!(channel)));
    assert_eq!(accepted["member"]["user"]["id"], bob.id);
    bob.say(&channel, "Hello").await;
    let listed = ada.get(&format!("/guilds/{guild}/invites")).await.expect(200);
    assert_eq!((&listed["items"][0]["uses"], &listed["items"][0]["max_uses"]), (&json!(1), &json!(5)));
    let before = app.log_position().await;
    accept(&bob, &code).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(app.log_position().await, before);
    // Whoever was refused has used nothing.
    let listed = ada.get(&format!("/guilds/{guild}/invites")).await.expect(200);
    assert_eq!(listed["items"][0]["uses"], 1);
    app.nobody().post(&format!("/invites/{code}"), json!({})).await.problem(401, "UNAUTHENTICATED");
});

story!(an_invitation_for_three_lets_three_in_however_many_come_at_once, |app| {
    let [ada] = app.users(["ada"]).await;
    let (guild, _) = closed_guild(&ada).await;
    let code = invite(&ada, &guild, json!({"max_uses": 3})).await;
    let crowd = app.users(["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11"]).await;

    let attempts = crowd.iter().map(|user| accept(user, &code));
    let answers = futures_util::future::join_all(attempts).await;

    let statuses = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((statuses(201), statuses(404)), (3, 9));
    let sql = "select count(*) from members where guild_id = $1";
    assert_eq!(count(&app, sql, &[&number(&guild)]).await, 4);
    let sql = "select uses from invites where code = $1";
    assert_eq!(count(&app, sql, &[&code]).await, 3);
    app.nobody().get(&format!("/invites/{code}")).await.problem(404, "NOT_FOUND");
    assert_eq!(ada.get(&format!("/guilds/{guild}/invites")).await.expect(200)["items"], json!([]));
});

story!(invitations_end_by_the_clock, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, _) = closed_guild(&ada).await;
    let by_age = invite(&ada, &guild, json!({"max_age_seconds": 60})).await;
    let by_date = invite(&ada, &guild, json!({"expires_at": after(&app, 120)})).await;
    app.advance(Duration::from_secs(61));
    let before = app.log_position().await;
    accept(&bob, &by_age).await.problem(404, "NOT_FOUND");
    ada.delete(&format!("/invites/{by_age}")).await.problem(404, "NOT_FOUND");
    app.nobody().get(&format!("/invites/{by_age}")).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
    guildhall::guilds::sweep(&app.app).await.expect("a sweep");
    assert_eq!(count(&app, "select count(*) from invites", &[]).await, 1);
    accept(&bob, &by_date).await.expect(201);
});

story!(invitations_are_made_listed_and_withdrawn_by_whoever_may, |app| {
    let [ada, bob, cy, eve] = app.users(["ada", "bob", "cy", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let (_, elsewhere) = eve.guild("Elsewhere").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let invites = format!("/guilds/{guild}/invites");
    let his = invite(&bob, &guild, json!({})).await;
    let hers = invite(&ada, &guild, json!({"max_uses": 1})).await;
    let codes = |answer: Value| -> Vec<String> {
        let items = answer["items"].as_array().unwrap().iter();
        items.map(|invite| invite["code"].as_str().unwrap().to_owned()).collect()
    };
    let before = app.log_position().await;
    eve.post(&invites, json!({})).await.problem(404, "NOT_FOUND");
    eve.get(&invites).await.problem(404, "NOT_FOUND");
    bob.post(&invites, json!({"channel_id": elsewhere})).await.problem(404, "NOT_FOUND");
    let wrong = json!({"max_uses": 0, "max_age_seconds": 60, "expires_at": after(&app, 60), "for": "eve"});
    assert_eq!(bob.post(&invites, wrong).await.faults(), ["/for", "/max_age_seconds", "/max_uses"]);
    let past = json!({"expires_at": "2025-01-01T00:00:00Z"});
    assert_eq!(bob.post(&invites, past).await.faults(), ["/expires_at"]);
    eve.delete(&format!("/invites/{his}")).await.problem(404, "NOT_FOUND");
    cy.delete(&format!("/invites/{his}")).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);

    assert_eq!(codes(bob.get(&invites).await.expect(200)), vec![his.clone()]);
    assert_eq!(codes(ada.get(&invites).await.expect(200)).len(), 2);
    bob.delete(&format!("/invites/{his}")).await.expect(204);
    accept(&eve, &his).await.problem(404, "NOT_FOUND");
    promote(&ada, &guild, &cy, &["MANAGE_GUILD"]).await;
    cy.delete(&format!("/invites/{hers}")).await.expect(204);
    assert_eq!(actions(&ada, &guild).await[0], "invite_delete");
    let everyone = format!("/guilds/{guild}/roles/{guild}");
    ada.patch(&everyone, json!({"permissions": ["VIEW_CHANNEL"]})).await.expect(200);
    bob.post(&invites, json!({})).await.problem(403, "MISSING_PERMISSION");
    bob.get(&invites).await.problem(403, "MISSING_PERMISSION");
});

story!(the_banned_stay_outside_and_the_blocked_may_come, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = closed_guild(&ada).await;
    let code = invite(&ada, &guild, json!({})).await;
    ada.post(&format!("/guilds/{guild}/bans"), json!({"user_id": bob.id})).await.expect(201);
    let before = app.log_position().await;
    accept(&bob, &code).await.problem(403, "BANNED");
    assert_eq!(app.log_position().await, before);
    let sql = "insert into blocks (user_id, target_id, created_at) values ($1, $2, 0)";
    crate::guilds_cast::tamper(&app, sql, &[&number(&ada.id), &number(&cy.id)]).await;
    accept(&cy, &code).await.expect(201);
});

story!(a_link_leads_a_browser_to_the_page_of_the_invitation, |app| {
    let [ada] = app.users(["ada"]).await;
    let (guild, _) = closed_guild(&ada).await;
    let code = invite(&ada, &guild, json!({})).await;
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let open = |path: String| browser.get(format!("{}{path}", app.url)).send();
    let answer = open(format!("/i/{code}")).await.unwrap();
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["location"], format!("/app/#/invite/{code}"));
    for wrong in ["/i/short", "/i/..%2F..%2Fevil", "/i/a%0d%0ab%3Axxxx"] {
        assert_eq!(open(wrong.to_owned()).await.unwrap().status(), 404, "{wrong}");
    }
});
