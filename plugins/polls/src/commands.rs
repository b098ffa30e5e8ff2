//! `/poll`, and the buttons, lists and forms of polls.

use guildhall_sdk::{Command, ComponentEvent, Context, Error, Fields, Form, FormRequest, Id, Reply, Result, resources};

use crate::asking::{self, Question};
use crate::poll::{MAX_OPTION, MAX_QUESTION, Method, OPTIONS, Poll};
use crate::{announcement, store, voting};

/// `/poll`: asks in the channel where it is given.
pub fn ask(ctx: &Context, command: &Command) -> Result<Reply> {
    let question = read(command, ctx.now);
    let mut fields = Fields::of_query(&[]);
    check(&question, &mut fields, ctx.now);
    fields.finish()?;
    asking::ask(ctx, question)?;
    Ok(Reply::whisper(ctx.text("created", &[])))
}

fn read(command: &Command, now: u64) -> Question {
    let method = match command.text("method") {
        Some("multiple") => Method::Multiple,
        Some("ranked") => Method::Ranked,
        _ => Method::Single,
    };
    Question {
        channel: Some(command.channel),
        question: command.text("question").unwrap_or_default().trim().to_owned(),
        options: answers(command.text("answers").unwrap_or_default()),
        method,
        max_choices: None,
        anonymous: command.flag("anonymous"),
        hide_results: command.flag("hide-results"),
        changeable: true,
        roles: command.id("role").into_iter().collect(),
        closes_at: command.int("minutes").map(|minutes| now.saturating_add_signed(minutes.saturating_mul(60_000))),
    }
}

/// Answers in one text, separated by bars or, if there are none, by commas.
fn answers(text: &str) -> Vec<String> {
    let separator = if text.contains('|') { '|' } else { ',' };
    text.split(separator).map(str::trim).filter(|answer| !answer.is_empty()).map(str::to_owned).collect()
}

fn check(question: &Question, fields: &mut Fields, now: u64) {
    fields.length("question", question.question.chars().count(), &(1..=MAX_QUESTION));
    fields.length("answers", question.options.len(), &OPTIONS);
    for option in &question.options {
        fields.length("answers", option.chars().count(), &(1..=MAX_OPTION));
    }
    question.check(fields, now);
}

/// A button or a list below an announcement.
pub fn press(ctx: &Context, event: &ComponentEvent) -> Result<Reply> {
    match event.parts().as_slice() {
        ["vote", poll, option] => vote(ctx, id(poll)?, &[id(option)?.0]),
        ["vote", poll] => vote(ctx, id(poll)?, &ids(&event.values)?),
        ["withdraw", poll] => vote(ctx, id(poll)?, &[]),
        ["rank", poll] => {
            let poll = store::peek_poll(id(poll)?)?;
            Ok(Reply::Form(FormRequest {
                id: format!("rank:{}", poll.id),
                title: poll.question.clone(),
                body: announcement::ranking_form(ctx, &poll).into(),
            }))
        }
        _ => Err(Error::NotFound),
    }
}

/// The form for ranking: its fields are the places, and hold what stands there.
pub fn ranked(ctx: &Context, form: &Form) -> Result<Reply> {
    let poll = id(form.id.strip_prefix("rank:").ok_or(Error::NotFound)?)?;
    // Forms can be sent by anybody, with any id: not everybody sees where this poll stands.
    if resources::visible(&[poll.0])?.is_empty() {
        return Err(Error::NotFound);
    }
    let mut ranks: Vec<(u32, &str)> = Vec::new();
    for (name, value) in form.fields.iter().filter(|(_, value)| !value.is_empty()) {
        ranks.push((name.parse().map_err(|_| Error::NotFound)?, value));
    }
    ranks.sort_unstable();
    let options = ranks.iter().map(|(_, option)| id(option).map(|id| id.0)).collect::<Result<Vec<_>>>()?;
    vote(ctx, poll, &options)
}

fn vote(ctx: &Context, poll: Id, options: &[u64]) -> Result<Reply> {
    let poll = voting::vote(ctx, poll, options)?.poll;
    let key = if options.is_empty() { "withdrawn" } else { "voted" };
    Ok(Reply::whisper(ctx.text(key, &[("choice", named(&poll, options).into())])))
}

/// What the answers with these ids say.
fn named(poll: &Poll, options: &[u64]) -> String {
    let texts = options.iter().filter_map(|option| poll.options.get(poll.place(*option)?));
    texts.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn id(text: &str) -> Result<Id> {
    Id::parse(text).ok_or(Error::NotFound)
}

fn ids(texts: &[String]) -> Result<Vec<u64>> {
    texts.iter().map(|text| id(text).map(|id| id.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::tests::lunch;

    #[test]
    fn answers_are_separated_by_bars_or_commas() {
        assert_eq!(answers("Soup, Salad"), ["Soup", "Salad"]);
        assert_eq!(answers("Soup, hot | Salad |"), ["Soup, hot", "Salad"]);
    }

    #[test]
    fn a_vote_is_named_in_the_order_in_which_it_was_given() {
        assert_eq!(named(&lunch(Method::Ranked), &[3, 1, 9]), "Stew, Soup");
    }
}
