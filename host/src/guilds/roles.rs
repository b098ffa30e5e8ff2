//! Roles: what members may do, and who stands above whom.

use serde::Serialize;
use utoipa::ToSchema;

use crate::channels::Permissions;
use crate::clock::Timestamp;
use crate::id::{GuildId, RoleId, UserId};

/// A role as members see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Role {
    /// The role's id; `@everyone` has the guild's.
    pub id: RoleId,
    /// The guild.
    pub guild_id: GuildId,
    /// Its name.
    pub name: String,
    /// What its members may do, as a decimal number.
    #[schema(value_type = String)]
    pub permissions: Permissions,
    /// The same, by name.
    pub permission_names: Vec<&'static str>,
    /// Its color, as 0xRRGGBB.
    pub color: i64,
    /// Whether its members are shown apart.
    pub hoist: bool,
    /// Whether anybody may mention it.
    pub mentionable: bool,
    /// Its place: higher ones stand above lower ones.
    pub position: i64,
    /// The bot or plugin that it belongs to.
    pub managed_by: Option<UserId>,
    /// Raised by every change: the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}
