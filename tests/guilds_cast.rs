//! What the stories about guilds share: roles and who has them, bots, and a look behind the doors.

use guildhall::db::Param;
use guildhall::log::Entry;

use crate::support::{TestApp, User, Value, json};

/// The same person, signed in again: tokens don't outlive a clock put ahead.
pub async fn again(app: &TestApp, name: &str) -> User {
    app.nobody().login(name, "correct horse").await
}

/// The `id` of something.
pub fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

/// Makes a role; answers its id.
pub async fn role(owner: &User, guild: &str, name: &str, permissions: &[&str]) -> String {
    let new = json!({"name": name, "permissions": permissions});
    id(&owner.post(&format!("/guilds/{guild}/roles"), new).await.expect(201))
}

/// Makes a role and puts it above those that are there.
pub async fn role_on_top(owner: &User, guild: &str, name: &str, permissions: &[&str]) -> String {
    let role = role(owner, guild, name, permissions).await;
    let roles = owner.get(&format!("/guilds/{guild}/roles")).await.expect(200);
    let highest = roles["items"][0]["position"].clone();
    owner.patch(&format!("/guilds/{guild}/roles/{role}"), json!({"position": highest})).await.expect(200);
    role
}

/// Gives somebody a role.
pub async fn give(owner: &User, guild: &str, user: &User, role: &str) {
    let user = &user.id;
    owner.put(&format!("/guilds/{guild}/members/{user}/roles/{role}"), json!({})).await.expect(200);
}

/// Makes a role and gives it to somebody; answers its id.
pub async fn promote(owner: &User, guild: &str, user: &User, permissions: &[&str]) -> String {
    let role = role_on_top(owner, guild, "helpers", permissions).await;
    give(owner, guild, user, &role).await;
    role
}

/// Changes the database behind the server's back.
pub async fn tamper(app: &TestApp, sql: &'static str, params: &[&dyn Param]) -> u64 {
    let mut conn = app.app.db.begin().await.expect("a transaction");
    let rows = conn.execute(sql, params).await.expect("a statement");
    conn.commit().await.expect("a commit");
    rows
}

/// How many rows a query of one number counts.
pub async fn count(app: &TestApp, sql: &'static str, params: &[&dyn Param]) -> i64 {
    let mut conn = app.app.db.read().await.expect("a connection");
    conn.one::<(i64,)>(sql, params).await.expect("a number").0
}

/// An id as the number that it is.
pub fn number(id: &str) -> i64 {
    id.parse().expect("a number")
}

/// A bot that somebody owns, as one who uses the server.
pub async fn bot(app: &TestApp, owner: &User, name: &str) -> User {
    let made = owner.post("/users/@me/bots", json!({"username": name})).await.expect(201);
    let user = app.nobody().with_tokens(&json!({"user": made}));
    user.with_authorization(&format!("Bot {}", made["token"].as_str().expect("a token")))
}

/// The rows of a guild's log of one kind, with their bodies.
pub async fn rows(app: &TestApp, guild: &str, kind: &str) -> Vec<Value> {
    let all = app.log().await.into_iter().filter(|entry| entry.stream.to_string() == guild);
    all.filter(|entry| entry.kind.as_str() == kind).map(|entry| body(&entry)).collect()
}

/// The body of a row of the log.
pub fn body(entry: &Entry) -> Value {
    serde_json::from_str(&entry.payload).expect("JSON")
}

/// The audit log's actions, the newest first.
pub async fn actions(owner: &User, guild: &str) -> Vec<String> {
    let log = owner.get(&format!("/guilds/{guild}/audit-log")).await.expect(200);
    let items = log["items"].as_array().expect("entries").iter();
    items.map(|entry| entry["action"].as_str().expect("a word").to_owned()).collect()
}
