//! Clients that we did not write, from the public registries, chat with each other.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::story;
use crate::support::{TestApp, may_skip};

/// How long a whole conversation may take.
const PATIENCE: Duration = Duration::from_secs(90);

story!(node_hosts_and_python_is_the_guest_with_polling_and_its_upgrade, |app| {
    converse(&app, Client::Node, Client::Python, "default").await;
});

story!(python_hosts_and_node_is_the_guest_with_polling_and_its_upgrade, |app| {
    converse(&app, Client::Python, Client::Node, "default").await;
});

story!(node_and_python_chat_over_sockets_alone, |app| {
    converse(&app, Client::Python, Client::Node, "websocket").await;
});

story!(node_and_python_chat_over_polling_alone, |app| {
    converse(&app, Client::Node, Client::Python, "polling").await;
});

story!(node_comes_back_to_what_it_missed, |app| {
    come_back(&app, Client::Node).await;
});

story!(python_comes_back_to_what_it_missed, |app| {
    come_back(&app, Client::Python).await;
});

/// A library that speaks Socket.IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    /// `socket.io-client`.
    Node,
    /// `python-socketio`, and `requests` as the original documentation uses it.
    Python,
}

impl Client {
    /// The command that plays a person by a script; nothing if the run may do without.
    fn command(self, script: &str) -> Option<Command> {
        let scripts = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients"));
        let (variable, what) = match self {
            Client::Node => ("GUILDHALL_TEST_NODE_DIR", "node"),
            Client::Python => ("GUILDHALL_TEST_PYTHON", "python"),
        };
        let Ok(place) = std::env::var(variable) else {
            assert!(may_skip(what), "{variable} is not set; run `cargo xtask test`");
            return None;
        };
        let mut command = match self {
            Client::Node => Command::new("node"),
            Client::Python => Command::new(place),
        };
        let ending = if self == Client::Node { "mjs" } else { "py" };
        command.arg(scripts.join(format!("{script}.{ending}")));
        Some(command)
    }

    fn play(self, script: &str, arguments: &[&str]) -> Option<Child> {
        let mut command = self.command(script)?;
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Some(command.spawn().expect("the client starts"))
    }
}

/// Lets two people talk, whose scripts check each step.
async fn converse(app: &TestApp, host: Client, guest: Client, transports: &str) {
    // As the original documentation writes it.
    let url = app.url.replace("127.0.0.1", "localhost");
    if guest.command("chat").is_none() {
        return;
    }
    let Some(mut host_child) = host.play("chat", &[&url, "ada", transports]) else { return };
    let mut lines = BufReader::new(host_child.stdout.take().expect("its output")).lines();
    let place = match tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line in time") {
        Ok(Some(line)) => serde_json::from_str::<Value>(&line).expect("JSON"),
        _ => panic!("{host:?} ended early: {}", end(host_child).await.1),
    };
    let id = |name: &str| place[name].as_str().expect("an id").to_owned();
    let guest_child =
        guest.play("chat", &[&url, "bob", transports, &id("guild"), &id("channel")]).expect("it is there");
    let ((hosted, host_said), (visited, guest_said)) = tokio::join!(end(host_child), end(guest_child));
    assert!(hosted && visited, "{host:?} as the host: {host_said}\n{guest:?} as the guest: {guest_said}");
}

/// Lets a client lose its line, and come back with where it stood, whichever way it travels.
async fn come_back(app: &TestApp, client: Client) {
    for transports in ["default", "websocket", "polling"] {
        let Some(child) = client.play("resume", &[&app.url, transports, transports]) else { return };
        let (well, said) = end(child).await;
        assert!(well, "{client:?} by {transports}: {said}");
    }
}

/// Whether a client ended well, and what it complained of.
async fn end(mut child: Child) -> (bool, String) {
    let mut errors = String::new();
    let mut stderr = child.stderr.take().expect("its errors");
    let ended = async {
        let _ = stderr.read_to_string(&mut errors).await;
        child.wait().await
    };
    let well = match tokio::time::timeout(PATIENCE, ended).await {
        Ok(status) => status.is_ok_and(|status| status.success()),
        Err(_) => false,
    };
    (well, errors)
}
