//! The command line beside a running server, and the link that a new server prints.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::story;
use crate::support::{PASSWORD, Socket, TestApp, json};

/// The program, with the settings of a story's server.
fn program(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command
        .args(arguments)
        .current_dir(app.folder())
        .env("GUILDHALL_DATABASE_URL", app.app.config.database_url())
        .env("GUILDHALL_PASSWORDS_MEMORY_KIB", "8")
        .env("GUILDHALL_PASSWORDS_PASSES", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command; answers whether it succeeded, and all that it printed.
async fn run(app: &TestApp, arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = program(app, arguments).spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).await.expect("input");
    drop(stdin);
    let output = child.wait_with_output().await.expect("an end");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

story!(accounts_are_made_beside_a_running_server, |app| {
    let create = ["user", "create", "--username", "root", "--email", "root@example.com", "--admin"];
    let before = app.log_position().await;
    let (done, said) = run(&app, &create, "short\n").await;
    assert!(!done && said.contains("password"), "{said}");
    assert_eq!(app.log_position().await, before);

    let (done, said) = run(&app, &create, &format!("{PASSWORD}\n")).await;
    assert!(done && said.contains("root, an administrator"), "{said}");
    assert!(!said.contains(PASSWORD));

    let root = app.nobody().login("root", PASSWORD).await;
    assert_eq!(root.get("/admin/users").await.expect(200)["items"][0]["username"], "root");
    let rows = app.log().await;
    assert_eq!((rows[0].kind.as_str(), rows[0].actor), ("user_created", None));
    let (done, said) = run(&app, &create, &format!("{PASSWORD}\n")).await;
    assert!(!done && said.contains("already in use"), "{said}");
});

story!(accounts_are_closed_and_opened_beside_a_running_server, |app| {
    let root = app.administrator().await;
    let [ada] = app.users(["ada"]).await;
    let mut socket = Socket::connect(&ada).await;

    let (done, said) = run(&app, &["user", "disable", "Ada"], "").await;
    assert!(done && said.contains("ada is disabled"), "{said}");
    assert_eq!(socket.close_code().await, 4014);
    ada.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    assert!(run(&app, &["user", "enable", "ada"], "").await.0);
    let mut socket = Socket::connect(&app.nobody().login("ada", PASSWORD).await).await;

    let (done, said) = run(&app, &["user", "reset-password", "ada"], "correct donkey\n").await;
    assert!(done, "{said}");
    assert_eq!(socket.close_code().await, 4014);
    app.nobody().login("ada", "correct donkey").await;
    let before = app.log_position().await;
    assert!(!run(&app, &["user", "disable", &root.name], "").await.0, "nobody else runs this server");
    assert!(!run(&app, &["user", "disable", "nobody"], "").await.0);
    assert!(!run(&app, &["user", "reset-password", "ada"], "").await.0);
    assert_eq!(app.log_position().await, before);
});

story!(a_running_server_notices_new_keys, |app| {
    let [ada] = app.users(["ada"]).await;
    let (done, said) = run(&app, &["keys", "rotate"], "").await;
    assert!(done, "{said}");
    let (_, list) = run(&app, &["keys", "list"], "").await;
    assert_eq!((list.matches("signs").count(), list.matches("proves").count()), (1, 1), "{list}");

    // Another node signs with the new key; this one hasn't seen it yet.
    let folder = app.folder().join("data");
    let config = guildhall::config::Config { data: folder, ..app.app.config.clone() };
    let other = guildhall::app::App::beside(config, app.app.clock.clone()).await.expect("another node");
    let claims = guildhall::accounts::token::Claims {
        sub: ada.id.parse().expect("an id"),
        sid: guildhall::id::SessionId(1),
        iat: 0,
        exp: app.app.now().as_seconds() + 600,
    };
    let token = other.keys.sign(&claims).expect("a token");
    other.shutdown.send_replace(guildhall::app::Phase::Ended);
    assert!(app.app.keys.prove(&token, app.app.now()).is_err(), "it isn't known yet");
    ada.with_authorization(&format!("Bearer {token}")).get("/users/@me/profile").await.expect(200);
    ada.get("/users/@me/profile").await.expect(200);
    other.db.close().await;
});

story!(a_new_server_prints_where_its_first_administrator_is_made, |app| {
    let mut server = program(&app, &["serve", "--listen", "127.0.0.1:0"]).spawn().expect("a server");
    let mut lines = BufReader::new(server.stdout.take().expect("its output")).lines();
    let mut line = async || lines.next_line().await.expect("text").expect("a line");
    let address = line().await;
    let url = address.split(' ').find(|word| word.starts_with("http://")).expect("an address").to_owned();
    let link = line().await.split(' ').find(|word| word.starts_with("http://")).expect("a link").to_owned();
    let token = link.strip_prefix(&format!("{url}/setup/")).expect("a link to the same server");

    let page = app.http.get(&link).send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    let account = json!({"token": token, "username": "root", "password": "password", "email": "root@example.com"});
    let made = app.http.post(format!("{url}/api/v1/auth/setup")).json(&account).send().await.expect("an answer");
    assert_eq!(made.status(), 201);
    server.kill().await.expect("an end");
    app.nobody().login("root", "password").await.get("/admin/settings").await.expect(200);
    assert_eq!(guildhall::accounts::setup::link(&app.app).await.expect("an answer"), None);
});
