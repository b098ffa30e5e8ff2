//! Who is in which voice channel: signalling only, kept in memory, gone with the socket.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

use super::event::{Event, Moment};
use super::hub::Handle;
use crate::app::App;
use crate::error::Result;
use crate::id::{ChannelId, StreamId, UserId};

/// Somebody in a voice channel.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VoiceState {
    /// Who.
    pub user_id: UserId,
    /// Where; nowhere once they have left.
    pub channel_id: Option<ChannelId>,
    /// Whether they muted themselves.
    pub muted: bool,
    /// Whether they deafened themselves.
    pub deafened: bool,
    /// Whether they speak at the moment.
    pub speaking: bool,
}

/// Everybody in a voice channel on this node. One is in one voice channel at a time.
#[derive(Default)]
pub struct Voices(Mutex<HashMap<UserId, Present>>);

struct Present {
    stream: StreamId,
    socket: i64,
    state: VoiceState,
}

impl Voices {
    /// Who is in these channels of a stream.
    pub fn of(&self, stream: StreamId, channels: &[ChannelId]) -> Vec<VoiceState> {
        let voices = self.0.lock();
        let here = voices.values().filter(|present| present.stream == stream);
        let seen = here.filter(|present| present.state.channel_id.is_some_and(|channel| channels.contains(&channel)));
        seen.map(|present| present.state.clone()).collect()
    }
}

/// Puts somebody in a channel, and takes them out of the one they were in.
pub fn join(app: &App, handle: &Handle, stream: StreamId, channel: ChannelId) -> Result<VoiceState> {
    leave(app, handle.user)?;
    let state =
        VoiceState { user_id: handle.user, channel_id: Some(channel), muted: false, deafened: false, speaking: false };
    let present = Present { stream, socket: handle.id, state: state.clone() };
    app.hub.voices.0.lock().insert(handle.user, present);
    announce(app, stream, channel, &state)?;
    Ok(state)
}

/// Takes somebody out of the channel they are in, if they are in one.
pub fn leave(app: &App, user: UserId) -> Result<()> {
    let Some(present) = app.hub.voices.0.lock().remove(&user) else { return Ok(()) };
    let Some(channel) = present.state.channel_id else { return Ok(()) };
    let gone = VoiceState { channel_id: None, speaking: false, ..present.state };
    announce(app, present.stream, channel, &gone)
}

/// Changes what somebody said of themselves; none if they aren't in that channel.
pub fn change(
    app: &App,
    user: UserId,
    channel: ChannelId,
    change: impl FnOnce(&mut VoiceState),
) -> Result<Option<VoiceState>> {
    let changed = {
        let mut voices = app.hub.voices.0.lock();
        let present = voices.get_mut(&user).filter(|present| present.state.channel_id == Some(channel));
        present.map(|present| {
            change(&mut present.state);
            (present.stream, present.state.clone())
        })
    };
    let Some((stream, state)) = changed else { return Ok(None) };
    announce(app, stream, channel, &state)?;
    Ok(Some(state))
}

/// Takes out whoever was in voice through a socket that is gone.
pub fn left_behind(app: &App, handle: &Handle) {
    let through_it = app.hub.voices.0.lock().get(&handle.user).is_some_and(|present| present.socket == handle.id);
    if through_it && let Err(error) = leave(app, handle.user) {
        tracing::warn!(%error, "a voice state could not be announced");
    }
}

fn announce(app: &App, stream: StreamId, channel: ChannelId, state: &VoiceState) -> Result<()> {
    let event = Event::about(Moment::VoiceState, state.user_id, stream.0, serde_json::to_string(state)?.into());
    // Nobody has the id 0: the one whom it is about hears it, too.
    app.hub.tell_channel(stream, channel, &event, UserId(0));
    Ok(())
}
