//! Bugs that the simulation must find: each is put back by its tests alone, and is dead code elsewhere.

/// A bug that was thought of, and kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBug {
    /// A hint from another node is believed although rows before it haven't come.
    GapSkipped,
    /// What the snapshot of a session holds already is told once more.
    FloorIgnored,
    /// A client that comes back isn't told that what it sees has changed.
    SightForgotten,
}

/// Whether a bug is put back in this thread's simulation.
#[cfg(test)]
pub fn is_back(bug: KnownBug) -> bool {
    PUT_BACK.get() == Some(bug)
}

/// Whether a bug is put back: never, outside of tests.
#[cfg(not(test))]
#[inline(always)]
pub fn is_back(_: KnownBug) -> bool {
    false
}

#[cfg(test)]
thread_local! {
    /// The bug that is put back on this thread.
    pub static PUT_BACK: std::cell::Cell<Option<KnownBug>> = const { std::cell::Cell::new(None) };
}
