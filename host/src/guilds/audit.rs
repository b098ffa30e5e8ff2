//! The audit log: who did what in a guild, in a chain of hashes that shows if a link was changed.

use serde::Serialize;
use serde_json::Value;

use crate::accounts::token;
use crate::closed_set;
use crate::error::Result;
use crate::id::{AuditId, GuildId, TargetId, UserId};
use crate::log::Tx;

pub mod chain;
pub mod reading;
pub mod routes;
pub(crate) mod store;

pub use chain::{Verdict, verify};

closed_set! {
    /// What was done.
    pub enum Action {
        /// The guild was made.
        GuildCreate = "guild_create",
        /// Its settings changed.
        GuildUpdate = "guild_update",
        /// It was deleted.
        GuildDelete = "guild_delete",
        /// It got another owner.
        GuildTransfer = "guild_transfer",
        /// A member was removed.
        MemberKick = "member_kick",
        /// A member left.
        MemberLeave = "member_leave",
        /// A member's nickname changed.
        MemberUpdate = "member_update",
        /// A member was timed out, or no longer is.
        MemberTimeout = "member_timeout",
        /// A member was muted or deafened in voice, or no longer is.
        MemberMute = "member_mute",
        /// A member was moved to another voice channel.
        MemberMove = "member_move",
        /// A member was shown out of a voice channel.
        MemberDisconnect = "member_disconnect",
        /// A member's roles changed.
        MemberRolesUpdate = "member_roles_update",
        /// A bot was added.
        BotAdd = "bot_add",
        /// Somebody was banned.
        BanAdd = "ban_add",
        /// A ban was lifted or ran out.
        BanRemove = "ban_remove",
        /// A role was made.
        RoleCreate = "role_create",
        /// A role changed.
        RoleUpdate = "role_update",
        /// A role was deleted.
        RoleDelete = "role_delete",
        /// A channel was made.
        ChannelCreate = "channel_create",
        /// A channel changed.
        ChannelUpdate = "channel_update",
        /// A channel was deleted.
        ChannelDelete = "channel_delete",
        /// An overwrite of a channel changed.
        OverwriteUpdate = "overwrite_update",
        /// An overwrite of a channel was removed.
        OverwriteDelete = "overwrite_delete",
        /// A thread was started.
        ThreadCreate = "thread_create",
        /// A thread changed.
        ThreadUpdate = "thread_update",
        /// A thread was deleted.
        ThreadDelete = "thread_delete",
        /// An invitation was made.
        InviteCreate = "invite_create",
        /// An invitation was withdrawn.
        InviteDelete = "invite_delete",
        /// A custom emoji was made.
        EmojiCreate = "emoji_create",
        /// A custom emoji was deleted.
        EmojiDelete = "emoji_delete",
        /// An incoming webhook was made.
        WebhookCreate = "webhook_create",
        /// An incoming webhook changed.
        WebhookUpdate = "webhook_update",
        /// An incoming webhook was deleted.
        WebhookDelete = "webhook_delete",
        /// A plugin was installed.
        InstallationCreate = "installation_create",
        /// An installed plugin was switched on or off, set, moved, or allowed something else.
        InstallationUpdate = "installation_update",
        /// A plugin was removed.
        InstallationDelete = "installation_delete",
        /// Somebody else's message was deleted.
        MessageDelete = "message_delete",
        /// Several messages were deleted at once.
        MessagesBulkDelete = "messages_bulk_delete",
        /// Somebody else's reaction was removed.
        ReactionRemove = "reaction_remove",
        /// A message that a plugin held was sent.
        MessageApprove = "message_approve",
        /// A message that a plugin held was thrown away.
        MessageReject = "message_reject",
        /// A message was pinned.
        MessagePin = "message_pin",
        /// A message is no longer pinned.
        MessageUnpin = "message_unpin",
    }
}

closed_set! {
    /// What acted.
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// A bot account.
        Bot = "bot",
        /// A plugin.
        Plugin = "plugin",
        /// The server itself.
        System = "system",
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
    /// What of it changed, from what to what.
    pub fn change(mut self, key: &'static str, old: impl Serialize, new: impl Serialize) -> Note {
        self.changes.push(serde_json::json!({ "key": key, "old": old, "new": new }));
        self
    }
    /// The same, if it did change.
    pub fn changed<T: Serialize + PartialEq>(self, key: &'static str, old: T, new: T) -> Note {
        if old == new { self } else { self.change(key, old, new) }
    }
    /// Whether nothing was said to have changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
    /// Why, as the one who did it says.
    pub fn reason(self, reason: &str) -> Note {
        Note { reason: reason.to_owned(), ..self }
    }
    /// Writes it, in the transaction of what it tells. That must have taken the guild's stream: the
    /// chain grows at its end by one entry at a time.
    pub async fn write(self, tx: &mut Tx) -> Result<()> {
        let id = AuditId(tx.next_id()?);
        let actor_id = tx.actor();
        let details = store::Details {
            salt: token::random(),
            actor_id,
            actor_kind: actor_kind(tx, actor_id).await?,
            changes: serde_json::to_string(&self.changes)?,
            reason: self.reason,
            request_id: tx.request_id().unwrap_or_default().to_owned(),
        };
        let (sequence, previous_hash) = match store::last(tx, self.guild).await? {
            Some((sequence, hash)) => (sequence + 1, hash),
            None => (1, String::new()),
        };
        let link = store::Link {
            guild_id: self.guild,
            sequence,
            id,
            action: self.action.as_str().to_owned(),
            target_id: self.target.map(TargetId),
            details_hash: chain::details_hash(&details),
            previous_hash,
            hash: String::new(),
            at: tx.now,
        };
        let link = store::Link { hash: chain::hash(&link), ..link };
        Ok(store::insert(tx, &link, &details).await?)
    }
}

async fn actor_kind(tx: &mut Tx, actor: Option<UserId>) -> Result<ActorKind> {
    let Some(actor) = actor else { return Ok(ActorKind::System) };
    Ok(if store::is_bot(tx, actor).await? { ActorKind::Bot } else { ActorKind::User })
}

/// Forgets what the audit logs of all guilds tell of a person beyond that something was done: who
/// did it, why and in which words. The chains stay whole. Entries that somebody else wrote about the
/// person lose their details too.
pub async fn erase(tx: &mut Tx, person: UserId) -> Result<()> {
    Ok(store::erase(tx, person).await?)
}
