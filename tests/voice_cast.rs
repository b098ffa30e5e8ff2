//! What the stories about voice share: channels to speak in, and what sockets hear of those who do.

use crate::support::{Socket, User, Value, json};

/// Makes a voice channel; answers its id.
pub async fn lounge(owner: &User, guild: &str) -> String {
    owner.make_channel(guild, json!({"name": "Lounge", "kind": "voice"})).await
}

/// Makes a voice channel that only these members see, beside its owner; answers its id.
pub async fn hidden_lounge(owner: &User, guild: &str, seen_by: &[&User]) -> String {
    let mut overwrites = vec![json!({"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]})];
    let seen = |user: &&User| json!({"target_id": user.id, "kind": "member", "allow": ["VIEW_CHANNEL"]});
    overwrites.extend(seen_by.iter().map(seen));
    owner.make_channel(guild, json!({"name": "Den", "kind": "voice", "overwrites": overwrites})).await
}

/// Comes into a voice channel; answers the voice state.
pub async fn join(socket: &mut Socket, channel: &str) -> Value {
    socket.request("join_voice", json!({"channel_id": channel})).await.expect("a place in the channel")
}

/// The code with which coming into a voice channel is refused.
pub async fn refused(socket: &mut Socket, channel: &str) -> Value {
    socket.request("join_voice", json!({"channel_id": channel})).await.expect_err("a refusal")["code"].clone()
}

/// Hears that somebody came into a channel or, without one, that they are gone; answers the body.
#[track_caller]
pub fn assert_told(state: &Value, user: &User, channel: Option<&str>) {
    assert_eq!((&state["user_id"], &state["channel_id"]), (&json!(user.id), &json!(channel)), "{state}");
}

/// Who is where, by the snapshot that a new socket of somebody gets of a stream: `(user, channel)`, sorted.
pub async fn seen_by(user: &User, stream: &str) -> Vec<(String, String)> {
    let socket = Socket::connect(user).await;
    let streams = socket.ready["streams"].as_array().expect("streams");
    let found = streams.iter().find(|one| one["id"] == stream).expect("the stream");
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let states = found["voice_states"].as_array().expect("voice states").iter();
    let mut seen: Vec<_> = states.map(|state| (text(&state["user_id"]), text(&state["channel_id"]))).collect();
    seen.sort();
    seen
}
