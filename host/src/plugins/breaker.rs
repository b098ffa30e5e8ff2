//! Breakers: a hook that keeps failing is left alone for a while, and a plugin that doesn't recover is switched
//! off.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;

use super::manifest::Hook;
use crate::clock::Timestamp;
use crate::id::InstallationId;

/// Calls that are looked at.
const LOOKED_AT: usize = 50;
/// Failures among them that open a breaker, if they are also more than a share of them.
const FAILURES: usize = 5;
/// That share: one of so many.
const SHARE: usize = 5;
/// How long it stays open the first time; each time after that twice as long.
const OPEN: Duration = Duration::from_secs(30);
/// Openings within a day after which the plugin is switched off.
const OPENINGS: usize = 3;
/// How long an opening counts.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What becomes of a hook after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is called as before.
    Fine,
    /// It isn't called for a while.
    Opened,
    /// Its plugin is to be switched off.
    GivenUp,
}

/// Whether a hook may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Closed,
    /// It may once, to see whether it works again.
    Probe,
    /// Not before then.
    Open(Timestamp),
}

#[derive(Default)]
struct Breaker {
    /// The newest calls: whether each failed.
    calls: VecDeque<bool>,
    open_until: Option<Timestamp>,
    probing: bool,
    openings: Vec<Timestamp>,
}

/// The breakers of all hooks on this node.
#[derive(Default)]
pub struct Breakers(Mutex<HashMap<(InstallationId, Hook), Breaker>>);

impl Breakers {
    /// Whether a hook may be called. Whoever is let through must tell how it ended.
    pub fn ask(&self, id: InstallationId, hook: Hook, now: Timestamp) -> Gate {
        let mut all = self.0.lock();
        let Some(breaker) = all.get_mut(&(id, hook)) else { return Gate::Closed };
        match breaker.open_until {
            None => Gate::Closed,
            Some(until) if now < until || breaker.probing => Gate::Open(until.max(now)),
            Some(_) => {
                breaker.probing = true;
                Gate::Probe
            }
        }
    }

    /// Notes how a call ended. A call that says nothing about the plugin, such as one that found no slot, is
    /// told as `None`.
    pub fn tell(&self, id: InstallationId, hook: Hook, failed: Option<bool>, now: Timestamp) -> Verdict {
        let mut all = self.0.lock();
        if failed != Some(true) && !all.contains_key(&(id, hook)) {
            // Most hooks never fail: nothing is kept of them.
            return Verdict::Fine;
        }
        let breaker = all.entry((id, hook)).or_default();
        let probed = std::mem::take(&mut breaker.probing);
        let Some(failed) = failed else { return Verdict::Fine };
        breaker.calls.push_back(failed);
        if breaker.calls.len() > LOOKED_AT {
            breaker.calls.pop_front();
        }
        if !failed {
            if probed {
                (breaker.open_until, breaker.calls) = (None, VecDeque::new());
            }
            return Verdict::Fine;
        }
        let failures = breaker.calls.iter().filter(|failed| **failed).count();
        let too_many = failures >= FAILURES && failures * SHARE > breaker.calls.len();
        if !probed && (breaker.open_until.is_some() || !too_many) {
            return Verdict::Fine;
        }
        breaker.openings.retain(|at| *at > now.before(DAY));
        breaker.openings.push(now);
        if breaker.openings.len() >= OPENINGS {
            all.remove(&(id, hook));
            return Verdict::GivenUp;
        }
        breaker.open_until = Some(now.after(OPEN * (1 << (breaker.openings.len() - 1))));
        Verdict::Opened
    }

    /// Until when a hook isn't called, if its breaker is open.
    pub fn open_until(&self, id: InstallationId, hook: Hook) -> Option<Timestamp> {
        self.0.lock().get(&(id, hook)).and_then(|breaker| breaker.open_until)
    }

    /// How many are open.
    pub fn open(&self, now: Timestamp) -> usize {
        self.0.lock().values().filter(|breaker| breaker.open_until.is_some_and(|until| until > now)).count()
    }

    /// Begins anew with an installation: its admin has changed something.
    pub fn forget(&self, id: InstallationId) {
        self.0.lock().retain(|(one, _), _| *one != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: InstallationId = InstallationId(1);
    const HOOK: Hook = Hook::OnMessage;

    fn at(second: i64) -> Timestamp {
        Timestamp(1_000_000_000 + second * 1_000)
    }

    fn fail(breakers: &Breakers, times: usize, second: i64) -> Verdict {
        (0..times).map(|_| breakers.tell(ID, HOOK, Some(true), at(second))).last().unwrap_or(Verdict::Fine)
    }

    #[test]
    fn a_hook_that_fails_too_often_is_left_alone_and_tried_once() {
        let breakers = Breakers::default();
        assert_eq!(fail(&breakers, 4, 0), Verdict::Fine);
        assert_eq!(breakers.ask(ID, HOOK, at(0)), Gate::Closed);
        assert_eq!(fail(&breakers, 1, 0), Verdict::Opened);
        assert_eq!(breakers.ask(ID, HOOK, at(29)), Gate::Open(at(30)));
        assert_eq!(breakers.ask(ID, HOOK, at(30)), Gate::Probe);
        assert_eq!(breakers.ask(ID, HOOK, at(30)), Gate::Open(at(30)), "one at a time");
        assert_eq!(breakers.tell(ID, HOOK, Some(false), at(31)), Verdict::Fine);
        assert_eq!(breakers.ask(ID, HOOK, at(31)), Gate::Closed);
    }

    #[test]
    fn a_few_failures_among_many_calls_do_no_harm() {
        let breakers = Breakers::default();
        fail(&breakers, 1, 0);
        for _ in 0..45 {
            breakers.tell(ID, HOOK, Some(false), at(0));
        }
        assert_eq!(fail(&breakers, 10, 0), Verdict::Fine, "a fifth of fifty, and not more");
        assert_eq!(fail(&breakers, 1, 0), Verdict::Opened);
    }

    #[test]
    fn a_plugin_that_does_not_recover_is_given_up() {
        let breakers = Breakers::default();
        assert_eq!(fail(&breakers, 5, 0), Verdict::Opened);
        assert_eq!(breakers.ask(ID, HOOK, at(30)), Gate::Probe);
        assert_eq!(fail(&breakers, 1, 30), Verdict::Opened);
        assert_eq!(breakers.ask(ID, HOOK, at(89)), Gate::Open(at(90)), "twice as long");
        assert_eq!(breakers.ask(ID, HOOK, at(90)), Gate::Probe);
        assert_eq!(fail(&breakers, 1, 90), Verdict::GivenUp);
    }

    #[test]
    fn a_probe_that_says_nothing_lets_another_be_made() {
        let breakers = Breakers::default();
        fail(&breakers, 5, 0);
        assert_eq!(breakers.ask(ID, HOOK, at(30)), Gate::Probe);
        breakers.tell(ID, HOOK, None, at(30));
        assert_eq!(breakers.ask(ID, HOOK, at(30)), Gate::Probe);
    }
}
