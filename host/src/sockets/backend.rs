//! What sockets stand on: what sessions and the hub ask of the rest of the server.
//!
//! The house has no traits where an enum would do. This one is here because the code of sockets runs
//! on two grounds: the server, and a simulation without threads, files or time of its own, in which
//! the same faults come in the same order for the same seed.

use std::future::Future;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Hub;
use super::hub::Handle;
use super::relations::Relations;
use super::session::Session;
use super::snapshot::Snapshot;
use crate::accounts::{CallerKind, Identity};
use crate::channels::{GuildRules, MemberRules, Membership};
use crate::clock::Timestamp;
use crate::config;
use crate::error::Result;
use crate::id::{ChannelId, GuildId, SessionId, StreamId, UserId};
use crate::log::source::Source;

/// What sessions and the hub stand on.
pub trait Backend: Clone + Send + Sync + 'static {
    /// Who listens to what.
    fn hub(&self) -> &Hub;
    /// The log.
    fn log(&self) -> &Source;
    /// The settings of sockets.
    fn settings(&self) -> &config::Sockets;
    /// Whether rates are limited.
    fn is_limited(&self) -> bool;
    /// The present.
    fn now(&self) -> Timestamp;
    /// A new id, unlike any other on any node.
    fn mint(&self) -> Result<i64>;

    /// Who these credentials prove.
    fn prove(&self, credentials: &str) -> impl Future<Output = Result<(CallerKind, Arc<Identity>)>> + Send;
    /// An account as it is now.
    fn identify(&self, user: UserId) -> impl Future<Output = Result<Arc<Identity>>> + Send;
    /// Whether a login was ended.
    fn has_ended(&self, session: SessionId) -> bool;
    /// What and whom somebody belongs to.
    fn relations(&self, user: UserId) -> impl Future<Output = Result<Arc<Relations>>> + Send;
    /// The guild that a channel is in; nothing for direct channels and those that aren't there.
    fn guild_of(&self, channel: ChannelId) -> impl Future<Output = Result<Option<GuildId>>> + Send;
    /// Whether somebody belongs to a stream.
    fn is_in(&self, user: UserId, stream: StreamId) -> impl Future<Output = Result<bool>> + Send;
    /// A guild's rules, as new as can be.
    fn rules(&self, guild: GuildId) -> impl Future<Output = Result<Option<Arc<GuildRules>>>> + Send;
    /// A member as of these rules.
    fn member(&self, rules: &GuildRules, user: UserId)
    -> impl Future<Output = Result<Option<Arc<MemberRules>>>> + Send;
    /// These streams as somebody sees them, all at one moment.
    fn snapshot(&self, user: UserId, streams: &[StreamId]) -> impl Future<Output = Result<Snapshot>> + Send;
    /// What somebody is told of a channel that they see from now on; nothing if it is gone.
    fn shown(&self, guild: GuildId, channel: ChannelId) -> impl Future<Output = Result<Option<Arc<str>>>> + Send;
    /// Does what a client asks for; gives the body of its acknowledgement.
    fn run(session: &Session<Self>, name: &str, body: &RawValue) -> impl Future<Output = Result<Arc<str>>> + Send;
    /// Hears that a session is replaced by a newer one of the same client, wherever it is.
    fn replace(&self, old: i64, new: &Arc<Handle>) -> impl Future<Output = ()> + Send;
    /// Hears that a session has ended.
    fn departed(&self, handle: &Handle) -> impl Future<Output = ()> + Send;
}

/// Somebody's standing in a guild, if they are a member.
pub async fn membership<B: Backend>(backend: &B, guild: GuildId, user: UserId) -> Result<Option<Membership>> {
    let Some(rules) = backend.rules(guild).await? else { return Ok(None) };
    let member = backend.member(&rules, user).await?;
    Ok(member.map(|member| Membership::new(rules, member, backend.now())))
}
