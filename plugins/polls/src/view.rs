//! Polls as the API and clients see them.

use guildhall_sdk::{Context, Id, Result, time};
use serde::Serialize;

use crate::ballot::Ballot;
use crate::poll::{Method, Poll};
use crate::runoff::RoundVotes;
use crate::store::{self, Tally};

/// A poll.
#[derive(Debug, Serialize)]
pub struct View<'p> {
    id: Id,
    guild_id: Id,
    channel_id: Option<Id>,
    message_id: Option<Id>,
    author_id: Id,
    question: &'p str,
    options: Vec<OptionView<'p>>,
    method: Method,
    multiple: bool,
    max_choices: usize,
    anonymous: bool,
    hide_results: bool,
    changeable: bool,
    roles: &'p [Id],
    created_at: String,
    closes_at: Option<String>,
    closed_at: Option<String>,
    closed: bool,
    /// How many voted; also while results are hidden.
    voters: i64,
    /// The answers that won, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    winners: Option<Vec<Id>>,
    /// How ranked votes were counted, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<Vec<Vec<RoundVotes>>>,
    /// What the reader chose; not in events, which are the same for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    my_vote: Option<Vec<Id>>,
}

/// An answer.
#[derive(Debug, Serialize)]
struct OptionView<'p> {
    id: Id,
    text: &'p str,
    /// Nothing while results are hidden.
    votes: Option<i64>,
}

/// One user's vote.
#[derive(Debug, Serialize)]
pub struct VoteView {
    /// Who.
    pub user_id: Id,
    /// What they chose.
    pub options: Vec<Id>,
}

impl<'p> View<'p> {
    /// A poll for nobody in particular.
    pub fn new(ctx: &Context, poll: &'p Poll, tally: &Tally) -> View<'p> {
        let votes = |place: usize| poll.shows_results().then(|| tally.votes.get(place).copied().unwrap_or(0));
        let option =
            |(place, text): (usize, &'p String)| OptionView { id: Poll::option_id(place), text, votes: votes(place) };
        View {
            id: poll.id,
            guild_id: Id(ctx.guild),
            channel_id: poll.channel_id,
            message_id: poll.message_id,
            author_id: poll.author_id,
            question: &poll.question,
            options: poll.options.iter().enumerate().map(option).collect(),
            method: poll.method,
            multiple: poll.max_choices > 1,
            max_choices: poll.max_choices,
            anonymous: poll.anonymous,
            hide_results: poll.hide_results,
            changeable: poll.changeable,
            roles: &poll.roles,
            created_at: time::format(poll.created_at),
            closes_at: poll.closes_at.map(time::format),
            closed_at: poll.end.as_ref().map(|end| time::format(end.at)),
            closed: poll.is_closed(ctx.now),
            voters: tally.voters,
            winners: poll.end.as_ref().map(|end| ids(&end.winners)),
            rounds: poll.end.as_ref().and_then(|end| end.runoff.as_ref()).map(|runoff| rounds(&runoff.rounds)),
            my_vote: None,
        }
    }

    /// A poll for whoever asks.
    pub fn for_actor(ctx: &Context, poll: &'p Poll) -> Result<View<'p>> {
        let ballot = store::peek_ballot(poll.id, ctx.actor()?)?;
        Ok(View::of_voter(ctx, poll, &store::peek_tally(poll)?, &ballot))
    }

    /// A poll for whoever has this vote.
    pub fn of_voter(ctx: &Context, poll: &'p Poll, tally: &Tally, ballot: &Ballot) -> View<'p> {
        View { my_vote: Some(ids(&ballot.0)), ..View::new(ctx, poll, tally) }
    }
}

impl VoteView {
    /// A vote of a user.
    pub fn new((user_id, ballot): (Id, Ballot)) -> VoteView {
        VoteView { user_id, options: ids(&ballot.0) }
    }
}

fn ids(places: &[usize]) -> Vec<Id> {
    places.iter().map(|place| Poll::option_id(*place)).collect()
}

fn rounds(rounds: &[Vec<Option<i64>>]) -> Vec<Vec<RoundVotes>> {
    let round = |round: &Vec<Option<i64>>| {
        let votes = round.iter().enumerate();
        votes.filter_map(|(place, votes)| Some(RoundVotes { id: Poll::option_id(place), votes: (*votes)? })).collect()
    };
    rounds.iter().map(round).collect()
}
