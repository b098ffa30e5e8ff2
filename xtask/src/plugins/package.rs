//! What a plugin's folder holds besides its code.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A plugin's sources, beside its crate.
pub struct Package {
    /// The name of the folder and of the crate.
    pub name: String,
    /// The plugin's id, such as `guildhall.polls`.
    pub id: String,
    /// The plugin's version.
    pub version: String,
    /// Names of the permissions that the manifest asks for.
    pub permissions: Vec<String>,
    /// Names of the hooks that the manifest lists.
    pub hooks: Vec<String>,
    /// The custom sections of its component, in their order: names and contents.
    pub sections: Vec<(String, Vec<u8>)>,
}

impl Package {
    /// All plugins in a folder, in the order of their names.
    pub fn all_in(sources: &Path) -> Result<Vec<Package>> {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(sources)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        folders.retain(|folder| folder.join("plugin.toml").is_file());
        folders.sort();
        folders.iter().map(|folder| Package::read(folder)).collect()
    }

    fn read(folder: &Path) -> Result<Package> {
        let name = folder.file_name().context("a plugin's folder has no name")?.to_string_lossy().into_owned();
        let manifest = fs::read_to_string(folder.join("plugin.toml"))?;
        let package = Package::parse(name, &manifest, folder);
        package.with_context(|| format!("reading {}", folder.join("plugin.toml").display()))
    }

    /// Only what building needs is looked at here: the server judges the manifest.
    fn parse(name: String, manifest: &str, folder: &Path) -> Result<Package> {
        let table: toml::Table = manifest.parse()?;
        let plugin = table.get("plugin").and_then(|plugin| plugin.as_table()).context("[plugin] is missing")?;
        let text = |key: &str| plugin.get(key).and_then(|value| value.as_str());
        let id = text("id").context("plugin.id is missing")?;
        let named = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        ensure!(named && !id.starts_with('.'), "{id} is no plugin's id");
        let mut sections = vec![("guildhall:manifest".to_owned(), manifest.as_bytes().to_vec())];
        sections.extend(locales(&folder.join("locales"))?);
        if let Some(openapi) = text("openapi") {
            let fragment = fs::read(folder.join(openapi)).with_context(|| format!("reading {openapi}"))?;
            sections.push(("guildhall:openapi".to_owned(), fragment));
        }
        for (section, file) in [("guildhall:readme", "README.md"), ("guildhall:icon", "icon.png")] {
            sections.extend(read_if_there(&folder.join(file))?.map(|content| (section.to_owned(), content)));
        }
        Ok(Package {
            name,
            id: id.to_owned(),
            version: text("version").context("plugin.version is missing")?.to_owned(),
            permissions: names(&table, "permissions"),
            hooks: names(&table, "hooks"),
            sections,
        })
    }

    /// What cargo calls the module.
    pub fn module_name(&self) -> String {
        format!("{}.wasm", self.name.replace('-', "_"))
    }
}

/// The `name`s in an array of tables.
fn names(table: &toml::Table, key: &str) -> Vec<String> {
    let entries = table.get(key).and_then(|value| value.as_array()).map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| entry.get("name")?.as_str().map(str::to_owned)).collect()
}

/// A section for each language, in the order of their names.
fn locales(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut sections = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(sections),
        entries => entries.with_context(|| format!("reading {}", folder.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        if let (Some(language), Some("ftl")) = (path.file_stem(), path.extension().and_then(|e| e.to_str())) {
            sections.push((format!("guildhall:locale:{}", language.to_string_lossy()), fs::read(&path)?));
        }
    }
    sections.sort();
    Ok(sections)
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_its_manifest_and_the_files_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "[plugin]\nid = 'a.b'\nversion = '1.0.0'\nopenapi = 'api.json'\n\
            [[permissions]]\nname = 'members'\n[[hooks]]\nname = 'scheduled'\n";
        fs::write(folder.path().join("plugin.toml"), manifest).unwrap();
        fs::write(folder.path().join("api.json"), "{}").unwrap();
        fs::create_dir(folder.path().join("locales")).unwrap();
        for language in ["tr", "en"] {
            fs::write(folder.path().join("locales").join(format!("{language}.ftl")), language).unwrap();
        }
        let package = Package::read(folder.path()).unwrap();
        assert_eq!((package.id.as_str(), package.version.as_str()), ("a.b", "1.0.0"));
        assert_eq!((package.permissions, package.hooks), (vec!["members".to_owned()], vec!["scheduled".to_owned()]));
        let sections: Vec<&str> = package.sections.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(sections, ["guildhall:manifest", "guildhall:locale:en", "guildhall:locale:tr", "guildhall:openapi"]);
    }
}
