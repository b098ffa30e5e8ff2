//! Badges: what plugins give members, as others see it beside their names.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::manifest::Permission;
use crate::accounts::Caller;
use crate::app::App;
use crate::error::Result;
use crate::guilds::members::Member;
use crate::id::{GuildId, InstallationId, UserId};
use crate::log::Tx;

mod store;

/// A badge of a member.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MemberBadge {
    /// Who gave it.
    pub installation_id: InstallationId,
    /// Which.
    pub badge: String,
    /// What people call it.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
}

/// Puts on some members of a guild the badges that they have, in the caller's language. Badges of what isn't
/// installed any more don't count.
pub async fn put_on(app: &App, caller: &Caller, guild: GuildId, members: &mut [Member]) -> Result<()> {
    let installed = app.plugins.installed.of(&app.db, guild).await?;
    let (Some(first), Some(last)) =
        (members.iter().map(|one| one.user.id).min(), members.iter().map(|one| one.user.id).max())
    else {
        return Ok(());
    };
    // Few guilds have such plugins: the others pay no query.
    if !installed.iter().any(|one| one.may(Permission::Badges)) {
        return Ok(());
    }
    let mut theirs: HashMap<UserId, Vec<MemberBadge>> = HashMap::new();
    for (user, installation_id, badge) in store::between(&mut app.db.read().await?, guild, first, last).await? {
        let Some(giver) = installed.iter().find(|one| one.id == installation_id) else { continue };
        let artifact = app.plugins.marketplace.get(&giver.plugin);
        let say = |key: String| artifact.and_then(|artifact| artifact.texts.say(&caller.locale, &key, None));
        let name = say(format!("badge-{badge}")).unwrap_or_else(|| badge.clone());
        let description = say(format!("badge-{badge}.description")).unwrap_or_default();
        theirs.entry(user).or_default().push(MemberBadge { installation_id, badge, name, description });
    }
    for member in members {
        member.badges = theirs.remove(&member.user.id).unwrap_or_default();
    }
    Ok(())
}

/// Takes all badges from a member who goes.
pub(crate) async fn forget(tx: &mut Tx, guild: GuildId, user: UserId) -> Result<()> {
    Ok(store::delete_all(tx, guild, user).await?)
}
