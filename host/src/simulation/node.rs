//! A simulated node: the real hub, sessions and follower of the log, on a world that it shares with others.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::world::{GUILD, SHARDS, World};
use crate::accounts::{Author, CallerKind, Identity, InstanceRole, UserKind};
use crate::channels::{GuildRules, MemberRules, Membership};
use crate::clock::Timestamp;
use crate::cluster::bus::{Arrivals, Bus, Message};
use crate::config;
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, SessionId, StreamId, UserId};
use crate::log::source::Source;
use crate::log::{Entry, shard_of};
use crate::sockets::Hub;
use crate::sockets::backend::Backend;
use crate::sockets::hub::Handle;
use crate::sockets::relations::Relations;
use crate::sockets::session::Session;
use crate::sockets::snapshot::{Absent, Snapshot, Stream};

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
    /// The way to the other nodes.
    bus: Bus,
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
        (bus, mut arrivals): (Bus, Arrivals),
    ) -> Result<(Node, crate::log::feed::Follower)> {
        let source = Source::Memory(world.log.clone());
        let (feed, follower) = crate::log::feed::Feed::open(&source, bus.clone()).await?;
        let hub = Hub::new(&settings, &feed.heads().borrow());
        let parts = Parts {
            world: world.clone(),
            hub,
            feed,
            source,
            settings,
            cache: Mutex::new(None),
            bus,
            tasks: Mutex::default(),
        };
        let node = Node(Arc::new(parts));
        let hearing = node.clone();
        node.keep(tokio::spawn(async move {
            while let Some(message) = arrivals.next().await {
                match message {
                    Message::Replace { user, session } => drop(hearing.hub.close_replaced(user, session)),
                    other => drop(other.into_hint().map(|hint| hearing.feed.hint(hint))),
                }
            }
        }));
        Ok((node, follower))
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
    async fn relations(&self, user: UserId) -> Result<Arc<Relations>> {
        self.pause().await;
        let is_member = self.world.state.lock().members.contains_key(&user);
        let guilds = if is_member { vec![GUILD] } else { Vec::new() };
        Ok(Arc::new(Relations { guilds, ..Relations::default() }))
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
        if !self.hub.close_replaced(new.user, old) {
            self.bus.publish(Message::Replace { user: new.user, session: old });
        }
    }
    async fn departed(&self, _: &Handle) {}
}

impl Node {
    /// What would be asked of a database takes a moment, in which other things happen.
    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(self.world.chance.between(0, 6))).await;
    }
}
