//! The server as what sockets stand on.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, MissedTickBehavior};
use utoipa::ToSchema;

use super::backend::Backend;
use super::hub::Handle;
use super::relations::Relations;
use super::session::Session;
use super::snapshot::{self, Snapshot};
use super::{Hub, command, voice};
use crate::accounts::{self, CallerKind, Identity};
use crate::app::App;
use crate::channels::{self, Channel, ChannelKind, GuildRules, Home, MemberRules};
use crate::clock::Timestamp;
use crate::cluster;
use crate::config;
use crate::error::Result;
use crate::http::caller::prove;
use crate::id::{ChannelId, GuildId, SessionId, StreamId, UserId};
use crate::log::source::Source;
use crate::plugins::state::TopicState;
use crate::plugins::topics;
use crate::voice::{VoiceState, ending};

/// The body of `channel_shown`.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelShown)]
pub(super) struct Shown<'a> {
    guild_id: GuildId,
    channel_id: ChannelId,
    channel: &'a Channel,
    /// What plugins say of things in it.
    plugins: Vec<TopicState>,
    /// Who is in it, if people speak there.
    voice_states: Vec<VoiceState>,
}

impl Backend for App {
    fn hub(&self) -> &Hub {
        &self.hub
    }
    fn log(&self) -> &Source {
        &self.source
    }
    fn settings(&self) -> &config::Sockets {
        &self.config.sockets
    }
    fn is_limited(&self) -> bool {
        self.config.limits.enabled
    }
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    fn mint(&self) -> Result<i64> {
        self.next_id()
    }

    async fn prove(&self, credentials: &str) -> Result<(CallerKind, Arc<Identity>)> {
        prove(self, credentials).await
    }
    async fn identify(&self, user: UserId) -> Result<Arc<Identity>> {
        accounts::identify(self, user).await
    }
    fn has_ended(&self, session: SessionId) -> bool {
        self.identities.has_ended(session)
    }
    async fn relations(&self, user: UserId) -> Result<Arc<Relations>> {
        self.related.of(&self.db, user).await
    }
    async fn guild_of(&self, channel: ChannelId) -> Result<Option<GuildId>> {
        Ok(match self.rules.home(&self.db, channel).await? {
            Some(Home::Guild(guild)) => Some(guild),
            Some(Home::Direct(_)) | None => None,
        })
    }
    async fn is_in(&self, user: UserId, stream: StreamId) -> Result<bool> {
        if stream == user.into() || channels::membership_of(self, GuildId(stream.0), user).await?.is_some() {
            return Ok(true);
        }
        Ok(channels::access_of(self, ChannelId(stream.0), user).await.is_ok())
    }
    async fn rules(&self, guild: GuildId) -> Result<Option<Arc<GuildRules>>> {
        self.rules.guild(&self.db, guild).await
    }
    async fn member(&self, rules: &GuildRules, user: UserId) -> Result<Option<Arc<MemberRules>>> {
        self.rules.member(&self.db, rules, user).await
    }
    async fn snapshot(&self, user: UserId, streams: &[StreamId]) -> Result<Snapshot> {
        snapshot::read(self, user, streams).await
    }
    async fn shown(&self, guild_id: GuildId, channel_id: ChannelId) -> Result<Option<Arc<str>>> {
        let Some(channel) = self.rules.view(&self.db, channel_id).await? else { return Ok(None) };
        let mut conn = self.db.read().await?;
        let plugins = topics::told_through(&mut conn, guild_id, |place| place == Some(channel_id)).await?;
        let voice_states = match channel.kind {
            ChannelKind::Voice => snapshot::voice_states(self, &mut conn, guild_id.into(), &[channel_id]).await?,
            _ => Vec::new(),
        };
        let shown = Shown { guild_id, channel_id, channel: &channel, plugins, voice_states };
        Ok(Some(serde_json::to_string(&shown)?.into()))
    }
    async fn run(session: &Session<Self>, name: &str, body: &RawValue) -> Result<Arc<str>> {
        command::run(session, name, body).await
    }
    async fn replace(&self, old: i64, new: &Arc<Handle>) {
        // First, so that the old one's end takes nobody out of voice.
        match ending::take_over(self, new.user, old, self.hub.voices.seat(new.id)).await {
            Ok(true) => self.hub.speaks(new),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, user = %new.user, "a place in voice could not be taken over"),
        }
        cluster::close_replaced(self, new.user, old);
    }
    async fn departed(&self, handle: &Handle) {
        if handle.has_spoken() {
            voice::left_behind(self, handle);
        }
    }
}

/// How often it is looked whether somebody has been gone for long, or is lost.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after those who are gone, until the server ends.
pub async fn look_after(app: App) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = app.ended() => return,
        }
        app.hub.presences.sweep(Instant::now());
        for lost in app.hub.lost_speakers() {
            voice::left_behind(&app, &lost);
        }
    }
}
