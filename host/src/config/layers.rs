//! How layers of settings are read and put over each other.

use anyhow::{Context, bail};
use toml::{Table, Value};

use super::PREFIX;

/// Reads the configuration file. What is wrong with it is told without quoting it: the line may hold a password.
pub(super) fn parse_file(text: &str) -> anyhow::Result<Table> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        anyhow::anyhow!("the configuration file is not TOML: line {line}: {}", error.message())
    })
}

/// The paths of all settings in a table, such as `database.url`.
pub(super) fn paths(table: &Table, prefix: &str) -> Vec<String> {
    leaves(table, prefix).into_iter().map(|(path, _)| path).collect()
}

pub(super) fn leaves(table: &Table, prefix: &str) -> Vec<(String, Value)> {
    table
        .iter()
        .flat_map(|(key, value)| match value {
            Value::Table(inner) => leaves(inner, &format!("{prefix}{key}.")),
            value => vec![(format!("{prefix}{key}"), value.clone())],
        })
        .collect()
}

pub(super) fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(table.insert(path.to_owned(), value)),
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn get<'t>(table: &'t Table, path: &str) -> Option<&'t Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((section, rest)) => get(table.get(section)?.as_table()?, rest),
    }
}

/// `GUILDHALL_DATABASE_URL` means `database.url`; with `_FILE` at its end its value stands in that file.
pub(super) fn from_variable(name: &str, text: String, known: &[String]) -> anyhow::Result<(String, String)> {
    let variable = |path: &String| format!("{PREFIX}{}", path.replace('.', "_").to_uppercase());
    if let Some(path) = known.iter().find(|path| variable(path) == name) {
        return Ok((path.clone(), text));
    }
    if let Some(path) = known.iter().find(|path| format!("{}_FILE", variable(path)) == name) {
        let secret = std::fs::read_to_string(&text).with_context(|| format!("reading {text}, named by {name}"))?;
        return Ok((path.clone(), secret.trim_end().to_owned()));
    }
    let names: Vec<String> = known.iter().map(variable).collect();
    bail!("unknown variable `{name}`{}", suggestion(name, &names))
}

/// Reads text as the type that a setting has.
pub(super) fn parse_like(settings: &Table, path: &str, text: &str) -> anyhow::Result<Value> {
    Ok(match get(settings, path) {
        Some(Value::Integer(_)) => Value::Integer(text.parse().context("a whole number is wanted")?),
        Some(Value::Boolean(_)) => Value::Boolean(text.parse().context("`true` or `false` is wanted")?),
        Some(Value::Array(_)) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    })
}

pub(super) fn suggestion(wrong: &str, known: &[String]) -> String {
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(wrong, a).total_cmp(&strsim::jaro_winkler(wrong, b)));
    match nearest {
        Some(name) if strsim::jaro_winkler(wrong, name) > 0.8 => format!("; did you mean `{name}`?"),
        _ => String::new(),
    }
}
