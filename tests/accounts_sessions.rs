//! Sessions and their tokens: how they end, and how nobody makes them up.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guildhall::accounts::token::{self, Claims};
use guildhall::id::{SessionId, UserId};

use crate::story;
use crate::support::{PASSWORD, Socket, User, Value, json};

/// A token signed by hand.
fn forge(header: Value, claims: &Value, secret: Option<&[u8]>) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = match secret {
        Some(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
        }
        None => String::new(),
    };
    format!("{signed}.{signature}")
}

fn part(token: &str, at: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(at).expect("a part")).expect("base 64");
    serde_json::from_slice(&bytes).expect("JSON")
}

story!(made_up_tokens_are_worth_nothing, |app| {
    let [ada] = app.users(["ada"]).await;
    let real = ada.token.strip_prefix("Bearer ").expect("a token").to_owned();
    let (header, claims) = (part(&real, 0), part(&real, 1));
    let kid = header["kid"].clone();
    let none = json!({"alg": "none", "typ": "JWT", "kid": kid});
    let hs256 = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
    let mut later = claims.clone();
    later["exp"] = json!(4_000_000_000_i64);
    let tampered: Vec<&str> = real.split('.').collect();
    let tampered = format!("{}.{}.{}", tampered[0], URL_SAFE_NO_PAD.encode(later.to_string()), tampered[2]);
    let forged = [
        forge(none.clone(), &later, None),
        forge(none, &later, Some(b"")),
        forge(hs256.clone(), &later, Some(b"")),
        forge(hs256.clone(), &later, Some(b"secret")),
        forge(hs256.clone(), &later, Some(kid.as_str().expect("a name").as_bytes())),
        forge(json!({"alg": "HS256", "typ": "JWT"}), &later, Some(b"secret")),
        forge(json!({"alg": "HS256", "typ": "JWT", "kid": "another"}), &later, Some(b"secret")),
        forge(json!({"alg": "HS512", "typ": "JWT", "kid": kid}), &later, Some(b"secret")),
        forge(json!({"alg": "RS256", "typ": "JWT", "kid": kid}), &later, Some(b"secret")),
        tampered,
        real[..real.len() - 2].to_owned(),
        format!("{real}.{real}"),
        "garbage".to_owned(),
        String::new(),
    ];
    let before = app.log_position().await;
    for token in &forged {
        for authorization in [format!("Bearer {token}"), format!("Bot {token}")] {
            let mallory = ada.with_authorization(&authorization);
            mallory.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
            mallory.put("/users/@me/profile", json!({"bio": "Mine"})).await.problem(401, "UNAUTHENTICATED");
        }
    }
    for authorization in [real.clone(), format!("Basic {real}"), "Bearer".to_owned(), "Bot ".to_owned()] {
        let mallory = ada.with_authorization(&authorization);
        mallory.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    }
    assert_eq!(app.log_position().await, before);
    ada.get("/users/@me/profile").await.expect(200);
});

story!(an_access_token_ends_by_itself_and_is_renewed, |app| {
    let [ada] = app.users(["ada"]).await;
    app.advance(Duration::from_secs(899 - 10));
    ada.get("/users/@me/profile").await.expect(200);
    app.advance(Duration::from_secs(12));
    ada.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");

    let tokens = app.nobody().post("/auth/refresh", json!({"refresh_token": ada.refresh_token})).await.expect(200);
    assert_eq!(tokens["expires_in"], 900);
    let ada = ada.with_tokens(&tokens);
    ada.get("/users/@me/profile").await.expect(200);
    app.advance(Duration::from_secs(31 * 24 * 3600));
    let late = json!({"refresh_token": ada.refresh_token});
    app.nobody().post("/auth/refresh", late).await.problem(401, "TOKEN_EXPIRED");
});

story!(a_refresh_token_that_is_used_twice_ends_the_session, |app| {
    let [ada] = app.users(["ada"]).await;
    let other = app.nobody().login("ada", PASSWORD).await;
    let nobody = app.nobody();
    let stolen = json!({"refresh_token": ada.refresh_token});
    let renewed = ada.with_tokens(&nobody.post("/auth/refresh", stolen.clone()).await.expect(200));
    let mut socket = Socket::connect(&renewed).await;

    nobody.post("/auth/refresh", stolen).await.problem(401, "TOKEN_EXPIRED");

    assert_eq!(socket.close_code().await, 4014);
    for user in [&ada, &renewed] {
        user.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    }
    let next = json!({"refresh_token": renewed.refresh_token});
    nobody.post("/auth/refresh", next).await.problem(401, "TOKEN_EXPIRED");
    other.get("/users/@me/profile").await.expect(200);
    let before = app.log_position().await;
    nobody.post("/auth/refresh", json!({"refresh_token": "made up"})).await.problem(401, "TOKEN_EXPIRED");
    assert_eq!(nobody.post("/auth/refresh", json!({"refresh_token": 7})).await.faults(), ["/refresh_token"]);
    assert_eq!(app.log_position().await, before);
});

story!(logging_out_ends_everything_of_the_session_at_once, |app| {
    let [ada] = app.users(["ada"]).await;
    let mut socket = Socket::connect(&ada).await;
    ada.post("/logout", json!({})).await.expect(200);
    assert_eq!(socket.close_code().await, 4014);
    ada.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    let refresh = json!({"refresh_token": ada.refresh_token});
    app.nobody().post("/auth/refresh", refresh).await.problem(401, "TOKEN_EXPIRED");
    let before = app.log_position().await;
    ada.post("/logout", json!({})).await.problem(401, "UNAUTHENTICATED");
    assert_eq!(app.log_position().await, before);
});

story!(people_see_their_sessions_and_end_them_one_by_one, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let phone = app.nobody().with_header("user-agent", "Phone/1.0").login("ada", PASSWORD).await;
    let sessions = ada.get("/users/@me/sessions").await.expect(200)["items"].clone();
    let sessions = sessions.as_array().expect("sessions");
    let current = |session: &&Value| session["current"] == true;
    assert_eq!((sessions.len(), sessions.iter().filter(current).count()), (2, 1));
    let other = sessions.iter().find(|session| session["user_agent"] == "Phone/1.0").expect("the phone");
    let path = format!("/users/@me/sessions/{}", other["id"].as_str().expect("an id"));
    let before = app.log_position().await;
    bob.delete(&path).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
    phone.get("/users/@me/profile").await.expect(200);

    ada.delete(&path).await.expect(204);

    phone.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    assert_eq!(ada.get("/users/@me/sessions").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
    ada.delete(&path).await.problem(404, "NOT_FOUND");
});

story!(a_new_key_signs_and_the_old_one_proves_for_a_day, |app| {
    let [ada] = app.users(["ada"]).await;
    let profile: UserId = ada.id.parse().expect("an id");
    let far = app.app.now().after(Duration::from_secs(60 * 24 * 3600)).as_seconds();
    let claims = Claims { sub: profile, sid: SessionId(1), iat: 0, exp: far };
    let lasting = app.app.keys.sign(&claims).expect("a token");
    let old = ada.with_authorization(&format!("Bearer {lasting}"));

    token::rotate(&app.app).await.expect("a new key");

    ada.get("/users/@me/profile").await.expect(200);
    old.get("/users/@me/profile").await.expect(200);
    let after = app.nobody().login("ada", PASSWORD).await;
    assert_ne!(part(&after.token[7..], 0)["kid"], part(&ada.token[7..], 0)["kid"]);
    assert_eq!(token::list(&app.app).await.expect("keys").len(), 2);
    app.advance(Duration::from_secs(24 * 3600 + 60));
    app.app.keys.reload(&app.app.db, app.app.now()).await.expect("keys");
    old.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    assert_eq!(token::list(&app.app).await.expect("keys").len(), 1);
    app.nobody().login("ada", PASSWORD).await.get("/users/@me/profile").await.expect(200);
});

story!(what_has_ended_is_swept_away_and_nothing_else, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let root = app.administrator().await;
    root.post("/admin/registration-invitations", json!({"uses": 1})).await.expect(201);
    ada.with_header("idempotency-key", "one").post("/guilds", json!({"name": "Engines"})).await.expect(201);
    bob.post("/logout", json!({})).await.expect(200);
    let count = || async {
        let mut conn = app.app.db.read().await.expect("a connection");
        let mut counts = Vec::new();
        for sql in [
            "select count(*) from sessions",
            "select count(*) from refresh_tokens",
            "select count(*) from one_time_tokens",
            "select count(*) from idempotency_keys",
        ] {
            counts.push(conn.one::<(i64,)>(sql, &[]).await.expect("a number").0);
        }
        counts
    };
    let position = app.log_position().await;
    let before = count().await;
    assert_eq!(before, [3, 3, 2, 1]);
    guildhall::accounts::sweep(&app.app).await.expect("swept");
    // The setup link is used up.
    assert_eq!(count().await, [3, 3, 1, 1]);
    app.advance(Duration::from_secs(49 * 3600));
    guildhall::accounts::sweep(&app.app).await.expect("swept");
    assert_eq!(count().await, [2, 2, 1, 0], "the session that was ended, and the kept answer");
    let renewed: User = {
        let refresh = json!({"refresh_token": ada.refresh_token});
        ada.with_tokens(&app.nobody().post("/auth/refresh", refresh).await.expect(200))
    };
    app.advance(Duration::from_secs(29 * 24 * 3600));
    guildhall::accounts::sweep(&app.app).await.expect("swept");
    assert_eq!(count().await, [2, 3, 0, 0]);
    let refresh = json!({"refresh_token": renewed.refresh_token});
    app.nobody().post("/auth/refresh", refresh).await.expect(200);
    app.advance(Duration::from_secs(4 * 24 * 3600));
    guildhall::accounts::sweep(&app.app).await.expect("swept");
    assert_eq!(count().await, [1, 2, 0, 0], "the first token of the living session tells of nothing any more");
    assert_eq!(app.log_position().await, position, "sweeping is nothing that anybody is told of");
});
