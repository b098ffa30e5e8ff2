//! The house's values as the contract has them, and back.

use serde::Deserialize;

use super::blocks::{self, Node, Place};
use super::contract::types;
use super::work::invalid;
use crate::accounts::Author;
use crate::channels::{Channel, ChannelKind, Permissions};
use crate::clock::Timestamp;
use crate::error::FieldFault;
use crate::guilds::members::Member;
use crate::guilds::roles::Role;
use crate::http::body::{Faults, Validate};
use crate::id::{ChannelId, FileId, MessageId, RoleId, UserId};
use crate::messaging::mentions::AllowedMentions;
use crate::messaging::{Draft, Message};

/// Whoever wrote something.
pub fn user(author: &Author) -> types::User {
    user_of(author.id, author.username.clone(), author.display_name.clone(), author.kind)
}

fn user_of(id: UserId, username: String, display_name: String, kind: &str) -> types::User {
    let kind = match kind {
        "user" => types::UserKind::User,
        "bot" => types::UserKind::Bot,
        "webhook" => types::UserKind::Webhook,
        "plugin" => types::UserKind::Plugin,
        "deleted" => types::UserKind::Deleted,
        other => types::UserKind::Other(other.to_owned()),
    };
    types::User { id: id.0 as u64, username, display_name, kind, attrs: Vec::new() }
}

/// A member, with what they may do.
pub fn member(member: &Member, permissions: Permissions) -> types::Member {
    types::Member {
        user: user(&member.user),
        nick: member.nick.clone(),
        roles: member.roles.iter().map(|role| role.0 as u64).collect(),
        joined_at: member.joined_at.0 as u64,
        timed_out_until: member.timed_out_until.map(|until| until.0 as u64),
        permissions: permissions.0 as u64,
        attrs: Vec::new(),
    }
}

/// A role.
pub fn role(role: &Role) -> types::Role {
    types::Role {
        id: role.id.0 as u64,
        name: role.name.clone(),
        position: role.position,
        permissions: role.permissions.0 as u64,
        attrs: Vec::new(),
    }
}

/// A channel.
pub fn channel(channel: &Channel) -> types::Channel {
    types::Channel {
        id: channel.id.0 as u64,
        kind: match channel.kind {
            ChannelKind::Text => types::ChannelKind::Text,
            ChannelKind::Announcement => types::ChannelKind::Announcement,
            ChannelKind::Forum => types::ChannelKind::Forum,
            ChannelKind::Thread => types::ChannelKind::Thread,
            ChannelKind::Voice => types::ChannelKind::Voice,
            ChannelKind::Category => types::ChannelKind::Category,
            ChannelKind::Direct => types::ChannelKind::Direct,
            ChannelKind::Group => types::ChannelKind::Group,
        },
        name: channel.name.clone(),
        topic: channel.topic.clone(),
        parent: channel.parent_id.map(|parent| parent.0 as u64),
        position: channel.position,
        nsfw: channel.nsfw,
        attrs: Vec::new(),
    }
}

/// A message.
pub fn message(message: &Message) -> types::Message {
    let reactions = message.reactions.iter();
    types::Message {
        id: message.id.0 as u64,
        channel: message.channel_id.0 as u64,
        kind: message_kind(message.kind.as_str()),
        author: user(&message.author),
        content: message.content.clone(),
        reply_to: message.reply_to.iter().map(|id| id.0 as u64).collect(),
        attachments: message.attachments.iter().map(|id| attachment(*id)).collect(),
        mentions: message.mentions.iter().map(|id| id.0 as u64).collect(),
        mention_roles: message.mention_roles.iter().map(|id| id.0 as u64).collect(),
        mention_everyone: message.mention_everyone,
        reactions: reactions.map(|one| reaction_count(&one.emoji, one.count)).collect(),
        pinned: message.pinned,
        nonce: message.nonce.clone(),
        blocks: message.blocks.as_ref().map(blocks::table),
        created_at: message.created_at.0 as u64,
        edited_at: message.edited_at.map(|at| at.0 as u64),
        attrs: Vec::new(),
    }
}

fn message_kind(kind: &str) -> types::MessageKind {
    match kind {
        "default" => types::MessageKind::Default,
        "join" => types::MessageKind::Join,
        "pin" => types::MessageKind::Pin,
        "thread" => types::MessageKind::Thread,
        other => types::MessageKind::Other(other.to_owned()),
    }
}

fn reaction_count(emoji: &str, count: i64) -> types::ReactionCount {
    types::ReactionCount { emoji: emoji.to_owned(), count: u32::try_from(count).unwrap_or(u32::MAX) }
}

/// A file.
pub fn attachment(id: FileId) -> types::Attachment {
    types::Attachment { id: id.0 as u64, name: String::new(), content_type: String::new(), size: 0, attrs: Vec::new() }
}

/// A message as it stands in the log.
#[derive(Deserialize)]
struct Logged {
    id: MessageId,
    channel_id: ChannelId,
    kind: String,
    author: LoggedUser,
    content: String,
    #[serde(default)]
    reply_to: Vec<MessageId>,
    #[serde(default)]
    attachments: Vec<FileId>,
    #[serde(default)]
    mentions: Vec<UserId>,
    #[serde(default)]
    mention_roles: Vec<RoleId>,
    #[serde(default)]
    mention_everyone: bool,
    #[serde(default)]
    reactions: Vec<LoggedCount>,
    #[serde(default)]
    pinned: bool,
    nonce: Option<String>,
    blocks: Option<Node>,
    created_at: Timestamp,
    edited_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct LoggedUser {
    id: UserId,
    username: String,
    display_name: String,
    kind: String,
}

#[derive(Deserialize)]
struct LoggedCount {
    emoji: String,
    count: i64,
}

/// A member as they stand in the log.
#[derive(Deserialize)]
struct LoggedMember {
    user: LoggedUser,
    nick: Option<String>,
    #[serde(default)]
    roles: Vec<RoleId>,
    joined_at: Timestamp,
    timed_out_until: Option<Timestamp>,
}

impl LoggedUser {
    fn told(self) -> types::User {
        user_of(self.id, self.username, self.display_name, &self.kind)
    }
}

/// A message from the log's JSON.
pub fn logged_message(payload: &str) -> serde_json::Result<types::Message> {
    let logged: Logged = serde_json::from_str(payload)?;
    Ok(types::Message {
        id: logged.id.0 as u64,
        channel: logged.channel_id.0 as u64,
        kind: message_kind(&logged.kind),
        author: logged.author.told(),
        content: logged.content,
        reply_to: logged.reply_to.iter().map(|id| id.0 as u64).collect(),
        attachments: logged.attachments.iter().map(|id| attachment(*id)).collect(),
        mentions: logged.mentions.iter().map(|id| id.0 as u64).collect(),
        mention_roles: logged.mention_roles.iter().map(|id| id.0 as u64).collect(),
        mention_everyone: logged.mention_everyone,
        reactions: logged.reactions.iter().map(|one| reaction_count(&one.emoji, one.count)).collect(),
        pinned: logged.pinned,
        nonce: logged.nonce,
        blocks: logged.blocks.as_ref().map(blocks::table),
        created_at: logged.created_at.0 as u64,
        edited_at: logged.edited_at.map(|at| at.0 as u64),
        attrs: Vec::new(),
    })
}

/// A member from the log's JSON; `permissions` says what they may do.
pub fn logged_member(
    payload: &str,
    permissions: impl FnOnce(UserId, &[RoleId]) -> Permissions,
) -> serde_json::Result<types::Member> {
    let logged: LoggedMember = serde_json::from_str(payload)?;
    let permissions = permissions(logged.user.id, &logged.roles);
    Ok(types::Member {
        user: logged.user.told(),
        nick: logged.nick,
        roles: logged.roles.iter().map(|role| role.0 as u64).collect(),
        joined_at: logged.joined_at.0 as u64,
        timed_out_until: logged.timed_out_until.map(|until| until.0 as u64),
        permissions: permissions.0 as u64,
        attrs: Vec::new(),
    })
}

/// Whoever left, from the log's JSON.
pub fn logged_user(payload: &str) -> serde_json::Result<types::User> {
    #[derive(Deserialize)]
    struct Left {
        user: LoggedUser,
    }
    Ok(serde_json::from_str::<Left>(payload)?.user.told())
}

/// A field that isn't acceptable.
pub fn fault(fault: &FieldFault) -> types::Fault {
    let args = fault.args.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
    types::Fault { pointer: fault.pointer.clone(), code: fault.code.as_str().to_owned(), args }
}

/// What a plugin wants to say, as people say it.
fn draft(draft: types::Draft) -> Result<Draft, types::Error> {
    let blocks = draft.blocks.map(|ui| blocks::tree(&ui, Place::Message, "/blocks")).transpose()?;
    let allowed = draft.allowed_mentions.map(|allowed| AllowedMentions {
        users: allowed.users.map(|users| users.into_iter().map(|id| UserId(id as i64)).collect()),
        roles: allowed.roles.map(|roles| roles.into_iter().map(|id| RoleId(id as i64)).collect()),
        everyone: allowed.everyone,
    });
    Ok(Draft {
        content: draft.content,
        nonce: draft.nonce,
        reply_to: draft.reply_to.into_iter().map(|id| MessageId(id as i64)).collect(),
        attachments: draft.attachments.into_iter().map(|id| FileId(id as i64)).collect(),
        allowed_mentions: allowed,
        silent: draft.silent,
        blocks,
    })
}

/// The same, if people could send it, too.
pub fn checked(theirs: types::Draft) -> Result<Draft, types::Error> {
    let draft = draft(theirs)?;
    let mut faults = Faults::default();
    draft.check(&mut faults);
    match faults.into_result() {
        Ok(()) => Ok(draft),
        Err(crate::error::Error::Invalid(faults)) => Err(types::Error::Invalid(faults.iter().map(fault).collect())),
        Err(_) => Err(invalid("", "INVALID_FORMAT")),
    }
}
