//! The life of installations, as their plugins are told of it.

use std::sync::Arc;
use std::time::Duration;

use super::commit::Cause;
use super::deliver::{self, Lane};
use super::failure::Failure;
use super::input::Input;
use super::installation::Installation;
use super::invoke::{Request, invoke};
use super::manifest::{CallClass, Hook, Manifest};
use super::{dispatch, timers, topics};
use crate::app::App;
use crate::error::Result;
use crate::i18n;
use crate::id::UserId;
use crate::log::Tx;

/// The lane of an installation's own life; the others wait for it.
pub const LANE: i64 = 1;
/// How long a plugin may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// An installation has come: its events, its times and its plugin's first call begin here.
pub async fn added(tx: &mut Tx, installation: &Installation, manifest: &Manifest) -> Result<()> {
    dispatch::begin(tx, installation.guild_id).await?;
    timers::plan(tx, installation, manifest).await?;
    tell(tx, installation, manifest, &Input::Installed).await
}

/// An installation has changed: its plugin is told what concerns it.
pub async fn changed(tx: &mut Tx, old: &Installation, new: &Installation, manifest: &Manifest) -> Result<()> {
    // What was put off, because its breaker was open, is tried anew; or else dropped.
    let now = tx.now;
    deliver::store::hurry(tx, new.id, now).await?;
    if !new.is_enabled() {
        return Ok(());
    }
    let other_version = old.version != new.version;
    if other_version || !old.is_enabled() {
        timers::plan(tx, new, manifest).await?;
    }
    if other_version {
        tell(tx, new, manifest, &Input::Upgraded(old.version.clone())).await?;
    }
    let keys = new.config.changed_from(&old.config);
    if !keys.is_empty() {
        tell(tx, new, manifest, &Input::ConfigChanged(keys)).await?;
    }
    Ok(())
}

/// An installation goes: nothing more comes to it, and nothing of it is shown any more.
pub async fn removed(tx: &mut Tx, old: &Installation) -> Result<()> {
    deliver::store::clear(tx, old.id).await?;
    timers::store::clear(tx, old.id).await?;
    topics::forget(tx, old).await
}

async fn tell(tx: &mut Tx, installation: &Installation, manifest: &Manifest, input: &Input) -> Result<()> {
    if manifest.hook(Hook::Lifecycle).is_none() {
        return Ok(());
    }
    let (guild, id) = (installation.guild_id, tx.next_id()?);
    let new = deliver::store::New {
        lane: Lane { installation: installation.id, guild, lane: LANE },
        hook: Hook::Lifecycle.as_str(),
        position: tx.next_position(guild.into()),
        input: serde_json::to_string(input)?,
        event_id: format!("lifecycle-{id}"),
        actor: tx.actor(),
        depth: 0,
    };
    let now = tx.now;
    Ok(deliver::store::insert(tx, &[(id, new)], now).await?)
}

/// Lets a plugin say goodbye. Whatever comes of it, it goes.
pub async fn goodbye(app: &App, installation: &Installation, actor: UserId) {
    let artifact = app.plugins.marketplace.get(&installation.plugin);
    let handles = artifact.is_some_and(|artifact| artifact.manifest.hook(Hook::Lifecycle).is_some());
    if !handles || !installation.is_enabled() {
        return;
    }
    let request = Request {
        installation: Arc::new(installation.clone()),
        package: None,
        input: Arc::new(Input::Uninstalling),
        class: CallClass::Lifecycle,
        event_id: format!("lifecycle-{}-{}", installation.id, installation.revision),
        actor: Some(actor),
        locale: i18n::DEFAULT.to_owned(),
        depth: 0,
        tried: 0,
        filtered: None,
        cause: Cause::Nothing,
    };
    match tokio::time::timeout(GOODBYE, invoke(app, request)).await {
        Ok(Ok(_)) => {}
        Ok(Err(failure)) => tracing::debug!(%failure, installation = %installation.id, "a plugin said no goodbye"),
        Err(_) => tracing::debug!(installation = %installation.id, "a plugin took too long to say goodbye"),
    }
}

/// A plugin that can't begin, with a guild or with a new version, is switched off: its admins see why.
pub async fn given_up(app: &App, installation: &Installation, input: &Input, failure: &Failure) {
    if matches!(input, Input::Installed | Input::Upgraded(_)) {
        super::quarantine(app, installation, Hook::Lifecycle, &failure.to_string()).await;
    }
}
