//! Profiles, names that look alike, and blocks.

use crate::story;
use crate::support::{Socket, json};

story!(people_say_of_themselves_what_they_like, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let mut hers = Socket::connect(&ada).await;

    let update = json!({"display_name": "  Ada Lovelace ", "bio": "Numbers.", "locale": "fr", "avatar_file_id": null});
    let profile = ada.put("/users/@me/profile", update).await.expect(200);

    assert_eq!(profile["display_name"], "Ada Lovelace");
    assert_eq!((&profile["bio"], &profile["locale"]), (&json!("Numbers."), &json!("fr")));
    assert_eq!(profile["email"], "ada@example.com");
    let event = hers.event("user_updated").await;
    assert_eq!(event["display_name"], "Ada Lovelace");
    assert_eq!(event["email"], json!(null), "the address is nobody else's affair");
    let seen = bob.get(&format!("/users/{}/profile", ada.id)).await.expect(200);
    assert_eq!((&seen["bio"], &seen["email"]), (&json!("Numbers."), &json!(null)));
    let (guild, general) = ada.guild("Engines").await;
    assert_eq!(ada.say(&general, "Bonjour").await["author"]["display_name"], "Ada Lovelace", "{guild}");
});

story!(nobody_changes_the_profile_of_somebody_else, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let before = app.log_position().await;

    bob.put(&format!("/users/{}/profile", ada.id), json!({"bio": "A fool."})).await.problem(403, "FORBIDDEN");
    bob.put("/users/1/profile", json!({"bio": "A fool."})).await.problem(404, "NOT_FOUND");
    app.nobody().put("/users/@me/profile", json!({"bio": "A fool."})).await.problem(401, "UNAUTHENTICATED");
    let taken = json!({"email": "ADA@example.com"});
    bob.put("/users/@me/profile", taken).await.problem(409, "EMAIL_TAKEN");
    let wrong = json!({
        "display_name": "a\u{202e}b", "bio": "x".repeat(1001), "avatar_file_id": "7", "locale": "xx", "email": "nowhere",
        "admin": true,
    });
    let faults = bob.put("/users/@me/profile", wrong).await.faults();
    assert_eq!(faults, ["/admin", "/avatar_file_id", "/bio", "/display_name", "/email", "/locale"]);

    assert_eq!(app.log_position().await, before);
    assert_eq!(ada.get("/users/@me/profile").await.expect(200)["bio"], "");
    bob.put("/users/@me/profile", json!({})).await.expect(200);
    assert_eq!(app.log_position().await, before, "nothing was asked for, so nothing happened");
});

story!(names_that_look_alike_are_refused, |app| {
    let nobody = app.nobody();
    app.users(["paypal"]).await;
    let before = app.log_position().await;
    for username in ["paypal", "PayPal", "paypaI", "рaypal", "ｐａｙｐａｌ", "paypa1"] {
        let account = json!({"username": username, "password": "password", "email": "mallory@example.com"});
        let answer = nobody.post("/register", account).await;
        // A name of two alphabets is refused for that, before anybody looks whom it resembles.
        let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
        assert!(["USERNAME_TAKEN", "INVALID_FIELDS"].contains(&code.as_str()), "{username}: {}", answer.text);
    }
    let taken = json!({"username": "other", "password": "password", "email": "PayPal@Example.com "});
    assert!([409, 422].contains(&nobody.post("/register", taken).await.status));
    assert_eq!(app.log_position().await, before);
});

story!(a_block_is_told_to_ones_own_devices_alone_and_stands_once, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    let path = format!("/users/{}/block", bob.id);

    let block = ada.post(&path, json!({})).await.expect(200);
    assert_eq!(block["user_id"], bob.id);
    assert_eq!(hers.event("block_added").await, block);
    let position = app.log_position().await;
    assert_eq!(ada.post(&path, json!({})).await.expect(200), block);
    assert_eq!(app.log_position().await, position, "they were blocked already");
    assert_eq!(Socket::connect(&ada).await.ready["blocked"], json!([bob.id]));

    ada.delete(&path).await.expect(204);
    assert_eq!(hers.event("block_removed").await["user_id"], bob.id);
    let position = app.log_position().await;
    ada.delete(&path).await.expect(204);
    assert_eq!(app.log_position().await, position);
    his.nothing("block_added").await;
    his.nothing("block_removed").await;
});

story!(one_blocks_others_who_are_there, |app| {
    let [ada] = app.users(["ada"]).await;
    let before = app.log_position().await;
    assert_eq!(ada.post("/users/@me/block", json!({})).await.faults(), ["/user_id"]);
    assert_eq!(ada.delete(&format!("/users/{}/block", ada.id)).await.faults(), ["/user_id"]);
    ada.post("/users/1/block", json!({})).await.problem(404, "NOT_FOUND");
    app.nobody().post(&format!("/users/{}/block", ada.id), json!({})).await.problem(401, "UNAUTHENTICATED");
    assert_eq!(app.log_position().await, before);
});
