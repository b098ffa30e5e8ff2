//! Plugins: what guilds install to extend themselves, as sandboxed WebAssembly components.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use moka::sync::Cache;
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

use crate::app::App;
use crate::config::Config;
use crate::id::InstallationId;
use crate::log::{Entry, EventKind};

mod actions;
pub(crate) mod alerts;
mod answering;
pub mod artifact;
mod breaker;
mod budget;
mod call;
pub mod changing;
pub mod commands;
mod commit;
pub mod compile;
pub mod configuration;
pub mod consent;
mod contract;
mod convert;
mod counters;
pub mod engine;
pub mod failure;
pub mod filtering;
pub(crate) mod held;
mod imports;
mod input;
pub mod installation;
pub mod installed;
pub mod installing;
mod invoke;
mod kv;
pub mod logs;
pub mod manifest;
pub mod marketplace;
mod package;
mod record;
pub mod replay;
pub mod routes;
mod run;
pub mod serving;
pub(crate) mod state;
pub(crate) mod store;
mod sweep;
pub mod texts;
#[doc(hidden)]
pub mod trying;
pub mod upgrading;
pub mod vault;
mod work;

use breaker::Breakers;
use counters::Counters;
use engine::Engine;
pub use installation::{Installation, InstallationState};
use installed::Installed;
use manifest::Hook;
use marketplace::Marketplace;
use package::{Package, Packages};
pub use sweep::{is_in_use, sweep};
use vault::Vault;

/// The folder in the data folder that compiled code is kept in.
const COMPILED: &str = "plugins";
/// Installations of which it is known what runs, at most.
const RUNNING_KEPT: u64 = 10_000;
/// What one installation may have of all slots: one of so many.
const SHARE: u32 = 4;

/// What the running server knows of plugins.
pub struct Plugins {
    /// What can be installed.
    pub marketplace: Marketplace,
    /// What is installed, in memory.
    pub installed: Arc<Installed>,
    /// What seals the secrets that admins type in.
    pub vault: Arc<Vault>,
    /// What calls need; made for the first of them.
    ground: OnceLock<Ground>,
    /// The folder of compiled code.
    folder: PathBuf,
    /// Code that is ready to run.
    packages: Packages,
    /// Which hooks are left alone for a while.
    breakers: Breakers,
    /// What filters have counted.
    counters: Counters,
    /// Installations of which one call must run alone.
    alone: Cache<InstallationId, Arc<Mutex<()>>>,
    /// The slots that each installation may have.
    shares: Cache<InstallationId, Arc<Semaphore>>,
    /// How many those are.
    share: usize,
}

/// What every call needs.
struct Ground {
    engine: &'static Engine,
    /// Compiled code on disk.
    compiled: compile::Cache,
    /// What makes the randomness of guests what nobody can foresee.
    chance: hmac::Key,
}

impl Plugins {
    /// Reads the plugins that come with the server.
    pub fn open(config: &Config, installed: Arc<Installed>) -> Plugins {
        Plugins {
            marketplace: Marketplace::open(&config.bundled_plugins()),
            installed,
            vault: Arc::new(Vault::new(config)),
            ground: OnceLock::new(),
            folder: config.data.join(COMPILED),
            packages: Packages::default(),
            breakers: Breakers::default(),
            counters: Counters::default(),
            alone: Cache::new(RUNNING_KEPT),
            shares: Cache::new(RUNNING_KEPT),
            share: config.plugins.instances.div_ceil(SHARE).max(1) as usize,
        }
    }

    fn ground(&self, config: &Config) -> anyhow::Result<&Ground> {
        if let Some(ground) = self.ground.get() {
            return Ok(ground);
        }
        let ground = Ground {
            engine: Engine::shared(&config.plugins)?,
            compiled: compile::Cache::new(self.folder.clone(), self.vault.derive("compiled code")?),
            chance: self.vault.derive("chance")?,
        };
        Ok(self.ground.get_or_init(|| ground))
    }

    /// The code of an installation, ready to run.
    async fn package(&self, config: &Config, installation: &Installation) -> anyhow::Result<Arc<Package>> {
        let ground = self.ground(config)?;
        let artifact = self.marketplace.get(&installation.plugin);
        let artifact = artifact.ok_or_else(|| anyhow::anyhow!("{} isn't there any more", installation.plugin))?;
        self.packages.get(&config.plugins, ground.engine, &ground.compiled, artifact).await
    }

    /// The slots that an installation may have: the others are for everybody else.
    fn share_of(&self, installation: InstallationId) -> Arc<Semaphore> {
        self.shares.get_with(installation, || Arc::new(Semaphore::new(self.share)))
    }

    /// Begins anew with an installation that was changed, on whichever node: how it failed before says nothing.
    pub(crate) fn observe(&self, entry: &Entry) {
        /// What it is called.
        #[derive(Deserialize)]
        struct Changed {
            id: InstallationId,
        }
        if matches!(entry.kind, EventKind::InstallationUpdated | EventKind::InstallationRemoved)
            && let Ok(changed) = serde_json::from_str::<Changed>(&entry.payload)
        {
            self.breakers.forget(changed.id);
        }
    }

    /// Waits until no other call of this installation runs alone.
    async fn alone(&self, installation: InstallationId) -> OwnedMutexGuard<()> {
        self.alone.get_with(installation, Arc::default).lock_owned().await
    }
}

/// Switches an installation off that keeps failing, and tells its admins.
async fn quarantine(app: &App, installation: &Installation, hook: Hook, why: &str) {
    let reason = format!("{hook}: {why}");
    tracing::warn!(installation = %installation.id, plugin = installation.plugin, %reason, "a plugin was switched off");
    if let Err(error) = changing::quarantine(app, installation.guild_id, installation.id, reason).await {
        tracing::error!(%error, installation = %installation.id, "a failing plugin could not be switched off");
    }
}
