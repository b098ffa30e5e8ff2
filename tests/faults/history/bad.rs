//! Histories that are bad, each in one way, and what the checker says of them; and one that is good.

use std::time::Duration;

use super::{Cursors, Entry, Fact, Known, Person, Recorded, check};

const ADA: usize = 0;
const BOB: usize = 1;
const GENERAL: i64 = 5;
const ENGINES: i64 = 1;

/// Ada and Bob, who both see one channel, and a good beginning: Ada sends `a`, `b` and `c`, all is promised and seen.
fn good() -> Recorded {
    let mut recorded = nothing();
    for who in [ADA, BOB] {
        note(&mut recorded, who, Fact::Begins { cursors: Cursors::from([(ENGINES, 10)]) });
    }
    for (number, nonce) in [(11, "a"), (12, "b"), (13, "c")] {
        note(&mut recorded, ADA, Fact::Sends { channel: GENERAL, nonce: nonce.into() });
        for who in [ADA, BOB] {
            note(&mut recorded, who, hears(number, nonce));
        }
        note(&mut recorded, ADA, promised(number, nonce));
    }
    recorded
}

fn nothing() -> Recorded {
    let people = ["ada", "bob"].map(|name| Person { name: name.to_owned(), sees: vec![GENERAL] });
    Recorded { people: people.to_vec(), entries: Vec::new() }
}

fn note(recorded: &mut Recorded, who: usize, fact: Fact) {
    let at = Duration::from_millis(recorded.entries.len() as u64);
    recorded.entries.push(Entry { at, who, fact });
}

/// The message at a position has ten times its number as its id.
fn known(number: i64, nonce: &str) -> Known {
    (number * 10, nonce.into())
}

fn hears(position: i64, nonce: &str) -> Fact {
    hears_as(position, known(position, nonce))
}

fn hears_as(position: i64, message: Known) -> Fact {
    Fact::Hears { stream: ENGINES, position, name: "message_created".into(), message: Some(message) }
}

fn promised(number: i64, nonce: &str) -> Fact {
    Fact::Promised { channel: GENERAL, nonce: nonce.into(), id: number * 10 }
}

fn lost_line() -> Fact {
    Fact::Loses { why: "reset".into(), code: None }
}

fn refetched(messages: &[(i64, &str)]) -> Fact {
    Fact::Refetched { channel: GENERAL, messages: list(messages) }
}

fn read(asked: u64, messages: &[(i64, &str)]) -> Fact {
    let asked = Duration::from_millis(asked);
    Fact::Read { channel: GENERAL, by: "node 2".into(), asked, messages: list(messages) }
}

fn list(messages: &[(i64, &str)]) -> Vec<Known> {
    messages.iter().map(|(number, nonce)| known(*number, nonce)).collect()
}

/// The sentences of what is wrong.
fn faults(recorded: &Recorded) -> Vec<String> {
    check(recorded).into_iter().map(|violation| violation.what).collect()
}

/// Takes out the facts of somebody that are like this.
fn without(mut recorded: Recorded, who: usize, unwanted: &Fact) -> Recorded {
    let before = recorded.entries.len();
    recorded.entries.retain(|entry| entry.who != who || entry.fact != *unwanted);
    assert!(recorded.entries.len() < before, "there was such a fact");
    recorded
}

#[test]
fn a_good_history_is_good() {
    let mut recorded = good();
    note(&mut recorded, BOB, lost_line());
    note(&mut recorded, BOB, Fact::Comes { by: "node 2".into(), cursors: Cursors::from([(ENGINES, 13)]) });
    note(&mut recorded, BOB, Fact::Resumed { cursors: Cursors::from([(ENGINES, 14)]) });
    note(&mut recorded, BOB, Fact::Moved { cursors: Cursors::from([(ENGINES, 17)]) });
    note(&mut recorded, BOB, Fact::Looks { channel: GENERAL, by: "node 1".into(), id: 110, found: true });
    note(&mut recorded, BOB, read(1_000, &[(11, "a"), (12, "b"), (13, "c")]));
    assert_eq!(faults(&recorded), Vec::<String>::new());
}

#[test]
fn a_promised_message_that_somebody_never_saw_is_lost() {
    let recorded = without(good(), BOB, &hears(12, "b"));
    assert_eq!(faults(&recorded), ["bob never saw 120, which was promised"]);
}

#[test]
fn a_message_that_was_fetched_after_a_resync_is_not_lost() {
    let mut recorded = without(good(), BOB, &hears(12, "b"));
    note(&mut recorded, BOB, Fact::Resync { stream: ENGINES, reason: "expired".into(), position: Some(13) });
    note(&mut recorded, BOB, refetched(&[(12, "b"), (13, "c")]));
    assert_eq!(faults(&recorded), Vec::<String>::new());
}

#[test]
fn a_message_that_nobody_was_promised_may_be_lost() {
    let recorded = without(without(good(), BOB, &hears(12, "b")), ADA, &promised(12, "b"));
    assert_eq!(faults(&recorded), Vec::<String>::new());
}

#[test]
fn a_message_is_heard_once() {
    let mut recorded = good();
    note(&mut recorded, BOB, lost_line());
    note(&mut recorded, BOB, Fact::Comes { by: "node 2".into(), cursors: Cursors::from([(ENGINES, 12)]) });
    note(&mut recorded, BOB, hears(13, "c"));
    assert_eq!(faults(&recorded), ["bob hears c twice"]);
}

#[test]
fn a_nonce_is_one_message() {
    let mut recorded = good();
    note(&mut recorded, BOB, hears_as(14, known(99, "c")));
    assert_eq!(faults(&recorded), ["c is two messages: 130 and 990"]);
    let mut recorded = good();
    note(&mut recorded, ADA, promised(98, "a"));
    assert!(faults(&recorded).contains(&"a is two messages: 110 and 980".to_owned()));
}

#[test]
fn a_message_that_nobody_sent_is_not_there() {
    let mut recorded = good();
    note(&mut recorded, BOB, hears(14, "ghost"));
    assert_eq!(faults(&recorded), ["ghost is there as 140, and nobody has sent it"]);
}

#[test]
fn positions_rise_on_each_client() {
    let mut recorded = nothing();
    for nonce in ["a", "b"] {
        note(&mut recorded, ADA, Fact::Sends { channel: GENERAL, nonce: nonce.into() });
    }
    note(&mut recorded, BOB, hears(12, "b"));
    note(&mut recorded, BOB, hears(11, "a"));
    assert_eq!(faults(&recorded), ["bob was at 12 of 1, and hears of 11"]);
}

#[test]
fn nothing_comes_from_before_where_a_client_was_told_to_be() {
    let mut recorded = nothing();
    note(&mut recorded, ADA, Fact::Sends { channel: GENERAL, nonce: "a".into() });
    note(&mut recorded, BOB, Fact::Moved { cursors: Cursors::from([(ENGINES, 15)]) });
    note(&mut recorded, BOB, hears(11, "a"));
    assert_eq!(faults(&recorded), ["bob was at 15 of 1, and hears of 11"]);
}

#[test]
fn nobody_is_put_back() {
    let mut recorded = good();
    note(&mut recorded, BOB, Fact::Moved { cursors: Cursors::from([(ENGINES, 12)]) });
    assert_eq!(faults(&recorded), ["bob was at 13 of 1, and is put back to 12"]);
}

#[test]
fn one_position_is_one_event_for_all() {
    let mut recorded = good();
    note(&mut recorded, ADA, Fact::Sends { channel: GENERAL, nonce: "d".into() });
    note(&mut recorded, ADA, hears(14, "d"));
    let renamed = Fact::Hears { stream: ENGINES, position: 14, name: "guild_updated".into(), message: None };
    note(&mut recorded, BOB, renamed);
    let said = faults(&recorded);
    assert_eq!(said, ["1/14 is message_created Some(140) for one and guild_updated None for another"]);
}

#[test]
fn one_message_has_one_position_for_all() {
    let mut recorded = good();
    note(&mut recorded, ADA, Fact::Sends { channel: GENERAL, nonce: "d".into() });
    note(&mut recorded, ADA, hears(14, "d"));
    note(&mut recorded, BOB, hears_as(15, known(14, "d")));
    assert_eq!(faults(&recorded), ["d stands at two places: (1, 14) and (1, 15)"]);
}

#[test]
fn history_has_the_order_of_the_events() {
    let mut recorded = good();
    note(&mut recorded, BOB, refetched(&[(12, "b"), (11, "a"), (13, "c")]));
    assert_eq!(faults(&recorded), ["bob reads b before a"]);
}

#[test]
fn who_was_promised_a_message_finds_it() {
    let mut recorded = good();
    note(&mut recorded, ADA, Fact::Looks { channel: GENERAL, by: "node 3".into(), id: 120, found: false });
    assert_eq!(faults(&recorded), ["ada was promised 120, and doesn't find it by node 3"]);
    let mut recorded = good();
    note(&mut recorded, ADA, read(1_000, &[(11, "a"), (13, "c")]));
    assert_eq!(faults(&recorded), ["120 was promised, and ada reads the channel without it"]);
    // It had not been promised yet when they asked.
    let mut recorded = good();
    note(&mut recorded, ADA, read(0, &[(11, "a"), (13, "c")]));
    assert_eq!(faults(&recorded), Vec::<String>::new());
}

#[test]
fn a_refusal_that_doesnt_pass_is_told() {
    let mut recorded = good();
    note(&mut recorded, ADA, Fact::Refused { nonce: "a".into(), code: "UNAVAILABLE".into() });
    assert_eq!(faults(&recorded), Vec::<String>::new());
    note(&mut recorded, ADA, Fact::Refused { nonce: "a".into(), code: "INTERNAL".into() });
    assert_eq!(faults(&recorded), ["ada was refused a: INTERNAL"]);
}

#[test]
fn a_client_that_did_nothing_wrong_is_not_shown_out_for_it() {
    let mut recorded = good();
    note(&mut recorded, BOB, Fact::Loses { why: "closed".into(), code: Some(1001) });
    assert_eq!(faults(&recorded), Vec::<String>::new());
    note(&mut recorded, BOB, Fact::Loses { why: "closed".into(), code: Some(4007) });
    assert_eq!(faults(&recorded), ["bob did nothing wrong, and was shown out with 4007"]);
}

#[test]
fn the_story_of_a_loss_can_be_read() {
    let mut recorded = without(good(), BOB, &hears(13, "c"));
    note(&mut recorded, BOB, lost_line());
    let told = check(&recorded).remove(0).to_string();
    for part in ["bob never saw 130", "ada        hears c as 130 at 1/13", "bob        loses the line: reset"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("hears a"), "{told}");
}
