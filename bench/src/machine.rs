//! What is told of the machine beside its figures, and the refusal to measure on a busy one.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::figures::median;

/// The one-minute load above which figures say more about the neighbours than about the server.
const BUSY: f64 = 2.0;

/// Fails on a busy machine, unless `force` says that rough figures will do.
pub fn refuse_when_busy(force: bool) -> Result<()> {
    let load = load()?;
    if load <= BUSY {
        return Ok(());
    }
    if !force {
        bail!(
            "the machine is busy: its load is {load}, and over {BUSY} no figure can be trusted; --force measures anyway"
        );
    }
    eprintln!("the machine is busy (load {load}): its figures are rough");
    Ok(())
}

/// The load of the last minute.
pub fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    text.split(' ').next().and_then(|load| load.parse().ok()).context("no load in /proc/loadavg")
}

/// Processor, cores, memory and kernel, in one line.
pub fn describe() -> Result<String> {
    let processor = field("/proc/cpuinfo", "model name")?;
    let memory = field("/proc/meminfo", "MemTotal")?;
    let kibibytes: f64 = memory.trim_end_matches(" kB").parse()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cores = std::thread::available_parallelism()?;
    let gibibytes = kibibytes / 1024.0 / 1024.0;
    Ok(format!("{processor}, {cores} cores, {gibibytes:.0} GiB of memory, Linux {}", kernel.trim()))
}

fn field(path: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(path)?;
    let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
    Ok(line.with_context(|| format!("no {name} in {path}"))?.1.trim().to_owned())
}

/// Microseconds until four kibibytes are forced to the disk that holds `directory`, the median of many. No durable
/// figure can be read without it, and machines that look alike differ in it tenfold.
pub fn forced_write(directory: &Path) -> Result<f64> {
    const BLOCK: [u8; 4096] = [0x5a; 4096];
    const BLOCKS: u64 = 256;
    let path = directory.join("forced-write");
    let file = File::create(&path)?;
    let mut microseconds = Vec::new();
    for turn in 0..4 * BLOCKS {
        file.write_all_at(&BLOCK, turn % BLOCKS * BLOCK.len() as u64)?;
        let started = Instant::now();
        file.sync_data()?;
        // The first pass makes the file grow, which a database does rarely.
        if turn >= BLOCKS {
            microseconds.push(started.elapsed().as_secs_f64() * 1e6);
        }
    }
    fs::remove_file(path)?;
    Ok(median(microseconds))
}

/// Today's date in UTC.
pub fn date() -> Result<String> {
    output("date", &["--utc", "+%F"])
}

/// The commit that is measured, and whether the files differ from it.
pub fn commit() -> Result<String> {
    let commit = output("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_else(|_| "none yet".to_owned());
    let changed = !output("git", &["status", "--porcelain"])?.is_empty();
    Ok(if changed { format!("{commit}, with changes since") } else { commit })
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("running {program}"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
