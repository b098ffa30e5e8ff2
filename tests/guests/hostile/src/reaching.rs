//! Acts on things whose ids the caller names, wherever they are.

use guildhall_sdk::{
    Draft, Error, Id, Page, Request, Result, Snowflake, badges, channels, members, messages_read, messages_write,
    moderation, realtime, resources, roles,
};

/// Reaches for what the request's query names, if the fault is of this kind.
pub fn reach(fault: &str, request: &Request) -> Result<()> {
    let named = |name: &str| -> Result<Snowflake> {
        let found = request.query.iter().find(|(key, _)| key == name);
        // Also what no id can be.
        found.and_then(|(_, value)| value.parse().ok()).ok_or(Error::NotFound)
    };
    let (channel, message, user) = (|| named("channel"), || named("message"), || named("user"));
    let draft = Draft::text("hello");
    match fault {
        "reach-send" => messages_write::send(channel()?, &draft).map(drop),
        "reach-edit" => messages_write::edit(channel()?, message()?, &draft),
        "reach-delete" => messages_write::delete(channel()?, message()?),
        "reach-react" => messages_write::react(channel()?, message()?, "👍"),
        "reach-direct" => messages_write::direct(user()?, &draft).map(drop),
        "reach-message" => messages_read::get(channel()?, message()?).map(drop),
        "reach-history" => messages_read::history(channel()?, &Page { cursor: None, limit: 10 }).map(drop),
        "reach-channel" => channels::get(channel()?).map(drop),
        "reach-thread" => channels::create_thread(channel()?, "thread", None).map(drop),
        "reach-topic" => realtime::publish(Some(channel()?), "topic", "1"),
        "reach-member" => members::get(user()?).map(drop),
        "reach-rights" => members::permissions_in(user()?, channel()?).map(drop),
        "reach-role" => roles::grant(user()?, named("role")?),
        "reach-badge" => badges::grant(user()?, "star"),
        "reach-resource" => {
            let id = resources::create("thing", Some(channel()?))?;
            if Id(id).to_string().is_empty() { Err(Error::NotFound) } else { Ok(()) }
        }
        "reach-resource-delete" => resources::delete(named("resource")?),
        "reach-kick" => moderation::kick(user()?, "because"),
        "reach-ban" => moderation::ban(user()?, 0, "because"),
        "reach-time-out" => moderation::time_out(user()?, 60_000, "because"),
        "reach-delete-theirs" => moderation::delete_message(channel()?, message()?, "because"),
        "breaks" if named("panic").is_ok() => panic!("as asked"),
        // Twice is too much for a minute.
        "many-messages" => (0..40).try_for_each(|_| messages_write::send(channel()?, &draft).map(drop)),
        "flood-messages" => (0..51).try_for_each(|_| messages_write::send(channel()?, &draft).map(drop)),
        "flood-topics" => (0..51).try_for_each(|at| realtime::publish(Some(channel()?), &format!("t{at}"), "1")),
        "flood-resources" => (0..51).try_for_each(|_| resources::create("thing", Some(channel()?)).map(drop)),
        "nul-content" => messages_write::send(channel()?, &Draft::text("a\0b")).map(drop),
        "nul-topic" => realtime::publish(Some(channel()?), "a\0b", "1"),
        "nul-thread" => channels::create_thread(channel()?, "a\0b", None).map(drop),
        "flood-content" => messages_write::send(channel()?, &Draft::text("x".repeat(1 << 20))).map(drop),
        _ => Ok(()),
    }
}
