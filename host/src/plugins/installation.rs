//! An installation: one plugin in one guild, with what it may do there and how it is set.

use serde::Serialize;
use utoipa::ToSchema;

use super::configuration::Configuration;
use super::manifest::Permission;
use crate::clock::Timestamp;
use crate::closed_set;
use crate::id::{ChannelId, GuildId, InstallationId, RoleId, UserId};

closed_set! {
    /// Whether an installation runs.
    pub enum InstallationState {
        /// It runs.
        Enabled = "enabled",
        /// An admin has switched it off.
        Disabled = "disabled",
        /// The server has switched it off, because it failed too often: enabling it is a new try.
        Quarantined = "quarantined",
        /// It is gone; its data stays for a while.
        Removed = "removed",
    }
}

/// A plugin in a guild, as those who manage it see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Installation {
    /// The installation's id.
    pub id: InstallationId,
    /// The guild.
    pub guild_id: GuildId,
    /// The plugin: `publisher.name`.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The SHA-256 of its component, in hexadecimal.
    pub digest: String,
    /// What it is allowed.
    pub permissions: Vec<Permission>,
    /// The channels in which it reads and writes messages, with their threads; all that its bot sees, if it is `null`.
    pub channels: Option<Vec<ChannelId>>,
    /// How it is set; secrets show as `***`.
    #[serde(serialize_with = "Configuration::serialize_shown")]
    #[schema(value_type = Object)]
    pub config: Configuration,
    /// Whether it runs.
    pub state: InstallationState,
    /// Why, if the server switched it off.
    pub state_reason: String,
    /// Whom it acts as.
    pub bot_id: UserId,
    /// The bot's own role.
    pub role_id: RoleId,
    /// Its place among the guild's plugins, from 0: filters run in this order.
    pub position: i64,
    /// Who installed it.
    pub installed_by: UserId,
    /// Raised by every change: the `ETag`.
    pub revision: i64,
    /// When it was installed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Installation {
    /// Whether it runs.
    pub fn is_enabled(&self) -> bool {
        self.state == InstallationState::Enabled
    }

    /// Whether it is allowed this.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Whether it was given a channel, to read and write messages in; a thread is given with what it branches from.
    pub fn is_given(&self, channel: ChannelId, parent: Option<ChannelId>) -> bool {
        let among = |given: &Vec<ChannelId>| given.contains(&channel) || parent.is_some_and(|one| given.contains(&one));
        self.channels.as_ref().is_none_or(among)
    }

    /// What its secrets are sealed for: the same plugin in the same guild, and nothing else.
    pub fn purpose(&self) -> String {
        purpose(self.guild_id, &self.plugin)
    }
}

/// What the secrets of a plugin in a guild are sealed for.
pub(super) fn purpose(guild: GuildId, plugin: &str) -> String {
    format!("{guild}/{plugin}")
}
