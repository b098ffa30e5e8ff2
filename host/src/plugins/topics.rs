//! What plugins publish for clients to see: told at most so often, and the last of it always.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::installation::Installation;
use super::state::TopicState;
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::Result;
use crate::id::{ChannelId, GuildId, InstallationId};
use crate::log::{EventKind, NewEvent, Tx};

pub(super) mod store;

use store::Topic;

/// How long clients aren't told of a topic after they were.
const PACE: Duration = Duration::from_millis(250);
/// How often it is looked for topics that were published on nodes that ended.
const LOOK: Duration = Duration::from_secs(5);
/// Topics that one look finds, at most.
const FOUND: i64 = 1_000;
/// Guilds that are told at once.
const AT_ONCE: usize = 16;
/// What is published of a topic that is to be forgotten.
const FORGOTTEN: &str = "null";

type Key = (GuildId, InstallationId, String);

/// Topics that clients are to be told of, by this node, and when.
#[derive(Default)]
pub struct Topics {
    marked: Mutex<HashMap<Key, Timestamp>>,
    poked: Notify,
}

impl Topics {
    /// Something was published.
    pub fn mark(&self, guild: GuildId, installation: InstallationId, topic: String) {
        if let Entry::Vacant(place) = self.marked.lock().entry((guild, installation, topic)) {
            place.insert(Timestamp(0));
            self.poked.notify_waiters();
        }
    }

    /// What is to be told now, by guild; and when the next is.
    fn take(&self, now: Timestamp) -> (Vec<(GuildId, Vec<Key>)>, Option<Timestamp>) {
        let mut marked = self.marked.lock();
        let mut guilds: HashMap<GuildId, Vec<Key>> = HashMap::new();
        marked.retain(|key, at| {
            let later = *at > now;
            if !later {
                guilds.entry(key.0).or_default().push(key.clone());
            }
            later
        });
        (guilds.into_iter().collect(), marked.values().min().copied())
    }
}

/// Tells clients until the server ends.
pub async fn run(app: App) {
    let mut look_again = tokio::time::Instant::now();
    loop {
        let poked = app.plugins.topics.poked.notified();
        if tokio::time::Instant::now() >= look_again {
            look_again = tokio::time::Instant::now() + LOOK;
            if let Err(error) = look(&app).await {
                tracing::warn!(%error, "what plugins have published could not be read");
            }
        }
        let (guilds, next) = app.plugins.topics.take(app.now());
        if !guilds.is_empty() {
            stream::iter(guilds).for_each_concurrent(AT_ONCE, |(guild, keys)| tell(&app, guild, keys)).await;
            continue;
        }
        let next = next.map_or(LOOK, |at| at.since(app.now())).max(Duration::from_millis(1));
        tokio::select! {
            () = poked => {}
            () = tokio::time::sleep_until(look_again.min(tokio::time::Instant::now() + next)) => {}
            () = app.ending() => return,
        }
    }
}

async fn look(app: &App) -> Result<()> {
    let unsent = store::unsent(&mut app.db.read().await?, FOUND).await?;
    let mut marked = app.plugins.topics.marked.lock();
    for (installation, guild, topic) in unsent {
        marked.entry((guild, installation, topic)).or_insert(Timestamp(0));
    }
    Ok(())
}

/// Tells those who see them of a guild's topics; those that were told of a moment ago come later.
async fn tell(app: &App, guild: GuildId, keys: Vec<Key>) {
    let wanted = keys.clone();
    let streams = [guild.into()];
    let told = app.writer.run(None, None, &streams, move |tx| {
        Box::pin(async move {
            let mut later = Vec::new();
            for key in wanted {
                if let Some(at) = tell_one(tx, key.1, &key.2).await? {
                    later.push((key, at));
                }
            }
            Ok(later)
        })
    });
    let later = match told.await {
        Ok(later) => later,
        Err(error) => {
            tracing::warn!(%error, %guild, "clients could not be told what plugins have published");
            let at = app.now().after(Duration::from_secs(1));
            keys.into_iter().map(|key| (key, at)).collect()
        }
    };
    let mut marked = app.plugins.topics.marked.lock();
    for (key, at) in later {
        marked.insert(key, at);
    }
}

/// Tells of a topic, unless that was done just now: then answers when it may be done again.
async fn tell_one(tx: &mut Tx, installation: InstallationId, topic: &str) -> Result<Option<Timestamp>> {
    let Some(topic) = store::topic(tx, installation, topic).await?.filter(|topic| topic.sent != topic.version) else {
        return Ok(None);
    };
    let (now, free) = (tx.now, topic.sent_at.after(PACE));
    if free > now {
        return Ok(Some(free));
    }
    tx.on_behalf_of(Some(topic.bot_id), None);
    if topic.told.is_some() && (topic.payload == FORGOTTEN || topic.told_channel_id != topic.channel_id) {
        append(tx, topic.guild_id, &topic, topic.told_channel_id, FORGOTTEN)?;
    }
    if topic.payload == FORGOTTEN {
        store::delete(tx, &topic).await?;
    } else {
        append(tx, topic.guild_id, &topic, topic.channel_id, &topic.payload)?;
        store::set_told(tx, &topic, now).await?;
    }
    Ok(None)
}

fn append(tx: &mut Tx, guild: GuildId, topic: &Topic, channel: Option<ChannelId>, payload: &str) -> Result<()> {
    let event = NewEvent::new(EventKind::PluginEvent, guild, &topic.state(channel, payload)?)?;
    let event = match channel {
        Some(channel) => event.in_channel(channel),
        None => event,
    };
    tx.append(event).map(drop)
}

impl Topic {
    fn state(&self, channel_id: Option<ChannelId>, payload: &str) -> Result<TopicState> {
        Ok(TopicState {
            guild_id: self.guild_id,
            channel_id,
            installation_id: self.installation_id,
            plugin: self.plugin.clone(),
            topic: self.topic.clone(),
            payload: RawValue::from_string(payload.to_owned())?,
        })
    }
}

/// Forgets all topics of an installation, and tells those who knew them.
pub async fn forget(tx: &mut Tx, installation: &Installation) -> Result<()> {
    for topic in store::of_installation(tx, installation.id).await? {
        if topic.told.is_some() {
            append(tx, installation.guild_id, &topic, topic.told_channel_id, FORGOTTEN)?;
        }
        store::delete(tx, &topic).await?;
    }
    Ok(())
}

/// What a guild's clients were told of topics: in the channels that `sees` says, and in no channel at all.
pub(crate) async fn told_through(
    conn: &mut Conn,
    guild: GuildId,
    sees: impl Fn(Option<ChannelId>) -> bool,
) -> Result<Vec<TopicState>> {
    let topics = store::of_guild(conn, guild).await?;
    let seen = topics.iter().filter(|topic| sees(topic.told_channel_id));
    seen.filter_map(|topic| Some((topic, topic.told.as_deref()?)))
        .map(|(topic, told)| topic.state(topic.told_channel_id, told))
        .collect()
}
