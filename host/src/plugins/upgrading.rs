//! Upgrades: installations follow the plugins that come with the server, as far as their admins have consented.

use std::sync::Arc;

use semver::Version;

use super::artifact::Artifact;
use super::changing::settle;
use super::installation::Installation;
use super::{consent, lifecycle, store};
use crate::app::App;
use crate::error::Result;
use crate::http::body::Faults;
use crate::id::InstallationId;
use crate::log::Tx;

/// Installations that are looked at together.
const AT_ONCE: i64 = 500;

/// Brings every installation up to the version that came with this server, when it has started. One whose new
/// version can't do with what it is allowed waits for an admin.
pub async fn run(app: App) {
    if let Err(error) = follow(&app).await {
        tracing::warn!(%error, "plugins were not brought up to date; that is done at the next start");
    }
}

/// The same, once, for all installations.
pub async fn follow(app: &App) -> Result<()> {
    let mut after = InstallationId(0);
    loop {
        let page = store::after(&mut app.db.read().await?, after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for old in &page {
            let Some(plugin) = app.plugins.marketplace.get(&old.plugin).filter(|plugin| is_newer(plugin, old)) else {
                continue;
            };
            let (plugin, id) = (plugin.clone(), old.id);
            app.writer.run(None, None, &[old.guild_id.into()], move |tx| Box::pin(upgrade(tx, id, plugin))).await?;
        }
    }
}

async fn upgrade(tx: &mut Tx, id: InstallationId, plugin: Arc<Artifact>) -> Result<()> {
    let Some(old) = store::installation(tx, id).await?.filter(|old| is_newer(&plugin, old)) else { return Ok(()) };
    let (new, mut faults) = (old.upgraded(&plugin), Faults::default());
    consent::check_required(&plugin.manifest, &new.permissions, &mut faults);
    plugin.manifest.check_required(&new.config, &mut faults);
    match faults.into_result() {
        Ok(()) => {
            let new = settle(tx, &old, new, "").await?;
            lifecycle::changed(tx, &old, &new, &plugin.manifest).await
        }
        Err(_) => Ok(()),
    }
}

/// Only upwards: beside a server that is older this one wouldn't go back and forth.
fn is_newer(plugin: &Artifact, old: &Installation) -> bool {
    old.version.parse::<Version>().is_ok_and(|installed| installed < plugin.manifest.plugin.version)
}

impl Installation {
    /// The same with this version of the plugin: what of its settings still fits stays.
    pub(super) fn upgraded(&self, plugin: &Artifact) -> Installation {
        Installation {
            version: plugin.manifest.plugin.version.to_string(),
            digest: plugin.digest.clone(),
            config: plugin.manifest.fitting(&self.config),
            ..self.clone()
        }
    }
}
