//! Plugins: what guilds install to extend themselves, as sandboxed WebAssembly components.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use moka::sync::Cache;
use serde::Deserialize;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::app::App;
use crate::config::Config;
use crate::id::InstallationId;
use crate::log::{Entry, EventKind};

mod actions;
pub(crate) mod alerts;
mod answering;
pub mod artifact;
pub(crate) mod badges;
pub mod blocks;
mod bounds;
mod breaker;
mod budget;
mod call;
#[doc(hidden)]
pub mod calling;
pub mod changing;
pub mod commands;
mod commit;
pub mod compile;
pub mod configuration;
pub mod consent;
mod contract;
mod convert;
mod counters;
mod deliver;
pub mod describing;
mod dispatch;
pub mod engine;
pub mod failure;
pub mod filtering;
pub(crate) mod held;
mod imports;
mod input;
pub mod installation;
pub mod installed;
pub mod installing;
pub mod interactions;
mod invoke;
mod kv;
mod lifecycle;
pub mod logs;
pub mod manifest;
pub mod marketplace;
mod package;
mod record;
pub mod replay;
pub mod routes;
mod run;
pub mod serving;
pub mod spending;
pub(crate) mod state;
pub(crate) mod store;
mod sweep;
mod tasks;
pub mod texts;
mod timers;
pub(crate) mod topics;
mod trying;
pub mod upgrading;
pub mod vault;
pub(crate) mod vitals;
mod warming;
mod work;

use breaker::Breakers;
use counters::Counters;
use deliver::lanes::Lanes;
use engine::Engine;
pub use installation::{Installation, InstallationState};
use installed::Installed;
use manifest::Hook;
use marketplace::Marketplace;
use package::{Package, Packages};
use spending::Spending;
pub use sweep::{is_in_use, sweep};
pub use tasks::start;
use timers::Timers;
use topics::Topics;
use vault::Vault;

/// The folder in the data folder that compiled code is kept in.
const COMPILED: &str = "plugins";
/// Installations of which it is known whether a call runs alone, at most.
const ALONE_KEPT: u64 = 10_000;

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
    /// What installations have spent of late.
    spending: Spending,
    /// Installations' calls: many beside each other, or one alone.
    alone: Cache<InstallationId, Arc<RwLock<()>>>,
    /// Where there is something to deliver.
    lanes: Lanes,
    /// What wakes the timers.
    timers: Timers,
    /// What clients are to be told of.
    topics: Topics,
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
            spending: Spending::default(),
            alone: Cache::new(ALONE_KEPT),
            lanes: Lanes::default(),
            timers: Timers::default(),
            topics: Topics::default(),
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

    /// What makes the randomness of calls unforeseeable.
    fn chance(&self, config: &Config) -> anyhow::Result<&hmac::Key> {
        self.ground(config).map(|ground| &ground.chance)
    }

    /// The code of a plugin, ready to run.
    async fn package(&self, config: &Config, plugin: &str) -> anyhow::Result<Arc<Package>> {
        let ground = self.ground(config)?;
        let artifact = self.marketplace.get(plugin);
        let artifact = artifact.ok_or_else(|| anyhow::anyhow!("{plugin} isn't there any more"))?;
        self.packages.get(config, ground.engine, &ground.compiled, artifact).await
    }

    /// Forgets what was held against an installation: its admin has changed or removed it.
    fn begin_anew(&self, installation: InstallationId) {
        self.breakers.forget(installation);
        self.counters.forget(installation);
    }

    /// Waits until no call of this installation runs alone.
    async fn beside(&self, installation: InstallationId) -> OwnedRwLockReadGuard<()> {
        self.alone.get_with(installation, Arc::default).read_owned().await
    }

    /// Waits until no other call of this installation runs; those that come meanwhile wait in turn.
    async fn alone(&self, installation: InstallationId) -> OwnedRwLockWriteGuard<()> {
        self.alone.get_with(installation, Arc::default).write_owned().await
    }
}

/// Makes ready what was installed, and begins anew with what was changed, on whichever node: how it failed before
/// says nothing.
pub(crate) fn observe(app: &App, entry: &Entry) {
    /// What of an installation is wanted here.
    #[derive(Deserialize)]
    struct Told {
        id: InstallationId,
        plugin: String,
    }
    if !matches!(
        entry.kind,
        EventKind::InstallationAdded | EventKind::InstallationUpdated | EventKind::InstallationRemoved
    ) {
        return;
    }
    let Ok(told) = serde_json::from_str::<Told>(&entry.payload) else { return };
    if entry.kind == EventKind::InstallationAdded {
        let app = app.clone();
        tokio::spawn(async move { warming::make_ready(&app, &told.plugin).await });
    } else {
        app.plugins.begin_anew(told.id);
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
