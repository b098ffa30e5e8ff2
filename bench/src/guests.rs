//! The plugins that servers under test may install: those that come with the server, and as many as wanted that do
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::Bench;
use crate::contestant::Contestant;
use crate::http::Client;

/// The plugin that does nothing, and the one that is told of messages about pings alone: their ids, and their files'
/// names.
const IDLE: &str = "tests.idle";
const PARROT: &str = "tests.parrot";
/// The section of a component that holds its manifest.
const MANIFEST: &[u8] = b"guildhall:manifest";
/// The variables that name the folders of plugins.
const BUNDLED: &str = "GUILDHALL_PLUGINS_BUNDLED";
const TEST_GUESTS: &str = "GUILDHALL_TEST_GUESTS";

/// A folder of plugins.
pub struct Guests(TempDir);

impl Guests {
    /// What comes with the server, `idle` plugins that do nothing, and as many that care about no usual message.
    pub fn gather(bench: &Bench, idle: usize) -> Result<Guests> {
        let guests = Guests::idle_alone(bench, idle)?;
        for entry in fs::read_dir(from(BUNDLED)?)? {
            let file = entry?.path();
            if file.extension().is_some_and(|ending| ending == "wasm") {
                fs::copy(&file, guests.path().join(file.file_name().context("a file without a name")?))?;
            }
        }
        let bytes = fs::read(from(TEST_GUESTS)?.join(format!("{PARROT}.wasm")))?;
        for number in 0..idle {
            let id = deaf_id(number);
            let bytes = with_manifest(&bytes, |text: &str| text.replace(PARROT, &id))?;
            fs::write(guests.path().join(format!("{id}.wasm")), bytes)?;
        }
        Ok(guests)
    }

    /// Plugins that do nothing, and no others.
    pub fn idle_alone(bench: &Bench, idle: usize) -> Result<Guests> {
        let folder = tempfile::tempdir_in(&bench.scratch)?;
        let bytes = fs::read(Guests::idle_file()?)?;
        for number in 0..idle {
            let id = id(number);
            let manifest = |text: &str| text.replace(IDLE, &id).replace("/idle/", &format!("/idle{number}/"));
            fs::write(folder.path().join(format!("{id}.wasm")), with_manifest(&bytes, manifest)?)?;
        }
        Ok(Guests(folder))
    }

    /// The component that does nothing, as it was built.
    pub fn idle_file() -> Result<PathBuf> {
        Ok(from(TEST_GUESTS)?.join(format!("{IDLE}.wasm")))
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The id of one of the plugins that do nothing.
pub fn id(number: usize) -> String {
    format!("bench.idle{number}")
}

/// The id of one of those that care about no usual message.
pub fn deaf_id(number: usize) -> String {
    format!("bench.deaf{number}")
}

/// Installs a plugin in the guild of a server under test.
pub fn install(server: &Contestant, plugin: &str, config: serde_json::Value) -> Result<()> {
    install_in(server, &server.stream_id, plugin, config)
}

/// Installs a plugin in a guild.
pub fn install_in(server: &Contestant, guild: &str, plugin: &str, config: serde_json::Value) -> Result<()> {
    let body = json!({"guild_id": guild, "config": config});
    let mut client = Client::connect(server.running.address)?;
    client.json("POST", &format!("/api/v1/marketplace/{plugin}"), Some(&server.tokens[0]), Some(body)).map(drop)
}

/// Asks one of the plugins that do nothing in a guild, which answers once its code is ready.
pub fn ask(server: &Contestant, guild: &str, number: usize) -> Result<()> {
    let path = format!("/api/v1/idle{number}/ping?guild_id={guild}");
    let mut client = Client::connect(server.running.address)?;
    client.json("GET", &path, Some(&server.tokens[0]), None).map(drop)
}

fn from(variable: &str) -> Result<PathBuf> {
    let folder = std::env::var_os(variable);
    Ok(folder.with_context(|| format!("{variable} must name a folder of plugins: `cargo xtask bench` does"))?.into())
}

/// A component with another manifest.
fn with_manifest(component: &[u8], change: impl Fn(&str) -> String) -> Result<Vec<u8>> {
    let (mut out, mut rest) = (component[..8].to_vec(), &component[8..]);
    let mut changed = false;
    while let Some((&kind, after)) = rest.split_first() {
        let (size, length) = number(after)?;
        let content = after.get(length..length + size).context("a section that doesn't end")?;
        let is_manifest = kind == 0 && content.get(1..).is_some_and(|content| content.starts_with(MANIFEST));
        if is_manifest {
            let text = std::str::from_utf8(&content[1 + MANIFEST.len()..])?;
            let content = [&content[..1 + MANIFEST.len()], change(text).as_bytes()].concat();
            out.push(kind);
            push_number(&mut out, content.len());
            out.extend(content);
            changed = true;
        } else {
            out.extend_from_slice(&rest[..1 + length + size]);
        }
        rest = &after[length + size..];
    }
    ensure!(changed, "a component without a manifest");
    Ok(out)
}

/// A number of seven bits a byte, and how many bytes it takes.
fn number(bytes: &[u8]) -> Result<(usize, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((value, at + 1));
        }
    }
    anyhow::bail!("a number that doesn't end")
}

fn push_number(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_manifest_changes() {
        let section = |name: &[u8], content: &[u8]| {
            let inner = [&[name.len() as u8], name, content].concat();
            let mut out = vec![0];
            push_number(&mut out, inner.len());
            out.extend(inner);
            out
        };
        let other = section(b"other", &[7; 300]);
        let before = [b"\0asm\x0d\0\x01\0".as_slice(), &other, &section(MANIFEST, b"id = 1"), &other].concat();
        let after = [b"\0asm\x0d\0\x01\0".as_slice(), &other, &section(MANIFEST, b"id = 22"), &other].concat();
        assert_eq!(with_manifest(&before, |text| text.replace('1', "22")).unwrap(), after);
    }
}
