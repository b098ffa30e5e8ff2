//! What comes with the server is complete: every plugin speaks every language and describes every
//! route.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

use super::package::Package;
use crate::workspace;

/// The languages of the server.
const LANGUAGES: [&str; 5] = ["de", "en", "es", "fr", "tr"];
/// Messages that say what the manifest says in English.
const OF_MANIFEST: [&str; 5] = ["plugin-", "permission-", "command-", "config-", "badge-"];

/// What the ids of plugins that come with the server begin with. Others may stand there while somebody writes them.
const OURS: &str = "guildhall.";

/// The plugins that come with the server, and their folders.
fn plugins() -> Vec<(PathBuf, Package)> {
    let sources = workspace::root().join("plugins");
    let mut packages = Package::all_in(&sources).unwrap();
    packages.retain(|package| package.id.starts_with(OURS));
    assert!(!packages.is_empty());
    let folder = |package: &Package| sources.join(&package.name);
    packages.into_iter().map(|package| (folder(&package), package)).collect()
}

fn manifest(folder: &Path) -> Table {
    fs::read_to_string(folder.join("plugin.toml")).unwrap().parse().unwrap()
}

/// The names of the messages of a Fluent file, and of their attributes as `message.attribute`.
fn messages(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut message = String::new();
    for line in text.lines() {
        let Some((name, _)) = line.split_once(" =") else { continue };
        if let Some(attribute) = name.strip_prefix("    .") {
            names.insert(format!("{message}.{attribute}"));
        } else if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            message = name.to_owned();
            names.insert(message.clone());
        }
    }
    names
}

fn entries<'t>(manifest: &'t Table, key: &str) -> impl Iterator<Item = &'t Table> {
    manifest.get(key).and_then(|value| value.as_array()).into_iter().flatten().filter_map(|entry| entry.as_table())
}

fn text<'t>(table: &'t Table, key: &str) -> &'t str {
    table[key].as_str().unwrap()
}

/// The messages that say what a manifest says.
fn of_manifest(manifest: &Table) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["plugin-name".to_owned(), "plugin-summary".to_owned()]);
    names.extend(entries(manifest, "permissions").map(|permission| format!("permission-{}", text(permission, "name"))));
    for command in entries(manifest, "commands") {
        let name = format!("command-{}", text(command, "name"));
        names.extend(entries(command, "options").map(|option| format!("{name}.{}", text(option, "name"))));
        names.insert(name);
    }
    for (key, setting) in manifest.get("config").and_then(|config| config.as_table()).into_iter().flatten() {
        names.insert(format!("config-{key}"));
        if setting.get("description").is_some() {
            names.insert(format!("config-{key}.description"));
        }
    }
    names
}

#[test]
fn every_plugin_speaks_every_language() {
    for (folder, package) in plugins() {
        let texts: BTreeMap<&str, BTreeSet<String>> = LANGUAGES
            .into_iter()
            .map(|language| {
                let file = folder.join("locales").join(format!("{language}.ftl"));
                (language, messages(&fs::read_to_string(file).unwrap()))
            })
            .collect();
        let translated = of_manifest(&manifest(&folder));
        for language in LANGUAGES.into_iter().filter(|language| *language != "en") {
            // The manifest itself is the English of what it says.
            let (of_manifest, own): (BTreeSet<String>, BTreeSet<String>) = texts[language]
                .iter()
                .cloned()
                .partition(|name| OF_MANIFEST.iter().any(|prefix| name.starts_with(prefix)));
            assert_eq!(of_manifest, translated, "{} in {language}", package.id);
            assert_eq!(own, texts["en"], "{} in {language}", package.id);
        }
    }
}

#[test]
fn every_route_is_described() {
    for (folder, package) in plugins() {
        let manifest = manifest(&folder);
        let routes: BTreeSet<(String, String)> = entries(&manifest, "routes")
            .map(|route| (text(route, "path").to_owned(), text(route, "method").to_ascii_lowercase()))
            .collect();
        let mut described = BTreeSet::new();
        if let Some(file) = manifest["plugin"].get("openapi").and_then(|file| file.as_str()) {
            let fragment: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
            for (path, operations) in fragment["paths"].as_object().unwrap() {
                described.extend(operations.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())));
            }
        }
        assert_eq!(described, routes, "{}", package.id);
    }
}
