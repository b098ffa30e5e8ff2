//! What somebody may do in a channel, and why.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Permissions, Step, access, membership_of};
use crate::accounts::Caller;
use crate::app::App;
use crate::error::{Code, Result};
use crate::id::{ChannelId, UserId};

/// What somebody may do in a channel.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Standing {
    /// Who.
    pub user_id: UserId,
    /// Where.
    pub channel_id: ChannelId,
    /// What they may do there, as a decimal number.
    #[schema(value_type = String)]
    pub permissions: Permissions,
    /// The same, by name.
    pub permission_names: Vec<&'static str>,
    /// Every step that led there, in order, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
}

/// Whether to explain.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Explain {
    /// Whether the answer lists every step.
    pub explain: bool,
}

/// What a member may do in a channel: for themselves, or for those who manage roles there.
pub async fn standing(
    app: &App,
    caller: &Caller,
    channel: ChannelId,
    user: UserId,
    Explain { explain }: Explain,
) -> Result<Standing> {
    let access = access(app, caller, channel).await?;
    if user != caller.user {
        access.require(Permissions::MANAGE_ROLES)?;
    }
    let (permissions, steps) = match access.guild() {
        Some(guild) => {
            let member = membership_of(app, guild, user).await?.ok_or(Code::NotFound)?;
            member.guild.explain(&member.member, Some(channel), app.now())
        }
        None => (access.permissions, vec![Step::direct(access.permissions)]),
    };
    Ok(Standing {
        user_id: user,
        channel_id: channel,
        permissions,
        permission_names: permissions.names(),
        steps: explain.then_some(steps),
    })
}
