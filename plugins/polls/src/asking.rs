//! Asking a question: what it takes, and what happens.

use guildhall_sdk::{
    Context, Draft, Error, Fields, Id, Result, members, messages_write, permissions, resources, schedule,
};

use crate::poll::{MAX_OPEN_MS, MAX_OPTION, MAX_QUESTION, MAX_ROLES, Method, OPTIONS, Poll};
use crate::{announcement, store};

/// What somebody asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Where; none for the whole guild.
    pub channel: Option<u64>,
    /// What.
    pub question: String,
    /// The answers to choose from.
    pub options: Vec<String>,
    /// How people choose.
    pub method: Method,
    /// The most answers that one may choose; all of them, if it isn't said.
    pub max_choices: Option<usize>,
    /// Whether nobody learns who chose what.
    pub anonymous: bool,
    /// Whether counts are hidden until it closes.
    pub hide_results: bool,
    /// Whether one may change one's vote.
    pub changeable: bool,
    /// Who may vote.
    pub roles: Vec<u64>,
    /// When it closes.
    pub closes_at: Option<u64>,
}

impl Question {
    /// Reads the body of `POST /polls`.
    pub fn read(mut fields: Fields, now: u64) -> Result<Question> {
        // The host has found the guild by it.
        fields.ignore("guild_id");
        let multiple = fields.flag("multiple");
        let methods = [("single", Method::Single), ("multiple", Method::Multiple), ("ranked", Method::Ranked)];
        let method = fields.word("method", &methods);
        if method.is_some_and(|method| multiple.is_some_and(|multiple| multiple != (method == Method::Multiple))) {
            fields.note("multiple", "NOT_ALLOWED", &[]);
        }
        let question = Question {
            channel: fields.id("channel_id"),
            question: fields.text("question", 1..=MAX_QUESTION),
            options: fields.texts("options", OPTIONS, 1..=MAX_OPTION),
            method: method.unwrap_or(if multiple == Some(true) { Method::Multiple } else { Method::Single }),
            max_choices: fields.number("max_choices", 1..=*OPTIONS.end() as i64).map(|most| most as usize),
            anonymous: fields.flag("anonymous").unwrap_or(false),
            hide_results: fields.flag("hide_results").unwrap_or(false),
            changeable: fields.flag("changeable").unwrap_or(true),
            roles: if fields.has("roles") { fields.ids("roles", 0..=MAX_ROLES) } else { Vec::new() },
            closes_at: fields.time("closes_at"),
        };
        question.check(&mut fields, now);
        fields.finish()?;
        Ok(question)
    }

    /// Notes what each field alone doesn't tell.
    pub fn check(&self, fields: &mut Fields, now: u64) {
        for (place, option) in self.options.iter().enumerate() {
            if self.options[..place].contains(option) {
                fields.note(&format!("options/{place}"), "NOT_ALLOWED", &[]);
            }
        }
        if self.max_choices.is_some_and(|most| self.method == Method::Single && most > 1) {
            fields.note("max_choices", "NOT_ALLOWED", &[]);
        }
        if self.closes_at.is_some_and(|at| at <= now || at > now + MAX_OPEN_MS) {
            let [min, max] = [now, now + MAX_OPEN_MS].map(guildhall_sdk::time::format);
            fields.note("closes_at", "OUT_OF_RANGE", &[("min", min), ("max", max)]);
        }
    }

    /// The most answers that one may choose.
    fn most(&self) -> usize {
        match self.method {
            Method::Single => 1,
            Method::Multiple | Method::Ranked => self.max_choices.unwrap_or(usize::MAX).min(self.options.len()),
        }
    }
}

/// Asks: the poll exists, and is announced in its channel.
pub fn ask(ctx: &Context, question: Question) -> Result<Poll> {
    let author = ctx.actor()?;
    if let Some(channel) = question.channel {
        require_voice_in(author, channel)?;
    }
    let mut poll = Poll {
        id: Id(resources::create("poll", question.channel)?),
        channel_id: question.channel.map(Id),
        message_id: None,
        author_id: Id(author),
        max_choices: question.most(),
        method: question.method,
        question: question.question,
        options: question.options,
        anonymous: question.anonymous,
        hide_results: question.hide_results,
        changeable: question.changeable,
        roles: question.roles.into_iter().map(Id).collect(),
        created_at: ctx.now,
        closes_at: question.closes_at,
        end: None,
    };
    if let Some(channel) = question.channel {
        let draft: Draft = announcement::of(ctx, &poll);
        poll.message_id = Some(Id(messages_write::send(channel, &draft)?));
    }
    if let Some(at) = poll.closes_at {
        schedule::once(&format!("close:{}", poll.id), at, &[])?;
    }
    store::write(&poll)?;
    Ok(poll)
}

/// Whoever asks in a channel must see it and be allowed to speak there.
fn require_voice_in(author: u64, channel: u64) -> Result<()> {
    let held = match members::permissions_in(author, channel) {
        Err(Error::NotFound) => return Err(Error::field("/channel_id", "UNKNOWN_REFERENCE")),
        held => held?,
    };
    if !permissions::may(held, permissions::SEND_MESSAGES) {
        return Err(Error::Denied("SEND_MESSAGES".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Question, Vec<(String, String)>> {
        Question::read(Fields::of_json(body.as_bytes()).unwrap(), 1_000).map_err(|error| match error {
            Error::Invalid(faults) => faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn the_least_is_a_question_and_two_answers() {
        let question = read(r#"{"guild_id": "1", "question": " Lunch? ", "options": ["Soup", "Salad"]}"#).unwrap();
        assert_eq!((question.question.as_str(), question.method, question.most()), ("Lunch?", Method::Single, 1));
        assert!(question.changeable && !question.anonymous && question.roles.is_empty());
    }

    #[test]
    fn several_answers_are_as_many_as_it_says_or_all() {
        let body = |more: &str| format!(r#"{{"question": "Q", "options": ["a", "b", "c"], {more}}}"#);
        assert_eq!(read(&body(r#""multiple": true"#)).unwrap().most(), 3);
        assert_eq!(read(&body(r#""method": "ranked", "max_choices": 2"#)).unwrap().most(), 2);
        assert_eq!(read(&body(r#""multiple": true, "max_choices": 9"#)).unwrap().most(), 3);
    }

    #[test]
    fn every_fault_of_a_question_is_told() {
        let faults = read(
            r#"{"options": ["a", "a"], "multiple": true, "method": "single", "max_choices": 2,
                "closes_at": "1970-01-01T00:00:01.000Z", "colour": "red"}"#,
        );
        let expected = [
            ("/multiple", "NOT_ALLOWED"),
            ("/question", "REQUIRED"),
            ("/options/1", "NOT_ALLOWED"),
            ("/max_choices", "NOT_ALLOWED"),
            ("/closes_at", "OUT_OF_RANGE"),
            ("/colour", "UNKNOWN_FIELD"),
        ];
        assert_eq!(faults.unwrap_err(), expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    }
}
