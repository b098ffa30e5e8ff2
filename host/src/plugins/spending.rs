//! What installations may spend in a minute on this node, so that one guild's plugin leaves something to the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::manifest::CallClass;
use crate::closed_set;
use crate::id::InstallationId;

/// How long a full allowance takes to come back.
const MINUTE: Duration = Duration::from_secs(60);
/// Installations after which those that have all they may spend are forgotten.
const KEPT: usize = 10_000;

closed_set! {
    /// What is spent.
    pub enum Purse {
        /// Milliseconds on a processor.
        Cpu = "cpu",
        /// Those of filters: whatever the others use up, messages go on being checked.
        Filters = "filters",
        /// Messages sent.
        Messages = "messages",
        /// What is done to others.
        Moderation = "moderation",
    }
}

impl Purse {
    /// Where calls of a class take their time from.
    pub fn of(class: CallClass) -> Purse {
        if class == CallClass::Filter { Purse::Filters } else { Purse::Cpu }
    }

    /// What may be spent in a minute.
    const fn most(self) -> f64 {
        match self {
            Purse::Cpu | Purse::Filters => 30_000.0,
            Purse::Messages | Purse::Moderation => 60.0,
        }
    }
}

/// Calls of one installation under way at once, at most, and as many of its filter: the others wait.
const IN_FLIGHT: usize = 32;

struct Account {
    left: [f64; Purse::ALL.len()],
    filled: Instant,
    /// When it was last told that it has too little.
    told: [Option<Instant>; Purse::ALL.len()],
    calls: Arc<Semaphore>,
    filters: Arc<Semaphore>,
}

impl Account {
    fn new(now: Instant) -> Account {
        let left = std::array::from_fn(|purse| Purse::ALL[purse].most());
        let [calls, filters] = std::array::from_fn(|_| Arc::new(Semaphore::new(IN_FLIGHT)));
        Account { left, filled: now, told: Default::default(), calls, filters }
    }

    fn fill(&mut self, now: Instant) {
        let share = now.duration_since(std::mem::replace(&mut self.filled, now)).as_secs_f64() / MINUTE.as_secs_f64();
        for (left, purse) in self.left.iter_mut().zip(Purse::ALL) {
            *left = (*left + share * purse.most()).min(purse.most());
        }
    }

    fn is_idle(&self) -> bool {
        [&self.calls, &self.filters].iter().all(|places| places.available_permits() == IN_FLIGHT)
            && self.left.iter().zip(Purse::ALL).all(|(left, purse)| *left >= purse.most())
    }
}

/// What installations have spent.
#[derive(Default)]
pub struct Spending(Mutex<HashMap<InstallationId, Account>>);

impl Spending {
    /// Where a call must get its place before it begins, whose time is taken from here; nothing if too much of it was
    /// spent.
    pub fn enter(&self, installation: InstallationId, time: Purse, now: Instant) -> Option<Arc<Semaphore>> {
        let mut accounts = self.0.lock();
        if accounts.len() >= KEPT {
            accounts.retain(|_, account| {
                account.fill(now);
                !account.is_idle()
            });
        }
        let account = accounts.entry(installation).or_insert_with(|| Account::new(now));
        account.fill(now);
        let places = if time == Purse::Filters { &account.filters } else { &account.calls };
        (account.left[time as usize] > 0.0).then(|| places.clone())
    }

    /// Spends what was used already: it may be more than there was.
    pub fn spend(&self, installation: InstallationId, purse: Purse, much: f64) {
        if let Some(account) = self.0.lock().get_mut(&installation) {
            account.left[purse as usize] -= much;
        }
    }

    /// Whether its admins are to be told that an installation has too little of this: once in a minute.
    pub fn tells(&self, installation: InstallationId, purse: Purse, now: Instant) -> bool {
        let mut accounts = self.0.lock();
        let Some(account) = accounts.get_mut(&installation) else { return false };
        let told = &mut account.told[purse as usize];
        let tells = told.is_none_or(|told| now.duration_since(told) >= MINUTE);
        if tells {
            *told = Some(now);
        }
        tells
    }

    /// Spends if there is so much left.
    pub fn take(&self, installation: InstallationId, purse: Purse, much: f64) -> bool {
        let mut accounts = self.0.lock();
        let Some(account) = accounts.get_mut(&installation) else { return true };
        let left = &mut account.left[purse as usize];
        let enough = *left >= much;
        if enough {
            *left -= much;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: InstallationId = InstallationId(1);

    #[test]
    fn what_is_spent_comes_back_within_a_minute() {
        let (spending, now) = (Spending::default(), Instant::now());
        assert!(spending.enter(ID, Purse::Cpu, now).is_some());
        assert!((0..60).all(|_| spending.take(ID, Purse::Messages, 1.0)));
        assert!(!spending.take(ID, Purse::Messages, 1.0));
        spending.spend(ID, Purse::Cpu, 60_000.0);
        assert!(spending.enter(ID, Purse::Cpu, now + Duration::from_secs(30)).is_none(), "it owes a minute's worth");
        assert!(spending.enter(ID, Purse::Filters, now).is_some(), "filters have time of their own");
        assert!(spending.enter(ID, Purse::Cpu, now + Duration::from_secs(90)).is_some());
        assert!(spending.take(ID, Purse::Messages, 60.0));
    }

    #[test]
    fn who_has_too_little_is_told_so_once_in_a_minute() {
        let (spending, now) = (Spending::default(), Instant::now());
        spending.enter(ID, Purse::Cpu, now);
        let told = [0, 1, 59, 60, 61].map(|seconds| spending.tells(ID, Purse::Cpu, now + Duration::from_secs(seconds)));
        assert_eq!(told, [true, false, false, true, false]);
        assert!(spending.tells(ID, Purse::Filters, now), "its filter is another matter");
    }

    #[test]
    fn only_so_many_calls_are_under_way() {
        let (spending, now) = (Spending::default(), Instant::now());
        let places = spending.enter(ID, Purse::Cpu, now).unwrap();
        let calls: Vec<_> = (0..IN_FLIGHT).map(|_| places.clone().try_acquire_owned().unwrap()).collect();
        assert!(spending.enter(ID, Purse::Cpu, now).unwrap().try_acquire().is_err());
        assert!(spending.enter(ID, Purse::Filters, now).unwrap().try_acquire().is_ok());
        drop(calls);
        assert!(spending.enter(ID, Purse::Cpu, now).unwrap().try_acquire().is_ok());
    }
}
