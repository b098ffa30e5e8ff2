//! `/polls`: the routes of the manifest.

use guildhall_sdk::{Context, Error, Id, Request, Response, Result, resources};
use serde::Serialize;

use crate::asking::{self, Question};
use crate::poll::Poll;
use crate::view::{View, VoteView};
use crate::voting::{self, Cast};
use crate::{closing, store};

/// Polls that are read at once while a page is filled.
const READ_AT_ONCE: u16 = 100;
/// The most reads for one page: whoever may see few of very many polls gets a shorter one.
const MOST_READS: usize = 10;

/// A page of a list.
#[derive(Serialize)]
struct List<T> {
    items: Vec<T>,
    has_more: bool,
}

/// Answers a request.
pub fn answer(ctx: &Context, request: &Request) -> Result<Response> {
    match request.route.as_str() {
        "list" => list(ctx, request),
        "create" => {
            let poll = asking::ask(ctx, Question::read(request.body()?, ctx.now)?)?;
            Response::json(201, &View::for_actor(ctx, &poll)?)
        }
        "read" => Response::json(200, &View::for_actor(ctx, &store::peek_poll(poll_id(request)?)?)?),
        "vote" => vote(ctx, request),
        "votes" => votes(request),
        "close" => {
            let poll = store::poll(poll_id(request)?)?;
            closing::require_author_or_moderator(ctx, &poll)?;
            Response::json(200, &View::for_actor(ctx, &closing::close(ctx, poll.id)?)?)
        }
        "delete" => {
            let poll = store::poll(poll_id(request)?)?;
            closing::require_author_or_moderator(ctx, &poll)?;
            closing::delete(ctx, &poll)?;
            Ok(Response::empty())
        }
        _ => Err(Error::NotFound),
    }
}

fn poll_id(request: &Request) -> Result<Id> {
    request.id("poll_id").map(Id)
}

fn vote(ctx: &Context, request: &Request) -> Result<Response> {
    let mut fields = request.body()?;
    let options = fields.ids("options", 0..=usize::from(u8::MAX));
    fields.finish()?;
    let Cast { poll, ballot, tally } = voting::vote(ctx, poll_id(request)?, &options)?;
    Response::json(200, &View::of_voter(ctx, &poll, &tally, &ballot))
}

/// Who chose what, unless that is nobody's business.
fn votes(request: &Request) -> Result<Response> {
    let mut fields = request.query();
    let after = fields.id("after");
    let limit = fields.number("limit", 1..=100).unwrap_or(50) as u16;
    fields.finish()?;
    let poll = store::peek_poll(poll_id(request)?)?;
    if poll.anonymous || !poll.shows_results() {
        return Err(Error::Denied("the votes of this poll are secret".to_owned()));
    }
    let (ballots, has_more) = store::ballots(poll.id, after, limit)?;
    Response::json(200, &List { items: ballots.into_iter().map(VoteView::new).collect(), has_more })
}

/// What a list may be narrowed to.
struct Filter {
    channel: Option<u64>,
    closed: Option<bool>,
}

impl Filter {
    fn takes(&self, poll: &Poll, now: u64) -> bool {
        let in_channel = self.channel.is_none_or(|channel| poll.channel_id == Some(Id(channel)));
        in_channel && self.closed.is_none_or(|closed| closed == poll.is_closed(now))
    }
}

fn list(ctx: &Context, request: &Request) -> Result<Response> {
    let mut fields = request.query();
    // The host has found the guild by it.
    fields.ignore("guild_id");
    let filter = Filter { channel: fields.id("channel_id"), closed: fields.flag("closed") };
    let before = fields.id("before").map(Id);
    let limit = fields.number("limit", 1..=100).unwrap_or(50) as usize;
    fields.finish()?;
    let (polls, has_more) = visible(ctx, &filter, before, limit)?;
    let items = polls.iter().map(|poll| View::for_actor(ctx, poll)).collect::<Result<Vec<_>>>()?;
    Response::json(200, &List { items, has_more })
}

/// The newest polls that whoever asks may see, and whether there are more.
fn visible(ctx: &Context, filter: &Filter, before: Option<Id>, limit: usize) -> Result<(Vec<Poll>, bool)> {
    let mut found = Vec::new();
    let mut cursor = before.map(store::cursor_after);
    for _ in 0..MOST_READS {
        let (mut polls, next) = store::page(cursor, READ_AT_ONCE)?;
        polls.retain(|poll| filter.takes(poll, ctx.now));
        let ids: Vec<u64> = polls.iter().map(|poll| poll.id.0).collect();
        let seen = resources::visible(&ids)?;
        found.extend(polls.into_iter().filter(|poll| seen.contains(&poll.id.0)));
        if found.len() > limit || next.is_none() {
            let has_more = found.len() > limit;
            found.truncate(limit);
            return Ok((found, has_more));
        }
        cursor = next;
    }
    Ok((found, true))
}
