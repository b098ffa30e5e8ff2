//! The first administrator, instance roles, registration, and what administrators may not.

use std::time::Duration;

use guildhall::accounts::setup;

use crate::story;
use crate::support::{PASSWORD, Socket, TestApp, Value, json};

async fn setup_token(app: &TestApp) -> Option<String> {
    let link = setup::link(&app.app).await.expect("an answer")?;
    assert!(link.starts_with("http://guildhall.test/setup/"), "{link}");
    Some(link.rsplit('/').next().expect("a token").to_owned())
}

fn first(token: &str) -> Value {
    json!({"token": token, "username": "root", "password": "password", "email": "root@example.com"})
}

story!(the_printed_link_makes_one_administrator, |app| {
    let nobody = app.nobody();
    let void = setup_token(&app).await.expect("a link");
    let token = setup_token(&app).await.expect("a fresh link");
    let before = app.log_position().await;
    nobody.post("/auth/setup", first(&void)).await.problem(401, "TOKEN_EXPIRED");
    let mut weak = first(&token);
    weak["password"] = json!("1234567");
    assert_eq!(nobody.post("/auth/setup", weak).await.faults(), ["/password"]);
    assert_eq!(app.log_position().await, before);

    let user = nobody.post("/auth/setup", first(&token)).await.expect(201);

    assert_eq!(user["instance_role"], "administrator");
    nobody.post("/auth/setup", first(&token)).await.problem(401, "TOKEN_EXPIRED");
    assert_eq!(setup_token(&app).await, None, "somebody runs this server");
    nobody.login("root", "password").await.get("/admin/users").await.expect(200);
});

story!(the_printed_link_ends_after_a_day, |app| {
    let token = setup_token(&app).await.expect("a link");
    app.advance(Duration::from_secs(24 * 3600 + 1));
    app.nobody().get(&format!("//setup/{token}")).await.problem(404, "NOT_FOUND");
    app.nobody().post("/auth/setup", first(&token)).await.problem(401, "TOKEN_EXPIRED");
});

story!(the_setup_page_is_whole_in_itself_and_speaks_the_readers_language, |app| {
    let token = setup_token(&app).await.expect("a link");
    let page = app.nobody().with_header("accept-language", "de").get(&format!("//setup/{token}")).await;

    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].to_str().expect("text").starts_with("text/html"));
    assert!(
        page.text.contains("<html lang=\"de\">") && page.text.contains("Diesen Server einrichten"),
        "{}",
        page.text
    );
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert_eq!(page.text.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "the style and the script");
    for outside in ["http://", "https://", "src=", "href=", "@import", "url(", " onclick", " onsubmit", "{{"] {
        assert!(!page.text.contains(outside), "{outside}");
    }
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    app.nobody().get("//setup/%3Cscript%3E").await.problem(404, "NOT_FOUND");
    app.nobody().post("/auth/setup", first(&token)).await.expect(201);
    app.nobody().get(&format!("//setup/{token}")).await.problem(404, "NOT_FOUND");
});

story!(administrators_find_accounts, |app| {
    let root = app.administrator().await;
    let [ada, bob] = app.users(["ada", "bob_the_builder"]).await;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items").iter();
        items.map(|user| user["username"].as_str().expect("a name").to_owned()).collect()
    };

    let page = root.get("/admin/users?limit=2").await.expect(200);
    assert_eq!((names(&page), &page["has_more"]), (vec!["bob_the_builder".into(), "ada".into()], &json!(true)));
    let rest = root.get(&format!("/admin/users?before={}", ada.id)).await.expect(200);
    assert_eq!((names(&rest), &rest["has_more"]), (vec!["root".into()], &json!(false)));
    for q in ["THE_b", "bob_the_builder@", "_the_"] {
        let found = root.get(&format!("/admin/users?q={q}")).await.expect(200);
        assert_eq!(names(&found), ["bob_the_builder"], "{q}");
    }
    assert_eq!(names(&root.get("/admin/users?q=%25").await.expect(200)), Vec::<String>::new());
    assert_eq!(page["items"][0]["email"], "bob_the_builder@example.com");
    assert_eq!((&page["items"][0]["kind"], &page["items"][0]["disabled_at"]), (&json!("user"), &json!(null)));
    root.get("/admin/users?limit=101").await.problem(400, "INVALID_QUERY");
    root.get("/admin/users?name=ada").await.problem(400, "INVALID_QUERY");
    bob.get("/admin/users").await.problem(403, "FORBIDDEN");
});

story!(a_disabled_account_is_out_at_once_with_its_bots, |app| {
    let root = app.administrator().await;
    let [ada] = app.users(["ada"]).await;
    let bot = ada.post("/users/@me/bots", json!({"username": "helper"})).await.expect(201);
    let bot = app.nobody().with_authorization(&format!("Bot {}", bot["token"].as_str().expect("a token")));
    let (mut hers, mut its) = (Socket::connect(&ada).await, Socket::connect(&bot).await);
    let path = format!("/admin/users/{}", ada.id);

    let account = root.patch(&path, json!({"disabled": true})).await.expect(200);

    assert_ne!(account["disabled_at"], json!(null));
    assert_eq!((hers.close_code().await, its.close_code().await), (4014, 4014));
    ada.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    bot.get("/users/@me/profile").await.problem(403, "ACCOUNT_DISABLED");
    let login = json!({"username": "ada", "password": PASSWORD});
    app.nobody().post("/login", login.clone()).await.problem(403, "ACCOUNT_DISABLED");
    app.nobody().post("/auth/refresh", json!({"refresh_token": ada.refresh_token})).await.problem(401, "TOKEN_EXPIRED");
    let wrong = json!({"username": "ada", "password": "wrong password"});
    app.nobody().post("/login", wrong).await.problem(401, "BAD_CREDENTIALS");

    root.patch(&path, json!({"disabled": false})).await.expect(200);
    app.nobody().post("/login", login).await.expect(200);
    let position = app.log_position().await;
    root.patch(&path, json!({"disabled": false, "instance_role": "none"})).await.expect(200);
    assert_eq!(app.log_position().await, position, "nothing changed");
});

story!(somebody_always_runs_the_server, |app| {
    let root = app.administrator().await;
    let [ada] = app.users(["ada"]).await;
    let (hers, mine) = (format!("/admin/users/{}", ada.id), format!("/admin/users/{}", root.id));
    let before = app.log_position().await;
    root.patch(&mine, json!({"instance_role": "none"})).await.problem(403, "OWNER_PROTECTED");
    root.patch(&mine, json!({"disabled": true})).await.problem(403, "OWNER_PROTECTED");
    ada.patch(&hers, json!({"instance_role": "administrator"})).await.problem(403, "FORBIDDEN");
    root.patch("/admin/users/1", json!({"disabled": true})).await.problem(404, "NOT_FOUND");
    assert_eq!(root.patch(&hers, json!({"instance_role": "king"})).await.faults(), ["/instance_role"]);
    assert_eq!(app.log_position().await, before);

    root.patch(&hers, json!({"instance_role": "administrator"})).await.expect(200);
    ada.patch(&mine, json!({"instance_role": "moderator"})).await.expect(200);
    root.get("/admin/users").await.problem(403, "FORBIDDEN");
    ada.patch(&hers, json!({"instance_role": "none"})).await.problem(403, "OWNER_PROTECTED");
});

story!(two_administrators_who_depose_each_other_leave_one, |app| {
    let root = app.administrator().await;
    let [ada] = app.users(["ada"]).await;
    let (hers, mine) = (format!("/admin/users/{}", ada.id), format!("/admin/users/{}", root.id));
    for _ in 0..5 {
        root.patch(&hers, json!({"instance_role": "administrator"})).await.expect(200);
        let deposed = json!({"instance_role": "none"});
        let (one, other) = tokio::join!(root.patch(&hers, deposed.clone()), ada.patch(&mine, deposed));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403]);
        if other.status == 200 {
            ada.patch(&mine, json!({"instance_role": "administrator"})).await.expect(200);
            root.patch(&hers, json!({"instance_role": "none"})).await.expect(200);
        }
    }
});

story!(registration_is_open_by_invitation_or_closed, |app| {
    let root = app.administrator().await;
    let nobody = app.nobody();
    let account =
        |name: &str| json!({"username": name, "password": "password", "email": format!("{name}@example.com")});
    assert_eq!(root.get("/admin/settings").await.expect(200), json!({"registration_mode": "open"}));

    root.put("/admin/settings", json!({"registration_mode": "closed"})).await.expect(200);
    let before = app.log_position().await;
    nobody.post("/register", account("ada")).await.problem(403, "REGISTRATION_CLOSED");
    assert_eq!(app.log_position().await, before);

    root.put("/admin/settings", json!({"registration_mode": "invitation"})).await.expect(200);
    let invitation = root.post("/admin/registration-invitations", json!({"uses": 2})).await.expect(201);
    let invited = |name: &str| {
        let mut account = account(name);
        account["invitation"] = invitation["token"].clone();
        account
    };
    let before = app.log_position().await;
    nobody.post("/register", account("ada")).await.problem(403, "REGISTRATION_CLOSED");
    let mut made_up = account("ada");
    made_up["invitation"] = json!("made up");
    nobody.post("/register", made_up).await.problem(403, "REGISTRATION_CLOSED");
    nobody.post("/register", invited("root")).await.problem(409, "USERNAME_TAKEN");
    assert_eq!(app.log_position().await, before);
    nobody.post("/register", invited("ada")).await.expect(201);
    nobody.post("/register", invited("bob")).await.expect(201);
    nobody.post("/register", invited("cleo")).await.problem(403, "REGISTRATION_CLOSED");
});

story!(
    of_many_who_share_an_invitation_as_many_come_in_as_it_says,
    |config| {
        config.registration.mode = guildhall::config::RegistrationMode::Invitation;
    },
    |app| {
        let root = app.administrator().await;
        let invitation = root.post("/admin/registration-invitations", json!({"uses": 3})).await.expect(201);
        let nobody = app.nobody();
        let tries = ["ada", "bob", "cleo", "dora", "emil", "fred"].map(|name| {
            let email = format!("{name}@example.com");
            let account =
                json!({"username": name, "password": "password", "email": email, "invitation": invitation["token"]});
            let nobody = nobody.clone();
            async move { nobody.post("/register", account).await.status }
        });
        let mut statuses = futures_util::future::join_all(tries).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 201, 201, 403, 403, 403]);
    }
);

story!(an_invitation_ends_when_it_says, |app| {
    let root = app.administrator().await;
    root.put("/admin/settings", json!({"registration_mode": "invitation"})).await.expect(200);
    let ends = app.app.now().after(Duration::from_secs(3600));
    let invitation = json!({"uses": 5, "expires_at": ends});
    let invitation = root.post("/admin/registration-invitations", invitation).await.expect(201);
    app.advance(Duration::from_secs(3601));
    let account = json!({
        "username": "ada", "password": "password", "email": "ada@example.com", "invitation": invitation["token"],
    });
    app.nobody().post("/register", account).await.problem(403, "REGISTRATION_CLOSED");
    let root = app.nobody().login("root", PASSWORD).await;
    let past = json!({"uses": 5, "expires_at": ends});
    assert_eq!(root.post("/admin/registration-invitations", past).await.faults(), ["/expires_at"]);
    assert_eq!(root.post("/admin/registration-invitations", json!({"uses": 0})).await.faults(), ["/uses"]);
});

story!(what_an_administrator_decides_reaches_no_socket, |app| {
    let root = app.administrator().await;
    let mut socket = Socket::connect(&root).await;
    root.put("/admin/settings", json!({"registration_mode": "closed"})).await.expect(200);
    socket.nothing("instance_updated").await;
    let row = app.log().await.pop().expect("a row");
    assert_eq!((row.kind.as_str(), row.actor.map(|actor| actor.to_string())), ("instance_updated", Some(root.id)));
});

story!(administrators_read_nothing_that_is_private, |app| {
    let root = app.administrator().await;
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let guild = ada.post("/guilds", json!({"name": "Secret", "public": false})).await.expect(201);
    let guild = guild["id"].as_str().expect("an id");
    let general = ada.get(&format!("/guilds/{guild}/channels")).await.expect(200)["items"][0]["id"].clone();
    let general = general.as_str().expect("an id");
    let message = ada.say(general, "Only for us").await["id"].clone();
    let direct = ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await;
    let direct = direct.body["id"].as_str().expect("a direct channel").to_owned();
    let private = ada.say(&direct, "Only for you").await["id"].clone();
    let mut ears = Socket::connect(&root).await;

    for path in [
        format!("/guilds/{guild}/settings"),
        format!("/guilds/{guild}/channels"),
        format!("/channels/{general}"),
        format!("/channels/{general}/messages"),
        format!("/messages/{}", message.as_str().expect("an id")),
        format!("/channels/{direct}"),
        format!("/channels/{direct}/messages"),
        format!("/messages/{}", private.as_str().expect("an id")),
    ] {
        root.get(&path).await.problem(404, "NOT_FOUND");
    }
    let before = app.log_position().await;
    root.post(&format!("/channels/{general}/messages"), json!({"content": "Boo"})).await.problem(404, "NOT_FOUND");
    root.post(&format!("/channels/{direct}/messages"), json!({"content": "Boo"})).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);
    assert!(ears.request("join_room", json!({"room": format!("channel:{direct}")})).await.is_err());
    ada.say(&direct, "Still only for you").await;
    ears.nothing("message_created").await;
});
