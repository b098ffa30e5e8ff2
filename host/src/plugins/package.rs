//! A plugin's code, ready to run: compiled once, and linked to what it imports.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use metrics::{Histogram, Label};
use moka::sync::Cache;
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre};

use super::artifact::Artifact;
use super::budget::{HANDLES, HOSTCALL_FUEL, Meter};
use super::call::Call;
use super::compile;
use super::engine::Engine;
use super::input::Hooks;
use super::manifest::{CallClass, Hook, Permission};
use crate::config::Config;

/// Packages that are kept ready, at most.
const KEPT: u64 = 1_000;
/// How long a component isn't compiled again that couldn't be: others wait for their turn meanwhile.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// Milliseconds that a call runs without a rest, but for its turns.
const BRISK: u32 = 10;
/// How long a call rests after each tick that has run longer: a quarter of the time is left to others in any case.
const REST: Duration = Duration::from_micros(300);
/// Always-on interfaces, and those that only name types.
const FREE: [&str; 10] =
    ["types", "log", "clock", "random", "config", "i18n", "kv", "schedule", "resources", "filter-read"];
/// What every name of the contract begins with.
const PREFIX: &str = "guildhall:plugin/";

/// A plugin's code, ready to run.
pub struct Package {
    /// What it is, and what its files say.
    pub artifact: Arc<Artifact>,
    /// Its code, linked.
    pub component: InstancePre<Box<Call>>,
    /// Where its hooks are.
    pub hooks: Hooks,
    /// Where it is counted how long its hooks take: looked up once, for each call counts.
    timings: [OnceLock<Histogram>; Hook::ALL.len()],
}

/// Packages by their digests.
pub struct Packages {
    ready: Cache<String, Arc<Package>>,
    /// Why some can't be made ready.
    broken: Cache<String, Arc<str>>,
    /// One at a time: compiling takes a processor and much memory.
    compiling: tokio::sync::Mutex<()>,
}

impl Default for Packages {
    fn default() -> Packages {
        let broken = Cache::builder().max_capacity(KEPT).time_to_live(GIVEN_UP).build();
        Packages { ready: Cache::new(KEPT), broken, compiling: tokio::sync::Mutex::new(()) }
    }
}

impl Packages {
    /// The package of a bundled plugin: from memory, from the cache on disk, or compiled now.
    pub async fn get(
        &self,
        config: &Config,
        engine: &Engine,
        cache: &compile::Cache,
        artifact: &Arc<Artifact>,
    ) -> anyhow::Result<Arc<Package>> {
        if let Some(package) = self.ready.get(&artifact.digest) {
            return Ok(package);
        }
        Box::pin(self.make_ready(config, engine, cache, artifact)).await
    }

    async fn make_ready(
        &self,
        config: &Config,
        engine: &Engine,
        cache: &compile::Cache,
        artifact: &Arc<Artifact>,
    ) -> anyhow::Result<Arc<Package>> {
        let _alone = self.compiling.lock().await;
        if let Some(package) = self.ready.get(&artifact.digest) {
            return Ok(package);
        }
        if let Some(why) = self.broken.get(&artifact.digest) {
            anyhow::bail!("{why}");
        }
        let component = cache.component(engine, config, artifact).await;
        let linked = component.and_then(|component| Package::link(engine, &component, artifact.clone()));
        match linked {
            Ok(package) => {
                let package = Arc::new(package);
                self.ready.insert(artifact.digest.clone(), package.clone());
                Ok(package)
            }
            Err(error) => {
                self.broken.insert(artifact.digest.clone(), format!("{error:#}").into());
                Err(error)
            }
        }
    }
}

impl Package {
    /// Links a component to what it imports. Its imports must be what its manifest asks for, its exports the
    /// hooks that the manifest names.
    pub fn link(engine: &Engine, component: &Component, artifact: Arc<Artifact>) -> anyhow::Result<Package> {
        let manifest = &artifact.manifest;
        let shape = component.component_type();
        for (name, _) in shape.imports(&engine.wasm) {
            let interface = name.strip_prefix(PREFIX).and_then(|rest| rest.split('@').next());
            let interface = interface.ok_or_else(|| anyhow::anyhow!("it imports {name}, which no plugin may"))?;
            if FREE.contains(&interface) {
                continue;
            }
            let permission = interface.parse::<Permission>();
            anyhow::ensure!(
                permission.is_ok_and(|permission| manifest.asked(permission).is_some()),
                "it imports {interface}, which its manifest doesn't ask for"
            );
        }
        let component = engine.linker.instantiate_pre(component)?;
        let hooks = Hooks::find(&component);
        let there = hooks.there();
        let named: Vec<Hook> = manifest.hooks.iter().map(|handled| handled.name).collect();
        if let Some(hook) = there.iter().find(|hook| !named.contains(hook)) {
            anyhow::bail!("it exports {hook}, which its manifest doesn't name");
        }
        if let Some(hook) = named.iter().find(|hook| !there.contains(hook)) {
            anyhow::bail!("its manifest names {hook}, which it doesn't export");
        }
        Ok(Package { artifact, component, hooks, timings: Default::default() })
    }

    /// Where it is counted how long calls of a hook take that go well.
    pub fn timing(&self, hook: Hook) -> &Histogram {
        self.timings[hook as usize].get_or_init(|| timing(self.artifact.manifest.plugin.id.as_str(), hook, "ok"))
    }
}

/// Where it is counted how long calls take that end in this way.
pub fn timing(plugin: &str, hook: Hook, ended: &'static str) -> Histogram {
    let labels = vec![
        Label::new("plugin", plugin.to_owned()),
        Label::from_static_parts("hook", hook.as_str()),
        Label::from_static_parts("outcome", ended),
    ];
    metrics::histogram!("guildhall_plugin_call_seconds", labels)
}

/// A store for one call, held to its limits.
pub fn store(engine: &Engine, call: Box<Call>) -> Store<Box<Call>> {
    let mut store = Store::new(&engine.wasm, call);
    store.limiter(|call| &mut call.meter as &mut Meter);
    store.set_hostcall_fuel(HOSTCALL_FUEL);
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        context.data_mut().meter.tick()?;
        // Others get their turn: threads that wait for this processor, and then those who came earlier, for tokio's
        // own queue is fair.
        give_way(context.data_mut());
        Ok(wasmtime::UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

/// Leaves the processor to others for a moment. Whoever runs for long sleeps: who only yields is soon chosen again, before
/// threads of the kernel that writes to the disk wait for, since those stand in another group of the scheduler's, and
/// there niceness doesn't count.
fn give_way(call: &mut Call) {
    if call.job.class == CallClass::Filter || call.meter.cpu_ms() <= BRISK {
        thread::yield_now();
    } else {
        thread::sleep(REST);
        call.meter.rest(REST);
    }
}
