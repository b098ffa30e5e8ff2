//! Changing a password, getting back in without it, and verified addresses, with a real mail server.

use std::time::Duration;

use crate::story;
use crate::support::{Mailbox, PASSWORD, Socket, TestApp, User, Value, json};

/// An address that no other story has.
fn address(name: &str) -> String {
    format!("{name}.{:016x}@example.com", rand::random::<u64>())
}

async fn register(app: &TestApp, name: &str, email: &str) -> User {
    let account = json!({"username": name, "password": PASSWORD, "email": email});
    app.nobody().post("/register", account).await.expect(201);
    app.nobody().login(name, PASSWORD).await
}

async fn verified(user: &User) -> Value {
    user.get("/users/@me/profile").await.expect(200)["email_verified"].clone()
}

story!(a_changed_password_ends_every_other_session, |app| {
    let [ada] = app.users(["ada"]).await;
    let phone = app.nobody().login("ada", PASSWORD).await;
    let mut far = Socket::connect(&phone).await;
    let change = json!({"current_password": PASSWORD, "new_password": "correct donkey"});

    ada.put("/users/@me/password", change).await.expect(204);

    assert_eq!(far.close_code().await, 4014);
    phone.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    app.nobody()
        .post("/auth/refresh", json!({"refresh_token": phone.refresh_token}))
        .await
        .problem(401, "TOKEN_EXPIRED");
    ada.get("/users/@me/profile").await.expect(200);
    let old = json!({"username": "ada", "password": PASSWORD});
    app.nobody().post("/login", old).await.problem(401, "BAD_CREDENTIALS");
    app.nobody().login("ada", "correct donkey").await;
});

story!(a_password_is_changed_by_whoever_knows_it, |app| {
    let [ada] = app.users(["ada"]).await;
    let before = app.log_position().await;
    let wrong = json!({"current_password": "wrong", "new_password": "correct donkey"});
    ada.put("/users/@me/password", wrong).await.problem(401, "BAD_CREDENTIALS");
    let short = json!({"current_password": PASSWORD, "new_password": "1234567"});
    assert_eq!(ada.put("/users/@me/password", short).await.faults(), ["/new_password"]);
    assert_eq!(ada.put("/users/@me/password", json!({})).await.faults(), ["/current_password", "/new_password"]);
    assert_eq!(app.log_position().await, before);
    app.nobody().login("ada", PASSWORD).await;
});

story!(without_a_mail_server_nothing_pretends_to_send, |app| {
    let [ada] = app.users(["ada"]).await;
    let before = app.log_position().await;
    let asked = json!({"email": "ada@example.com"});
    app.nobody().post("/auth/password-reset", asked).await.problem(503, "MAIL_UNAVAILABLE");
    ada.post("/auth/verify-email", json!({})).await.problem(503, "MAIL_UNAVAILABLE");
    assert_eq!(app.log_position().await, before);
});

story!(a_reset_has_one_of_two_shapes, |app| {
    let nobody = app.nobody();
    let faults = |body| {
        let nobody = nobody.clone();
        async move { nobody.post("/auth/password-reset", body).await.faults() }
    };
    assert_eq!(faults(json!({})).await, ["/email"]);
    assert_eq!(faults(json!({"token": "x"})).await, ["/new_password"]);
    assert_eq!(faults(json!({"new_password": "correct donkey"})).await, ["/token"]);
    assert_eq!(faults(json!({"email": "a@example.com", "token": "x"})).await, ["/token"]);
    assert_eq!(faults(json!({"token": "x", "new_password": "1234567"})).await, ["/new_password"]);
});

story!(a_forgotten_password_is_replaced_by_a_letter, |config| { Mailbox::use_in(config) }, |app| {
    let Some(mailbox) = Mailbox::get() else { return };
    let email = address("ada");
    let ada = register(&app, "ada", &email).await;
    mailbox.letter(&email).await;
    ada.put("/users/@me/profile", json!({"display_name": "Ada L.", "locale": "es"})).await.expect(200);
    let nobody = app.nobody();

    let known = nobody.post("/auth/password-reset", json!({"email": email.to_uppercase()})).await;
    let unknown = nobody.post("/auth/password-reset", json!({"email": address("nobody")})).await;
    assert_eq!((known.status, &known.text), (202, &unknown.text), "the answers don't tell the two apart");
    assert_eq!(unknown.status, 202);

    let letter = mailbox.letter(&email).await;
    assert_eq!(letter["subject"], "Restablece tu contraseña de Guildhall");
    assert_eq!(letter["from"], "Guildhall <guildhall@example.org>");
    assert!(letter["text"].as_str().expect("a text").contains("Ada L."), "{letter}");
    let link = crate::support::link(&letter);
    let token = link.strip_prefix("http://guildhall.test/reset/").expect("a link to this server");
    let page = nobody.get(&format!("//reset/{token}")).await;
    assert!(page.text.contains("data-action=\"/api/v1/auth/password-reset\""), "{}", page.text);
    let mut socket = Socket::connect(&ada).await;
    let reset = json!({"token": token, "new_password": "correct donkey"});
    nobody.post("/auth/password-reset", reset.clone()).await.expect(204);

    assert_eq!(socket.close_code().await, 4014);
    ada.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    nobody.post("/login", json!({"username": "ada", "password": PASSWORD})).await.problem(401, "BAD_CREDENTIALS");
    let ada = nobody.login("ada", "correct donkey").await;
    assert_eq!(verified(&ada).await, true, "whoever has the letter has the address");
    assert_eq!(mailbox.letter(&email).await["subject"], "Tu contraseña de Guildhall ha cambiado");
    let before = app.log_position().await;
    nobody.post("/auth/password-reset", reset).await.problem(401, "TOKEN_EXPIRED");
    assert_eq!(app.log_position().await, before);
});

story!(a_link_to_a_new_password_ends, |config| { Mailbox::use_in(config) }, |app| {
    let Some(mailbox) = Mailbox::get() else { return };
    let email = address("ada");
    let ada = register(&app, "ada", &email).await;
    mailbox.letter(&email).await;
    let nobody = app.nobody();
    let ask = || async {
        nobody.post("/auth/password-reset", json!({"email": email})).await.expect(202);
        mailbox.token(&email).await
    };
    let refused = |token: String| {
        let nobody = nobody.clone();
        async move {
            let reset = json!({"token": token, "new_password": "correct donkey"});
            nobody.post("/auth/password-reset", reset).await.problem(401, "TOKEN_EXPIRED");
        }
    };

    let first = ask().await;
    let second = ask().await;
    refused(first).await;
    app.advance(Duration::from_secs(3601));
    refused(second).await;
    let third = ask().await;
    let ada = nobody.login(&ada.name, PASSWORD).await;
    let change = json!({"current_password": PASSWORD, "new_password": "correct mule"});
    ada.put("/users/@me/password", change).await.expect(204);
    refused(third).await;
    assert!(mailbox.letter(&email).await["text"].as_str().expect("a text").contains("was just changed"));
    let fourth = ask().await;
    ada.put("/users/@me/profile", json!({"email": address("ada.new")})).await.expect(200);
    refused(fourth).await;
});

story!(an_address_is_verified_by_its_letter_and_anew_when_it_changes, |config| { Mailbox::use_in(config) }, |app| {
    let Some(mailbox) = Mailbox::get() else { return };
    let (first, second) = (address("ada"), address("busy"));
    let ada = register(&app, "ada", &first).await;
    let nobody = app.nobody();
    let lost = mailbox.token(&first).await;
    assert_eq!(verified(&ada).await, false);
    ada.post("/auth/verify-email", json!({})).await.expect(202);
    let token = mailbox.token(&first).await;
    nobody.post("/auth/verify-email", json!({"token": lost})).await.problem(401, "TOKEN_EXPIRED");
    assert!(nobody.get(&format!("//verify/{token}")).await.text.contains("<button"));

    nobody.post("/auth/verify-email", json!({"token": token})).await.expect(204);
    assert_eq!(verified(&ada).await, true);
    let before = app.log_position().await;
    nobody.post("/auth/verify-email", json!({"token": token})).await.problem(401, "TOKEN_EXPIRED");
    nobody.post("/auth/verify-email", json!({})).await.problem(401, "UNAUTHENTICATED");
    ada.post("/auth/verify-email", json!({})).await.expect(202);
    assert_eq!(app.log_position().await, before);
    ada.put("/users/@me/profile", json!({"email": first})).await.expect(200);
    assert_eq!(verified(&ada).await, true, "it is the same address");

    ada.put("/users/@me/profile", json!({"email": second})).await.expect(200);
    assert_eq!(verified(&ada).await, false);
    // The mail server puts the first attempt off; the letter comes all the same.
    let token = mailbox.token(&second).await;
    app.advance(Duration::from_secs(23 * 3600));
    nobody.post("/auth/verify-email", json!({"token": token})).await.expect(204);
    assert_eq!(verified(&nobody.login("ada", PASSWORD).await).await, true);
    assert_eq!(mailbox.take(&first), None);
});

story!(a_letter_that_is_refused_fails_nothing, |config| { Mailbox::use_in(config) }, |app| {
    let Some(mailbox) = Mailbox::get() else { return };
    let email = address("nobody");
    register(&app, "ada", &email).await;
    app.app.mail.flush(Duration::from_secs(20)).await;
    assert_eq!(mailbox.take(&email), None);
});
