//! The second factor: six digits that change every half minute, and codes for when the phone is lost.

use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use utoipa::ToSchema;

use super::store::Credentials;
use super::{Caller, announce, password, token};
use crate::app::App;
use crate::error::{Code, Result};
use crate::http::body::{Faults, Validate};
use crate::id::UserId;
use crate::log::Tx;

pub mod routes;
mod store;

/// Seconds that a code is shown.
const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;
/// Bytes of a secret, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// The name that authenticator apps show.
const ISSUER: &str = "Guildhall";
/// Codes for when the phone is lost.
const RECOVERY_CODES: usize = 10;
/// The longest code that is looked at, in characters.
pub(super) const MAX_CODE: usize = 64;

/// `POST /users/@me/totp`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// The account's password.
    pub password: String,
}

impl Validate for Begin {
    fn check(&self, faults: &mut Faults) {
        password::check_length("/password", &self.password, faults);
    }
}

/// A secret for an authenticator app; nothing asks for it until it is confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Begun {
    /// The secret, in base 32.
    pub secret: String,
    /// The same as an address, for a QR code.
    pub otpauth_url: String,
}

/// `PUT /users/@me/totp`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// What the authenticator app shows.
    pub code: String,
}

impl Validate for Confirm {
    fn check(&self, faults: &mut Faults) {
        faults.length("/code", &self.code, 1, MAX_CODE);
    }
}

/// Codes for when the phone is lost, shown this once; each is good once.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten codes.
    pub recovery_codes: Vec<String>,
}

/// `DELETE /users/@me/totp`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The account's password.
    pub password: String,
    /// What the authenticator app shows, or a recovery code.
    pub code: String,
}

impl Validate for End {
    fn check(&self, faults: &mut Faults) {
        password::check_length("/password", &self.password, faults);
        faults.length("/code", &self.code, 1, MAX_CODE);
    }
}

/// Gives the caller a secret for their authenticator app.
pub async fn begin(app: &App, caller: &Caller, begin: Begin) -> Result<Begun> {
    password::require_own(app, caller, begin.password).await?;
    let secret = Secret::from(token::random_bytes()[..SECRET_BYTES].to_vec()).to_base32();
    let account = caller.identity()?.author.username.clone();
    let otpauth_url =
        totp(&secret, &account)?.to_url().map_err(|error| anyhow::anyhow!("an otpauth address: {error}"))?;
    let (user, kept) = (caller.user, secret.clone());
    caller
        .write(app, &[user.into()], move |tx| {
            Box::pin(async move {
                if !store::propose(tx, user, &kept).await? {
                    return Err(Code::AlreadyExists.into());
                }
                announce(tx, user).await.map(drop)
            })
        })
        .await?;
    Ok(Begun { secret, otpauth_url })
}

/// Switches the second factor on, for whoever shows that their app has the secret.
pub async fn confirm(app: &App, caller: &Caller, confirm: Confirm) -> Result<RecoveryCodes> {
    caller.require_person()?;
    let user = caller.user;
    let recovery_codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes: Vec<String> = recovery_codes.iter().map(|code| recovery_hash(code)).collect();
    caller
        .write(app, &[user.into()], move |tx| {
            Box::pin(async move {
                let (secret, enabled) = store::secret(tx, user).await?.ok_or(Code::NotFound)?;
                if enabled {
                    return Err(Code::AlreadyExists.into());
                }
                if !take_code(tx, user, &secret, &confirm.code).await? {
                    return Err(Code::BadCredentials.into());
                }
                store::enable(tx, user).await?;
                store::replace_codes(tx, user, &hashes).await?;
                announce(tx, user).await.map(drop)
            })
        })
        .await?;
    Ok(RecoveryCodes { recovery_codes })
}

/// Switches the second factor off.
pub async fn end(app: &App, caller: &Caller, end: End) -> Result<()> {
    password::require_own(app, caller, end.password).await?;
    let user = caller.user;
    caller
        .write(app, &[user.into()], move |tx| {
            Box::pin(async move {
                let (secret, enabled) = store::secret(tx, user).await?.ok_or(Code::NotFound)?;
                if enabled {
                    require_shown(tx, user, &secret, &end.code).await?;
                }
                store::disable(tx, user).await?;
                announce(tx, user).await.map(drop)
            })
        })
        .await
}

/// Refuses whoever has a second factor and doesn't show it. A code works once, a recovery code too.
pub(super) async fn check(tx: &mut Tx, account: &Credentials, shown: Option<&str>) -> Result<()> {
    // As of this transaction: it may have been switched on since the password was looked at.
    let Some((secret, true)) = store::secret(tx, account.id).await? else { return Ok(()) };
    require_shown(tx, account.id, &secret, shown.ok_or(Code::SecondFactorRequired)?).await
}

async fn require_shown(tx: &mut Tx, user: UserId, secret: &str, shown: &str) -> Result<()> {
    if take_code(tx, user, secret, shown).await? || store::take_recovery_code(tx, user, &recovery_hash(shown)).await? {
        return Ok(());
    }
    Err(Code::BadCredentials.into())
}

/// Whether a code is right; it is used up then.
async fn take_code(tx: &mut Tx, user: UserId, secret: &str, shown: &str) -> Result<bool> {
    match matching_step(secret, shown.trim(), tx.now.as_seconds() as u64)? {
        Some(step) => Ok(store::take_step(tx, user, step).await?),
        None => Ok(false),
    }
}

/// The step whose code was shown: the present one, or a neighbour of it for clocks that differ.
fn matching_step(secret: &str, shown: &str, now: u64) -> Result<Option<i64>> {
    Ok(totp(secret, "account")?.check(shown, now).map(|step| step as i64))
}

fn totp(secret: &str, account: &str) -> Result<Totp> {
    let secret = Secret::try_from_base32(secret).map_err(|error| anyhow::anyhow!("a stored second factor: {error}"))?;
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(1)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret)
        .with_account_name(account)
        .with_issuer(Some(ISSUER))
        .build()
        .map_err(|error| anyhow::anyhow!("a stored second factor: {error}"))?;
    Ok(totp)
}

/// Eighty random bits, in groups that can be read out.
fn recovery_code() -> String {
    let code = Secret::from(token::random_bytes()[..10].to_vec()).to_base32().to_lowercase();
    let groups: Vec<&str> = code.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("-")
}

/// What is kept of a recovery code, however it was typed.
fn recovery_hash(code: &str) -> String {
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    token::hash(&typed.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret `12345678901234567890` of RFC 6238's appendix B, and the last six digits of its codes.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_the_standard_and_of_its_neighbours() {
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            let step = time as i64 / 30;
            for now in [time - 30, time, time + 30] {
                assert_eq!(matching_step(SECRET, code, now).unwrap(), Some(step), "{code} at {now}");
            }
            assert_eq!(matching_step(SECRET, code, time + 90).unwrap(), None);
        }
    }

    #[test]
    fn recovery_codes_differ_and_are_read_however_they_are_typed() {
        let code = recovery_code();
        assert_eq!(code.len(), 19);
        assert_ne!(code, recovery_code());
        assert_eq!(recovery_hash(&code), recovery_hash(&code.to_uppercase().replace('-', " ")));
    }
}
