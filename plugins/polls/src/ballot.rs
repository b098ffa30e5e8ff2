//! One user's vote, and what it adds to the counts.

use serde::{Deserialize, Serialize};

use crate::poll::{Method, Poll};

/// What somebody chose: places of answers, in the order of preference if votes are ranked. An empty
/// one takes a vote back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot(pub Vec<usize>);

/// Why a choice is no vote in this poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The poll has no answer with the id at this place of the choice.
    Unknown(usize),
    /// The id at this place of the choice was there before.
    Repeated(usize),
    /// More than this many.
    TooMany(usize),
}

impl Ballot {
    /// Reads a choice: the ids of answers.
    pub fn new(poll: &Poll, options: &[u64]) -> Result<Ballot, Fault> {
        let mut places = Vec::with_capacity(options.len());
        for (index, option) in options.iter().enumerate() {
            let place = poll.place(*option).ok_or(Fault::Unknown(index))?;
            if places.contains(&place) {
                return Err(Fault::Repeated(index));
            }
            places.push(place);
        }
        if places.len() > poll.max_choices {
            return Err(Fault::TooMany(poll.max_choices));
        }
        if poll.method != Method::Ranked {
            places.sort_unstable();
        }
        Ok(Ballot(places))
    }

    /// Whether it takes a vote back.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A counter of a poll.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// How many have voted.
    Voters,
    /// How many chose the answer at this place or, in ranked votes, like it best.
    Option(usize),
    /// How many ranked exactly so.
    Ranking(Vec<usize>),
}

/// What changes in the counts when somebody's vote changes: no counter twice, none by nothing.
pub fn changes(method: Method, before: &Ballot, after: &Ballot) -> Vec<(Counter, i64)> {
    let mut changes: Vec<(Counter, i64)> = Vec::new();
    let sides = [(before, -1), (after, 1)];
    for (counter, by) in
        sides.iter().flat_map(|(ballot, by)| counters(method, ballot).into_iter().map(|one| (one, *by)))
    {
        match changes.iter_mut().find(|(known, _)| *known == counter) {
            Some((_, sum)) => *sum += by,
            None => changes.push((counter, by)),
        }
    }
    changes.retain(|(_, by)| *by != 0);
    changes
}

/// The counters that a vote counts in.
fn counters(method: Method, ballot: &Ballot) -> Vec<Counter> {
    if ballot.is_empty() {
        return Vec::new();
    }
    let mut counters = vec![Counter::Voters];
    match method {
        Method::Single | Method::Multiple => counters.extend(ballot.0.iter().map(|place| Counter::Option(*place))),
        Method::Ranked => {
            counters.push(Counter::Option(ballot.0[0]));
            counters.push(Counter::Ranking(ballot.0.clone()));
        }
    }
    counters
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::poll::tests::lunch;

    #[test]
    fn a_choice_must_fit_the_poll() {
        let single = lunch(Method::Single);
        assert_eq!(Ballot::new(&single, &[2]), Ok(Ballot(vec![1])));
        assert_eq!(Ballot::new(&single, &[]), Ok(Ballot::default()));
        assert_eq!(Ballot::new(&single, &[1, 2]), Err(Fault::TooMany(1)));
        assert_eq!(Ballot::new(&single, &[4]), Err(Fault::Unknown(0)));
        let multiple = lunch(Method::Multiple);
        assert_eq!(Ballot::new(&multiple, &[3, 1]), Ok(Ballot(vec![0, 2])));
        assert_eq!(Ballot::new(&multiple, &[3, 3]), Err(Fault::Repeated(1)));
        assert_eq!(Ballot::new(&lunch(Method::Ranked), &[3, 1]), Ok(Ballot(vec![2, 0])));
    }

    #[test]
    fn the_same_vote_again_changes_nothing() {
        for method in [Method::Single, Method::Multiple, Method::Ranked] {
            assert_eq!(changes(method, &Ballot(vec![1]), &Ballot(vec![1])), []);
        }
    }

    #[test]
    fn counts_are_exact_however_often_people_change_their_minds() {
        let mut seed = 1_u64;
        let mut chance = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for method in [Method::Single, Method::Multiple, Method::Ranked] {
            let poll = lunch(method);
            let mut votes = vec![Ballot::default(); 5];
            let mut counts: HashMap<Counter, i64> = HashMap::new();
            for _ in 0..500 {
                let mut choice = vec![1, 2, 3];
                choice.rotate_left(chance(3));
                choice.truncate(chance(poll.max_choices + 1));
                let after = Ballot::new(&poll, &choice).unwrap();
                let before = std::mem::replace(&mut votes[chance(5)], after.clone());
                for (counter, by) in changes(method, &before, &after) {
                    *counts.entry(counter).or_default() += by;
                }
            }
            let mut recount: HashMap<Counter, i64> = HashMap::new();
            for counter in votes.iter().flat_map(|ballot| counters(method, ballot)) {
                *recount.entry(counter).or_default() += 1;
            }
            counts.retain(|_, count| *count != 0);
            assert_eq!(counts, recount, "{method:?}");
        }
    }
}
