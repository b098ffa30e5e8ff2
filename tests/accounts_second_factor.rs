//! The second factor: switching it on and off, and signing in with it.

use std::time::Duration;

use totp_rs::{Algorithm, Builder, Secret};

use crate::story;
use crate::support::{PASSWORD, TestApp, User, Value, json};

/// Half a minute: a code later.
const STEP: Duration = Duration::from_secs(30);

/// What an authenticator app shows at the server's present.
fn code(app: &TestApp, secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).expect("base 32");
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(secret)
        .with_account_name("ada")
        .build()
        .expect("a second factor");
    totp.generate(app.app.now().as_seconds() as u64).to_string()
}

/// Switches the second factor on; answers its secret and the recovery codes.
async fn switch_on(app: &TestApp, user: &User) -> (String, Vec<String>) {
    let begun = user.post("/users/@me/totp", json!({"password": PASSWORD})).await.expect(200);
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    let url = begun["otpauth_url"].as_str().expect("an address");
    assert!(url.starts_with("otpauth://totp/Guildhall:ada?") && url.contains(&secret), "{url}");
    let codes = user.put("/users/@me/totp", json!({"code": code(app, &secret)})).await.expect(200);
    let codes = codes["recovery_codes"].as_array().expect("codes").iter();
    (secret, codes.map(|code| code.as_str().expect("a code").to_owned()).collect())
}

fn login(totp: Option<&str>) -> Value {
    match totp {
        Some(code) => json!({"username": "ada", "password": PASSWORD, "totp": code}),
        None => json!({"username": "ada", "password": PASSWORD}),
    }
}

story!(with_a_second_factor_a_password_is_not_enough, |app| {
    let [ada] = app.users(["ada"]).await;
    let nobody = app.nobody();
    let (secret, codes) = switch_on(&app, &ada).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(ada.get("/users/@me/profile").await.expect(200)["totp_enabled"], true);
    let used = code(&app, &secret);
    let before = app.log_position().await;
    nobody.post("/login", login(None)).await.problem(401, "SECOND_FACTOR_REQUIRED");
    nobody.post("/login", login(Some("000000"))).await.problem(401, "BAD_CREDENTIALS");
    nobody.post("/login", login(Some(&used))).await.problem(401, "BAD_CREDENTIALS");
    let wrong = json!({"username": "ada", "password": "wrong password", "totp": codes[0]});
    nobody.post("/login", wrong).await.problem(401, "BAD_CREDENTIALS");
    assert_eq!(app.log_position().await, before);

    app.advance(STEP);
    let fresh = code(&app, &secret);
    nobody.post("/login", login(Some(&fresh))).await.expect(200);
    nobody.post("/login", login(Some(&fresh))).await.problem(401, "BAD_CREDENTIALS");
    app.advance(3 * STEP);
    nobody.post("/login", login(Some(&fresh))).await.problem(401, "BAD_CREDENTIALS");
});

story!(a_recovery_code_is_good_once, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, codes) = switch_on(&app, &ada).await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    app.nobody().post("/login", login(Some(&typed))).await.expect(200);
    app.nobody().post("/login", login(Some(&codes[0]))).await.problem(401, "BAD_CREDENTIALS");
    app.nobody().post("/login", login(Some(&codes[1]))).await.expect(200);
    let rows = app.log().await;
    assert!(rows.iter().all(|row| !row.payload.contains(&codes[2])), "no code stands in the log");
});

story!(the_second_factor_is_switched_off_by_whoever_has_both, |app| {
    let [ada] = app.users(["ada"]).await;
    let (secret, codes) = switch_on(&app, &ada).await;
    app.advance(STEP);
    let before = app.log_position().await;
    let path = "/users/@me/totp";
    let wrong = json!({"password": "wrong password", "code": code(&app, &secret)});
    ada.delete_with(path, wrong).await.problem(401, "BAD_CREDENTIALS");
    let wrong = json!({"password": PASSWORD, "code": "000000"});
    ada.delete_with(path, wrong).await.problem(401, "BAD_CREDENTIALS");
    ada.post(path, json!({"password": PASSWORD})).await.problem(409, "ALREADY_EXISTS");
    ada.put(path, json!({"code": code(&app, &secret)})).await.problem(409, "ALREADY_EXISTS");
    assert_eq!(app.log_position().await, before);

    ada.delete_with(path, json!({"password": PASSWORD, "code": codes[9]})).await.expect(204);
    app.nobody().post("/login", login(None)).await.expect(200);
    let (_, others) = switch_on(&app, &ada).await;
    app.nobody().post("/login", login(Some(&codes[0]))).await.problem(401, "BAD_CREDENTIALS");
    app.nobody().post("/login", login(Some(&others[0]))).await.expect(200);
});

story!(a_secret_counts_once_it_is_confirmed, |app| {
    let [ada] = app.users(["ada"]).await;
    let path = "/users/@me/totp";
    let before = app.log_position().await;
    ada.post(path, json!({"password": "wrong password"})).await.problem(401, "BAD_CREDENTIALS");
    ada.put(path, json!({"code": "123456"})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
    let first = ada.post(path, json!({"password": PASSWORD})).await.expect(200);
    let second = ada.post(path, json!({"password": PASSWORD})).await.expect(200);
    let code_of = |begun: &Value| code(&app, begun["secret"].as_str().expect("a secret"));
    ada.put(path, json!({"code": code_of(&first)})).await.problem(401, "BAD_CREDENTIALS");
    app.nobody().post("/login", login(None)).await.expect(200);
    ada.put(path, json!({"code": code_of(&second)})).await.expect(200);
});
