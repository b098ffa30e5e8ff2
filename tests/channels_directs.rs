//! Direct messages and groups.

use crate::story;
use crate::support::{Socket, User, Value, id_of, json};

async fn open(user: &User, others: &[&User]) -> crate::support::Answer {
    let ids: Vec<&str> = others.iter().map(|other| other.id.as_str()).collect();
    user.post("/users/@me/channels", json!({"recipient_ids": ids})).await
}

fn people(channel: &Value) -> Vec<String> {
    let list = channel["recipients"].as_array().expect("recipients").iter();
    let mut people: Vec<String> = list.map(|id| id.as_str().expect("an id").to_owned()).collect();
    people.sort_by_key(|id| id.parse::<u64>().ok());
    people
}

story!(two_people_share_one_direct_channel_whoever_opens_it, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;

    let direct = open(&ada, &[&bob]).await.expect(201);

    assert_eq!((&direct["kind"], &direct["guild_id"]), (&json!("direct"), &Value::Null));
    assert_eq!(people(&direct), [ada.id.clone(), bob.id.clone()]);
    let before = app.log_position().await;
    assert_eq!(open(&ada, &[&bob]).await.expect(200), direct);
    assert_eq!(open(&bob, &[&ada]).await.expect(200), direct);
    assert_eq!(app.log_position().await, before);
    let id = id_of(&direct);
    let said = ada.say(&id, "psst").await;
    assert_eq!(bob.get(&format!("/channels/{id}/messages")).await.expect(200)["items"], json!([said]));
    assert_eq!(bob.get("/users/@me/channels").await.expect(200)["items"], json!([direct]));
    assert_eq!(eve.get("/users/@me/channels").await.expect(200)["items"], json!([]));
    eve.get(&format!("/channels/{id}")).await.problem(404, "NOT_FOUND");
    eve.post(&format!("/channels/{id}/messages"), json!({"content": "?"})).await.problem(404, "NOT_FOUND");
    assert!(bob.may(&id).await.contains(&"SEND_MESSAGES".to_owned()));
});

story!(a_direct_channel_that_both_open_at_once_is_one, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;

    let asked = (0..8).map(|i| {
        let (one, other) = if i % 2 == 0 { (ada.clone(), bob.clone()) } else { (bob.clone(), ada.clone()) };
        tokio::spawn(async move { open(&one, &[&other]).await })
    });
    let mut answers = Vec::new();
    for task in asked.collect::<Vec<_>>() {
        answers.push(task.await.expect("an answer"));
    }

    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body && answer.status < 300));
    let created = app.log().await.iter().filter(|row| row.kind.as_str() == "channel_created").count();
    assert_eq!(created, 1);
});

story!(whom_one_cannot_write_to_is_refused, |app| {
    let [ada, bob, cleo] = app.users(["ada", "bob", "cleo"]).await;
    let before = app.log_position().await;

    let ask = async |body: Value| ada.post("/users/@me/channels", body).await;
    assert_eq!(ask(json!({"recipient_ids": []})).await.faults(), ["/recipient_ids"]);
    assert_eq!(ask(json!({"recipient_ids": [ada.id]})).await.faults(), ["/recipient_ids/0"]);
    assert_eq!(ask(json!({"recipient_ids": [bob.id, bob.id]})).await.faults(), ["/recipient_ids/1"]);
    assert_eq!(ask(json!({"recipient_ids": [bob.id], "name": "us"})).await.faults(), ["/name"]);
    let unknown = ask(json!({"recipient_ids": ["12345", bob.id]})).await;
    assert_eq!(unknown.body["errors"][0]["code"], "UNKNOWN_REFERENCE");
    assert_eq!(unknown.faults(), ["/recipient_ids/0"]);
    let many: Vec<String> = (1..=10).map(|id| id.to_string()).collect();
    assert_eq!(ask(json!({"recipient_ids": many})).await.faults(), ["/recipient_ids"]);
    app.nobody().get("/users/@me/channels").await.problem(401, "UNAUTHENTICATED");
    open(&app.nobody(), &[&cleo]).await.problem(401, "UNAUTHENTICATED");
    assert_eq!(app.log_position().await, before);
});

story!(a_group_is_new_each_time_and_anybody_in_it_may_name_it_and_bring_others, |app| {
    let [ada, bob, cleo, dan] = app.users(["ada", "bob", "cleo", "dan"]).await;
    let group = open(&ada, &[&bob, &cleo]).await.expect(201);
    assert_eq!((&group["kind"], &group["owner_id"]), (&json!("group"), &json!(ada.id)));
    assert_eq!(people(&group), [ada.id.clone(), bob.id.clone(), cleo.id.clone()]);
    assert_ne!(open(&ada, &[&bob, &cleo]).await.expect(201)["id"], group["id"]);
    let id = id_of(&group);
    let path = format!("/channels/{id}");

    assert_eq!(cleo.patch(&path, json!({"name": "Us"})).await.expect(200)["name"], "Us");
    assert_eq!(cleo.patch(&path, json!({"topic": "t", "nsfw": true})).await.faults(), ["/nsfw", "/topic"]);
    dan.patch(&path, json!({"name": "Mine"})).await.problem(404, "NOT_FOUND");
    dan.put(&format!("{path}/recipients/@me"), json!({})).await.problem(404, "NOT_FOUND");
    bob.put(&format!("{path}/recipients/12345"), json!({})).await.problem(404, "NOT_FOUND");
    let grown = bob.put(&format!("{path}/recipients/{}", dan.id), json!({})).await.expect(200);
    assert_eq!(people(&grown).len(), 4);
    dan.say(&id, "thanks").await;
    let before = app.log_position().await;
    assert_eq!(ada.put(&format!("{path}/recipients/{}", dan.id), json!({})).await.expect(200), grown);
    let direct = id_of(&open(&ada, &[&bob]).await.expect(201));
    ada.put(&format!("/channels/{direct}/recipients/{}", dan.id), json!({})).await.problem(422, "WRONG_CHANNEL_KIND");
    assert_eq!(app.log_position().await, before + 1, "only the direct channel was made");
});

story!(one_leaves_a_group_its_owner_removes_others_and_hands_it_over, |app| {
    let [ada, bob, cleo] = app.users(["ada", "bob", "cleo"]).await;
    let id = id_of(&open(&ada, &[&bob, &cleo]).await.expect(201));
    let path = format!("/channels/{id}/recipients");
    bob.delete(&format!("{path}/{}", cleo.id)).await.problem(403, "FORBIDDEN");

    ada.delete(&format!("{path}/{}", cleo.id)).await.expect(204);
    cleo.get(&format!("/channels/{id}")).await.problem(404, "NOT_FOUND");
    ada.delete(&format!("{path}/{}", cleo.id)).await.problem(404, "NOT_FOUND");
    ada.delete(&format!("{path}/@me")).await.expect(204);
    let left = bob.get(&format!("/channels/{id}")).await.expect(200);
    assert_eq!((&left["owner_id"], &left["recipients"]), (&json!(bob.id), &json!([bob.id])));
    bob.delete(&format!("{path}/@me")).await.expect(204);
    bob.get(&format!("/channels/{id}")).await.problem(404, "NOT_FOUND");
    assert_eq!(bob.get("/users/@me/channels").await.expect(200)["items"], json!([]));
});

story!(a_group_has_room_for_ten, |app| {
    let [ada] = app.users(["ada"]).await;
    let others = app.users(["b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11"]).await;
    let nine: Vec<&User> = others[..9].iter().collect();
    let group = open(&ada, &nine).await.expect(201);
    assert_eq!(people(&group).len(), 10);
    let before = app.log_position().await;
    let path = format!("/channels/{}/recipients/{}", id_of(&group), others[9].id);
    ada.put(&path, json!({})).await.problem(409, "LIMIT_REACHED");
    assert_eq!(app.log_position().await, before);
});

story!(a_direct_channel_reaches_an_open_socket_before_its_first_message, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let mut ears = Socket::connect_with(&bob, "none").await;

    let direct = open(&ada, &[&bob]).await.expect(201);
    let said = ada.say(&id_of(&direct), "psst").await;

    let created = ears.frame().await;
    assert_eq!((&created["t"], &created["g"], &created["d"]), (&json!("channel_created"), &direct["id"], &direct));
    let heard = ears.frame().await;
    assert_eq!((&heard["t"], &heard["d"]), (&json!("message_created"), &said));
});

story!(whoever_comes_to_a_group_hears_it_and_whoever_goes_hears_no_more, |app| {
    let [ada, bob, cleo] = app.users(["ada", "bob", "cleo"]).await;
    let dan = User::register(&app, "dan").await;
    let id = id_of(&open(&ada, &[&bob, &cleo]).await.expect(201));
    let mut his = Socket::connect(&dan).await;
    let mut hers = Socket::connect(&cleo).await;

    let grown = ada.put(&format!("/channels/{id}/recipients/{}", dan.id), json!({})).await.expect(200);
    assert_eq!(his.event("channel_updated").await, grown);
    ada.say(&id, "welcome").await;
    assert_eq!(his.event("message_created").await["content"], "welcome");
    ada.delete(&format!("/channels/{id}/recipients/{}", cleo.id)).await.expect(204);
    ada.say(&id, "she is gone").await;

    assert_eq!(hers.event("message_created").await["content"], "welcome");
    assert_eq!(hers.event("channel_hidden").await["channel_id"], id);
    hers.nothing("message_created").await;
    hers.nothing("channel_updated").await;
    assert_eq!(his.event("message_created").await["content"], "she is gone");
});

story!(who_has_blocked_or_is_blocked_opens_no_channel, |app| {
    let [ada, bob, cleo] = app.users(["ada", "bob", "cleo"]).await;
    let direct = id_of(&open(&ada, &[&bob]).await.expect(201));
    let group = id_of(&open(&cleo, &[&ada, &bob]).await.expect(201));
    bob.post(&format!("/users/{}/block", ada.id), json!({})).await;
    let before = app.log_position().await;

    for (one, other) in [(&ada, &bob), (&bob, &ada)] {
        open(one, &[other]).await.problem(403, "BLOCKED");
        open(one, &[other, &cleo]).await.problem(403, "BLOCKED");
        one.post(&format!("/channels/{direct}/messages"), json!({"content": "?"})).await.problem(403, "BLOCKED");
    }
    assert_eq!(app.log_position().await, before);
    cleo.delete(&format!("/channels/{group}/recipients/{}", bob.id)).await.expect(204);
    ada.put(&format!("/channels/{group}/recipients/{}", bob.id), json!({})).await.problem(403, "BLOCKED");
    cleo.put(&format!("/channels/{group}/recipients/{}", bob.id), json!({})).await.expect(200);
});

story!(a_bot_writes_to_people_but_opens_no_groups, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let made = ada.post("/users/@me/bots", json!({"username": "helper"})).await.expect(201);
    let bot = app.nobody().with_authorization(&format!("Bot {}", made["token"].as_str().expect("a token")));
    let before = app.log_position().await;

    open(&bot, &[&ada, &bob]).await.problem(403, "BOTS_FORBIDDEN");
    assert_eq!(app.log_position().await, before);
    let direct = open(&bot, &[&ada]).await.expect(201);
    assert_eq!(bot.say(&id_of(&direct), "beep").await["author"]["kind"], "bot");
});
