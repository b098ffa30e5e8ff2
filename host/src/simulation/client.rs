//! A simulated client: it chats, goes away, comes back with its cursors, and remembers all it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::chance::Chance;
use super::node::Node;
use super::world::{GUILD, World};
use crate::accounts::{Caller, CallerKind};
use crate::id::{ChannelId, UserId};
use crate::sockets::mailbox::{Mailbox, Read, Reader};
use crate::sockets::polled::FromPolling;
use crate::sockets::session;
use crate::sockets::transport::Transport;
use crate::sockets::wire::Wire;

/// What a client remembers over all its sockets.
pub struct Client {
    /// Who it is.
    pub user: UserId,
    /// Which of its user's clients.
    pub name: String,
    /// Every message that it was told of, by position: its id, its channel, and the log's head then.
    pub told: BTreeMap<i64, (String, ChannelId)>,
    /// What it covered without a gap: after one position, up to and with another.
    pub covered: Vec<(i64, i64)>,
    /// The channels that it believes to see.
    pub channels: BTreeSet<ChannelId>,
    /// What it was told that it sees no longer: a channel, and from where to where it didn't.
    pub hidden: Vec<(ChannelId, i64, i64)>,
    /// What it saw that must not be.
    pub wrong: Vec<String>,
    /// Everything that happened to it, for whoever reads a failure.
    pub story: Vec<String>,
    /// Up to where it has the guild; nothing while it isn't in it.
    pub cursor: Option<i64>,
    /// Messages that it has sent and that were acknowledged.
    pub acknowledged: Vec<String>,
    own_cursor: Option<i64>,
    session: Option<String>,
    begun_at: i64,
    next: u64,
    world: Arc<World>,
}

/// A connection to a node.
struct Line {
    posted: mpsc::Sender<FromPolling>,
    reader: Reader,
    /// Kept, so that the session finds its client there.
    _mailbox: Mailbox,
}

fn goodbye(code: crate::sockets::CloseCode) -> tokio_tungstenite::tungstenite::Utf8Bytes {
    format!(r#"{{"op":"close","d":{{"code":{}}}}}"#, code as u16).into()
}

impl Line {
    fn open(node: &Node) -> Line {
        let (posted, from_client) = mpsc::channel(64);
        let mailbox = Mailbox::new(goodbye);
        let transport = Transport::polling(from_client, mailbox.clone());
        let guest = Caller {
            user: UserId(0),
            kind: CallerKind::Anonymous,
            identity: None,
            request_id: None,
            locale: "en".into(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: String::new(),
            reason: String::new(),
        };
        node.keep(tokio::spawn(session::serve(node.clone(), transport, Wire::Json, guest)));
        let reader = match mailbox.read_after(0) {
            Ok(reader) => reader,
            Err(_) => unreachable!("a new mailbox is read from its beginning"),
        };
        Line { posted, reader, _mailbox: mailbox }
    }

    async fn say(&self, frame: Value) -> bool {
        self.posted.send(FromPolling::Frame(frame.to_string().into())).await.is_ok()
    }
}

impl Client {
    /// A client that hasn't come yet.
    pub fn new(world: &Arc<World>, user: UserId, number: usize) -> Client {
        Client {
            user,
            name: format!("{user}.{number}"),
            told: BTreeMap::new(),
            covered: Vec::new(),
            channels: BTreeSet::new(),
            hidden: Vec::new(),
            wrong: Vec::new(),
            story: Vec::new(),
            cursor: None,
            acknowledged: Vec::new(),
            own_cursor: None,
            session: None,
            begun_at: 0,
            next: 0,
            world: world.clone(),
        }
    }

    /// Lives until it is told to calm down, and then until it has everything.
    pub async fn live(mut self, nodes: Arc<Mutex<Vec<Node>>>, chance: Chance, calm: Arc<Mutex<bool>>) -> Client {
        loop {
            let node = {
                let nodes = nodes.lock();
                nodes[chance.below(nodes.len())].clone()
            };
            if self.one_line(&node, &chance, &calm).await {
                return self;
            }
            tokio::time::sleep(Duration::from_millis(chance.between(1, 60))).await;
        }
    }

    /// One connection, from its first frame to its end; whether all is said and done.
    async fn one_line(&mut self, node: &Node, chance: &Chance, calm: &Mutex<bool>) -> bool {
        let mut line = Line::open(node);
        let token = self.user.to_string();
        let greeting = match (self.own_cursor, chance.one_in(12)) {
            (Some(own), false) => {
                let mut cursors = serde_json::Map::from_iter([(self.user.to_string(), json!(own))]);
                if let Some(cursor) = self.cursor {
                    cursors.insert(GUILD.to_string(), json!(cursor));
                }
                self.note(format!("resumes at {:?}", self.cursor));
                json!({"op": "resume", "d": {"token": token, "cursors": cursors, "session_id": self.session}})
            }
            _ => {
                self.note("identifies".into());
                json!({"op": "identify", "d": {"token": token}})
            }
        };
        line.say(greeting).await;
        let mut frames_left = chance.between(5, 120);
        let mut quiet = 0;
        loop {
            let patience = Duration::from_millis(chance.between(20, 150));
            match line.reader.next(patience).await {
                Read::Frames(frames) => {
                    for frame in frames {
                        let frame: Value = serde_json::from_str(&frame).unwrap_or_default();
                        quiet = if frame["op"] == "heartbeat_ack" { quiet + 1 } else { 0 };
                        if frame["op"] == "close" {
                            self.note(format!("is shown out: {}", frame["d"]["code"]));
                            return false;
                        }
                        self.hear(&frame);
                    }
                }
                Read::Nothing => {}
                Read::TakenOver | Read::Ended => return false,
            }
            let is_calm = *calm.lock();
            if is_calm && quiet > 10 {
                return true;
            }
            frames_left = frames_left.saturating_sub(1);
            if !is_calm && frames_left == 0 {
                self.note("goes away".into());
                return false;
            }
            let said = match chance.below(5) {
                // It asks until it is told several times in turn that there is nothing new.
                _ if is_calm => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    line.say(json!({"op": "heartbeat"})).await
                }
                0 | 1 => self.chat(&line, chance).await,
                2 => line.say(json!({"op": "heartbeat"})).await,
                3 => {
                    tokio::time::sleep(Duration::from_millis(chance.between(1, 200))).await;
                    true
                }
                _ => true,
            };
            if !said {
                return false;
            }
        }
    }

    async fn chat(&mut self, line: &Line, chance: &Chance) -> bool {
        let channels: Vec<ChannelId> = self.channels.iter().copied().collect();
        if channels.is_empty() {
            return true;
        }
        self.next += 1;
        let content = format!("{}/{}", self.name, self.next);
        let channel = channels[chance.below(channels.len())];
        line.say(json!({"op": "send_message", "rid": content, "d": {"channel_id": channel, "content": content}})).await
    }

    fn note(&mut self, what: String) {
        self.story.push(what);
    }

    fn hear(&mut self, frame: &Value) {
        let d = &frame["d"];
        match frame["op"].as_str().unwrap_or_default() {
            "ready" => {
                self.session = d["session_id"].as_str().map(str::to_owned);
                self.leave_guild();
                for stream in d["streams"].as_array().into_iter().flatten() {
                    self.begin(stream);
                }
            }
            "resumed" => {
                self.session = d["session_id"].as_str().map(str::to_owned);
                for stream in d["streams"].as_array().into_iter().flatten() {
                    self.reach(&stream["id"], &stream["s"]);
                }
            }
            "resync" => {
                self.note(format!("begins anew: {} {}", d["reason"], d["snapshot"]));
                if d["stream"] == GUILD.to_string() {
                    self.leave_guild();
                }
                self.begin(&d["snapshot"]);
            }
            "heartbeat_ack" => {
                for (stream, position) in d["cursors"].as_object().into_iter().flatten() {
                    self.reach(&json!(stream), position);
                }
            }
            "ack" => self.acknowledged.extend(d["content"].as_str().map(str::to_owned)),
            "event" => self.event(frame),
            _ => {}
        }
    }

    fn event(&mut self, frame: &Value) {
        let (name, d) = (frame["t"].as_str().unwrap_or_default(), &frame["d"]);
        self.note(format!("{name} {} {d}", frame["s"]));
        let channel = channel_of(&d["channel_id"]).or_else(|| channel_of(&d["id"]));
        match (name, channel) {
            ("message_created", Some(channel)) => self.message(frame, channel),
            ("channel_created" | "channel_shown", Some(channel)) => self.show(channel),
            ("channel_deleted" | "channel_hidden", Some(channel)) => self.hide(channel),
            ("guild_available", _) => {
                self.leave_guild();
                self.begin(d);
                // The snapshot may be ahead of the row that it was sent for; what is between is told, too.
                self.cursor = frame["s"].as_i64();
                return;
            }
            _ => {}
        }
        self.reach(&frame["g"], &frame["s"]);
        if name == "member_left" && d["user"]["id"] == self.user.to_string() {
            self.leave_guild();
        }
    }

    fn show(&mut self, channel: ChannelId) {
        let cursor = self.cursor.unwrap_or_default();
        self.channels.insert(channel);
        for (_, _, until) in self.hidden.iter_mut().filter(|(one, _, until)| *one == channel && *until == i64::MAX) {
            *until = cursor;
        }
    }

    /// It may be told early of a loss, but not of one that never was.
    fn hide(&mut self, channel: ChannelId) {
        let cursor = self.cursor.unwrap_or_default();
        self.channels.remove(&channel);
        self.hidden.push((channel, cursor, i64::MAX));
        if self.world.always_saw(self.user, channel, cursor, i64::MAX) {
            self.wrong.push(format!("{channel} is hidden from it at {cursor} for no reason"));
        }
    }

    /// Whether it was told that it doesn't see what happens in a channel at a position.
    pub fn knows_hidden(&self, channel: ChannelId, position: i64) -> bool {
        self.hidden.iter().any(|(one, from, until)| *one == channel && (*from..*until).contains(&position))
    }

    fn message(&mut self, frame: &Value, channel: ChannelId) {
        let position = frame["s"].as_i64().unwrap_or_default();
        let id = frame["d"]["id"].as_str().unwrap_or_default().to_owned();
        let head = self.world.head();
        if self.cursor.is_none_or(|cursor| position <= cursor) {
            self.wrong.push(format!("the message at {position} comes after {:?}", self.cursor));
        }
        if !self.channels.contains(&channel) {
            self.wrong.push(format!("the message at {position} stands in {channel}, which it doesn't see"));
        }
        if !self.world.ever_saw(self.user, channel, position, head) {
            self.wrong.push(format!("the message at {position} in {channel} was never theirs to see"));
        }
        if self.told.values().any(|(one, _)| *one == id) || self.told.insert(position, (id, channel)).is_some() {
            self.wrong.push(format!("the message at {position} is told twice"));
        }
    }

    /// A stream stands as this snapshot says.
    fn begin(&mut self, stream: &Value) {
        let Some(s) = stream["s"].as_i64() else { return };
        if stream["kind"] == "account" {
            self.own_cursor = Some(s);
            return;
        }
        self.channels = stream["channels"].as_array().into_iter().flatten().filter_map(channel_of).collect();
        self.begun_at = s;
        self.cursor = Some(s);
        self.note(format!("begins at {s} with {:?}", self.channels));
    }

    /// It has a stream up to here.
    fn reach(&mut self, stream: &Value, position: &Value) {
        let Some(position) = position.as_i64() else { return };
        if *stream == self.user.to_string() {
            self.own_cursor = self.own_cursor.max(Some(position));
        } else if *stream == GUILD.to_string() && self.cursor.is_some() {
            self.cursor = self.cursor.max(Some(position));
        }
    }

    /// Whatever it had of the guild ends here.
    pub fn leave_guild(&mut self) {
        if let Some(cursor) = self.cursor.take() {
            self.covered.push((self.begun_at, cursor));
        }
        self.channels.clear();
    }
}

fn channel_of(value: &Value) -> Option<ChannelId> {
    value.as_str()?.parse().ok()
}
