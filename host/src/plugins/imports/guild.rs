//! Imports about the guild: members, roles, channels, badges.

use wasmtime::Result;

use super::messages::allowed;
use crate::channels::{self, Permissions};
use crate::guilds::members::MembersQuery;
use crate::guilds::{members as house_members, roles as house_roles};
use crate::id::{ChannelId, MessageId, RoleId, UserId};
use crate::plugins::call::{Call, answer, told};
use crate::plugins::contract::types::{self, Error, Page};
use crate::plugins::contract::{badges, channels as their_channels, members, roles};
use crate::plugins::convert;
use crate::plugins::manifest::Permission;
use crate::plugins::work::{Action, can_be_stored, invalid};

/// Members of one page, at most.
const MAX_PAGE: u16 = 100;
/// The longest name of a thread, in characters.
const MAX_THREAD_NAME: usize = 100;
/// The longest name of a badge, in characters.
const MAX_BADGE: usize = 32;

type Answer<T> = std::result::Result<T, Error>;

impl members::Host for Call {
    async fn get(&mut self, user: u64) -> Result<Answer<types::Member>> {
        answer!(self, "members.get", {
            allowed!(self.require(Permission::Members));
            self.member(UserId(user as i64)).await?
        })
    }

    async fn list_all(&mut self, page: Page) -> Result<Answer<members::MemberList>> {
        answer!(self, "members.list-all", {
            allowed!(self.require(Permission::Members));
            if !(1..=MAX_PAGE).contains(&page.limit) {
                return Ok(Err(invalid("/page/limit", "OUT_OF_RANGE")));
            }
            let (app, bot, guild) = (self.app()?, self.bot().await?, self.job.installation.guild_id);
            let query = MembersQuery { after: page.cursor, limit: Some(i64::from(page.limit)), q: None };
            let page = allowed!(told(house_members::list(&app, &bot, guild, query).await)?);
            let rules = allowed!(told(channels::membership(&app, &bot, guild).await)?).guild;
            let next = page.items.last().filter(|_| page.has_more).map(|last| last.user.id.to_string());
            let items = page.items.iter();
            let items = items.map(|member| convert::member(member, rules.resolve(&member.rules(), None, self.job.now)));
            Ok(members::MemberList { items: items.collect(), next })
        })
    }

    async fn permissions_in(&mut self, user: u64, channel: u64) -> Result<Answer<u64>> {
        answer!(self, "members.permissions-in", {
            allowed!(self.require(Permission::Members));
            allowed!(self.seen_channel(channel, Permissions::NONE).await?);
            let (app, user) = (self.app()?, UserId(user as i64));
            let access = told(channels::access_of(&app, ChannelId(channel as i64), user).await)?;
            access.map(|access| access.permissions.0 as u64)
        })
    }
}

impl roles::Host for Call {
    async fn list_all(&mut self) -> Result<Answer<Vec<types::Role>>> {
        answer!(self, "roles.list-all", {
            allowed!(self.require(Permission::Roles));
            let (app, bot) = (self.app()?, self.bot().await?);
            let roles = told(house_roles::list(&app, &bot, self.job.installation.guild_id).await)?;
            roles.map(|roles| roles.iter().map(convert::role).collect::<Vec<_>>())
        })
    }

    async fn grant(&mut self, user: u64, role: u64) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "roles.grant", self.role(user, role, true).await?)
    }

    async fn revoke(&mut self, user: u64, role: u64) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "roles.revoke", self.role(user, role, false).await?)
    }
}

impl their_channels::Host for Call {
    async fn get(&mut self, id: u64) -> Result<Answer<types::Channel>> {
        answer!(self, "channels.get", {
            allowed!(self.require(Permission::Channels));
            let access = allowed!(self.seen_channel(id, Permissions::NONE).await?);
            let (app, bot) = (self.app()?, self.bot().await?);
            told(channels::get(&app, &bot, access.channel).await)?.map(|channel| convert::channel(&channel))
        })
    }

    async fn list_all(&mut self) -> Result<Answer<Vec<types::Channel>>> {
        answer!(self, "channels.list-all", {
            allowed!(self.require(Permission::Channels));
            let (app, bot) = (self.app()?, self.bot().await?);
            let channels = told(channels::list(&app, &bot, self.job.installation.guild_id).await)?;
            channels.map(|channels| channels.iter().map(convert::channel).collect::<Vec<_>>())
        })
    }

    async fn create_thread(&mut self, parent: u64, name: String, message: Option<u64>) -> Result<Answer<u64>> {
        self.meter.action()?;
        answer!(self, "channels.create-thread", {
            allowed!(self.require(Permission::Channels));
            if !(1..=MAX_THREAD_NAME).contains(&name.trim().chars().count()) || !can_be_stored(&name) {
                return Ok(Err(invalid("/name", "INVALID_FORMAT")));
            }
            let access = allowed!(self.seen_channel(parent, Permissions::CREATE_THREADS).await?);
            let message = message.map(|message| MessageId(message as i64));
            // A thread that branches from a message has its id.
            let id = match message {
                Some(message) => message.0,
                None => allowed!(told(self.app()?.next_id())?),
            };
            let parent = access.channel;
            self.work.actions.push(Action::Thread { id: ChannelId(id), parent, name, message });
            Ok(id as u64)
        })
    }
}

impl badges::Host for Call {
    async fn grant(&mut self, user: u64, badge: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "badges.grant", self.badge(user, badge, true).await?)
    }

    async fn revoke(&mut self, user: u64, badge: String) -> Result<Answer<()>> {
        self.meter.action()?;
        answer!(self, "badges.revoke", self.badge(user, badge, false).await?)
    }
}

impl Call {
    /// A member of the guild, with what they may do in it.
    pub(super) async fn member(&self, user: UserId) -> Result<Answer<types::Member>> {
        let (app, bot, guild) = (self.app()?, self.bot().await?, self.job.installation.guild_id);
        let member = allowed!(told(house_members::get(&app, &bot, guild, user).await)?);
        let rules = allowed!(told(channels::membership(&app, &bot, guild).await)?).guild;
        Ok(Ok(convert::member(&member, rules.resolve(&member.rules(), None, self.job.now))))
    }

    async fn role(&mut self, user: u64, role: u64, granted: bool) -> Result<Answer<()>> {
        allowed!(self.require(Permission::Roles));
        let (user, role) = (UserId(user as i64), RoleId(role as i64));
        allowed!(self.holds_over(user, Permissions::MANAGE_ROLES).await?);
        for deputy in allowed!(self.deputies().await?) {
            let Some(rule) = deputy.guild.roles.get(&role) else { return Ok(Err(Error::NotFound)) };
            allowed!(told(deputy.require_position(rule.position))?);
        }
        self.work.actions.push(Action::Role { user, role, granted });
        Ok(Ok(()))
    }

    async fn badge(&mut self, user: u64, badge: String, granted: bool) -> Result<Answer<()>> {
        allowed!(self.require(Permission::Badges));
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if badge.is_empty() || badge.len() > MAX_BADGE || !badge.bytes().all(is_name) {
            return Ok(Err(invalid("/badge", "INVALID_FORMAT")));
        }
        let (app, user) = (self.app()?, UserId(user as i64));
        let guild = self.job.installation.guild_id;
        if allowed!(told(channels::membership_of(&app, guild, user).await)?).is_none() {
            return Ok(Err(Error::NotFound));
        }
        self.work.actions.push(Action::Badge { user, badge, granted });
        Ok(Ok(()))
    }
}
