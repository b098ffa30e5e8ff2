//! A client that never gives up: it sends until it is promised, comes back by whatever address
//! answers, and takes down everything that it does and sees.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::history::{Cursors, Fact, History};
use super::reading::{Library, number};

/// How long connecting, and each step of getting in, may take.
const STEP: Duration = Duration::from_secs(10);
/// How often it shows that it is there.
const BEAT: Duration = Duration::from_millis(700);
/// How long nothing may come before it takes the line for dead: a beat is answered sooner.
const SILENCE: Duration = Duration::from_secs(6);
/// How long it waits for the answer to a message before it sends it again.
const ANSWER: Duration = Duration::from_secs(12);
/// How long it waits before it sends again what was refused for now.
const NOT_NOW: Duration = Duration::from_millis(200);
/// Every so many promises, it looks whether they are kept.
const LOOKS: usize = 3;

type Line = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a client is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Says new things, and hears.
    Talks,
    /// Says nothing new.
    Listens,
    /// Goes away.
    Ends,
}

/// Who a client is, and how it behaves.
pub struct Part {
    /// Where it reads, and which addresses it comes by.
    pub library: Library,
    /// Where it writes, one after the other.
    pub channels: Vec<i64>,
    /// How long it waits from one message to the next.
    pub pace: Duration,
    /// How many messages may wait for an answer.
    pub window: usize,
}

/// A client that runs.
pub struct Chatter {
    mood: watch::Sender<Mood>,
    is_in: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Chatter {
    /// Lets a client connect and listen.
    pub fn enter(history: &Arc<History>, who: usize, part: Part) -> Chatter {
        let (mood, moods) = watch::channel(Mood::Listens);
        let (entered, is_in) = watch::channel(false);
        let life = Life {
            address: who,
            who,
            history: history.clone(),
            part,
            moods,
            entered,
            cursors: Cursors::new(),
            session: None,
            open: BTreeMap::new(),
            said: 0,
            promised: 0,
            newest: HashMap::new(),
            reading: JoinSet::new(),
        };
        Chatter { mood, is_in, task: tokio::spawn(life.live()) }
    }

    /// Lets it do something else.
    pub fn now(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Waits until it is in.
    pub async fn is_in(&mut self) {
        let _ = self.is_in.wait_for(|is_in| *is_in).await;
    }

    /// Whether it is in at the moment.
    pub fn is_in_now(&self) -> bool {
        *self.is_in.borrow()
    }

    /// Lets it go away.
    pub async fn end(self) {
        self.mood.send_replace(Mood::Ends);
        self.task.await.expect("it doesn't panic");
    }
}

/// A message that isn't promised yet.
struct Wish {
    channel: i64,
    /// When it is sent again.
    due: Instant,
}

struct Life {
    who: usize,
    history: Arc<History>,
    part: Part,
    moods: watch::Receiver<Mood>,
    entered: watch::Sender<bool>,
    address: usize,
    cursors: Cursors,
    session: Option<String>,
    open: BTreeMap<Arc<str>, Wish>,
    said: usize,
    promised: usize,
    /// The last message that it heard in each channel, with its position.
    newest: HashMap<i64, (i64, i64)>,
    reading: JoinSet<()>,
}

/// A frame of the server.
#[derive(Deserialize)]
struct Frame<'f> {
    #[serde(borrow)]
    op: Cow<'f, str>,
    #[serde(borrow)]
    rid: Option<Cow<'f, str>>,
    #[serde(borrow)]
    t: Option<Cow<'f, str>>,
    #[serde(borrow)]
    g: Option<Cow<'f, str>>,
    s: Option<i64>,
    #[serde(borrow)]
    d: Option<&'f RawValue>,
    problem: Option<Value>,
}

/// What `ready` and `resumed` say.
#[derive(Deserialize)]
struct Standing {
    session_id: String,
    streams: Vec<Stands>,
}

#[derive(Deserialize)]
struct Stands {
    id: String,
    s: i64,
}

#[derive(Deserialize)]
struct Resync {
    stream: String,
    reason: String,
    snapshot: Option<Stands>,
}

#[derive(Deserialize)]
struct Said {
    id: String,
    channel_id: String,
    kind: String,
    content: String,
}

/// Why a line is no more.
struct Lost(String, Option<u16>);

impl From<&str> for Lost {
    fn from(why: &str) -> Lost {
        Lost(why.to_owned(), None)
    }
}

impl Life {
    async fn live(mut self) {
        while *self.moods.borrow_and_update() != Mood::Ends {
            let place = self.address % self.part.library.addresses.len();
            self.address += 1;
            let address = self.part.library.addresses[place].clone();
            let Err(Lost(why, code)) = self.one_line(&address).await else { break };
            self.entered.send_replace(false);
            self.note(Fact::Loses { why, code });
            // Whoever is put back to a place that isn't there begins anew.
            if code == Some(4007) {
                self.cursors.clear();
            }
            tokio::time::sleep(Duration::from_millis(rand::random_range(20..200))).await;
        }
        while self.reading.join_next().await.is_some() {}
    }

    fn note(&self, fact: Fact) {
        self.history.note(self.who, fact);
    }

    /// Comes by an address and stays until the line breaks.
    async fn one_line(&mut self, address: &str) -> Result<(), Lost> {
        let url = format!("{}/gateway", address.replacen("http", "ws", 1));
        let connecting = tokio::time::timeout(STEP, tokio_tungstenite::connect_async(url));
        let (mut line, _) = connecting.await.map_err(|_| "no answer")?.map_err(|_| "no connection")?;
        let hello = tokio::time::timeout(STEP, line.next()).await.map_err(|_| "no greeting")?;
        hello.and_then(Result::ok).ok_or("no greeting")?;
        let token = self.part.library.user.token.trim_start_matches("Bearer ").to_owned();
        let cursors: BTreeMap<String, i64> = self.cursors.iter().map(|(id, s)| (id.to_string(), *s)).collect();
        let first = match cursors.is_empty() {
            true => json!({"op": "identify", "d": {"token": token, "subscribe": "all"}}),
            false => {
                json!({"op": "resume", "d": {"token": token, "cursors": cursors, "session_id": self.session}})
            }
        };
        self.note(Fact::Comes { by: address.to_owned(), cursors: self.cursors.clone() });
        say(&mut line, first).await?;
        for wish in self.open.values_mut() {
            wish.due = Instant::now();
        }
        self.stay(&mut line).await
    }

    async fn stay(&mut self, line: &mut Line) -> Result<(), Lost> {
        let mut beat = tokio::time::interval(BEAT);
        let mut pace = tokio::time::interval(self.part.pace.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut is_in = false;
        let mut leaving = None::<Instant>;
        loop {
            tokio::select! {
                message = line.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => match self.take(&text)? {
                            Taken::In => is_in = true,
                            Taken::Leave(after) => leaving = Some(Instant::now() + after.min(STEP)),
                            Taken::Other => {}
                        },
                        Some(Ok(Message::Close(Some(end)))) => {
                            return Err(Lost("closed".to_owned(), Some(end.code.into())));
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Err(error)) => return Err(Lost(error.to_string(), None)),
                        Some(Ok(_)) | None => return Err("the end".into()),
                    }
                }
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err("silence".into());
                    }
                    if is_in {
                        say(line, json!({"op": "heartbeat"})).await?;
                    }
                }
                _ = pace.tick(), if is_in && leaving.is_none() => self.talk(line).await?,
                changed = self.moods.changed() => {
                    if changed.is_err() || *self.moods.borrow() == Mood::Ends {
                        let _ = tokio::time::timeout(STEP, line.close(None)).await;
                        return Ok(());
                    }
                }
                () = tokio::time::sleep_until(leaving.unwrap_or(heard)), if leaving.is_some() => {
                    return Err("asked to come again".into());
                }
            }
        }
    }

    /// Sends what is due again, or something new.
    async fn talk(&mut self, line: &mut Line) -> Result<(), Lost> {
        let now = Instant::now();
        let due = self.open.iter().find(|(_, wish)| wish.due <= now).map(|(nonce, _)| nonce.clone());
        let talks = *self.moods.borrow() == Mood::Talks && !self.part.channels.is_empty();
        let nonce = match due {
            Some(nonce) => nonce,
            None if talks && self.open.len() < self.part.window => {
                let channel = self.part.channels[self.said % self.part.channels.len()];
                self.said += 1;
                let nonce: Arc<str> = format!("{}-{}", self.part.library.user.name, self.said).into();
                self.open.insert(nonce.clone(), Wish { channel, due: now });
                nonce
            }
            None => return Ok(()),
        };
        let Some(wish) = self.open.get_mut(&nonce) else { return Ok(()) };
        wish.due = now + ANSWER;
        let channel = wish.channel;
        self.note(Fact::Sends { channel, nonce: nonce.clone() });
        let body = json!({"channel_id": channel.to_string(), "content": *nonce, "nonce": *nonce});
        say(line, json!({"op": "send_message", "rid": *nonce, "d": body})).await
    }

    /// Takes a frame in.
    fn take(&mut self, text: &str) -> Result<Taken, Lost> {
        let frame: Frame<'_> = serde_json::from_str(text).map_err(|_| "a frame that can't be read")?;
        let body = frame.d.map_or("null", RawValue::get);
        match &*frame.op {
            "ready" | "resumed" => {
                let standing: Standing = read(body)?;
                let cursors: Cursors = standing.streams.iter().map(|one| (number(&one.id), one.s)).collect();
                self.session = Some(standing.session_id);
                if frame.op == "ready" {
                    self.note(Fact::Begins { cursors: cursors.clone() });
                    self.refetch();
                    self.cursors.clear();
                } else {
                    self.note(Fact::Resumed { cursors: cursors.clone() });
                }
                self.cursors.extend(cursors);
                self.entered.send_replace(true);
                return Ok(Taken::In);
            }
            "event" => self.hear(&frame, body)?,
            "resync" => {
                let resync: Resync = read(body)?;
                let stream = number(&resync.stream);
                let position = resync.snapshot.map(|snapshot| snapshot.s);
                self.note(Fact::Resync { stream, reason: resync.reason, position });
                match position {
                    Some(position) => drop(self.cursors.insert(stream, position)),
                    None => drop(self.cursors.remove(&stream)),
                }
                self.refetch();
            }
            "heartbeat_ack" => {
                #[derive(Deserialize, Default)]
                #[serde(default)]
                struct Moved {
                    cursors: BTreeMap<String, i64>,
                }
                let moved: Moved = read::<Option<Moved>>(body)?.unwrap_or_default();
                let cursors: Cursors = moved.cursors.iter().map(|(id, s)| (number(id), *s)).collect();
                if !cursors.is_empty() {
                    self.note(Fact::Moved { cursors: cursors.clone() });
                    self.cursors.extend(cursors);
                }
            }
            "ack" => self.is_promised(frame.rid.as_deref().unwrap_or_default(), &read(body)?),
            "error" => self.is_refused(frame.rid.as_deref(), &frame.problem.unwrap_or_default())?,
            "reconnect" => {
                let after = read::<Value>(body)?["after_ms"].as_u64().unwrap_or_default();
                return Ok(Taken::Leave(Duration::from_millis(after)));
            }
            _ => {}
        }
        Ok(Taken::Other)
    }

    fn hear(&mut self, frame: &Frame<'_>, body: &str) -> Result<(), Lost> {
        let (Some(stream), Some(position)) = (frame.g.as_deref().map(number), frame.s) else { return Ok(()) };
        let name = frame.t.as_deref().unwrap_or_default().to_owned();
        let message = match &*name {
            "message_created" => Some(read::<Said>(body)?).filter(|said| said.kind == "default"),
            _ => None,
        };
        if let Some(said) = &message {
            self.newest.insert(number(&said.channel_id), (position, number(&said.id)));
        }
        let message = message.map(|said| (number(&said.id), said.content.into()));
        self.note(Fact::Hears { stream, position, name, message });
        self.cursors.insert(stream, position);
        Ok(())
    }

    fn is_promised(&mut self, nonce: &str, message: &Value) {
        // The answer to what was sent twice may come twice.
        let Some((nonce, wish)) = self.open.remove_entry(nonce) else { return };
        let id = number(message["id"].as_str().unwrap_or_default());
        self.note(Fact::Promised { channel: wish.channel, nonce, id });
        self.promised += 1;
        if self.promised.is_multiple_of(LOOKS) {
            let library = self.part.library.clone();
            self.reading.spawn(library.look(self.history.clone(), self.who, wish.channel, id));
        }
    }

    fn is_refused(&mut self, nonce: Option<&str>, problem: &Value) -> Result<(), Lost> {
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        let Some((nonce, _)) = nonce.and_then(|nonce| self.open.get_key_value(nonce)) else {
            return Err(Lost(format!("refused: {code}"), None));
        };
        let nonce = nonce.clone();
        if let Some(wish) = self.open.get_mut(&nonce) {
            wish.due = Instant::now() + NOT_NOW;
        }
        self.note(Fact::Refused { nonce, code });
        Ok(())
    }

    /// Reads over REST, in the background, what it may have missed: everything after what it knows.
    fn refetch(&mut self) {
        for channel in self.part.library.sees.iter().copied() {
            let after = self.newest.get(&channel).map(|(_, id)| *id);
            let library = self.part.library.clone();
            self.reading.spawn(library.refetch(self.history.clone(), self.who, channel, after));
        }
    }
}

/// What a frame means for the line.
enum Taken {
    In,
    Leave(Duration),
    Other,
}

fn read<'f, T: Deserialize<'f>>(body: &'f str) -> Result<T, Lost> {
    serde_json::from_str(body).map_err(|error| Lost(format!("{error} in {body}"), None))
}

async fn say(line: &mut Line, frame: Value) -> Result<(), Lost> {
    let sending = tokio::time::timeout(STEP, line.send(Message::text(frame.to_string())));
    sending.await.map_err(|_| "the line is stuck")?.map_err(|error| Lost(error.to_string(), None))
}
