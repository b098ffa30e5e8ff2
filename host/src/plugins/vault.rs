//! Secrets that admins type in: sealed before they are stored, and opened by the host alone.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::accounts::token;
use crate::config::{Config, Secret};
use crate::error::Result;

/// The file in the data folder that holds the key, unless the settings do.
const FILE: &str = "plugins.key";

/// What seals and opens secrets. Its key isn't looked for before it is needed.
pub struct Vault {
    given: Secret,
    file: PathBuf,
    key: OnceLock<RandomizedNonceKey>,
}

impl Vault {
    /// The vault whose key the settings give, or a file in the data folder that is made when it is first needed.
    pub fn new(config: &Config) -> Vault {
        Vault { given: config.plugins.key.clone(), file: config.data.join(FILE), key: OnceLock::new() }
    }

    /// Seals a text. Only whoever says the same purpose can have it opened.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<String> {
        let mut sealed = text.as_bytes().to_vec();
        let key = self.key()?;
        let nonce = key.seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| anyhow::anyhow!("a secret can't be sealed"))?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(STANDARD.encode(sealed))
    }

    /// Opens what was sealed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<String> {
        let mut bytes = STANDARD.decode(sealed).context("a sealed secret is no base64")?;
        let end = bytes.len().checked_sub(NONCE_LEN).context("a sealed secret is too short")?;
        let nonce = Nonce::try_assume_unique_for_key(&bytes.split_off(end));
        let nonce = nonce.map_err(|_| anyhow::anyhow!("a sealed secret is too short"))?;
        let opened = self.key()?.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut bytes);
        let opened = opened.map_err(|_| anyhow::anyhow!("a secret was sealed under another key"))?;
        Ok(String::from_utf8(opened.to_vec()).context("a secret is no text")?)
    }

    fn key(&self) -> Result<&RandomizedNonceKey> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let text = self.text()?;
        // Any text will do as a key: its hash has the right length.
        let key = RandomizedNonceKey::new(&AES_256_GCM, digest(&SHA256, text.as_bytes()).as_ref());
        let key = key.map_err(|_| anyhow::anyhow!("a key for secrets can't be made"))?;
        Ok(self.key.get_or_init(|| key))
    }

    fn text(&self) -> anyhow::Result<String> {
        match self.given.is_empty() {
            true => read_or_make(&self.file).with_context(|| format!("the key of {}", self.file.display())),
            false => Ok(self.given.0.clone()),
        }
    }

    /// A key for something else than secrets, which tells nothing of the vault's own.
    pub fn derive(&self, purpose: &str) -> anyhow::Result<hmac::Key> {
        let text = self.text()?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()), purpose.as_bytes());
        Ok(hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()))
    }

    /// A vault with this key.
    #[cfg(test)]
    pub fn of(key: &[u8]) -> Vault {
        let given = Secret(String::from_utf8_lossy(key).into_owned());
        Vault { given, file: PathBuf::new(), key: OnceLock::new() }
    }
}

/// The key in a file; whoever comes first makes it.
fn read_or_make(file: &Path) -> std::io::Result<String> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match options.open(file) {
        Ok(mut made) => {
            let key = token::random();
            made.write_all(key.as_bytes())?;
            made.sync_all()?;
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => std::fs::read_to_string(file),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_in_its_file_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().join("data"), ..Config::default() };
        let sealed = Vault::new(&config).seal("one", "hunter2").unwrap();
        assert!(!sealed.contains("hunter2"));
        let file = config.data.join(FILE);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
        let vault = Vault::new(&config);
        assert_eq!(vault.open("one", &sealed).unwrap(), "hunter2");
        assert!(vault.open("another", &sealed).is_err());
        assert_ne!(vault.seal("one", "hunter2").unwrap(), sealed, "no two look the same");
        for broken in ["", "AAAA", "%", &sealed[4..]] {
            assert!(vault.open("one", broken).is_err(), "{broken}");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(Vault::new(&config).open("one", &sealed).is_err(), "that is another key");
    }
}
