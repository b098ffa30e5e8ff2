//! What clients did and saw, in the order in which it happened: the material of [`check`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

mod bad;
mod check;

pub use check::check;

/// Where a client stands: the position up to which it has everything, for each stream.
pub type Cursors = BTreeMap<i64, i64>;

/// A message as a client knows it: its id and its text, which is its nonce too.
pub type Known = (i64, Arc<str>);

/// One thing that a client did or saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Sends a message, for the first time or again.
    Sends { channel: i64, nonce: Arc<str> },
    /// Is told that a message is stored.
    Promised { channel: i64, nonce: Arc<str>, id: i64 },
    /// Is told that a message is not accepted.
    Refused { nonce: Arc<str>, code: String },
    /// Has a line, and says who it is: with nothing, or with where it stands.
    Comes { by: String, cursors: Cursors },
    /// Begins with a snapshot.
    Begins { cursors: Cursors },
    /// Has been given what it missed.
    Resumed { cursors: Cursors },
    /// Is told by a heartbeat's answer how far it is.
    Moved { cursors: Cursors },
    /// Hears an event of the log.
    Hears { stream: i64, position: i64, name: String, message: Option<Known> },
    /// Is told that what it missed of a stream can't be given; where the new snapshot stands, if it is
    /// still in the stream.
    Resync { stream: i64, reason: String, position: Option<i64> },
    /// Has read what it missed in a channel over REST, from the oldest to the newest.
    Refetched { channel: i64, messages: Vec<Known> },
    /// Has read a whole channel over REST, asking from this moment on, from the oldest to the newest.
    Read { channel: i64, by: String, asked: Duration, messages: Vec<Known> },
    /// Has read the place of a message that it was promised before it asked.
    Looks { channel: i64, by: String, id: i64, found: bool },
    /// Has no line any more; with the server's code, if it said one.
    Loses { why: String, code: Option<u16> },
}

/// A fact, with whose it is and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When, since the history began.
    pub at: Duration,
    /// The place of the client among [`Recorded::people`].
    pub who: usize,
    /// What.
    pub fact: Fact,
}

/// A client of a history.
#[derive(Debug, Clone)]
pub struct Person {
    /// What the stories call it.
    pub name: String,
    /// The channels whose messages it must see.
    pub sees: Vec<i64>,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Whose facts they are.
    pub people: Vec<Person>,
    /// What happened, in order.
    pub entries: Vec<Entry>,
}

/// Takes down what clients do and see.
pub struct History {
    begun: Instant,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    recorded: Recorded,
    wanted: HashSet<Arc<str>>,
    promised: HashMap<Arc<str>, Known>,
    channels: HashMap<i64, i64>,
    seen: Vec<HashSet<i64>>,
}

impl History {
    /// An empty one, which begins now.
    pub fn begin() -> Arc<History> {
        Arc::new(History { begun: Instant::now(), taken: Mutex::default() })
    }

    /// Adds a client; answers its place.
    pub fn person(&self, name: &str, sees: Vec<i64>) -> usize {
        let mut taken = self.taken.lock();
        taken.recorded.people.push(Person { name: name.to_owned(), sees });
        taken.seen.push(HashSet::new());
        taken.seen.len() - 1
    }

    /// How long it has been going on.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Takes a fact down.
    pub fn note(&self, who: usize, fact: Fact) {
        let mut taken = self.taken.lock();
        match &fact {
            Fact::Sends { nonce, .. } => drop(taken.wanted.insert(nonce.clone())),
            Fact::Promised { channel, nonce, id } => {
                taken.promised.insert(nonce.clone(), (*id, nonce.clone()));
                taken.channels.insert(*id, *channel);
            }
            Fact::Hears { message: Some((id, _)), .. } => drop(taken.seen[who].insert(*id)),
            Fact::Refetched { messages, .. } => taken.seen[who].extend(messages.iter().map(|(id, _)| *id)),
            _ => {}
        }
        let at = self.begun.elapsed();
        taken.recorded.entries.push(Entry { at, who, fact });
    }

    /// How many messages were promised.
    pub fn promised(&self) -> usize {
        self.taken.lock().promised.len()
    }

    /// How many facts of this kind there are.
    pub fn count(&self, kind: impl Fn(&Fact) -> bool) -> usize {
        self.taken.lock().recorded.entries.iter().filter(|entry| kind(&entry.fact)).count()
    }

    /// Whether everything that anybody wanted to send is promised, and seen by all who must see it.
    pub fn is_settled(&self) -> bool {
        let taken = self.taken.lock();
        if taken.promised.len() < taken.wanted.len() {
            return false;
        }
        taken.recorded.people.iter().zip(&taken.seen).all(|(person, seen)| {
            let mut due = taken.promised.values().filter(|(id, _)| person.sees.contains(&taken.channels[id]));
            due.all(|(id, _)| seen.contains(id))
        })
    }

    /// What happened so far.
    pub fn recorded(&self) -> Recorded {
        self.taken.lock().recorded.clone()
    }

    /// Checks all of it.
    #[track_caller]
    pub fn assert_good(&self) {
        let violations = check(&self.recorded());
        let told: Vec<String> = violations.iter().take(3).map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{} violations, among them\n\n{}", violations.len(), told.join("\n\n"));
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Sends { channel, nonce } => write!(f, "sends {nonce} to {channel}"),
            Fact::Promised { channel, nonce, id } => write!(f, "is promised {nonce} as {id} in {channel}"),
            Fact::Refused { nonce, code } => write!(f, "is refused {nonce}: {code}"),
            Fact::Comes { by, cursors } if cursors.is_empty() => write!(f, "comes anew by {by}"),
            Fact::Comes { by, cursors } => write!(f, "comes back by {by} from {cursors:?}"),
            Fact::Begins { cursors } => write!(f, "begins at {cursors:?}"),
            Fact::Resumed { cursors } => write!(f, "has resumed at {cursors:?}"),
            Fact::Moved { cursors } => write!(f, "is told to be at {cursors:?}"),
            Fact::Hears { stream, position, message: Some((id, text)), .. } => {
                write!(f, "hears {text} as {id} at {stream}/{position}")
            }
            Fact::Hears { stream, position, name, message: None } => write!(f, "hears {name} at {stream}/{position}"),
            Fact::Resync { stream, reason, position: Some(position) } => {
                write!(f, "must fetch {stream} anew ({reason}), which stands at {position}")
            }
            Fact::Resync { stream, reason, position: None } => write!(f, "is out of {stream} ({reason})"),
            Fact::Refetched { channel, messages } => write!(f, "fetches of {channel} {}", texts(messages)),
            Fact::Read { channel, by, messages, .. } => {
                write!(f, "reads all of {channel} by {by}: {}", texts(messages))
            }
            Fact::Looks { channel, by, id, found: true } => write!(f, "finds {id} in {channel} by {by}"),
            Fact::Looks { channel, by, id, found: false } => write!(f, "looks for {id} in {channel} by {by} in vain"),
            Fact::Loses { why, code: None } => write!(f, "loses the line: {why}"),
            Fact::Loses { code: Some(code), .. } => write!(f, "is shown out with {code}"),
        }
    }
}

/// The first and the last of some messages.
fn texts(messages: &[Known]) -> String {
    match messages {
        [] => "nothing".to_owned(),
        [(_, only)] => only.to_string(),
        [(_, first), .., (_, last)] => format!("{} messages, {first} to {last}", messages.len()),
    }
}
