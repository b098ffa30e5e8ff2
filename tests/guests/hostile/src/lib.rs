//! Does what its setting `fault` says in the hook that `hook` names; with `none` it behaves well.
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

/// What a hook does wrong: nothing, unless it is the one that is set.
fn fault(hook: &str) -> String {
    let set = |key: &str| config::text(key).unwrap_or_default();
    if set("hook") == hook { set("fault") } else { "none".to_owned() }
}

/// What each hook does that has nothing to answer.
fn act(hook: &str) -> Result<()> {
    faults::commit(&fault(hook))
}

impl Plugin for Hostile {
    fn filter_message(_: &Context, _: Stage, message: &Message) -> Result<Outcome> {
        let fault = fault("filter-message");
        faults::commit(&fault)?;
        Ok(answers::outcome(&fault, message))
    }

    fn message_created(_: &Context, message: &Message) -> Result<()> {
        let fault = fault("on-message");
        if fault == "answer" {
            return faults::answer(message);
        }
        faults::commit(&fault)
    }
    fn message_edited(_: &Context, _: &Message, _: Option<&str>) -> Result<()> {
        act("on-message")
    }
    fn message_deleted(_: &Context, _: Snowflake, _: Snowflake) -> Result<()> {
        act("on-message")
    }
    fn messages_created(_: &Context, _: &[Message]) -> Result<()> {
        act("on-messages")
    }

    fn reaction_added(_: &Context, _: &Reaction) -> Result<()> {
        act("on-reaction")
    }
    fn reaction_removed(_: &Context, _: &Reaction) -> Result<()> {
        act("on-reaction")
    }

    fn member_joined(_: &Context, _: &Member) -> Result<()> {
        act("on-member")
    }
    fn member_left(_: &Context, _: &User) -> Result<()> {
        act("on-member")
    }
    fn member_updated(_: &Context, _: &Member) -> Result<()> {
        act("on-member")
    }
    fn voice_changed(_: &Context, _: Snowflake, _: Option<Snowflake>, _: Option<Snowflake>) -> Result<()> {
        act("on-voice")
    }

    fn command(_: &Context, _: &Command) -> Result<Reply> {
        act("interactions").map(|()| Reply::whisper("done"))
    }
    fn component(_: &Context, _: &ComponentEvent) -> Result<Reply> {
        act("interactions").map(|()| Reply::whisper("done"))
    }
    fn form(_: &Context, _: &Form) -> Result<Reply> {
        act("interactions").map(|()| Reply::whisper("done"))
    }
    fn autocomplete(_: &Context, _: &Command, _: &str) -> Result<Vec<Choice>> {
        act("interactions").map(|()| Vec::new())
    }

    fn http(_: &Context, request: &Request) -> Result<Response> {
        let fault = fault("http-routes");
        faults::commit(&fault)?;
        reaching::reach(&fault, request)?;
        answers::response(&fault)
    }

    fn scheduled(ctx: &Context, id: &str, payload: &[u8]) -> Result<()> {
        let fault = fault("scheduled");
        match fault.as_str() {
            "wait" => faults::wait(payload),
            "overtaken" => faults::race(ctx, id, 3),
            "always-overtaken" => faults::race(ctx, id, u8::MAX),
            _ => faults::commit(&fault),
        }
    }

    fn installed(_: &Context) -> Result<()> {
        act("lifecycle")
    }
    fn upgraded(_: &Context, _: &str) -> Result<()> {
        act("lifecycle")
    }
    fn config_changed(_: &Context, _: &[String]) -> Result<()> {
        act("lifecycle")
    }
    fn uninstalling(_: &Context) -> Result<()> {
        act("lifecycle")
    }
}

plugin!(Hostile: filter_message, on_message, on_messages, on_reaction, on_member, on_voice, interactions, http_routes, scheduled, lifecycle);
