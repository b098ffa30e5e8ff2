//! What the command line does with plugins.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;

use super::artifact::MAX_BYTES;
use super::{compile, replay};
use crate::config::Config;

/// What is to be done.
#[derive(Subcommand)]
pub enum PluginCommand {
    /// Compile the component that comes in, and give its code: the server's own helper.
    #[command(hide = true)]
    Compile,
    /// See a failed call again, from the bundle in an installation's log.
    Replay {
        /// The bundle.
        bundle: PathBuf,
        /// The plugin's file; the one that came with the server, if it isn't said.
        #[arg(long)]
        component: Option<PathBuf>,
    },
}

/// Compiles what comes in, within limits on this process. It needs no settings and reads none.
pub fn compile() -> anyhow::Result<()> {
    let mut component = Vec::new();
    std::io::stdin().take(MAX_BYTES as u64 + 1).read_to_end(&mut component)?;
    anyhow::ensure!(component.len() <= MAX_BYTES, "it has more than {MAX_BYTES} bytes");
    std::io::stdout().write_all(&compile::compile_here(&component)?)?;
    Ok(())
}

/// Runs the call of a bundle once more, and says how it ended.
pub async fn replay(config: &Config, bundle: PathBuf, component: Option<PathBuf>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&bundle).with_context(|| bundle.display().to_string())?;
    let bundle: super::logs::Bundle = serde_json::from_str(&text).context("the bundle")?;
    let component = match component {
        Some(file) => std::fs::read(&file).with_context(|| file.display().to_string())?.into(),
        None => {
            let marketplace = super::marketplace::Marketplace::open(&config.bundled_plugins());
            let known = marketplace.all().find(|plugin| plugin.digest == bundle.digest);
            known.map(|plugin| plugin.bytes.clone()).context("no plugin here has the bundle's digest: name its file")?
        }
    };
    let seen = replay::replay(&config.plugins, bundle, component).await?;
    seen.lines.iter().for_each(|line| println!("logged: {line}"));
    println!("then:   {}\nnow:    {}", seen.first, seen.now);
    anyhow::ensure!(seen.is_same(), "it ended otherwise");
    Ok(())
}
