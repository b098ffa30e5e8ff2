//! What is known about a running service, kept in a small file between commands.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A service that was started and, unless something ended it meanwhile, still runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The process to stop.
    pub pid: u32,
    /// Whether it runs until it is stopped by hand, rather than until the last test run is over.
    pub kept: bool,
    /// How tests reach it, password included.
    pub url: String,
    /// The scratch folder with its data and its log.
    pub folder: PathBuf,
}

impl State {
    /// Reads a state file. One that is missing or not whole, as after a power cut, tells of
    /// nothing that could still run.
    pub fn read(path: &Path) -> Result<Option<State>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(State::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Writes a state file as a whole or not at all, readable for nobody else because the URL
    /// has a password.
    pub fn write(&self, path: &Path) -> Result<()> {
        let folder = path.parent().context("a state file lies in a folder")?;
        let mut file = tempfile::NamedTempFile::new_in(folder).context("making a state file")?;
        file.write_all(self.to_text().as_bytes())?;
        file.persist(path).with_context(|| format!("writing {}", path.display()))?;
        Ok(())
    }

    /// Removes a state file, if it is there.
    pub fn remove(path: &Path) -> Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    fn to_text(&self) -> String {
        let State { pid, kept, url, folder } = self;
        let folder = folder.display();
        format!("pid = {pid}\nkept = {kept}\nurl = {url}\nfolder = {folder}\nend\n")
    }

    /// The last line shows that the text is whole.
    fn parse(text: &str) -> Option<State> {
        let lines = text.strip_suffix("end\n")?;
        let value = |name: &str| lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        Some(State {
            pid: value("pid")?.parse().ok()?,
            kept: value("kept")?.parse().ok()?,
            url: value("url")?.to_owned(),
            folder: value("folder")?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> State {
        State {
            pid: 4711,
            kept: true,
            url: "postgres://guildhall:secret@127.0.0.1:5433/postgres?a = b".to_owned(),
            folder: "/a folder/postgres-x".into(),
        }
    }

    #[test]
    fn a_state_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postgres.state");
        assert_eq!(State::read(&path).unwrap(), None);
        example().write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), Some(example()));
        State::remove(&path).unwrap();
        State::remove(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), None);
    }

    #[test]
    fn every_part_of_a_state_is_no_state() {
        let text = example().to_text();
        for length in 0..text.len() {
            assert_eq!(State::parse(&text[..length]), None, "of {length} bytes");
        }
        assert_eq!(State::parse(&text), Some(example()));
    }

    #[test]
    fn a_state_with_a_strange_value_is_no_state() {
        assert_eq!(State::parse(&example().to_text().replace("4711", "-1")), None);
        assert_eq!(State::parse(&example().to_text().replace("true", "perhaps")), None);
        assert_eq!(State::parse(&example().to_text().replace("url", "uri")), None);
    }
}
