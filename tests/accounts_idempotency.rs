//! `Idempotency-Key`: a request that is sent again is done once.

use std::time::Duration;

use crate::story;
use crate::support::{User, json};

fn with_key(user: &User, key: &str) -> User {
    user.with_header("idempotency-key", key)
}

story!(a_repeat_gets_the_first_answer, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let guild = json!({"name": "Engines"});
    let first = with_key(&ada, "one").post("/guilds", guild.clone()).await;
    let position = app.log_position().await;

    let again = with_key(&ada, "one").post("/guilds", guild.clone()).await;

    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let at_root = with_key(&ada, "one").post("//guilds", guild.clone()).await;
    assert_eq!(at_root.text, first.text, "the same route under its other address");
    assert_eq!(app.log_position().await, position);

    let other = with_key(&ada, "two").post("/guilds", guild.clone()).await.expect(201);
    let his = with_key(&bob, "one").post("/guilds", guild.clone()).await.expect(201);
    let none = ada.post("/guilds", guild).await.expect(201);
    let ids = [&first.body["id"], &other["id"], &his["id"], &none["id"]];
    assert!((1..4).all(|i| !ids[..i].contains(&ids[i])), "{ids:?}");
});

story!(a_key_stands_for_one_request, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    with_key(&ada, "one").post("/guilds", json!({"name": "Engines"})).await.expect(201);
    let before = app.log_position().await;
    let ada = with_key(&ada, "one");
    ada.post("/guilds", json!({"name": "Others"})).await.problem(422, "IDEMPOTENCY_MISMATCH");
    ada.post(&format!("/users/{}/block", bob.id), json!({})).await.problem(422, "IDEMPOTENCY_MISMATCH");
    for (key, code) in [("x".repeat(129), "TOO_LONG"), (" ".into(), "TOO_SHORT")] {
        let problem = with_key(&ada, &key).post("/guilds", json!({"name": "Engines"})).await;
        assert_eq!(problem.problem(422, "INVALID_FIELDS")["errors"][0]["code"], code);
    }
    assert_eq!(app.log_position().await, before);
    with_key(&ada, &"x".repeat(128)).post("/guilds", json!({"name": "Engines"})).await.expect(201);
    ada.get("/guilds").await.expect(200);
    ada.put("/users/@me/profile", json!({"bio": "Only what is posted can be repeated."})).await.expect(200);
});

story!(repeats_at_the_same_moment_wait_for_the_first, |app| {
    let [ada] = app.users(["ada"]).await;
    let ada = with_key(&ada, "one");
    let tries = (0..20).map(|_| ada.post("/guilds", json!({"name": "Engines"})));
    let answers = futures_util::future::join_all(tries).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text), "{answers:?}");
    let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 19);
    assert_eq!(ada.get("/guilds").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
});

story!(a_client_that_goes_away_finds_its_answer_later, |app| {
    let [ada] = app.users(["ada"]).await;
    let ada = with_key(&ada, "one");
    for _ in 0..10 {
        let request = ada.request(reqwest::Method::POST, "/guilds").json(&json!({"name": "Engines"}));
        let _ = tokio::time::timeout(Duration::from_millis(2), request.send()).await;
    }
    ada.post("/guilds", json!({"name": "Engines"})).await.expect(201);
    assert_eq!(ada.get("/guilds").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
});

story!(a_refusal_is_repeated_word_for_word, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let path = format!("/users/{}/block", bob.id);
    let bob = with_key(&bob, "one");
    let first = bob.post(&path, json!({})).await;
    let again = bob.with_header("accept-language", "de").post(&path, json!({})).await;
    assert_eq!((first.status, again.status, &first.text), (422, 422, &again.text));
    assert_eq!(again.headers["content-type"], "application/problem+json");
    with_key(&ada, "one").post(&path, json!({})).await.expect(200);
    let nobody = with_key(&app.nobody(), "one");
    nobody.post(&path, json!({})).await.problem(401, "UNAUTHENTICATED");
    nobody.post(&path, json!({})).await.problem(401, "UNAUTHENTICATED");
});

story!(an_answer_is_kept_for_a_day, |config| { config.tokens.access_seconds = 200_000 }, |app| {
    let [ada] = app.users(["ada"]).await;
    let ada = with_key(&ada, "one");
    let first = ada.post("/guilds", json!({"name": "Engines"})).await.expect(201);
    app.advance(Duration::from_secs(23 * 3600));
    assert_eq!(ada.post("/guilds", json!({"name": "Engines"})).await.expect(201), first);
    app.advance(Duration::from_secs(3601));
    let second = ada.post("/guilds", json!({"name": "Others"})).await.expect(201);
    assert_ne!(second["id"], first["id"]);
});

story!(secrets_are_not_kept, |app| {
    let [ada] = app.users(["ada"]).await;
    let ada = with_key(&ada, "one");
    let login = json!({"username": "ada", "password": crate::support::PASSWORD});
    let tokens = [ada.post("/login", login.clone()).await.expect(200), ada.post("/login", login).await.expect(200)];
    assert_ne!(tokens[0]["token"], tokens[1]["token"]);
    ada.post("/users/@me/bots", json!({"username": "helper"})).await.expect(201);
    ada.post("/users/@me/bots", json!({"username": "helper"})).await.problem(409, "USERNAME_TAKEN");
    ada.post("/users/@me/totp", json!({"password": crate::support::PASSWORD})).await.expect(200);
    let mut conn = app.app.db.read().await.expect("a connection");
    let kept = conn.one::<(i64,)>("select count(*) from idempotency_keys", &[]).await.expect("a number");
    assert_eq!(kept, (0,));
});
