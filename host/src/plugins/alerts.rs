//! What filters ask for besides their verdict: a word to the moderators, and a timeout for the author.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::installation::Installation;
use crate::accounts::{Caller, CallerKind};
use crate::app::App;
use crate::channels;
use crate::error::{Code, Result};
use crate::guilds::members::update;
use crate::id::{ChannelId, GuildId, InstallationId, UserId};
use crate::log::{EventKind, NewEvent};

/// The longest time for which a filter may time somebody out, in milliseconds: 28 days, as for everybody.
const LONGEST_TIMEOUT: u64 = 28 * 24 * 3_600_000;
/// The longest text of an alert, in characters; what is more is cut.
const MAX_TEXT: usize = 500;

/// What moderators are told: the body of `moderation_alert`.
#[derive(Serialize, ToSchema)]
#[schema(as = ModerationAlert)]
pub(crate) struct Alert<'a> {
    guild_id: GuildId,
    channel_id: ChannelId,
    user_id: UserId,
    installation_id: InstallationId,
    plugin: &'a str,
    rule: &'a str,
    text: String,
    /// What the message said.
    content: &'a str,
}

/// Tells the moderators of a channel.
pub async fn raise(
    app: &App,
    installation: &Installation,
    channel_id: ChannelId,
    user_id: UserId,
    rule: &str,
    text: &str,
    content: &str,
) -> Result<()> {
    let guild_id = installation.guild_id;
    let alert = Alert {
        guild_id,
        channel_id,
        user_id,
        installation_id: installation.id,
        plugin: &installation.plugin,
        rule,
        text: text.chars().take(MAX_TEXT).collect(),
        content,
    };
    let event = NewEvent::new(EventKind::ModerationAlert, guild_id, &alert)?.in_channel(channel_id);
    app.writer
        .run(Some(installation.bot_id), None, &[guild_id.into()], move |tx| {
            Box::pin(async move { tx.append(event).map(drop) })
        })
        .await
}

/// Lets an author only read for a while, on behalf of the installation's bot.
pub async fn time_out(
    app: &App,
    installation: &Installation,
    guild: GuildId,
    user: UserId,
    ms: u64,
    reason: String,
) -> Result<()> {
    let bot = installation.bot_id;
    let standing = channels::membership_of(app, guild, bot).await?.ok_or(Code::NotFound)?;
    let caller = Caller { reason: reason.clone(), ..Caller::nobody(bot, CallerKind::Bot) };
    standing
        .change(app, &caller, channels::Permissions::TIMEOUT_MEMBERS, move |tx, standing| {
            Box::pin(async move {
                let until = tx.now.after(Duration::from_millis(ms.min(LONGEST_TIMEOUT)));
                update::time_out_within(tx, standing, user, Some(until), reason).await.map(drop)
            })
        })
        .await
}
