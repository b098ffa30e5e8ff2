//! The second factor: six digits that change every half minute, and codes for when the phone is lost.

use totp_rs::{Algorithm, Builder, Secret};

use super::store::{self, Credentials};
use super::token;
use crate::error::{Code, Result};
use crate::log::Tx;

/// Seconds that a code is shown.
const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;

/// Refuses whoever has a second factor and doesn't show it. A code works once, a recovery code too.
pub(super) async fn check(tx: &mut Tx, account: &Credentials, shown: Option<&str>) -> Result<()> {
    let Some(secret) = account.totp_secret.as_ref().filter(|_| account.totp_enabled) else { return Ok(()) };
    let shown = shown.ok_or(Code::SecondFactorRequired)?;
    if let Some(step) = matching_step(secret, shown, tx.now.as_seconds() as u64)?
        && store::take_totp_step(tx, account.id, step).await?
    {
        return Ok(());
    }
    if store::take_recovery_code(tx, account.id, &token::hash(shown)).await? {
        return Ok(());
    }
    Err(Code::BadCredentials.into())
}

/// The step whose code was shown: the present one, or a neighbour of it for clocks that differ.
pub(super) fn matching_step(secret: &str, shown: &str, now: u64) -> Result<Option<i64>> {
    let secret = Secret::try_from_base32(secret).map_err(|error| anyhow::anyhow!("a stored second factor: {error}"))?;
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(1)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret)
        .build()
        .map_err(|error| anyhow::anyhow!("a stored second factor: {error}"))?;
    Ok(totp.check(shown, now).map(|step| step as i64))
}
