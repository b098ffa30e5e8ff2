//! Seeing a failed call again, exactly as it was: with the same component, the same event and the same answers of
//! the host, on any machine and without a server.

use std::sync::Arc;

use super::artifact::Artifact;
use super::budget::{Budget, Meter};
use super::call::{Call, Job};
use super::compile;
use super::configuration::Configuration;
use super::engine::Engine;
use super::installation::{Installation, InstallationState};
use super::logs::Bundle;
use super::manifest::Permission;
use super::package::Package;
use super::record::{Answers, Ground};
use super::run;
use crate::clock::Timestamp;
use crate::config;
use crate::id::{GuildId, InstallationId, RoleId, UserId};

/// How a call ended when it was seen again.
pub struct Seen {
    /// How it ended the first time.
    pub first: String,
    /// How it ended now.
    pub now: String,
    /// What the guest logged.
    pub lines: Vec<String>,
}

impl Seen {
    /// Whether it came to nothing for the same reason. What a call was doing when its time was up may differ.
    pub fn is_same(&self) -> bool {
        let code = |outcome: &str| outcome.split(':').next().map(str::to_owned);
        code(&self.first) == code(&self.now)
    }
}

/// Runs the call of a bundle once more.
pub async fn replay(settings: &config::Plugins, bundle: Bundle, component: Arc<[u8]>) -> anyhow::Result<Seen> {
    let artifact = Arc::new(Artifact::read(component.clone())?);
    anyhow::ensure!(artifact.digest == bundle.digest, "the bundle is of another component: {}", bundle.digest);
    let engine = Engine::shared(settings)?;
    let code = engine.wasm.precompile_component(&component)?;
    let package = Arc::new(Package::link(engine, &compile::load(engine, &code)?, artifact)?);
    let budget = Budget::of(bundle.class, &package.artifact.manifest.limits);
    let job = Job {
        installation: Arc::new(stand_in(&bundle)),
        package,
        hook: bundle.input.hook(),
        class: bundle.class,
        event_id: bundle.context.event_id.clone(),
        actor: bundle.context.actor.map(|actor| UserId(actor as i64)),
        locale: bundle.context.locale.clone(),
        now: Timestamp(bundle.context.now as i64),
        attempt: bundle.context.attempt,
        depth: bundle.context.depth,
    };
    // Chance is among the answers: nothing is drawn anew.
    let ground = Ground::Seen(Answers::new(bundle.answers));
    let call = Call::new(job, Meter::new(budget), ground, None);
    let finished = run::run(engine, Box::new(call), Arc::new(bundle.input), budget).await;
    let finished = finished.ok_or_else(|| anyhow::anyhow!("the call was broken off"))?;
    Ok(Seen {
        first: bundle.outcome,
        now: finished.outcome.map_or_else(|failure| failure.to_string(), |_| "it went well".to_owned()),
        lines: finished.call.lines.into_iter().map(|line| line.message).collect(),
    })
}

/// The installation of the bundle, as far as its calls look at it: what it may do stands in the answers.
fn stand_in(bundle: &Bundle) -> Installation {
    Installation {
        id: InstallationId(bundle.context.installation as i64),
        guild_id: GuildId(bundle.context.guild as i64),
        plugin: String::new(),
        version: bundle.context.plugin_version.clone(),
        digest: bundle.digest.clone(),
        permissions: Permission::ALL.to_vec(),
        channels: None,
        config: Configuration::default(),
        state: InstallationState::Enabled,
        state_reason: String::new(),
        bot_id: UserId(bundle.context.bot as i64),
        role_id: RoleId(0),
        position: 0,
        installed_by: UserId(0),
        revision: 0,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}
