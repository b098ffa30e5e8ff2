//! Bots: accounts of programs, and the people they belong to.

use crate::story;
use crate::support::{Socket, TestApp, User, Value, json};

/// Makes a bot; answers it as it came, and with its token.
async fn make(app: &TestApp, owner: &User, name: &str) -> (Value, User) {
    let bot = owner.post("/users/@me/bots", json!({"username": name, "display_name": "A bot"})).await.expect(201);
    let token = bot["token"].as_str().expect("a token").to_owned();
    let mut user = app.nobody().with_authorization(&format!("Bot {token}"));
    (user.id, user.name) = (bot["id"].as_str().expect("an id").to_owned(), name.to_owned());
    (bot, user)
}

story!(a_bot_talks_with_its_token, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let (made, bot) = make(&app, &ada, "helper").await;
    assert_eq!((&made["bot"], &made["display_name"]), (&json!(true), &json!("A bot")));
    assert_eq!(made["email"], json!(null));

    ada.put(&format!("/guilds/{guild}/members/{}", bot.id), json!({})).await.expect(201);
    let mut ears = Socket::connect(&bot).await;
    let said = ada.say(&general, "Hello").await;
    assert_eq!(ears.event("message_created").await, said);
    assert_eq!(bot.say(&general, "Beep").await["author"]["kind"], "bot");
    assert_eq!(bot.get("/users/@me/profile").await.expect(200)["id"], made["id"]);
    let listed = ada.get("/users/@me/bots").await.expect(200);
    assert_eq!(listed["items"][0]["id"], made["id"]);
    assert_eq!(listed["items"][0]["token"], json!(null), "it was shown once");
    let rows = app.log().await;
    let token = made["token"].as_str().expect("a token");
    assert!(rows.iter().all(|row| !row.payload.contains(token)), "no token stands in the log");
});

story!(a_new_token_makes_the_old_one_worthless_at_once, |app| {
    let [ada] = app.users(["ada"]).await;
    let (made, bot) = make(&app, &ada, "helper").await;
    let mut socket = Socket::connect(&bot).await;
    let id = made["id"].as_str().expect("an id");

    let renewed = ada.post(&format!("/users/@me/bots/{id}/token"), json!({})).await.expect(200);

    bot.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    assert_eq!(socket.close_code().await, 4014);
    let bot = bot.with_authorization(&format!("Bot {}", renewed["token"].as_str().expect("a token")));
    assert_eq!(bot.get("/users/@me/profile").await.expect(200)["id"], made["id"]);
    let mut again = Socket::connect(&bot).await;
    again.nothing("session_revoked").await;
});

story!(a_deleted_bot_is_silent_and_its_name_is_free, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let (made, bot) = make(&app, &ada, "helper").await;
    ada.put(&format!("/guilds/{guild}/members/{}", bot.id), json!({})).await.expect(201);
    bot.say(&general, "Beep").await;
    let mut socket = Socket::connect(&bot).await;
    let id = made["id"].as_str().expect("an id");

    ada.delete(&format!("/users/@me/bots/{id}")).await.expect(204);

    assert_eq!(socket.close_code().await, 4014);
    bot.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    assert_eq!(ada.get("/users/@me/bots").await.expect(200)["items"], json!([]));
    ada.delete(&format!("/users/@me/bots/{id}")).await.problem(404, "NOT_FOUND");
    ada.post(&format!("/users/@me/bots/{id}/token"), json!({})).await.problem(404, "NOT_FOUND");
    make(&app, &ada, "helper").await;
});

story!(bots_are_refused_what_only_people_may, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (made, bot) = make(&app, &ada, "helper").await;
    let id = made["id"].as_str().expect("an id");
    let before = app.log_position().await;

    bot.post("/users/@me/bots", json!({"username": "child"})).await.problem(403, "BOTS_FORBIDDEN");
    bot.post(&format!("/users/@me/bots/{id}/token"), json!({})).await.problem(403, "BOTS_FORBIDDEN");
    bot.post(&format!("/users/{}/block", bob.id), json!({})).await.problem(403, "BOTS_FORBIDDEN");
    bot.put("/users/@me/profile", json!({"email": "bot@example.com"})).await.problem(403, "BOTS_FORBIDDEN");
    let password = json!({"current_password": "x", "new_password": "correct donkey"});
    bot.put("/users/@me/password", password).await.problem(403, "BOTS_FORBIDDEN");
    bot.post("/users/@me/totp", json!({"password": "x"})).await.problem(403, "BOTS_FORBIDDEN");
    bot.post("/auth/verify-email", json!({})).await.problem(403, "BOTS_FORBIDDEN");
    let login = json!({"username": "helper", "password": made["token"]});
    app.nobody().post("/login", login).await.problem(401, "BAD_CREDENTIALS");
    bob.post(&format!("/users/@me/bots/{id}/token"), json!({})).await.problem(404, "NOT_FOUND");
    bob.delete(&format!("/users/@me/bots/{id}")).await.problem(404, "NOT_FOUND");
    ada.post("/users/@me/bots", json!({"username": "he1per"})).await.problem(409, "USERNAME_TAKEN");
    ada.post("/users/@me/bots", json!({"username": "!", "display_name": ""})).await.problem(422, "INVALID_FIELDS");

    assert_eq!(app.log_position().await, before);
    bot.put("/users/@me/profile", json!({"bio": "I help."})).await.expect(200);
});

story!(nobody_has_more_than_twenty_five_bots, |app| {
    let [ada] = app.users(["ada"]).await;
    for number in 0..25 {
        make(
            &app,
            &ada,
            &format!("bot_{}{}", ["a", "b", "c", "d", "e"][number / 5], ["p", "q", "s", "t", "u"][number % 5]),
        )
        .await;
    }
    let before = app.log_position().await;
    ada.post("/users/@me/bots", json!({"username": "one_more"})).await.problem(409, "LIMIT_REACHED");
    assert_eq!(app.log_position().await, before);
});
