//! A snapshot and the events after it are the same as a later snapshot, whatever happens and however
//! often the line breaks meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::plugin_story;
use crate::plugins_events::number;
use crate::support::{Back, Cursors, Socket, User, Value, id_of, json};
use crate::voice_cast::lounge;

/// Changes that are made in one telling.
fn changes() -> usize {
    if std::env::var_os("GUILDHALL_SOAK").is_some() { 2_000 } else { 60 }
}

/// What a client makes of what it is told.
struct Model {
    me: String,
    cursors: Cursors,
    streams: BTreeMap<String, Value>,
}

impl Model {
    fn begin(me: &str, ready: &Value) -> Model {
        let streams = ready["streams"].as_array().expect("streams").iter();
        let streams = streams.map(|stream| (stream["id"].as_str().expect("an id").to_owned(), stream.clone()));
        Model { me: me.to_owned(), cursors: Cursors::of(ready), streams: streams.collect() }
    }

    fn hear(&mut self, frame: &Value) {
        self.cursors.hear(frame);
        let body = &frame["d"];
        if frame["op"] == "resync" {
            let stream = body["stream"].as_str().expect("a stream").to_owned();
            match &body["snapshot"] {
                Value::Null => drop(self.streams.remove(&stream)),
                snapshot => drop(self.streams.insert(stream, snapshot.clone())),
            }
        }
        if frame["op"] == "event" {
            let stream = frame["g"].as_str().or(body["guild_id"].as_str()).unwrap_or_default().to_owned();
            self.happened(frame["t"].as_str().expect("a name"), &stream, body);
        }
    }

    fn happened(&mut self, name: &str, stream: &str, body: &Value) {
        let about_me = body["user"]["id"] == self.me.as_str();
        match name {
            "guild_available" => drop(self.streams.insert(stream.to_owned(), body.clone())),
            "member_left" if about_me => {
                self.streams.remove(stream);
                self.cursors.0.remove(stream);
            }
            "read_state_updated" => {
                for whole in self.streams.values_mut() {
                    let mut states = whole["read_states"].as_array_mut().into_iter().flatten();
                    if let Some(state) = states.find(|state| state["channel_id"] == body["channel_id"]) {
                        *state = body.clone();
                    }
                }
            }
            _ => {}
        }
        let Some(whole) = self.streams.get_mut(stream) else { return };
        match name {
            "guild_updated" => whole["guild"] = body.clone(),
            "channel_created" | "channel_updated" => put(&mut whole["channels"], body),
            "channel_shown" => {
                put(&mut whole["channels"], &body["channel"]);
                let shown = body["plugins"].as_array().expect("topics").clone();
                let topics = whole["plugins"].as_array_mut().expect("topics");
                topics.retain(|topic| !shown.iter().any(|one| one["topic"] == topic["topic"]));
                topics.extend(shown);
                lose_voices(whole, &body["channel_id"]);
                for state in body["voice_states"].as_array().into_iter().flatten() {
                    put_voice(whole, state);
                }
            }
            "voice_state" => put_voice(whole, body),
            "channel_deleted" => lose_channel(whole, &body["id"]),
            "channel_hidden" => lose_channel(whole, &body["channel_id"]),
            "plugin_event" => {
                let topics = whole["plugins"].as_array_mut().expect("topics");
                topics.retain(|topic| topic["topic"] != body["topic"]);
                if !body["payload"].is_null() {
                    topics.push(body.clone());
                }
            }
            "role_created" | "role_updated" => put(&mut whole["roles"], body),
            "role_deleted" => {
                take(&mut whole["roles"], &body["id"]);
                let own = whole["member"]["roles"].as_array_mut().expect("own roles");
                own.retain(|role| *role != body["id"]);
            }
            "member_updated" if about_me => whole["member"] = body.clone(),
            _ => {}
        }
    }

    /// What must be equal, in a fixed order. How much is unread and how many there are is counted, not told.
    fn told(&self) -> BTreeMap<&String, Value> {
        let sorted = |list: &Value| {
            let mut list = list.as_array().cloned().unwrap_or_default();
            list.sort_by_key(|one| ["id", "topic", "user_id"].map(|name| one[name].to_string()));
            Value::from(list)
        };
        // That somebody speaks passes.
        let silent = |list: &Value| {
            let mut list = sorted(list);
            list.as_array_mut().into_iter().flatten().for_each(|state| state["speaking"] = Value::Null);
            list
        };
        let told = |whole: &Value| {
            let mut guild = whole["guild"].clone();
            if let Some(guild) = guild.as_object_mut() {
                guild.remove("member_count");
            }
            let mut member = whole["member"].clone();
            if let Some(roles) = member["roles"].as_array_mut() {
                roles.sort_by_key(ToString::to_string);
            }
            json!({"kind": whole["kind"], "guild": guild, "channels": sorted(&whole["channels"]),
                "roles": sorted(&whole["roles"]), "member": member, "plugins": sorted(&whole["plugins"]),
                "voice_states": silent(&whole["voice_states"]), "channel": whole["channel"]})
        };
        self.streams.iter().map(|(id, whole)| (id, told(whole))).collect()
    }
}

/// Adds a thing to a list, in the place of the one with its id.
fn put(list: &mut Value, thing: &Value) {
    let list = list.as_array_mut().expect("a list");
    match list.iter_mut().find(|one| one["id"] == thing["id"]) {
        Some(old) => *old = thing.clone(),
        None => list.push(thing.clone()),
    }
}

/// What plugins say of things in a channel goes with it, and so do those who are in it.
fn lose_channel(whole: &mut Value, id: &Value) {
    take(&mut whole["channels"], id);
    whole["plugins"].as_array_mut().expect("topics").retain(|topic| topic["channel_id"] != *id);
    lose_voices(whole, id);
}

fn lose_voices(whole: &mut Value, channel: &Value) {
    whole["voice_states"].as_array_mut().expect("voice states").retain(|state| state["channel_id"] != *channel);
}

/// One is in one channel at a time, or in none.
fn put_voice(whole: &mut Value, state: &Value) {
    let states = whole["voice_states"].as_array_mut().expect("voice states");
    states.retain(|one| one["user_id"] != state["user_id"]);
    if !state["channel_id"].is_null() {
        states.push(state.clone());
    }
}

fn take(list: &mut Value, id: &Value) {
    list.as_array_mut().expect("a list").retain(|one| one["id"] != *id);
}

/// Ada's guild, which changes, and Bob, who is in it.
struct Place<'a> {
    ada: &'a User,
    bob: &'a User,
    /// Eve's socket: she comes into voice channels and leaves them.
    eve: &'a mut Socket,
    guild: String,
    general: String,
    channels: Vec<String>,
    voices: Vec<String>,
    /// Where Eve came in last.
    seat: String,
    roles: Vec<String>,
}

impl Place<'_> {
    /// Changes something.
    async fn change(&mut self, chance: &mut StdRng) {
        let (ada, bob, guild) = (self.ada, self.bob, self.guild.clone());
        let text: u32 = chance.random();
        let channel = self.channels.choose(chance).unwrap_or(&self.general).clone();
        let role = self.roles.choose(chance).cloned();
        let visible = if chance.random() { "allow" } else { "deny" };
        match chance.random_range(0..20) {
            0 | 1 => {
                let kind = ["text", "category", "voice"].choose(chance).expect("a kind");
                let mut new = json!({"name": format!("c{text}"), "kind": kind});
                if chance.random_bool(0.3) {
                    new["overwrites"] = json!([{"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]}]);
                }
                let made = ada.make_channel(&guild, new).await;
                if *kind == "voice" {
                    self.voices.push(made.clone());
                }
                self.channels.push(made);
            }
            2 if channel != self.general => {
                self.channels.retain(|one| *one != channel);
                self.voices.retain(|one| *one != channel);
                ada.delete(&format!("/channels/{channel}")).await;
            }
            3 => drop(ada.patch(&format!("/channels/{channel}"), json!({"name": format!("r{text}")})).await),
            4 if channel != self.general => {
                let overwrite = json!({"kind": "role", visible: ["VIEW_CHANNEL"]});
                ada.put(&format!("/channels/{channel}/overwrites/{guild}"), overwrite).await.expect(200);
            }
            5 if channel != self.general => drop(ada.delete(&format!("/channels/{channel}/overwrites/{guild}")).await),
            6 => self.roles.push(ada.make_role(&guild, &["MANAGE_WEBHOOKS"], bob).await),
            7 => {
                if let Some(role) = role {
                    ada.delete(&format!("/guilds/{guild}/members/{}/roles/{role}", bob.id)).await;
                }
            }
            8 => {
                if let Some(role) = role {
                    self.roles.retain(|one| *one != role);
                    ada.delete(&format!("/guilds/{guild}/roles/{role}")).await.expect(204);
                }
            }
            9 => {
                if let (Some(role), true) = (role, channel != self.general) {
                    let overwrite = json!({"kind": "role", visible: ["VIEW_CHANNEL"]});
                    ada.put(&format!("/channels/{channel}/overwrites/{role}"), overwrite).await.expect(200);
                }
            }
            10 => drop(ada.put(&format!("/guilds/{guild}/settings"), json!({"description": text.to_string()})).await),
            11 => {
                let nick = json!({"nick": format!("b{text}")});
                ada.patch(&format!("/guilds/{guild}/members/{}", bob.id), nick).await.expect(200);
            }
            12 => {
                let said = id_of(&ada.say(&self.general, &text.to_string()).await);
                let read = json!({"message_id": said});
                bob.put(&format!("/channels/{}/read", self.general), read).await.expect(200);
            }
            13 if chance.random_bool(0.5) => {
                bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
                bob.join(&guild).await;
            }
            14 | 15 => {
                // A plugin shows something in this channel from here on, or to everybody.
                let word = if chance.random_bool(0.8) { "topic" } else { "notice" };
                let value = if chance.random_bool(0.8) { text.to_string() } else { "null".to_owned() };
                let told = json!({"content": format!("{word} {value}")});
                ada.post(&format!("/channels/{channel}/messages"), told).await;
            }
            // Where Eve may not be or isn't any more, nothing happens.
            16 | 17 => {
                let lounge = self.voices.choose(chance).unwrap_or(&self.general).clone();
                if self.eve.request("join_voice", json!({"channel_id": lounge})).await.is_ok() {
                    self.seat = lounge;
                }
            }
            18 => {
                let change = json!({"channel_id": self.seat, "muted": chance.random::<bool>()});
                let _ = self.eve.request("voice_state", change).await;
            }
            19 => {
                let _ = self.eve.request("leave_voice", json!({"channel_id": self.seat})).await;
            }
            _ => drop(ada.say(&self.general, &text.to_string()).await),
        }
        // She is there, and reads what comes.
        self.eve.drain_all().await;
    }
}

/// Whether plugins were told of everything, and clients of what they said.
async fn is_shown(db: &guildhall::db::Db) -> bool {
    number(db, "select count(*) from plugin_deliveries").await == 0
        && number(db, "select count(*) from plugin_topics where sent <> version").await == 0
}

plugin_story!(a_snapshot_and_what_came_after_it_are_the_next_snapshot, |app| {
    let seed = std::env::var("GUILDHALL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("GUILDHALL_TEST_SEED={seed} repeats it");
    let ([ada, bob, eve], guild, general) = app.guild_of(["ada", "bob", "eve"]).await;
    let lounge = lounge(&ada, &guild).await;
    // It is open to the end: whoever is in voice stays there.
    let mut hers = Socket::connect(&eve).await;
    ada.post("/marketplace/tests.counter", json!({"guild_id": guild})).await.expect(201);
    let changing = async {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut place = Place {
            ada: &ada,
            bob: &bob,
            eve: &mut hers,
            guild: guild.clone(),
            general: general.clone(),
            channels: vec![general.clone(), lounge.clone()],
            voices: vec![lounge.clone()],
            seat: lounge.clone(),
            roles: Vec::new(),
        };
        for _ in 0..changes() {
            Box::pin(place.change(&mut chance)).await;
        }
        // What plugins show comes a moment later.
        while !is_shown(&app.app.db).await {
            place.eve.drain_all().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Again and again: a snapshot may have swallowed it.
        loop {
            ada.say(&general, "the end").await;
            place.eve.drain_all().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let hearing = async {
        let mut chance = StdRng::seed_from_u64(!seed);
        let mut socket = Socket::connect(&bob).await;
        let mut model = Model::begin(&bob.id, &socket.ready);
        loop {
            for _ in 0..chance.random_range(0..12) {
                let frame = socket.frame().await;
                model.hear(&frame);
                if frame["d"]["content"] == "the end" {
                    return model;
                }
            }
            // The line breaks in the middle of things.
            drop(socket);
            let back = Back::from(&bob, &model.cursors).await;
            back.frames.iter().for_each(|frame| model.hear(frame));
            model.cursors = back.cursors;
            if back.frames.iter().any(|frame| frame["d"]["content"] == "the end") {
                return model;
            }
            socket = back.socket;
        }
    };
    let model = tokio::select! {
        model = hearing => model,
        () = changing => unreachable!("it goes on for ever"),
    };
    let fresh = Model::begin(&bob.id, &Socket::connect(&bob).await.ready);
    for (stream, whole) in fresh.told() {
        assert_eq!(model.told().get(stream), Some(&whole), "{stream}, GUILDHALL_TEST_SEED={seed}");
    }
    assert_eq!(model.told().len(), fresh.told().len());
});
