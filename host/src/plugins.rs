//! Plugins: what guilds install to extend themselves, as sandboxed WebAssembly components.

use std::sync::Arc;

use crate::config::Config;

pub mod artifact;
pub mod changing;
pub mod configuration;
pub mod consent;
pub mod installation;
pub mod installed;
pub mod installing;
pub mod manifest;
pub mod marketplace;
pub mod routes;
pub(crate) mod store;
mod sweep;
pub mod texts;
pub mod upgrading;
pub mod vault;

pub use installation::{Installation, InstallationState};
use installed::Installed;
use marketplace::Marketplace;
pub use sweep::{is_in_use, sweep};
use vault::Vault;

/// What the running server knows of plugins.
pub struct Plugins {
    /// What can be installed.
    pub marketplace: Marketplace,
    /// What is installed, in memory.
    pub installed: Arc<Installed>,
    /// What seals the secrets that admins type in.
    pub vault: Arc<Vault>,
}

impl Plugins {
    /// Reads the plugins that come with the server.
    pub fn open(config: &Config, installed: Arc<Installed>) -> Plugins {
        Plugins {
            marketplace: Marketplace::open(&config.bundled_plugins()),
            installed,
            vault: Arc::new(Vault::new(config)),
        }
    }
}
