//! Tokens: signed ones that name a session, and random ones of which only the hash is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{Conn, Db};
use crate::error::{Code, Result};
use crate::id::{SessionId, UserId};

pub(super) mod store;

/// The longest token that is looked at, in characters.
pub const MAX_CHARS: usize = 128;
/// How often the keys are loaded anew, as another process may have changed them.
const RELOAD_INTERVAL: Duration = Duration::from_secs(30);
/// How long an unknown key is not looked for again: made-up ones must not keep the database busy.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a retired key still proves the tokens that it signed: longer than any of them lives.
pub(super) const RETIRED_KEY_GOOD: Duration = Duration::from_secs(24 * 3600);

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
pub struct Keys {
    set: ArcSwap<KeySet>,
    looked_at: AtomicI64,
}

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
        let set = ArcSwap::from_pointee(KeySet::load(conn, now).await?);
        Ok(Keys { set, looked_at: AtomicI64::new(0) })
    }

    /// Loads them anew, as another process may have changed them.
    pub async fn reload(&self, db: &Db, now: Timestamp) -> Result<()> {
        self.set.store(KeySet::load(&mut db.read().await?, now).await?.into());
        Ok(())
    }

    /// Signs an access token.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let keys = self.set.load();
        let (header, key) = &keys.signing;
        jsonwebtoken::encode(header, claims, key).map_err(|error| anyhow::Error::from(error).into())
    }

    /// Whether a token names a key that isn't known, and it is time to look for new ones.
    fn may_be_newer(&self, token: &str, now: Timestamp) -> bool {
        let Ok(header) = jsonwebtoken::decode_header(token) else { return false };
        let unknown = header.kid.is_some_and(|kid| !self.set.load().proving.contains_key(&kid));
        let before = now.before(LOOK_AGAIN).0;
        let due = |last: i64| (last <= before).then_some(now.0);
        unknown && self.looked_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }

    /// What a token says, if one of our keys signed it and it hasn't ended.
    pub fn prove(&self, token: &str, now: Timestamp) -> Result<Claims> {
        let keys = self.set.load();
        let header = jsonwebtoken::decode_header(token).map_err(|_| Code::Unauthenticated)?;
        let key = header.kid.and_then(|kid| keys.proving.get(&kid)).ok_or(Code::Unauthenticated)?;
        let proved = jsonwebtoken::decode::<Claims>(token, key, &keys.validation).map_err(|_| Code::Unauthenticated)?;
        // The house's clock decides, not the library's: tests move it.
        if proved.claims.exp <= now.as_seconds() { Err(Code::Unauthenticated.into()) } else { Ok(proved.claims) }
    }
}

/// What an access token says, if this server made it and it hasn't ended. A key that another process
/// made is looked for at once.
pub async fn prove(app: &App, token: &str) -> Result<Claims> {
    let now = app.now();
    if app.keys.may_be_newer(token, now) {
        app.keys.reload(&app.db, now).await?;
    }
    app.keys.prove(token, now)
}

/// Loads the keys anew now and then, as long as the server runs.
pub async fn keep_fresh(app: App) {
    let mut due = tokio::time::interval(RELOAD_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = app.ending() => return,
        }
        if let Err(error) = app.keys.reload(&app.db, app.now()).await {
            tracing::warn!(%error, "the signing keys can't be loaded");
        }
    }
}

/// A key of this server, without its secret.
#[derive(Debug, Clone)]
pub struct KeyView {
    /// What tokens name in `kid`.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it only proves; nothing if it signs.
    pub retired_at: Option<Timestamp>,
}

/// The keys that sign or still prove, the newest first.
pub async fn list(app: &App) -> Result<Vec<KeyView>> {
    let rows = store::signing_keys(&mut app.db.read().await?, app.now().before(RETIRED_KEY_GOOD)).await?;
    let view = |key: store::SigningKey| KeyView { id: key.id, created_at: key.created_at, retired_at: key.retired_at };
    Ok(rows.into_iter().map(view).collect())
}

/// Lets a new key sign; those before it still prove what they signed. Answers the new one's name.
pub async fn rotate(app: &App) -> Result<String> {
    let (id, secret) = (random(), random_bytes());
    let name = id.clone();
    app.writer
        .run(None, None, &[], move |tx| {
            Box::pin(async move {
                let now = tx.now;
                store::retire_signing_keys(tx, now).await?;
                Ok(store::add_signing_key(tx, &id, &secret, now).await?)
            })
        })
        .await?;
    app.keys.reload(&app.db, app.now()).await?;
    Ok(name)
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
