//! What a client may ask for over a socket: the same operations that REST calls.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;
use utoipa::ToSchema;

mod name;

pub use name::CommandName;

use super::event::Moment;
use super::presence::{Availability, Presence, Status};
use super::protocol::Room;
use super::session::Session;
use super::voice::require_speech as require_voice_speech;
use crate::accounts::Caller;
use crate::channels::{self, access, membership};
use crate::cluster;
use crate::config::Sockets;
use crate::error::{Code, Error, FieldCode, Result};
use crate::guilds::members::{self, Member, MembersQuery};
use crate::http::body::{Faults, Validate, parse};
use crate::http::page::Page;
use crate::id::{ChannelId, FileId, GuildId, MessageId, UserId};
use crate::messaging::mentions::AllowedMentions;
use crate::messaging::{self, Draft};
use crate::plugins::interactions::{self, NewInteraction};
use crate::voice;

/// Members that one request gives, at most.
const MEMBERS_AT_ONCE: i64 = 100;

/// Runs a command; gives the body of its acknowledgement.
pub async fn run(session: &Session, name: &str, body: &RawValue) -> Result<Arc<str>> {
    let body = body.get().as_bytes();
    let caller = &*session.caller_now().await?;
    let Ok(name) = name.parse::<CommandName>() else {
        return Err(Error::field("/op", FieldCode::InvalidFormat));
    };
    match name {
        CommandName::SendMessage => send_message(session, caller, parse(body)?).await,
        // All but messages are boxed: together they would make every message's future large.
        CommandName::JoinRoom => Box::pin(join_room(session, caller, parse(body)?)).await,
        CommandName::LeaveRoom => Box::pin(leave_room(session, caller, parse(body)?)).await,
        CommandName::Interact => Box::pin(interact(session, caller, parse(body)?)).await,
        CommandName::Typing => Box::pin(typing(session, caller, parse(body)?, Moment::Typing)).await,
        CommandName::StopTyping => Box::pin(typing(session, caller, parse(body)?, Moment::StopTyping)).await,
        CommandName::RequestMembers => Box::pin(request_members(session, caller, parse(body)?)).await,
        CommandName::SetPresence => Box::pin(set_presence(session, caller, parse(body)?)).await,
        CommandName::JoinVoice => Box::pin(join_voice(session, caller, parse(body)?)).await,
        CommandName::LeaveVoice => Box::pin(leave_voice(session, caller, parse(body)?)).await,
        CommandName::VoiceState => Box::pin(voice_state(session, caller, parse(body)?)).await,
    }
}

fn json(body: &impl Serialize) -> Result<Arc<str>> {
    Ok(serde_json::to_string(body)?.into())
}

/// How much a client may still send.
pub struct Allowance {
    commands: Bucket,
    ephemeral: Bucket,
    unlimited: bool,
}

struct Bucket {
    left: f64,
    most: f64,
    per_second: f64,
    filled: Instant,
}

impl Allowance {
    /// What the settings allow; everything if limits are off.
    pub fn new(settings: &Sockets, limited: bool) -> Allowance {
        let bucket = |per_minute: u32| {
            let most = f64::from(per_minute);
            Bucket { left: most, most, per_second: most / 60.0, filled: Instant::now() }
        };
        Allowance { commands: bucket(settings.commands), ephemeral: bucket(settings.ephemeral), unlimited: !limited }
    }

    /// Takes one command; false if there was none left.
    pub fn take(&mut self, name: &str) -> bool {
        let momentary = name.parse::<CommandName>().is_ok_and(CommandName::is_momentary);
        let bucket = if momentary { &mut self.ephemeral } else { &mut self.commands };
        self.unlimited || bucket.take()
    }
}

impl Bucket {
    fn take(&mut self) -> bool {
        let now = Instant::now();
        let since: Duration = now - std::mem::replace(&mut self.filled, now);
        self.left = (self.left + since.as_secs_f64() * self.per_second).min(self.most);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

/// The route's body, and the channel that stands in the path there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SendMessage {
    channel_id: ChannelId,
    content: String,
    nonce: Option<String>,
    #[serde(default)]
    reply_to: Vec<MessageId>,
    #[serde(default)]
    attachments: Vec<FileId>,
    allowed_mentions: Option<AllowedMentions>,
    #[serde(default)]
    silent: bool,
}

impl SendMessage {
    fn into_draft(self) -> (ChannelId, Draft) {
        let SendMessage { channel_id, content, nonce, reply_to, attachments, allowed_mentions, silent } = self;
        (channel_id, Draft { content, nonce, reply_to, attachments, allowed_mentions, silent, blocks: None })
    }
}

impl Validate for SendMessage {
    fn check(&self, _: &mut Faults) {
        // The draft is looked at as the route does it.
    }
}

async fn send_message(session: &Session, caller: &Caller, body: SendMessage) -> Result<Arc<str>> {
    let (channel, draft) = body.into_draft();
    let mut faults = Faults::default();
    draft.check(&mut faults);
    faults.into_result()?;
    Ok(messaging::send(&session.app, caller, channel, draft).await?.message)
}

async fn interact(session: &Session, caller: &Caller, new: NewInteraction) -> Result<Arc<str>> {
    json(&interactions::interact(&session.app, caller, new).await?)
}

/// `channel:ID` or `guild:ID`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InRoom {
    room: String,
}

impl Validate for InRoom {
    fn check(&self, faults: &mut Faults) {
        if self.room.parse::<Room>().is_err() {
            faults.note("/room", FieldCode::InvalidFormat);
        }
    }
}

impl InRoom {
    fn id(&self) -> Result<Room> {
        self.room.parse().map_err(|_| Code::NotFound.into())
    }

    fn answer(self) -> Result<Arc<str>> {
        json(&self)
    }
}

async fn join_room(session: &Session, caller: &Caller, room: InRoom) -> Result<Arc<str>> {
    let (app, handle) = (&session.app, &session.handle);
    let joined = match room.id()? {
        Room::Guild(guild) => {
            membership(app, caller, guild).await?;
            app.hub.tune(app, handle, guild, |interest| interest.whole = true).await?.is_some()
        }
        Room::Channel(channel) => {
            let access = access(app, caller, channel).await?;
            match access.guild() {
                Some(guild) => app.hub.tune(app, handle, guild, |interest| interest.join(channel)).await?.is_some(),
                None => {
                    app.hub.listen_direct(handle, access.stream());
                    true
                }
            }
        }
    };
    if joined { room.answer() } else { Err(Code::NotFound.into()) }
}

async fn leave_room(session: &Session, caller: &Caller, room: InRoom) -> Result<Arc<str>> {
    let (app, handle) = (&session.app, &session.handle);
    match room.id()? {
        Room::Guild(guild) => app.hub.unlisten_guild(handle, guild),
        Room::Channel(channel) => {
            if let Ok(access) = channels::access(app, caller, channel).await {
                app.hub.unlisten_channel(handle, access.stream(), channel);
            }
        }
    }
    room.answer()
}

/// A channel by its id.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InChannel {
    channel_id: ChannelId,
}

impl Validate for InChannel {
    fn check(&self, _: &mut Faults) {}
}

#[derive(Serialize, ToSchema)]
pub(super) struct Typing {
    channel_id: ChannelId,
    user_id: UserId,
}

async fn typing(session: &Session, caller: &Caller, body: InChannel, moment: Moment) -> Result<Arc<str>> {
    let access = access(&session.app, caller, body.channel_id).await?;
    access.require_speech(caller.identity()?.email_verified)?;
    let told = Typing { channel_id: body.channel_id, user_id: caller.user };
    let told = json(&told)?;
    cluster::tell_channel(&session.app, access.stream(), body.channel_id, moment, caller.user, told.clone());
    Ok(told)
}

/// Which members of a guild are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Members {
    guild_id: GuildId,
    after: Option<UserId>,
    limit: Option<i64>,
    query: Option<String>,
}

impl Validate for Members {
    fn check(&self, faults: &mut Faults) {
        if self.limit.is_some_and(|limit| !(1..=MEMBERS_AT_ONCE).contains(&limit)) {
            faults.note("/limit", FieldCode::OutOfRange);
        }
    }
}

/// A member, and how busy they are.
#[derive(Serialize, ToSchema)]
pub(super) struct MemberThere {
    #[serde(flatten)]
    member: Member,
    presence: Presence,
}

async fn request_members(session: &Session, caller: &Caller, wanted: Members) -> Result<Arc<str>> {
    let query = MembersQuery {
        after: wanted.after.map(|user| user.to_string()),
        limit: Some(wanted.limit.unwrap_or(MEMBERS_AT_ONCE)),
        q: wanted.query,
    };
    let page = members::list(&session.app, caller, wanted.guild_id, query).await?;
    let hub = &session.app.hub;
    hub.presences.watch(&session.handle, wanted.guild_id.into(), page.items.iter().map(|member| member.user.id));
    let there = |member: Member| {
        let presence = match session.handle.hears(member.user.id) {
            true => hub.presences.of(member.user.id),
            false => Presence { user_id: member.user.id, status: Status::Offline },
        };
        MemberThere { member, presence }
    };
    json(&Page { items: page.items.into_iter().map(there).collect(), has_more: page.has_more })
}

/// How busy one is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Busy {
    status: Availability,
}

impl Validate for Busy {
    fn check(&self, _: &mut Faults) {}
}

async fn set_presence(session: &Session, _: &Caller, busy: Busy) -> Result<Arc<str>> {
    json(&session.app.hub.presences.set(&session.handle, busy.status))
}

async fn join_voice(session: &Session, caller: &Caller, body: InChannel) -> Result<Arc<str>> {
    let seat = session.app.hub.voices.seat(session.handle.id);
    // Before it has a place: if the line breaks meanwhile, the place is looked for.
    session.app.hub.speaks(&session.handle);
    let present = voice::join(&session.app, caller, seat, body.channel_id).await?;
    json(&session.app.hub.voices.as_it_is(present))
}

async fn leave_voice(session: &Session, caller: &Caller, body: InChannel) -> Result<Arc<str>> {
    voice::leave(&session.app, caller, body.channel_id).await?;
    session.app.hub.falls_silent(session.handle.id);
    json(&body)
}

/// What somebody says of themselves in voice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Voice {
    channel_id: ChannelId,
    muted: Option<bool>,
    deafened: Option<bool>,
    speaking: Option<bool>,
}

impl Validate for Voice {
    fn check(&self, _: &mut Faults) {}
}

async fn voice_state(session: &Session, caller: &Caller, body: Voice) -> Result<Arc<str>> {
    let Voice { channel_id, muted, deafened, speaking } = body;
    if speaking == Some(true) {
        require_voice_speech(&session.app, caller, channel_id).await?;
    }
    let present = voice::change(&session.app, caller, channel_id, voice::Change { muted, deafened }).await?;
    match speaking {
        Some(speaking) => json(&session.app.hub.voices.speak(&session.app, &present, speaking)?),
        None => json(&session.app.hub.voices.as_it_is(present)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all that is left; answers how much that was.
    fn spend(allowance: &mut Allowance, name: CommandName) -> usize {
        (0..1_000).take_while(|_| allowance.take(name.as_str())).count()
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_used_up_comes_back_at_the_pace_of_the_settings() {
        let settings = Sockets { commands: 60, ephemeral: 5, ..Sockets::default() };
        let mut allowance = Allowance::new(&settings, true);
        let mut spend = |name| spend(&mut allowance, name);
        assert_eq!((spend(CommandName::JoinRoom), spend(CommandName::Typing)), (60, 5));

        tokio::time::advance(Duration::from_millis(900)).await;
        assert_eq!(spend(CommandName::JoinRoom), 0);
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(spend(CommandName::JoinRoom), 1);
        // One that passes takes as long as twelve others.
        assert_eq!(spend(CommandName::Typing), 0);
        tokio::time::advance(Duration::from_secs(12)).await;
        assert_eq!((spend(CommandName::JoinRoom), spend(CommandName::VoiceState)), (12, 1));
        // However long nobody asks, there is never more than at first.
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!((spend(CommandName::JoinRoom), spend(CommandName::StopTyping)), (60, 5));
    }
}
