//! What a call was told, so that it can be seen again exactly as it was: everything that isn't the same each
//! time comes to a guest through its imports.

use std::collections::VecDeque;
use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmtime::Result;

use super::failure::HostFault;
use crate::app::App;

/// Where a call's answers come from.
pub enum Ground {
    /// The server.
    Live(App),
    /// What it was answered the first time.
    Seen(Answers),
}

/// Bytes of answers that are remembered: what was told more can't be seen again.
const MAX_TRACE: usize = 1 << 20;

/// Answers of the host to one call, in order, as long as they are few.
pub struct Trace(Option<Noted>);

/// Answers, each as JSON.
#[derive(Default)]
struct Noted {
    answers: Vec<(&'static str, String)>,
    bytes: usize,
}

/// An answer as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The function of the host.
    pub name: String,
    /// What it answered.
    pub answer: Value,
}

/// Answers that wait to be given once more.
pub struct Answers(VecDeque<Answer>);

impl Default for Trace {
    fn default() -> Trace {
        Trace(Some(Noted::default()))
    }
}

impl Trace {
    /// Remembers an answer.
    pub fn note<T: Serialize>(&mut self, name: &'static str, answer: &T) {
        if self.0.as_mut().is_some_and(|noted| !noted.add(name, answer)) {
            self.0 = None;
        }
    }

    /// All of them; nothing if they were too many to remember.
    pub fn write(&self) -> Option<Vec<Answer>> {
        let answers = self.0.as_ref()?.answers.iter();
        let read = |answer: &str| serde_json::from_str(answer).unwrap_or_default();
        Some(answers.map(|(name, answer)| Answer { name: (*name).to_owned(), answer: read(answer) }).collect())
    }
}

impl Noted {
    /// False if there is no room.
    fn add<T: Serialize>(&mut self, name: &'static str, answer: &T) -> bool {
        let mut room = Room { left: MAX_TRACE.saturating_sub(self.bytes), text: Vec::new() };
        if serde_json::to_writer(&mut room, answer).is_err() {
            return false;
        }
        let Ok(text) = String::from_utf8(room.text) else { return false };
        self.bytes += text.len() + size_of::<(&str, String)>();
        self.answers.push((name, text));
        true
    }
}

/// Takes so many bytes and no more: what doesn't fit isn't even written.
struct Room {
    left: usize,
    text: Vec<u8>,
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Answers {
    /// These, one after the other.
    pub fn new(answers: Vec<Answer>) -> Answers {
        Answers(answers.into())
    }

    /// The next one, which must be of this function.
    pub fn next<T: DeserializeOwned>(&mut self, name: &str) -> Result<T> {
        let answer = self.0.pop_front().filter(|answer| answer.name == name);
        let answer = answer.ok_or_else(|| HostFault(format!("{name} was not called here the first time")))?;
        serde_json::from_value(answer.answer).map_err(|error| HostFault(format!("{name}: {error}")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_forgets_all_rather_than_grow_without_bounds() {
        let mut trace = Trace::default();
        trace.note("a", &"x".repeat(MAX_TRACE / 2));
        trace.note("b", &1);
        let answers = trace.write().unwrap();
        assert_eq!((answers.len(), answers[1].answer.clone()), (2, Value::from(1)));
        trace.note("c", &"x".repeat(MAX_TRACE / 2));
        trace.note("d", &1);
        assert!(trace.write().is_none(), "half of it would be seen again as something else");
    }
}
