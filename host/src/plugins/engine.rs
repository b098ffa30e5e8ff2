//! The engine that runs components: one for the process, with threads of its own.
//!
//! Guests never run on the threads of the sockets: four of them in endless loops would delay everybody. Those
//! that a message waits for have threads apart from all others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use wasmtime::component::{HasData, Linker};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::call::Call;
use super::contract::HostAll;
use crate::config;

/// How often a running guest is interrupted, to count its time and let others run.
pub const TICK: Duration = Duration::from_millis(1);
/// Ticks without a guest after which the clock stops: starting it anew for each call costs more than letting it run.
const IDLE_TICKS: u32 = 250;
/// Of so many slots one is for filters alone.
const FOR_FILTERS: u32 = 4;
/// How far the threads of guests stand back that no message waits for: endless loops would otherwise take half of
/// each processor from the sockets.
const NICENESS: i32 = 10;
/// Address space that a memory may use; what a class of calls may use is less.
const MEMORY: usize = 128 << 20;
/// Address space behind a memory that traps whoever reads on.
const GUARD: u64 = 32 << 20;
/// Core instances, memories and tables of one component: guests of some languages have several. There are as many
/// for each slot, so that whoever has a slot has all the rest.
const CORES: u32 = 16;
const MEMORIES: u32 = 3;
const TABLES: u32 = 8;
/// The largest table, in elements.
const TABLE: usize = 20_000;
/// Memory that a slot keeps mapped when its instance is gone, of that which was written to: mapping it anew costs more
/// than clearing it, above all because the other processors must hear of it.
const KEPT_RESIDENT: usize = 512 << 10;
/// The stack of a guest, and the stack of the fibre that it runs on.
const GUEST_STACK: usize = 512 << 10;
const FIBRE_STACK: usize = 1 << 20;

/// The engine, its pool of slots, and the threads that guests run on.
pub struct Engine {
    /// Compiles, and says whether compiled code fits.
    pub wasm: wasmtime::Engine,
    /// What guests may import.
    pub linker: Linker<Box<Call>>,
    /// A slot for each instance that may live at once.
    pub slots: Arc<Semaphore>,
    /// Places among them for all calls but filters, which people wait for: those always find some left.
    pub others: Semaphore,
    /// Where guests run that nobody's message waits for.
    pub calls: Runtime,
    /// Where filters run.
    pub filters: Runtime,
    ticker: Ticker,
}

/// What lives in the pool of an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InUse {
    /// Slots that are free.
    pub slots: usize,
    /// Components that live.
    pub components: u64,
    /// Core instances that live.
    pub cores: u64,
    /// Memories in use.
    pub memories: usize,
    /// Tables in use.
    pub tables: usize,
    /// Stacks in use.
    pub stacks: usize,
}

/// What hosts the imports: the call itself.
pub struct Host;

impl HasData for Host {
    type Data<'a> = &'a mut Call;
}

impl Engine {
    /// The engine of this process. Its settings are those that it is first asked for with.
    pub fn shared(settings: &config::Plugins) -> anyhow::Result<&'static Engine> {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        // Who comes second waits: an engine too many would have to end its threads, which blocks.
        static MAKING: Mutex<()> = Mutex::new(());
        if let Some(engine) = ENGINE.get() {
            return Ok(engine);
        }
        let _alone = MAKING.lock();
        if let Some(engine) = ENGINE.get() {
            return Ok(engine);
        }
        let engine = Engine::new(settings)?;
        Ok(ENGINE.get_or_init(|| engine))
    }

    fn new(settings: &config::Plugins) -> anyhow::Result<Engine> {
        let wasm = wasmtime::Engine::new(&configuration(settings.instances)?)?;
        let mut linker = Linker::new(&wasm);
        HostAll::add_to_linker::<Box<Call>, Host>(&mut linker, |call| call)?;
        let cores = thread::available_parallelism().map_or(2, usize::from);
        Ok(Engine {
            slots: Arc::new(Semaphore::new(settings.instances as usize)),
            others: Semaphore::new(
                settings.instances.saturating_sub((settings.instances / FOR_FILTERS).max(1)).max(1) as usize
            ),
            calls: threads("plugins", cores, NICENESS)?,
            filters: threads("filters", cores.div_ceil(2).max(2), 0)?,
            ticker: Ticker::start(&wasm)?,
            wasm,
            linker,
        })
    }

    /// What lives in the pool at this moment.
    pub fn in_use(&self) -> InUse {
        let slots = self.slots.available_permits();
        let pool = self.wasm.pooling_allocator_metrics();
        pool.map_or(InUse { slots, ..InUse::default() }, |pool| InUse {
            slots,
            components: pool.component_instances(),
            cores: pool.core_instances(),
            memories: pool.memories(),
            tables: pool.tables(),
            stacks: pool.stacks(),
        })
    }

    /// Lets the clock of guests run for as long as the answer is kept.
    pub fn run_clock(&self) -> Running<'_> {
        self.ticker.begin()
    }
}

/// Threads for guests, which stand back so far behind those of the sockets.
fn threads(name: &'static str, workers: usize, niceness: i32) -> std::io::Result<Runtime> {
    let stand_back = move || {
        if niceness > 0 {
            // A thread that may not stand back is as good as any other.
            let _ = rustix::process::setpriority_process(None, niceness);
        }
    };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(workers).thread_name(name).on_thread_start(stand_back).enable_all().build()
}

/// How components are compiled and run. Whoever compiles for this process must use the same.
pub fn configuration(instances: u32) -> anyhow::Result<Config> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * CORES)
        .total_memories(instances * MEMORIES)
        .total_tables(instances * TABLES)
        .total_stacks(instances)
        .max_memory_size(MEMORY)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_core_instances_per_component(CORES)
        .table_elements(TABLE)
        // Asks the kernel which pages were written to, where it can tell.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(KEPT_RESIDENT)
        .table_keep_resident(KEPT_RESIDENT);
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_reservation(MEMORY as u64)
        .memory_guard_size(GUARD)
        .memory_init_cow(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBRE_STACK)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(config)
}

/// Moves the epoch on while guests run, and sleeps while none does.
struct Ticker {
    running: Arc<AtomicUsize>,
    thread: Thread,
}

/// Keeps the clock of guests running.
pub struct Running<'a>(&'a Ticker);

impl Ticker {
    /// Without it nothing could be interrupted: whoever can't have the thread can't have plugins.
    fn start(wasm: &wasmtime::Engine) -> std::io::Result<Ticker> {
        let (running, engine) = (Arc::new(AtomicUsize::new(0)), wasm.weak());
        let seen = running.clone();
        let ticking = thread::Builder::new().name("plugin clock".into()).spawn(move || {
            let mut idle = 0;
            loop {
                idle = if seen.load(Ordering::Acquire) == 0 { idle + 1 } else { 0 };
                while idle > IDLE_TICKS {
                    thread::park();
                    idle = if seen.load(Ordering::Acquire) == 0 { idle } else { 0 };
                }
                thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
        Ok(Ticker { running, thread: ticking.thread().clone() })
    }

    fn begin(&self) -> Running<'_> {
        if self.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Running(self)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
