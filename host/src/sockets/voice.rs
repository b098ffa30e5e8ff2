//! Who speaks at the moment in voice channels: a moment passes, so sockets are told of it and nothing is stored.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::event::{Event, Moment};
use super::hub::{Handle, Hub};
use crate::accounts::Caller;
use crate::app::App;
use crate::channels::{Permissions, access};
use crate::cluster::bus::Message;
use crate::error::Result;
use crate::id::{ChannelId, StreamId, UserId};
use crate::log::{Entry, EventKind, shard_of};
use crate::voice::{Present, Seat, VoiceState, ending};

/// What this node knows of people in voice, wherever their sockets are.
#[derive(Default)]
pub struct Voices(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// This run of the server.
    run: (i64, i64),
    people: HashMap<UserId, Here>,
    /// Who began or stopped to speak after a row that sockets haven't been told of yet.
    waiting: HashMap<UserId, Waiting>,
    /// Whose sockets were gone when that was looked at last.
    gone: HashSet<(UserId, i64)>,
}

/// Somebody in voice.
struct Here {
    stream: StreamId,
    /// The row of the log that told of them last.
    told: i64,
    speaking: bool,
}

/// That somebody speaks, or doesn't, as one node tells it to others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spoken {
    /// The stream of the channel.
    pub stream: StreamId,
    /// Where.
    pub channel: ChannelId,
    /// The position of the row of the log that told of them last.
    pub after: i64,
    /// How they take part now.
    pub state: VoiceState,
}

/// What is to be told after a row of the log.
struct Waiting {
    stream: StreamId,
    after: i64,
    speaking: bool,
}

impl Voices {
    /// The place of somebody who takes part through this session's socket on this node.
    pub fn seat(&self, session: i64) -> Seat {
        let (node, incarnation) = self.0.lock().run;
        Seat { session, node, incarnation }
    }

    /// Says in a snapshot who speaks at the moment.
    pub fn mark_speaking(&self, states: &mut [VoiceState]) {
        let known = self.0.lock();
        for state in states {
            state.speaking = !state.is_muted() && known.people.get(&state.user_id).is_some_and(|here| here.speaking);
        }
    }

    /// Somebody's voice state, with whether they speak.
    pub fn as_it_is(&self, present: Present) -> VoiceState {
        let mut state = present.state;
        self.mark_speaking(std::slice::from_mut(&mut state));
        state
    }

    /// Notes that somebody speaks or doesn't, and tells those who see the channel if that is new; whoever
    /// is muted doesn't.
    pub fn speak(&self, app: &App, present: &Present, speaking: bool) -> Result<VoiceState> {
        let state = VoiceState { speaking: speaking && !present.state.is_muted(), ..present.state.clone() };
        let spoken = Spoken { stream: present.stream, channel: present.channel, after: present.position, state };
        if self.hear(app, &spoken)? && !app.cluster.bus.is_alone() {
            app.cluster.bus.publish(Message::Spoken(spoken.clone()));
        }
        Ok(spoken.state)
    }

    /// Hears on this node that somebody speaks or doesn't. Sockets are told after the row of the log that
    /// it follows, and only what is new; whether it was.
    pub fn hear(&self, app: &App, spoken: &Spoken) -> Result<bool> {
        let Spoken { stream, channel, after, state } = spoken;
        let (stream, after, user, speaking) = (*stream, *after, state.user_id, state.speaking);
        let mut known = self.0.lock();
        let before = known.people.get(&user).filter(|here| here.stream == stream);
        // Sockets are told of a row a little before it is looked at here, where it ends what was said before it.
        let is_behind = before.is_some_and(|here| here.told < after);
        if is_behind || app.hub.head(shard_of(stream, app.writer.shards)) < after {
            known.waiting.insert(user, Waiting { stream, after, speaking });
            return Ok(true);
        }
        // A row that was told since has ended it.
        let fresh = before.map_or(speaking, |here| here.told == after && here.speaking != speaking);
        if fresh {
            known.people.insert(user, Here { stream, told: after, speaking });
            tell(&app.hub, stream, *channel, after, state)?;
        }
        Ok(fresh)
    }

    /// Learns of a row of the log that sockets have just been told of.
    fn observe(&self, hub: &Hub, entry: &Entry) -> Result<()> {
        let Some(channel) = entry.channel.filter(|_| entry.kind == EventKind::VoiceState) else { return Ok(()) };
        let state: VoiceState = serde_json::from_str(&entry.payload)?;
        let (user, stream, told) = (state.user_id, entry.stream, entry.position);
        let mut known = self.0.lock();
        let is_over = |waiting: &&Waiting| waiting.stream == stream && waiting.after <= told;
        let speaks = known.waiting.get(&user).filter(is_over).map(|waiting| waiting.after == told && waiting.speaking);
        if speaks.is_some() {
            known.waiting.remove(&user);
        }
        let here = known.people.get(&user).filter(|here| here.stream == stream);
        if here.is_some_and(|here| here.told >= told) {
            return Ok(());
        }
        if state.channel_id.is_none() {
            // Another stream's row, which may have come first, has them somewhere else already.
            if here.is_some() {
                known.people.remove(&user);
            }
            return Ok(());
        }
        let speaking = speaks == Some(true) && !state.is_muted();
        known.people.insert(user, Here { stream, told, speaking });
        if speaking {
            tell(hub, stream, channel, told, &VoiceState { speaking, ..state })?;
        }
        Ok(())
    }
}

fn tell(hub: &Hub, stream: StreamId, channel: ChannelId, after: i64, state: &VoiceState) -> Result<()> {
    // What waits for a slow client is replaced by what follows the same row of the log, so that nothing
    // is moved to before a later row.
    let since = channel.0.wrapping_add(after);
    let event = Event::about(Moment::VoiceState, state.user_id, since, serde_json::to_string(state)?.into());
    // Nobody has the id 0: the one whom it is about hears it on their other devices, too.
    hub.tell_channel(stream, channel, &event, UserId(0));
    Ok(())
}

/// Begins this run of a node, before it takes clients: whoever took part through a former one has left.
pub async fn begin(app: &App, node: i64, incarnation: i64) -> Result<()> {
    app.hub.voices.0.lock().run = (node, incarnation);
    ending::forget_former_runs(app, node, incarnation).await
}

/// Learns of rows of the log that sockets have just been told of.
pub fn observe(app: &App, entries: &[Arc<Entry>]) {
    for entry in entries {
        if let Err(error) = app.hub.voices.observe(&app.hub, entry) {
            tracing::warn!(%error, position = entry.position, "a row about voice can't be read");
        }
    }
}

/// Refuses whoever may not speak in a channel.
pub async fn require_speech(app: &App, caller: &Caller, channel: ChannelId) -> Result<()> {
    let access = access(app, caller, channel).await?;
    access.require(Permissions::SPEAK)?;
    access.require_verified(caller.identity()?.email_verified)
}

/// Takes out whoever was in voice through a socket that is gone.
pub fn left_behind(app: &App, handle: &Handle) {
    let (app, user, session) = (app.clone(), handle.user, handle.id);
    tokio::spawn(async move {
        if let Err(error) = ending::leave_if_session(&app, user, session).await {
            tracing::warn!(%error, %user, "somebody whose socket is gone could not be taken out of voice");
        }
    });
}

/// Takes out whoever takes part through a socket of this run that was gone at the last call too: a
/// socket may end before the place that it asked for is given, or while the database is away.
pub async fn sweep(app: &App) -> Result<()> {
    ending::forget_lost_runs(app).await?;
    let run = app.hub.voices.0.lock().run;
    let mut gone: HashSet<(UserId, i64)> = ending::seats_of_run(app, run).await?.into_iter().collect();
    gone.retain(|(user, session)| !app.hub.is_open(*user, *session));
    let before = std::mem::replace(&mut app.hub.voices.0.lock().gone, gone.clone());
    for (user, session) in gone.intersection(&before) {
        ending::leave_if_session(app, *user, *session).await?;
    }
    Ok(())
}
