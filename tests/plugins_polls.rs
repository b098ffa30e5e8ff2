//! Polls through every door: asked, voted, listed and deleted, over REST and over both kinds of sockets.

use std::time::Duration;

use crate::guilds_cast::{id, number, promote, tamper};
use crate::messages_cast::{channel, ids};
use crate::plugin_story;
use crate::plugins_events::until;
use crate::plugins_installing::{install, path};
use crate::plugins_interactions::press;
use crate::support::{Answer, Socket, SocketIo, TestApp, Travel, User, Value, json};

/// A guild with polls, and with some in it beside its owner; its id, its first channel's, and the installation.
pub async fn guild_with_polls(owner: &User, others: &[&User]) -> (String, String, Value) {
    let (guild, general) = owner.guild("Engines").await;
    for user in others {
        user.join(&guild).await;
    }
    let polls = install(owner, &guild, "guildhall.polls").await;
    (guild, general, polls)
}

/// A question about lunch, with whatever else is said of it.
pub fn lunch(guild: &str, channel: &str, more: &Value) -> Value {
    let mut question = json!({
        "guild_id": guild, "channel_id": channel, "question": "Lunch?", "options": ["Soup", "Salad", "Stew"],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        question[name] = value.clone();
    }
    question
}

/// Asks it; answers the poll.
pub async fn ask(user: &User, guild: &str, channel: &str, more: Value) -> Value {
    user.post("/polls", lunch(guild, channel, &more)).await.expect(201)
}

/// Where a poll is.
pub fn at(poll: &Value) -> String {
    format!("/polls/{}", id(poll))
}

/// Votes for these answers.
pub async fn vote(user: &User, poll: &Value, options: &[&str]) -> Answer {
    user.post(&format!("{}/vote", at(poll)), json!({"options": options})).await
}

/// How many votes each answer has.
pub fn counts(poll: &Value) -> Value {
    poll["options"].as_array().expect("answers").iter().map(|option| option["votes"].clone()).collect()
}

/// The message that announces a poll.
pub async fn announcement(user: &User, poll: &Value) -> Value {
    let message = poll["message_id"].as_str().expect("a message");
    user.get(&format!("/messages/{message}")).await.expect(200)
}

/// Somebody who listens on both kinds of sockets.
pub async fn ears(user: &User) -> (Socket, SocketIo) {
    let all = json!({"subscribe": "all"});
    (Socket::connect(user).await, SocketIo::connect_with(user, Travel::Socket, all).await)
}

/// How many entries plugins keep whose keys begin so.
pub async fn kept(app: &TestApp, beginning: &str) -> usize {
    let mut conn = app.app.db.read().await.expect("a connection");
    let keys: Vec<(Vec<u8>,)> = conn.all("select key from plugin_kv", &[]).await.expect("keys");
    keys.iter().filter(|(key,)| key.starts_with(beginning.as_bytes())).count()
}

plugin_story!(a_vote_is_given_changed_and_taken_back, |app| {
    let [ada, bob, cid] = app.users(["ada", "bob", "cid"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob, &cid]).await;
    let (mut native, mut other) = ears(&cid).await;

    let poll = ask(&bob, &guild, &general, json!({})).await;

    for told in [native.event("message_created").await, other.event("message_created").await] {
        assert_eq!(told["id"], poll["message_id"]);
    }
    assert_eq!((&poll["author_id"], &poll["method"]), (&json!(bob.id), &json!("single")));
    assert_eq!((counts(&poll), &poll["my_vote"], &poll["closed"]), (json!([0, 0, 0]), &json!([]), &json!(false)));
    let voted = vote(&bob, &poll, &["1"]).await.expect(200);
    assert_eq!((counts(&voted), &voted["my_vote"], &voted["voters"]), (json!([1, 0, 0]), &json!(["1"]), &json!(1)));
    vote(&cid, &poll, &["1"]).await.expect(200);
    let changed = vote(&bob, &poll, &["3"]).await.expect(200);
    assert_eq!((counts(&changed), &changed["my_vote"]), (json!([1, 0, 1]), &json!(["3"])));
    let again = vote(&bob, &poll, &["3"]).await.expect(200);
    assert_eq!((counts(&again), &again["voters"]), (json!([1, 0, 1]), &json!(2)), "the same again counts once");
    while counts(&native.event("plugin_event").await["payload"]) != json!([1, 0, 1]) {}
    while counts(&other.event("plugin_event").await["payload"]) != json!([1, 0, 1]) {}

    let without = vote(&bob, &poll, &[]).await.expect(200);

    assert_eq!((counts(&without), &without["my_vote"]), (json!([1, 0, 0]), &json!([])));
    let votes = bob.get(&format!("{}/votes", at(&poll))).await.expect(200);
    assert_eq!(votes, json!({"items": [{"user_id": cid.id, "options": ["1"]}], "has_more": false}));
    while counts(&native.event("plugin_event").await["payload"]) != json!([1, 0, 0]) {}
    while counts(&other.event("plugin_event").await["payload"]) != json!([1, 0, 0]) {}
});

plugin_story!(a_question_that_is_sent_again_is_asked_once, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob]).await;
    let (question, hers) = (lunch(&guild, &general, &json!({})), ada.with_header("idempotency-key", "one"));

    let tries = (0..5).map(|_| hers.post("/polls", question.clone()));
    let answers = futures_util::future::join_all(tries).await;

    assert!(answers.iter().all(|one| one.status == 201 && one.text == answers[0].text), "{answers:?}");
    let replayed = answers.iter().filter(|one| one.headers.contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 4);
    assert_eq!(hers.post("//polls", question.clone()).await.text, answers[0].text, "under its other address");
    let poll = &answers[0].body;
    let other = lunch(&guild, &general, &json!({"question": "Dinner?"}));
    hers.post("/polls", other).await.problem(422, "IDEMPOTENCY_MISMATCH");
    vote(&hers, poll, &["1"]).await.problem(422, "IDEMPOTENCY_MISMATCH");
    assert_eq!(ids(&ada.get("/polls").await.expect(200)), [id(poll)]);
    assert_eq!(counts(&ada.get(&at(poll)).await.expect(200)), json!([0, 0, 0]));

    // A refusal is repeated as well. With another key, or of another person, it is another question.
    let (his, empty) = (bob.with_header("idempotency-key", "one"), json!({"guild_id": guild}));
    let refused = [his.post("/polls", empty.clone()).await, his.post("/polls", empty).await];
    assert_eq!((refused[0].status, &refused[0].text), (422, &refused[1].text));
    bob.with_header("idempotency-key", "two").post("/polls", question.clone()).await.expect(201);
    ada.with_header("idempotency-key", "two").post("/polls", question).await.expect(201);
    assert_eq!(ids(&ada.get("/polls").await.expect(200)).len(), 3);
});

plugin_story!(a_vote_that_stands_is_not_given_twice, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob]).await;
    let poll = ask(&ada, &guild, &general, json!({"changeable": false})).await;
    let announced = announcement(&bob, &poll).await;
    let button = |what: &str| press(&announced, &what.replace('_', &id(&poll)), &[]);

    bob.post("/interactions", button("vote:_:2")).await.expect(200);

    let again = vote(&bob, &poll, &["2"]).await.expect(200);
    assert_eq!(counts(&again), json!([0, 1, 0]), "the same is no second vote");
    vote(&bob, &poll, &["1"]).await.problem(409, "ALREADY_VOTED");
    vote(&bob, &poll, &[]).await.problem(409, "ALREADY_VOTED");
    bob.post("/interactions", button("vote:_:1")).await.problem(409, "ALREADY_VOTED");
    assert_eq!(bob.post("/interactions", button("withdraw:_")).await.faults(), ["/id"]);
    ada.post(&format!("{}/close", at(&poll)), json!({})).await.expect(200);
    vote(&ada, &poll, &["1"]).await.problem(409, "POLL_CLOSED");
    assert_eq!(counts(&bob.get(&at(&poll)).await.expect(200)), json!([0, 1, 0]));
});

plugin_story!(several_answers_are_as_many_as_the_poll_says, |app| {
    let [ada, bob, cid] = app.users(["ada", "bob", "cid"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob, &cid]).await;
    let many: Vec<String> = (0..21).map(|at: i32| at.to_string()).collect();
    let before = app.log_position().await;
    for (more, fault) in [
        (json!({"options": ["Soup"]}), "/options"),
        (json!({"options": many}), "/options"),
        (json!({"options": ["Soup", "Soup"]}), "/options/1"),
        (json!({"multiple": true, "max_choices": 21}), "/max_choices"),
        (json!({"max_choices": 2}), "/max_choices"),
        (json!({"multiple": true, "method": "ranked"}), "/multiple"),
        (json!({"question": " "}), "/question"),
        (json!({"closes_at": "1970-01-01T00:00:00.000Z"}), "/closes_at"),
        (json!({"colour": "red"}), "/colour"),
    ] {
        assert_eq!(ada.post("/polls", lunch(&guild, &general, &more)).await.faults(), [fault]);
    }
    assert_eq!(app.log_position().await, before);

    let poll = ask(&ada, &guild, &general, json!({"multiple": true, "max_choices": 2})).await;

    assert_eq!((&poll["method"], &poll["max_choices"]), (&json!("multiple"), &json!(2)));
    let (announced, list) = (announcement(&bob, &poll).await, format!("vote:{}", id(&poll)));
    let shown = &announced["blocks"]["children"][1];
    assert_eq!((&shown["id"], &shown["min"], &shown["max"]), (&json!(list), &json!(1), &json!(2)));
    bob.post("/interactions", press(&announced, &list, &["3", "1"])).await.expect(200);
    let voted = vote(&cid, &poll, &["2", "1"]).await.expect(200);
    assert_eq!((counts(&voted), &voted["voters"]), (json!([2, 1, 1]), &json!(2)));
    assert_eq!(bob.get(&at(&poll)).await.expect(200)["my_vote"], json!(["1", "3"]));
    for (options, fault) in [
        (vec!["1", "2", "3"], "/options"),
        (vec!["1", "4"], "/options/1"),
        (vec!["1", "1"], "/options/1"),
        (vec!["one"], "/options/0"),
    ] {
        assert_eq!(vote(&bob, &poll, &options).await.faults(), [fault]);
    }
    for (values, fault) in [(vec!["1", "2", "3"], "/values"), (vec![], "/values"), (vec!["4"], "/values/0")] {
        assert_eq!(bob.post("/interactions", press(&announced, &list, &values)).await.faults(), [fault]);
    }
    assert_eq!(counts(&bob.get(&at(&poll)).await.expect(200)), json!([2, 1, 1]));
});

plugin_story!(ranked_votes_are_counted_in_rounds, |app| {
    let [ada, bob, cid, dan, eve] = app.users(["ada", "bob", "cid", "dan", "eve"]).await;
    let (guild, general, polls) = guild_with_polls(&ada, &[&bob, &cid, &dan, &eve]).await;
    let poll = ask(&ada, &guild, &general, json!({"method": "ranked"})).await;
    let announced = announcement(&ada, &poll).await;
    let mut native = Socket::connect(&dan).await;
    let mut polling = SocketIo::connect(&eve, Travel::Polling).await;

    let button = press(&announced, &format!("rank:{}", id(&poll)), &[]);
    let form = ada.post("/interactions", button).await.expect(200);

    assert_eq!((&form["kind"], &form["title"]), (&json!("form"), &json!("Lunch?")));
    let places = form["body"]["children"].as_array().expect("places").clone();
    assert_eq!(places.iter().map(|place| place["id"].clone()).collect::<Value>(), json!(["1", "2", "3"]));
    assert_eq!(places[0]["choices"][2], json!({"value": "3", "label": "Stew", "description": null}));
    let ranked = |first: &str, second: &str| {
        json!({
            "kind": "form", "installation_id": polls["id"], "channel_id": general, "id": form["id"],
            "fields": {"1": first, "2": second},
        })
    };
    ada.post("/interactions", ranked("1", "1")).await.problem(422, "INVALID_FIELDS");
    ada.post("/interactions", ranked("1", "")).await.expect(200);
    bob.post("/interactions", ranked("1", "3")).await.expect(200);
    vote(&cid, &poll, &["2", "3"]).await.expect(200);
    native.request("interact", ranked("2", "1")).await.unwrap();
    let whispered = polling.request("interact", ranked("3", "2")).await.unwrap();
    assert!(whispered["message"]["content"].as_str().unwrap().contains("Stew, Salad"), "{whispered}");
    let open = eve.get(&at(&poll)).await.expect(200);
    assert_eq!((counts(&open), &open["my_vote"]), (json!([2, 2, 1]), &json!(["3", "2"])));

    let ended = ada.post(&format!("{}/close", at(&poll)), json!({})).await.expect(200);

    // Stew is out, and whoever liked it best likes salad next.
    assert_eq!(ended["winners"], json!(["2"]));
    let first = json!([{"id": "1", "votes": 2}, {"id": "2", "votes": 2}, {"id": "3", "votes": 1}]);
    let second = json!([{"id": "1", "votes": 2}, {"id": "2", "votes": 3}]);
    assert_eq!(ended["rounds"], json!([first, second]));
    let result = native.event("message_created").await;
    assert!(result["content"].as_str().unwrap().contains("**Salad**"), "{result}");
});

plugin_story!(polls_of_a_guild_are_listed_the_newest_first, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob]).await;
    let side = channel(&ada, &guild).await;
    ada.except(&side, &bob, &[], &["VIEW_CHANNEL"]).await;
    let asked = async |channel: &str| ask(&ada, &guild, channel, json!({})).await;
    let (first, hidden) = (asked(&general).await, asked(&side).await);
    let (third, last) = (asked(&general).await, asked(&general).await);
    ada.post(&format!("{}/close", at(&first)), json!({})).await.expect(200);
    let list = async |user: &User, more: &str| user.get(&format!("/polls?guild_id={guild}{more}")).await;

    let page = list(&bob, "&limit=2").await.expect(200);

    assert_eq!((ids(&page), &page["has_more"]), (vec![id(&last), id(&third)], &json!(true)));
    let page = list(&bob, &format!("&limit=2&before={}", id(&third))).await.expect(200);
    assert_eq!((ids(&page), &page["has_more"]), (vec![id(&first)], &json!(false)), "what he can't see isn't there");
    let page = list(&ada, "").await.expect(200);
    assert_eq!(ids(&page), [id(&last), id(&third), id(&hidden), id(&first)]);
    assert_eq!(ids(&list(&ada, &format!("&channel_id={side}")).await.expect(200)), [id(&hidden)]);
    assert_eq!(ids(&list(&bob, "&closed=true").await.expect(200)), [id(&first)]);
    assert_eq!(ids(&list(&bob, "&closed=false").await.expect(200)), [id(&last), id(&third)]);
    assert_eq!(list(&bob, "&limit=0&colour=red").await.faults(), ["/colour", "/limit"]);
    list(&eve, "").await.problem(404, "NOT_FOUND");
});

plugin_story!(polls_of_all_ones_guilds_are_listed_together, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let mut guilds = Vec::new();
    for others in [vec![&bob], vec![&bob], vec![&bob], vec![&bob], vec![]] {
        guilds.push(guild_with_polls(&ada, &others).await);
    }
    let mut asked = Vec::new();
    for place in [0, 4, 3, 2, 1, 0, 1] {
        // None is as old as another.
        app.advance(Duration::from_secs(1));
        let (guild, general, _) = &guilds[place];
        asked.insert(0, (place, id(&ask(&ada, guild, general, json!({})).await)));
    }
    let of = |places: &[usize]| -> Vec<String> {
        asked.iter().filter(|(place, _)| places.contains(place)).map(|(_, id)| id.clone()).collect()
    };

    let all = bob.get("/polls").await.expect(200);

    assert_eq!((ids(&all), &all["has_more"]), (of(&[0, 1, 2, 3]), &json!(false)), "he isn't in the fifth");
    let page = bob.get("/polls?limit=3").await.expect(200);
    assert_eq!((ids(&page), &page["has_more"]), (of(&[0, 1, 2, 3])[..3].to_vec(), &json!(true)));
    assert_eq!(eve.get("/polls").await.expect(200), json!({"items": [], "has_more": false}));
    assert_eq!(bob.get("/polls?limit=0").await.faults(), ["/limit"], "all refuse it");

    // Where the plugin is off there is nothing, and where it fails the others' lists don't suffer.
    let (off, broken) = (&guilds[2], &guilds[3]);
    ada.patch(&path(&off.2), json!({"enabled": false})).await.expect(200);
    let spoil = "update plugin_kv set value = $1 where installation_id = $2";
    tamper(&app, spoil, &[&b"?".to_vec(), &number(&id(&broken.2))]).await;
    bob.get(&format!("/polls?guild_id={}", off.0)).await.problem(404, "PLUGIN_NOT_INSTALLED");
    bob.get(&format!("/polls?guild_id={}", broken.0)).await.problem(502, "PLUGIN_FAILED");
    assert_eq!(ids(&bob.get("/polls").await.expect(200)), of(&[0, 1]));
});

plugin_story!(a_deleted_poll_leaves_nothing_behind, |app| {
    let [ada, bob, cid, mo] = app.users(["ada", "bob", "cid", "mo"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob, &cid, &mo]).await;
    promote(&ada, &guild, &mo, &["MANAGE_MESSAGES"]).await;
    let (his, hers) = (ask(&bob, &guild, &general, json!({})).await, ask(&ada, &guild, &general, json!({})).await);
    let (mut native, mut other) = ears(&cid).await;
    vote(&cid, &his, &["1"]).await.expect(200);
    vote(&cid, &hers, &["1"]).await.expect(200);
    while native.event("plugin_event").await["payload"]["id"] != hers["id"] {}
    while other.event("plugin_event").await["payload"]["id"] != hers["id"] {}
    cid.delete(&at(&his)).await.problem(403, "MISSING_PERMISSION");
    cid.post(&format!("{}/close", at(&his)), json!({})).await.problem(403, "MISSING_PERMISSION");

    bob.delete(&at(&his)).await.expect(204);

    for told in [native.event("message_deleted").await, other.event("message_deleted").await] {
        assert_eq!(told["id"], his["message_id"]);
    }
    let topic = format!("poll:{}", id(&his));
    let is_forgotten = |told: Value| told["topic"] == topic.as_str() && told["payload"].is_null();
    while !is_forgotten(native.event("plugin_event").await) {}
    while !is_forgotten(other.event("plugin_event").await) {}
    for gone in [bob.get(&at(&his)).await, bob.delete(&at(&his)).await, vote(&bob, &his, &["1"]).await] {
        gone.problem(404, "NOT_FOUND");
    }
    let (votes, counters) = (format!("vote/{}/", id(&his)), format!("count/{}/", id(&his)));
    until("its votes are gone", async || kept(&app, &votes).await + kept(&app, &counters).await == 0).await;
    mo.delete(&at(&hers)).await.expect(204);
    let announced = hers["message_id"].as_str().unwrap();
    ada.get(&format!("/messages/{announced}")).await.problem(404, "NOT_FOUND");
    assert_eq!(ada.get("/polls").await.expect(200)["items"], json!([]));
    until("nothing is left", async || kept(&app, "").await == 0).await;
});

plugin_story!(buttons_are_pressed_over_both_kinds_of_sockets, |app| {
    let [ada, bob, cid] = app.users(["ada", "bob", "cid"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob, &cid]).await;
    let poll = ask(&ada, &guild, &general, json!({})).await;
    let announced = announcement(&bob, &poll).await;
    let button = |what: &str| press(&announced, &what.replace('_', &id(&poll)), &[]);
    let (mut native, mut other) = (ears(&bob).await.0, ears(&cid).await.1);
    let mut polling = SocketIo::connect(&ada, Travel::Polling).await;

    let whispered = native.request("interact", button("vote:_:1")).await.unwrap();
    other.request("interact", button("vote:_:2")).await.unwrap();
    polling.request("interact", button("vote:_:2")).await.unwrap();

    assert_eq!(whispered["kind"], "ephemeral");
    assert!(whispered["message"]["content"].as_str().unwrap().contains("Soup"), "{whispered}");
    while counts(&native.event("plugin_event").await["payload"]) != json!([1, 2, 0]) {}
    while counts(&other.event("plugin_event").await["payload"]) != json!([1, 2, 0]) {}
    native.request("interact", button("withdraw:_")).await.unwrap();
    while counts(&other.event("plugin_event").await["payload"]) != json!([0, 2, 0]) {}
    for refused in
        [native.request("interact", button("vote:_:4")).await, other.request("interact", button("vote:_:4")).await]
    {
        assert_eq!(refused.unwrap_err()["errors"][0]["pointer"], "/id");
    }
    assert_eq!(counts(&bob.get(&at(&poll)).await.expect(200)), json!([0, 2, 0]));
});
