//! Permission as a value: without an [`Access`] or a [`Membership`], what needs one can't be called.

use std::sync::Arc;

use super::permissions::Permissions;
use super::rules::{ChannelKind, ChannelRule, GuildRules, MemberRules, Verification};
use super::{Direct, Home, store};
use crate::accounts::Caller;
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::{Code, Error, Result};
use crate::id::{ChannelId, GuildId, StreamId, UserId};
use crate::log::{OperationFuture, Tx};

/// What people may do in a direct or group channel.
const DIRECT_PERMISSIONS: Permissions = Permissions(
    Permissions::VIEW_CHANNEL.0
        | Permissions::READ_HISTORY.0
        | Permissions::SEND_MESSAGES.0
        | Permissions::ADD_REACTIONS.0
        | Permissions::ATTACH_FILES.0
        | Permissions::PIN_MESSAGES.0
        | Permissions::CONNECT.0
        | Permissions::SPEAK.0,
);

/// Somebody's standing in a guild.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The guild's rules.
    pub guild: Arc<GuildRules>,
    /// What of the member decides permissions.
    pub member: Arc<MemberRules>,
    /// What they may do in the guild as a whole.
    pub permissions: Permissions,
    now: Timestamp,
}

/// The caller's standing in a guild; not found for whoever isn't a member.
pub async fn membership(app: &App, caller: &Caller, guild: GuildId) -> Result<Membership> {
    caller.identity()?;
    membership_of(app, guild, caller.user).await?.ok_or(Code::NotFound.into())
}

/// A user's standing in a guild, if they are a member.
pub async fn membership_of(app: &App, guild: GuildId, user: UserId) -> Result<Option<Membership>> {
    let Some(guild) = app.rules.guild(&app.db, guild).await? else { return Ok(None) };
    let member = app.rules.member(&app.db, &guild, user).await?;
    Ok(member.map(|member| Membership::new(guild, member, app.now())))
}

/// A user's standing in a guild, if they are a member, as of the moment that this connection reads: from
/// memory only if nothing has changed since.
pub(crate) async fn membership_through(
    app: &App,
    conn: &mut Conn,
    guild: GuildId,
    user: UserId,
) -> Result<Option<Membership>> {
    let Some(version) = store::access_version(conn, guild).await? else { return Ok(None) };
    if let Some(rules) = app.rules.guilds.get(&guild)
        && rules.version == version
        && let Some((_, member)) = app.rules.members.get(&(guild, user)).filter(|(known, _)| *known == version)
    {
        return Ok(Some(Membership::new(rules, member, app.now())));
    }
    let Some(rules) = store::guild_rules(conn, guild).await? else { return Ok(None) };
    let member = store::member_rules(conn, guild, user).await?;
    Ok(member.map(|member| Membership::new(Arc::new(rules), Arc::new(member), app.now())))
}

impl Membership {
    /// The standing of a member by these rules.
    pub(crate) fn new(guild: Arc<GuildRules>, member: Arc<MemberRules>, now: Timestamp) -> Membership {
        let permissions = guild.resolve(&member, None, now);
        Membership { guild, member, permissions, now }
    }

    /// The guild's id.
    pub fn id(&self) -> GuildId {
        self.guild.id
    }

    /// Whether they own the guild.
    pub fn is_owner(&self) -> bool {
        self.guild.owner == self.member.user
    }

    /// Refuses whoever lacks one of these permissions.
    pub fn require(&self, needed: Permissions) -> Result<()> {
        require(self.permissions, needed, self.member.is_timed_out(self.now))
    }

    /// Refuses whoever lacks one of these permissions in the guild and in each of its channels.
    pub fn require_somewhere(&self, needed: Permissions) -> Result<()> {
        let lacking = match self.require(needed) {
            Ok(()) => return Ok(()),
            Err(lacking) => lacking,
        };
        let somewhere = self.guild.channels.keys().any(|channel| self.access(*channel).is_ok_and(|it| it.may(needed)));
        if somewhere { Ok(()) } else { Err(lacking) }
    }

    /// Refuses to act on a member who doesn't stand lower: the owner never, oneself always may.
    pub fn require_above(&self, target: &MemberRules) -> Result<()> {
        if target.user == self.member.user {
            return Ok(());
        }
        if target.user == self.guild.owner {
            return Err(Code::OwnerProtected.into());
        }
        self.require_position(self.guild.top_position(target))
    }

    /// Refuses to act on a role at this position, unless it stands lower than one's own highest.
    pub fn require_position(&self, position: i64) -> Result<()> {
        if self.guild.top_position(&self.member) > position { Ok(()) } else { Err(Code::RoleTooHigh.into()) }
    }

    /// The standing in one of the guild's channels; not found if they can't see it.
    pub fn access(&self, channel: ChannelId) -> Result<Access> {
        let permissions = self.guild.resolve(&self.member, Some(channel), self.now);
        if !self.guild.channels.contains_key(&channel) || !permissions.contains(Permissions::VIEW_CHANNEL) {
            return Err(Code::NotFound.into());
        }
        Ok(Access { channel, place: Place::Guild(self.clone()), permissions })
    }

    /// The same standing as of this transaction: computed again if the guild's rules have changed.
    pub async fn confirm(&self, tx: &mut Tx) -> Result<Membership> {
        let now = tx.now;
        if store::access_version(tx, self.id()).await? == Some(self.guild.version) {
            return Ok(Membership::new(self.guild.clone(), self.member.clone(), now));
        }
        let guild = store::guild_rules(tx, self.id()).await?.ok_or(Code::NotFound)?;
        let member = store::member_rules(tx, self.id(), self.member.user).await?.ok_or(Code::NotFound)?;
        Ok(Membership::new(Arc::new(guild), Arc::new(member), now))
    }

    /// Runs `work` in a transaction of the guild, with the standing as of that transaction, for
    /// whoever holds `needed` then.
    pub async fn change<T, F>(&self, app: &App, caller: &Caller, needed: Permissions, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx, Membership) -> OperationFuture<'t, T> + Send + 'static,
    {
        self.require(needed)?;
        let before = self.clone();
        caller
            .write(app, &[self.id().into()], move |tx| {
                Box::pin(async move {
                    let confirmed = before.confirm(tx).await?;
                    confirmed.require(needed)?;
                    work(tx, confirmed).await
                })
            })
            .await
    }
}

/// Somebody's standing in a channel that they see.
#[derive(Debug, Clone)]
pub struct Access {
    /// The channel.
    pub channel: ChannelId,
    /// Where it is.
    pub place: Place,
    /// What they may do there.
    pub permissions: Permissions,
}

/// Where a channel is, as one who sees it stands there.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a guild.
    Guild(Membership),
    /// Between people.
    Direct(Arc<Direct>, UserId),
}

/// The caller's standing in a channel; not found for whoever can't see it.
pub async fn access(app: &App, caller: &Caller, channel: ChannelId) -> Result<Access> {
    caller.identity()?;
    access_of(app, channel, caller.user).await
}

/// A user's standing in a channel; not found if they can't see it.
pub async fn access_of(app: &App, channel: ChannelId, user: UserId) -> Result<Access> {
    match app.rules.home(&app.db, channel).await?.ok_or(Code::NotFound)? {
        Home::Guild(guild) => membership_of(app, guild, user).await?.ok_or(Code::NotFound)?.access(channel),
        Home::Direct(direct) => Access::direct(direct, user),
    }
}

impl Access {
    fn direct(direct: Arc<Direct>, user: UserId) -> Result<Access> {
        if !direct.recipients.contains(&user) {
            return Err(Code::NotFound.into());
        }
        Ok(Access { channel: direct.id, place: Place::Direct(direct, user), permissions: DIRECT_PERMISSIONS })
    }

    /// The stream that the channel's events stand in.
    pub fn stream(&self) -> StreamId {
        match &self.place {
            Place::Guild(membership) => membership.id().into(),
            Place::Direct(direct, _) => direct.id.into(),
        }
    }

    /// The guild that the channel is in.
    pub fn guild(&self) -> Option<GuildId> {
        self.membership().map(Membership::id)
    }

    /// The standing in the guild that the channel is in.
    pub fn membership(&self) -> Option<&Membership> {
        match &self.place {
            Place::Guild(membership) => Some(membership),
            Place::Direct(..) => None,
        }
    }

    /// What of a guild's channel decides permissions.
    pub fn rule(&self) -> Option<&ChannelRule> {
        self.membership().and_then(|membership| membership.guild.channels.get(&self.channel))
    }

    /// The channel's kind.
    pub fn kind(&self) -> ChannelKind {
        match &self.place {
            Place::Guild(_) => self.rule().map_or(ChannelKind::Text, |rule| rule.kind),
            Place::Direct(direct, _) => direct.kind,
        }
    }

    /// Whose standing it is.
    pub fn user(&self) -> UserId {
        match &self.place {
            Place::Guild(membership) => membership.member.user,
            Place::Direct(_, user) => *user,
        }
    }

    /// Whether they hold all of these permissions.
    pub fn may(&self, needed: Permissions) -> bool {
        self.permissions.contains(needed)
    }

    /// Refuses whoever lacks one of these permissions.
    pub fn require(&self, needed: Permissions) -> Result<()> {
        let timed_out = self.membership().is_some_and(|membership| membership.member.is_timed_out(membership.now));
        require(self.permissions, needed, timed_out)
    }

    /// Refuses whoever may not write here: kind, permission, locks, what the guild asks of speakers.
    pub fn require_speech(&self, email_verified: bool) -> Result<()> {
        let Some(rule) = self.rule() else { return Ok(()) };
        match rule.kind {
            ChannelKind::Category | ChannelKind::Forum => return Err(Code::WrongChannelKind.into()),
            ChannelKind::Thread => self.require(Permissions::SEND_IN_THREADS)?,
            _ => self.require(Permissions::SEND_MESSAGES)?,
        }
        if rule.locked && !self.may(Permissions::MANAGE_THREADS) {
            return Err(Code::ThreadLocked.into());
        }
        self.require_verified(email_verified)
    }

    /// Refuses whoever hasn't shown yet what the guild asks of those who speak.
    pub fn require_verified(&self, email_verified: bool) -> Result<()> {
        let asks_email =
            self.membership().is_some_and(|one| one.guild.verification == Verification::Email && !one.is_owner());
        if asks_email && !email_verified { Err(Code::VerificationRequired.into()) } else { Ok(()) }
    }

    /// The same standing as of this transaction: computed again if what decides it has changed.
    pub async fn confirm(&self, tx: &mut Tx) -> Result<Access> {
        match &self.place {
            Place::Guild(membership) => membership.confirm(tx).await?.access(self.channel),
            Place::Direct(_, user) => direct_now(tx, self.channel, *user).await,
        }
    }

    /// Runs `work` in a transaction of the channel's stream, with the standing as of that
    /// transaction, for whoever holds `needed` then.
    pub async fn change<T, F>(&self, app: &App, caller: &Caller, needed: Permissions, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx, Access) -> OperationFuture<'t, T> + Send + 'static,
    {
        self.require(needed)?;
        let before = self.clone();
        caller
            .write(app, &[self.stream()], move |tx| {
                Box::pin(async move {
                    let confirmed = before.confirm(tx).await?;
                    confirmed.require(needed)?;
                    work(tx, confirmed).await
                })
            })
            .await
    }
}

async fn direct_now(conn: &mut Conn, channel: ChannelId, user: UserId) -> Result<Access> {
    match store::home(conn, channel).await? {
        Some(Home::Direct(direct)) => Access::direct(direct, user),
        _ => Err(Code::NotFound.into()),
    }
}

fn require(held: Permissions, needed: Permissions, timed_out: bool) -> Result<()> {
    if held.contains(needed) {
        return Ok(());
    }
    if timed_out && !Permissions::TIMED_OUT.contains(needed) {
        return Err(Code::TimedOut.into());
    }
    Err(Error::missing((needed & !held).first_name()))
}
