//! What polls keep to themselves, who takes part in them, and when they end.

use std::time::Duration;

use crate::guilds_cast::{give, id, role, rows};
use crate::messages_cast::{channel, time_out};
use crate::plugins_events::until;
use crate::plugins_interactions::press;
use crate::plugins_polls::{announcement, ask, at, counts, ears, guild_with_polls, kept, lunch, vote};
use crate::support::plugins::built;
use crate::support::{Socket, Value, json};
use crate::{plugin_story, story};

/// What a socket is shown of a poll, up to its end.
macro_rules! shown_to_the_end {
    ($socket:expr) => {{
        let mut shown: Vec<Value> = Vec::new();
        while shown.last().is_none_or(|poll| poll["closed"] != true) {
            shown.push($socket.event("plugin_event").await["payload"].clone());
        }
        shown
    }};
}

plugin_story!(hidden_counts_are_shown_when_the_poll_is_closed, |app| {
    let [ada, bob, cid] = app.users(["ada", "bob", "cid"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob, &cid]).await;
    let poll = ask(&ada, &guild, &general, json!({"hide_results": true})).await;
    let (mut native, mut other) = ears(&cid).await;
    let (nothing, votes) = (json!([null, null, null]), format!("{}/votes", at(&poll)));

    let voted = vote(&bob, &poll, &["2"]).await.expect(200);

    assert_eq!((counts(&voted), &voted["my_vote"], &voted["voters"]), (nothing.clone(), &json!(["2"]), &json!(1)));
    let button = press(&announcement(&cid, &poll).await, &format!("vote:{}:2", id(&poll)), &[]);
    cid.post("/interactions", button).await.expect(200);
    vote(&ada, &poll, &["1"]).await.expect(200);
    for reader in [&ada, &bob] {
        assert_eq!(counts(&reader.get(&at(&poll)).await.expect(200)), nothing);
        reader.get(&votes).await.problem(403, "FORBIDDEN");
        let listed = reader.get(&format!("/polls?guild_id={guild}")).await.expect(200);
        assert_eq!(counts(&listed["items"][0]), nothing);
    }
    for told in [native.event("plugin_event").await, other.event("plugin_event").await] {
        assert_eq!((counts(&told["payload"]), told["payload"].get("my_vote")), (nothing.clone(), None));
    }
    let streams = Socket::connect(&bob).await.ready["streams"].as_array().unwrap().clone();
    let stream = streams.iter().find(|one| one["id"] == guild.as_str()).expect("the guild's");
    assert_eq!(counts(&stream["plugins"][0]["payload"]), nothing, "whoever comes later isn't told either");

    ada.post(&format!("{}/close", at(&poll)), json!({})).await.expect(200);

    for shown in [shown_to_the_end!(native), shown_to_the_end!(other)] {
        let (last, before) = shown.split_last().expect("an end");
        assert_eq!((counts(last), &last["winners"]), (json!([1, 2, 0]), &json!(["2"])));
        assert!(before.iter().all(|poll| counts(poll) == nothing), "{before:?}");
    }
    assert_eq!(counts(&bob.get(&at(&poll)).await.expect(200)), json!([1, 2, 0]));
    assert_eq!(bob.get(&votes).await.expect(200)["items"].as_array().unwrap().len(), 3);
});

plugin_story!(only_those_with_a_role_vote_where_the_poll_says_so, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general, polls) = guild_with_polls(&ada, &[&bob]).await;
    let (cooks, guests) = (role(&ada, &guild, "cooks", &[]).await, role(&ada, &guild, "guests", &[]).await);
    let poll = ask(&ada, &guild, &general, json!({"roles": [cooks, guests]})).await;
    assert_eq!(poll["roles"], json!([cooks, guests]));
    let button = press(&announcement(&bob, &poll).await, &format!("vote:{}:1", id(&poll)), &[]);
    let (mut native, mut other) = ears(&bob).await;
    let before = app.log_position().await;

    vote(&bob, &poll, &["2"]).await.problem(403, "FORBIDDEN");
    vote(&ada, &poll, &["2"]).await.problem(403, "FORBIDDEN");
    assert_eq!(native.request("interact", button.clone()).await.unwrap_err()["code"], "FORBIDDEN");
    assert_eq!(other.request("interact", button.clone()).await.unwrap_err()["code"], "FORBIDDEN");
    assert_eq!(app.log_position().await, before);

    give(&ada, &guild, &bob, &cooks).await;
    native.request("interact", button.clone()).await.unwrap();
    other.request("interact", button).await.unwrap();
    let voted = vote(&bob, &poll, &["2"]).await.expect(200);
    assert_eq!((counts(&voted), &voted["voters"]), (json!([0, 1, 0]), &json!(1)));
    ada.delete(&format!("/guilds/{guild}/members/{}/roles/{cooks}", bob.id)).await.expect(200);
    vote(&bob, &poll, &["1"]).await.problem(403, "FORBIDDEN");
    assert_eq!(counts(&bob.get(&at(&poll)).await.expect(200)), json!([0, 1, 0]), "what he chose stays");

    let command = json!({
        "kind": "command", "guild_id": guild, "channel_id": general, "installation_id": polls["id"],
        "path": ["poll"], "args": {"question": "Dessert?", "answers": "Pie | Cake", "role": guests},
    });
    ada.post("/interactions", command).await.expect(200);
    let asked = ada.get(&format!("/polls?guild_id={guild}&limit=1")).await.expect(200)["items"][0].clone();
    assert_eq!((&asked["question"], &asked["roles"]), (&json!("Dessert?"), &json!([guests])));
    vote(&bob, &asked, &["1"]).await.problem(403, "FORBIDDEN");
    give(&ada, &guild, &bob, &guests).await;
    vote(&bob, &asked, &["1"]).await.expect(200);
});

plugin_story!(nobody_learns_who_chose_what_in_an_anonymous_poll, |app| {
    let [ada, bob, cid] = app.users(["ada", "bob", "cid"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob, &cid]).await;
    let poll = ask(&ada, &guild, &general, json!({"anonymous": true})).await;
    let (mut native, mut other) = ears(&ada).await;
    vote(&bob, &poll, &["1"]).await.expect(200);
    vote(&cid, &poll, &["2"]).await.expect(200);

    let listing = format!("{}/votes", at(&poll));
    for reader in [&ada, &bob] {
        reader.get(&listing).await.problem(403, "FORBIDDEN");
    }

    assert_eq!(bob.get(&at(&poll)).await.expect(200)["my_vote"], json!(["1"]), "one knows one's own");
    let seen = ada.get(&at(&poll)).await.expect(200);
    assert_eq!((counts(&seen), &seen["my_vote"]), (json!([1, 1, 0]), &json!([])));
    while counts(&native.event("plugin_event").await["payload"]) != json!([1, 1, 0]) {}
    while counts(&other.event("plugin_event").await["payload"]) != json!([1, 1, 0]) {}
    let votes = format!("vote/{}/", id(&poll));
    assert_eq!(kept(&app, &votes).await, 2);

    ada.post(&format!("{}/close", at(&poll)), json!({})).await.expect(200);

    until("the votes are gone", async || kept(&app, &votes).await == 0).await;
    let ended = bob.get(&at(&poll)).await.expect(200);
    assert_eq!((counts(&ended), &ended["voters"], &ended["my_vote"]), (json!([1, 1, 0]), &json!(2), &json!([])));
    assert_eq!(ended["winners"], json!(["1", "2"]));
    ada.get(&listing).await.problem(403, "FORBIDDEN");
    let told = rows(&app, &guild, "plugin_event").await;
    assert!(told.iter().all(|row| !row.to_string().contains(&bob.id) && !row.to_string().contains(&cid.id)));
    assert!(!told.is_empty());
});

plugin_story!(a_form_is_for_what_one_sees, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general, polls) = guild_with_polls(&ada, &[&bob]).await;
    let hidden = channel(&ada, &guild).await;
    ada.except(&hidden, &bob, &[], &["VIEW_CHANNEL"]).await;
    let open = ask(&ada, &guild, &general, json!({"method": "ranked"})).await;
    let poll = ask(&ada, &guild, &hidden, json!({"method": "ranked"})).await;
    let (mut native, mut other) = ears(&bob).await;
    let form = |name: &str| {
        json!({
            "kind": "form", "installation_id": polls["id"], "channel_id": general, "id": name,
            "fields": {"1": "1"},
        })
    };
    bob.post("/interactions", form(&format!("rank:{}", id(&open)))).await.expect(200);
    let forged = form(&format!("rank:{}", id(&poll)));

    bob.post("/interactions", forged.clone()).await.problem(404, "NOT_FOUND");

    assert_eq!(native.request("interact", forged.clone()).await.unwrap_err()["code"], "NOT_FOUND");
    assert_eq!(other.request("interact", forged).await.unwrap_err()["code"], "NOT_FOUND");
    vote(&bob, &poll, &["1"]).await.problem(404, "NOT_FOUND");
    bob.get(&at(&poll)).await.problem(404, "NOT_FOUND");
    for name in ["rank:1", "rank:", "rank:x", "strange"] {
        bob.post("/interactions", form(name)).await.problem(404, "NOT_FOUND");
    }
    assert_eq!(ada.get(&at(&poll)).await.expect(200)["voters"], 0);
    assert_eq!(kept(&app, &format!("vote/{}/", id(&poll))).await, 0);
});

plugin_story!(whoever_is_timed_out_only_looks_on, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general, _) = guild_with_polls(&ada, &[&bob]).await;
    let poll = ask(&ada, &guild, &general, json!({})).await;
    let everywhere = json!({"channel_id": null});
    let whole = ask(&ada, &guild, &general, everywhere.clone()).await;
    let his = ask(&bob, &guild, &general, json!({})).await;
    let button = press(&announcement(&bob, &poll).await, &format!("vote:{}:1", id(&poll)), &[]);
    time_out(&ada, &guild, &bob).await;
    let (mut native, mut other) = ears(&bob).await;
    let before = app.log_position().await;

    bob.post("/interactions", button.clone()).await.problem(403, "TIMED_OUT");
    assert_eq!(native.request("interact", button.clone()).await.unwrap_err()["code"], "TIMED_OUT");
    assert_eq!(other.request("interact", button).await.unwrap_err()["code"], "TIMED_OUT");
    for poll in [&poll, &whole, &his] {
        vote(&bob, poll, &["1"]).await.problem(403, "TIMED_OUT");
    }
    for more in [json!({}), everywhere] {
        bob.post("/polls", lunch(&guild, &general, &more)).await.problem(403, "TIMED_OUT");
    }
    bob.post(&format!("{}/close", at(&his)), json!({})).await.problem(403, "TIMED_OUT");
    bob.delete(&at(&his)).await.problem(403, "TIMED_OUT");

    assert_eq!(app.log_position().await, before);
    assert_eq!(bob.get(&at(&poll)).await.expect(200)["voters"], 0);
    assert_eq!(bob.get("/polls").await.expect(200)["items"].as_array().unwrap().len(), 3);
    let him = format!("/guilds/{guild}/members/{}", bob.id);
    ada.patch(&him, json!({"timed_out_until": null})).await.expect(200);
    for poll in [&poll, &whole, &his] {
        vote(&bob, poll, &["1"]).await.expect(200);
    }
});

story!(
    a_poll_ends_at_its_hour,
    |config| {
        config.plugins.bundled = built().to_owned();
        config.tokens.access_seconds = 200_000;
    },
    |app| {
        let [ada, bob] = app.users(["ada", "bob"]).await;
        let (guild, general, _) = guild_with_polls(&ada, &[&bob]).await;
        let hour = app.app.now().after(Duration::from_secs(3_600));
        let poll = ask(&ada, &guild, &general, json!({"closes_at": hour})).await;
        assert_eq!(poll["closes_at"], json!(hour));
        vote(&bob, &poll, &["1"]).await.expect(200);

        app.advance(Duration::from_secs(3_601));

        // By its hour, and not only when its timer has run.
        vote(&ada, &poll, &["2"]).await.problem(409, "POLL_CLOSED");
        until("it ends", async || !bob.get(&at(&poll)).await.expect(200)["closed_at"].is_null()).await;
        let ended = bob.get(&at(&poll)).await.expect(200);
        assert_eq!((counts(&ended), &ended["winners"]), (json!([1, 0, 0]), &json!(["1"])));
        until("its result is told", async || {
            let page = bob.get(&format!("/channels/{general}/messages?limit=1")).await.expect(200);
            page["items"][0]["content"].as_str().is_some_and(|content| content.contains("**Soup**"))
        })
        .await;
        assert_eq!(announcement(&bob, &poll).await["blocks"]["children"][1]["kind"], "progress");
    }
);
