//! E-mail to people: written in their language, sent after the change that it tells of, never in its way.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::sync::Semaphore;

use crate::config;
use crate::i18n;

/// Letters that may wait; whoever writes more than the mail server takes loses the rest.
const WAITING_LETTERS: usize = 1_000;
/// Connections to the mail server at once.
const CONNECTIONS: usize = 4;
/// How long to wait after each attempt that failed; after the last one the letter is given up.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(600)];

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Show that this address is yours.
    Verify,
    /// Choose a new password.
    Reset,
    /// Your password was changed.
    PasswordChanged,
}

impl Subject {
    /// The messages that it is written with: its subject and its body.
    fn messages(self) -> (&'static str, &'static str) {
        match self {
            Subject::Verify => ("mail-verify-subject", "mail-verify-body"),
            Subject::Reset => ("mail-reset-subject", "mail-reset-body"),
            Subject::PasswordChanged => ("mail-password-changed-subject", "mail-password-changed-body"),
        }
    }
}

/// A letter to somebody.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What it is about.
    pub subject: Subject,
    /// Where it goes.
    pub address: String,
    /// The reader's name.
    pub name: String,
    /// The reader's language.
    pub locale: String,
    /// The address to open; empty if there is none.
    pub link: String,
}

/// Sends letters in the background.
pub struct Mail(Option<Arc<Office>>);

struct Office {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    waiting: Arc<Semaphore>,
    connections: Semaphore,
}

impl Mail {
    /// Reads the settings; a server without a mail server sends nothing.
    pub fn open(settings: &config::Mail) -> anyhow::Result<Mail> {
        if settings.url.is_empty() {
            return Ok(Mail(None));
        }
        // The URL holds a password, so what is wrong with it is not quoted.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url.0)
            .map_err(|_| anyhow::anyhow!("`mail.url` is not an address such as smtp://user:password@host:port"))?
            .build();
        let from = settings.from.parse().with_context(|| format!("`mail.from` is no mailbox: {}", settings.from))?;
        let waiting = Arc::new(Semaphore::new(WAITING_LETTERS));
        let office = Office { transport, from, waiting, connections: Semaphore::new(CONNECTIONS) };
        Ok(Mail(Some(Arc::new(office))))
    }

    /// Whether letters can be sent at all.
    pub fn available(&self) -> bool {
        self.0.is_some()
    }

    /// Sends a letter in the background. What fails is tried again, then logged: whoever caused the
    /// letter has their answer by then.
    pub fn send(&self, letter: Letter) {
        let Some(office) = self.0.clone() else { return };
        let Ok(place) = office.waiting.clone().try_acquire_owned() else {
            return tracing::error!(subject = ?letter.subject, "too many letters wait; one was dropped");
        };
        tokio::spawn(async move {
            office.deliver(&letter).await;
            drop(place);
        });
    }

    /// Waits until every letter is sent or given up, but not longer than `patience`.
    pub async fn flush(&self, patience: Duration) {
        if let Some(office) = &self.0 {
            let all = office.waiting.acquire_many(WAITING_LETTERS as u32);
            // Whoever ends the server doesn't wait for a mail server that is away.
            let _ = tokio::time::timeout(patience, all).await;
        }
    }
}

impl Office {
    async fn deliver(&self, letter: &Letter) {
        let message = match self.write(letter) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%error, subject = ?letter.subject, "a letter can't be written"),
        };
        for pause in PAUSES.into_iter().map(Some).chain([None]) {
            let Ok(_connection) = self.connections.acquire().await else { return };
            let error = match self.transport.send(message.clone()).await {
                Ok(_) => return,
                Err(error) => error,
            };
            match pause.filter(|_| !error.is_permanent()) {
                Some(pause) => {
                    tracing::warn!(%error, subject = ?letter.subject, "a letter could not be sent yet");
                    drop(_connection);
                    tokio::time::sleep(pause).await;
                }
                None => return tracing::error!(%error, subject = ?letter.subject, "a letter was given up"),
            }
        }
    }

    fn write(&self, letter: &Letter) -> anyhow::Result<Message> {
        let (subject, body) = letter.subject.messages();
        let args = [("name", letter.name.clone()), ("link", letter.link.clone())];
        let text = |name: &str| i18n::message(&letter.locale, name, None, &args).unwrap_or_else(|| name.to_owned());
        let address: Address = letter.address.parse()?;
        Ok(Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(letter.name.clone()), address))
            .message_id(None)
            .subject(text(subject))
            .header(ContentType::TEXT_PLAIN)
            .body(text(body) + "\n")?)
    }
}
