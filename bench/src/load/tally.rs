//! Who has been told which message: one order for all members, and nothing twice, missing or made up.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;

use crate::dialect;

/// Follows the messages of one room on their way to its members.
pub struct Tally {
    /// When each message of each sender was due; they are numbered from one.
    due: Vec<Vec<Instant>>,
    /// How many messages each member has been told.
    told: Vec<usize>,
    /// The messages that some members have been told and others have not, in the order of the room.
    passing: VecDeque<Passing>,
    /// The positions of all messages that anybody was told.
    positions: Vec<u64>,
    pub latencies: Latencies,
}

struct Passing {
    sender: usize,
    due: Instant,
    /// How many members have yet to be told.
    left: usize,
}

/// Nanoseconds from when a message was due.
pub struct Latencies {
    /// Until each member was told.
    pub each: Histogram<u64>,
    /// Until the last member was told.
    pub last: Histogram<u64>,
}

impl Latencies {
    pub fn none() -> Result<Latencies> {
        Ok(Latencies { each: Histogram::new(3)?, last: Histogram::new(3)? })
    }
}

impl Tally {
    pub fn new(senders: usize, members: usize) -> Result<Tally> {
        Ok(Tally {
            due: vec![Vec::new(); senders],
            told: vec![0; members],
            passing: VecDeque::new(),
            positions: Vec::new(),
            latencies: Latencies::none()?,
        })
    }

    /// Notes that a sender has sent its next message.
    pub fn sent(&mut self, sender: usize, due: Instant) {
        self.due[sender].push(due);
    }

    /// How many messages were sent.
    pub fn count_sent(&self) -> usize {
        self.due.iter().map(Vec::len).sum()
    }

    /// How many messages all members have been told.
    pub fn count_told(&self) -> usize {
        self.positions.len() - self.passing.len()
    }

    pub fn positions(&self) -> &[u64] {
        &self.positions
    }

    /// Notes that a member has been told a message; answers whose it was, if that member was the last.
    pub fn hear(&mut self, member: usize, position: u64, message: &[u8], now: Instant) -> Result<Option<usize>> {
        let place = self.told[member];
        self.told[member] += 1;
        if place == self.positions.len() {
            self.begin(position, message)?;
        }
        let expected = self.positions[place];
        ensure!(position == expected, "member {member} was told of position {position} where others of {expected}");
        let at = place.checked_sub(self.count_told()).context("a member was told more than there was")?;
        let passing = &mut self.passing[at];
        let latency = now.saturating_duration_since(passing.due).as_nanos() as u64;
        self.latencies.each.record(latency)?;
        passing.left -= 1;
        if passing.left > 0 {
            return Ok(None);
        }
        // Everybody is told in the same order, so the oldest is always the first to be through.
        let through = self.passing.pop_front().context("no message is on its way")?;
        self.latencies.last.record(latency)?;
        Ok(Some(through.sender))
    }

    /// A message that nobody has been told before.
    fn begin(&mut self, position: u64, message: &[u8]) -> Result<()> {
        let (number, sender) = dialect::authorship(message)?;
        let due = self.due.get(sender).and_then(|due| due.get(number as usize - 1)).copied();
        let due = due.with_context(|| format!("message {number} of sender {sender} was delivered and never sent"))?;
        self.positions.push(position);
        self.passing.push_back(Passing { sender, due, left: self.told.len() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[u8] = br#"{"content":"0000001 from 000, and"}"#;
    const SECOND: &[u8] = br#"{"content":"0000002 from 000, and"}"#;

    fn tally() -> Tally {
        let mut tally = Tally::new(1, 2).unwrap();
        tally.sent(0, Instant::now());
        tally.sent(0, Instant::now());
        tally
    }

    #[test]
    fn a_message_is_through_when_the_last_member_was_told() {
        let (mut tally, now) = (tally(), Instant::now());
        assert_eq!(tally.hear(0, 5, FIRST, now).unwrap(), None);
        assert_eq!(tally.hear(0, 6, SECOND, now).unwrap(), None);
        assert_eq!(tally.hear(1, 5, FIRST, now).unwrap(), Some(0));
        assert_eq!((tally.count_told(), tally.count_sent()), (1, 2));
        assert_eq!(tally.hear(1, 6, SECOND, now).unwrap(), Some(0));
        assert_eq!((tally.count_told(), tally.positions()), (2, [5, 6].as_slice()));
    }

    #[test]
    fn another_order_for_another_member_is_a_broken_promise() {
        let (mut tally, now) = (tally(), Instant::now());
        tally.hear(0, 5, FIRST, now).unwrap();
        assert!(tally.hear(1, 6, SECOND, now).is_err());
    }

    #[test]
    fn a_message_that_nobody_sent_is_a_broken_promise() {
        let mut tally = tally();
        assert!(tally.hear(0, 5, br#"{"content":"0000003 from 000, and"}"#, Instant::now()).is_err());
    }
}
