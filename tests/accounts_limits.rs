//! How often one may try to sign in and to register.

use std::time::Duration;

use crate::story;
use crate::support::{Answer, User, json};

/// Attempts in a row, at the default of twenty a minute.
const BURST: usize = 5;

async fn guess(user: &User, name: &str) -> Answer {
    user.post("/login", json!({"username": name, "password": "wrong password"})).await
}

fn from(user: &User, address: &str) -> User {
    user.with_header("x-forwarded-for", address)
}

fn behind_a_proxy(config: &mut guildhall::config::Config) {
    config.limits.enabled = true;
    config.trusted_proxies = vec!["127.0.0.1".into()];
}

story!(logins_from_one_address_are_limited, |config| { behind_a_proxy(config) }, |app| {
    let nobody = app.nobody();
    let mallory = from(&nobody, "203.0.113.7");
    for attempt in 0..BURST {
        guess(&mallory, &format!("user{attempt}")).await.problem(401, "BAD_CREDENTIALS");
    }
    let before = app.log_position().await;
    let refused = guess(&mallory, "another").await;
    let wait: u64 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    let problem = refused.problem(429, "RATE_LIMITED");
    assert!((1..=3).contains(&wait), "{wait}");
    assert!(problem["retry_after"].as_f64().is_some_and(|seconds| seconds > 0.0 && seconds <= 3.0), "{problem}");
    assert_eq!(app.log_position().await, before);
    guess(&from(&nobody, "203.0.113.8"), "another").await.problem(401, "BAD_CREDENTIALS");

    app.advance(Duration::from_secs(wait));
    guess(&mallory, "another").await.problem(401, "BAD_CREDENTIALS");
    guess(&mallory, "another").await.problem(429, "RATE_LIMITED");
});

story!(guesses_at_one_account_are_limited_wherever_they_come_from, |config| { behind_a_proxy(config) }, |app| {
    let nobody = app.nobody();
    for attempt in 0..BURST {
        guess(&from(&nobody, &format!("203.0.113.{attempt}")), "ada").await.problem(401, "BAD_CREDENTIALS");
    }
    guess(&from(&nobody, "203.0.113.99"), "ADA").await.problem(429, "RATE_LIMITED");
    guess(&from(&nobody, "203.0.113.99"), "bob").await.problem(401, "BAD_CREDENTIALS");
    // A network of IPv6 is one customer.
    for attempt in 0..BURST {
        let mallory = from(&nobody, &format!("2001:db8:1:2::{attempt}"));
        guess(&mallory, &format!("user{attempt}")).await.problem(401, "BAD_CREDENTIALS");
    }
    guess(&from(&nobody, "2001:db8:1:2:ffff::1"), "cleo").await.problem(429, "RATE_LIMITED");
    guess(&from(&nobody, "2001:db8:1:3::1"), "cleo").await.problem(401, "BAD_CREDENTIALS");
});

story!(registrations_from_one_address_are_limited, |config| { behind_a_proxy(config) }, |app| {
    let nobody = from(&app.nobody(), "203.0.113.7, 198.51.100.1, 127.0.0.1");
    let account =
        |name: String| json!({"username": name, "password": "password", "email": format!("{name}@example.com")});
    for attempt in 0..BURST {
        nobody.post("/register", account(format!("user.{}", "a".repeat(attempt + 1)))).await.expect(201);
    }
    let before = app.log_position().await;
    nobody.post("/register", account("another".into())).await.problem(429, "RATE_LIMITED");
    // Only what a trusted proxy adds counts: what stood in the header before, anybody can write.
    let pretending = from(&app.nobody(), "192.0.2.200, 198.51.100.1");
    pretending.post("/register", account("another".into())).await.problem(429, "RATE_LIMITED");
    assert_eq!(app.log_position().await, before);
    from(&app.nobody(), "198.51.100.2").post("/register", account("another".into())).await.expect(201);
});

story!(whoever_is_no_proxy_is_not_believed, |config| { config.limits.enabled = true }, |app| {
    let nobody = app.nobody();
    for attempt in 0..BURST {
        let mallory = from(&nobody, &format!("203.0.113.{attempt}"));
        guess(&mallory, &format!("user{attempt}")).await.problem(401, "BAD_CREDENTIALS");
    }
    guess(&from(&nobody, "203.0.113.99"), "another").await.problem(429, "RATE_LIMITED");
});

story!(a_signed_in_thief_guesses_no_password_either, |config| { config.limits.enabled = true }, |app| {
    let [ada] = app.users(["ada"]).await;
    let change = json!({"current_password": "wrong", "new_password": "correct donkey"});
    // Signing in was the first attempt.
    for _ in 1..BURST {
        ada.put("/users/@me/password", change.clone()).await.problem(401, "BAD_CREDENTIALS");
    }
    ada.put("/users/@me/password", change).await.problem(429, "RATE_LIMITED");
    ada.post("/users/@me/totp", json!({"password": "wrong"})).await.problem(429, "RATE_LIMITED");
    let left = ada.get("/users/@me/profile").await;
    assert!(left.headers["ratelimit"].to_str().expect("text").starts_with("\"requests\";r="));
});
