//! Does what its setting `fault` says, in whichever hook it is called; with `none` it behaves well.
//!
//! `faults` has what can go wrong in every hook, `answers` what can be wrong with an answer, and
//! `reaching` what acts on things by ids that the caller names.

mod answers;
mod faults;
mod reaching;

use guildhall_sdk::{
    Choice, Command, ComponentEvent, Context, Form, Member, Message, Outcome, Plugin, Reaction, Reply, Request,
    Response, Result, Snowflake, Stage, User, config, plugin,
};

/// The plugin.
pub struct Hostile;

fn fault() -> String {
    config::text("fault").unwrap_or_default()
}

/// What each hook does that has nothing to answer.
fn act() -> Result<()> {
    faults::commit(&fault())
}

impl Plugin for Hostile {
    fn filter_message(_: &Context, _: Stage, message: &Message) -> Result<Outcome> {
        let fault = fault();
        faults::commit(&fault)?;
        Ok(answers::outcome(&fault, message))
    }

    fn message_created(_: &Context, _: &Message) -> Result<()> {
        act()
    }
    fn message_edited(_: &Context, _: &Message, _: Option<&str>) -> Result<()> {
        act()
    }
    fn message_deleted(_: &Context, _: Snowflake, _: Snowflake) -> Result<()> {
        act()
    }
    fn messages_created(_: &Context, _: &[Message]) -> Result<()> {
        act()
    }

    fn reaction_added(_: &Context, _: &Reaction) -> Result<()> {
        act()
    }
    fn reaction_removed(_: &Context, _: &Reaction) -> Result<()> {
        act()
    }

    fn member_joined(_: &Context, _: &Member) -> Result<()> {
        act()
    }
    fn member_left(_: &Context, _: &User) -> Result<()> {
        act()
    }
    fn member_updated(_: &Context, _: &Member) -> Result<()> {
        act()
    }
    fn voice_changed(_: &Context, _: Snowflake, _: Option<Snowflake>, _: Option<Snowflake>) -> Result<()> {
        act()
    }

    fn command(_: &Context, _: &Command) -> Result<Reply> {
        act().map(|()| Reply::whisper("done"))
    }
    fn component(_: &Context, _: &ComponentEvent) -> Result<Reply> {
        act().map(|()| Reply::whisper("done"))
    }
    fn form(_: &Context, _: &Form) -> Result<Reply> {
        act().map(|()| Reply::whisper("done"))
    }
    fn autocomplete(_: &Context, _: &Command, _: &str) -> Result<Vec<Choice>> {
        act().map(|()| Vec::new())
    }

    fn http(_: &Context, request: &Request) -> Result<Response> {
        let fault = fault();
        faults::commit(&fault)?;
        reaching::reach(&fault, request)?;
        answers::response(&fault)
    }

    fn scheduled(_: &Context, _: &str, payload: &[u8]) -> Result<()> {
        let fault = fault();
        if fault == "wait" {
            return faults::wait(payload);
        }
        faults::commit(&fault)
    }

    fn installed(_: &Context) -> Result<()> {
        act()
    }
    fn upgraded(_: &Context, _: &str) -> Result<()> {
        act()
    }
    fn config_changed(_: &Context, _: &[String]) -> Result<()> {
        act()
    }
    fn uninstalling(_: &Context) -> Result<()> {
        act()
    }
}

plugin!(Hostile: filter_message, on_message, on_messages, on_reaction, on_member, on_voice, interactions, http_routes, scheduled, lifecycle);
