//! What the stories of messages need beside people: roles, rights and a private conversation.

use guildhall::channels::Permissions;
use guildhall::id::StreamId;
use guildhall::log::{EventKind, NewEvent, OperationFuture, Tx};

use crate::support::{TestApp, User, Value, json};

/// The number in an id.
pub fn number(id: &str) -> i64 {
    id.parse().expect("an id")
}

/// The ids of a list's items, in order.
pub fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// The id of a thing.
pub fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

/// Changes something that these stories have no door for.
async fn change<F>(app: &TestApp, stream: StreamId, work: F)
where
    F: for<'t> FnOnce(&'t mut Tx) -> OperationFuture<'t, ()> + Send + 'static,
{
    app.app.writer.run(None, None, &[stream], work).await.expect("a change");
}

/// Lets every member of a guild do this and nothing else.
pub async fn everyone_may(app: &TestApp, guild: &str, permissions: Permissions) {
    let guild = number(guild);
    change(app, StreamId(guild), move |tx| {
        Box::pin(async move {
            tx.execute("update roles set permissions = $2 where id = $1", &[&guild, &permissions]).await?;
            tx.execute("update guilds set access_version = access_version + 1 where id = $1", &[&guild]).await?;
            tx.append(NewEvent::new(EventKind::RoleUpdated, StreamId(guild), &json!({"id": guild.to_string()}))?)?;
            Ok(())
        })
    })
    .await;
}

/// Times somebody out for an hour.
pub async fn time_out(app: &TestApp, guild: &str, user: &User) {
    let (guild, user, until) = (number(guild), number(&user.id), app.app.now().0 + 3_600_000);
    change(app, StreamId(guild), move |tx| {
        Box::pin(async move {
            let sql = "update members set timed_out_until = $3 where guild_id = $1 and user_id = $2";
            tx.execute(sql, &[&guild, &user, &until]).await?;
            tx.execute("update guilds set access_version = access_version + 1 where id = $1", &[&guild]).await?;
            let body = json!({"user": {"id": user.to_string()}});
            tx.append(NewEvent::new(EventKind::MemberUpdated, StreamId(guild), &body)?)?;
            Ok(())
        })
    })
    .await;
}

/// A role for some members of a guild, that anybody may mention or not.
pub async fn role(app: &TestApp, guild: &str, mentionable: bool, members: &[&User]) -> String {
    let (guild, role) = (number(guild), app.app.next_id().expect("an id"));
    let members: Vec<i64> = members.iter().map(|member| number(&member.id)).collect();
    change(app, StreamId(guild), move |tx| {
        Box::pin(async move {
            let sql = "insert into roles (id, guild_id, name, permissions, mentionable, position, created_at)
                values ($1, $2, 'crew', 0, $3, 1, 0)";
            tx.execute(sql, &[&role, &guild, &mentionable]).await?;
            for member in &members {
                let sql = "insert into member_roles (guild_id, user_id, role_id) values ($1, $2, $3)";
                tx.execute(sql, &[&guild, member, &role]).await?;
            }
            tx.execute("update guilds set access_version = access_version + 1 where id = $1", &[&guild]).await?;
            tx.append(NewEvent::new(EventKind::RoleCreated, StreamId(guild), &json!({"id": role.to_string()}))?)?;
            Ok(())
        })
    })
    .await;
    role.to_string()
}

/// Another text channel of a guild.
pub async fn channel(app: &TestApp, guild: &str) -> String {
    let (guild, channel) = (number(guild), app.app.next_id().expect("an id"));
    insert_channel(app, Some(guild), channel, "text", Vec::new()).await
}

/// A conversation of two.
pub async fn direct(app: &TestApp, one: &User, other: &User) -> String {
    let channel = app.app.next_id().expect("an id");
    insert_channel(app, None, channel, "direct", vec![number(&one.id), number(&other.id)]).await
}

async fn insert_channel(app: &TestApp, guild: Option<i64>, id: i64, kind: &'static str, people: Vec<i64>) -> String {
    let stream = StreamId(guild.unwrap_or(id));
    change(app, stream, move |tx| {
        Box::pin(async move {
            let sql = "insert into channels (id, guild_id, kind, name, created_at) values ($1, $2, $3, 'other', 0)";
            tx.execute(sql, &[&id, &guild, &kind]).await?;
            for user in &people {
                let sql = "insert into recipients (channel_id, user_id) values ($1, $2)";
                tx.execute(sql, &[&id, user]).await?;
            }
            if let Some(guild) = guild {
                tx.execute("update guilds set access_version = access_version + 1 where id = $1", &[&guild]).await?;
            }
            let recipients: Vec<String> = people.iter().map(i64::to_string).collect();
            let body = json!({"id": id.to_string(), "recipients": recipients});
            tx.append(
                NewEvent::new(EventKind::ChannelCreated, stream, &body)?.in_channel(guildhall::id::ChannelId(id)),
            )?;
            Ok(())
        })
    })
    .await;
    id.to_string()
}

/// One of two people wants nothing to do with the other.
pub async fn block(app: &TestApp, who: &User, whom: &User) {
    let (who, whom) = (number(&who.id), number(&whom.id));
    change(app, StreamId(who), move |tx| {
        Box::pin(async move {
            let sql = "insert into blocks (user_id, target_id, created_at) values ($1, $2, 0)";
            tx.execute(sql, &[&who, &whom]).await?;
            Ok(())
        })
    })
    .await;
}

/// A custom emoji of a guild, as `name:id`.
pub async fn emoji(app: &TestApp, guild: &str, name: &'static str) -> String {
    let (guild, id) = (number(guild), app.app.next_id().expect("an id"));
    change(app, StreamId(guild), move |tx| {
        Box::pin(async move {
            let sql = "insert into emojis (id, guild_id, name, content_type, image, creator_id, created_at)
                values ($1, $2, $3, 'image/png', $4, 1, 0)";
            tx.execute(sql, &[&id, &guild, &name, &vec![1_u8]]).await?;
            Ok(())
        })
    })
    .await;
    format!("{name}:{id}")
}
