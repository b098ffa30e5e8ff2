//! The AsyncAPI document: it tells of everything that sockets say and understand, and of nothing else.
//!
//! Whatever a story's socket receives is held against it (tests/support/asyncapi.rs), so it can't be wrong for long.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use guildhall::log::{Audience, EventKind};
use guildhall::sockets::CloseCode;
use guildhall::sockets::asyncapi::document;
use guildhall::sockets::command::CommandName;
use guildhall::sockets::event::Moment;
use guildhall::sockets::frames::{ClientFrame, ServerFrame};
use guildhall::sockets::protocol::Notice;
use reqwest::Method;
use tokio_tungstenite::tungstenite::Message;

use crate::routes_table::all_rows;
use crate::support::world::{Cast, World, fresh_name};
use crate::support::{Fallback, PASSWORD, Socket, TestApp, User, Value, check, check_frame, json};
use crate::{plugin_story, story};

/// The kinds of event that somebody receives.
fn told() -> impl Iterator<Item = &'static str> {
    EventKind::ALL.iter().filter(|kind| kind.audience() != Audience::Nobody).map(|kind| kind.as_str())
}

fn keys<'a>(prefix: &'a str, group: &'a str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(|name| format!("{prefix}{group}.{name}")).collect()
}

#[test]
fn it_has_every_message_and_no_other() {
    let document = document();
    let there: BTreeSet<String> = document["components"]["messages"].as_object().unwrap().keys().cloned().collect();
    let mut wanted = BTreeSet::new();
    for prefix in ["", "socketio."] {
        wanted.extend(keys(prefix, "event", told()));
        wanted.extend(keys(prefix, "moment", Moment::ALL.iter().map(|moment| moment.as_str())));
        for group in ["command", "ack"] {
            wanted.extend(keys(prefix, group, CommandName::ALL.iter().map(|name| name.as_str())));
        }
    }
    let of_their_own = |frame: &&ServerFrame| !matches!(frame, ServerFrame::Event | ServerFrame::Ack);
    wanted.extend(keys("", "frame", ServerFrame::ALL.iter().filter(of_their_own).map(|frame| frame.as_str())));
    wanted.extend(keys("", "client", ClientFrame::ALL.iter().map(|frame| frame.as_str())));
    wanted.extend(keys("socketio.", "frame", Notice::ALL.iter().map(|notice| notice.as_str())));
    wanted.extend(keys("socketio.", "frame", ["error", "cursors", "connect_error"].into_iter()));
    wanted.insert("socketio.client.connect".into());
    assert_eq!(there, wanted);
    let codes = document["channels"]["gateway"]["x-close-codes"].as_array().unwrap();
    let codes: Vec<u64> = codes.iter().map(|code| code["code"].as_u64().unwrap()).collect();
    assert_eq!(codes, CloseCode::ALL.iter().map(|code| *code as u64).collect::<Vec<_>>());
}

#[test]
fn it_is_whole() {
    let document = document();
    assert_eq!(document["asyncapi"], "3.0.0");
    for field in ["title", "version"] {
        assert!(document["info"][field].is_string());
    }
    for server in document["servers"].as_object().unwrap().values() {
        assert!(server["host"].is_string() && server["protocol"].is_string());
        assert!(server["variables"]["host"]["default"].is_string());
    }
    for (name, operation) in document["operations"].as_object().unwrap() {
        assert!(["send", "receive"].contains(&operation["action"].as_str().unwrap()), "{name}");
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        let answers = operation["reply"]["messages"].as_array().into_iter().flatten();
        let mut messages = operation["messages"].as_array().unwrap().iter().chain(answers).peekable();
        assert!(messages.peek().is_some(), "{name} has no messages");
        for message in messages {
            let message = message["$ref"].as_str().unwrap();
            assert!(message.starts_with(&format!("{channel}/messages/")), "{name} names {message} of another channel");
        }
    }
    let mut refs = Vec::new();
    collect(&document, &mut refs);
    assert!(refs.len() > 300, "{}", refs.len());
    for target in refs {
        assert!(document.pointer(target.strip_prefix('#').unwrap()).is_some(), "{target} isn't there");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema.as_object().is_some_and(|schema| !schema.is_empty()), "{name} says nothing");
    }
}

/// Everything that is referred to.
fn collect(value: &Value, refs: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            refs.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect(field, refs));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, refs)),
        _ => {}
    }
}

story!(it_is_public, |app| {
    let answer = app.nobody().get("/asyncapi.json").await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.expect(200), document());
});

/// What would end the story early, or take away what it needs.
const NOT_HERE: [&str; 6] = ["/logout", "/auth/", "/users/@me/password", "/transfer", "/admin/", "/recipients/"];

plugin_story!(whatever_happens_is_said_as_it_says, |app| {
    let world = World::new(&app).await;
    let (owner, member) = (world.person(Cast::Owner), world.person(Cast::Member));
    let mut ears = [Socket::connect(owner).await, Socket::connect(member).await];
    let mut other = Io::connect(&app, owner).await;
    let mut seen = BTreeSet::new();
    let mut rows: Vec<_> = all_rows().into_iter().collect();
    // Others need the role that one of them deletes, and the people who are shown out or may only read.
    let is_needed = |path: &str| ["/roles/{role_id}", "/members/{user_id}"].iter().any(|end| path.ends_with(end));
    rows.sort_by_key(|row| {
        let takes_away = row.method == Method::DELETE && is_needed(&row.path);
        takes_away || row.path.contains("/bans") || row.body.as_ref().is_some_and(|body| body.contains("timed_out"))
    });
    for row in rows {
        let deletes_place =
            row.method == Method::DELETE && ["/guilds/{guild_id}", "/channels/{channel_id}"].contains(&&*row.path);
        if row.method == Method::GET || deletes_place || NOT_HERE.iter().any(|one| row.path.contains(one)) {
            continue;
        }
        let mut request = owner.request(row.method.clone(), &world.fill(&row.path, Cast::Owner).await);
        if let Some(body) = &row.body {
            let body = world.fill(body, Cast::Owner).await;
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = owner.answer(request).await;
        assert!(answer.status < 500 || answer.status == 503, "{}", answer.text);
        for ear in &mut ears {
            seen.extend(ear.drain_all().await.iter().map(check_frame));
        }
    }
    let guild = world.fill("{guild_id}", Cast::Owner).await;
    let general = world.fill("{channel_id}", Cast::Owner).await;
    what_no_route_of_the_table_does(&app, [owner, member], &guild, &general).await;
    app.nobody().login(&owner.name, PASSWORD).await;
    seen.extend(commands(&mut ears[1], &guild, &general).await);
    owner.delete(&format!("/channels/{general}")).await.expect(204);
    owner.delete(&format!("/guilds/{guild}")).await.expect(204);
    loop {
        // It comes when it comes, which may be after the answer to what is asked later.
        let frame = ears[0].frame().await;
        seen.insert(check_frame(&frame));
        if frame["t"] == "guild_deleted" {
            break;
        }
    }
    for ear in &mut ears {
        seen.extend(ear.drain_all().await.iter().map(check_frame));
    }
    seen.extend(comings_and_goings(&app).await);

    let mut wanted: BTreeSet<String> = keys("", "event", told()).into_iter().collect();
    wanted.extend(keys("", "moment", Moment::ALL.iter().map(|moment| moment.as_str())));
    let of_their_own = |frame: &&ServerFrame| **frame != ServerFrame::Event;
    wanted.extend(keys("", "frame", ServerFrame::ALL.iter().filter(of_their_own).map(|frame| frame.as_str())));
    wanted.remove("frame.ack");
    seen.remove("ack");
    assert_eq!(seen, wanted);
    let heard = other.hear().await;
    assert!(heard.len() > 30, "{heard:?}");
});

/// Sight that comes and goes, and bulk deletion.
async fn what_no_route_of_the_table_does(app: &TestApp, [owner, member]: [&User; 2], guild: &str, general: &str) {
    let overwrite = format!("/channels/{general}/overwrites/{guild}");
    let deny = json!({"kind": "role", "allow": [], "deny": ["VIEW_CHANNEL"]});
    owner.put(&overwrite, deny).await.expect(200);
    owner.delete(&overwrite).await.expect(204);
    what_plugins_do(app, [owner, member], guild, general).await;
    let ids = [owner.say(general, "one").await["id"].clone(), member.say(general, "two").await["id"].clone()];
    owner.post(&format!("/channels/{general}/messages/bulk-delete"), json!({"ids": ids})).await.expect(200);
}

/// Badges that are given and taken, a vote that all see, and a word to the moderators.
async fn what_plugins_do(app: &TestApp, [owner, member]: [&User; 2], guild: &str, general: &str) {
    let waiter = owner.post("/marketplace/tests.waiter", json!({"guild_id": guild})).await.expect(201);
    owner.post("/marketplace/guildhall.polls", json!({"guild_id": guild})).await.expect(201);
    let poll = json!({"guild_id": guild, "channel_id": general, "question": "Lunch?", "options": ["Soup", "Stew"]});
    let poll = owner.post("/polls", poll).await.expect(201);
    let vote = json!({"options": [poll["options"][0]["id"]]});
    owner.post(&format!("/polls/{}/vote", poll["id"].as_str().unwrap()), vote).await.expect(200);
    // How it stands is told a moment later.
    while !app.log().await.iter().any(|row| row.kind == EventKind::PluginEvent) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let config = json!({"caps-action": "alert"});
    owner.post("/marketplace/guildhall.automod", json!({"guild_id": guild, "config": config})).await.expect(201);
    for what in ["praise", "blame"] {
        let command = json!({
            "kind": "command", "guild_id": guild, "channel_id": general, "installation_id": waiter["id"],
            "path": ["serve"], "args": {"what": what},
        });
        owner.post("/interactions", command).await.expect(200);
    }
    member.say(general, "WHY IS NOBODY HERE").await;
}

/// Asks for everything that can be asked for; answers which messages came.
async fn commands(socket: &mut Socket, guild: &str, general: &str) -> Vec<String> {
    let channel = json!({"channel_id": general});
    for name in CommandName::ALL {
        let body = match name {
            CommandName::JoinRoom | CommandName::LeaveRoom => json!({"room": format!("guild:{guild}")}),
            CommandName::SendMessage => json!({"channel_id": general, "content": "Hello"}),
            CommandName::RequestMembers => json!({"guild_id": guild}),
            CommandName::Interact => json!({"kind": "component", "message_id": "1", "id": "none"}),
            CommandName::SetPresence => json!({"status": "idle"}),
            _ => channel.clone(),
        };
        assert!(check(&format!("command.{name}"), &json!({"op": name, "rid": "1", "d": body})), "{name}");
        assert!(check(&format!("socketio.command.{name}"), &body), "{name}");
        // Voice needs another channel, and typing others: what is refused is an answer, too.
        let answered = match socket.request(name.as_str(), body).await {
            Ok(done) => (json!({"op": "ack", "rid": "1", "d": done}), json!({"ok": true, "d": done})),
            Err(problem) => {
                check("frame.error", &json!({"op": "error", "rid": "1", "problem": problem}));
                check(&format!("socketio.ack.{name}"), &json!({"ok": false, "problem": problem}));
                continue;
            }
        };
        check(&format!("ack.{name}"), &answered.0);
        check(&format!("socketio.ack.{name}"), &answered.1);
    }
    socket.drain_all().await.iter().map(check_frame).collect()
}

/// Two who meet, leave and come back in every way; answers which messages came.
async fn comings_and_goings(app: &TestApp) -> Vec<String> {
    let [ada, bob] = [app.nobody().sign_up(&fresh_name("ada")).await, app.nobody().sign_up(&fresh_name("bob")).await];
    let mut his = Socket::connect(&bob).await;
    let mut seen = Vec::new();
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let lounge = ada.post(&format!("/guilds/{guild}/channels"), json!({"name": "Lounge", "kind": "voice"})).await;
    let lounge = lounge.expect(201)["id"].clone();
    let mut hers = Socket::connect(&ada).await;
    for (name, body) in [
        ("typing", json!({"channel_id": general})),
        ("stop_typing", json!({"channel_id": general})),
        ("request_members", json!({"guild_id": guild})),
        ("join_voice", json!({"channel_id": lounge})),
        ("voice_state", json!({"channel_id": lounge, "speaking": true})),
        ("set_presence", json!({"status": "dnd"})),
        ("voice_state", json!({"channel_id": lounge, "muted": true})),
        ("leave_voice", json!({"channel_id": lounge})),
    ] {
        for socket in [&mut hers, &mut his] {
            let done = socket.request(name, body.clone()).await.unwrap();
            assert!(check(&format!("ack.{name}"), &json!({"op": "ack", "rid": "1", "d": done})));
            assert!(check(&format!("socketio.ack.{name}"), &json!({"ok": true, "d": done})));
        }
    }
    for socket in [&mut hers, &mut his] {
        seen.extend(socket.drain_all().await.iter().map(check_frame));
    }
    // From the beginning of her account and of the guild; and a guild that she is in no more.
    let (gone, _) = bob.guild("Gone").await;
    let mut back = Socket::open(&app.url).await;
    let token = ada.token.strip_prefix("Bearer ").unwrap();
    let cursors = json!({ada.id.clone(): 0, guild.clone(): 0, gone: 0});
    let resume = json!({"op": "resume", "d": {"token": token, "cursors": cursors}});
    assert!(check("client.resume", &resume));
    assert!(check("socketio.client.connect", &resume["d"]));
    back.send(resume).await;
    seen.extend(back.drain_all().await.iter().map(check_frame));
    // Whoever has not been in it from the beginning begins anew.
    let mut anew = Socket::open(&app.url).await;
    let token = bob.token.strip_prefix("Bearer ").unwrap();
    anew.send(json!({"op": "resume", "d": {"token": token, "cursors": {guild: 0}}})).await;
    seen.extend(anew.drain_all().await.iter().map(check_frame));

    let mut polling = Fallback::connect(app, &bob).await;
    let identify = json!({"op": "identify", "d": {"token": token, "subscribe": "none", "locale": "tr"}});
    assert!(check("client.identify", &identify) && check("socketio.client.connect", &identify["d"]));
    assert!(check("client.heartbeat", &json!({"op": "heartbeat"})));
    seen.extend(["frame.hello".to_owned(), "frame.ready".to_owned()]);
    guildhall::sockets::drain::show_out(&app.app.hub, Duration::from_millis(10)).await;
    while seen.last().is_none_or(|last| last != "frame.close") {
        seen.push(check_frame(&polling.frame().await));
    }
    let mut forger = Socket::open(&app.url).await;
    forger.send(json!({"op": "identify", "d": {"token": "e30.e30.e30"}})).await;
    seen.push(check_frame(&forger.frame().await));
    seen
}

/// A client of Socket.IO that only listens.
struct Io(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Io {
    async fn connect(app: &TestApp, user: &User) -> Io {
        let url = format!("{}/socket.io/?EIO=4&transport=websocket", app.url.replacen("http", "ws", 1));
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        let token = user.token.strip_prefix("Bearer ").unwrap();
        socket.send(Message::text(format!("40{}", json!({"token": token, "subscribe": "all"})))).await.expect("sent");
        Io(socket)
    }

    /// Checks everything that has come; answers which messages it was.
    async fn hear(&mut self) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        self.0.send(Message::text("420[\"typing\",{\"channel_id\":\"1\"}]")).await.expect("sent");
        while let Some(Ok(Message::Text(packet))) = self.0.next().await {
            if packet.starts_with("430[") {
                let answer: Value = serde_json::from_str(&packet[3..]).expect("JSON");
                assert!(check("socketio.ack.typing", &answer[0]));
                break;
            }
            let Some(event) = packet.strip_prefix("42") else { continue };
            let event: Value = serde_json::from_str(event).expect("JSON");
            let name = event[0].as_str().expect("a name");
            let keys = ["event", "moment", "frame"].map(|group| format!("socketio.{group}.{name}"));
            let placed = event[1].get("g").is_some();
            let fits = |key: &&String| placed || !key.contains(".event.");
            let key = keys.iter().filter(fits).find(|key| check(key, &event[1]));
            seen.insert(key.unwrap_or_else(|| panic!("the document doesn't know {event}")).clone());
        }
        seen
    }
}
