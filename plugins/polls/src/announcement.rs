//! The message that announces a poll, and the one that tells how it ended.

use guildhall_sdk::ui::{self, Node};
use guildhall_sdk::{Choice, Context, Draft};

use crate::poll::{End, Method, Poll};
use crate::store::Tally;

/// Buttons beside each other.
const IN_A_ROW: usize = 5;
/// The most places of a ranking that the form asks for.
const RANKS: usize = 5;

/// The message that announces a poll: the question, how it works, and buttons to vote.
pub fn of(ctx: &Context, poll: &Poll) -> Draft {
    let mut children = vec![ui::heading(&poll.question)];
    if poll.method == Method::Ranked {
        let options = poll.options.iter().enumerate();
        children.extend(options.map(|(place, option)| ui::text(format!("{}. {option}", place + 1))));
    }
    children.extend(controls(ctx, poll));
    if poll.changeable {
        children.push(ui::row([ui::button(format!("withdraw:{}", poll.id), ctx.text("withdraw", &[]))]));
    }
    Draft::text(introduction(ctx, poll)).blocks(ui::container(children)).nonce(format!("poll:{}", poll.id))
}

/// The same message once the poll has ended: nothing to press, and the counts.
pub fn ended(ctx: &Context, poll: &Poll, tally: &Tally) -> Draft {
    let rows = poll.options.iter().enumerate().map(|(place, option)| {
        let votes = tally.votes.get(place).copied().unwrap_or(0);
        let share = if tally.voters > 0 { votes * 1000 / tally.voters } else { 0 };
        ui::progress(format!("{option}: {votes}"), share.clamp(0, 1000) as u32)
    });
    let closed = ui::text(ctx.text("closed", &[("voters", tally.voters.into())]));
    let children = std::iter::once(ui::heading(&poll.question)).chain(rows).chain([closed]);
    Draft::text(introduction(ctx, poll)).blocks(ui::container(children))
}

/// The message that tells how a poll ended, in answer to the one that announced it.
pub fn results(ctx: &Context, poll: &Poll, end: &End, tally: &Tally) -> Draft {
    let named: Vec<&str> =
        end.winners.iter().filter_map(|place| poll.options.get(*place)).map(String::as_str).collect();
    let key = match named.len() {
        0 => "result-none",
        1 => "result-one",
        _ => "result-tie",
    };
    let args = [
        ("question", poll.question.as_str().into()),
        ("winner", named.join(", ").into()),
        ("voters", tally.voters.into()),
    ];
    let draft = Draft::text(ctx.text(key, &args)).nonce(format!("end:{}", poll.id)).silent();
    match poll.message_id {
        Some(message) => draft.replying_to(message.0),
        None => draft,
    }
}

/// Selects for the first, second, third place and so on.
pub fn ranking_form(ctx: &Context, poll: &Poll) -> Node {
    let ranks = (1..=poll.max_choices.min(RANKS)).map(|rank| {
        let label = ctx.text("rank", &[("rank", rank.into())]);
        ui::select(rank.to_string(), label, choices(poll), u8::from(rank == 1), 1)
    });
    ui::container(ranks)
}

fn introduction(ctx: &Context, poll: &Poll) -> String {
    let mut text = ctx.text("asked", &[("author", format!("<@{}>", poll.author_id).into())]);
    let method = match poll.method {
        Method::Single => None,
        Method::Multiple => Some(ctx.text("multiple", &[("most", poll.max_choices.into())])),
        Method::Ranked => Some(ctx.text("ranked", &[])),
    };
    let rules = [
        method,
        poll.anonymous.then(|| ctx.text("anonymous", &[])),
        poll.hide_results.then(|| ctx.text("hidden", &[])),
        poll.closes_at.map(|at| ctx.text("closes", &[("time", format!("<t:{at}>").into())])),
    ];
    for rule in rules.into_iter().flatten() {
        text.push_str("\n· ");
        text.push_str(&rule);
    }
    text
}

/// What to press: a button for each answer, a list, or a button that opens the form for ranking.
fn controls(ctx: &Context, poll: &Poll) -> Vec<Node> {
    match poll.method {
        Method::Single => {
            let buttons: Vec<Node> = poll
                .options
                .iter()
                .enumerate()
                .map(|(place, option)| ui::button(format!("vote:{}:{}", poll.id, Poll::option_id(place)), option))
                .collect();
            buttons.chunks(IN_A_ROW).map(|row| ui::row(row.to_vec())).collect()
        }
        Method::Multiple => {
            let most = u8::try_from(poll.max_choices).unwrap_or(u8::MAX);
            vec![ui::select(format!("vote:{}", poll.id), ctx.text("choose", &[]), choices(poll), 1, most)]
        }
        Method::Ranked => {
            vec![ui::row([ui::button(format!("rank:{}", poll.id), ctx.text("choose", &[])).primary()])]
        }
    }
}

fn choices(poll: &Poll) -> Vec<Choice> {
    let options = poll.options.iter().enumerate();
    let choice = |(place, option): (usize, &String)| Choice {
        value: Poll::option_id(place).to_string(),
        label: option.clone(),
        description: None,
    };
    options.map(choice).collect()
}
