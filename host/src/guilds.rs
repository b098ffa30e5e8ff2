//! Guilds: communities with members, roles and rules of their own.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::{Caller, names};
use crate::app::App;
use crate::channels::{self, ChannelKind, Membership, Permissions, Verification};
use crate::clock::Timestamp;
use crate::error::{Code, Error, Result};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, FileId, GuildId, RoleId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub mod audit;
pub mod members;
pub mod roles;
pub mod routes;
pub(crate) mod store;

/// A guild as its members see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Guild {
    /// The guild's id, which is also that of its `@everyone` role.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Whether anybody may find and join it.
    pub public: bool,
    /// Who owns it.
    pub owner_id: UserId,
    /// Its picture.
    pub icon_file_id: Option<FileId>,
    /// The language of messages to it.
    pub default_locale: String,
    /// Where the server's own messages go.
    pub system_channel_id: Option<ChannelId>,
    /// What it asks of members before they may speak.
    pub verification: Verification,
    /// How many members it has.
    pub member_count: i64,
    /// Raised by every change of its settings: the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// `POST /guilds`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGuild {
    /// 1 to 100 characters.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// Whether anybody may find and join it.
    #[serde(default)]
    pub public: bool,
}

impl Validate for NewGuild {
    fn check(&self, faults: &mut Faults) {
        check_name("/name", &self.name, faults);
        faults.length("/description", &self.description, 0, 1_000);
    }
}

/// Notes a name that is blank or too long.
pub(crate) fn check_name(pointer: &str, name: &str, faults: &mut Faults) {
    faults.length(pointer, name.trim(), 1, 100);
    faults.length(pointer, name, 0, 100);
}

/// Makes a guild, with its owner as the first member and a `general` channel.
pub async fn create(app: &App, caller: &Caller, new: NewGuild) -> Result<Guild> {
    caller.require_person()?;
    app.limiter.check(caller, Group::Changes, 0)?;
    let guild = GuildId(app.next_id()?);
    let channel = ChannelId(app.next_id()?);
    let max = app.config.limits.guilds_owned;
    let (owner, locale) = (caller.user, caller.identity()?.locale.clone());
    let reason = caller.reason.clone();
    caller
        .write(app, &[guild.into()], move |tx| {
            Box::pin(async move {
                if store::owned(tx, owner).await? >= max as i64 {
                    return Err(Error::limit("guilds", max));
                }
                let now = tx.now;
                store::insert(tx, guild, owner, &new, &locale, now).await?;
                store::insert_everyone(tx, guild, Permissions::NEW_GUILD, now).await?;
                store::insert_member(tx, guild, owner, now).await?;
                channels::insert_first(tx, guild, channel, "general").await?;
                store::set_system_channel(tx, guild, channel).await?;
                let made = store::guild(tx, guild).await?.ok_or(Code::NotFound)?;
                tx.append(NewEvent::new(EventKind::GuildCreated, guild, &made)?)?;
                audit::Note::new(guild, audit::Action::GuildCreate).target(guild.0).reason(&reason).write(tx).await?;
                Ok(made)
            })
        })
        .await
}

/// A guild, for a member or, if it is public, for anybody who is signed in.
pub async fn get(app: &App, caller: &Caller, guild: GuildId) -> Result<Guild> {
    caller.identity()?;
    let member = channels::membership_of(app, guild, caller.user).await?;
    let found = store::guild(&mut app.db.read().await?, guild).await?;
    found.filter(|guild| member.is_some() || guild.public).ok_or(Code::NotFound.into())
}

/// A guild's settings, for its members.
pub async fn settings(app: &App, caller: &Caller, guild: GuildId) -> Result<Guild> {
    channels::membership(app, caller, guild).await?;
    store::guild(&mut app.db.read().await?, guild).await?.ok_or(Code::NotFound.into())
}

/// The guilds that the caller is a member of.
pub async fn mine(app: &App, caller: &Caller) -> Result<Vec<Guild>> {
    caller.identity()?;
    Ok(store::guilds_of(&mut app.db.read().await?, caller.user).await?)
}

/// A channel of the guild goes: if the server's own messages went there, they go nowhere from now on.
pub(crate) async fn forget_channel(tx: &mut Tx, guild: GuildId, channel: ChannelId) -> Result<()> {
    if store::clear_system_channel(tx, guild, channel).await? {
        let now = store::guild(tx, guild).await?.ok_or(Code::NotFound)?;
        tx.append(NewEvent::new(EventKind::GuildUpdated, guild, &now)?)?;
    }
    Ok(())
}
