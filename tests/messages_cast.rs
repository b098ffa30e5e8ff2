//! What the stories of messages need beside people: roles, rights and a private conversation.

use std::time::Duration;

use guildhall::channels::Permissions;
use guildhall::clock::Clock;

use crate::support::{User, Value, json};

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

/// Makes a guild that anybody may join and that says nothing of itself; answers its id and its first channel's.
pub async fn quiet_guild(owner: &User, name: &str) -> (String, String) {
    let (guild, general) = owner.guild(name).await;
    owner.put(&format!("/guilds/{guild}/settings"), json!({"system_channel_id": null})).await.expect(200);
    (guild, general)
}

/// Lets every member of a guild do this and nothing else.
pub async fn everyone_may(owner: &User, guild: &str, permissions: Permissions) {
    let names = json!({"permissions": permissions.names()});
    owner.patch(&format!("/guilds/{guild}/roles/{guild}"), names).await.expect(200);
}

/// Times somebody out for an hour.
pub async fn time_out(owner: &User, guild: &str, user: &User) {
    let until = Clock::System.now().after(Duration::from_secs(3_600));
    let path = format!("/guilds/{guild}/members/{}", user.id);
    owner.patch(&path, json!({"timed_out_until": until})).await.expect(200);
}

/// A role for some members of a guild, that anybody may mention or not.
pub async fn role(owner: &User, guild: &str, mentionable: bool, members: &[&User]) -> String {
    let new = json!({"name": "crew", "permissions": [], "mentionable": mentionable});
    let role = id(&owner.post(&format!("/guilds/{guild}/roles"), new).await.expect(201));
    for member in members {
        let answer = owner.put(&format!("/guilds/{guild}/members/{}/roles/{role}", member.id), json!({})).await;
        assert!(answer.status < 300, "{}", answer.text);
    }
    role
}

/// Another text channel of a guild.
pub async fn channel(owner: &User, guild: &str) -> String {
    let new = json!({"name": "other", "kind": "text"});
    id(&owner.post(&format!("/guilds/{guild}/channels"), new).await.expect(201))
}

/// A conversation of two.
pub async fn direct(one: &User, other: &User) -> String {
    id(&one.post("/users/@me/channels", json!({"recipient_ids": [other.id]})).await.expect(201))
}

/// One of two people wants nothing to do with the other.
pub async fn block(who: &User, whom: &User) {
    let answer = who.post(&format!("/users/{}/block", whom.id), json!({})).await;
    assert!(answer.status < 300, "{}", answer.text);
}

/// A custom emoji of a guild, as `name:id`.
pub async fn emoji(owner: &User, guild: &str, name: &str) -> String {
    let dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let new = json!({"name": name, "image": format!("data:image/png;base64,{dot}")});
    let made = owner.post(&format!("/guilds/{guild}/emojis"), new).await.expect(201);
    format!("{name}:{}", id(&made))
}
