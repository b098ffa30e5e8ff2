//! How often something may be done: token buckets for each caller, group of routes and place.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use aws_lc_rs::digest;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::accounts::{Caller, CallerKind};
use crate::clock::Clock;
use crate::config::Limits;
use crate::error::{Code, Error, Result};

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Group {
    /// Every call.
    Requests,
    /// Messages, in each channel.
    Messages,
    /// Changes, in each guild.
    Changes,
    /// Attempts to sign in.
    Logins,
    /// New accounts.
    Registrations,
    /// Letters that somebody asks for.
    Mails,
}

impl Group {
    const ALL: [Group; 6] =
        [Group::Requests, Group::Messages, Group::Changes, Group::Logins, Group::Registrations, Group::Mails];
}

/// Letters a minute that one account, or one address, may ask for.
const MAILS: u32 = 8;

/// The house's clock as the buckets read it, so that tests can move it.
#[derive(Debug, Clone)]
struct HouseClock(Clock);

impl governor::clock::Clock for HouseClock {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Principal {
    /// Somebody with an account, or an account that somebody tries.
    Account(i64),
    /// An address, or the network that one customer gets of IPv6.
    Address(IpAddr),
}

/// What somebody took out of a bucket on one node, for those of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spending {
    /// What is counted together.
    group: Group,
    /// Who took it.
    principal: Principal,
    /// Where.
    place: i64,
    /// How many calls.
    count: u32,
}

/// Buckets that other nodes are told of at once, at most: of more they don't hear.
const SPENDINGS: usize = 4_096;

type Key = (Principal, i64);
type Bucket = RateLimiter<Key, DashMapStateStore<Key>, HouseClock, StateInformationMiddleware>;

/// Counts calls, if that is switched on.
pub struct Limiter {
    buckets: Option<Buckets>,
    clock: HouseClock,
    /// What was taken since others were told; none if there are no others.
    spent: Option<Mutex<BTreeMap<(Group, Key), u32>>>,
}

struct Buckets {
    requests: Bucket,
    messages: Bucket,
    changes: Bucket,
    logins: Bucket,
    registrations: Bucket,
    mails: Bucket,
}

impl Limiter {
    /// Full buckets of the sizes in the settings. If they are `shared` with other nodes, it is noted what
    /// was taken out of them.
    pub fn new(limits: &Limits, clock: &Clock, shared: bool) -> Limiter {
        let clock = HouseClock(clock.clone());
        let bucket = |per_minute| bucket(per_minute, &clock);
        let buckets = limits.enabled.then(|| Buckets {
            requests: bucket(limits.requests),
            messages: bucket(limits.messages),
            changes: bucket(limits.changes),
            logins: bucket(limits.logins),
            registrations: bucket(limits.registrations),
            mails: bucket(MAILS),
        });
        let spent = (shared && limits.enabled).then(Mutex::default);
        Limiter { buckets, clock, spent }
    }

    /// Takes one call out of a caller's bucket for `place`; answers how many are left.
    pub fn check(&self, caller: &Caller, group: Group, place: i64) -> Result<u32> {
        self.take(principal(caller), group, place)
    }

    /// Takes one call out of the bucket of the address that it comes from, whoever makes it.
    pub fn check_address(&self, caller: &Caller, group: Group) -> Result<u32> {
        self.take(Principal::Address(network(caller.address)), group, 0)
    }

    /// Takes one attempt on an account, whoever makes it.
    pub fn check_account(&self, group: Group, account_key: &str) -> Result<u32> {
        // The same number on every node, whatever it was built with.
        let hash = digest::digest(&digest::SHA256, account_key.as_bytes());
        let number = hash.as_ref().iter().take(8).fold(0_i64, |number, byte| (number << 8) | i64::from(*byte));
        self.take(Principal::Account(-1), group, number)
    }

    fn take(&self, principal: Principal, group: Group, place: i64) -> Result<u32> {
        let Some(buckets) = &self.buckets else { return Ok(u32::MAX) };
        let key = (principal, place);
        match buckets.of(group).check_key(&key) {
            Ok(state) => {
                self.note(group, key);
                Ok(state.remaining_burst_capacity())
            }
            Err(until) => Err(Error::Wait(Code::RateLimited, until.wait_time_from(self.clock.now()))),
        }
    }

    fn note(&self, group: Group, key: Key) {
        let Some(spent) = &self.spent else { return };
        let mut spent = spent.lock();
        if spent.len() < SPENDINGS || spent.contains_key(&(group, key)) {
            *spent.entry((group, key)).or_default() += 1;
        }
    }

    /// What was taken here since this was asked last.
    pub fn spent(&self) -> Vec<Spending> {
        let spent = self.spent.as_ref().map(|spent| std::mem::take(&mut *spent.lock())).unwrap_or_default();
        let spending = |((group, (principal, place)), count)| Spending { group, principal, place, count };
        spent.into_iter().map(spending).collect()
    }

    /// Takes out what was taken on another node, as far as it is there.
    pub fn take_elsewhere(&self, spendings: &[Spending]) {
        let Some(buckets) = &self.buckets else { return };
        for Spending { group, principal, place, count } in spendings.iter().take(SPENDINGS) {
            // A bucket gives a number of calls whole or not at all: what it can't give is halved.
            let (mut left, mut step) = (*count, *count);
            while left > 0 && step > 0 {
                let some = NonZeroU32::new(step.min(left)).unwrap_or(NonZeroU32::MIN);
                match buckets.of(*group).check_key_n(&(*principal, *place), some) {
                    Ok(Ok(_)) => left -= some.get(),
                    _ => step = some.get() / 2,
                }
            }
        }
    }

    /// Forgets the buckets that are full again.
    pub fn forget_full(&self) {
        let Some(buckets) = &self.buckets else { return };
        for group in Group::ALL {
            buckets.of(group).retain_recent();
        }
    }
}

impl Buckets {
    fn of(&self, group: Group) -> &Bucket {
        match group {
            Group::Requests => &self.requests,
            Group::Messages => &self.messages,
            Group::Changes => &self.changes,
            Group::Logins => &self.logins,
            Group::Registrations => &self.registrations,
            Group::Mails => &self.mails,
        }
    }
}

fn bucket(per_minute: u32, clock: &HouseClock) -> Bucket {
    let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
    let burst = NonZeroU32::new(per_minute.get() / 4).unwrap_or(NonZeroU32::MIN);
    let period = Duration::from_secs(60) / per_minute.get();
    let quota = Quota::with_period(period).unwrap_or(Quota::per_minute(per_minute)).allow_burst(burst);
    RateLimiter::dashmap_with_clock(quota, clock.clone()).with_middleware()
}

fn principal(caller: &Caller) -> Principal {
    match caller.kind {
        CallerKind::Anonymous => Principal::Address(network(caller.address)),
        CallerKind::Session(_) | CallerKind::Bot => Principal::Account(caller.user.0),
    }
}

/// One customer has a whole /64 of IPv6: all its addresses are one principal.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::bus::{Arrivals, Message};
    use crate::cluster::channel::Network;

    fn limiter(clock: &Clock) -> Limiter {
        Limiter::new(&Limits { requests: 240, ..Limits::default() }, clock, true)
    }

    /// How many calls somebody can still make.
    fn left(limiter: &Limiter, who: i64) -> usize {
        (0..1_000).take_while(|_| limiter.take(Principal::Account(who), Group::Requests, 0).is_ok()).count()
    }

    async fn hear(limiter: &Limiter, arrivals: &mut Arrivals) {
        while let Ok(Some(message)) = tokio::time::timeout(Duration::ZERO, arrivals.next()).await {
            let Message::Spent(spendings) = message else { continue };
            limiter.take_elsewhere(&spendings);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_spent_on_one_node_is_missing_on_the_other() {
        let clock = Clock::manual(crate::clock::Timestamp(crate::id::EPOCH_MS));
        let network = Network::faithful();
        let ((bus, mut arrivals), (other_bus, mut other_arrivals)) = (network.join(), network.join());
        let (here, there) = (limiter(&clock), limiter(&clock));
        for _ in 0..25 {
            here.take(Principal::Account(1), Group::Requests, 0).unwrap();
        }
        bus.publish(Message::Spent(here.spent()));
        network.deliver(tokio::time::Instant::now());
        hear(&there, &mut other_arrivals).await;
        assert_eq!(left(&there, 1), 60 - 25);
        assert_eq!(left(&there, 2), 60, "another one has all");
        // What was taken there comes back here, and not as often again as it is told of.
        other_bus.publish(Message::Spent(there.spent()));
        network.deliver(tokio::time::Instant::now());
        hear(&here, &mut arrivals).await;
        assert_eq!(left(&here, 1), 0);
        assert_eq!(here.spent(), [], "nothing was given, so nothing is told of");
    }

    #[test]
    fn what_others_are_told_of_is_bounded() {
        let clock = Clock::manual(crate::clock::Timestamp(crate::id::EPOCH_MS));
        let limiter = limiter(&clock);
        for who in 0..2 * SPENDINGS as i64 {
            limiter.take(Principal::Account(who), Group::Requests, 0).unwrap();
        }
        assert_eq!(limiter.spent().len(), SPENDINGS);
        assert_eq!(limiter.spent(), []);
        let too_much =
            Spending { group: Group::Requests, principal: Principal::Account(-7), place: 0, count: u32::MAX };
        limiter.take_elsewhere(&[too_much]);
        assert_eq!(left(&limiter, -7), 0);
    }

    #[test]
    fn an_account_that_is_tried_has_the_same_number_everywhere() {
        let clock = Clock::manual(crate::clock::Timestamp(crate::id::EPOCH_MS));
        let limiter = limiter(&clock);
        limiter.check_account(Group::Logins, "ada").unwrap();
        assert_eq!(limiter.spent()[0].place, 0xfdee_430d_40bd_57de_u64 as i64);
    }
}
