//! Guilds: communities with members, roles and rules of their own.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{self, Membership, Permissions, Verification};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::error::{Code, Error, Result};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::http::page::{Anchor, Page, PageQuery};
use crate::id::{ChannelId, FileId, GuildId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

pub mod audit;
pub mod bans;
pub mod emojis;
pub mod invites;
pub mod members;
pub mod roles;
pub mod routes;
pub mod settings;
pub(crate) mod store;
pub mod sweep;

pub use emojis::emoji_exists;
pub use sweep::sweep;

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

/// The guilds that somebody is a member of.
pub(crate) async fn ids_of(conn: &mut Conn, user: UserId) -> Result<Vec<GuildId>> {
    Ok(store::guild_ids_of(conn, user).await?)
}

/// A guild, whoever asks, for somebody who holds a connection already.
pub(crate) async fn get_through(conn: &mut Conn, guild: GuildId) -> Result<Option<Guild>> {
    Ok(store::guild(conn, guild).await?)
}

/// A guild's roles, whoever asks, for somebody who holds a connection already.
pub(crate) async fn roles_through(conn: &mut Conn, guild: GuildId) -> Result<Vec<roles::Role>> {
    Ok(store::roles(conn, guild).await?)
}

/// A member, whoever asks, for somebody who holds a connection already.
pub(crate) async fn member_through(conn: &mut Conn, guild: GuildId, user: UserId) -> Result<Option<members::Member>> {
    Ok(store::member(conn, guild, user).await?)
}

/// Which guilds are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct GuildsQuery {
    /// Public guilds instead of one's own.
    pub discover: bool,
    /// Only public guilds with this in their name or description.
    pub q: Option<String>,
    /// Public guilds that come after this one, which has as many members or more.
    pub before: Option<String>,
    /// How many public guilds, 1 to 100; 50 if it isn't said.
    pub limit: Option<i64>,
}

/// The caller's guilds, all of them, or a page of the public ones, the largest first.
pub async fn list(app: &App, caller: &Caller, query: GuildsQuery) -> Result<Page<Guild>> {
    let page = PageQuery { before: query.before, limit: query.limit, ..PageQuery::default() };
    let anchor = page.anchor::<GuildId>()?;
    if !query.discover {
        let narrowed = anchor.is_some() || page.limit.is_some() || query.q.is_some();
        return if narrowed { Err(Code::InvalidQuery.into()) } else { mine(app, caller).await.map(Page::whole) };
    }
    caller.identity()?;
    let mut conn = app.db.read().await?;
    let from = match anchor {
        Some(Anchor::Before(id)) => {
            let last = store::guild(&mut conn, id).await?.filter(|guild| guild.public).ok_or(Code::NotFound)?;
            (last.member_count, last.id)
        }
        _ => (i64::MAX, GuildId(i64::MAX)),
    };
    let found = store::discoverable(&mut conn, from, &search_pattern(query.q.as_deref()), page.limit() + 1).await?;
    Ok(Page::cut(found, page.limit()))
}

/// Takes a channel that is gone out of what its guild says of itself: the place for the server's own
/// messages, and invitations.
pub(crate) async fn forget_channel(tx: &mut Tx, guild: GuildId, channel: ChannelId) -> Result<()> {
    invites::store::forget_channel(tx, guild, channel).await?;
    if store::forget_system_channel(tx, guild, channel).await? {
        settings::announce(tx, guild).await?;
    }
    Ok(())
}

/// What a text that holds these words, taken literally, is `like`; `%` for no words.
fn search_pattern(words: Option<&str>) -> String {
    let words = words.unwrap_or_default().trim().to_lowercase();
    if words.is_empty() {
        return "%".to_owned();
    }
    format!("%{}%", words.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_"))
}

/// The caller's standing in a guild that they are about to change something of.
async fn standing(app: &App, caller: &Caller, guild: GuildId) -> Result<Membership> {
    let membership = channels::membership(app, caller, guild).await?;
    app.limiter.check(caller, Group::Changes, guild.0)?;
    Ok(membership)
}
