//! How often something may be done: token buckets for each caller, group of routes and place.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::accounts::{Caller, CallerKind};
use crate::clock::Clock;
use crate::config::Limits;
use crate::error::{Code, Error, Result};

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Principal {
    Account(i64),
    /// An address, or the network that one customer gets of IPv6.
    Address(IpAddr),
}

type Key = (Principal, i64);
type Bucket = RateLimiter<Key, DashMapStateStore<Key>, HouseClock, StateInformationMiddleware>;

/// Counts calls, if that is switched on.
pub struct Limiter {
    buckets: Option<Buckets>,
    clock: HouseClock,
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
    /// Full buckets of the sizes in the settings.
    pub fn new(limits: &Limits, clock: &Clock) -> Limiter {
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
        Limiter { buckets, clock }
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
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        account_key.hash(&mut hasher);
        self.take(Principal::Account(-1), group, hasher.finish() as i64)
    }

    fn take(&self, principal: Principal, group: Group, place: i64) -> Result<u32> {
        let Some(buckets) = &self.buckets else { return Ok(u32::MAX) };
        let bucket = buckets.of(group);
        match bucket.check_key(&(principal, place)) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(Error::Wait(Code::RateLimited, until.wait_time_from(self.clock.now()))),
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
