//! Making the channels of a guild.

use serde::Deserialize;
use utoipa::ToSchema;

use super::overwrites::{self, FirstOverwrite};
use super::{Channel, ChannelKind, Membership, Permissions, announce, membership, store};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, GuildId};
use crate::log::{EventKind, Tx};

/// The longest name of a channel, in characters.
pub const MAX_NAME: usize = 100;
/// The longest topic, in characters.
pub const MAX_TOPIC: usize = 1_024;
/// The longest wait between messages, in seconds.
pub const MAX_SLOWMODE: i64 = 21_600;
/// The highest limit to how many may be in a voice channel at once.
pub const MAX_USER_LIMIT: i64 = 99;
/// The last place among siblings.
pub const MAX_POSITION: i64 = 100_000;

/// `POST /guilds/{id}/channels`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// 1 to 100 characters.
    pub name: String,
    /// `text`, `announcement`, `forum`, `voice` or `category`.
    pub kind: ChannelKind,
    /// The category to put it in.
    pub parent_id: Option<ChannelId>,
    /// What it is about, at most 1,024 characters.
    #[serde(default)]
    pub topic: String,
    /// Its place among its siblings; the last, if this isn't said.
    pub position: Option<i64>,
    /// Seconds that a member must wait between messages, at most 21,600.
    #[serde(default)]
    pub slowmode_seconds: i64,
    /// How many may be in a voice channel at once, at most 99; 0 for any number.
    #[serde(default)]
    pub user_limit: i64,
    /// Whether it is for adults.
    #[serde(default)]
    pub nsfw: bool,
    /// Whether its category's overwrites apply before its own.
    #[serde(default = "yes")]
    pub inherits: bool,
    /// Its exceptions; they take the permission to manage roles.
    #[serde(default)]
    pub overwrites: Vec<FirstOverwrite>,
}

fn yes() -> bool {
    true
}

impl Validate for NewChannel {
    fn check(&self, faults: &mut Faults) {
        check_name("/name", &self.name, faults);
        faults.length("/topic", &self.topic, 0, MAX_TOPIC);
        faults.range("/slowmode_seconds", self.slowmode_seconds, 0, MAX_SLOWMODE);
        faults.range("/position", self.position.unwrap_or(0), 0, MAX_POSITION);
        faults.range("/user_limit", self.user_limit, 0, MAX_USER_LIMIT);
        if self.kind != ChannelKind::Voice && self.user_limit != 0 {
            faults.note("/user_limit", FieldCode::NotAllowed);
        }
        if matches!(self.kind, ChannelKind::Thread | ChannelKind::Direct | ChannelKind::Group) {
            faults.note("/kind", FieldCode::NotAllowed);
        }
        if self.kind == ChannelKind::Category && self.parent_id.is_some() {
            faults.note("/parent_id", FieldCode::NotAllowed);
        }
        overwrites::check_first("/overwrites", &self.overwrites, faults);
    }
}

/// Notes a name that is blank or too long.
pub(super) fn check_name(pointer: &str, name: &str, faults: &mut Faults) {
    faults.length(pointer, name.trim(), 1, MAX_NAME);
    faults.length(pointer, name, 0, MAX_NAME);
}

/// Makes a channel.
pub async fn create(app: &App, caller: &Caller, guild: GuildId, new: NewChannel) -> Result<Channel> {
    let membership = membership(app, caller, guild).await?;
    app.limiter.check(caller, Group::Changes, guild.0)?;
    let (id, max, reason) = (ChannelId(app.next_id()?), app.config.limits.channels, caller.reason.clone());
    membership
        .change(app, caller, Permissions::MANAGE_CHANNELS, move |tx, membership| {
            Box::pin(async move {
                refuse_too_many(tx, guild, max).await?;
                let held = held_in(&membership, new.parent_id)?;
                overwrites::require_first(tx, &membership, held, &new.overwrites).await?;
                insert(tx, guild, id, &new).await?;
                let channel = store::channel(tx, id).await?.ok_or(Code::NotFound)?;
                announce(tx, EventKind::ChannelCreated, &channel).await?;
                let note = Note::new(guild, Action::ChannelCreate).target(id.0).reason(&reason);
                note.change("name", None::<String>, &channel.name)
                    .change("kind", None::<String>, channel.kind)
                    .write(tx)
                    .await?;
                Ok(channel)
            })
        })
        .await
}

/// Refuses one more channel or thread than a guild may have.
pub(super) async fn refuse_too_many(tx: &mut Tx, guild: GuildId, max: usize) -> Result<()> {
    if store::count(tx, guild).await? >= max as i64 { Err(Error::limit("channels", max)) } else { Ok(()) }
}

/// What a member may do where a channel is to be: in the category, which they must be able to manage, or in the guild.
fn held_in(membership: &Membership, parent: Option<ChannelId>) -> Result<Permissions> {
    match parent {
        Some(parent) => require_category(membership, parent),
        None => Ok(membership.permissions),
    }
}

/// Refuses what isn't a category that the member sees and may manage; gives what they may do in it.
pub(super) fn require_category(membership: &Membership, parent: ChannelId) -> Result<Permissions> {
    let found = membership.access(parent).ok().filter(|access| access.kind() == ChannelKind::Category);
    let access = found.ok_or_else(|| Error::field("/parent_id", FieldCode::UnknownReference))?;
    access.require(Permissions::MANAGE_CHANNELS)?;
    Ok(access.permissions)
}

async fn insert(tx: &mut Tx, guild: GuildId, id: ChannelId, new: &NewChannel) -> Result<()> {
    let position = match new.position {
        Some(position) => position,
        None => store::next_position(tx, guild).await?,
    };
    let row = store::NewRow {
        kind: new.kind,
        topic: new.topic.clone(),
        parent_id: new.parent_id,
        position,
        inherits: new.inherits,
        nsfw: new.nsfw,
        slowmode_seconds: new.slowmode_seconds,
        user_limit: new.user_limit,
        ..store::NewRow::text(id, guild, new.name.trim())
    };
    let now = tx.now;
    store::insert(tx, &row, now).await?;
    for one in &new.overwrites {
        store::put_overwrite(tx, id, &one.overwrite()).await?;
    }
    Ok(())
}
