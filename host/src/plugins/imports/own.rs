//! Imports about what the host keeps for a plugin: timers, ids for routes, live state, and what filters may know.

use std::time::Duration;

use wasmtime::Result;

use super::messages::allowed;
use crate::channels::{self, Permissions};
use crate::clock::Timestamp;
use crate::guilds::members;
use crate::id::ChannelId;
use crate::plugins::call::{Call, answer, read, told};
use crate::plugins::contract::types::{self, Error};
use crate::plugins::contract::{filter_read, realtime, resources, schedule};
use crate::plugins::convert;
use crate::plugins::counters::LONGEST_WINDOW;
use crate::plugins::manifest::Permission;
use crate::plugins::state;
use crate::plugins::work::{Action, can_be_stored, invalid};

/// The longest name of a timer or a topic, in characters.
const MAX_NAME: usize = 100;
/// The largest payload of a timer, in bytes.
const MAX_PAYLOAD: usize = 16 << 10;
/// How far ahead a timer may be.
const FARTHEST: Duration = Duration::from_secs(366 * 24 * 3_600);
/// The largest live state of a topic, in bytes.
const MAX_STATE: usize = 8 << 10;
/// The longest name of a kind of resource, in characters.
const MAX_KIND: usize = 32;
/// Ids that are asked about at once, at most.
const MAX_IDS: usize = 100;

type Answer<T> = std::result::Result<T, Error>;

impl schedule::Host for Call {
    async fn once(&mut self, id: String, at: u64, payload: Vec<u8>) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "schedule.once", {
            allowed!(self.outside_filters());
            allowed!(checked_timer(&id));
            if payload.len() > MAX_PAYLOAD {
                return Ok(Err(invalid("/payload", "TOO_LONG")));
            }
            let at = Timestamp(i64::try_from(at).unwrap_or(i64::MAX));
            if at > self.job.now.after(FARTHEST) {
                return Ok(Err(invalid("/at", "OUT_OF_RANGE")));
            }
            let depth = self.job.depth;
            self.work.actions.push(Action::Timer { id, at, payload, depth });
            Ok(())
        })
    }

    async fn cancel(&mut self, id: String) -> Result<Answer<bool>> {
        self.meter.action()?;
        answer!(self, "schedule.cancel", {
            allowed!(self.outside_filters());
            allowed!(checked_timer(&id));
            let own = self.work.actions.iter().rev().find_map(|action| match action {
                Action::Timer { id: other, .. } if *other == id => Some(true),
                Action::CancelTimer { id: other } if *other == id => Some(false),
                _ => None,
            });
            let there = match own {
                Some(there) => there,
                None => {
                    let (app, installation) = (self.app()?, self.job.installation.id);
                    read(state::store::has_timer(&mut read(app.db.read().await)?, installation, &id).await)?
                }
            };
            self.work.actions.push(Action::CancelTimer { id });
            Ok(there)
        })
    }
}

fn checked_timer(id: &str) -> Answer<()> {
    let fits = (1..=MAX_NAME).contains(&id.chars().count()) && !id.starts_with("cron:") && can_be_stored(id);
    if fits { Ok(()) } else { Err(invalid("/id", "INVALID_FORMAT")) }
}

impl resources::Host for Call {
    async fn create(&mut self, kind: String, channel: Option<u64>) -> Result<Answer<u64>> {
        self.meter.action()?;
        answer!(self, "resources.create", {
            allowed!(self.outside_filters());
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            let begins = kind.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
            if !begins || kind.len() > MAX_KIND || !kind.bytes().all(is_name) {
                return Ok(Err(invalid("/kind", "INVALID_FORMAT")));
            }
            let channel = match channel {
                Some(channel) => Some(allowed!(self.own_channel(channel).await?)),
                None => None,
            };
            let id = allowed!(told(self.app()?.next_id())?);
            self.work.actions.push(Action::Resource { id, kind, channel });
            Ok(id as u64)
        })
    }

    async fn delete(&mut self, id: u64) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "resources.delete", {
            allowed!(self.outside_filters());
            if allowed!(self.own_resources(&[id]).await?).is_empty() {
                return Ok(Err(Error::NotFound));
            }
            self.work.actions.push(Action::ForgetResource { id: id as i64 });
            Ok(())
        })
    }

    async fn visible(&mut self, ids: Vec<u64>) -> Result<Answer<Vec<u64>>> {
        answer!(self, "resources.visible", {
            allowed!(self.outside_filters());
            if ids.len() > MAX_IDS {
                return Ok(Err(invalid("/ids", "TOO_LONG")));
            }
            let own = allowed!(self.own_resources(&ids).await?);
            let app = self.app()?;
            let mut visible = Vec::new();
            for (id, channel) in own {
                let seen = match (channel, self.job.actor) {
                    (Some(channel), Some(actor)) => channels::access_of(&app, channel, actor).await.is_ok(),
                    _ => true,
                };
                if seen {
                    visible.push(id);
                }
            }
            Ok(visible)
        })
    }
}

impl realtime::Host for Call {
    async fn publish(&mut self, channel: Option<u64>, topic: String, payload: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "realtime.publish", {
            allowed!(self.require(Permission::Realtime));
            if !(1..=MAX_NAME).contains(&topic.chars().count()) || !can_be_stored(&topic) {
                return Ok(Err(invalid("/topic", "INVALID_FORMAT")));
            }
            if payload.len() > MAX_STATE {
                return Ok(Err(invalid("/payload-json", "TOO_LONG")));
            }
            if serde_json::from_str::<&serde_json::value::RawValue>(&payload).is_err() {
                return Ok(Err(invalid("/payload-json", "INVALID_FORMAT")));
            }
            let channel = match channel {
                Some(channel) => Some(allowed!(self.seen_channel(channel, Permissions::NONE).await?).channel),
                None => None,
            };
            // Only how it stands at the end counts.
            self.work
                .actions
                .retain(|action| !matches!(action, Action::Publish { topic: other, .. } if *other == topic));
            self.work.actions.push(Action::Publish { channel, topic, payload });
            Ok(())
        })
    }
}

impl filter_read::Host for Call {
    async fn author(&mut self) -> Result<Answer<types::Member>> {
        answer!(self, "filter-read.author", {
            let (Some(filtered), Some(author)) = (&self.filtered, self.job.actor) else {
                return Ok(Err(Error::NotFound));
            };
            let (app, channel) = (self.app()?, filtered.channel);
            let access = allowed!(told(channels::access_of(&app, channel, author).await)?);
            let bot = self.bot().await?;
            let member = allowed!(told(members::get(&app, &bot, self.job.installation.guild_id, author).await)?);
            Ok(convert::member(&member, access.permissions))
        })
    }

    async fn count(&mut self, key: String, window_ms: u32) -> Result<u32> {
        answer!(self, "filter-read.count", {
            match &self.filtered {
                Some(filtered) if (1..=MAX_NAME).contains(&key.chars().count()) => {
                    let window = Duration::from_millis(u64::from(window_ms)).min(LONGEST_WINDOW);
                    let counters = &self.app()?.plugins.counters;
                    counters.count(self.job.installation.id, &key, window, filtered.message, self.job.now)
                }
                _ => 0,
            }
        })
    }
}

impl Call {
    /// A channel of the guild, whoever sees it.
    async fn own_channel(&self, channel: u64) -> Result<Answer<ChannelId>> {
        let (app, guild, channel) = (self.app()?, self.job.installation.guild_id, ChannelId(channel as i64));
        let rules = allowed!(told(app.rules.guild(&app.db, guild).await)?);
        let there = rules.is_some_and(|rules| rules.channels.contains_key(&channel));
        Ok(if there { Ok(channel) } else { Err(Error::NotFound) })
    }

    /// Those of some ids that the installation has, and their channels: also those of this very call.
    async fn own_resources(&self, ids: &[u64]) -> Result<Answer<Vec<(u64, Option<ChannelId>)>>> {
        let (app, installation) = (self.app()?, self.job.installation.id);
        let mut conn = read(app.db.read().await)?;
        let mut own = Vec::new();
        for &id in ids {
            let fresh = self.work.actions.iter().find_map(|action| match action {
                Action::Resource { id: made, channel, .. } if *made == id as i64 => Some(*channel),
                _ => None,
            });
            let channel = match fresh {
                Some(channel) => Some(channel),
                None => read(state::store::resource(&mut conn, id as i64).await)?
                    .filter(|resource| resource.installation_id == installation)
                    .map(|resource| resource.channel_id),
            };
            own.extend(channel.map(|channel| (id, channel)));
        }
        Ok(Ok(own))
    }
}
