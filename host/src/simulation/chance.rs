//! Chance that is the same each time for the same seed.

use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The dice of a simulation, shared by all that is in it.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<StdRng>>);

impl Chance {
    /// Dice that fall as this seed says.
    pub fn new(seed: u64) -> Chance {
        Chance(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A number below this one.
    pub fn below(&self, most: usize) -> usize {
        self.0.lock().random_range(0..most.max(1))
    }

    /// A number from one to another, both of them among those that may come.
    pub fn between(&self, least: u64, most: u64) -> u64 {
        self.0.lock().random_range(least..=most)
    }

    /// Whether something happens that happens once in so many times.
    pub fn one_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }
}
