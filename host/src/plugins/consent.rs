//! Consent: what an admin allows a plugin, in the words that people know from roles.

use super::installation::Installation;
use super::manifest::{ChannelChoice, Manifest, Permission};
use crate::channels::{Membership, Permissions};
use crate::closed_set;
use crate::error::FieldCode;
use crate::http::body::Faults;
use crate::id::ChannelId;

closed_set! {
    /// How far a permission reaches: consent is asked for in this order.
    pub enum Reach {
        /// Looks on.
        Read = "read",
        /// Takes part.
        Write = "write",
        /// Acts on others.
        Moderate = "moderate",
    }
}

closed_set! {
    /// What a plugin can't do, worth telling.
    pub enum Badge {
        /// It has no routes and no network: what it learns stays on this server.
        RunsEntirelyHere = "runs_entirely_here",
    }
}

impl Permission {
    /// How far it reaches.
    pub fn reach(self) -> Reach {
        match self {
            Permission::MessagesRead | Permission::Members => Reach::Read,
            Permission::MessagesWrite | Permission::Channels | Permission::Badges | Permission::Realtime => {
                Reach::Write
            }
            Permission::Moderation | Permission::Roles => Reach::Moderate,
        }
    }

    /// What its bot's role must hold for it, and so whoever grants it.
    pub fn needs(self) -> Permissions {
        match self {
            Permission::MessagesRead => Permissions::VIEW_CHANNEL | Permissions::READ_HISTORY,
            Permission::MessagesWrite => {
                Permissions::VIEW_CHANNEL
                    | Permissions::SEND_MESSAGES
                    | Permissions::SEND_IN_THREADS
                    | Permissions::ADD_REACTIONS
                    | Permissions::ATTACH_FILES
            }
            Permission::Moderation => {
                Permissions::MANAGE_MESSAGES
                    | Permissions::TIMEOUT_MEMBERS
                    | Permissions::KICK_MEMBERS
                    | Permissions::BAN_MEMBERS
            }
            Permission::Roles => Permissions::MANAGE_ROLES,
            Permission::Channels => Permissions::VIEW_CHANNEL | Permissions::CREATE_THREADS,
            Permission::Realtime => Permissions::VIEW_CHANNEL,
            Permission::Members | Permission::Badges => Permissions::NONE,
        }
    }
}

/// What all of these need together.
pub fn needs(permissions: &[Permission]) -> Permissions {
    permissions.iter().fold(Permissions::NONE, |all, one| all | one.needs())
}

/// What a plugin can't do, if that is worth telling.
pub fn badge(manifest: &Manifest) -> Option<Badge> {
    manifest.routes.is_empty().then_some(Badge::RunsEntirelyHere)
}

/// What is granted when a plugin is installed: what the admin says or, if they say nothing, exactly what it
/// can't do without. Notes what it doesn't ask for, and what would be missing.
pub fn on_installing(manifest: &Manifest, said: Option<Vec<Permission>>, faults: &mut Faults) -> Vec<Permission> {
    let Some(said) = said else { return tidy(manifest.required()) };
    for (at, _) in said.iter().enumerate().filter(|(_, one)| manifest.asked(**one).is_none()) {
        faults.note(&format!("/permissions/{at}"), FieldCode::UnknownReference);
    }
    check_required(manifest, &said, faults);
    tidy(said)
}

/// Notes if something is missing that a plugin can't do without.
pub fn check_required(manifest: &Manifest, granted: &[Permission], faults: &mut Faults) {
    if manifest.required().iter().any(|one| !granted.contains(one)) {
        faults.note("/permissions", FieldCode::Required);
    }
}

/// What is granted when an admin changes that later. Less is always possible, whatever the plugin needs.
pub fn on_changing(
    manifest: Option<&Manifest>,
    old: &Installation,
    said: Vec<Permission>,
    faults: &mut Faults,
) -> Vec<Permission> {
    let known = |one: &Permission| {
        old.permissions.contains(one) || manifest.is_some_and(|manifest| manifest.asked(*one).is_some())
    };
    for (at, _) in said.iter().enumerate().filter(|(_, one)| !known(one)) {
        faults.note(&format!("/permissions/{at}"), FieldCode::UnknownReference);
    }
    tidy(said)
}

/// The channels that an admin gives, each once. Notes those that the admin doesn't see themselves, and if the plugin
/// takes whatever channels there are.
pub fn channels(
    manifest: &Manifest,
    membership: &Membership,
    said: Option<Vec<ChannelId>>,
    faults: &mut Faults,
) -> Option<Vec<ChannelId>> {
    let mut given = said?;
    if manifest.permissions.iter().all(|asked| asked.channels == ChannelChoice::All) {
        faults.note("/channels", FieldCode::NotAllowed);
    }
    for (at, _) in given.iter().enumerate().filter(|(_, channel)| membership.access(**channel).is_err()) {
        faults.note(&format!("/channels/{at}"), FieldCode::UnknownReference);
    }
    given.sort_unstable();
    given.dedup();
    Some(given)
}

/// Each once, in the order of the set: two lists that grant the same are the same.
fn tidy(permissions: Vec<Permission>) -> Vec<Permission> {
    Permission::ALL.iter().copied().filter(|one| permissions.contains(one)).collect()
}
