//! What a client may ask for over a socket: the same operations that REST calls.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::event::Moment;
use super::session::Session;
use super::voice;
use crate::accounts::Caller;
use crate::channels::{self, Access, ChannelKind, Permissions, access, membership};
use crate::cluster;
use crate::config::Sockets;
use crate::error::{Code, Error, FieldCode, Result};
use crate::http::body::{Faults, Validate, parse};
use crate::id::{ChannelId, FileId, GuildId, MessageId, UserId};
use crate::messaging::mentions::AllowedMentions;
use crate::messaging::{self, Draft};

/// Runs a command; gives the body of its acknowledgement.
pub async fn run(session: &Session, name: &str, body: &RawValue) -> Result<Arc<str>> {
    let body = body.get().as_bytes();
    let caller = &*session.caller_now().await?;
    match name {
        "send_message" => send_message(session, caller, parse(body)?).await,
        // All but messages are boxed: together they would make every message's future large.
        "join_room" => Box::pin(join_room(session, caller, parse(body)?)).await,
        "leave_room" => Box::pin(leave_room(session, caller, parse(body)?)).await,
        "typing" => Box::pin(typing(session, caller, parse(body)?, Moment::Typing)).await,
        "stop_typing" => Box::pin(typing(session, caller, parse(body)?, Moment::StopTyping)).await,
        "join_voice" => Box::pin(join_voice(session, caller, parse(body)?)).await,
        "leave_voice" => Box::pin(leave_voice(session, caller, parse(body)?)).await,
        "voice_state" => Box::pin(voice_state(session, caller, parse(body)?)).await,
        _ => Err(Error::field("/op", FieldCode::InvalidFormat)),
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
        let bucket = match name {
            "typing" | "stop_typing" | "voice_state" => &mut self.ephemeral,
            _ => &mut self.commands,
        };
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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendMessage {
    channel_id: ChannelId,
    content: String,
    nonce: Option<String>,
    #[serde(default)]
    reply_to: Vec<MessageId>,
    #[serde(default)]
    attachments: Vec<FileId>,
    allowed_mentions: Option<AllowedMentions>,
}

impl SendMessage {
    fn into_draft(self) -> (ChannelId, Draft) {
        let SendMessage { channel_id, content, nonce, reply_to, attachments, allowed_mentions } = self;
        (channel_id, Draft { content, nonce, reply_to, attachments, allowed_mentions })
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

/// `channel:ID` or `guild:ID`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Room {
    room: String,
}

enum RoomId {
    Channel(ChannelId),
    Guild(GuildId),
}

impl Validate for Room {
    fn check(&self, faults: &mut Faults) {
        if self.id().is_none() {
            faults.note("/room", FieldCode::InvalidFormat);
        }
    }
}

impl Room {
    fn id(&self) -> Option<RoomId> {
        match self.room.split_once(':')? {
            ("channel", id) => id.parse().ok().map(RoomId::Channel),
            ("guild", id) => id.parse().ok().map(RoomId::Guild),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct InRoom {
    room: String,
}

async fn join_room(session: &Session, caller: &Caller, room: Room) -> Result<Arc<str>> {
    let (app, handle) = (&session.app, &session.handle);
    match room.id().ok_or(Code::NotFound)? {
        RoomId::Guild(guild) => app.hub.listen_guild(handle, &membership(app, caller, guild).await?),
        RoomId::Channel(channel) => {
            let access = access(app, caller, channel).await?;
            match access.membership() {
                Some(membership) => app.hub.listen_channel(handle, membership, channel),
                None => app.hub.listen_direct(handle, access.stream()),
            }
        }
    }
    json(&InRoom { room: room.room })
}

async fn leave_room(session: &Session, caller: &Caller, room: Room) -> Result<Arc<str>> {
    let (app, handle) = (&session.app, &session.handle);
    match room.id().ok_or(Code::NotFound)? {
        RoomId::Guild(guild) => app.hub.unlisten_guild(handle, guild),
        RoomId::Channel(channel) => {
            if let Ok(access) = channels::access(app, caller, channel).await {
                app.hub.unlisten_channel(handle, access.stream(), channel);
            }
        }
    }
    json(&InRoom { room: room.room })
}

/// A channel by its id.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InChannel {
    channel_id: ChannelId,
}

impl Validate for InChannel {
    fn check(&self, _: &mut Faults) {}
}

#[derive(Serialize)]
struct Typing {
    channel_id: ChannelId,
    user_id: UserId,
}

async fn typing(session: &Session, caller: &Caller, body: InChannel, moment: Moment) -> Result<Arc<str>> {
    let access = access(&session.app, caller, body.channel_id).await?;
    access.require_speech(caller.identity()?.email_verified)?;
    let told = Typing { channel_id: body.channel_id, user_id: caller.user };
    cluster::tell_channel(&session.app, access.stream(), body.channel_id, moment, &told, Some(caller.user))?;
    json(&told)
}

async fn join_voice(session: &Session, caller: &Caller, body: InChannel) -> Result<Arc<str>> {
    let access = access(&session.app, caller, body.channel_id).await?;
    require_voice(&access)?;
    let state = voice::join(&session.app, &session.handle, access.stream(), body.channel_id)?;
    json(&state)
}

fn require_voice(access: &Access) -> Result<()> {
    match access.kind() {
        ChannelKind::Voice | ChannelKind::Direct | ChannelKind::Group => access.require(Permissions::CONNECT),
        _ => Err(Code::WrongChannelKind.into()),
    }
}

async fn leave_voice(session: &Session, caller: &Caller, body: InChannel) -> Result<Arc<str>> {
    access(&session.app, caller, body.channel_id).await?;
    voice::leave(&session.app, caller.user)?;
    json(&serde_json::json!({ "channel_id": body.channel_id }))
}

/// What somebody says of themselves in voice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Voice {
    channel_id: ChannelId,
    muted: Option<bool>,
    deafened: Option<bool>,
    speaking: Option<bool>,
}

impl Validate for Voice {
    fn check(&self, _: &mut Faults) {}
}

async fn voice_state(session: &Session, caller: &Caller, body: Voice) -> Result<Arc<str>> {
    let access = access(&session.app, caller, body.channel_id).await?;
    if body.speaking == Some(true) {
        access.require(Permissions::SPEAK)?;
    }
    let changed = voice::change(&session.app, caller.user, body.channel_id, |state| {
        state.muted = body.muted.unwrap_or(state.muted);
        state.deafened = body.deafened.unwrap_or(state.deafened);
        state.speaking = body.speaking.unwrap_or(state.speaking) && !state.muted && !state.deafened;
    })?;
    json(&changed.ok_or(Code::NotFound)?)
}
