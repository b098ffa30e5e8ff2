//! Imports about messages: reading them, writing them, and acting on others.

use wasmtime::Result;

use crate::channels::{self, Access, Membership, Permissions};
use crate::http::page::PageQuery;
use crate::id::{ChannelId, MessageId, UserId};
use crate::messaging::{self, Draft, history};
use crate::plugins::call::{Call, answer, read, told};
use crate::plugins::contract::types::{self, Error, Page};
use crate::plugins::contract::{messages_read, messages_write, moderation};
use crate::plugins::convert;
use crate::plugins::failure::HostFault;
use crate::plugins::manifest::Permission;
use crate::plugins::work::{Action, can_be_stored, invalid};

/// Messages of one page, at most.
const MAX_PAGE: u16 = 100;
/// The longest reason, in characters.
const MAX_REASON: usize = 512;
/// The longest time for which a member may be timed out, in milliseconds: 28 days.
const LONGEST_TIMEOUT: u64 = 28 * 24 * 3_600_000;
/// What a ban deletes of what somebody wrote, at most, in milliseconds: 7 days.
const LONGEST_HISTORY: u64 = 7 * 24 * 3_600_000;

type Answer<T> = std::result::Result<T, Error>;

/// Gives a refusal to the guest, and goes on with what isn't one.
macro_rules! allowed {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Ok(Err(error)),
        }
    };
}
pub(super) use allowed;

impl messages_read::Host for Call {
    async fn get(&mut self, channel: u64, id: u64) -> Result<Answer<types::Message>> {
        answer!(self, "messages-read.get", {
            allowed!(self.require(Permission::MessagesRead));
            let (app, bot) = (self.app()?, self.bot().await?);
            let access = allowed!(self.seen_channel(channel, Permissions::READ_HISTORY).await?);
            let found = told(history::get(&app, &bot, MessageId(id as i64)).await)?;
            match found {
                Ok(message) if message.channel_id == access.channel => Ok(convert::message(&message)),
                Ok(_) => Err(Error::NotFound),
                Err(error) => Err(error),
            }
        })
    }

    async fn history(&mut self, channel: u64, page: Page) -> Result<Answer<messages_read::Messages>> {
        answer!(self, "messages-read.history", {
            allowed!(self.require(Permission::MessagesRead));
            if !(1..=MAX_PAGE).contains(&page.limit) {
                return Ok(Err(invalid("/page/limit", "OUT_OF_RANGE")));
            }
            let (app, bot) = (self.app()?, self.bot().await?);
            let access = allowed!(self.seen_channel(channel, Permissions::READ_HISTORY).await?);
            let query = PageQuery { before: page.cursor, limit: Some(i64::from(page.limit)), ..PageQuery::default() };
            let page = allowed!(told(history::list(&app, &bot, access.channel, query).await)?);
            let next = page.items.last().filter(|_| page.has_more).map(|last| last.id.to_string());
            Ok(messages_read::Messages { items: page.items.iter().map(convert::message).collect(), next })
        })
    }
}

impl messages_write::Host for Call {
    async fn send(&mut self, channel: u64, draft: types::Draft) -> Result<Answer<u64>> {
        self.meter.action()?;
        answer!(self, "messages-write.send", {
            allowed!(self.require(Permission::MessagesWrite));
            let access = allowed!(self.seen_channel(channel, Permissions::NONE).await?);
            allowed!(told(access.require_speech(true))?);
            allowed!(self.actor_speaks(access.channel).await?);
            let draft = allowed!(convert::checked(draft));
            if let Some(first) = self.sent_before(access.channel, &draft).await? {
                return Ok(Ok(first.0 as u64));
            }
            let id = allowed!(told(self.app()?.next_id())?);
            self.work.actions.push(Action::Send { id: MessageId(id), channel: access.channel, draft });
            Ok(id as u64)
        })
    }

    async fn edit(&mut self, channel: u64, id: u64, draft: types::Draft) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "messages-write.edit", {
            allowed!(self.require(Permission::MessagesWrite));
            let access = allowed!(self.seen_channel(channel, Permissions::NONE).await?);
            let draft = allowed!(convert::checked(draft));
            self.work.actions.push(Action::Edit { channel: access.channel, id: MessageId(id as i64), draft });
            Ok(())
        })
    }

    async fn delete(&mut self, channel: u64, id: u64) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "messages-write.delete", {
            allowed!(self.require(Permission::MessagesWrite));
            let access = allowed!(self.seen_channel(channel, Permissions::NONE).await?);
            let (channel, id) = (access.channel, MessageId(id as i64));
            self.work.actions.push(Action::Delete { channel, id, reason: None });
            Ok(())
        })
    }

    async fn react(&mut self, channel: u64, id: u64, emoji: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "messages-write.react", self.mark(channel, id, emoji, true).await?)
    }

    async fn unreact(&mut self, channel: u64, id: u64, emoji: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "messages-write.unreact", self.mark(channel, id, emoji, false).await?)
    }

    async fn direct(&mut self, user: u64, draft: types::Draft) -> Result<Answer<u64>> {
        self.meter.action()?;
        answer!(self, "messages-write.direct", {
            allowed!(self.require(Permission::MessagesWrite));
            let draft = allowed!(convert::checked(draft));
            let (app, user) = (self.app()?, UserId(user as i64));
            let guild = self.job.installation.guild_id;
            if allowed!(told(channels::membership_of(&app, guild, user).await)?).is_none() {
                return Ok(Err(Error::NotFound));
            }
            let id = allowed!(told(app.next_id())?);
            self.work.actions.push(Action::Direct { id: MessageId(id), user, draft });
            Ok(id as u64)
        })
    }
}

impl moderation::Host for Call {
    async fn delete_message(&mut self, channel: u64, id: u64, reason: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "moderation.delete-message", {
            allowed!(self.moderates(&reason));
            let access = allowed!(self.seen_channel(channel, Permissions::MANAGE_MESSAGES).await?);
            let (channel, id) = (access.channel, MessageId(id as i64));
            self.work.actions.push(Action::Delete { channel, id, reason: Some(reason) });
            Ok(())
        })
    }

    async fn time_out(&mut self, user: u64, for_ms: u64, reason: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "moderation.time-out", {
            allowed!(self.moderates(&reason));
            if for_ms > LONGEST_TIMEOUT {
                return Ok(Err(invalid("/for-ms", "OUT_OF_RANGE")));
            }
            let user = UserId(user as i64);
            allowed!(self.holds_over(user, Permissions::TIMEOUT_MEMBERS).await?);
            self.work.actions.push(Action::TimeOut { user, for_ms, reason });
            Ok(())
        })
    }

    async fn kick(&mut self, user: u64, reason: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "moderation.kick", {
            allowed!(self.moderates(&reason));
            let user = UserId(user as i64);
            allowed!(self.holds_over(user, Permissions::KICK_MEMBERS).await?);
            self.work.actions.push(Action::Kick { user, reason });
            Ok(())
        })
    }

    async fn ban(&mut self, user: u64, delete_history_ms: u64, reason: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "moderation.ban", {
            allowed!(self.moderates(&reason));
            if delete_history_ms > LONGEST_HISTORY {
                return Ok(Err(invalid("/delete-history-ms", "OUT_OF_RANGE")));
            }
            let user = UserId(user as i64);
            allowed!(self.holds_over_anybody(user, Permissions::BAN_MEMBERS).await?);
            self.work.actions.push(Action::Ban { user, delete_history_ms, reason });
            Ok(())
        })
    }

    async fn unban(&mut self, user: u64, reason: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "moderation.unban", {
            allowed!(self.moderates(&reason));
            allowed!(self.holds(Permissions::BAN_MEMBERS).await?);
            self.work.actions.push(Action::Unban { user: UserId(user as i64), reason });
            Ok(())
        })
    }
}

impl Call {
    async fn mark(&mut self, channel: u64, id: u64, emoji: String, added: bool) -> Result<Answer<()>> {
        allowed!(self.require(Permission::MessagesWrite));
        let access = allowed!(self.seen_channel(channel, Permissions::READ_HISTORY).await?);
        let (channel, id) = (access.channel, MessageId(id as i64));
        self.work.actions.push(Action::React { channel, id, emoji, added });
        Ok(Ok(()))
    }

    /// The message that it sent to a channel under the same nonce, in this call or before.
    async fn sent_before(&self, channel: ChannelId, draft: &Draft) -> Result<Option<MessageId>> {
        let Some(nonce) = &draft.nonce else { return Ok(None) };
        let now = self.work.actions.iter().find_map(|action| match action {
            Action::Send { id, channel: there, draft } if *there == channel && draft.nonce.as_ref() == Some(nonce) => {
                Some(*id)
            }
            _ => None,
        });
        if now.is_some() {
            return Ok(now);
        }
        let app = self.app()?;
        let mut conn = read(app.db.read().await)?;
        let key = (self.job.installation.bot_id, channel, nonce.as_str());
        messaging::sent_under(&mut conn, key, self.job.now).await.map_err(|error| HostFault(error.to_string()).into())
    }

    fn moderates(&self, reason: &str) -> Answer<()> {
        self.require(Permission::Moderation)?;
        let fits = reason.chars().count() <= MAX_REASON && can_be_stored(reason);
        if fits { Ok(()) } else { Err(invalid("/reason", "INVALID_FORMAT")) }
    }

    /// The bot's standing in one of its guild's channels; in an interaction, whoever acted must stand as well.
    pub(super) async fn seen_channel(&self, channel: u64, needed: Permissions) -> Result<Answer<Access>> {
        let (app, channel) = (self.app()?, ChannelId(channel as i64));
        let installation = &self.job.installation;
        let access = allowed!(told(channels::access_of(&app, channel, installation.bot_id).await)?);
        if access.guild() != Some(installation.guild_id) {
            return Ok(Err(Error::NotFound));
        }
        let parent = access.rule().and_then(|rule| rule.parent);
        if !installation.is_given(access.channel, parent) {
            return Ok(Err(Error::Denied("this channel".to_owned())));
        }
        allowed!(told(access.require(needed))?);
        if let Some(actor) = self.job.acts_for() {
            allowed!(told(channels::access_of(&app, channel, actor).await.and_then(|one| one.require(needed)))?);
        }
        Ok(Ok(access))
    }

    /// Refuses to speak where whoever acts through the bot may not.
    async fn actor_speaks(&self, channel: ChannelId) -> Result<Answer<()>> {
        let Some(actor) = self.job.acts_for() else { return Ok(Ok(())) };
        let access = told(channels::access_of(&self.app()?, channel, actor).await)?;
        told(allowed!(access).require_speech(true))
    }

    /// Refuses what the bot, or whoever acts through it, may not do in the guild.
    async fn holds(&self, needed: Permissions) -> Result<Answer<()>> {
        for deputy in allowed!(self.deputies().await?) {
            allowed!(told(deputy.require(needed))?);
        }
        Ok(Ok(()))
    }

    /// The same for what is done to a member, whom they must stand above.
    pub(super) async fn holds_over(&self, member: UserId, needed: Permissions) -> Result<Answer<()>> {
        if allowed!(self.holds_over_anybody(member, needed).await?) { Ok(Ok(())) } else { Ok(Err(Error::NotFound)) }
    }

    /// The same for somebody who may not be there; whether they are.
    async fn holds_over_anybody(&self, user: UserId, needed: Permissions) -> Result<Answer<bool>> {
        let (app, guild) = (self.app()?, self.job.installation.guild_id);
        let target = allowed!(told(channels::membership_of(&app, guild, user).await)?);
        for deputy in allowed!(self.deputies().await?) {
            allowed!(told(deputy.require(needed))?);
            if let Some(target) = &target {
                allowed!(told(deputy.require_above(&target.member))?);
            }
        }
        Ok(Ok(target.is_some()))
    }

    /// Those whose rights bound what is done: the bot, and whoever acts through it.
    pub(super) async fn deputies(&self) -> Result<Answer<Vec<Membership>>> {
        let (app, installation) = (self.app()?, &self.job.installation);
        let mut deputies = Vec::with_capacity(2);
        for user in [Some(installation.bot_id), self.job.acts_for()].into_iter().flatten() {
            let membership = allowed!(told(channels::membership_of(&app, installation.guild_id, user).await)?);
            deputies.push(allowed!(membership.ok_or(Error::NotFound)));
        }
        Ok(Ok(deputies))
    }
}
