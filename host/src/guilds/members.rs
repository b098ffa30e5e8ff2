//! Members: who belongs to a guild, and how they come and go.

use serde::Serialize;
use utoipa::ToSchema;

use super::{audit, store};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels;
use crate::clock::Timestamp;
use crate::error::{Code, Result};
use crate::id::{GuildId, RoleId, UserId};
use crate::log::{EventKind, NewEvent, Tx};

/// Somebody in a guild.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Member {
    /// Who it is.
    pub user: Author,
    /// What they are called here.
    pub nick: Option<String>,
    /// Their roles, without `@everyone`.
    pub roles: Vec<RoleId>,
    /// When they joined.
    pub joined_at: Timestamp,
    /// Until when they may only read.
    pub timed_out_until: Option<Timestamp>,
}

/// Joins a public guild.
pub async fn join_public(app: &App, caller: &Caller, guild: GuildId) -> Result<Member> {
    let user = caller.identity()?.author.clone();
    caller
        .write(app, &[guild.into()], move |tx| {
            Box::pin(async move {
                store::guild(tx, guild).await?.filter(|guild| guild.public).ok_or(Code::NotFound)?;
                join(tx, guild, user).await
            })
        })
        .await
}

/// Makes somebody a member, whichever way they came: bans are refused, a member stays what they are.
pub(crate) async fn join(tx: &mut Tx, guild: GuildId, user: Author) -> Result<Member> {
    let now = tx.now;
    if !store::insert_member(tx, guild, user.id, now).await? {
        return Err(Code::AlreadyExists.into());
    }
    let member = Member { user, nick: None, roles: Vec::new(), joined_at: now, timed_out_until: None };
    tx.append(NewEvent::new(EventKind::MemberJoined, guild, &member)?)?;
    Ok(member)
}

/// Makes somebody a member without a word in the log.
pub(crate) async fn insert_silent(tx: &mut Tx, guild: GuildId, user: UserId) -> Result<()> {
    let now = tx.now;
    store::insert_member(tx, guild, user, now).await?;
    Ok(())
}
