//! Where polls, votes and counts are kept.
//!
//! | key | value |
//! |---|---|
//! | `poll/<id>` | a [`Poll`]; the id so that newer ones come first |
//! | `vote/<poll>/<user>` | a [`Ballot`] |
//! | `count/<poll>/voters`, `count/<poll>/<place>`, `count/<poll>/r/<place>-<place>…` | counters |
//!
//! A vote reads its poll and its own key, and adds to counters: so two votes never conflict with
//! each other, and each conflicts with the closing of its poll, which reads the counters.

use guildhall_sdk::{Error, Id, Page, Result, kv};

use crate::ballot::{Ballot, Counter};
use crate::poll::Poll;
use crate::runoff::{self, Runoff};

/// How many entries are deleted in one call: the host lets a call write 100.
const SWEPT_AT_ONCE: u16 = 90;

fn poll_key(id: Id) -> String {
    format!("poll/{:016x}", !id.0)
}

fn vote_key(poll: Id, user: u64) -> String {
    format!("{}{user}", votes_of(poll))
}

/// What the keys of a poll's votes begin with.
pub fn votes_of(poll: Id) -> String {
    format!("vote/{poll}/")
}

/// What the keys of a poll's counters begin with.
pub fn counts_of(poll: Id) -> String {
    format!("count/{poll}/")
}

fn rankings_of(poll: Id) -> String {
    format!("count/{poll}/r/")
}

fn counter_key(poll: Id, counter: &Counter) -> String {
    match counter {
        Counter::Voters => format!("{}voters", counts_of(poll)),
        Counter::Option(place) => format!("{}{place}", counts_of(poll)),
        Counter::Ranking(places) => {
            let places: Vec<String> = places.iter().map(usize::to_string).collect();
            format!("{}{}", rankings_of(poll), places.join("-"))
        }
    }
}

/// A poll, checked at the commit.
pub fn poll(id: Id) -> Result<Poll> {
    kv::get_json(&poll_key(id))?.ok_or(Error::NotFound)
}

/// A poll and a user's vote, checked at the commit.
pub fn poll_and_ballot(id: Id, user: u64) -> Result<(Poll, Ballot)> {
    let mut found = kv::get_many(&[poll_key(id), vote_key(id, user)])?.into_iter();
    let poll = found.next().flatten().ok_or(Error::NotFound)?;
    let ballot = found.next().flatten().as_ref().map(kv::json).transpose()?;
    Ok((kv::json(&poll)?, ballot.unwrap_or_default()))
}

/// A poll, to be shown.
pub fn peek_poll(id: Id) -> Result<Poll> {
    kv::peek_json(&poll_key(id))?.ok_or(Error::NotFound)
}

/// Writes a poll.
pub fn write(poll: &Poll) -> Result<()> {
    kv::set_json(&poll_key(poll.id), poll)
}

/// Forgets a poll; its votes and counts are left to [`sweep`].
pub fn remove(id: Id) -> Result<()> {
    kv::delete(&poll_key(id)).map(drop)
}

/// Polls after one of them, the newest first, and where to go on.
pub fn page(cursor: Option<String>, limit: u16) -> Result<(Vec<Poll>, Option<String>)> {
    let entries = kv::peek_scan("poll/", &Page { cursor, limit })?;
    let polls = entries.items.iter().map(kv::json).collect::<Result<_>>()?;
    Ok((polls, entries.next))
}

/// Where the list goes on after a poll, whether or not it exists.
pub fn cursor_after(id: Id) -> String {
    poll_key(id)
}

/// A user's vote, to be shown.
pub fn peek_ballot(poll: Id, user: u64) -> Result<Ballot> {
    Ok(kv::peek_json(&vote_key(poll, user))?.unwrap_or_default())
}

/// Writes a user's vote, or takes it back.
pub fn write_ballot(poll: Id, user: u64, ballot: &Ballot) -> Result<()> {
    let key = vote_key(poll, user);
    if ballot.is_empty() { kv::delete(&key).map(drop) } else { kv::set_json(&key, ballot) }
}

/// The users who voted, each with what they chose, in the order of their ids' digits.
pub fn ballots(poll: Id, after: Option<u64>, limit: u16) -> Result<(Vec<(Id, Ballot)>, bool)> {
    let prefix = votes_of(poll);
    let entries = kv::peek_scan(&prefix, &Page { cursor: after.map(|user| vote_key(poll, user)), limit })?;
    let mut ballots = Vec::with_capacity(entries.items.len());
    for entry in &entries.items {
        let user = entry.key.strip_prefix(&prefix).and_then(Id::parse);
        let user = user.ok_or_else(|| Error::internal(format!("{} is no vote's key", entry.key)))?;
        ballots.push((user, kv::json(entry)?));
    }
    Ok((ballots, entries.next.is_some()))
}

/// Changes counters.
pub fn add(poll: Id, changes: &[(Counter, i64)]) -> Result<()> {
    changes.iter().try_for_each(|(counter, by)| kv::increment(&counter_key(poll, counter), *by))
}

/// How many voted, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How many users.
    pub voters: i64,
    /// How many votes each answer has; in ranked votes, how many like it best.
    pub votes: Vec<i64>,
}

impl Tally {
    /// The places of the answers with the most votes: several on a tie, none if nobody voted.
    pub fn winners(&self) -> Vec<usize> {
        let most = self.votes.iter().copied().max().unwrap_or(0);
        let places = self.votes.iter().enumerate();
        places.filter(|(_, votes)| most > 0 && **votes == most).map(|(place, _)| place).collect()
    }
}

/// The counts, to be shown: with this call's own vote, and all that are committed.
pub fn peek_tally(poll: &Poll) -> Result<Tally> {
    Ok(tally(kv::peek_counters(&tally_keys(poll))?))
}

/// The counts, checked at the commit: with this, not a vote is missing.
pub fn exact_tally(poll: &Poll) -> Result<Tally> {
    Ok(tally(kv::get_counters(&tally_keys(poll))?))
}

fn tally_keys(poll: &Poll) -> Vec<String> {
    let options = (0..poll.options.len()).map(Counter::Option);
    std::iter::once(Counter::Voters).chain(options).map(|counter| counter_key(poll.id, &counter)).collect()
}

fn tally(mut counts: Vec<i64>) -> Tally {
    let votes = counts.split_off(1.min(counts.len()));
    Tally { voters: counts.first().copied().unwrap_or(0), votes }
}

/// Counts ranked votes; checked at the commit.
pub fn exact_runoff(poll: &Poll) -> Result<Runoff> {
    let prefix = rankings_of(poll.id);
    let mut rankings = Vec::new();
    for entry in kv::scan_all(&prefix)? {
        let places = entry.key.strip_prefix(&prefix).unwrap_or_default().split('-');
        let places: Vec<usize> = places.filter_map(|place| place.parse().ok()).collect();
        rankings.push((places, kv::counter(&entry)?));
    }
    Ok(runoff::count(poll.options.len(), &rankings))
}

/// Deletes some of the entries whose keys begin so; whether there are more.
pub fn sweep(prefix: &str) -> Result<bool> {
    let entries = kv::peek_scan(prefix, &Page { cursor: None, limit: SWEPT_AT_ONCE })?;
    for entry in &entries.items {
        kv::delete(&entry.key)?;
    }
    Ok(entries.next.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_polls_come_first() {
        assert!(poll_key(Id(200)) < poll_key(Id(100)));
        assert!(poll_key(Id(1 << 40)) < poll_key(Id(3)));
    }

    #[test]
    fn counters_of_one_poll_share_a_beginning_that_no_other_has() {
        let keys = [Counter::Voters, Counter::Option(3), Counter::Ranking(vec![2, 0])].map(|c| counter_key(Id(5), &c));
        assert_eq!(keys, ["count/5/voters", "count/5/3", "count/5/r/2-0"]);
        assert!(keys.iter().all(|key| key.starts_with(&counts_of(Id(5)))));
    }

    #[test]
    fn the_winners_have_the_most_votes() {
        let winners = |votes: &[i64]| Tally { voters: 0, votes: votes.to_vec() }.winners();
        assert_eq!(winners(&[1, 3, 3]), [1, 2]);
        assert_eq!(winners(&[0, 0]), [0_usize; 0]);
    }
}
