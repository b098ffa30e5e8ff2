//! A timer for the epoll: its own timeouts are whole milliseconds, too coarse for a pace.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use anyhow::Result;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use rustix::time::{timerfd_create, timerfd_settime};

/// Ticks until it is dropped.
pub struct Timer(OwnedFd);

impl Timer {
    /// Has the epoll told of `token` after each `interval`.
    pub fn every(interval: Duration, registry: &Registry, token: Token) -> Result<Timer> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let interval = Timespec { tv_sec: interval.as_secs() as i64, tv_nsec: i64::from(interval.subsec_nanos()) };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: interval, it_value: interval })?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Timer(timer))
    }

    /// Forgets the ticks that were; the epoll tells of no later one before.
    pub fn clear(&self) -> Result<()> {
        rustix::io::read(&self.0, &mut [0; 8])?;
        Ok(())
    }
}
