//! Banning many at once: what a raid needs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Terms, ban, check, check_terms};
use crate::accounts::{Author, Caller};
use crate::app::App;
use crate::channels::Permissions;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::standing;
use crate::http::body::{Faults, Validate};
use crate::id::{GuildId, UserId};
use crate::messaging::purge;

/// The most people that one call bans.
const MAX_AT_ONCE: usize = 200;

/// `POST /guilds/{id}/bans/bulk`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkBan {
    /// 1 to 200 accounts.
    pub user_ids: Vec<UserId>,
    /// Why, at most 512 characters; `X-Audit-Log-Reason` if it isn't said here.
    pub reason: Option<String>,
    /// Their messages of this many last seconds are deleted, at most a week's.
    #[serde(default)]
    pub delete_message_seconds: i64,
}

impl Validate for BulkBan {
    fn check(&self, faults: &mut Faults) {
        if self.user_ids.is_empty() {
            faults.note("/user_ids", FieldCode::TooShort);
        }
        faults.items("/user_ids", self.user_ids.len(), MAX_AT_ONCE);
        check_terms(self.reason.as_deref(), self.delete_message_seconds, faults);
    }
}

/// Who was banned, and who was not.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct BulkBanned {
    /// Who was banned by this.
    pub banned: Vec<UserId>,
    /// Who was not.
    pub failed: Vec<NotBanned>,
}

/// Somebody who was not banned.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotBanned {
    /// Who.
    pub user_id: UserId,
    /// Why not.
    pub code: Code,
}

/// Bans whom one may of those who are named, all in one transaction.
pub async fn add(app: &App, caller: &Caller, guild: GuildId, bulk: BulkBan) -> Result<BulkBanned> {
    let standing = standing(app, caller, guild).await?;
    standing.require(Permissions::BAN_MEMBERS)?;
    let mut wanted = bulk.user_ids;
    wanted.sort_unstable();
    wanted.dedup();
    let people = people(app, &wanted).await?;
    let found = purge::find(app, guild, &wanted, bulk.delete_message_seconds).await?;
    let terms = Terms { reason: bulk.reason.unwrap_or_else(|| caller.reason.clone()), expires_at: None };
    standing
        .change(app, caller, Permissions::BAN_MEMBERS, move |tx, membership| {
            Box::pin(async move {
                let mut outcome = BulkBanned::default();
                for (user_id, author) in people {
                    let checked = match &author {
                        Some(_) => check(tx, &membership, user_id).await,
                        None => Err(Code::NotFound.into()),
                    };
                    match (checked, author) {
                        (Ok(member), Some(author)) => {
                            ban(tx, &membership, author, member, &terms).await?;
                            outcome.banned.push(user_id);
                        }
                        (Err(Error::Refused(code)), _) => outcome.failed.push(NotBanned { user_id, code }),
                        (Err(error), _) => return Err(error),
                        (Ok(_), None) => {}
                    }
                }
                purge::delete(tx, guild, &outcome.banned, found).await?;
                Ok(outcome)
            })
        })
        .await
}

async fn people(app: &App, wanted: &[UserId]) -> Result<Vec<(UserId, Option<Author>)>> {
    let mut people = Vec::with_capacity(wanted.len());
    for &user in wanted {
        let identity = app.identities.get(&app.db, user).await?;
        people.push((user, identity.map(|identity| identity.author.clone())));
    }
    Ok(people)
}
