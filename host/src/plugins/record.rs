//! What a call was told, so that it can be seen again exactly as it was: everything that isn't the same each
//! time comes to a guest through its imports.

use std::collections::VecDeque;

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

/// Answers of the host to one call, in order. Nothing is written down unless somebody asks.
#[derive(Default)]
pub struct Trace(Vec<(&'static str, Box<dyn Fn() -> Value + Send + Sync>)>);

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

impl Trace {
    /// Remembers an answer.
    pub fn note<T: Serialize + Clone + Send + Sync + 'static>(&mut self, name: &'static str, answer: &T) {
        let answer = answer.clone();
        self.0.push((name, Box::new(move || serde_json::to_value(&answer).unwrap_or_default())));
    }

    /// Writes them down.
    pub fn write(&self) -> Vec<Answer> {
        self.0.iter().map(|(name, answer)| Answer { name: (*name).to_owned(), answer: answer() }).collect()
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
