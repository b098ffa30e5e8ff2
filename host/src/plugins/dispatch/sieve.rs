//! Decides which installations are told of which rows.

use std::sync::Arc;

use super::news::{self, News};
use super::{BATCH, Found, Pace, event_id, lane};
use crate::app::App;
use crate::channels::{ChannelKind, Membership, membership_of};
use crate::error::Result;
use crate::id::{ChannelId, GuildId, InstallationId, UserId};
use crate::log::{Entry, EventKind};
use crate::plugins::call::depth_of;
use crate::plugins::contract::types;
use crate::plugins::deliver::store::New;
use crate::plugins::input::Input;
use crate::plugins::installation::Installation;
use crate::plugins::manifest::{Handled, Hook};

/// How many plugins' doings may lead to something that a plugin is still told of.
const DEEPEST: u8 = 4;

/// Something that a plugin isn't told of, because too many plugins' doings led there.
pub struct TooDeep {
    pub installation: InstallationId,
    pub hook: &'static str,
    pub event_id: String,
}

/// Messages that an installation is told of together.
struct Batch {
    installation: Arc<Installation>,
    messages: Vec<types::Message>,
    event_id: String,
    position: i64,
    depth: u8,
}

/// What goes through some rows, and what it has found.
pub struct Sieve<'a> {
    app: &'a App,
    pace: Pace,
    guild: Option<(GuildId, Arc<[Arc<Installation>]>)>,
    found: Found,
    batches: Vec<Batch>,
}

impl<'a> Sieve<'a> {
    /// One that hasn't found anything.
    pub fn new(app: &'a App, pace: Pace) -> Sieve<'a> {
        Sieve { app, pace, guild: None, found: Found::default(), batches: Vec::new() }
    }

    /// Looks at a row, between the one before it and the one after.
    pub async fn take(&mut self, before: Option<&Entry>, row: &Entry, after: Option<&Entry>) -> Result<()> {
        let hook = match self.pace {
            Pace::Single => news::hook(row.kind),
            Pace::Batched => (row.kind == EventKind::MessageCreated).then_some(Hook::OnMessages),
        };
        // What people write to each other is no plugin's business.
        let Some(hook) = hook.filter(|_| row.channel != Some(ChannelId(row.stream.0))) else { return Ok(()) };
        let guild = GuildId(row.stream.0);
        let installed = match &self.guild {
            Some((known, installed)) if *known == guild => installed.clone(),
            _ => self.app.plugins.installed.of(&self.app.db, guild).await?,
        };
        self.guild = Some((guild, installed.clone()));
        let mut news = None;
        for installation in installed.iter().filter(|one| concerns(one, hook, row)) {
            let Some(artifact) = self.app.plugins.marketplace.get(&installation.plugin) else { continue };
            let Some(handled) = artifact.manifest.hook(hook) else { continue };
            // One reads a row once it is known that somebody wants it.
            Box::pin(self.offer((before, row, after), installation, handled, &mut news)).await?;
        }
        Ok(())
    }

    async fn offer(
        &mut self,
        (before, row, after): (Option<&Entry>, &Entry, Option<&Entry>),
        installation: &Arc<Installation>,
        handled: &Handled,
        news: &mut Option<Option<News>>,
    ) -> Result<()> {
        let guild = installation.guild_id;
        if news.is_none() {
            let Some(rules) = self.app.rules.guild(&self.app.db, guild).await? else { return Ok(()) };
            *news = Some(News::read(before, row, after, &rules)?);
        }
        let Some(Some(news)) = news else { return Ok(()) };
        if let News::Message(message, _) = news
            && handled.matches.as_ref().is_some_and(|wanted| !wanted.matches(&message.content))
        {
            return Ok(());
        }
        let Some(bot) = membership_of(self.app, guild, installation.bot_id).await? else { return Ok(()) };
        let inputs = told(news, row, installation, &bot);
        if inputs.is_empty() {
            return Ok(());
        }
        let depth = depth_of(row.request_id.as_deref());
        if depth > DEEPEST {
            let (hook, event_id) = (handled.name.as_str(), event_id(row));
            self.found.too_deep.push(TooDeep { installation: installation.id, hook, event_id });
            return Ok(());
        }
        for (number, (place, input)) in inputs.into_iter().enumerate() {
            match (self.pace, input) {
                (Pace::Batched, Input::MessageCreated(message)) => self.batch(installation, row, depth, message)?,
                (Pace::Batched, _) => {}
                (Pace::Single, input) => {
                    let event_id = if number == 0 { event_id(row) } else { format!("{}-{number}", event_id(row)) };
                    self.found.deliveries.push(New {
                        lane: lane(installation.id, guild, place),
                        hook: handled.name.as_str(),
                        position: row.position,
                        input: serde_json::to_string(&input)?,
                        event_id,
                        actor: row.actor,
                        depth,
                    });
                }
            }
        }
        Ok(())
    }

    fn batch(
        &mut self,
        installation: &Arc<Installation>,
        row: &Entry,
        depth: u8,
        message: types::Message,
    ) -> Result<()> {
        let at = match self.batches.iter().position(|batch| batch.installation.id == installation.id) {
            Some(at) => at,
            None => {
                let (installation, event_id) = (installation.clone(), event_id(row));
                let (messages, position) = (Vec::new(), row.position);
                self.batches.push(Batch { installation, messages, event_id, position, depth });
                self.batches.len() - 1
            }
        };
        let Some(batch) = self.batches.get_mut(at) else { return Ok(()) };
        batch.messages.push(message);
        // The deepest counts: what comes of a batch comes of all of it.
        (batch.position, batch.depth) = (row.position, batch.depth.max(depth));
        if batch.messages.len() >= BATCH {
            let batch = self.batches.remove(at);
            self.found.deliveries.push(batch.delivery()?);
        }
        Ok(())
    }

    /// All that was found.
    pub fn finish(mut self) -> Result<Found> {
        for batch in self.batches {
            self.found.deliveries.push(batch.delivery()?);
        }
        Ok(self.found)
    }
}

impl Batch {
    fn delivery(self) -> Result<New> {
        Ok(New {
            lane: lane(self.installation.id, self.installation.guild_id, 0),
            hook: Hook::OnMessages.as_str(),
            position: self.position,
            input: serde_json::to_string(&Input::Messages(self.messages))?,
            event_id: self.event_id,
            actor: None,
            depth: self.depth,
        })
    }
}

/// Whether an installation may be told of a row at all: what can be seen without reading it.
fn concerns(installation: &Installation, hook: Hook, row: &Entry) -> bool {
    installation.is_enabled()
        && hook.needs().is_none_or(|needed| installation.may(needed))
        && row.actor != Some(installation.bot_id)
        // What was before it came is no business of it.
        && row.at >= installation.created_at
}

/// What a bot is told of something, each with its lane: of that alone which it sees.
fn told(news: &News, row: &Entry, installation: &Installation, bot: &Membership) -> Vec<(i64, Input)> {
    let sees = |channel: ChannelId| bot.access(channel).is_ok();
    // Messages are read where they may be; who is in which channel isn't a message.
    let reads = |channel: &ChannelId| {
        let rule = bot.guild.channels.get(channel);
        let parent = rule.filter(|rule| rule.kind == ChannelKind::Thread).and_then(|rule| rule.parent);
        installation.is_given(*channel, parent) && sees(*channel)
    };
    let seen = row.channel.filter(reads);
    let me = |user: UserId| user == bot.member.user;
    let lane = seen.map_or(0, |channel| channel.0);
    match news {
        News::Voice(user, before, after) => {
            let (before, after) = (before.filter(|one| sees(*one)), after.filter(|one| sees(*one)));
            if me(*user) || (before.is_none() && after.is_none()) {
                return Vec::new();
            }
            let id = |channel: Option<ChannelId>| channel.map(|channel| channel.0 as u64);
            vec![(user.0, Input::VoiceChanged(user.0 as u64, id(before), id(after)))]
        }
        News::Member(user, _) if me(*user) => Vec::new(),
        News::Member(user, input) => vec![(user.0, Input::clone(input))],
        _ if seen.is_none() => Vec::new(),
        News::Message(message, false) => vec![(lane, Input::MessageCreated(types::Message::clone(message)))],
        News::Message(message, true) => vec![(lane, Input::MessageEdited(types::Message::clone(message), None))],
        News::Gone(ids) => ids.iter().map(|id| (lane, Input::MessageDeleted(lane as u64, id.0 as u64))).collect(),
        News::Reaction(reaction, true) => vec![(lane, Input::ReactionAdded(reaction.clone()))],
        News::Reaction(reaction, false) => vec![(lane, Input::ReactionRemoved(reaction.clone()))],
    }
}
