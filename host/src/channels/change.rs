//! Changing channels, threads and groups.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::create::{MAX_POSITION, MAX_SLOWMODE, MAX_TOPIC, MAX_USER_LIMIT, check_name, require_category};
use super::{Access, Channel, ChannelKind, Permissions, access, announce_update, store};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate, present};
use crate::http::limits::Group;
use crate::http::page::IfMatch;
use crate::id::ChannelId;
use crate::log::Tx;

/// `PATCH /channels/{id}`. What isn't said stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelChange {
    /// 1 to 100 characters.
    pub name: Option<String>,
    /// What it is about, at most 1,024 characters.
    pub topic: Option<String>,
    /// The category to put it in; null to take it out.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<ChannelId>)]
    pub parent_id: Option<Option<ChannelId>>,
    /// Its place among its siblings.
    pub position: Option<i64>,
    /// Seconds that a member must wait between messages, at most 21,600.
    pub slowmode_seconds: Option<i64>,
    /// How many may be in a voice channel at once, at most 99; 0 for any number. Who is in it stays.
    pub user_limit: Option<i64>,
    /// Whether it is for adults.
    pub nsfw: Option<bool>,
    /// Whether its category's overwrites apply before its own.
    pub inherits: Option<bool>,
    /// Whether a thread is put away.
    pub archived: Option<bool>,
    /// Whether only those who manage threads may write in a thread or wake it.
    pub locked: Option<bool>,
}

impl Validate for ChannelChange {
    fn check(&self, faults: &mut Faults) {
        if let Some(name) = &self.name {
            check_name("/name", name, faults);
        }
        faults.length("/topic", self.topic.as_deref().unwrap_or_default(), 0, MAX_TOPIC);
        faults.range("/slowmode_seconds", self.slowmode_seconds.unwrap_or(0), 0, MAX_SLOWMODE);
        faults.range("/position", self.position.unwrap_or(0), 0, MAX_POSITION);
        faults.range("/user_limit", self.user_limit.unwrap_or(0), 0, MAX_USER_LIMIT);
    }
}

/// What changed: its name, what it was, what it is.
type Changed = Vec<(&'static str, Value, Value)>;

impl ChannelChange {
    /// Refuses what a channel of this kind doesn't have.
    fn refuse_foreign(&self, kind: ChannelKind) -> Result<()> {
        let allowed: &[&str] = match kind {
            ChannelKind::Direct => return Err(Code::WrongChannelKind.into()),
            ChannelKind::Group => &["name"],
            ChannelKind::Thread => &["name", "slowmode_seconds", "archived", "locked"],
            ChannelKind::Category => &["name", "topic", "position", "nsfw"],
            ChannelKind::Text | ChannelKind::Announcement | ChannelKind::Forum => {
                &["name", "topic", "parent_id", "position", "slowmode_seconds", "nsfw", "inherits"]
            }
            ChannelKind::Voice => {
                &["name", "topic", "parent_id", "position", "slowmode_seconds", "user_limit", "nsfw", "inherits"]
            }
        };
        let given = [
            ("name", self.name.is_some()),
            ("topic", self.topic.is_some()),
            ("parent_id", self.parent_id.is_some()),
            ("position", self.position.is_some()),
            ("slowmode_seconds", self.slowmode_seconds.is_some()),
            ("user_limit", self.user_limit.is_some()),
            ("nsfw", self.nsfw.is_some()),
            ("inherits", self.inherits.is_some()),
            ("archived", self.archived.is_some()),
            ("locked", self.locked.is_some()),
        ];
        let mut faults = Faults::default();
        for (field, _) in given.iter().filter(|(field, given)| *given && !allowed.contains(field)) {
            faults.note(&format!("/{field}"), FieldCode::NotAllowed);
        }
        faults.into_result()
    }

    fn apply(self, channel: &mut Channel) -> Result<Changed> {
        let mut changed = Changed::new();
        set(&mut changed, "name", &mut channel.name, self.name.map(|name| name.trim().to_owned()))?;
        set(&mut changed, "topic", &mut channel.topic, self.topic)?;
        set(&mut changed, "parent_id", &mut channel.parent_id, self.parent_id)?;
        set(&mut changed, "position", &mut channel.position, self.position)?;
        set(&mut changed, "slowmode_seconds", &mut channel.slowmode_seconds, self.slowmode_seconds)?;
        set(&mut changed, "user_limit", &mut channel.user_limit, self.user_limit)?;
        set(&mut changed, "nsfw", &mut channel.nsfw, self.nsfw)?;
        set(&mut changed, "inherits", &mut channel.inherits, self.inherits)?;
        set(&mut changed, "archived", &mut channel.archived, self.archived)?;
        set(&mut changed, "locked", &mut channel.locked, self.locked)?;
        Ok(changed)
    }
}

fn set<T: PartialEq + Serialize>(
    changed: &mut Changed,
    name: &'static str,
    field: &mut T,
    new: Option<T>,
) -> Result<()> {
    if let Some(new) = new.filter(|new| new != field) {
        changed.push((name, serde_json::to_value(&*field)?, serde_json::to_value(&new)?));
        *field = new;
    }
    Ok(())
}

/// Changes a channel; answers it as it is then.
pub async fn change(
    app: &App,
    caller: &Caller,
    channel: ChannelId,
    change: ChannelChange,
    if_match: IfMatch,
) -> Result<Channel> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Changes, access.stream().0)?;
    change.refuse_foreign(access.kind())?;
    require(&access, &change)?;
    let reason = caller.reason.clone();
    access
        .change(app, caller, Permissions::VIEW_CHANNEL, move |tx, access| {
            Box::pin(async move {
                require(&access, &change)?;
                let mut row = store::channel(tx, channel).await?.ok_or(Code::NotFound)?;
                if_match.check(row.version)?;
                let changed = change.apply(&mut row)?;
                if changed.is_empty() {
                    return Ok(row);
                }
                store::update(tx, &row).await?;
                if changed.iter().any(|(name, ..)| ["parent_id", "inherits"].contains(name)) {
                    refuse_gain(tx, &access, row.parent_id).await?;
                }
                let row = announce_update(tx, channel).await?;
                note(tx, &row, changed, &reason).await?;
                Ok(row)
            })
        })
        .await
}

/// Refuses whoever may not change this of the channel.
fn require(access: &Access, change: &ChannelChange) -> Result<()> {
    match access.kind() {
        ChannelKind::Direct => Err(Code::WrongChannelKind.into()),
        ChannelKind::Group => Ok(()),
        ChannelKind::Thread => {
            let Some(rule) = access.rule() else { return Err(Code::NotFound.into()) };
            // A lock that its owner could open would be none.
            let own = rule.owner == Some(access.user()) && !rule.locked && change.locked.is_none();
            access.require(if own { Permissions::SEND_IN_THREADS } else { Permissions::MANAGE_THREADS })
        }
        _ => access.require(Permissions::MANAGE_CHANNELS),
    }
}

/// Overwrites that a category hands down are lost or won by a move: nobody wins by their own.
async fn refuse_gain(tx: &mut Tx, access: &Access, parent: Option<ChannelId>) -> Result<()> {
    let Some(before) = access.membership() else { return Ok(()) };
    if let Some(parent) = parent {
        require_category(before, parent)?;
    }
    let now = tx.now;
    let after = store::guild_rules(tx, before.id()).await?.ok_or(Code::NotFound)?;
    let after = after.resolve(&before.member, Some(access.channel), now);
    if access.permissions.contains(after) {
        Ok(())
    } else {
        Err(Error::missing((after & !access.permissions).first_name()))
    }
}

async fn note(tx: &mut Tx, channel: &Channel, changed: Changed, reason: &str) -> Result<()> {
    let Some(guild) = channel.guild_id else { return Ok(()) };
    let action = if channel.kind == ChannelKind::Thread { Action::ThreadUpdate } else { Action::ChannelUpdate };
    let note = Note::new(guild, action).target(channel.id.0).reason(reason);
    changed.into_iter().fold(note, |note, (name, old, new)| note.change(name, old, new)).write(tx).await
}
