//! What becomes of a call that came to nothing and that nobody waits for: whether it is tried again, and when.

use std::time::Duration;

use super::failure::{Failure, FailureCode};
use super::manifest::Hook;
use crate::app::App;
use crate::id::InstallationId;

/// Attempts in all.
const ATTEMPTS: i64 = 3;
/// How long the second attempt waits; each after it four times as long.
const WAIT: Duration = Duration::from_millis(500);
/// How long to wait for a breaker that is just being probed.
const PROBE: Duration = Duration::from_secs(1);

/// How long to wait for an installation that has spent all it may, and for a server that can't do more.
const THROTTLED: Duration = Duration::from_secs(2);

/// How often it is looked whether files are back that weren't there.
const MISSING: Duration = Duration::from_secs(60);

/// What comes next.
pub enum Next {
    /// Another attempt: the count of those before it, and how long it waits.
    Again {
        /// Attempts so far.
        attempt: i64,
        /// How long to wait.
        wait: Duration,
    },
    /// Nothing: it was tried often enough.
    GiveUp,
    /// Nothing: the plugin said no, or need not be asked any more.
    Over,
}

/// What comes after a call failed that was tried `tried` times before.
pub fn after(app: &App, installation: InstallationId, hook: Hook, failure: &Failure, tried: i64) -> Next {
    match failure.code {
        // It wasn't called at all.
        FailureCode::BreakerOpen => {
            let now = app.now();
            let until = app.plugins.breakers.open_until(installation, hook).map_or(PROBE, |until| until.since(now));
            Next::Again { attempt: tried, wait: until.max(PROBE) }
        }
        // It must wait until it may spend something again.
        FailureCode::Throttled => Next::Again { attempt: tried, wait: THROTTLED },
        // The server can't do it now, which says nothing about the plugin: however long that lasts, it isn't given up.
        FailureCode::Full | FailureCode::Host => Next::Again { attempt: tried, wait: THROTTLED },
        FailureCode::Missing => Next::Again { attempt: tried, wait: MISSING },
        code if failure.counts() || code == FailureCode::Conflict => {
            let attempt = tried + 1;
            if attempt >= ATTEMPTS {
                return Next::GiveUp;
            }
            Next::Again { attempt, wait: WAIT * 4_u32.pow(tried.clamp(0, ATTEMPTS) as u32) }
        }
        _ => Next::Over,
    }
}
