//! What plugins want to be done, done by the operations of the house: on behalf of the installation's bot, with
//! no right that it hasn't.

use std::time::Duration;

use super::bounds;
use super::call::Job;
use super::failure::{Failure, FailureCode};
use super::filtering::{self, Stage};
use super::installation::Installation;
use super::state;
use super::work::{Action, Work};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::{self, Access, Membership, directs, threads};
use crate::error::{Code, Error, Result};
use crate::guilds::members::update;
use crate::guilds::{bans, members};
use crate::id::{ChannelId, GuildId, MessageId, StreamId, UserId};
use crate::log::Tx;
use crate::messaging::deleting::{self, Whose};
use crate::messaging::editing::{self, Edit};
use crate::messaging::emoji::Emoji;
use crate::messaging::purge::{self, Found};
use crate::messaging::{Draft, reactions, send_as};

/// What was found out before the transaction, where there is time for it.
#[derive(Default)]
pub struct Prepared {
    /// Standings in direct channels.
    directs: Vec<(UserId, Access)>,
    /// Who is to be banned, and what of theirs is to be deleted.
    banned: Vec<(Author, parking_lot::Mutex<Found>)>,
    /// How many channels a guild may have.
    max_channels: usize,
    /// Whoever the plugin acts for.
    actor: Option<Membership>,
}

impl Prepared {
    /// The streams that the transaction writes to.
    pub fn streams(&self, guild: GuildId) -> Vec<StreamId> {
        let mut streams: Vec<StreamId> = vec![guild.into()];
        streams.extend(self.directs.iter().map(|(_, access)| access.stream()));
        streams
    }

    fn direct(&self, user: UserId) -> Result<&Access> {
        self.directs.iter().find(|(one, _)| *one == user).map(|(_, access)| access).ok_or(Code::NotFound.into())
    }
}

/// Finds out what actions need before their transaction. Messages pass the other installations' filters here:
/// one that is blocked fails the call.
pub async fn prepare(app: &App, job: &Job, bot: &Caller, work: &mut Work) -> std::result::Result<Prepared, Failure> {
    let max_channels = app.config.limits.channels;
    let actor = find_actor(app, job).await.map_err(refused)?;
    let mut prepared = Prepared { max_channels, actor, ..Prepared::default() };
    for action in &mut work.actions {
        let result = match action {
            Action::Send { channel, draft, id } => {
                filtering::plugins_draft(app, job, bot, *channel, *id, draft, Stage::Create).await
            }
            Action::Edit { channel, draft, id } => {
                filtering::plugins_draft(app, job, bot, *channel, *id, draft, Stage::Edit).await
            }
            Action::Direct { user, .. } => find_direct(app, bot, *user, &mut prepared).await,
            Action::Ban { user, delete_history_ms, .. } => {
                find_history(app, job.installation.guild_id, *user, *delete_history_ms, &mut prepared).await
            }
            _ => Ok(()),
        };
        result.map_err(refused)?;
    }
    Ok(prepared)
}

fn refused(error: Error) -> Failure {
    Failure::new(FailureCode::Refused, format!("{}: {error}", error.code()))
}

async fn find_actor(app: &App, job: &Job) -> Result<Option<Membership>> {
    match job.acts_for() {
        Some(actor) => channels::membership_of(app, job.installation.guild_id, actor)
            .await?
            .ok_or(Code::Forbidden.into())
            .map(Some),
        None => Ok(None),
    }
}

async fn find_direct(app: &App, bot: &Caller, user: UserId, prepared: &mut Prepared) -> Result<()> {
    if prepared.direct(user).is_err() {
        let channel = directs::with(app, bot, user).await?;
        prepared.directs.push((user, channels::access(app, bot, channel).await?));
    }
    Ok(())
}

async fn find_history(app: &App, guild: GuildId, user: UserId, ms: u64, prepared: &mut Prepared) -> Result<()> {
    let author = app.identities.get(&app.db, user).await?.ok_or(Code::NotFound)?.author.clone();
    let seconds = Duration::from_millis(ms).as_secs() as i64;
    let found = purge::find(app, guild, &[user], seconds).await?;
    prepared.banned.push((author, parking_lot::Mutex::new(found)));
    Ok(())
}

/// Does everything, in order; what is refused ends it all.
pub async fn apply(
    tx: &mut Tx,
    bot: &Caller,
    installation: &Installation,
    standing: &Membership,
    prepared: &Prepared,
    actions: &[Action],
) -> Result<()> {
    for action in actions {
        if state::is_its_own(action) {
            state::apply(tx, installation, action).await?;
            continue;
        }
        if let Some(actor) = &prepared.actor {
            bounds::require(tx, actor, action).await?;
        }
        // What came before may have changed what the bot may do.
        let standing = standing.confirm(tx).await?;
        let desk = Desk { tx, bot, standing, prepared };
        Box::pin(desk.apply(action)).await?;
    }
    Ok(())
}

/// One action, and what is needed for it.
struct Desk<'t> {
    tx: &'t mut Tx,
    bot: &'t Caller,
    standing: Membership,
    prepared: &'t Prepared,
}

impl Desk<'_> {
    async fn apply(self, action: &Action) -> Result<()> {
        match action {
            Action::Send { id, channel, draft } => self.send(*id, *channel, draft).await,
            Action::Direct { id, user, draft } => {
                let access = self.prepared.direct(*user)?.confirm(self.tx).await?;
                send_as(self.tx, self.bot, &access, *id, draft).await.map(drop)
            }
            Action::Edit { .. } | Action::Delete { .. } | Action::React { .. } => self.change_message(action).await,
            Action::TimeOut { .. } | Action::Kick { .. } | Action::Ban { .. } | Action::Unban { .. } => {
                self.moderate(action).await
            }
            Action::Role { user, role, granted } => {
                let reason = self.bot.reason.clone();
                update::change_role_within(self.tx, self.standing, *user, *role, *granted, reason).await.map(drop)
            }
            Action::Thread { id, parent, name, message } => {
                let access = self.standing.access(*parent)?;
                let new = threads::NewThread { name: name.clone(), message_id: *message, content: None };
                let (caller, max) = (self.bot.clone(), self.prepared.max_channels);
                threads::start_within(self.tx, &access, &threads::Start { thread: *id, caller, new, max }).await?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn send(self, id: MessageId, channel: ChannelId, draft: &Draft) -> Result<()> {
        let access = self.standing.access(channel)?;
        access.require_speech(true)?;
        if !send_as(self.tx, self.bot, &access, id, draft).await? {
            // Another call was faster with this nonce: the plugin has an id that nobody will ever see.
            return Err(Code::Conflict.into());
        }
        channels::wake_thread(self.tx, &access).await
    }

    async fn change_message(self, action: &Action) -> Result<()> {
        match action {
            Action::Edit { channel, id, draft } => {
                let access = self.standing.access(*channel)?;
                access.require_speech(true)?;
                let author = self.bot.identity()?.author.clone();
                let edit = Edit {
                    content: draft.content.clone(),
                    allowed_mentions: draft.allowed_mentions.clone(),
                    blocks: draft.blocks.clone(),
                };
                editing::edit_within(self.tx, &access, *id, author, &edit).await.map(drop)
            }
            Action::Delete { channel, id, reason } => {
                let access = self.standing.access(*channel)?;
                let whose = reason.as_deref().map_or(Whose::Own, Whose::Anybodys);
                deleting::delete_within(self.tx, &access, *id, whose).await
            }
            Action::React { channel, id, emoji, added } => {
                let access = self.standing.access(*channel)?;
                let emoji = Emoji::parse(emoji).ok_or(Code::NotFound)?;
                if *added {
                    reactions::add_within(self.tx, self.bot, &access, *id, &emoji).await?.is_new().map(drop)
                } else {
                    let (text, user) = (emoji.to_string(), self.bot.user);
                    reactions::remove_within(self.tx, &access, *id, &text, user).await.map(drop)
                }
            }
            _ => Ok(()),
        }
    }

    async fn moderate(self, action: &Action) -> Result<()> {
        let guild = self.standing.id();
        match action {
            Action::TimeOut { user, for_ms, reason } => {
                let until = (*for_ms > 0).then(|| self.tx.now.after(Duration::from_millis(*for_ms)));
                update::time_out_within(self.tx, self.standing, *user, until, reason.clone()).await.map(drop)
            }
            Action::Kick { user, reason } => members::kick_within(self.tx, &self.standing, *user, reason).await,
            Action::Ban { user, reason, .. } => {
                let banned = self.prepared.banned.iter().find(|(author, _)| author.id == *user);
                let (author, found) = banned.ok_or(Error::from(Code::NotFound))?;
                let found = std::mem::take(&mut *found.lock());
                bans::add_within(self.tx, &self.standing, author.clone(), reason, found).await.map(drop)
            }
            Action::Unban { user, reason } => {
                self.standing.require(channels::Permissions::BAN_MEMBERS)?;
                bans::remove_within(self.tx, guild, *user, reason).await
            }
            _ => Ok(()),
        }
    }
}
