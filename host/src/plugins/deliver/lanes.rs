//! Which lanes there is something to do in, on this node, and how many are worked on at once.

use std::collections::{BTreeSet, HashMap, VecDeque};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::Timestamp;
use crate::id::{GuildId, InstallationId};

/// Lanes of one installation that are worked on at once, at most.
const OF_ONE: usize = 8;

/// What is delivered one after the other: an installation, and a channel or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// Who is told.
    pub installation: InstallationId,
    /// In which guild.
    pub guild: GuildId,
    /// A channel's or a user's id; 0 for batches, 1 for the installation's own life.
    pub lane: i64,
}

/// What is left in a lane that was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing, for all that is known.
    Nothing,
    /// More: it stands in line again, behind all others.
    More,
    /// Something that waits until then.
    Later(Timestamp),
}

/// Lanes with something to do.
#[derive(Default)]
pub struct Lanes {
    state: Mutex<State>,
    poked: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Lane>,
    later: BTreeSet<(Timestamp, Lane)>,
    stages: HashMap<Lane, Stage>,
    running: HashMap<InstallationId, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Ready,
    Later(Timestamp),
    Running { again: bool },
}

impl Lanes {
    /// There is something in these lanes.
    pub fn add(&self, lanes: impl IntoIterator<Item = Lane>) {
        let mut state = self.state.lock();
        for lane in lanes {
            match state.stages.get(&lane) {
                None => state.make_ready(lane),
                Some(Stage::Running { .. }) => drop(state.stages.insert(lane, Stage::Running { again: true })),
                // What comes behind something that waits waits with it.
                Some(Stage::Ready | Stage::Later(_)) => {}
            }
        }
        drop(state);
        self.poked.notify_waiters();
    }

    /// Whatever waits may have something to do already.
    pub fn hurry(&self) {
        let mut state = self.state.lock();
        for (_, lane) in std::mem::take(&mut state.later) {
            state.make_ready(lane);
        }
    }

    /// Resolves once there may be something to take that wasn't there when this was called.
    pub fn poked(&self) -> Notified<'_> {
        self.poked.notified()
    }

    /// A lane to work on. Whoever takes it says when they are done.
    pub fn take(&self, now: Timestamp) -> Option<Lane> {
        let mut state = self.state.lock();
        while let Some((at, lane)) = state.later.first().copied().filter(|(at, _)| *at <= now) {
            state.later.remove(&(at, lane));
            state.make_ready(lane);
        }
        let free = |lane: &Lane| state.running.get(&lane.installation).is_none_or(|count| *count < OF_ONE);
        let at = state.ready.iter().position(free)?;
        let lane = state.ready.remove(at)?;
        *state.running.entry(lane.installation).or_default() += 1;
        state.stages.insert(lane, Stage::Running { again: false });
        Some(lane)
    }

    /// When the first of those that wait is to be taken.
    pub fn next(&self) -> Option<Timestamp> {
        self.state.lock().later.first().map(|(at, _)| *at)
    }

    /// A lane was worked on.
    pub fn done(&self, lane: Lane, left: Left) {
        let mut state = self.state.lock();
        if let Some(count) = state.running.get_mut(&lane.installation) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(&lane.installation);
            }
        }
        let stage = state.stages.remove(&lane);
        match left {
            Left::Later(at) => {
                state.later.insert((at, lane));
                state.stages.insert(lane, Stage::Later(at));
            }
            Left::More => state.make_ready(lane),
            Left::Nothing if stage == Some(Stage::Running { again: true }) => state.make_ready(lane),
            Left::Nothing => {}
        }
        drop(state);
        self.poked.notify_waiters();
    }
}

impl State {
    fn make_ready(&mut self, lane: Lane) {
        self.ready.push_back(lane);
        self.stages.insert(lane, Stage::Ready);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(installation: i64, lane: i64) -> Lane {
        Lane { installation: InstallationId(installation), guild: GuildId(1), lane }
    }

    #[test]
    fn a_lane_is_worked_on_by_one_and_comes_again_if_something_came_meanwhile() {
        let (lanes, now) = (Lanes::default(), Timestamp(5));
        lanes.add([lane(1, 1), lane(1, 1), lane(1, 2)]);
        assert_eq!((lanes.take(now), lanes.take(now), lanes.take(now)), (Some(lane(1, 1)), Some(lane(1, 2)), None));
        lanes.add([lane(1, 1)]);
        assert_eq!(lanes.take(now), None);
        lanes.done(lane(1, 1), Left::Nothing);
        lanes.done(lane(1, 2), Left::Nothing);
        assert_eq!((lanes.take(now), lanes.take(now)), (Some(lane(1, 1)), None));
        lanes.done(lane(1, 1), Left::Later(Timestamp(9)));
        lanes.add([lane(1, 1)]);
        assert_eq!((lanes.take(Timestamp(8)), lanes.next()), (None, Some(Timestamp(9))));
        assert_eq!(lanes.take(Timestamp(9)), Some(lane(1, 1)));
    }

    #[test]
    fn who_has_more_stands_behind_the_others_again() {
        let (lanes, now) = (Lanes::default(), Timestamp(5));
        lanes.add([lane(1, 1), lane(2, 1)]);
        assert_eq!(lanes.take(now), Some(lane(1, 1)));
        lanes.done(lane(1, 1), Left::More);
        assert_eq!((lanes.take(now), lanes.take(now)), (Some(lane(2, 1)), Some(lane(1, 1))));
    }

    #[test]
    fn one_installation_does_not_take_every_slot() {
        let (lanes, now) = (Lanes::default(), Timestamp(0));
        lanes.add((0..20).map(|number| lane(1, number)).chain([lane(2, 0)]));
        let taken: Vec<Lane> = std::iter::from_fn(|| lanes.take(now)).collect();
        assert_eq!(taken.len(), OF_ONE + 1);
        assert!(taken.contains(&lane(2, 0)));
        lanes.done(taken[0], Left::Nothing);
        assert!(lanes.take(now).is_some());
    }
}
