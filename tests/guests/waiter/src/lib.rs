//! Answers commands, buttons, lists and forms in every way there is.

use guildhall_sdk::ui::{self, Input, Node, Style};
use guildhall_sdk::{
    Arg, Choice, Command, ComponentEvent, Context, Draft, Error, Form, FormRequest, Plugin, Reply, Result, badges, kv,
    messages_write, moderation, plugin, roles,
};

/// The plugin.
pub struct Waiter;

impl Plugin for Waiter {
    fn command(ctx: &Context, command: &Command) -> Result<Reply> {
        match command.name().as_str() {
            "serve" => serve(ctx, command),
            _ => Ok(Reply::whisper(command.args.iter().map(said).collect::<Vec<_>>().join(" "))),
        }
    }

    fn component(_: &Context, event: &ComponentEvent) -> Result<Reply> {
        if event.id != "again" {
            return Ok(Reply::whisper(event.values.join("+")));
        }
        kv::increment("pressed", 1)?;
        let pressed = kv::get_counters(&["pressed".to_owned()])?;
        Ok(Reply::Update(Draft::text(format!("Pressed: {}", pressed[0])).blocks(menu())))
    }

    fn form(_: &Context, form: &Form) -> Result<Reply> {
        if form.id == "reservation:again" {
            return Ok(ask("reservation"));
        }
        let fields = form.fields.iter().map(|(name, value)| format!("{name}={value}"));
        Ok(Reply::Message(Draft::text(fields.collect::<Vec<_>>().join(" "))))
    }

    fn autocomplete(_: &Context, command: &Command, focused: &str) -> Result<Vec<Choice>> {
        let typed = command.text(focused).unwrap_or_default();
        kv::set("typed", typed.as_bytes(), None)?;
        let choice = |value: String| Choice { label: value.to_uppercase(), value, description: None };
        Ok(["message", "whisper"]
            .iter()
            .filter(|known| known.starts_with(typed))
            .map(|one| choice(one.to_string()))
            .collect())
    }
}

fn serve(ctx: &Context, command: &Command) -> Result<Reply> {
    match command.text("what").unwrap_or_default() {
        "message" => Ok(Reply::Message(Draft::text("Dinner is served").blocks(menu()))),
        "whisper" => Ok(Reply::Ephemeral(Draft::text("Only for you").blocks(ui::text("Psst")))),
        "secret" => Ok(Reply::Ephemeral(Draft::text("Only for you").blocks(menu()))),
        "form" => Ok(ask("reservation")),
        "nothing" => Ok(Reply::None),
        "custom" => Ok(Reply::Custom(("confetti".to_owned(), "{\"colour\":\"red\"}".to_owned()))),
        "typed" => Ok(Reply::whisper(kv::peek("typed")?.map_or("nothing", |_| "something"))),
        "update" => Ok(Reply::Update(Draft::text("nothing to update"))),
        "empty" => Ok(Reply::Message(Draft::text(""))),
        "panic" => panic!("out of milk"),
        "refuse" => Err(Error::refused("KITCHEN_CLOSED", "Come back tomorrow")),
        "invalid" => Err(Error::field_with("/what", "TOO_LONG", &[("max", "3".to_owned())])),
        "denied" => Err(Error::Denied("MANAGE_GUILD".to_owned())),
        "twice" => {
            let once = || messages_write::send(command.channel, &Draft::text("Once").nonce("once").silent());
            let (first, second) = (once()?, once()?);
            Ok(Reply::whisper(format!("{first} {second}")))
        }
        "lost" => {
            messages_write::send(command.channel, &Draft::text("Never seen"))?;
            kv::set("typed", b"lost", None)?;
            Err(Error::NotFound)
        }
        "praise" => badges::grant(command.id("whom").unwrap_or(ctx.actor()?), "regular").map(|()| Reply::None),
        "blame" => badges::revoke(command.id("whom").unwrap_or(ctx.actor()?), "regular").map(|()| Reply::None),
        "promote" => change_role(ctx, command, roles::grant),
        "demote" => change_role(ctx, command, roles::revoke),
        "kick" => moderation::kick(command.id("whom").unwrap_or(ctx.actor()?), "ate nothing").map(|()| Reply::None),
        "clear" => {
            let which = command.text("which").and_then(|id| id.parse().ok()).ok_or(Error::NotFound)?;
            messages_write::delete(command.channel, which).map(|()| Reply::None)
        }
        "special" => kv::set("special", &[0; 100], Some(60_000)).map(|()| Reply::None),
        "used" => Ok(Reply::whisper(kv::usage()?.used.to_string())),
        _ => Err(Error::internal("no such dish")),
    }
}

fn change_role(ctx: &Context, command: &Command, change: fn(u64, u64) -> Result<()>) -> Result<Reply> {
    let whom = command.id("whom").unwrap_or(ctx.actor()?);
    change(whom, command.id("to").unwrap_or_default()).map(|()| Reply::None)
}

fn menu() -> Node {
    let choice = |value: &str| Choice { value: value.to_owned(), label: value.to_owned(), description: None };
    let dishes = ["soup", "stew", "salad"].iter().map(|dish| choice(dish)).collect();
    let again = ui::button("again", "Again").style(Style::Primary);
    ui::container([ui::row([again]), ui::select("dishes", "Choose", dishes, 1, 2)])
}

fn ask(id: &str) -> Reply {
    let name = Input {
        id: "name".to_owned(),
        label: "Name".to_owned(),
        multiline: false,
        required: true,
        value: None,
        max_length: 40,
    };
    Reply::Form(FormRequest { id: id.to_owned(), title: "A table".to_owned(), body: ui::input(name).into() })
}

fn said((name, arg): &(String, Arg)) -> String {
    let value = match arg {
        Arg::Text(text) => text.clone(),
        Arg::Int(number) => number.to_string(),
        Arg::Float(number) => number.to_string(),
        Arg::Flag(flag) => flag.to_string(),
        Arg::User(id) => format!("user:{id}"),
        Arg::Channel(id) => format!("channel:{id}"),
        Arg::Role(id) => format!("role:{id}"),
    };
    format!("{name}={value}")
}

plugin!(Waiter: interactions);
