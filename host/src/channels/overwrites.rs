//! Overwrites: exceptions for one role or member in one channel.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Access, Channel, ChannelKind, Membership, Overwrite, OverwriteKind, OverwriteView, Permissions, access,
    announce_update, store,
};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::audit::{Action, Note};
use crate::http::body::{Faults, Validate};
use crate::http::limits::Group;
use crate::id::{ChannelId, RoleId, TargetId, UserId};
use crate::log::Tx;

/// Exceptions of one channel, at most.
const MAX_OVERWRITES: usize = 100;

/// `PUT /channels/{id}/overwrites/{target_id}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOverwrite {
    /// Whether it is for a role or for one member.
    pub kind: OverwriteKind,
    /// What it adds, by name.
    #[serde(default)]
    pub allow: Permissions,
    /// What it takes away, by name.
    #[serde(default)]
    pub deny: Permissions,
}

/// An exception that a channel begins with.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstOverwrite {
    /// The role's or the member's id.
    pub target_id: TargetId,
    /// Which of the two it is.
    pub kind: OverwriteKind,
    /// What it adds, by name.
    #[serde(default)]
    pub allow: Permissions,
    /// What it takes away, by name.
    #[serde(default)]
    pub deny: Permissions,
}

impl FirstOverwrite {
    /// As it decides permissions.
    pub fn overwrite(&self) -> Overwrite {
        Overwrite { target: self.target_id.0, kind: self.kind, allow: self.allow, deny: self.deny }
    }
}

impl Validate for NewOverwrite {
    fn check(&self, faults: &mut Faults) {
        check_sets("", self.allow, self.deny, faults);
    }
}

/// Notes what both adds and takes away, and what makes no sense in a channel.
fn check_sets(pointer: &str, allow: Permissions, deny: Permissions, faults: &mut Faults) {
    // An administrator is one everywhere, whatever overwrites say.
    if allow.contains(Permissions::ADMINISTRATOR) {
        faults.note(&format!("{pointer}/allow"), FieldCode::NotAllowed);
    }
    if deny.contains(Permissions::ADMINISTRATOR) || allow & deny != Permissions::NONE {
        faults.note(&format!("{pointer}/deny"), FieldCode::NotAllowed);
    }
}

/// Notes what is wrong with the exceptions that a channel is to begin with.
pub(super) fn check_first(pointer: &str, all: &[FirstOverwrite], faults: &mut Faults) {
    faults.items(pointer, all.len(), MAX_OVERWRITES);
    for (i, one) in all.iter().enumerate() {
        check_sets(&format!("{pointer}/{i}"), one.allow, one.deny, faults);
        if all[..i].iter().any(|other| other.target_id == one.target_id) {
            faults.note(&format!("{pointer}/{i}/target_id"), FieldCode::NotAllowed);
        }
    }
}

/// Refuses exceptions for a new channel that the member may not make where they hold `held`.
pub(super) async fn require_first(
    tx: &mut Tx,
    membership: &Membership,
    held: Permissions,
    all: &[FirstOverwrite],
) -> Result<()> {
    if !all.is_empty() && !held.contains(Permissions::MANAGE_ROLES) {
        return Err(Error::missing("MANAGE_ROLES"));
    }
    for (i, one) in all.iter().enumerate() {
        require_target(tx, membership, &one.overwrite()).await.map_err(|error| match error.code() {
            Code::NotFound => Error::field(format!("/overwrites/{i}/target_id"), FieldCode::UnknownReference),
            _ => error,
        })?;
        require_held(held, one.allow | one.deny)?;
    }
    Ok(())
}

/// Adds an exception, or replaces the one for the same target; answers the channel.
pub async fn put(
    app: &App,
    caller: &Caller,
    channel: ChannelId,
    target: TargetId,
    new: NewOverwrite,
) -> Result<Channel> {
    let access = begin(app, caller, channel).await?;
    let reason = caller.reason.clone();
    let wanted = Overwrite { target: target.0, kind: new.kind, allow: new.allow, deny: new.deny };
    access
        .change(app, caller, Permissions::MANAGE_ROLES, move |tx, access| {
            Box::pin(async move {
                let (membership, own) = standing(&access)?;
                let before = own.iter().find(|one| one.target == wanted.target).copied();
                require_target(tx, membership, &wanted).await?;
                require_held(access.permissions, difference(before, Some(wanted)))?;
                if before == Some(wanted) {
                    return store::channel(tx, channel).await?.ok_or(Code::NotFound.into());
                }
                if before.is_none() && own.len() >= MAX_OVERWRITES {
                    return Err(Error::limit("overwrites", MAX_OVERWRITES));
                }
                store::put_overwrite(tx, channel, &wanted).await?;
                finish(tx, &access, (before, Some(wanted)), Action::OverwriteUpdate, &reason).await
            })
        })
        .await
}

/// Removes an exception; answers the channel.
pub async fn remove(app: &App, caller: &Caller, channel: ChannelId, target: TargetId) -> Result<Channel> {
    let access = begin(app, caller, channel).await?;
    let reason = caller.reason.clone();
    access
        .change(app, caller, Permissions::MANAGE_ROLES, move |tx, access| {
            Box::pin(async move {
                let (membership, own) = standing(&access)?;
                let before = own.iter().find(|one| one.target == target.0).copied().ok_or(Code::NotFound)?;
                match require_target(tx, membership, &before).await {
                    // What is left of somebody who is gone stands above nobody.
                    Err(Error::Refused(Code::NotFound)) => {}
                    checked => checked?,
                }
                require_held(access.permissions, difference(Some(before), None))?;
                store::delete_overwrite(tx, channel, before.target).await?;
                finish(tx, &access, (Some(before), None), Action::OverwriteDelete, &reason).await
            })
        })
        .await
}

async fn begin(app: &App, caller: &Caller, channel: ChannelId) -> Result<Access> {
    let access = access(app, caller, channel).await?;
    app.limiter.check(caller, Group::Changes, access.stream().0)?;
    match access.kind() {
        ChannelKind::Thread | ChannelKind::Direct | ChannelKind::Group => Err(Code::WrongChannelKind.into()),
        _ => Ok(access),
    }
}

/// The member's standing in the guild, and the channel's exceptions as of this transaction.
fn standing(access: &Access) -> Result<(&Membership, &[Overwrite])> {
    let membership = access.membership().ok_or(Code::NotFound)?;
    Ok((membership, access.rule().map_or(&[], |rule| &rule.overwrites)))
}

/// Refuses to make an exception for a role or a member that doesn't stand lower; `@everyone` and
/// oneself may be named.
async fn require_target(tx: &mut Tx, membership: &Membership, one: &Overwrite) -> Result<()> {
    match one.kind {
        OverwriteKind::Role if one.target == membership.id().0 => Ok(()),
        OverwriteKind::Role => {
            let role = membership.guild.roles.get(&RoleId(one.target)).ok_or(Code::NotFound)?;
            membership.require_position(role.position)
        }
        OverwriteKind::Member => {
            let member = store::member_rules(tx, membership.id(), UserId(one.target)).await?;
            membership.require_above(&member.ok_or(Code::NotFound)?)
        }
    }
}

fn require_held(held: Permissions, touched: Permissions) -> Result<()> {
    if held.contains(touched) { Ok(()) } else { Err(Error::missing((touched & !held).first_name())) }
}

/// The permissions that one exception decides otherwise than the other.
fn difference(before: Option<Overwrite>, after: Option<Overwrite>) -> Permissions {
    let sets = |one: Option<Overwrite>| one.map_or((0, 0), |one| (one.allow.0, one.deny.0));
    let ((allowed, denied), (allow, deny)) = (sets(before), sets(after));
    Permissions((allowed ^ allow) | (denied ^ deny))
}

async fn finish(
    tx: &mut Tx,
    access: &Access,
    (before, after): (Option<Overwrite>, Option<Overwrite>),
    action: Action,
    reason: &str,
) -> Result<Channel> {
    store::touch(tx, access.channel).await?;
    let channel = announce_update(tx, access.channel).await?;
    let view = |one: &Option<Overwrite>| one.as_ref().map(OverwriteView::from);
    if let Some(guild) = channel.guild_id {
        let note = Note::new(guild, action).target(channel.id.0).reason(reason);
        note.change("overwrite", view(&before), view(&after)).write(tx).await?;
    }
    Ok(channel)
}
