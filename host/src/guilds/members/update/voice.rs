//! What moderators change about a member in voice.

use super::{Desk, store};
use crate::error::Result;
use crate::guilds::audit::{Action, Note};
use crate::id::ChannelId;
use crate::voice::moderation;

impl Desk<'_> {
    /// Mutes or deafens a member wherever in the guild they speak, or no longer.
    pub(super) async fn mute(&mut self, muted: Option<bool>, deafened: Option<bool>) -> Result<()> {
        self.may_silence()?;
        let (guild, user) = (self.guild(), self.old.user.id);
        let (was_muted, was_deafened) = (self.old.muted, self.old.deafened);
        let (muted, deafened) = (muted.unwrap_or(was_muted), deafened.unwrap_or(was_deafened));
        let note = Note::new(guild, Action::MemberMute).changed("muted", was_muted, muted).changed(
            "deafened",
            was_deafened,
            deafened,
        );
        if note.is_empty() {
            return Ok(());
        }
        store::set_mutes(self.tx, guild, user, muted, deafened).await?;
        moderation::tell_muted(self.tx, guild, user).await?;
        self.note(note).await
    }

    /// Moves a member to another voice channel, or shows them out of voice. Nothing of the member changes.
    pub(super) async fn bring(&mut self, channel: Option<ChannelId>) -> Result<()> {
        let rules = self.old.rules();
        let Some(moved) = moderation::move_member(self.tx, &self.membership, &rules, channel).await? else {
            return Ok(());
        };
        let action = if moved.to.is_some() { Action::MemberMove } else { Action::MemberDisconnect };
        let note = Note::new(self.guild(), action).change("voice_channel_id", moved.from, moved.to);
        note.target(self.old.user.id.0).reason(&self.reason).write(self.tx).await
    }
}
