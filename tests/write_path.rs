//! The write path: whatever becomes of those who ask, each change is whole or absent, and the log tells all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use guildhall::accounts::{self, Caller, CallerKind};
use guildhall::app::App;
use guildhall::channels::Permissions;
use guildhall::error::{Code, Error};
use guildhall::guilds;
use guildhall::id::{ChannelId, MessageId, SessionId, UserId};
use guildhall::log::{self, Entry};
use guildhall::messaging::deleting::{self, BulkDelete};
use guildhall::messaging::editing::{self, Edit};
use guildhall::messaging::pins::{self, NewPin, PinTarget};
use guildhall::messaging::reactions::{self, NewReaction, ReactionTarget};
use guildhall::messaging::read_states::{self, ReadUpTo};
use guildhall::messaging::{self, Draft};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use crate::messages_cast::{everyone_may, number, quiet_guild};
use crate::story;
use crate::support::{TestApp, User, Value, json};

/// A seed that differs each time and is printed, or the one in `GUILDHALL_TEST_SEED`.
fn seed() -> u64 {
    let given = std::env::var("GUILDHALL_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("GUILDHALL_TEST_SEED={seed}");
    seed
}

async fn caller(app: &TestApp, user: &User) -> Caller {
    let id = UserId(number(&user.id));
    Caller {
        user: id,
        kind: CallerKind::Session(SessionId(1)),
        identity: Some(accounts::identify(&app.app, id).await.expect("an account")),
        request_id: Some("1".into()),
        locale: "en".into(),
        address: [127, 0, 0, 1].into(),
        user_agent: String::new(),
        reason: String::new(),
    }
}

fn draft(content: &str, nonce: Option<String>) -> Draft {
    Draft { content: content.into(), nonce, ..Draft::default() }
}

/// One thing that somebody might do, on messages that exist already.
async fn do_something(
    app: App,
    caller: Caller,
    channel: ChannelId,
    message: MessageId,
    what: u32,
) -> Result<(), Error> {
    let emoji = ["👍", "👎", "🎉", "🐢"][(what / 16 % 4) as usize].to_owned();
    match what % 16 {
        0..=5 => messaging::send(&app, &caller, channel, draft("said", None)).await.map(drop),
        6 => {
            messaging::send(&app, &caller, channel, draft("once", Some(format!("n{}", what / 16 % 8)))).await.map(drop)
        }
        7 | 8 => reactions::add(&app, &caller, message, NewReaction { emoji }).await.map(drop),
        9 => {
            let target = ReactionTarget { emoji: Some(emoji), user_id: None };
            reactions::remove(&app, &caller, message, target).await.map(drop)
        }
        10 => pins::add(&app, &caller, channel, NewPin { message_id: message }).await.map(drop),
        11 => pins::remove(&app, &caller, channel, PinTarget { message_id: Some(message) }).await,
        12 => {
            let edit = Edit { content: format!("edited {what}"), allowed_mentions: None, blocks: None };
            editing::edit(&app, &caller, message, edit).await.map(drop)
        }
        13 => read_states::mark(&app, &caller, channel, ReadUpTo { message_id: message }).await.map(drop),
        14 => deleting::delete(&app, &caller, message).await,
        _ => deleting::delete_many(&app, &caller, channel, BulkDelete { ids: vec![message] }).await.map(drop),
    }
}

/// Refusals that any of these may end with; anything else is a fault.
fn may_end_so(ended: &Result<(), Error>) -> bool {
    ended.as_ref().err().is_none_or(|error| {
        matches!(error.code(), Code::NotFound | Code::Forbidden | Code::MissingPermission | Code::InvalidFields)
    })
}

/// What the log tells of messages, told again from its beginning.
#[derive(Default, Debug, PartialEq)]
struct Told {
    /// Position, channel and text of each message that stands.
    messages: BTreeMap<String, (i64, String)>,
    /// Where those stood that are gone.
    tombstones: BTreeMap<String, i64>,
    edits: BTreeMap<String, i64>,
    reactions: BTreeSet<(String, String, String)>,
    pins: BTreeSet<String>,
    read: BTreeMap<(i64, String), String>,
}

impl Told {
    fn again(entries: &[Entry]) -> Told {
        let mut told = Told::default();
        for entry in entries {
            let body: Value = serde_json::from_str(&entry.payload).expect("JSON");
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            let mark = || (text("message_id"), text("emoji"), text("user_id"));
            match entry.kind.as_str() {
                "message_created" => {
                    let before = told.messages.insert(text("id"), (entry.position, text("content")));
                    assert_eq!(before, None, "a message is told of once");
                }
                "message_updated" => {
                    let message = told.messages.get_mut(&text("id")).expect("an edited message stands");
                    assert_ne!(message.1, text("content"), "an edit changes something");
                    message.1 = text("content");
                    *told.edits.entry(text("id")).or_default() += 1;
                }
                "message_deleted" => told.forget(&text("id")),
                "messages_deleted" => {
                    for id in body["ids"].as_array().expect("ids") {
                        told.forget(id.as_str().expect("an id"));
                    }
                }
                "reaction_added" => assert!(told.reactions.insert(mark()), "a reaction is added once"),
                "reaction_removed" => assert!(told.reactions.remove(&mark()), "what is removed was there"),
                "pin_added" => assert!(told.pins.insert(text("message_id")), "a message is pinned once"),
                "pin_removed" => assert!(told.pins.remove(&text("message_id")), "what is taken off was pinned"),
                "read_state_updated" => {
                    told.read.insert((entry.stream.0, text("channel_id")), text("last_read_id"));
                }
                _ => {}
            }
        }
        told
    }

    fn forget(&mut self, id: &str) {
        let (position, _) = self.messages.remove(id).expect("what is deleted stood");
        self.tombstones.insert(id.to_owned(), position);
        self.edits.remove(id);
        self.pins.remove(id);
        self.reactions.retain(|(message, ..)| message != id);
    }

    /// The same as the tables say it.
    async fn stored(app: &TestApp) -> Told {
        let mut conn = app.app.db.snapshot().await.expect("a connection");
        let mut told = Told::default();
        let sql = "select id, position, content, deleted_at from messages";
        let rows: Vec<(i64, i64, String, Option<i64>)> = conn.all(sql, &[]).await.expect("messages");
        for (id, position, content, deleted_at) in rows {
            match deleted_at {
                None => drop(told.messages.insert(id.to_string(), (position, content))),
                Some(_) => drop(told.tombstones.insert(id.to_string(), position)),
            }
        }
        let sql = "select message_id, count(*) from revisions group by message_id";
        let rows: Vec<(i64, i64)> = conn.all(sql, &[]).await.expect("revisions");
        told.edits = rows.into_iter().map(|(id, count)| (id.to_string(), count)).collect();
        let sql = "select message_id, emoji, user_id from reactions";
        let rows: Vec<(i64, String, i64)> = conn.all(sql, &[]).await.expect("reactions");
        told.reactions = rows.into_iter().map(|(id, emoji, user)| (id.to_string(), emoji, user.to_string())).collect();
        let rows: Vec<(i64,)> = conn.all("select message_id from pins", &[]).await.expect("pins");
        told.pins = rows.into_iter().map(|(id,)| id.to_string()).collect();
        let sql = "select user_id, channel_id, message_id from read_states";
        let rows: Vec<(i64, i64, i64)> = conn.all(sql, &[]).await.expect("read states");
        told.read = rows.into_iter().map(|(user, channel, id)| ((user, channel.to_string()), id.to_string())).collect();
        told
    }
}

/// Checks that each shard's positions have no gap and that time doesn't run backwards in it.
fn check_order(entries: &[Entry]) {
    let mut last: HashMap<i64, &Entry> = HashMap::new();
    for entry in entries {
        let before = last.insert(entry.shard, entry);
        assert_eq!(entry.position, before.map_or(0, |before| before.position) + 1, "shard {}", entry.shard);
        assert!(before.is_none_or(|before| before.at <= entry.at));
    }
}

/// Waits until the writers have done whatever was handed to them: they take it in order.
async fn settle(app: &TestApp) {
    for shard in 0..app.app.writer.shards {
        app.app.writer.run_on_shard(shard, |_| Box::pin(async { Ok(()) })).await.expect("an idle writer");
    }
}

story!(whoever_goes_away_in_the_middle_leaves_each_change_whole_or_absent, |app| {
    let mut random = StdRng::seed_from_u64(seed());
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let mut channels = Vec::new();
    for name in ["Engines", "Gardens", "Ships"] {
        let (guild, general) = ada.guild(name).await;
        bob.join(&guild).await;
        let mut messages = Vec::new();
        for i in 0..6 {
            let author = if i % 2 == 0 { &ada } else { &bob };
            let said = author.say(&general, &format!("start {i}")).await;
            messages.push(MessageId(number(said["id"].as_str().expect("an id"))));
        }
        channels.push((ChannelId(number(&general)), messages));
    }
    let callers = [caller(&app, &ada).await, caller(&app, &bob).await];
    let (mut aborted, mut answered) = (0, 0);

    for _ in 0..12 {
        let mut under_way = Vec::new();
        for _ in 0..60 {
            let (channel, messages) = channels.choose(&mut random).expect("a channel");
            let message = *messages.choose(&mut random).expect("a message");
            let caller = callers.choose(&mut random).expect("somebody").clone();
            let what = random.random();
            under_way.push(tokio::spawn(do_something(app.app.clone(), caller, *channel, message, what)));
        }
        under_way.shuffle(&mut random);
        for one in &under_way {
            for _ in 0..random.random_range(0..30) {
                tokio::task::yield_now().await;
            }
            if random.random_bool(0.6) {
                one.abort();
            }
        }
        for one in under_way {
            match one.await {
                Ok(ended) => {
                    answered += 1;
                    assert!(may_end_so(&ended), "{ended:?}");
                }
                Err(_) => aborted += 1,
            }
        }
    }
    settle(&app).await;

    println!("{aborted} went away, {answered} were answered");
    assert!(aborted > 0 && answered > 0, "some must go and some stay");
    let entries = app.log().await;
    check_order(&entries);
    assert_eq!(Told::again(&entries), Told::stored(&app).await);
});

story!(a_reader_that_stops_anywhere_sees_all_of_the_log_once, |app| {
    let mut random = StdRng::seed_from_u64(seed());
    let [ada] = app.users(["ada"]).await;
    let ada_calls = caller(&app, &ada).await;
    let mut channels = Vec::new();
    for name in ["Engines", "Gardens", "Ships"] {
        channels.push(ChannelId(number(&ada.guild(name).await.1)));
    }
    let writing: Vec<_> = (0..4)
        .map(|writer| {
            let (app, caller, channels) = (app.app.clone(), ada_calls.clone(), channels.clone());
            tokio::spawn(async move {
                for i in 0..60 {
                    let channel = channels[(writer + i) % channels.len()];
                    messaging::send(&app, &caller, channel, draft("on and on", None)).await.expect("a message");
                }
            })
        })
        .collect();

    // Where the reader stands is all that it keeps; it begins anew from there each time.
    let mut cursors: BTreeMap<i64, i64> = BTreeMap::new();
    let mut seen = Vec::new();
    let mut written = false;
    loop {
        let last_round = written;
        written = writing.iter().all(|writer| writer.is_finished());
        let mut found = 0;
        for shard in 0..app.app.writer.shards {
            let mut conn = app.app.db.read().await.expect("a connection");
            let cursor = cursors.entry(shard).or_default();
            let page = log::store::after(&mut conn, shard, *cursor, random.random_range(1..20)).await.expect("rows");
            let taken = if last_round { page.len() } else { random.random_range(0..=page.len()) };
            found += page.len();
            seen.extend(page.into_iter().take(taken));
            *cursor = seen.iter().rev().find(|entry| entry.shard == shard).map_or(*cursor, |entry| entry.position);
        }
        if last_round && found == 0 {
            break;
        }
    }
    for writer in writing {
        writer.await.expect("all was written");
    }

    check_order(&seen);
    seen.sort_by_key(|entry| (entry.shard, entry.position));
    let whole = app.log().await;
    assert_eq!(seen, whole);
    assert_eq!(whole.iter().filter(|entry| entry.kind.as_str() == "message_created").count(), 240);
});

story!(nothing_of_somebody_stands_after_what_took_their_right, |app| {
    let mut random = StdRng::seed_from_u64(seed());
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let (bobs, channel) = (caller(&app, &bob).await, ChannelId(number(&general)));
    let message = MessageId(number(ada.say(&general, "here").await["id"].as_str().expect("an id")));
    let silent = Permissions::VIEW_CHANNEL | Permissions::READ_HISTORY;

    for round in 0..6 {
        everyone_may(&ada, &guild, Permissions::NEW_GUILD).await;
        let talking: Vec<_> = (0..8)
            .map(|_| {
                let (app, caller) = (app.app.clone(), bobs.clone());
                let mut random = StdRng::seed_from_u64(random.random());
                tokio::spawn(async move {
                    loop {
                        let emoji = ["🐜", "🐝", "🐞", "🦋"][random.random_range(0..4)].to_owned();
                        let refused = if random.random_bool(0.7) {
                            messaging::send(&app, &caller, channel, draft("and another", None)).await.is_err()
                        } else {
                            let target = ReactionTarget { emoji: Some(emoji.clone()), user_id: None };
                            let _ = reactions::remove(&app, &caller, message, target).await;
                            reactions::add(&app, &caller, message, NewReaction { emoji }).await.is_err()
                        };
                        if refused {
                            return;
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(random.random_range(1..60))).await;
        everyone_may(&ada, &guild, silent).await;
        for one in talking {
            one.await.expect("bob was refused in the end");
        }
        settle(&app).await;

        let entries = app.log().await;
        let took = entries.iter().rposition(|entry| entry.kind.as_str() == "role_updated").expect("the row");
        let later = entries[took..].iter().filter(|entry| entry.shard == entries[took].shard);
        let bob_spoke = |entry: &&Entry| entry.actor == Some(bobs.user) && entry.kind.as_str() == "message_created";
        assert_eq!(later.filter(bob_spoke).count(), 0, "round {round}");
        assert_eq!(Told::again(&entries), Told::stored(&app).await);
    }
});

story!(nothing_of_somebody_stands_after_their_ban, |app| {
    let mut random = StdRng::seed_from_u64(seed());
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let (bobs, channel) = (caller(&app, &bob).await, ChannelId(number(&general)));

    for round in 0..6 {
        bob.join(&guild).await;
        let talking: Vec<_> = (0..8)
            .map(|_| {
                let (app, caller) = (app.app.clone(), bobs.clone());
                tokio::spawn(async move {
                    while messaging::send(&app, &caller, channel, draft("and another", None)).await.is_ok() {}
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(random.random_range(1..60))).await;
        let ban = json!({"user_id": bob.id, "delete_message_seconds": if round % 2 == 0 { 0 } else { 3_600 }});
        ada.post(&format!("/guilds/{guild}/bans"), ban).await.expect(201);
        for one in talking {
            one.await.expect("bob was refused in the end");
        }
        settle(&app).await;

        let entries = app.log().await;
        let took = entries.iter().rposition(|entry| entry.kind.as_str() == "ban_added").expect("the row");
        let later = entries[took..].iter().filter(|entry| entry.shard == entries[took].shard);
        let bob_spoke = |entry: &&Entry| entry.actor == Some(bobs.user) && entry.kind.as_str() == "message_created";
        assert_eq!(later.filter(bob_spoke).count(), 0, "round {round}");
        let told = Told::again(&entries);
        assert_eq!(told, Told::stored(&app).await);
        assert!(round % 2 == 0 || told.messages.is_empty(), "what he said went with him");
        ada.delete(&format!("/guilds/{guild}/bans/{}", bob.id)).await;
    }
});

story!(one_refused_operation_leaves_its_neighbours_alone, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = ada.guild("Engines").await;
    let (ada_calls, channel) = (caller(&app, &ada).await, ChannelId(number(&general)));
    let mut under_way = Vec::new();
    for i in 0..90_u32 {
        let (app, caller) = (app.app.clone(), ada_calls.clone());
        under_way.push(tokio::spawn(async move {
            match i % 3 {
                0 => messaging::send(&app, &caller, channel, draft("fine", None)).await.map(drop),
                1 => deleting::delete(&app, &caller, MessageId(7)).await,
                _ => guilds::create(&app, &caller, new_guild(&format!("guild {i}"))).await.map(drop),
            }
        }));
    }
    let mut refused = 0;
    for one in under_way {
        refused += usize::from(one.await.expect("an answer").is_err());
    }
    assert_eq!(refused, 30, "only what cannot be is refused");
    let entries = app.log().await;
    check_order(&entries);
    let told = |kind: &str| entries.iter().filter(|entry| entry.kind.as_str() == kind).count();
    assert_eq!((told("message_created"), told("guild_created")), (30, 31));
});

fn new_guild(name: &str) -> guilds::NewGuild {
    guilds::NewGuild { name: name.to_owned(), description: String::new(), public: false }
}
