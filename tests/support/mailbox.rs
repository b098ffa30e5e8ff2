//! A real mail server that hands over what it receives.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use guildhall::config::{Config, Secret};
use serde_json::Value;

use super::app::may_skip;

/// How long a story waits for a letter that must come.
const PATIENCE: Duration = Duration::from_secs(20);

static MAILBOX: OnceLock<Option<Mailbox>> = OnceLock::new();

/// A mail server, one for all stories: each has addresses of its own.
pub struct Mailbox {
    port: u16,
    letters: Arc<Mutex<Vec<Value>>>,
    /// The mail server ends with it.
    _stdin: ChildStdin,
}

impl Mailbox {
    /// The mail server; nothing if Python can't be had and the run may do without.
    pub fn get() -> Option<&'static Mailbox> {
        MAILBOX.get_or_init(Mailbox::start).as_ref()
    }

    /// Lets a server send its letters here, if there is a mail server.
    pub fn use_in(config: &mut Config) {
        if let Some(mailbox) = Mailbox::get() {
            config.mail.url = Secret(format!("smtp://guildhall:secret@127.0.0.1:{}", mailbox.port));
            config.mail.from = "Guildhall <guildhall@example.org>".into();
        }
    }

    fn start() -> Option<Mailbox> {
        let Ok(python) = std::env::var("GUILDHALL_TEST_PYTHON") else {
            assert!(may_skip("python"), "GUILDHALL_TEST_PYTHON is not set; run `cargo xtask test`");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/mailbox.py");
        let mut server = Command::new(python);
        server.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = server.spawn().expect("a mail server");
        let mut lines = BufReader::new(server.stdout.take().expect("its output")).lines();
        let port = lines.next().expect("a first line").expect("text").parse().expect("a port");
        let letters: Arc<Mutex<Vec<Value>>> = Arc::default();
        let stdin = server.stdin.take().expect("its input");
        let kept = letters.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let letter = serde_json::from_str(&line).expect("a letter");
                kept.lock().expect("the letters").push(letter);
            }
            let _ = server.wait();
        });
        Some(Mailbox { port, letters, _stdin: stdin })
    }

    /// The next letter to an address.
    pub async fn letter(&self, address: &str) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(letter) = self.take(address) {
                return letter;
            }
            assert!(begun.elapsed() < PATIENCE, "no letter to {address} has come");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The token at the end of the link in the next letter to an address.
    pub async fn token(&self, address: &str) -> String {
        link(&self.letter(address).await).rsplit('/').next().expect("a token").to_owned()
    }

    /// A letter to an address, if one has come.
    pub fn take(&self, address: &str) -> Option<Value> {
        let mut letters = self.letters.lock().expect("the letters");
        let at = letters.iter().position(|letter| letter["to"] == address)?;
        Some(letters.remove(at))
    }
}

/// The link in a letter.
pub fn link(letter: &Value) -> String {
    let text = letter["text"].as_str().expect("a text");
    let line = text.lines().find(|line| line.trim().starts_with("http")).unwrap_or_else(|| panic!("no link: {text}"));
    line.trim().to_owned()
}
