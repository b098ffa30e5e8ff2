//! What must hold of a history, whatever broke meanwhile.
//!
//! Nothing that was promised is lost; nothing is shown twice; each stream has one order, the same for
//! all; who was promised something finds it, wherever they ask.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::{Cursors, Entry, Fact, Known, Recorded};

/// The lines of a violation's story, at most.
const STORY_LINES: usize = 60;
/// Refusals that say "not now": the client tries again.
const PASSING: [&str; 3] = ["UNAVAILABLE", "READ_ONLY", "RATE_LIMITED"];
/// Codes for clients that did something wrong, which those of a history don't.
const UNDESERVED: [u16; 5] = [4001, 4003, 4004, 4007, 4014];

/// Something that must not be, and how it came about.
#[derive(Debug)]
pub struct Violation {
    /// In one sentence.
    pub what: String,
    /// The facts that have to do with it, one a line.
    pub story: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        self.story.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Everything that is wrong with a history.
pub fn check(recorded: &Recorded) -> Vec<Violation> {
    let mut checker = Checker::new(recorded);
    for (at, entry) in recorded.entries.iter().enumerate() {
        checker.look_at(at, entry);
    }
    checker.look_at_orders();
    checker.look_for_losses();
    checker.violations
}

/// What the checker knows after the facts so far.
struct Checker<'h> {
    recorded: &'h Recorded,
    violations: Vec<Violation>,
    clients: Vec<Client>,
    sent: HashSet<Arc<str>>,
    /// The id of every nonce, whoever said so.
    named: HashMap<Arc<str>, i64>,
    /// What stands at a stream's position: the event's name, and the message's id.
    places: HashMap<(i64, i64), (String, Option<i64>)>,
    place_of: HashMap<i64, (i64, i64)>,
    /// The channel and the moment of each promise.
    promised: BTreeMap<i64, (i64, usize)>,
}

/// What one client has.
#[derive(Default, Clone)]
struct Client {
    cursors: Cursors,
    heard: HashSet<i64>,
    fetched: HashSet<i64>,
}

impl<'h> Checker<'h> {
    fn new(recorded: &'h Recorded) -> Checker<'h> {
        Checker {
            recorded,
            violations: Vec::new(),
            clients: vec![Client::default(); recorded.people.len()],
            sent: HashSet::new(),
            named: HashMap::new(),
            places: HashMap::new(),
            place_of: HashMap::new(),
            promised: BTreeMap::new(),
        }
    }

    fn look_at(&mut self, at: usize, entry: &'h Entry) {
        let who = entry.who;
        match &entry.fact {
            Fact::Sends { nonce, .. } => drop(self.sent.insert(nonce.clone())),
            Fact::Promised { channel, nonce, id } => {
                self.name(at, *id, nonce);
                self.promised.entry(*id).or_insert((*channel, at));
            }
            Fact::Refused { nonce, code } if !PASSING.contains(&code.as_str()) => {
                let what = format!("{} was refused {nonce}: {code}", self.whom(who));
                self.wrong(what, at, |fact| speaks_of(fact, None, Some(nonce)));
            }
            Fact::Begins { cursors } | Fact::Moved { cursors } | Fact::Resumed { cursors } => {
                for (stream, position) in cursors {
                    self.moves(at, who, *stream, *position);
                }
            }
            Fact::Resync { stream, position: Some(position), .. } => self.moves(at, who, *stream, *position),
            Fact::Resync { stream, position: None, .. } => drop(self.clients[who].cursors.remove(stream)),
            Fact::Hears { stream, position, name, message } => {
                self.hears(at, who, (*stream, *position), name, message.as_ref());
            }
            Fact::Refetched { messages, .. } => {
                messages.iter().for_each(|(id, nonce)| self.name(at, *id, nonce));
                self.clients[who].fetched.extend(messages.iter().map(|(id, _)| *id));
            }
            Fact::Read { channel, asked, messages, .. } => {
                messages.iter().for_each(|(id, nonce)| self.name(at, *id, nonce));
                let there: HashSet<i64> = messages.iter().map(|(id, _)| *id).collect();
                let due = self.promised.iter().filter(|(_, (where_to, _))| where_to == channel);
                let due = due.filter(|(_, (_, when))| self.recorded.entries[*when].at < *asked);
                let missing: Vec<i64> = due.map(|(id, _)| *id).filter(|id| !there.contains(id)).collect();
                for id in missing {
                    let what = format!("{id} was promised, and {} reads the channel without it", self.whom(who));
                    self.wrong(what, at, |fact| speaks_of(fact, Some(id), None));
                }
            }
            Fact::Looks { id, found: false, by, .. } => {
                let what = format!("{} was promised {id}, and doesn't find it by {by}", self.whom(who));
                self.wrong(what, at, |fact| speaks_of(fact, Some(*id), None));
            }
            Fact::Loses { code: Some(code), .. } if UNDESERVED.contains(code) => {
                let what = format!("{} did nothing wrong, and was shown out with {code}", self.whom(who));
                self.wrong(what, at, |_| false);
            }
            Fact::Refused { .. } | Fact::Comes { .. } | Fact::Looks { .. } | Fact::Loses { .. } => {}
        }
    }

    /// A message is known under this id and this nonce.
    fn name(&mut self, at: usize, id: i64, nonce: &Arc<str>) {
        let known = *self.named.entry(nonce.clone()).or_insert(id);
        if known != id {
            let what = format!("{nonce} is two messages: {known} and {id}");
            self.wrong(what, at, |fact| speaks_of(fact, None, Some(nonce)));
        }
        if !self.sent.contains(nonce) {
            let what = format!("{nonce} is there as {id}, and nobody has sent it");
            self.wrong(what, at, |fact| speaks_of(fact, Some(id), Some(nonce)));
        }
    }

    /// A client is told that it has a stream up to a position.
    fn moves(&mut self, at: usize, who: usize, stream: i64, position: i64) {
        let cursor = self.clients[who].cursors.entry(stream).or_insert(position);
        let before = std::mem::replace(cursor, position);
        if before > position {
            let what = format!("{} was at {before} of {stream}, and is put back to {position}", self.whom(who));
            self.wrong(what, at, |_| false);
        }
    }

    fn hears(&mut self, at: usize, who: usize, place: (i64, i64), name: &str, message: Option<&Known>) {
        let (stream, position) = place;
        let id = message.map(|(id, _)| *id);
        if let Some((id, nonce)) = message {
            self.name(at, *id, nonce);
            if !self.clients[who].heard.insert(*id) {
                let what = format!("{} hears {nonce} twice", self.whom(who));
                self.wrong(what, at, |fact| speaks_of(fact, Some(*id), Some(nonce)));
                return;
            }
            let first = *self.place_of.entry(*id).or_insert(place);
            if first != place {
                let what = format!("{nonce} stands at two places: {first:?} and {place:?}");
                self.wrong(what, at, |fact| speaks_of(fact, Some(*id), Some(nonce)));
            }
        }
        let (known, known_id) = self.places.entry(place).or_insert_with(|| (name.to_owned(), id)).clone();
        if (known.as_str(), known_id) != (name, id) {
            let what = format!("{stream}/{position} is {known} {known_id:?} for one and {name} {id:?} for another");
            self.wrong(
                what,
                at,
                |fact| matches!(fact, Fact::Hears { stream: s, position: p, .. } if (*s, *p) == place),
            );
        }
        let before = self.clients[who].cursors.insert(stream, position).unwrap_or_default();
        if before >= position {
            self.clients[who].cursors.insert(stream, before);
            let what = format!("{} was at {before} of {stream}, and hears of {position}", self.whom(who));
            self.wrong(
                what,
                at,
                |fact| matches!(fact, Fact::Hears { stream: s, position: p, .. } if (*s, *p) == place),
            );
        }
    }

    /// What is read over REST stands in the order of the events.
    fn look_at_orders(&mut self) {
        for (at, entry) in self.recorded.entries.iter().enumerate() {
            let (Fact::Read { messages, .. } | Fact::Refetched { messages, .. }) = &entry.fact else { continue };
            let places = messages.iter().filter_map(|(id, nonce)| Some((self.place_of.get(id)?.1, nonce)));
            let places: Vec<(i64, &Arc<str>)> = places.collect();
            if let Some(pair) = places.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
                let what = format!("{} reads {} before {}", self.whom(entry.who), pair[0].1, pair[1].1);
                let nonces = [pair[0].1.clone(), pair[1].1.clone()];
                self.wrong(what, at, |fact| nonces.iter().any(|nonce| speaks_of(fact, None, Some(nonce))));
            }
        }
    }

    /// Everybody has what was promised, by an event or because they were told to fetch it.
    fn look_for_losses(&mut self) {
        let last = self.recorded.entries.len().saturating_sub(1);
        for (who, person) in self.recorded.people.iter().enumerate() {
            let has = |id: &i64| self.clients[who].heard.contains(id) || self.clients[who].fetched.contains(id);
            let due = self.promised.iter().filter(|(_, (channel, _))| person.sees.contains(channel));
            let lost: Vec<i64> = due.map(|(id, _)| *id).filter(|id| !has(id)).collect();
            for id in lost {
                let what = format!("{} never saw {id}, which was promised", person.name);
                self.wrong(what, last, |fact| speaks_of(fact, Some(id), None));
            }
        }
    }

    fn whom(&self, who: usize) -> &'h str {
        &self.recorded.people[who].name
    }

    /// Notes a violation that shows at an entry, and tells how it came: what concerns it, whoever it
    /// happened to, and what happened to the client's line around it.
    fn wrong(&mut self, what: String, at: usize, concerns: impl Fn(&Fact) -> bool) {
        let who = self.recorded.entries[at].who;
        let mut story: Vec<(usize, &Entry)> = Vec::new();
        for (place, entry) in self.recorded.entries.iter().enumerate() {
            let line = entry.who == who && is_about_the_line(&entry.fact);
            if place == at || line || concerns(&entry.fact) {
                story.push((place, entry));
            }
        }
        // The nearest to where it shows, if there is too much.
        let here = story.iter().position(|(place, _)| *place == at).unwrap_or_default();
        let from = here.saturating_sub(STORY_LINES * 2 / 3);
        let told = story.iter().skip(from).take(STORY_LINES);
        let told = told.map(|(place, entry)| {
            let mark = if *place == at { '>' } else { ' ' };
            format!("{mark} {:9.3} s  {:10} {}", entry.at.as_secs_f64(), self.whom(entry.who), entry.fact)
        });
        let told = told.collect();
        self.violations.push(Violation { what, story: told });
    }
}

/// Whether a fact is about this message.
fn speaks_of(fact: &Fact, id: Option<i64>, nonce: Option<&Arc<str>>) -> bool {
    match fact {
        Fact::Sends { nonce: said, .. } | Fact::Refused { nonce: said, .. } => nonce == Some(said),
        Fact::Promised { nonce: said, id: known, .. } => nonce == Some(said) || id == Some(*known),
        Fact::Hears { message: Some((known, said)), .. } => nonce == Some(said) || id == Some(*known),
        Fact::Looks { id: known, .. } => id == Some(*known),
        Fact::Refetched { messages, .. } | Fact::Read { messages, .. } => {
            messages.iter().any(|(known, said)| nonce == Some(said) || id == Some(*known))
        }
        _ => false,
    }
}

/// Whether a fact says how a client is connected.
fn is_about_the_line(fact: &Fact) -> bool {
    use Fact::{Begins, Comes, Loses, Resumed, Resync};
    matches!(fact, Begins { .. } | Comes { .. } | Loses { .. } | Resumed { .. } | Resync { .. })
}
