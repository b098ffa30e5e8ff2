//! Many people who send at once, over REST and over sockets, and remember what they were promised.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::Server;
use crate::support::User;

/// People, each with a socket and some requests at a time.
const PEOPLE: usize = 8;
/// Guilds that they write in.
const GUILDS: usize = 4;
/// Requests that each person has under way.
const REQUESTS: usize = 20;
/// Messages that each person's socket has under way.
const WINDOW: usize = 24;

/// A message that somebody wants to send, under the same nonce however often they try.
#[derive(Clone)]
struct Wish {
    author: usize,
    channel: String,
    nonce: String,
}

/// What was promised, and what is in doubt.
#[derive(Default)]
struct Ledger {
    next: AtomicUsize,
    in_flight: AtomicUsize,
    since_kill: AtomicUsize,
    ending: AtomicBool,
    acknowledged: Mutex<HashMap<String, String>>,
    doubtful: Mutex<Vec<Wish>>,
    wrong: Mutex<Vec<String>>,
}

/// The people, their guilds, and the ledger of what they sent.
pub struct Load {
    people: Vec<User>,
    channels: Vec<String>,
    ledger: Arc<Ledger>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Makes accounts and guilds; nobody sends yet.
    pub async fn prepare(server: &Server) -> Load {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(server.nobody().sign_up(&format!("person{number}")).await);
        }
        let mut channels = Vec::new();
        for number in 0..GUILDS {
            let (guild, channel) = people[0].guild(&format!("Guild {number}")).await;
            for person in &people[1..] {
                person.join(&guild).await;
            }
            channels.push(channel);
        }
        Load { people, channels, ledger: Arc::default(), tasks: JoinSet::new() }
    }

    /// Lets everybody send, first of all what is in doubt.
    pub fn begin(&mut self) {
        self.ledger.since_kill.store(0, Ordering::SeqCst);
        self.ledger.ending.store(false, Ordering::SeqCst);
        for author in 0..self.people.len() {
            for _ in 0..REQUESTS {
                self.tasks.spawn(by_requests(self.ledger.clone(), self.people.clone(), self.channels.clone(), author));
            }
            let person = self.people[author].clone();
            self.tasks.spawn(by_socket(self.ledger.clone(), person, self.channels.clone(), author));
        }
    }

    /// Messages without an answer yet, at this moment.
    pub fn in_flight(&self) -> usize {
        self.ledger.in_flight.load(Ordering::SeqCst)
    }

    /// Messages acknowledged since [`Load::begin`].
    pub fn acknowledged_since(&self) -> usize {
        self.ledger.since_kill.load(Ordering::SeqCst)
    }

    /// Messages in doubt: sent, and neither acknowledged nor refused.
    pub fn doubtful(&self) -> usize {
        self.ledger.doubtful.lock().len()
    }

    /// Lets everybody finish what they began; answers who was told something else than they should be.
    pub async fn end(&mut self) -> Vec<String> {
        self.ledger.ending.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("nobody panics");
        }
        self.ledger.in_flight.store(0, Ordering::SeqCst);
        std::mem::take(&mut self.ledger.wrong.lock())
    }

    /// Every acknowledged message: its nonce, which is its text too, and its id.
    pub fn acknowledged(&self) -> HashMap<String, String> {
        self.ledger.acknowledged.lock().clone()
    }
}

impl Ledger {
    /// The next message of an author: one in doubt if there is one, or a new one.
    fn wish(&self, author: usize, channels: &[String]) -> Option<Wish> {
        if self.ending.load(Ordering::SeqCst) {
            return None;
        }
        let mut doubtful = self.doubtful.lock();
        let wish = match doubtful.iter().position(|wish| wish.author == author) {
            Some(place) => doubtful.swap_remove(place),
            None => {
                let number = self.next.fetch_add(1, Ordering::SeqCst);
                Wish { author, channel: channels[number % channels.len()].clone(), nonce: format!("n{number}") }
            }
        };
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        Some(wish)
    }

    fn acknowledge(&self, wish: &Wish, message: &Value) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.since_kill.fetch_add(1, Ordering::SeqCst);
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        if message["content"] != wish.nonce || message["channel_id"] != wish.channel || id.is_empty() {
            self.wrong.lock().push(format!("{} was acknowledged as {message}", wish.nonce));
        }
        if let Some(before) = self.acknowledged.lock().insert(wish.nonce.clone(), id.clone()) {
            self.wrong.lock().push(format!("{} was acknowledged as {before} and as {id}", wish.nonce));
        }
    }

    /// Nobody knows whether it was stored: the line broke.
    fn doubt(&self, wish: Wish) {
        self.doubtful.lock().push(wish);
    }
}

async fn by_requests(ledger: Arc<Ledger>, people: Vec<User>, channels: Vec<String>, author: usize) {
    while let Some(wish) = ledger.wish(author, &channels) {
        let path = format!("/channels/{}/messages", wish.channel);
        let body = json!({"content": wish.nonce, "nonce": wish.nonce});
        let sent = people[author].request(reqwest::Method::POST, &path).json(&body).send().await;
        let answered = match sent {
            Ok(response) => {
                let status = response.status().as_u16();
                response.json::<Value>().await.map(|body| (status, body))
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok((200 | 201, message)) => ledger.acknowledge(&wish, &message),
            Ok((status, problem)) => {
                ledger.wrong.lock().push(format!("{} was answered {status}: {problem}", wish.nonce));
                return;
            }
            Err(_) => return ledger.doubt(wish),
        }
    }
}

async fn by_socket(ledger: Arc<Ledger>, person: User, channels: Vec<String>, author: usize) {
    let url = format!("{}/gateway", person.url.replacen("http", "ws", 1));
    let Ok((mut socket, _)) = tokio_tungstenite::connect_async(url).await else { return };
    let token = person.token.trim_start_matches("Bearer ");
    let identify = json!({"op": "identify", "d": {"token": token, "subscribe": "none"}});
    if socket.send(Message::text(identify.to_string())).await.is_err() {
        return;
    }
    let mut open: HashMap<String, Wish> = HashMap::new();
    let mut is_in = false;
    'life: loop {
        while is_in && open.len() < WINDOW {
            let Some(wish) = ledger.wish(author, &channels) else { break };
            let body = json!({"channel_id": wish.channel, "content": wish.nonce, "nonce": wish.nonce});
            let command = json!({"op": "send_message", "rid": wish.nonce, "d": body}).to_string();
            open.insert(wish.nonce.clone(), wish);
            if socket.send(Message::text(command)).await.is_err() {
                break 'life;
            }
        }
        if is_in && open.is_empty() {
            return;
        }
        let Some(Ok(Message::Text(text))) = socket.next().await else { break };
        let frame: Value = serde_json::from_str(&text).unwrap_or_default();
        let wish = frame["rid"].as_str().and_then(|rid| open.remove(rid));
        match (frame["op"].as_str(), wish) {
            (Some("ready"), _) => is_in = true,
            (Some("ack"), Some(wish)) => ledger.acknowledge(&wish, &frame["d"]),
            (Some("error"), _) => ledger.wrong.lock().push(text.to_string()),
            _ => {}
        }
    }
    open.into_values().for_each(|wish| ledger.doubt(wish));
}
