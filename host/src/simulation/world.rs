//! The ground that a simulated node stands on: a log in memory, a guild whose rules change, and nothing
//! that takes time of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;

use super::chance::Chance;
use crate::channels::{
    ChannelKind, ChannelRule, GuildRules, MemberRules, Overwrite, OverwriteKind, Permissions, RoleRule, Verification,
};
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::id::{ChannelId, GuildId, UserId};
use crate::log::memory::MemoryLog;
use crate::log::{Entry, EventKind, NewEvent};

/// The guild in which everything happens.
pub const GUILD: GuildId = GuildId(1_000 << 22);
/// Who owns it; nobody plays them.
const OWNER: UserId = UserId(1 << 22);
/// Shards of the log.
pub(super) const SHARDS: i64 = 2;

/// The database of all nodes: what was committed, and who saw what at each position.
pub struct World {
    /// The log.
    pub log: MemoryLog,
    pub(super) state: Mutex<State>,
    /// Everybody who may ever be a member.
    people: Vec<UserId>,
    ids: AtomicI64,
    begun: tokio::time::Instant,
    pub(super) chance: Chance,
}

/// What stands in the tables.
pub(super) struct State {
    pub rules: GuildRules,
    pub members: BTreeMap<UserId, Arc<MemberRules>>,
    /// For each position of the guild's stream, what everybody saw once it was committed.
    seen: BTreeMap<i64, BTreeMap<UserId, Sight>>,
    /// Every message: its position, its channel, its nonce and its id.
    messages: Vec<Message>,
    /// What was answered under a nonce.
    nonces: HashMap<String, Arc<str>>,
}

/// What somebody saw at a position.
struct Sight {
    is_member: bool,
    /// What the rules let them see, or would if they were a member.
    channels: BTreeSet<ChannelId>,
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
        let member = |user: &UserId| (*user, Arc::new(member_without_roles(*user)));
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
            people: people.to_vec(),
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

    pub(super) fn mint(&self) -> i64 {
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
                state.members.insert(user, Arc::new(member_without_roles(user)));
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
        let look = |user: &UserId| {
            let sight = Sight { is_member: state.members.contains_key(user), channels: state.by_rules(*user) };
            (*user, sight)
        };
        let seen = self.people.iter().map(look).collect();
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

    /// Whether somebody may have been shown a channel in these positions: they were a member after some
    /// commit, and the rules let them see it after some commit. A node that lags behind knows the newest
    /// rules with the membership that stood at its row, so the two need not be the same commit.
    pub fn ever_saw(&self, user: UserId, channel: ChannelId, from: i64, through: i64) -> bool {
        let state = self.state.lock();
        state.saw(user, from, through).any(|sight| sight.is_member)
            && state.saw(user, from, through).any(|sight| sight.channels.contains(&channel))
    }

    /// Whether somebody saw a channel after every commit of these positions.
    pub fn always_saw(&self, user: UserId, channel: ChannelId, from: i64, through: i64) -> bool {
        let state = self.state.lock();
        state.saw(user, from, through).all(|sight| sight.is_member && sight.channels.contains(&channel))
    }

    /// Every message, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.state.lock().messages.clone()
    }
}

impl State {
    pub(super) fn sight(&self, user: UserId) -> BTreeSet<ChannelId> {
        if self.members.contains_key(&user) { self.by_rules(user) } else { BTreeSet::new() }
    }

    fn by_rules(&self, user: UserId) -> BTreeSet<ChannelId> {
        let member = member_without_roles(user);
        let sees = |channel: &ChannelId| {
            self.rules.resolve(&member, Some(*channel), Timestamp(0)).contains(Permissions::VIEW_CHANNEL)
        };
        self.rules.channels.keys().copied().filter(sees).collect()
    }

    fn saw(&self, user: UserId, from: i64, through: i64) -> impl Iterator<Item = &Sight> {
        self.seen.range(from..=through).filter_map(move |(_, seen)| seen.get(&user))
    }
}

fn member_without_roles(user: UserId) -> MemberRules {
    MemberRules { user, roles: Default::default(), timed_out_until: None }
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
