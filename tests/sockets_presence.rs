//! Members in pages, and who of them is there.

use std::time::Duration;

use crate::story;
use crate::support::{Socket, id_of, json};

story!(members_come_in_pages_and_are_watched_from_then_on, |app| {
    let ([ada, bob, eve], guild, _) = app.guild_of(["ada", "bob", "eve"]).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;

    let page = hers.request("request_members", json!({"guild_id": guild, "limit": 2})).await.unwrap();
    let shown: Vec<_> = page["items"].as_array().unwrap().iter().map(|one| one["presence"]["status"].clone()).collect();
    assert_eq!((shown, &page["has_more"]), (vec![json!("online"), json!("online")], &json!(true)));
    let after = json!({"guild_id": guild, "after": bob.id});
    let page = hers.request("request_members", after).await.unwrap();
    assert_eq!((&page["items"][0]["user"]["id"], &page["has_more"]), (&json!(eve.id), &json!(false)));
    assert_eq!(page["items"][0]["presence"]["status"], "offline");

    his.request("set_presence", json!({"status": "dnd"})).await.unwrap();
    assert_eq!(hers.event("presence").await, json!({"user_id": bob.id, "status": "dnd"}));
    let _eves = Socket::connect(&eve).await;
    assert_eq!(hers.event("presence").await, json!({"user_id": eve.id, "status": "online"}));
    his.request("set_presence", json!({"status": "invisible"})).await.unwrap();
    assert_eq!(hers.event("presence").await, json!({"user_id": bob.id, "status": "offline"}));

    let refused = his.request("request_members", json!({"guild_id": "1"})).await.unwrap_err();
    assert_eq!(refused["code"], "NOT_FOUND");
    let refused = his.request("request_members", json!({"guild_id": guild, "limit": 101})).await.unwrap_err();
    assert_eq!(refused["errors"][0]["pointer"], "/limit");
    let refused = his.request("set_presence", json!({"status": "asleep"})).await.unwrap_err();
    assert_eq!(refused["code"], "INVALID_FIELDS");
});

story!(the_people_one_talks_to_are_watched_by_themselves, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let mut his = Socket::connect(&bob).await;
    let direct = id_of(&ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201));

    let mut hers = Socket::connect(&ada).await;
    assert_eq!(hers.ready["presences"], json!([{"user_id": bob.id, "status": "online"}]));
    assert_eq!(his.event("presence").await, json!({"user_id": ada.id, "status": "online"}));

    ada.post(&format!("/users/{}/block", bob.id), json!({})).await.expect(200);
    hers.event("block_added").await;
    hers.request("set_presence", json!({"status": "idle"})).await.unwrap();
    his.request("set_presence", json!({"status": "dnd"})).await.unwrap();
    his.request("typing", json!({"channel_id": direct})).await.unwrap();
    his.nothing("presence").await;
    hers.nothing("presence").await;
    hers.nothing("typing").await;
});

story!(who_left_a_guild_is_not_watched_through_it_any_more, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;
    for socket in [&mut hers, &mut his] {
        socket.request("request_members", json!({"guild_id": guild})).await.unwrap();
    }

    ada.delete(&format!("/guilds/{guild}/members/{}", bob.id)).await.expect(204);
    hers.event("member_left").await;
    his.event("member_left").await;
    his.request("set_presence", json!({"status": "dnd"})).await.unwrap();
    hers.request("set_presence", json!({"status": "dnd"})).await.unwrap();

    hers.nothing("presence").await;
    his.nothing("presence").await;
});

story!(a_reconnect_makes_no_noise_and_a_departure_is_told_after_a_while, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let mut hers = Socket::connect(&ada).await;
    let his = Socket::connect(&bob).await;
    hers.request("request_members", json!({"guild_id": guild})).await.unwrap();

    drop(his);
    let again = Socket::connect(&bob).await;
    hers.nothing("presence").await;

    drop(again);
    while !app.app.hub.handles_of(bob.id.parse().unwrap()).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.app.hub.presences.sweep(tokio::time::Instant::now() + guildhall::sockets::presence::GRACE);
    assert_eq!(hers.event("presence").await, json!({"user_id": bob.id, "status": "offline"}));
});
