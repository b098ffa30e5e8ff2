//! Counts what it is told of, and does what messages tell it to.

use guildhall_sdk::{
    Context, Draft, Error, Member, Message, Plugin, Reaction, Result, Snowflake, User, kv, messages_write, plugin,
    realtime, schedule,
};

/// The plugin.
pub struct Counter;

impl Plugin for Counter {
    fn message_created(ctx: &Context, message: &Message) -> Result<()> {
        kv::increment("created", 1)?;
        note(&format!("said:{}", message.channel), message.content.clone())?;
        let (word, rest) = message.content.split_once(' ').unwrap_or((&message.content, ""));
        match word {
            "echo" => send(message.channel, rest),
            "ping" => send(message.channel, &message.content),
            "fail" => Err(Error::Internal("told to fail".to_owned())),
            "flaky" if ctx.attempt < 2 => Err(Error::Internal("not yet".to_owned())),
            "refuse" => Err(Error::NotFound),
            "topic" => realtime::publish(Some(message.channel), "state", rest),
            "notice" => realtime::publish(None, "state", rest),
            "timer" => {
                let wait: u64 = rest.parse().unwrap_or(0);
                schedule::once("told", ctx.now + wait, &message.channel.to_le_bytes())
            }
            // The same again, once a timer of its own has rung.
            "later" => {
                let payload = [&message.channel.to_le_bytes()[..], message.content.as_bytes()].concat();
                schedule::once(&format!("later:{}", message.id), ctx.now, &payload)
            }
            _ => Ok(()),
        }
    }

    fn message_edited(_: &Context, message: &Message, previous: Option<&str>) -> Result<()> {
        note("edited", format!("{} > {}", previous.unwrap_or_default(), message.content))
    }

    fn message_deleted(_: &Context, _: Snowflake, message: Snowflake) -> Result<()> {
        note("deleted", message.to_string())
    }

    fn messages_created(_: &Context, batch: &[Message]) -> Result<()> {
        kv::increment("batches", 1)?;
        kv::increment("batched", batch.len() as i64)
    }

    fn reaction_added(_: &Context, reaction: &Reaction) -> Result<()> {
        note("reactions", format!("+{}", reaction.emoji))
    }

    fn reaction_removed(_: &Context, reaction: &Reaction) -> Result<()> {
        note("reactions", format!("-{}", reaction.emoji))
    }

    fn member_joined(_: &Context, member: &Member) -> Result<()> {
        note("members", format!("+{}", member.user.username))
    }

    fn member_left(_: &Context, user: &User) -> Result<()> {
        note("members", format!("-{}", user.username))
    }

    fn member_updated(_: &Context, member: &Member) -> Result<()> {
        note("members", format!("{}={}", member.user.username, member.nick.as_deref().unwrap_or_default()))
    }

    fn voice_changed(_: &Context, _: Snowflake, before: Option<Snowflake>, after: Option<Snowflake>) -> Result<()> {
        let place = |channel: Option<Snowflake>| channel.map_or("-".to_owned(), |channel| channel.to_string());
        note("voices", format!("{}>{}", place(before), place(after)))
    }

    fn scheduled(ctx: &Context, id: &str, payload: &[u8]) -> Result<()> {
        note("timers", id.to_owned())?;
        match payload.split_first_chunk::<8>() {
            Some((channel, [])) => send(u64::from_le_bytes(*channel), &format!("it is {}", ctx.now)),
            Some((channel, text)) => send(u64::from_le_bytes(*channel), std::str::from_utf8(text)?),
            None => Ok(()),
        }
    }

    fn installed(_: &Context) -> Result<()> {
        note("life", "installed".to_owned())
    }

    fn upgraded(_: &Context, from_version: &str) -> Result<()> {
        note("life", format!("upgraded from {from_version}"))
    }

    fn config_changed(_: &Context, keys: &[String]) -> Result<()> {
        note("life", format!("changed {}", keys.join(" ")))
    }

    fn uninstalling(_: &Context) -> Result<()> {
        note("life", "uninstalling".to_owned())
    }
}

fn send(channel: Snowflake, content: &str) -> Result<()> {
    messages_write::send(channel, &Draft::text(content)).map(drop)
}

/// Adds a line to what is remembered under a key.
fn note(key: &str, line: String) -> Result<()> {
    let mut lines: Vec<String> = kv::get_json(key)?.unwrap_or_default();
    lines.push(line);
    kv::set_json(key, &lines)
}

plugin!(Counter: on_message, on_messages, on_reaction, on_member, on_voice, scheduled, lifecycle);
