//! Direct messages and groups: channels between people, outside of guilds.

use serde::Deserialize;
use utoipa::ToSchema;

use super::create::check_name;
use super::store::{self as rows, NewRow};
use super::{Access, Channel, ChannelKind, Direct, Permissions, Place, access, announce, announce_update};
use crate::accounts::{self, Caller, UserKind};
use crate::app::App;
use crate::db::Conn;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, UserId};
use crate::log::{EventKind, Tx};
use crate::voice::ending as voice;

pub mod routes;
pub(super) mod store;

/// People of direct and group channels whose presence a session is told by itself, at most.
const PARTNERS: i64 = 500;
/// People in one group, at most.
const MAX_PEOPLE: usize = 10;

/// `POST /users/@me/channels`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDirect {
    /// One other person, or 2 to 9 for a group.
    pub recipient_ids: Vec<UserId>,
    /// The name of a group, at most 100 characters.
    pub name: Option<String>,
}

impl Validate for NewDirect {
    fn check(&self, faults: &mut Faults) {
        if self.recipient_ids.is_empty() {
            faults.note("/recipient_ids", FieldCode::TooShort);
        }
        faults.items("/recipient_ids", self.recipient_ids.len(), MAX_PEOPLE - 1);
        for (i, user) in self.recipient_ids.iter().enumerate() {
            if self.recipient_ids[..i].contains(user) {
                faults.note(&format!("/recipient_ids/{i}"), FieldCode::NotAllowed);
            }
        }
        match &self.name {
            Some(_) if self.recipient_ids.len() == 1 => faults.note("/name", FieldCode::NotAllowed),
            Some(name) => check_name("/name", name, faults),
            None => {}
        }
    }
}

/// A direct channel that was asked for.
pub struct Opened {
    /// The channel.
    pub channel: Channel,
    /// False if the two had it before.
    pub created: bool,
}

/// The direct and group channels that somebody is in, the newest first.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Channel>> {
    caller.identity()?;
    Ok(store::of_user(&mut app.db.read().await?, caller.user).await?)
}

/// The ids of the direct and group channels that somebody is in.
pub(crate) async fn directs_of(conn: &mut Conn, user: UserId) -> Result<Vec<ChannelId>> {
    Ok(store::ids_of_user(conn, user).await?)
}

/// Those whom somebody talks to in direct and group channels, with the channel; the newest channels alone
/// if they are very many.
pub(crate) async fn partners_of(conn: &mut Conn, user: UserId) -> Result<Vec<(ChannelId, UserId)>> {
    Ok(store::partners(conn, user, PARTNERS).await?)
}

/// The direct channel that two people have, if they have one.
pub(crate) async fn direct_between(conn: &mut Conn, one: UserId, other: UserId) -> Result<Option<ChannelId>> {
    Ok(store::pair(conn, one.min(other), one.max(other)).await?)
}

/// Opens the one direct channel that two people have, or a new group.
pub async fn open(app: &App, caller: &Caller, new: NewDirect) -> Result<Opened> {
    caller.identity()?;
    app.limiter.check(caller, Group::Changes, 0)?;
    refuse_unknown(app, caller, &new.recipient_ids).await?;
    match *new.recipient_ids {
        [other] => open_pair(app, caller, other).await,
        _ => open_group(app, caller, new).await,
    }
}

async fn refuse_unknown(app: &App, caller: &Caller, recipients: &[UserId]) -> Result<()> {
    let mut faults = Faults::default();
    for (i, user) in recipients.iter().enumerate() {
        let pointer = format!("/recipient_ids/{i}");
        if *user == caller.user {
            faults.note(&pointer, FieldCode::NotAllowed);
        } else if !is_there(app, *user).await? {
            faults.note(&pointer, FieldCode::UnknownReference);
        }
    }
    faults.into_result()
}

async fn is_there(app: &App, user: UserId) -> Result<bool> {
    let identity = app.identities.get(&app.db, user).await?;
    Ok(identity.is_some_and(|identity| identity.kind != UserKind::Deleted))
}

/// The direct channel between the caller and somebody, made if there is none yet.
pub(crate) async fn with(app: &App, caller: &Caller, other: UserId) -> Result<ChannelId> {
    if let Some(known) = direct_between(&mut app.db.read().await?, caller.user, other).await? {
        return Ok(known);
    }
    Ok(open_pair(app, caller, other).await?.channel.id)
}

async fn open_pair(app: &App, caller: &Caller, other: UserId) -> Result<Opened> {
    let (me, id) = (caller.user, ChannelId(app.next_id()?));
    let (low, high) = (me.min(other), me.max(other));
    // Their own streams too: both may open it at once, and a block is written there.
    caller
        .write(app, &[low.into(), high.into(), id.into()], move |tx| {
            Box::pin(async move {
                accounts::refuse_blocked(tx, me, other).await?;
                if let Some(known) = store::pair(tx, low, high).await? {
                    let channel = rows::channel(tx, known).await?.ok_or(Code::NotFound)?;
                    return Ok(Opened { channel, created: false });
                }
                let row = NewRow::direct(id, ChannelKind::Direct);
                let channel = insert(tx, row, &[low, high]).await?;
                store::insert_pair(tx, low, high, id).await?;
                Ok(Opened { channel, created: true })
            })
        })
        .await
}

async fn open_group(app: &App, caller: &Caller, new: NewDirect) -> Result<Opened> {
    caller.require_person()?;
    let (me, id) = (caller.user, ChannelId(app.next_id()?));
    caller
        .write(app, &[id.into()], move |tx| {
            Box::pin(async move {
                for other in &new.recipient_ids {
                    accounts::refuse_blocked(tx, me, *other).await?;
                }
                let name = new.name.as_deref().unwrap_or_default().trim().to_owned();
                let row = NewRow { name, owner_id: Some(me), ..NewRow::direct(id, ChannelKind::Group) };
                let everybody: Vec<UserId> = new.recipient_ids.iter().copied().chain([me]).collect();
                Ok(Opened { channel: insert(tx, row, &everybody).await?, created: true })
            })
        })
        .await
}

async fn insert(tx: &mut Tx, row: NewRow, people: &[UserId]) -> Result<Channel> {
    let now = tx.now;
    rows::insert(tx, &row, now).await?;
    for user in people {
        store::add(tx, row.id, *user).await?;
    }
    let channel = rows::channel(tx, row.id).await?.ok_or(Code::NotFound)?;
    announce(tx, EventKind::ChannelCreated, &channel).await?;
    Ok(channel)
}

/// Adds somebody to a group; answers the group.
pub async fn add_recipient(app: &App, caller: &Caller, channel: ChannelId, user: UserId) -> Result<Channel> {
    let access = begin(app, caller, channel).await?;
    caller.require_person()?;
    if !is_there(app, user).await? {
        return Err(Code::NotFound.into());
    }
    access
        .change(app, caller, Permissions::VIEW_CHANNEL, move |tx, access| {
            Box::pin(async move {
                let group = group(&access)?;
                if group.recipients.contains(&user) {
                    return rows::channel(tx, channel).await?.ok_or(Code::NotFound.into());
                }
                if group.recipients.len() >= MAX_PEOPLE {
                    return Err(Error::limit("recipients", MAX_PEOPLE));
                }
                accounts::refuse_blocked(tx, access.user(), user).await?;
                store::add(tx, channel, user).await?;
                rows::touch(tx, channel).await?;
                announce_update(tx, channel).await
            })
        })
        .await
}

/// Takes somebody out of a group: its owner may, and everybody themselves. The last one closes it.
pub async fn remove_recipient(app: &App, caller: &Caller, channel: ChannelId, user: UserId) -> Result<()> {
    let access = begin(app, caller, channel).await?;
    access
        .change(app, caller, Permissions::VIEW_CHANNEL, move |tx, access| {
            Box::pin(async move {
                let group = group(&access)?;
                if user != access.user() && group.owner != Some(access.user()) {
                    return Err(Code::Forbidden.into());
                }
                if !group.recipients.contains(&user) {
                    return Err(Code::NotFound.into());
                }
                let left = group.recipients.iter().copied().find(|other| *other != user);
                // Before they are out of the group, so that they hear of it too.
                voice::end_in(tx, channel, user).await?;
                let Some(heir) = left else { return close(tx, channel).await };
                store::remove(tx, channel, user).await?;
                if group.owner == Some(user) {
                    store::set_owner(tx, channel, heir).await?;
                }
                rows::touch(tx, channel).await?;
                announce_update(tx, channel).await.map(drop)
            })
        })
        .await
}

async fn begin(app: &App, caller: &Caller, channel: ChannelId) -> Result<Access> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Changes, channel.0)?;
    group(&access)?;
    Ok(access)
}

fn group(access: &Access) -> Result<&Direct> {
    match &access.place {
        Place::Direct(direct, _) if direct.kind == ChannelKind::Group => Ok(direct),
        _ => Err(Code::WrongChannelKind.into()),
    }
}

/// Deletes a group whose last member goes.
async fn close(tx: &mut Tx, channel: ChannelId) -> Result<()> {
    let group = rows::channel(tx, channel).await?.ok_or(Code::NotFound)?;
    let now = tx.now;
    rows::delete(tx, channel, now).await?;
    announce(tx, EventKind::ChannelDeleted, &group).await
}
