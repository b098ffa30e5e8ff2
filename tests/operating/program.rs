//! The program itself: its logs, its refusals to start, and the commands that look after a database.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{PASSWORD, User, Value, binary, create_database, drop_database, json};

/// How long the program may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// What must never be printed.
const SECRET: &str = "hunter2";

/// The program in a folder, with these variables and nothing else of ours.
fn program(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GUILDHALL_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).envs(variables.iter().copied());
    command.env("GUILDHALL_PASSWORDS_MEMORY_KIB", "8").env("GUILDHALL_PASSWORDS_PASSES", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs it to its end; answers its exit code and all that it printed.
async fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let ended = tokio::time::timeout(PATIENCE, program(folder, variables, arguments).output());
    let output = ended.await.unwrap_or_else(|_| panic!("{variables:?} {arguments:?} runs on")).expect("the program");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("an exit code"), text(&output.stdout) + &text(&output.stderr))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the story")
}

/// Starts a server; answers it, its address and the link that it prints.
async fn serve(folder: &Path, variables: &[(&str, &str)]) -> (Child, String, String) {
    let mut child = program(folder, variables, &["serve", "--listen", "127.0.0.1:0"]).spawn().expect("the program");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut printed = Vec::new();
    for _ in 0..2 {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line in time").expect("a line");
        printed.push(line.expect("the address and the link"));
    }
    let port = printed[0].rsplit_once(':').expect("a port").1.to_owned();
    let link = printed[1].rsplit_once(' ').expect("a link").1.to_owned();
    (child, format!("http://127.0.0.1:{port}"), link)
}

/// Asks it to end; answers what it wrote to its log.
async fn terminate(child: Child) -> String {
    let process = child.id().expect("it runs").to_string();
    let asked = std::process::Command::new("kill").args(["-TERM", &process]).status();
    assert!(asked.is_ok_and(|status| status.success()), "the signal is sent");
    let output =
        tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("an end in time").expect("an end");
    assert!(output.status.success(), "{:?}", output.status);
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test]
async fn logs_are_json_lines_that_tell_requests_and_no_secrets() {
    let folder = folder();
    let (child, url, link) =
        serve(folder.path(), &[("GUILDHALL_LOG_FORMAT", "json"), ("GUILDHALL_LOG", "debug")]).await;
    let nobody = User::at(&url, &reqwest::Client::new());
    let setup = link.rsplit_once('/').expect("a token").1;
    assert_eq!(nobody.get(&format!("//setup/{setup}")).await.status, 200);
    let ada = nobody.sign_up("ada").await;
    let refused = ada.get("/guilds/7").await;
    let id = refused.headers["x-request-id"].to_str().expect("text").to_owned();
    refused.problem(404, "NOT_FOUND");
    let log = terminate(child).await;

    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
    }
    let requests: Vec<&Value> = lines.iter().filter(|line| line["fields"]["message"] == "request").collect();
    assert!(requests.len() >= 4, "{log}");
    for request in &requests {
        assert!(request["fields"]["request_id"].is_string(), "{request}");
    }
    let ours: Vec<&&Value> = requests.iter().filter(|line| line["fields"]["request_id"] == id.as_str()).collect();
    assert_eq!(ours.len(), 1, "{log}");
    let fields = &ours[0]["fields"];
    assert_eq!((&fields["method"], &fields["status"]), (&json!("GET"), &json!(404)));
    assert_eq!(fields["route"], "/api/v1/guilds/{guild_id}");
    let token = ada.token.trim_start_matches("Bearer ");
    for secret in [PASSWORD, token, &ada.refresh_token, setup] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
}

#[tokio::test]
async fn wrong_settings_are_refused_with_words_that_help() {
    for (variable, value, words) in [
        ("GUILDHALL_LISTN", "x", "unknown variable `GUILDHALL_LISTN`; did you mean `GUILDHALL_LISTEN`?"),
        ("GUILDHALL_TLS_KEY", "key.pem", "`tls.certificate` and `tls.key` go together"),
        ("GUILDHALL_LIMITS_MESSAGES", "many", "GUILDHALL_LIMITS_MESSAGES"),
        ("GUILDHALL_LIMITS_ENABLED", "maybe", "`true` or `false` is wanted"),
        ("GUILDHALL_REGISTRATION_MODE", "sometimes", "open, invitation, closed"),
        ("GUILDHALL_LOG_FORMAT", "xml", "text, json"),
        ("GUILDHALL_LOG", "[[", "`log`"),
        ("GUILDHALL_NATS_URL", "http://localhost", "`nats.url`"),
        ("GUILDHALL_TRUSTED_PROXIES", "somewhere", "`trusted_proxies`: somewhere"),
        ("GUILDHALL_ALLOWED_ORIGINS", "https://chat.example/", "`allowed_origins`"),
        ("GUILDHALL_LISTEN", "nowhere", "`listen`"),
        ("GUILDHALL_CONFIG", "none.toml", "none.toml"),
        ("GUILDHALL_DATABASE_URL_FILE", "none.txt", "none.txt"),
    ] {
        let folder = folder();
        let (code, said) = run(folder.path(), &[(variable, value)], &["serve"]).await;
        assert!(code != 0 && said.contains(words), "{variable}={value} ended with {code}: {said}");
        assert!(!folder.path().join("data").exists(), "{variable}={value} made a database");
    }
}

#[tokio::test]
async fn a_wrong_file_is_refused_and_not_quoted() {
    for (file, words) in [
        ("[limit]\nmessages = 7", "unknown setting `limit.messages`; did you mean `limits.messages`?"),
        ("listen = 5000", "a setting has the wrong type"),
        ("[mail]\n\nurl = \"smtp://ada:hunter2@mail.example", "line 3"),
        ("[database]\nurl = [\"postgres://ada:hunter2@h/d\"]", "a setting has the wrong type"),
    ] {
        let folder = folder();
        std::fs::write(folder.path().join("guildhall.toml"), file).expect("a file");
        let (code, said) = run(folder.path(), &[], &["serve"]).await;
        assert!(code != 0 && said.contains(words), "{file} ended with {code}: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_there_is_named_before_anything_is_served() {
    let folder = folder();
    let variables = [("GUILDHALL_TLS_CERTIFICATE", "none.pem"), ("GUILDHALL_TLS_KEY", "key.pem")];
    let (code, said) = run(folder.path(), &variables, &["serve", "--listen", "127.0.0.1:0"]).await;
    assert!(code != 0 && said.contains("none.pem"), "{said}");
    assert!(!said.contains("listens on"), "{said}");
    assert!(!folder.path().join("data").exists(), "a database was made");
    let (code, said) = run(folder.path(), &variables, &["doctor"]).await;
    assert!(code != 0 && said.contains("BAD   the certificate can't be used: opening none.pem"), "{said}");
}

#[tokio::test]
async fn secrets_are_never_printed() {
    for (variable, value) in [
        ("GUILDHALL_DATABASE_URL", "postgres://ada:hunter2@127.0.0.1:1/guildhall"),
        ("GUILDHALL_DATABASE_URL", "postgres://ada:hunter2@127.0.0.1:port/guildhall"),
        ("GUILDHALL_DATABASE_URL", "postgress://ada:hunter2@127.0.0.1/guildhall"),
        ("GUILDHALL_DATABASE_URL", "ada:hunter2"),
        ("GUILDHALL_MAIL_URL", "smtpx://ada:hunter2@mail.example"),
        ("GUILDHALL_MAIL_URL", "ada:hunter2"),
    ] {
        let folder = folder();
        let variables = [(variable, value), ("GUILDHALL_LOG", "debug")];
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["doctor"]] {
            let (code, said) = run(folder.path(), &variables, arguments).await;
            assert!(!said.contains(SECRET), "{value} {arguments:?}: {said}");
            assert!(code != 0 && !said.is_empty(), "{value} {arguments:?} ended with {code}: {said}");
        }
    }
}

/// Migrates an empty database twice, and looks at it.
async fn migrate_and_examine(url: &str) {
    let folder = folder();
    let variables = [("GUILDHALL_DATABASE_URL", url)];
    for _ in 0..2 {
        let (code, said) = run(folder.path(), &variables, &["migrate"]).await;
        assert!(code == 0 && said.contains("The database is up to date"), "{said}");
    }
    let (code, said) = run(folder.path(), &variables, &["doctor"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ok    the database is ") && said.contains("nothing wrong"), "{said}");
    assert!(said.contains("note  no e-mail") && !said.contains("BAD"), "{said}");
}

#[tokio::test]
async fn migrating_twice_changes_nothing_on_sqlite() {
    let folder = folder();
    migrate_and_examine(&format!("sqlite://{}", folder.path().join("guildhall.db").display())).await;
}

#[tokio::test]
async fn migrating_twice_changes_nothing_on_postgres() {
    let Some((url, name)) = create_database().await else { return };
    migrate_and_examine(&url).await;
    drop_database(&url, &name).await;
}

#[tokio::test]
async fn the_doctor_tells_a_missing_database() {
    let folder = folder();
    let (code, said) = run(folder.path(), &[], &["doctor"]).await;
    assert!(code != 0 && said.contains("BAD   there is no database at data/guildhall.db"), "{said}");
    assert!(!folder.path().join("data").exists(), "looking made a database");
    let nowhere = [("GUILDHALL_DATABASE_URL", "postgres://ada@127.0.0.1:1/guildhall")];
    let (code, said) = run(folder.path(), &nowhere, &["doctor"]).await;
    assert!(code != 0 && said.contains("BAD   the database can't be opened"), "{said}");
}

#[tokio::test]
async fn the_doctor_tells_a_damaged_database_and_leaves_it_alone() {
    let folder = folder();
    let (code, said) = run(folder.path(), &[], &["migrate"]).await;
    assert_eq!(code, 0, "{said}");
    let file = folder.path().join("data/guildhall.db");
    let good = std::fs::read(&file).expect("a database");
    let (_, said) = run(folder.path(), &[], &["doctor"]).await;
    assert!(said.contains("nothing wrong"), "{said}");
    assert!(std::fs::read(&file).expect("a database") == good, "looking changed the database");

    let pages = good.len() / 4_096;
    let mut torn = good.clone();
    // The roots of tables and indexes stand among the first pages.
    torn[4_096..4_096 * (pages / 2)].fill(0xA5);
    let headless = [&[0xA5; 4_096][..], &good[4_096..]].concat();
    for (what, bytes) in [("torn", torn), ("headless", headless), ("short", good[..good.len() / 2].to_vec())] {
        std::fs::write(&file, &bytes).expect("a damaged database");
        let (code, said) = run(folder.path(), &[], &["doctor"]).await;
        assert!(code != 0 && said.contains("BAD   the database "), "{what}: {said}");
        assert!(said.contains("something must be mended"), "{what}: {said}");
        assert!(std::fs::read(&file).expect("a database") == bytes, "{what}: looking changed the database");
    }
}
