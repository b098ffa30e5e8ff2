//! What a call may use: limits by what it is for, and the meter that holds it to them.

use std::time::Duration;

use wasmtime::{ResourceLimiter, Result};

use super::engine::TICK;
use super::failure::{Exceeded, Limit};
use super::manifest::CallClass;
use super::manifest::limits::{ClassLimits, Limits};

/// Host calls of one call, at most.
const HOST_CALLS: u32 = 1_000;
/// Changes to storage in one call, at most.
const KV_WRITES: u32 = 100;
/// What one call may read of its storage: each key counts, a page as one and its entries as a hundredth each.
const KV_READS: usize = 1_000;
/// Entries of a page that count as much as one key.
const ENTRIES_OF_A_READ: usize = 100;
/// Bytes that one call may log.
const LOG_BYTES: usize = 64 << 10;
/// Lines that one call may log.
const LOG_LINES: usize = 100;
/// Random bytes of one call, at most.
const RANDOM_BYTES: usize = 64 << 10;
/// Messages, role changes and the like of one call, at most.
const ACTIONS: u32 = 50;
/// Elements of all tables together.
const TABLE_ELEMENTS: usize = 100_000;
/// Instances, memories and tables of one call, each.
const PARTS: usize = 20;
/// What host calls may copy out of a guest at once, in bytes.
pub const HOSTCALL_FUEL: usize = 2 << 20;
/// Handles of a component, at most.
pub const HANDLES: usize = 1_000;

/// What a call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Time on a processor.
    pub cpu: Duration,
    /// Time until it has ended, waiting included.
    pub wall: Duration,
    /// Bytes of all its memories together.
    pub memory: usize,
}

impl Budget {
    /// What a call of this class may use; its plugin's manifest may ask for less.
    pub fn of(class: CallClass, limits: &Limits) -> Budget {
        let (cpu, wall, memory) = match class {
            CallClass::Filter => (5, 25, 32),
            CallClass::Interaction => (100, 2_000, 64),
            CallClass::Event => (200, 10_000, 64),
            CallClass::Route => (200, 5_000, 64),
            CallClass::Scheduled => (2_000, 60_000, 64),
            CallClass::Lifecycle => (10_000, 30_000, 128),
        };
        let lower = |most: u64, asked: Option<u64>| asked.map_or(most, |asked| asked.min(most));
        let ClassLimits { cpu_ms, wall_ms } = limits.of(class);
        Budget {
            cpu: Duration::from_millis(lower(cpu, cpu_ms)),
            wall: Duration::from_millis(lower(wall, wall_ms)),
            memory: (lower(memory, limits.memory_mib) as usize) << 20,
        }
    }
}

impl Budget {
    /// The same with so many times the time.
    pub fn with_patience(self, times: u32) -> Budget {
        let times = times.max(1);
        Budget { cpu: self.cpu.saturating_mul(times), wall: self.wall.saturating_mul(times), ..self }
    }
}

/// Counts what a call uses, and ends it when that is too much.
pub struct Meter {
    budget: Budget,
    memory: usize,
    table_elements: usize,
    ticks: u32,
    /// Time of rests that wasn't taken off the ticks yet.
    rested: Duration,
    host_calls: u32,
    kv_writes: u32,
    kv_reads: usize,
    actions: u32,
    log_bytes: usize,
    log_lines: usize,
    random_bytes: usize,
}

impl Meter {
    /// The meter of a call that has used nothing yet.
    pub fn new(budget: Budget) -> Meter {
        Meter {
            budget,
            memory: 0,
            table_elements: 0,
            ticks: 0,
            rested: Duration::ZERO,
            host_calls: 0,
            kv_writes: 0,
            kv_reads: 0,
            actions: 0,
            log_bytes: 0,
            log_lines: 0,
            random_bytes: 0,
        }
    }

    /// What the call may use.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Milliseconds on a processor, as far as ticks tell.
    pub fn cpu_ms(&self) -> u32 {
        self.ticks
    }

    /// Bytes of all memories together, at their largest: they never shrink.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// One more tick of running.
    pub fn tick(&mut self) -> Result<()> {
        self.ticks += 1;
        within(u128::from(self.ticks) <= self.budget.cpu.as_millis(), Limit::Cpu)
    }

    /// A rest: the clock goes on meanwhile, but it counts for nobody.
    pub fn rest(&mut self, time: Duration) {
        self.rested += time;
        if self.rested >= TICK {
            self.rested -= TICK;
            self.ticks = self.ticks.saturating_sub(1);
        }
    }

    /// One more call of the host.
    pub fn host_call(&mut self) -> Result<()> {
        self.host_calls += 1;
        within(self.host_calls <= HOST_CALLS, Limit::HostCalls)
    }

    /// One more change of storage.
    pub fn kv_write(&mut self) -> Result<()> {
        self.kv_writes += 1;
        within(self.kv_writes <= KV_WRITES, Limit::KvWrites)
    }

    /// One more key of storage, or a page with so many entries.
    pub fn kv_read(&mut self, entries: usize) -> Result<()> {
        self.kv_reads += 1 + entries / ENTRIES_OF_A_READ;
        within(self.kv_reads <= KV_READS, Limit::KvReads)
    }

    /// One more thing that others see.
    pub fn action(&mut self) -> Result<()> {
        self.actions += 1;
        within(self.actions <= ACTIONS, Limit::Actions)
    }

    /// A line more of log, with so many bytes; false if that is too much, and it is to be dropped.
    pub fn log(&mut self, bytes: usize) -> bool {
        self.log_bytes = self.log_bytes.saturating_add(bytes);
        self.log_lines += 1;
        self.log_bytes <= LOG_BYTES && self.log_lines <= LOG_LINES
    }

    /// So many bytes more of chance.
    pub fn random(&mut self, bytes: usize) -> Result<()> {
        self.random_bytes = self.random_bytes.saturating_add(bytes);
        within(self.random_bytes <= RANDOM_BYTES, Limit::Random)
    }
}

fn within(holds: bool, limit: Limit) -> Result<()> {
    if holds { Ok(()) } else { Err(Exceeded(limit).into()) }
}

/// The stock limiter looks at each memory by itself; here they count together.
impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let grown = self.memory + desired.saturating_sub(current);
        within(grown <= self.budget.memory, Limit::Memory)?;
        self.memory = grown;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let grown = self.table_elements + desired.saturating_sub(current);
        within(grown <= TABLE_ELEMENTS, Limit::Table)?;
        self.table_elements = grown;
        Ok(true)
    }

    fn instances(&self) -> usize {
        PARTS
    }
    fn tables(&self) -> usize {
        PARTS
    }
    fn memories(&self) -> usize {
        PARTS
    }
}
