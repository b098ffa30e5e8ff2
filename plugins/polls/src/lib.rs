//! Polls: questions with answers to choose from, counted exactly, closed on time.
//!
//! `poll`, `ballot` and `runoff` are what polls are and how votes are counted; `store` is where they
//! are kept; `asking`, `voting` and `closing` are what people do with them; `routes` and `commands`
//! are how they say so; `announcement`, `view` and `live` are what they see of it.

mod announcement;
mod asking;
mod ballot;
mod closing;
mod commands;
mod live;
mod poll;
mod routes;
mod runoff;
mod store;
mod view;
mod voting;

use guildhall_sdk::{
    Command, ComponentEvent, Context, Error, Form, Id, Plugin, Reply, Request, Response, Result, plugin,
};

/// The plugin.
pub struct Polls;

impl Plugin for Polls {
    fn http(ctx: &Context, request: &Request) -> Result<Response> {
        routes::answer(ctx, request)
    }

    fn command(ctx: &Context, command: &Command) -> Result<Reply> {
        commands::ask(ctx, command)
    }

    fn component(ctx: &Context, event: &ComponentEvent) -> Result<Reply> {
        commands::press(ctx, event)
    }

    fn form(ctx: &Context, form: &Form) -> Result<Reply> {
        commands::ranked(ctx, form)
    }

    fn scheduled(ctx: &Context, id: &str, payload: &[u8]) -> Result<()> {
        let (what, rest) = id.split_once(':').ok_or(Error::NotFound)?;
        if what == "sweep" {
            return closing::sweep(ctx, std::str::from_utf8(payload)?);
        }
        let poll = rest.split(':').next().and_then(Id::parse).ok_or(Error::NotFound)?;
        // A poll that was deleted in the meantime needs nothing any more.
        let outcome = match what {
            "close" => closing::close(ctx, poll).map(drop),
            "end" => closing::end(&speaking(ctx, payload)?, poll),
            "tell" => closing::tell(&speaking(ctx, payload)?, poll),
            "live" => store::peek_poll(poll).and_then(|poll| live::publish(ctx, &poll, &store::peek_tally(&poll)?)),
            "retire" => store::peek_poll(poll).and_then(|poll| live::forget(&poll)),
            _ => Err(Error::NotFound),
        };
        if matches!(outcome, Err(Error::NotFound)) { Ok(()) } else { outcome }
    }
}

/// The context of a timer, with the language that it was set in.
fn speaking(ctx: &Context, locale: &[u8]) -> Result<Context> {
    Ok(Context { locale: std::str::from_utf8(locale)?.to_owned(), ..ctx.clone() })
}

plugin!(Polls: http_routes, interactions, scheduled);
