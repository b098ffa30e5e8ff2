//! Tokens: signed ones that name a session, and random ones of which only the hash is kept.

use std::collections::HashMap;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::store;
use crate::clock::Timestamp;
use crate::db::{Conn, Db};
use crate::error::{Code, Result};
use crate::id::{SessionId, UserId};

/// How long a retired key still proves the tokens that it signed: longer than any of them lives.
const RETIRED_KEY_GOOD: Duration = Duration::from_secs(24 * 3600);

/// What an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whose it is.
    pub sub: UserId,
    /// The session that it belongs to.
    pub sid: SessionId,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
}

/// The keys that sign access tokens: one signs, those before it still prove.
pub struct Keys(ArcSwap<KeySet>);

struct KeySet {
    signing: (Header, EncodingKey),
    proving: HashMap<String, DecodingKey>,
    validation: Validation,
}

impl Keys {
    /// Loads the keys of this server; a new server makes its first.
    pub async fn load_or_make(conn: &mut Conn, now: Timestamp) -> Result<Keys> {
        if store::signing_keys(conn, now.before(RETIRED_KEY_GOOD)).await?.is_empty() {
            store::add_signing_key(conn, &random(), &random_bytes(), now).await?;
        }
        Ok(Keys(ArcSwap::from_pointee(KeySet::load(conn, now).await?)))
    }

    /// Loads them anew, as another process may have changed them.
    pub async fn reload(&self, db: &Db, now: Timestamp) -> Result<()> {
        self.0.store(KeySet::load(&mut db.read().await?, now).await?.into());
        Ok(())
    }

    /// Signs an access token.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let keys = self.0.load();
        let (header, key) = &keys.signing;
        jsonwebtoken::encode(header, claims, key).map_err(|error| anyhow::Error::from(error).into())
    }

    /// What a token says, if one of our keys signed it and it hasn't ended.
    pub fn prove(&self, token: &str, now: Timestamp) -> Result<Claims> {
        let keys = self.0.load();
        let header = jsonwebtoken::decode_header(token).map_err(|_| Code::Unauthenticated)?;
        let key = header.kid.and_then(|kid| keys.proving.get(&kid)).ok_or(Code::Unauthenticated)?;
        let proved = jsonwebtoken::decode::<Claims>(token, key, &keys.validation).map_err(|_| Code::Unauthenticated)?;
        // The house's clock decides, not the library's: tests move it.
        if proved.claims.exp <= now.as_seconds() { Err(Code::Unauthenticated.into()) } else { Ok(proved.claims) }
    }
}

impl KeySet {
    async fn load(conn: &mut Conn, now: Timestamp) -> Result<KeySet> {
        let rows = store::signing_keys(conn, now.before(RETIRED_KEY_GOOD)).await?;
        let newest = rows.first().ok_or_else(|| anyhow::anyhow!("this server has no signing key"))?;
        let header = Header { kid: Some(newest.id.clone()), ..Header::new(Algorithm::HS256) };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.required_spec_claims = ["sub", "exp"].map(String::from).into();
        Ok(KeySet {
            signing: (header, EncodingKey::from_secret(&newest.secret)),
            proving: rows.iter().map(|key| (key.id.clone(), DecodingKey::from_secret(&key.secret))).collect(),
            validation,
        })
    }
}

/// A new random token of 256 bits.
pub fn random() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes())
}

/// Random bytes for a key.
pub fn random_bytes() -> Vec<u8> {
    use rand::RngCore;
    let mut bytes = vec![0; 32];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// What is kept of a random token. It has 256 bits of its own, so it needs no salt and no slow hash.
pub fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}
