//! From a core module to the file that a guild installs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use wasm_encoder::{CustomSection, Section};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, WorldItem, WorldKey};

use super::package::Package;
use crate::program;

/// Raised when the same inputs should make another file.
const FORMAT: &[u8] = b"guildhall component 1";

/// Interfaces that every plugin may import.
const ALWAYS_THERE: [&str; 10] =
    ["types", "log", "clock", "random", "config", "i18n", "kv", "schedule", "resources", "filter-read"];

/// Hooks that tell what only a permission lets a plugin know.
const PERMISSION_OF_HOOK: [(&str, &str); 5] = [
    ("on-message", "messages-read"),
    ("on-messages", "messages-read"),
    ("on-reaction", "messages-read"),
    ("on-member", "members"),
    ("on-voice", "members"),
];

/// Writes `<id>.wasm` into a folder, unless it is there already and made of exactly this: what it
/// was made of is noted in another folder.
pub fn write(package: &Package, module: &Path, folder: &Path, notes: &Path) -> Result<()> {
    let module = fs::read(module).with_context(|| format!("reading {}", module.display()))?;
    let file = folder.join(format!("{}.wasm", package.id));
    let note = notes.join(format!("{}.inputs", package.id));
    let inputs = digest_of_inputs(&module, package);
    let is_fresh = fs::read_to_string(&note).is_ok_and(|known| known == inputs) && file.is_file();
    if !is_fresh {
        let component = encode(package, &module).with_context(|| format!("making a component of {}", package.id))?;
        // Whoever finds the file shall find it whole.
        let unfinished = file.with_extension("unfinished");
        fs::write(&unfinished, component)?;
        fs::rename(&unfinished, &file)?;
        fs::write(&note, inputs)?;
    }
    let component = fs::read(&file)?;
    let digest = hex(&Sha256::digest(&component));
    let size = component.len().div_ceil(1024);
    program::say(&format!("{} {}: {size} KiB, sha256:{digest}", package.id, package.version));
    Ok(())
}

fn encode(package: &Package, module: &[u8]) -> Result<Vec<u8>> {
    let mut component = ComponentEncoder::default().validate(true).module(module)?.encode()?;
    check(package, &component)?;
    for (name, data) in &package.sections {
        CustomSection { name: name.into(), data: data.into() }.append_to(&mut component);
    }
    Ok(component)
}

/// Refuses a component that does something else than its manifest says, as the server would.
fn check(package: &Package, component: &[u8]) -> Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("this is no component");
    };
    let world = &resolve.worlds[world];
    let hooks: BTreeSet<&str> = package.hooks.iter().map(String::as_str).collect();
    let exports = interfaces(&resolve, &world.exports);
    ensure!(exports == hooks, "the component exports {exports:?}, the manifest lists the hooks {hooks:?}");
    let asks = |permission: &str| package.permissions.iter().any(|name| name == permission);
    for import in interfaces(&resolve, &world.imports) {
        let granted = ALWAYS_THERE.contains(&import) || asks(import);
        ensure!(granted, "the component imports {import}, and the manifest doesn't ask for that permission");
    }
    for (hook, permission) in PERMISSION_OF_HOOK {
        let granted = !exports.contains(hook) || asks(permission);
        ensure!(granted, "the hook {hook} needs the permission {permission}, and the manifest doesn't ask for it");
    }
    Ok(())
}

/// The names of the interfaces that a world imports or exports.
fn interfaces<'r>(
    resolve: &'r Resolve,
    items: impl IntoIterator<Item = (&'r WorldKey, &'r WorldItem)>,
) -> BTreeSet<&'r str> {
    let name = |key: &'r WorldKey| match key {
        WorldKey::Name(name) => Some(name.as_str()),
        WorldKey::Interface(id) => resolve.interfaces[*id].name.as_deref(),
    };
    items.into_iter().filter_map(|(key, _)| name(key)).collect()
}

fn digest_of_inputs(module: &[u8], package: &Package) -> String {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    };
    add(FORMAT);
    add(module);
    for (name, data) in &package.sections {
        add(name.as_bytes());
        add(data);
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
