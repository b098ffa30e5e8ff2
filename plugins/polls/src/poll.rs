//! What a poll is.

use guildhall_sdk::{Id, Timestamp};
use serde::{Deserialize, Serialize};

use crate::runoff::Runoff;

/// The fewest and the most answers.
pub const OPTIONS: std::ops::RangeInclusive<usize> = 2..=20;
/// The longest question, in characters.
pub const MAX_QUESTION: usize = 300;
/// The longest answer, in characters: it must fit on a button.
pub const MAX_OPTION: usize = 80;
/// The most roles that may vote.
pub const MAX_ROLES: usize = 20;
/// The longest that a poll may be open: as long as the host keeps a timer.
pub const MAX_OPEN_MS: u64 = 365 * 86_400_000;

/// How people choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// One answer.
    Single,
    /// Any number of answers, or up to `max_choices`.
    Multiple,
    /// Answers in the order in which they are liked, as many as one likes.
    Ranked,
}

/// A poll, as it is stored. Its counts are stored apart, so that votes don't wait for each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Poll {
    /// The poll's id: a resource.
    pub id: Id,
    /// Where it was asked; none for the whole guild.
    pub channel_id: Option<Id>,
    /// The message that announced it.
    pub message_id: Option<Id>,
    /// Who asked.
    pub author_id: Id,
    /// What was asked.
    pub question: String,
    /// The answers to choose from.
    pub options: Vec<String>,
    /// How people choose.
    pub method: Method,
    /// The most answers that one may choose.
    pub max_choices: usize,
    /// Whether nobody learns who chose what.
    pub anonymous: bool,
    /// Whether counts are shown only once it is closed.
    pub hide_results: bool,
    /// Whether one may change one's vote.
    pub changeable: bool,
    /// Who may vote: those with one of these roles; everybody, if there are none.
    pub roles: Vec<Id>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it closes by itself.
    pub closes_at: Option<Timestamp>,
    /// How it ended, once it has.
    pub end: Option<End>,
}

/// How a poll ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// The places of the answers that won: several on a tie, none if nobody voted.
    pub winners: Vec<usize>,
    /// How ranked votes were counted.
    pub runoff: Option<Runoff>,
}

impl Poll {
    /// Whether votes are taken no more. The hour counts, not whether the timer has run.
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.end.is_some() || self.closes_at.is_some_and(|at| at <= now)
    }

    /// Whether counts may be shown.
    pub fn shows_results(&self) -> bool {
        !self.hide_results || self.end.is_some()
    }

    /// Whether somebody with these roles may vote.
    pub fn admits(&self, roles: &[u64]) -> bool {
        self.roles.is_empty() || self.roles.iter().any(|role| roles.contains(&role.0))
    }

    /// The id of the answer at a place: what people say in a vote.
    pub fn option_id(place: usize) -> Id {
        Id(place as u64 + 1)
    }

    /// The place of the answer with an id.
    pub fn place(&self, option: u64) -> Option<usize> {
        let place = usize::try_from(option).ok()?.checked_sub(1)?;
        (place < self.options.len()).then_some(place)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A poll about lunch, with three answers.
    pub fn lunch(method: Method) -> Poll {
        Poll {
            id: Id(7),
            channel_id: Some(Id(8)),
            message_id: None,
            author_id: Id(9),
            question: "Lunch?".to_owned(),
            options: ["Soup", "Salad", "Stew"].map(str::to_owned).to_vec(),
            method,
            max_choices: if method == Method::Single { 1 } else { 3 },
            anonymous: false,
            hide_results: false,
            changeable: true,
            roles: Vec::new(),
            created_at: 1_000,
            closes_at: Some(2_000),
            end: None,
        }
    }

    #[test]
    fn a_poll_is_closed_by_the_hour_even_before_its_timer_runs() {
        let mut poll = lunch(Method::Single);
        assert!(!poll.is_closed(1_999) && poll.is_closed(2_000));
        poll.closes_at = None;
        assert!(!poll.is_closed(u64::MAX));
        poll.end = Some(End { at: 1_500, winners: vec![], runoff: None });
        assert!(poll.is_closed(1_600));
    }

    #[test]
    fn hidden_results_show_when_it_has_ended_and_not_before() {
        let mut poll = Poll { hide_results: true, ..lunch(Method::Single) };
        assert!(!poll.shows_results());
        poll.end = Some(End { at: 1_500, winners: vec![], runoff: None });
        assert!(poll.shows_results());
    }

    #[test]
    fn roles_admit_those_who_have_one_of_them() {
        let poll = Poll { roles: vec![Id(1), Id(2)], ..lunch(Method::Single) };
        assert!(poll.admits(&[2, 3]) && !poll.admits(&[3]) && !poll.admits(&[]));
        assert!(lunch(Method::Single).admits(&[]));
    }
}
