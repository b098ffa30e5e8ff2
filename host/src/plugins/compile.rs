//! Compiles components, in a process of its own that may use so much and no more, and keeps what came out.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aws_lc_rs::hmac;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use wasmtime::component::Component;

use super::artifact::Artifact;
use super::engine::{Engine, configuration};
use crate::config::Config;

/// Seconds of a processor that compiling one component may take.
const CPU_SECONDS: u64 = 60;
/// How long it may take in all.
const WALL: Duration = Duration::from_secs(120);
/// Address space that compiling one component may take.
const ADDRESS_SPACE: u64 = 4 << 30;
/// Bytes of the code that authenticates a file.
const TAG: usize = 32;

/// Compiled code on disk. It is believed because nobody without the server's secret could have written it.
pub struct Cache {
    folder: PathBuf,
    key: hmac::Key,
}

impl Cache {
    /// Code in this folder, under this key.
    pub fn new(folder: PathBuf, key: hmac::Key) -> Cache {
        Cache { folder, key }
    }

    /// A component's code: from disk if it is there and whole, else compiled now.
    pub async fn component(&self, engine: &Engine, config: &Config, artifact: &Artifact) -> anyhow::Result<Component> {
        let file = self.file(engine, &artifact.digest);
        if let Some(code) = self.read(&file).await {
            match load(engine, &code) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::warn!(%error, plugin = %artifact.digest, "compiled code doesn't fit any more"),
            }
        }
        let code = compile_apart(config, &artifact.bytes).await?;
        self.write(&file, &code).await?;
        load(engine, &code)
    }

    fn file(&self, engine: &Engine, digest: &str) -> PathBuf {
        use std::hash::{Hash, Hasher};
        // Settings and versions of the engine that make code unusable change this hash.
        let mut hasher = std::hash::DefaultHasher::new();
        engine.wasm.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
    }

    async fn read(&self, file: &Path) -> Option<Vec<u8>> {
        let mut bytes = tokio::fs::read(file).await.ok()?;
        let code = bytes.len().checked_sub(TAG)?;
        let tag = bytes.split_off(code);
        match hmac::verify(&self.key, &bytes, &tag) {
            Ok(()) => Some(bytes),
            Err(_) => {
                tracing::warn!(file = %file.display(), "compiled code that this server didn't write is ignored");
                None
            }
        }
    }

    /// Whoever reads meanwhile finds the old file or the new one, never half of one.
    async fn write(&self, file: &Path, code: &[u8]) -> anyhow::Result<()> {
        tokio::fs::create_dir_all(&self.folder).await?;
        let fresh = file.with_extension(format!("{}.new", std::process::id()));
        let tag = hmac::sign(&self.key, code);
        tokio::fs::write(&fresh, [code, tag.as_ref()].concat()).await?;
        tokio::fs::rename(&fresh, file).await?;
        Ok(())
    }
}

/// Maps what was compiled by this process or by its compiler.
pub(super) fn load(engine: &Engine, code: &[u8]) -> anyhow::Result<Component> {
    // SAFETY: `deserialize` must be given what this very version of wasmtime has compiled, unchanged. `code`
    // comes from this process or our own compiler's a moment ago, or from a file whose HMAC under the server's
    // secret was just verified, so it is what such a process gave; a version or a configuration that doesn't
    // fit is noticed by wasmtime itself and is an error.
    #[allow(unsafe_code)]
    let component = unsafe { Component::deserialize(&engine.wasm, code) };
    Ok(component?)
}

/// Has a component compiled by another process.
async fn compile_apart(config: &Config, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut compiler = Command::new(config.plugin_compiler()?)
        .args(["plugin", "compile"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_clear()
        .kill_on_drop(true)
        .spawn()?;
    let mut input = compiler.stdin.take().ok_or_else(|| anyhow::anyhow!("the compiler has no input"))?;
    let work = async {
        let feed = async {
            // A compiler that breaks off says why by itself.
            let _ = input.write_all(bytes).await;
            drop(input);
        };
        let (output, ()) = tokio::join!(compiler.wait_with_output(), feed);
        output
    };
    let output =
        tokio::time::timeout(WALL, work).await.map_err(|_| anyhow::anyhow!("it takes too long to compile"))??;
    anyhow::ensure!(
        output.status.success(),
        "it can't be compiled: {}",
        String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or("too much is asked")
    );
    Ok(output.stdout)
}

/// Compiles a component within limits on this very process: for the process that does nothing else.
pub fn compile_here(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Cpu, limit(CPU_SECONDS))?;
    setrlimit(Resource::As, limit(ADDRESS_SPACE))?;
    setrlimit(Resource::Core, limit(0))?;
    // How many may live at once doesn't change the code.
    let engine = wasmtime::Engine::new(&configuration(1)?)?;
    Ok(engine.precompile_component(bytes)?)
}
