//! The component floor: a fresh instance, one call of its filter, and the instance is gone; over and over on each
//! thread, with no host around it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

mod generated {
    wasmtime::component::bindgen!({ path: "../wit", world: "guildhall:plugin/hook-filter-message" });
}

use generated::exports::guildhall::plugin::filter_message::{GuestIndices, Stage};
use generated::guildhall::plugin::types::{Context, Message, MessageKind, User, UserKind};

/// Calls a component's filter on so many threads, and prints how often.
pub fn call(file: &Path, threads: u64, duration: Duration) -> Result<()> {
    let engine = engine()?;
    let component = Component::from_file(&engine, file)?;
    let mut linker = Linker::<()>::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let component = linker.instantiate_pre(&component)?;
    super::report_work(|| {
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| call_until(&engine, &component, duration))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a calling thread panicked")).sum()
        })
    })
}

/// Compiles a component so often, and prints how long that took.
pub fn compile(file: &Path, times: u64) -> Result<()> {
    let (engine, bytes) = (engine()?, std::fs::read(file)?);
    super::report_work(|| {
        for _ in 0..times {
            engine.precompile_component(&bytes)?;
        }
        Ok(times)
    })
}

fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(100).total_core_instances(400).total_memories(200).total_tables(400);
    pool.max_memory_size(128 << 20).linear_memory_keep_resident(512 << 10);
    pool.table_keep_resident(64 << 10).pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.memory_reservation(128 << 20).memory_guard_size(32 << 20).memory_init_cow(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}

fn call_until(engine: &Engine, component: &InstancePre<()>, duration: Duration) -> Result<u64> {
    let indices = GuestIndices::new(component)?;
    let (context, message) = (context(), message());
    let (started, mut done) = (Instant::now(), 0);
    while started.elapsed() < duration {
        let mut store = Store::new(engine, ());
        let instance = component.instantiate(&mut store)?;
        let filter = indices.load(&mut store, &instance)?;
        let answer = filter.call_evaluate(&mut store, &context, Stage::Create, &message)?;
        anyhow::ensure!(answer.is_ok(), "the filter refused");
        done += 1;
    }
    Ok(done)
}

fn context() -> Context {
    Context {
        event_id: "filter/251555326908694528".to_owned(),
        installation: 1,
        guild: 2,
        bot: 3,
        plugin_version: "0.1.0".to_owned(),
        actor: Some(4),
        locale: "en".to_owned(),
        now: 0,
        attempt: 1,
        deadline_ms: 25,
        depth: 0,
        attrs: Vec::new(),
    }
}

fn message() -> Message {
    let author = User {
        id: 4,
        username: "member00001".to_owned(),
        display_name: "member00001".to_owned(),
        kind: UserKind::User,
        attrs: Vec::new(),
    };
    Message {
        id: 5,
        channel: 6,
        kind: MessageKind::Default,
        author,
        content: "0000001 from 001, and some words to fill a usual sentence".to_owned(),
        reply_to: Vec::new(),
        attachments: Vec::new(),
        mentions: Vec::new(),
        mention_roles: Vec::new(),
        mention_everyone: false,
        reactions: Vec::new(),
        pinned: false,
        nonce: None,
        blocks: None,
        created_at: 0,
        edited_at: None,
        attrs: Vec::new(),
    }
}
