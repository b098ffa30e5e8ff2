//! Holds the contract with plugins against what was released of it: `wit/` and `wit/released/`.

use std::fs;
use std::path::PathBuf;

use wit_parser::{PackageId, Resolve};

use crate::workspace;

/// A version that stands for the contract as it is now, beside any released one.
const NOW: &str = "package guildhall:plugin@9999.0.0;";

fn folder() -> PathBuf {
    workspace::root().join("wit")
}

/// The contract as it is now, in one text.
fn now() -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wit"));
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    texts.map(|text| text.split_once('\n').unwrap().1.to_owned()).collect()
}

/// The newest released contract: its text, and the name of its file without the ending.
fn released() -> (String, String) {
    let files = fs::read_dir(folder().join("released")).unwrap().map(|entry| entry.unwrap().path());
    let version = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        name.split('.').map(|part| part.parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    let newest = files.max_by_key(version).unwrap();
    (fs::read_to_string(&newest).unwrap(), newest.file_stem().unwrap().to_str().unwrap().to_owned())
}

fn push(resolve: &mut Resolve, name: &str, text: &str) -> PackageId {
    resolve.push_str(name, text).unwrap()
}

/// Whether plugins built against one contract run on a host with the other: what they import is
/// still there and unchanged, and the hooks that they export are still called in the same way.
fn is_compatible(old: &str, new: &str) -> Result<(), String> {
    let new = format!("{NOW}\n{}", new.split_once('\n').unwrap().1);
    let mut resolve = Resolve::default();
    let old = push(&mut resolve, "old.wit", old);
    let new = push(&mut resolve, "new.wit", &new);
    for (name, &before) in &resolve.packages[old].worlds {
        // It exports every hook, so a new hook would make it another; each has a world of its own.
        if name == "host-all" {
            continue;
        }
        let after = resolve.packages[new].worlds.get(name).ok_or_else(|| format!("the world {name} is gone"))?;
        let check = wit_component::semver_check(resolve.clone(), before, *after);
        check.map_err(|error| format!("the world {name} has changed: {error:#}"))?;
    }
    Ok(())
}

#[test]
fn the_contract_is_compatible_with_what_was_released() {
    let (released, version) = released();
    assert!(released.starts_with(&format!("package guildhall:plugin@{version};")), "{version}");
    let now = now();
    is_compatible(&released, &format!("\n{now}")).unwrap();
}

#[test]
fn a_new_function_is_compatible_and_a_new_field_or_parameter_is_not() {
    let (released, _) = released();
    let changed = |from: &str, to: &str| {
        assert_eq!(released.matches(from).count(), 1, "{from}");
        is_compatible(&released, &released.replace(from, to))
    };
    changed("  number: func() -> u64;", "  number: func() -> u64;\n  coin: func() -> bool;").unwrap();
    changed("  number: func() -> u64;", "").unwrap_err();
    changed("  bytes: func(len: u32)", "  bytes: func(len: u32, fast: bool)").unwrap_err();
    changed("record reaction-count {", "record reaction-count {\n    me: bool,").unwrap_err();
    changed("  /// These were sent.", "  more: func();\n").unwrap_err();
}
