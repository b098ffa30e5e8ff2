//! Counting ranked votes: instant run-off.

use guildhall_sdk::Id;
use serde::{Deserialize, Serialize};

/// How ranked votes were counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runoff {
    /// Each round: for each answer its votes, or nothing if it was out already.
    pub rounds: Vec<Vec<Option<i64>>>,
    /// The places of the answers that won; several on a tie, none if nobody voted.
    #[serde(skip)]
    pub winners: Vec<usize>,
}

/// One answer's votes in one round, as the API shows them.
#[derive(Debug, Serialize)]
pub struct RoundVotes {
    /// The answer.
    pub id: Id,
    /// Its votes.
    pub votes: i64,
}

/// Counts rankings, each with how many voted so. Each vote counts for the best liked of the answers
/// that are left; whoever has more than half of them wins; else the answer with the fewest is out.
/// Of several with the fewest, those are out that had fewer in the round before, and so on; if they
/// were equal all along, all of them. If all that are left are equal, they win together.
pub fn count(options: usize, rankings: &[(Vec<usize>, i64)]) -> Runoff {
    let mut left: Vec<usize> = (0..options).collect();
    let mut rounds: Vec<Vec<Option<i64>>> = Vec::new();
    loop {
        let round = votes(options, &left, rankings);
        let of = |place: usize| round[place].unwrap_or(0);
        let all: i64 = left.iter().map(|place| of(*place)).sum();
        let most = left.iter().map(|place| of(*place)).max().unwrap_or(0);
        let best: Vec<usize> = left.iter().copied().filter(|place| of(*place) == most).collect();
        rounds.push(round);
        if most == 0 {
            return Runoff { rounds, winners: Vec::new() };
        }
        if most * 2 > all || best.len() == left.len() {
            return Runoff { rounds, winners: best };
        }
        let out = weakest(&left, &rounds);
        left.retain(|place| !out.contains(place));
    }
}

/// The votes of each answer that is left.
fn votes(options: usize, left: &[usize], rankings: &[(Vec<usize>, i64)]) -> Vec<Option<i64>> {
    let mut votes: Vec<Option<i64>> = (0..options).map(|place| left.contains(&place).then_some(0)).collect();
    for (ranking, count) in rankings {
        if let Some(Some(sum)) = ranking.iter().find(|place| left.contains(place)).map(|place| &mut votes[*place]) {
            *sum += count;
        }
    }
    votes
}

/// The answers that are out next.
fn weakest(left: &[usize], rounds: &[Vec<Option<i64>>]) -> Vec<usize> {
    let mut weakest = left.to_vec();
    for round in rounds.iter().rev() {
        let fewest = weakest.iter().filter_map(|place| round[*place]).min();
        weakest.retain(|place| round[*place] == fewest);
    }
    weakest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn winners(options: usize, rankings: &[(&[usize], i64)]) -> Vec<usize> {
        let rankings: Vec<_> = rankings.iter().map(|(ranking, count)| (ranking.to_vec(), *count)).collect();
        count(options, &rankings).winners
    }

    #[test]
    fn whoever_has_more_than_half_wins_at_once() {
        let runoff = count(3, &[(vec![1], 3), (vec![0, 1], 2)]);
        assert_eq!(runoff.winners, [1]);
        assert_eq!(runoff.rounds, [[Some(2), Some(3), Some(0)]]);
    }

    #[test]
    fn votes_for_the_weakest_go_to_what_is_liked_next() {
        let runoff = count(3, &[(vec![0], 4), (vec![1], 3), (vec![2, 1], 2)]);
        assert_eq!(runoff.winners, [1]);
        assert_eq!(runoff.rounds, [[Some(4), Some(3), Some(2)], [Some(4), Some(5), None]]);
    }

    #[test]
    fn a_vote_of_which_nothing_is_left_counts_no_more() {
        assert_eq!(winners(3, &[(&[0], 4), (&[1], 3), (&[2], 2)]), [0]);
    }

    #[test]
    fn equals_win_together() {
        assert_eq!(winners(2, &[(&[0], 2), (&[1], 2)]), [0, 1]);
        assert_eq!(winners(3, &[(&[0], 2), (&[1], 2), (&[2], 1)]), [0, 1]);
    }

    #[test]
    fn of_equally_weak_ones_the_earlier_rounds_decide() {
        // Stew goes first; its vote makes salad equal to soup, which had more at the start.
        let rankings: &[(&[usize], i64)] = &[(&[0], 4), (&[1], 3), (&[2, 1], 1), (&[3], 6)];
        let rankings: Vec<_> = rankings.iter().map(|(ranking, count)| (ranking.to_vec(), *count)).collect();
        let runoff = count(4, &rankings);
        assert_eq!(runoff.rounds[1], [Some(4), Some(4), None, Some(6)]);
        assert_eq!(runoff.rounds[2][1], None);
    }

    #[test]
    fn without_votes_nobody_wins() {
        assert_eq!(winners(3, &[]), [0_usize; 0]);
        assert_eq!(winners(3, &[(&[1], 0)]), [0_usize; 0]);
    }
}
