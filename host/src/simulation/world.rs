//! The ground that a simulated node stands on: a log in memory, a guild whose rules change, and nothing
//! that takes time of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::chance::Chance;
use crate::accounts::{Author, CallerKind, Identity, InstanceRole, UserKind};
use crate::channels::{
    ChannelKind, ChannelRule, GuildRules, MemberRules, Membership, Overwrite, OverwriteKind, Permissions, RoleRule,
    Verification,
};
use crate::clock::Timestamp;
use crate::config;
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, SessionId, StreamId, UserId};
use crate::log::memory::MemoryLog;
use crate::log::source::Source;
use crate::log::{Entry, EventKind, NewEvent, shard_of};
use crate::sockets::Hub;
use crate::sockets::backend::{Backend, Streams};
use crate::sockets::hub::Handle;
use crate::sockets::session::Session;
use crate::sockets::snapshot::{Absent, Snapshot, Stream};

/// The guild in which everything happens.
pub const GUILD: GuildId = GuildId(1_000 << 22);
/// Who owns it; nobody plays them.
const OWNER: UserId = UserId(1 << 22);
/// Shards of the log.
const SHARDS: i64 = 2;

/// The database of all nodes: what was committed, and who saw what at each position.
pub struct World {
    /// The log.
    pub log: MemoryLog,
    state: Mutex<State>,
    ids: AtomicI64,
    begun: tokio::time::Instant,
    chance: Chance,
}

struct State {
    rules: GuildRules,
    members: BTreeMap<UserId, Arc<MemberRules>>,
    /// For each position of the guild's stream, the channels that each member saw once it was committed.
    seen: BTreeMap<i64, BTreeMap<UserId, BTreeSet<ChannelId>>>,
    /// Every message: its position, its channel, its nonce and its id.
    messages: Vec<Message>,
    /// What was answered under a nonce.
    nonces: HashMap<String, Arc<str>>,
}

/// A message that was committed.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its position in the guild's stream.
    pub position: i64,
    /// Its channel.
    pub channel: ChannelId,
    /// Its text, which is its nonce.
    pub content: String,
    /// Its id.
    pub id: i64,
}

impl World {
    /// A guild with these people and channels, in which everybody sees everything.
    pub fn new(people: &[UserId], channels: &[ChannelId], chance: Chance) -> Arc<World> {
        let everyone = RoleRule { position: 0, permissions: Permissions::NEW_GUILD, mentionable: false };
        let rules = GuildRules {
            id: GUILD,
            version: 1,
            owner: OWNER,
            verification: Verification::None,
            roles: HashMap::from([(GUILD.everyone(), everyone)]),
            channels: channels.iter().map(|channel| (*channel, text_channel())).collect(),
        };
        let member = |user: &UserId| {
            let rules = MemberRules { user: *user, roles: Default::default(), timed_out_until: None };
            (*user, Arc::new(rules))
        };
        let state = State {
            rules,
            members: people.iter().map(member).collect(),
            seen: BTreeMap::new(),
            messages: Vec::new(),
            nonces: HashMap::new(),
        };
        let world = World {
            log: MemoryLog::new(SHARDS),
            state: Mutex::new(state),
            ids: AtomicI64::new(1),
            begun: tokio::time::Instant::now(),
            chance,
        };
        world.note_sight(0);
        Arc::new(world)
    }

    /// The present: it moves with the simulated time.
    pub fn now(&self) -> Timestamp {
        Timestamp(crate::id::EPOCH_MS).after(self.begun.elapsed())
    }

    fn mint(&self) -> i64 {
        (self.ids.fetch_add(1, Ordering::Relaxed) << 22) | 1
    }

    /// Commits a message; the rows are for the node that did it.
    pub fn send(&self, user: UserId, channel: ChannelId, nonce: &str) -> Result<(Arc<str>, Vec<Arc<Entry>>)> {
        let mut state = self.state.lock();
        let sees = state.sight(user).contains(&channel);
        if !sees {
            return Err(Code::NotFound.into());
        }
        if let Some(answer) = state.nonces.get(nonce) {
            return Ok((answer.clone(), Vec::new()));
        }
        let id = self.mint();
        let body = json!({"id": id.to_string(), "channel_id": channel, "content": nonce, "author": user});
        let payload: Arc<str> = body.to_string().into();
        state.nonces.insert(nonce.to_owned(), payload.clone());
        let event = NewEvent::encoded(EventKind::MessageCreated, GUILD, payload.clone()).in_channel(channel);
        let rows = self.log.append(self.now(), Some(user), vec![event]);
        let position = rows.first().map_or(0, |row| row.position);
        state.messages.push(Message { position, channel, content: nonce.to_owned(), id });
        drop(state);
        self.note_sight(position);
        Ok((payload, rows))
    }

    /// Shows a channel to everybody, or hides it.
    pub fn show_to_all(&self, channel: ChannelId, shown: bool) -> Vec<Arc<Entry>> {
        let overwrite = Overwrite {
            target: GUILD.0,
            kind: OverwriteKind::Role,
            allow: Permissions::NONE,
            deny: if shown { Permissions::NONE } else { Permissions::VIEW_CHANNEL },
        };
        self.overwrite(channel, overwrite)
    }

    /// Shows a channel to one member, or hides it.
    pub fn show_to(&self, channel: ChannelId, user: UserId, shown: bool) -> Vec<Arc<Entry>> {
        let (allow, deny) = match shown {
            true => (Permissions::VIEW_CHANNEL, Permissions::NONE),
            false => (Permissions::NONE, Permissions::VIEW_CHANNEL),
        };
        self.overwrite(channel, Overwrite { target: user.0, kind: OverwriteKind::Member, allow, deny })
    }

    fn overwrite(&self, channel: ChannelId, overwrite: Overwrite) -> Vec<Arc<Entry>> {
        let mut state = self.state.lock();
        let Some(rule) = state.rules.channels.get_mut(&channel) else { return Vec::new() };
        rule.overwrites.retain(|one| one.target != overwrite.target);
        rule.overwrites.push(overwrite);
        self.commit(state, EventKind::ChannelUpdated, Some(channel), json!({"id": channel}))
    }

    /// The channels that there are.
    pub fn channels(&self) -> Vec<ChannelId> {
        let mut channels: Vec<ChannelId> = self.state.lock().rules.channels.keys().copied().collect();
        channels.sort_unstable();
        channels
    }

    /// Makes a channel that everybody sees.
    pub fn make(&self) -> Vec<Arc<Entry>> {
        let channel = ChannelId(self.mint());
        let mut state = self.state.lock();
        state.rules.channels.insert(channel, text_channel());
        self.commit(state, EventKind::ChannelCreated, Some(channel), json!({"id": channel}))
    }

    /// Deletes a channel.
    pub fn delete(&self, channel: ChannelId) -> Vec<Arc<Entry>> {
        let mut state = self.state.lock();
        if state.rules.channels.remove(&channel).is_none() {
            return Vec::new();
        }
        self.commit(state, EventKind::ChannelDeleted, Some(channel), json!({"id": channel}))
    }

    /// Lets somebody into the guild, or shows them out.
    pub fn join_or_leave(&self, user: UserId) -> Vec<Arc<Entry>> {
        let mut state = self.state.lock();
        let kind = match state.members.remove(&user) {
            Some(_) => EventKind::MemberLeft,
            None => {
                let rules = MemberRules { user, roles: Default::default(), timed_out_until: None };
                state.members.insert(user, Arc::new(rules));
                EventKind::MemberJoined
            }
        };
        self.commit(state, kind, None, json!({"user": {"id": user}}))
    }

    fn commit(
        &self,
        mut state: parking_lot::MutexGuard<'_, State>,
        kind: EventKind,
        channel: Option<ChannelId>,
        body: serde_json::Value,
    ) -> Vec<Arc<Entry>> {
        state.rules.version += 1;
        let event = NewEvent::encoded(kind, GUILD, body.to_string().into());
        let event = match channel {
            Some(channel) => event.in_channel(channel),
            None => event,
        };
        let rows = self.log.append(self.now(), None, vec![event]);
        drop(state);
        self.note_sight(rows.first().map_or(0, |row| row.position));
        rows
    }

    fn note_sight(&self, position: i64) {
        let mut state = self.state.lock();
        let seen = state.members.keys().map(|user| (*user, state.sight(*user))).collect();
        state.seen.insert(position, seen);
    }

    /// The position of the guild's last row.
    pub fn head(&self) -> i64 {
        self.state.lock().seen.keys().next_back().copied().unwrap_or_default()
    }

    /// The position of the last row that somebody may have been told of.
    pub fn last_visible_to(&self, user: UserId) -> i64 {
        let messages = self.messages();
        let theirs = |one: &&Message| self.always_saw(user, one.channel, one.position, i64::MAX);
        messages.iter().rev().find(theirs).map_or(0, |message| message.position)
    }

    /// Removes what is older than so many milliseconds from the log.
    pub fn expire(&self, older_ms: u64) {
        let before = self.now().before(Duration::from_millis(older_ms));
        for shard in 0..SHARDS {
            self.log.expire(shard, before, usize::MAX);
        }
    }

    /// What somebody sees now.
    pub fn sees_now(&self, user: UserId) -> BTreeSet<ChannelId> {
        self.state.lock().sight(user)
    }

    /// Whether somebody saw a channel after some commit of these positions.
    pub fn ever_saw(&self, user: UserId, channel: ChannelId, from: i64, through: i64) -> bool {
        self.state.lock().saw(from, through).any(|seen| seen.get(&user).is_some_and(|seen| seen.contains(&channel)))
    }

    /// Whether somebody saw a channel after every commit of these positions.
    pub fn always_saw(&self, user: UserId, channel: ChannelId, from: i64, through: i64) -> bool {
        self.state.lock().saw(from, through).all(|seen| seen.get(&user).is_some_and(|seen| seen.contains(&channel)))
    }

    /// Every message, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.state.lock().messages.clone()
    }
}

impl State {
    fn sight(&self, user: UserId) -> BTreeSet<ChannelId> {
        let Some(member) = self.members.get(&user) else { return BTreeSet::new() };
        let sees = |channel: &ChannelId| {
            self.rules.resolve(member, Some(*channel), Timestamp(0)).contains(Permissions::VIEW_CHANNEL)
        };
        self.rules.channels.keys().copied().filter(sees).collect()
    }

    fn saw(&self, from: i64, through: i64) -> impl Iterator<Item = &BTreeMap<UserId, BTreeSet<ChannelId>>> {
        self.seen.range(from..=through).map(|(_, seen)| seen)
    }
}

fn text_channel() -> ChannelRule {
    ChannelRule {
        kind: ChannelKind::Text,
        parent: None,
        inherits: true,
        slowmode_seconds: 0,
        archived: false,
        locked: false,
        owner: None,
        starter: None,
        overwrites: Vec::new(),
        user_limit: 0,
    }
}

/// Passes on to other nodes what one has committed.
pub type Tell = Box<dyn Fn(&[Arc<Entry>]) + Send + Sync>;

/// A node: the real hub and the real follower of the log, on the world that it shares with the others.
#[derive(Clone)]
pub struct Node(Arc<Parts>);

/// What a node has of its own.
pub struct Parts {
    /// The database.
    pub world: Arc<World>,
    /// The real hub.
    pub hub: Hub,
    /// Where local commits are handed over.
    pub feed: crate::log::feed::Feed,
    source: Source,
    settings: config::Sockets,
    /// The rules as this node read them last; dropped as the log says.
    cache: Mutex<Option<Arc<GuildRules>>>,
    /// Who else is to hear of a commit.
    tell: Tell,
    /// All that runs on it.
    tasks: Mutex<Vec<tokio::task::AbortHandle>>,
}

impl std::ops::Deref for Node {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Node {
    /// A node that begins at the present.
    pub async fn start(
        world: &Arc<World>,
        settings: config::Sockets,
        tell: Tell,
    ) -> Result<(Node, crate::log::feed::Follower)> {
        let source = Source::Memory(world.log.clone());
        let (feed, follower) = crate::log::feed::Feed::open(&source).await?;
        let hub = Hub::new(&settings, &feed.heads().borrow());
        let parts = Parts {
            world: world.clone(),
            hub,
            feed,
            source,
            settings,
            cache: Mutex::new(None),
            tell,
            tasks: Mutex::default(),
        };
        Ok((Node(Arc::new(parts)), follower))
    }

    /// Follows the log, as the server does.
    pub async fn bring_around(self, mut follower: crate::log::feed::Follower) {
        while let Some(rows) = follower.next().await {
            self.forget(&rows);
            self.hub.publish(&self, &rows).await;
        }
    }

    /// Lets a task end with the node.
    pub fn keep<T>(&self, task: tokio::task::JoinHandle<T>) {
        self.tasks.lock().push(task.abort_handle());
    }

    /// Ends all that runs on it, in the middle of whatever it does.
    pub fn kill(&self) {
        self.tasks.lock().drain(..).for_each(|task| task.abort());
    }

    /// What a node does once it has committed something.
    pub async fn committed(&self, rows: Vec<Arc<Entry>>) {
        self.forget(&rows);
        (self.tell)(&rows);
        self.feed.offer(rows).await;
    }

    fn forget(&self, rows: &[Arc<Entry>]) {
        if rows.iter().any(|row| row.kind.changes_access()) {
            *self.cache.lock() = None;
        }
    }
}

impl Backend for Node {
    fn hub(&self) -> &Hub {
        &self.0.hub
    }
    fn log(&self) -> &Source {
        &self.source
    }
    fn settings(&self) -> &config::Sockets {
        &self.settings
    }
    fn is_limited(&self) -> bool {
        false
    }
    fn now(&self) -> Timestamp {
        self.world.now()
    }
    fn mint(&self) -> Result<i64> {
        Ok(self.world.mint())
    }

    /// A token is the user's id.
    async fn prove(&self, credentials: &str) -> Result<(CallerKind, Arc<Identity>)> {
        let user = credentials.trim_start_matches("Bearer ").parse().map_err(|_| Code::Unauthenticated)?;
        Ok((CallerKind::Session(SessionId(user)), self.identify(UserId(user)).await?))
    }
    async fn identify(&self, user: UserId) -> Result<Arc<Identity>> {
        let name = format!("user{user}");
        let author =
            Author { id: user, username: name.clone(), display_name: name, avatar_file_id: None, kind: "user" };
        Ok(Arc::new(Identity {
            author,
            kind: UserKind::User,
            instance_role: InstanceRole::None,
            locale: "en".into(),
            disabled: false,
            email_verified: true,
        }))
    }
    fn has_ended(&self, _: SessionId) -> bool {
        false
    }
    async fn blocks(&self, _: UserId) -> Result<Vec<UserId>> {
        Ok(Vec::new())
    }
    async fn streams(&self, user: UserId) -> Result<Streams> {
        self.pause().await;
        let is_member = self.world.state.lock().members.contains_key(&user);
        Ok(Streams { directs: Vec::new(), guilds: if is_member { vec![GUILD] } else { Vec::new() } })
    }
    async fn partners(&self, _: UserId) -> Result<Vec<(ChannelId, UserId)>> {
        Ok(Vec::new())
    }
    async fn guild_of(&self, channel: ChannelId) -> Result<Option<GuildId>> {
        Ok(self.world.state.lock().rules.channels.contains_key(&channel).then_some(GUILD))
    }
    async fn is_in(&self, user: UserId, stream: StreamId) -> Result<bool> {
        Ok(stream == user.into() || self.world.state.lock().members.contains_key(&user))
    }
    async fn rules(&self, _: GuildId) -> Result<Option<Arc<GuildRules>>> {
        if let Some(rules) = &*self.cache.lock() {
            return Ok(Some(rules.clone()));
        }
        self.pause().await;
        let mut cache = self.cache.lock();
        let rules = Arc::new(self.world.state.lock().rules.clone());
        *cache = Some(rules.clone());
        Ok(Some(rules))
    }
    async fn member(&self, _: &GuildRules, user: UserId) -> Result<Option<Arc<MemberRules>>> {
        Ok(self.world.state.lock().members.get(&user).cloned())
    }
    async fn snapshot(&self, user: UserId, streams: &[StreamId]) -> Result<Snapshot> {
        self.pause().await;
        let heads = self.world.log.heads()?;
        let head = |stream: StreamId| heads.get(&shard_of(stream, SHARDS)).copied().unwrap_or_default();
        let state = self.world.state.lock();
        let mut whole = Vec::new();
        let (mut memberships, mut absent) = (Vec::new(), Vec::new());
        for &stream in streams {
            let s = head(stream);
            let body = if stream == user.into() {
                json!({"id": stream, "s": s, "kind": "account"})
            } else {
                let Some(member) = state.members.get(&user) else {
                    absent.push(Absent { stream, s, version: state.rules.version });
                    continue;
                };
                memberships.push(Membership::new(Arc::new(state.rules.clone()), member.clone(), self.world.now()));
                json!({"id": stream, "s": s, "kind": "guild", "channels": state.sight(user)})
            };
            whole.push(Stream { id: stream, s, body: to_raw_value(&body)? });
        }
        Ok(Snapshot { user: to_raw_value(&json!({}))?, blocked: Vec::new(), streams: whole, memberships, absent })
    }
    async fn shown(&self, _: GuildId, channel: ChannelId) -> Result<Option<Arc<str>>> {
        self.pause().await;
        let is_there = self.world.state.lock().rules.channels.contains_key(&channel);
        Ok(is_there.then(|| json!({"channel_id": channel}).to_string().into()))
    }
    async fn run(session: &Session<Self>, name: &str, body: &RawValue) -> Result<Arc<str>> {
        #[derive(serde::Deserialize)]
        struct Sent {
            channel_id: ChannelId,
            content: String,
        }
        if name != "send_message" {
            return Err(Code::NotFound.into());
        }
        let sent: Sent = serde_json::from_str(body.get())?;
        let node = &session.app;
        node.pause().await;
        let (answer, rows) = node.world.send(session.caller().user, sent.channel_id, &sent.content)?;
        node.committed(rows).await;
        Ok(answer)
    }
    async fn replace(&self, old: i64, new: &Arc<Handle>) {
        self.hub.close_replaced(new.user, old);
    }
    async fn departed(&self, _: &Handle) {}
}

impl Node {
    /// What would be asked of a database takes a moment, in which other things happen.
    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(self.world.chance.between(0, 6))).await;
    }
}
