//! Threads: from a message, out of nothing, as posts of a forum; put away, locked, woken.

use crate::story;
use crate::support::{Value, id_of, json};

story!(a_thread_branches_from_a_message_and_bears_its_id, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let said = id_of(&ada.say(&general, "What about pistons?").await);
    let path = format!("/channels/{general}/threads");

    let thread = bob.post(&path, json!({"name": " Pistons ", "message_id": said})).await.expect(201);

    assert_eq!(thread["id"], said);
    assert_eq!((&thread["kind"], &thread["name"]), (&json!("thread"), &json!("Pistons")));
    assert_eq!((&thread["parent_id"], &thread["starter_message_id"]), (&json!(general), &json!(said)));
    assert_eq!((&thread["owner_id"], &thread["guild_id"]), (&json!(bob.id), &json!(guild)));
    assert_eq!(bob.get(&format!("/channels/{said}")).await.expect(200), thread);
    let messages = ada.get(&format!("/channels/{general}/messages")).await.expect(200);
    let notice = &messages["items"][0];
    assert_eq!((&notice["kind"], &notice["content"]), (&json!("thread"), &json!(format!("<#{said}>"))));
    assert_eq!((&notice["author"]["id"], &notice["reply_to"]), (&json!(bob.id), &json!([said])));
    ada.say(&said, "They move.").await;
    assert_eq!(bob.get(&format!("/channels/{said}/messages")).await.expect(200)["items"][0]["content"], "They move.");

    let before = app.log_position().await;
    ada.post(&path, json!({"name": "again", "message_id": said})).await.problem(409, "ALREADY_EXISTS");
    eve.post(&path, json!({"name": "mine", "message_id": said})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
});

story!(a_thread_that_makes_no_sense_is_refused, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    let voice = ada.make_channel(&guild, json!({"name": "voice", "kind": "voice"})).await;
    let forum = ada.make_channel(&guild, json!({"name": "forum", "kind": "forum"})).await;
    let elsewhere = id_of(&ada.say(&other, "elsewhere").await);
    let before = app.log_position().await;

    let start = async |channel: &str, body: Value| bob.post(&format!("/channels/{channel}/threads"), body).await;
    assert_eq!(start(&general, json!({"name": "t", "message_id": elsewhere})).await.faults(), ["/message_id"]);
    assert_eq!(start(&general, json!({"name": "", "content": " "})).await.faults(), ["/content", "/name"]);
    assert_eq!(start(&forum, json!({"name": "t"})).await.faults(), ["/content"]);
    start(&voice, json!({"name": "t"})).await.problem(422, "WRONG_CHANNEL_KIND");
    bob.get(&format!("/channels/{voice}/threads")).await.problem(422, "WRONG_CHANNEL_KIND");
    assert_eq!(app.log_position().await, before);
    ada.except_everyone(&general, &guild, &[], &["CREATE_THREADS"]).await;
    let before = app.log_position().await;
    start(&general, json!({"name": "t"})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);
});

story!(a_post_in_a_forum_begins_with_its_first_message, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let forum = ada.make_channel(&guild, json!({"name": "forum", "kind": "forum"})).await;
    ada.post(&format!("/channels/{forum}/messages"), json!({"content": "?"})).await.problem(422, "WRONG_CHANNEL_KIND");

    let asked = json!({"name": "Valves", "content": format!("How many, <@{}>?", ada.id)});
    let post = id_of(&bob.post(&format!("/channels/{forum}/threads"), asked).await.expect(201));

    let messages = ada.get(&format!("/channels/{post}/messages")).await.expect(200);
    assert_eq!(messages["items"].as_array().map(Vec::len), Some(1));
    let first = &messages["items"][0];
    assert_eq!((&first["author"]["id"], &first["channel_id"]), (&json!(bob.id), &json!(post)));
    assert_eq!(first["mentions"], json!([ada.id]));
    let rows = app.log().await.into_iter().filter(|row| row.stream.to_string() == guild).collect::<Vec<_>>();
    let told: Vec<_> = rows[rows.len() - 2..].iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(told, ["channel_created", "message_created"]);
});

story!(threads_are_listed_apart_once_they_are_put_away, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let path = format!("/channels/{general}/threads");
    let mut threads = Vec::new();
    for name in ["a", "b", "c"] {
        threads.push(id_of(&bob.post(&path, json!({"name": name})).await.expect(201)));
    }
    bob.patch(&format!("/channels/{}", threads[1]), json!({"archived": true})).await.expect(200);

    let names = async |query: &str| -> (Vec<Value>, Value) {
        let page = ada.get(&format!("{path}{query}")).await.expect(200);
        let names = page["items"].as_array().unwrap().iter().map(|thread| thread["name"].clone()).collect();
        (names, page["has_more"].clone())
    };
    assert_eq!(names("").await, (vec![json!("c"), json!("a")], json!(false)));
    assert_eq!(names("?archived=true").await, (vec![json!("b")], json!(false)));
    assert_eq!(names("?limit=1").await, (vec![json!("c")], json!(true)));
    assert_eq!(names(&format!("?before={}", threads[2])).await, (vec![json!("a")], json!(false)));
    ada.get(&format!("{path}?limit=0")).await.problem(400, "INVALID_QUERY");
    ada.get(&format!("{path}?closed=true")).await.problem(400, "INVALID_QUERY");
});

story!(a_message_wakes_a_thread_that_is_put_away_but_not_one_that_is_locked, |app| {
    let ([ada, bob, cleo], _, general) = app.guild_of(["ada", "bob", "cleo"]).await;
    let thread = id_of(&bob.post(&format!("/channels/{general}/threads"), json!({"name": "t"})).await.expect(201));
    let path = format!("/channels/{thread}");

    bob.patch(&path, json!({"archived": true})).await.expect(200);
    cleo.say(&thread, "one more thing").await;
    assert_eq!(bob.get(&path).await.expect(200)["archived"], false);

    ada.patch(&path, json!({"archived": true, "locked": true})).await.expect(200);
    let before = app.log_position().await;
    let said = json!({"content": "me too"});
    for somebody in [&bob, &cleo] {
        somebody.post(&format!("{path}/messages"), said.clone()).await.problem(403, "THREAD_LOCKED");
        somebody.patch(&path, json!({"locked": false})).await.problem(403, "MISSING_PERMISSION");
        somebody.patch(&path, json!({"archived": false})).await.problem(403, "MISSING_PERMISSION");
    }
    assert_eq!(app.log_position().await, before);
    ada.say(&thread, "the last word").await;
    let woken = ada.get(&path).await.expect(200);
    assert_eq!((&woken["archived"], &woken["locked"]), (&json!(false), &json!(true)));
});

story!(a_thread_belongs_to_its_starter_and_to_those_who_manage_threads, |app| {
    let ([ada, bob, cleo], _, general) = app.guild_of(["ada", "bob", "cleo"]).await;
    let thread = id_of(&bob.post(&format!("/channels/{general}/threads"), json!({"name": "t"})).await.expect(201));
    let path = format!("/channels/{thread}");

    let renamed = bob.patch(&path, json!({"name": "Talk", "slowmode_seconds": 5})).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["slowmode_seconds"]), (&json!("Talk"), &json!(5)));
    let before = app.log_position().await;
    cleo.patch(&path, json!({"name": "Mine"})).await.problem(403, "MISSING_PERMISSION");
    bob.patch(&path, json!({"locked": true})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(bob.patch(&path, json!({"topic": "x"})).await.faults(), ["/topic"]);
    bob.delete(&path).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);

    ada.except(&general, &cleo, &["MANAGE_THREADS"], &[]).await;
    cleo.patch(&path, json!({"locked": true})).await.expect(200);
    cleo.delete(&path).await.expect(204);
    bob.get(&path).await.problem(404, "NOT_FOUND");
});

story!(a_thread_asks_for_its_own_permission_to_speak_and_hides_with_its_channel, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let thread = id_of(&ada.post(&format!("/channels/{general}/threads"), json!({"name": "t"})).await.expect(201));

    ada.except_everyone(&general, &guild, &[], &["SEND_MESSAGES"]).await;
    bob.say(&thread, "here I may").await;
    ada.except_everyone(&general, &guild, &[], &["SEND_IN_THREADS"]).await;
    bob.say(&general, "and there").await;
    let said = json!({"content": "?"});
    bob.post(&format!("/channels/{thread}/messages"), said).await.problem(403, "MISSING_PERMISSION");
    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
    bob.get(&format!("/channels/{thread}")).await.problem(404, "NOT_FOUND");
});
