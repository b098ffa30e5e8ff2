//! The trait that plugins have, and how each hook's export calls it.

use crate::bindings::{
    filter_message, http_routes, interactions, lifecycle, on_member, on_message, on_messages, on_reaction, on_voice,
    scheduled,
};
use crate::{
    Choice, Command, ComponentEvent, Context, Error, Form, Member, Message, Outcome, Reaction, Reply, Request,
    Response, Result, Snowflake, Stage, User, panics,
};

/// A plugin. Each method has a body that does nothing or, where there must be an answer, says that
/// there is no such thing; write those whose hooks [`plugin!`](crate::plugin) lists.
///
/// An `Err` takes back what the call has written; see [`Error`] for what becomes of it.
#[allow(unused_variables)]
pub trait Plugin {
    /// Hook `filter_message`: somebody sends a message or edits one. Everything is allowed.
    fn filter_message(ctx: &Context, stage: Stage, message: &Message) -> Result<Outcome> {
        Ok(Outcome::allow())
    }

    /// Hook `on_message`: a message was sent.
    fn message_created(ctx: &Context, message: &Message) -> Result<()> {
        Ok(())
    }
    /// Hook `on_message`: a message was edited; its text before, where that is still known.
    fn message_edited(ctx: &Context, message: &Message, previous: Option<&str>) -> Result<()> {
        Ok(())
    }
    /// Hook `on_message`: a message is gone.
    fn message_deleted(ctx: &Context, channel: Snowflake, message: Snowflake) -> Result<()> {
        Ok(())
    }
    /// Hook `on_messages`: these messages were sent.
    fn messages_created(ctx: &Context, batch: &[Message]) -> Result<()> {
        Ok(())
    }

    /// Hook `on_reaction`: somebody reacted.
    fn reaction_added(ctx: &Context, reaction: &Reaction) -> Result<()> {
        Ok(())
    }
    /// Hook `on_reaction`: a reaction is gone.
    fn reaction_removed(ctx: &Context, reaction: &Reaction) -> Result<()> {
        Ok(())
    }

    /// Hook `on_member`: somebody joined.
    fn member_joined(ctx: &Context, member: &Member) -> Result<()> {
        Ok(())
    }
    /// Hook `on_member`: somebody left, or was removed.
    fn member_left(ctx: &Context, user: &User) -> Result<()> {
        Ok(())
    }
    /// Hook `on_member`: a nickname, roles or a timeout changed.
    fn member_updated(ctx: &Context, member: &Member) -> Result<()> {
        Ok(())
    }
    /// Hook `on_voice`: somebody went from one voice channel, or none, to another, or none.
    fn voice_changed(
        ctx: &Context,
        user: Snowflake,
        before: Option<Snowflake>,
        after: Option<Snowflake>,
    ) -> Result<()> {
        Ok(())
    }

    /// Hook `interactions`: somebody gave one of the manifest's commands.
    fn command(ctx: &Context, command: &Command) -> Result<Reply> {
        Err(Error::NotFound)
    }
    /// Hook `interactions`: somebody used a button or a list.
    fn component(ctx: &Context, event: &ComponentEvent) -> Result<Reply> {
        Err(Error::NotFound)
    }
    /// Hook `interactions`: somebody sent a form.
    fn form(ctx: &Context, form: &Form) -> Result<Reply> {
        Err(Error::NotFound)
    }
    /// Hook `interactions`: what to offer for the option `focused`.
    fn autocomplete(ctx: &Context, command: &Command, focused: &str) -> Result<Vec<Choice>> {
        Ok(Vec::new())
    }

    /// Hook `http_routes`: a request to one of the manifest's routes.
    fn http(ctx: &Context, request: &Request) -> Result<Response> {
        Err(Error::NotFound)
    }

    /// Hook `scheduled`: a timer's time has come, or `cron:<name>`'s.
    fn scheduled(ctx: &Context, id: &str, payload: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Hook `lifecycle`: the plugin was installed.
    fn installed(ctx: &Context) -> Result<()> {
        Ok(())
    }
    /// Hook `lifecycle`: the plugin's version changed.
    fn upgraded(ctx: &Context, from_version: &str) -> Result<()> {
        Ok(())
    }
    /// Hook `lifecycle`: the admin changed these settings.
    fn config_changed(ctx: &Context, keys: &[String]) -> Result<()> {
        Ok(())
    }
    /// Hook `lifecycle`: the installation is about to be removed.
    fn uninstalling(ctx: &Context) -> Result<()> {
        Ok(())
    }
}

impl<P: Plugin> filter_message::exports::guildhall::plugin::filter_message::Guest for P {
    fn evaluate(ctx: Context, stage: Stage, msg: Message) -> Result<Outcome> {
        panics::report();
        P::filter_message(&ctx, stage, &msg)
    }
}

impl<P: Plugin> on_message::exports::guildhall::plugin::on_message::Guest for P {
    fn created(ctx: Context, msg: Message) -> Result<()> {
        panics::report();
        P::message_created(&ctx, &msg)
    }
    fn edited(ctx: Context, msg: Message, previous: Option<String>) -> Result<()> {
        panics::report();
        P::message_edited(&ctx, &msg, previous.as_deref())
    }
    fn deleted(ctx: Context, channel: Snowflake, id: Snowflake) -> Result<()> {
        panics::report();
        P::message_deleted(&ctx, channel, id)
    }
}

impl<P: Plugin> on_messages::exports::guildhall::plugin::on_messages::Guest for P {
    fn created(ctx: Context, batch: Vec<Message>) -> Result<()> {
        panics::report();
        P::messages_created(&ctx, &batch)
    }
}

impl<P: Plugin> on_reaction::exports::guildhall::plugin::on_reaction::Guest for P {
    fn added(ctx: Context, reaction: Reaction) -> Result<()> {
        panics::report();
        P::reaction_added(&ctx, &reaction)
    }
    fn removed(ctx: Context, reaction: Reaction) -> Result<()> {
        panics::report();
        P::reaction_removed(&ctx, &reaction)
    }
}

impl<P: Plugin> on_member::exports::guildhall::plugin::on_member::Guest for P {
    fn joined(ctx: Context, member: Member) -> Result<()> {
        panics::report();
        P::member_joined(&ctx, &member)
    }
    fn left(ctx: Context, user: User) -> Result<()> {
        panics::report();
        P::member_left(&ctx, &user)
    }
    fn updated(ctx: Context, member: Member) -> Result<()> {
        panics::report();
        P::member_updated(&ctx, &member)
    }
}

impl<P: Plugin> on_voice::exports::guildhall::plugin::on_voice::Guest for P {
    fn changed(ctx: Context, user: Snowflake, before: Option<Snowflake>, after: Option<Snowflake>) -> Result<()> {
        panics::report();
        P::voice_changed(&ctx, user, before, after)
    }
}

impl<P: Plugin> interactions::exports::guildhall::plugin::interactions::Guest for P {
    fn on_command(ctx: Context, cmd: Command) -> Result<Reply> {
        panics::report();
        P::command(&ctx, &cmd)
    }
    fn on_component(ctx: Context, event: ComponentEvent) -> Result<Reply> {
        panics::report();
        P::component(&ctx, &event)
    }
    fn on_form(ctx: Context, form: Form) -> Result<Reply> {
        panics::report();
        P::form(&ctx, &form)
    }
    fn autocomplete(ctx: Context, cmd: Command, focused: String) -> Result<Vec<Choice>> {
        panics::report();
        P::autocomplete(&ctx, &cmd, &focused)
    }
}

impl<P: Plugin> http_routes::exports::guildhall::plugin::http_routes::Guest for P {
    fn handle(ctx: Context, req: Request) -> Result<Response> {
        panics::report();
        P::http(&ctx, &req)
    }
}

impl<P: Plugin> scheduled::exports::guildhall::plugin::scheduled::Guest for P {
    fn run(ctx: Context, id: String, payload: Vec<u8>) -> Result<()> {
        panics::report();
        P::scheduled(&ctx, &id, &payload)
    }
}

impl<P: Plugin> lifecycle::exports::guildhall::plugin::lifecycle::Guest for P {
    fn installed(ctx: Context) -> Result<()> {
        panics::report();
        P::installed(&ctx)
    }
    fn upgraded(ctx: Context, from_version: String) -> Result<()> {
        panics::report();
        P::upgraded(&ctx, &from_version)
    }
    fn config_changed(ctx: Context, keys: Vec<String>) -> Result<()> {
        panics::report();
        P::config_changed(&ctx, &keys)
    }
    fn uninstalling(ctx: Context) -> Result<()> {
        panics::report();
        P::uninstalling(&ctx)
    }
}
