//! Requests, responses, and what a filter answers.

use serde::Serialize;

use crate::{Error, Fields, Id, Outcome, Request, Response, Result, Snowflake, Verdict};

impl Request {
    /// The body's fields: a JSON object.
    pub fn body(&self) -> Result<Fields> {
        Fields::of_json(&self.body)
    }

    /// The query's parameters.
    pub fn query(&self) -> Fields {
        Fields::of_query(&self.query)
    }

    /// A parameter of the path; an error if the manifest's pattern has none such.
    pub fn param(&self, name: &str) -> Result<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| Error::internal(format!("no parameter {name}")))
    }

    /// A parameter of the path that is an id.
    pub fn id(&self, name: &str) -> Result<Snowflake> {
        Id::parse(self.param(name)?).map(|id| id.0).ok_or(Error::NotFound)
    }

    /// A header, if it came; its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// An answer in JSON.
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Result<Response> {
        let body = serde_json::to_vec(body)?;
        Ok(Response { status, content_type: "application/json".into(), headers: Vec::new(), body })
    }

    /// Done, and nothing to say: 204.
    pub fn empty() -> Response {
        Response { status: 204, content_type: String::new(), headers: Vec::new(), body: Vec::new() }
    }

    /// With one of the headers that the contract lets through.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl Outcome {
    /// The message may go on, and there is nothing to say of it.
    pub fn allow() -> Outcome {
        Outcome { verdict: Verdict::Allow, rule: None, actions: Vec::new(), tags: Vec::new(), score: None }
    }
}
