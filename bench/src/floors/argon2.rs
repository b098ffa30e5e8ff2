//! The password floor: argon2id with the server's parameters, over and over on each thread.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// 19 MiB and two passes on one lane, as OWASP advises and the server does.
const MEMORY_KIBIBYTES: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

pub fn hash_passwords(threads: u64, duration: Duration) -> Result<()> {
    super::report_work(|| {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(move || hash_until(duration))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a hashing thread panicked")).sum()
        })
    })
}

fn hash_until(duration: Duration) -> Result<u64> {
    let failed = |error: argon2::Error| anyhow!("argon2: {error}");
    let params = Params::new(MEMORY_KIBIBYTES, PASSES, LANES, None).map_err(failed)?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
    let (started, mut done) = (Instant::now(), 0);
    while started.elapsed() < duration {
        argon2
            .hash_password_into_with_memory(
                b"correct horse battery staple",
                b"sixteen of salt!",
                &mut hash,
                &mut memory,
            )
            .map_err(failed)?;
        done += 1;
    }
    Ok(done)
}
