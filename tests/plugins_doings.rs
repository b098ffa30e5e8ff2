//! What plugins do for those who ask them: badges on members, and polls from the question to the result.

use std::time::Duration;

use crate::guilds_cast::{promote, role, rows};
use crate::plugin_story;
use crate::plugins_events::until;
use crate::plugins_installing::path;
use crate::plugins_interactions::{press, serve, waiter};
use crate::support::{Socket, User, Value, id_of, json};

plugin_story!(badges_are_worn_until_one_goes, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let waiter = waiter(&ada, &guild).await;
    let him = format!("/guilds/{guild}/members/{}", bob.id);
    assert_eq!(ada.get(&him).await.expect(200).get("badges"), None);
    let mut ears = Socket::connect(&ada).await;

    bob.post("/interactions", serve(&waiter, &general, "praise")).await.expect(200);

    let granted = ears.event("badge_granted").await;
    assert_eq!((&granted["user_id"], &granted["badge"]), (&json!(bob.id), &json!("regular")));
    let regular = json!([{
        "installation_id": waiter["id"], "badge": "regular", "name": "Regular", "description": "Comes every day.",
    }]);
    assert_eq!(ada.get(&him).await.expect(200)["badges"], regular);
    let turkish = ada.with_header("accept-language", "tr").get(&him).await.expect(200);
    assert_eq!(turkish["badges"][0]["name"], "Müdavim");
    let page = ada.get(&format!("/guilds/{guild}/members")).await.expect(200);
    let worn: Vec<&Value> = page["items"].as_array().unwrap().iter().filter_map(|one| one.get("badges")).collect();
    assert_eq!(worn, [&regular], "nobody else has any");
    let asked = ears.request("request_members", json!({"guild_id": guild})).await.unwrap();
    let worn = asked["items"].as_array().unwrap().iter().filter(|one| one.get("badges").is_some()).count();
    assert_eq!(worn, 1);
    bob.post("/interactions", serve(&waiter, &general, "praise")).await.expect(200);
    bob.post("/interactions", serve(&waiter, &general, "blame")).await.expect(200);
    assert_eq!(ears.event("badge_revoked").await["user_id"], json!(bob.id));
    assert_eq!(rows(&app, &guild, "badge_granted").await.len(), 1, "what one has isn't given again");
    assert_eq!(ada.get(&him).await.expect(200).get("badges"), None);

    bob.post("/interactions", serve(&waiter, &general, "praise")).await.expect(200);
    bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
    bob.join(&guild).await;
    assert_eq!(ada.get(&him).await.expect(200).get("badges"), None);
    bob.post("/interactions", serve(&waiter, &general, "praise")).await.expect(200);
    ada.delete(&path(&waiter)).await.expect(204);
    assert_eq!(ada.get(&him).await.expect(200).get("badges"), None);
});

plugin_story!(a_plugin_does_nothing_for_people_that_they_may_not_do, |app| {
    let [ada, bob, cid, dan] = app.users(["ada", "bob", "cid", "dan"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &cid, &dan] {
        user.join(&guild).await;
    }
    let all = ["messages-write", "badges", "roles", "moderation"];
    let new = json!({"guild_id": guild, "permissions": all});
    let waiter = ada.post("/marketplace/tests.waiter", new).await.expect(201);
    let low = role(&ada, &guild, "low", &[]).await;
    let high = role(&ada, &guild, "high", &[]).await;
    let lead = promote(&ada, &guild, &cid, &["MANAGE_ROLES", "KICK_MEMBERS"]).await;
    // The plugin's bot stands above all of them.
    let bot_role = format!("/guilds/{guild}/roles/{}", waiter["role_id"].as_str().unwrap());
    let highest = ada.get(&format!("/guilds/{guild}/roles")).await.expect(200)["items"][0]["position"].clone();
    ada.patch(&bot_role, json!({"position": highest})).await.expect(200);
    let ask = |what: &str, whom: &User, to: &str| {
        let mut asked = serve(&waiter, &general, what);
        asked["args"] = json!({"what": what, "whom": whom.id, "to": to});
        asked
    };

    bob.post("/interactions", ask("promote", &bob, &low)).await.problem(403, "MISSING_PERMISSION");
    cid.post("/interactions", ask("promote", &bob, &lead)).await.problem(403, "FORBIDDEN");
    cid.post("/interactions", ask("promote", &ada, &low)).await.problem(403, "FORBIDDEN");
    cid.post("/interactions", ask("promote", &bob, &low)).await.expect(200);
    cid.post("/interactions", ask("demote", &bob, &low)).await.expect(200);
    cid.post("/interactions", ask("promote", &dan, &high)).await.expect(200);
    bob.post("/interactions", ask("kick", &dan, &low)).await.problem(403, "MISSING_PERMISSION");
    cid.post("/interactions", ask("kick", &ada, &low)).await.problem(403, "FORBIDDEN");
    cid.post("/interactions", ask("kick", &dan, &low)).await.expect(200);

    let roles =
        async |user: &User| ada.get(&format!("/guilds/{guild}/members/{}", user.id)).await.expect(200)["roles"].clone();
    assert_eq!((roles(&bob).await, roles(&ada).await, roles(&cid).await), (json!([]), json!([]), json!([lead])));
    ada.get(&format!("/guilds/{guild}/members/{}", dan.id)).await.problem(404, "NOT_FOUND");
});

plugin_story!(a_poll_is_asked_voted_and_closed, |app| {
    let ([ada, bob, cid], guild, general) = app.guild_of(["ada", "bob", "cid"]).await;
    let polls = ada.post("/marketplace/guildhall.polls", json!({"guild_id": guild})).await.expect(201);
    let mut ears = Socket::connect(&cid).await;
    let ask = |question: &str, answers: &str| {
        json!({
            "kind": "command", "guild_id": guild, "channel_id": general, "installation_id": polls["id"],
            "path": ["poll"], "args": {"question": question, "answers": answers},
        })
    };
    assert_eq!(bob.post("/interactions", ask("Lunch?", "Soup")).await.faults(), ["/args/answers"]);

    let asked = bob.with_header("accept-language", "de").post("/interactions", ask("Lunch?", "Soup, Stew")).await;

    assert_eq!(asked.expect(200)["message"]["content"], "Deine Umfrage läuft.");
    let announced = ears.event("message_created").await;
    assert_eq!(announced["author"]["id"], polls["bot_id"]);
    assert_eq!(announced["blocks"]["children"][0], json!({"kind": "heading", "text": "Lunch?"}));
    let buttons = announced["blocks"]["children"][1]["children"].as_array().unwrap().clone();
    let (soup, stew) = (buttons[0]["id"].as_str().unwrap(), buttons[1]["id"].as_str().unwrap());
    let poll = soup.split(':').nth(1).unwrap().to_owned();

    let vote = bob.post("/interactions", press(&announced, soup, &[])).await.expect(200);
    assert!(vote["message"]["content"].as_str().unwrap().contains("Soup"), "{vote}");
    cid.post("/interactions", press(&announced, stew, &[])).await.expect(200);
    bob.post("/interactions", press(&announced, stew, &[])).await.expect(200);

    let read = cid.get(&format!("/polls/{poll}")).await.expect(200);
    assert_eq!((&read["voters"], &read["options"][1]["votes"]), (&json!(2), &json!(2)), "{read}");
    bob.post(&format!("/polls/{poll}/close"), json!({})).await.expect(200);

    let ended = ears.event("message_updated").await;
    assert_eq!(ended["id"], announced["id"]);
    let rows = ended["blocks"]["children"].as_array().unwrap();
    assert_eq!(rows[1], json!({"kind": "progress", "label": "Soup: 0", "thousandths": 0}));
    assert_eq!(rows[2], json!({"kind": "progress", "label": "Stew: 2", "thousandths": 1000}));
    assert!(ears.event("message_created").await["content"].as_str().unwrap().contains("Stew"));
    assert_eq!(
        cid.post("/interactions", press(&announced, soup, &[])).await.faults(),
        ["/id"],
        "it has no buttons now"
    );
});

plugin_story!(a_poll_ends_even_where_its_result_may_not_be_said, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let polls = ada.post("/marketplace/guildhall.polls", json!({"guild_id": guild})).await.expect(201);
    let poll = json!({
        "guild_id": guild, "channel_id": general, "question": "Casino?", "options": ["Yes", "No"],
    });
    let poll = id_of(&ada.post("/polls", poll).await.expect(201));
    let automod = json!({"guild_id": guild, "config": {"keywords": ["casino"], "keywords-action": "block"}});
    ada.post("/marketplace/guildhall.automod", automod).await.expect(201);

    ada.post(&format!("/polls/{poll}/close"), json!({})).await.expect(200);

    assert_eq!(ada.get(&format!("/polls/{poll}")).await.expect(200)["closed"], true);
    until("the result is refused", async || {
        let log = ada.get(&format!("{}/logs", path(&polls))).await.expect(200);
        log["items"][0]["message"].as_str().is_some_and(|message| message.contains("MESSAGE_BLOCKED"))
    })
    .await;
});

plugin_story!(a_poll_ends_even_where_its_plugin_may_speak_no_longer, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    let polls = ada.post("/marketplace/guildhall.polls", json!({"guild_id": guild})).await.expect(201);
    let poll = json!({"guild_id": guild, "channel_id": general, "question": "Tea?", "options": ["Yes", "No"]});
    let poll = id_of(&ada.post("/polls", poll).await.expect(201));
    ada.patch(&path(&polls), json!({"channels": [other]})).await.expect(200);

    ada.post(&format!("/polls/{poll}/vote"), json!({"options": ["1"]})).await.expect(200);
    ada.post(&format!("/polls/{poll}/close"), json!({})).await.expect(200);

    let ended = ada.get(&format!("/polls/{poll}")).await.expect(200);
    assert_eq!((&ended["closed"], &ended["options"][0]["votes"]), (&json!(true), &json!(1)));
});

plugin_story!(however_many_polls_are_open_each_is_voted_on, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    ada.post("/marketplace/guildhall.polls", json!({"guild_id": guild})).await.expect(201);
    let question = json!({"guild_id": guild, "question": "Tea?", "options": ["Yes", "No"]});
    let mut ears = Socket::connect(&ada).await;
    // One more than topics are kept.
    for _ in 0..101 {
        let poll = id_of(&ada.post("/polls", question.clone()).await.expect(201));
        ada.post(&format!("/polls/{poll}/vote"), json!({"options": ["1"]})).await.expect(200);
    }
    // The one that was changed longest ago is shown no longer.
    while !ears.event("plugin_event").await["payload"].is_null() {}
    let mut conn = app.app.db.read().await.unwrap();
    let sql = "select count(*) from plugin_topics where payload <> 'null'";
    let (kept,): (i64,) = conn.one(sql, &[]).await.unwrap();
    assert_eq!(kept, 100);
});

plugin_story!(a_plugin_deletes_its_own_messages_and_nobody_elses, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let new = json!({"guild_id": guild, "permissions": ["messages-write", "badges", "moderation"]});
    let waiter = ada.post("/marketplace/tests.waiter", new).await.expect(201);
    let clear = |message: &Value| {
        let mut clear = serve(&waiter, &general, "clear");
        clear["args"]["which"] = message.clone();
        clear
    };
    let hers = ada.say(&general, "mine").await;
    let served = bob.post("/interactions", serve(&waiter, &general, "message")).await.expect(200);

    bob.post("/interactions", clear(&hers["id"])).await.problem(502, "PLUGIN_FAILED");
    bob.post("/interactions", clear(&served["message_id"])).await.expect(200);

    let history = ada.get(&format!("/channels/{general}/messages?limit=1")).await.expect(200);
    assert_eq!(history["items"][0]["id"], hers["id"]);
});

plugin_story!(what_has_expired_takes_no_room, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let waiter = waiter(&ada, &guild).await;
    let used = async || {
        let said = ada.post("/interactions", serve(&waiter, &general, "used")).await.expect(200);
        said["message"]["content"].as_str().unwrap().parse::<u32>().unwrap()
    };
    let before = used().await;
    ada.post("/interactions", serve(&waiter, &general, "special")).await.expect(200);
    assert_eq!(used().await, before + 107, "its key and its value");

    app.advance(Duration::from_secs(120));
    guildhall::housekeeping::round(&app.app).await.expect("a round");

    assert_eq!(used().await, before);
});
