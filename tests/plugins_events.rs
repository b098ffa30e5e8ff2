//! What plugins are told of, once and in order; their times, what they show to clients, and their own life.

use std::time::Duration;

use guildhall::config::Config;
use guildhall::db::Db;

use crate::guilds_cast::{id, tamper};
use crate::plugin_story;
use crate::plugins_installing::{install, path};
use crate::support::plugins::built;
use crate::support::{Socket, TestApp, User, Value, json};
use crate::voice_cast::{join, lounge};

/// How long a story waits for what must come to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the plugin `counter` remembers under a key, as lines.
pub async fn lines(db: &Db, key: &str) -> Vec<String> {
    let mut conn = db.read().await.expect("a connection");
    let sql = "select value, counter from plugin_kv where key = $1";
    let found: Option<(Option<Vec<u8>>, Option<i64>)> =
        conn.optional(sql, &[&key.as_bytes().to_vec()]).await.expect("a value");
    // Eight bytes stand as a number, whatever they are.
    let value = found.and_then(|(value, counter)| value.or(counter.map(|counter| counter.to_le_bytes().to_vec())));
    value.map_or_else(Vec::new, |value| serde_json::from_slice(&value).expect("lines"))
}

/// What it has counted under a key.
pub async fn counted(db: &Db, key: &str) -> i64 {
    let mut conn = db.read().await.expect("a connection");
    let sql = "select counter from plugin_kv where key = $1";
    let found: Option<(Option<i64>,)> = conn.optional(sql, &[&key.as_bytes().to_vec()]).await.expect("a count");
    found.and_then(|(count,)| count).unwrap_or(0)
}

/// How many rows a query counts.
pub async fn number(db: &Db, sql: &'static str) -> i64 {
    let mut conn = db.read().await.expect("a connection");
    conn.one::<(i64,)>(sql, &[]).await.expect("a count").0
}

/// Waits until something holds.
pub async fn until<F: Future<Output = bool>>(what: &str, wanted: impl Fn() -> F) {
    let waiting = async {
        while !wanted().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "it doesn't come to that: {what}");
}

/// Waits until nothing is left to deliver.
pub async fn all_told(db: &Db) {
    until("everything is told", async || number(db, "select count(*) from plugin_deliveries").await == 0).await;
}

/// What stands in the logs of installations: the codes, in order.
async fn codes(db: &Db) -> Vec<String> {
    let mut conn = db.read().await.expect("a connection");
    let sql = "select code from plugin_logs where code <> '' order by id";
    let rows: Vec<(String,)> = conn.all(sql, &[]).await.expect("lines");
    rows.into_iter().map(|(code,)| code).collect()
}

/// Ada's guild with the counter in it; its installation.
pub async fn counting(ada: &User, guild: &str) -> Value {
    let body = json!({"guild_id": guild, "permissions": ["messages-read", "messages-write", "members", "realtime"]});
    ada.post("/marketplace/tests.counter", body).await.expect(201)
}

/// What was said in a channel, in its order.
pub async fn said(user: &User, channel: &str) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let mut before = String::new();
    loop {
        let page = user.get(&format!("/channels/{channel}/messages?limit=100{before}")).await.expect(200);
        let items = page["items"].as_array().expect("messages").clone();
        let text = |message: &Value| message["content"].as_str().expect("text").to_owned();
        let mut older: Vec<String> = items.iter().rev().map(text).collect();
        older.extend(said);
        said = older;
        // The oldest by its position: of several nodes, ids needn't rise with it.
        match items.last() {
            Some(oldest) if items.len() == 100 => before = format!("&before={}", id(oldest)),
            _ => return said,
        }
    }
}

plugin_story!(each_message_is_told_once_and_in_the_order_of_its_channel, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    let (hidden, empty) = (json!({"name": "hidden", "kind": "text"}), json!({"name": "empty", "kind": "text"}));
    let (hidden, empty) = (ada.make_channel(&guild, hidden).await, ada.make_channel(&guild, empty).await);
    ada.say(&general, "before it came").await;
    let installation = counting(&ada, &guild).await;
    let bot = json!({"kind": "member", "allow": [], "deny": ["VIEW_CHANNEL"]});
    let bots = installation["bot_id"].as_str().unwrap();
    ada.put(&format!("/channels/{hidden}/overwrites/{bots}"), bot).await.expect(200);

    let begun = std::time::Instant::now();
    let talk = |user: User, channel: String, mark: &'static str| async move {
        for number in 0..40 {
            user.say(&channel, &format!("{mark}{number}")).await;
        }
    };
    tokio::join!(
        talk(ada.clone(), general.clone(), "a"),
        talk(bob.clone(), general.clone(), "b"),
        talk(ada.clone(), other.clone(), "c"),
        talk(bob.clone(), hidden.clone(), "d"),
    );
    until("120 are counted", async || counted(&app.app.db, "created").await == 120).await;
    println!("120 messages were told after {:?}", begun.elapsed());
    all_told(&app.app.db).await;
    let talked = said(&ada, &general).await;
    let told: Vec<&String> = talked.iter().filter(|text| text.starts_with(['a', 'b']) && text.len() < 4).collect();
    assert_eq!(lines(&app.app.db, &format!("said:{general}")).await.iter().collect::<Vec<_>>(), told);
    assert_eq!(lines(&app.app.db, &format!("said:{other}")).await, said(&ada, &other).await);
    for unseen in [&hidden, &empty] {
        assert!(lines(&app.app.db, &format!("said:{unseen}")).await.is_empty());
    }
    until("they are batched", async || counted(&app.app.db, "batched").await == 120).await;
    let batches = counted(&app.app.db, "batches").await;
    println!("in {batches} batches");
    assert!(batches <= 20, "{batches}");
    assert_eq!(counted(&app.app.db, "created").await, 120);
    assert_eq!(codes(&app.app.db).await, Vec::<String>::new());
});

plugin_story!(what_happens_in_a_guild_is_told_by_its_hooks, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    counting(&ada, &guild).await;
    let (first, second) = (lounge(&ada, &guild).await, lounge(&ada, &guild).await);
    bob.join(&guild).await;
    let message = id(&bob.say(&general, "one").await);
    bob.patch(&format!("/messages/{message}"), json!({"content": "two"})).await.expect(200);
    let db = &app.app.db;
    // What a message said before is forgotten with it.
    until("the edit is told", async || !lines(db, "edited").await.is_empty()).await;
    let reactions = format!("/messages/{message}/reactions");
    ada.post(&reactions, json!({"emoji": "👍"})).await.expect(201);
    ada.delete_with(&reactions, json!({"emoji": "👍"})).await.expect(200);
    bob.delete(&format!("/messages/{message}")).await.expect(204);
    ada.patch(&format!("/guilds/{guild}/members/{}", bob.id), json!({"nick": "Bobby"})).await.expect(200);
    let mut his = Socket::connect(&bob).await;
    join(&mut his, &first).await;
    his.request("voice_state", json!({"channel_id": first, "muted": true})).await.unwrap();
    join(&mut his, &second).await;
    his.request("leave_voice", json!({"channel_id": second})).await.unwrap();
    bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);

    until("he has left", async || lines(db, "members").await.last().is_some_and(|line| line == "-bob")).await;
    all_told(db).await;
    assert_eq!(lines(db, "members").await, ["+bob", "bob=Bobby", "-bob"]);
    let voices = [format!("->{first}"), format!("{first}>{second}"), format!("{second}>-")];
    assert_eq!(lines(db, "voices").await, voices);
    assert_eq!((lines(db, "edited").await, lines(db, "deleted").await), (vec!["one > two".into()], vec![message]));
    assert_eq!(lines(db, "reactions").await, ["+👍", "-👍"]);
    assert_eq!(codes(db).await, Vec::<String>::new());
});

plugin_story!(its_own_messages_do_not_come_back_and_plugins_do_not_answer_each_other_for_ever, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    counting(&ada, &guild).await;
    let db = &app.app.db;
    let of_channel = |key: &str| format!("{key}:{general}");
    ada.say(&general, "echo hello").await;
    until("it is repeated", async || said(&ada, &general).await.last().is_some_and(|text| text == "hello")).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    all_told(db).await;
    assert_eq!(lines(db, &of_channel("said")).await, ["echo hello"]);

    install(&ada, &guild, "tests.parrot").await;
    ada.say(&general, "ping").await;
    let pings = async || said(&ada, &general).await.iter().filter(|text| *text == "ping").count();
    // Each answers what the other said, until four answers led to one.
    until("it ends", async || codes(db).await == ["DEPTH", "DEPTH"]).await;
    all_told(db).await;
    assert_eq!(pings().await, 1 + 2 * 5);
});

plugin_story!(what_fails_is_tried_three_times_and_then_left, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    let installation = counting(&ada, &guild).await;
    let (db, key) = (&app.app.db, format!("said:{general}"));
    for text in ["fail", "flaky", "refuse", "after"] {
        ada.say(&general, text).await;
    }
    until("the last is told", async || lines(db, &key).await.last().is_some_and(|text| text == "after")).await;
    assert_eq!(lines(db, &key).await, ["flaky", "after"], "what failed left nothing behind");
    all_told(db).await;
    let expected = ["FAILED", "FAILED", "FAILED", "DROPPED", "FAILED", "FAILED"];
    assert_eq!(codes(db).await, expected, "three times it failed, once it wasn't ready, once it said no");

    // The fifth failure opens the breaker: what comes then waits, and an admin's change begins anew.
    ada.say(&general, "fail").await;
    until("it failed", async || codes(db).await.len() > expected.len()).await;
    ada.patch(&path(&installation), json!({"enabled": false})).await.expect(200);
    ada.say(&general, "meanwhile").await;
    all_told(db).await;
    ada.patch(&path(&installation), json!({"enabled": true})).await.expect(200);
    ada.say(&general, "again").await;
    until("it is told again", async || lines(db, &key).await.last().is_some_and(|text| text == "again")).await;
    assert_eq!(lines(db, &key).await, ["flaky", "after", "again"]);
});

plugin_story!(timers_ring_once_at_their_time_also_after_a_restart, |app| {
    let ([ada], guild, general) = app.guild_of(["ada"]).await;
    counting(&ada, &guild).await;
    let rang = async |app: &TestApp| lines(&app.app.db, "timers").await.iter().filter(|one| *one == "told").count();
    // The first call compiles the plugin, which would take from the time that is measured.
    ada.say(&general, "hello").await;
    until("it is ready", async || counted(&app.app.db, "created").await == 1).await;
    ada.say(&general, "timer 700").await;
    until("the timer is set", async || number(&app.app.db, "select count(*) from plugin_timers").await == 2).await;
    let (at,): (i64,) = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.one("select at from plugin_timers where id = 'told'", &[]).await.unwrap()
    };
    until("it rings", async || rang(&app).await == 1).await;
    let told = said(&ada, &general).await.pop().unwrap();
    let late = told.strip_prefix("it is ").expect("a time").parse::<i64>().unwrap() - at;
    println!("a timer rang {late} ms late");
    assert!((0..300).contains(&late), "{late}");

    ada.say(&general, "timer 2000").await;
    until("it is set", async || number(&app.app.db, "select count(*) from plugin_timers").await == 2).await;
    app.restart().await;
    until("it rings again", async || rang(&app).await == 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(rang(&app).await, 2);

    app.advance(Duration::from_secs(3_600));
    until("the hour strikes", async || lines(&app.app.db, "timers").await.contains(&"cron:hourly".to_owned())).await;
    let (next,): (i64,) = {
        let mut conn = app.app.db.read().await.unwrap();
        conn.one("select at from plugin_timers where id = 'cron:hourly'", &[]).await.unwrap()
    };
    let ahead = next - app.app.now().0;
    assert!((0..=3_600_000).contains(&ahead) && next % 3_600_000 == 0, "{ahead}");
    assert_eq!(lines(&app.app.db, "timers").await, ["told", "told", "cron:hourly"]);
});

plugin_story!(what_is_published_is_shown_at_a_measured_pace_and_the_last_of_it_always, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    bob.join(&guild).await;
    let installation = counting(&ada, &guild).await;
    ada.except(&other, &bob, &[], &["VIEW_CHANNEL"]).await;
    let mut his = Socket::connect(&bob).await;
    let begun = std::time::Instant::now();
    for number in 0..40 {
        ada.say(&general, &format!("topic {{\"votes\": {number}}}")).await;
    }
    let mut heard = 0;
    loop {
        let told = his.event("plugin_event").await;
        heard += 1;
        assert_eq!((&told["channel_id"], &told["topic"]), (&json!(general), &json!("state")));
        assert_eq!((&told["plugin"], &told["installation_id"]), (&json!("tests.counter"), &installation["id"]));
        if told["payload"]["votes"] == 39 {
            break;
        }
    }
    let took = begun.elapsed();
    println!("40 values were told of as {heard} in {took:?}");
    assert!(heard as u128 <= took.as_millis() / 250 + 2, "{heard} in {took:?}");
    let topics = async |user: &User| {
        let ready = Socket::connect(user).await.ready;
        let streams = ready["streams"].as_array().unwrap().clone();
        streams.into_iter().find(|one| one["id"] == guild.as_str()).unwrap()["plugins"].clone()
    };
    assert_eq!(topics(&bob).await[0]["payload"], json!({"votes": 39}));

    // Another channel, which he doesn't see: there it is gone.
    ada.say(&other, "topic [1]").await;
    assert_eq!(his.event("plugin_event").await["payload"], Value::Null);
    until("it is shown there", async || topics(&ada).await[0]["channel_id"] == other.as_str()).await;
    assert_eq!(topics(&bob).await, json!([]));
    ada.delete(&format!("/channels/{other}/overwrites/{}", bob.id)).await.expect(204);
    assert_eq!(his.event("channel_shown").await["plugins"][0]["payload"], json!([1]));
    ada.say(&general, "notice null").await;
    assert_eq!(his.event("plugin_event").await["payload"], Value::Null);
    assert_eq!(topics(&bob).await, json!([]));

    // A node that ended before it could tell of something.
    ada.say(&general, "notice \"begin\"").await;
    his.event("plugin_event").await;
    let late = "update plugin_topics set payload = '\"late\"', version = version + 1";
    tamper(&app, late, &[]).await;
    assert_eq!(his.event("plugin_event").await["payload"], "late");
    ada.delete(&path(&installation)).await.expect(204);
    assert_eq!(his.event("plugin_event").await["payload"], Value::Null);
    assert_eq!(topics(&bob).await, json!([]));
});

plugin_story!(a_plugin_is_told_of_its_own_life, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let installation = counting(&ada, &guild).await;
    let db = &app.app.db;
    until("it is installed", async || lines(db, "life").await == ["installed"]).await;
    ada.patch(&path(&installation), json!({"config": {"greeting": "Hi"}})).await.expect(200);
    until("it is changed", async || lines(db, "life").await.len() == 2).await;
    tamper(&app, "update installations set version = '0.0.9'", &[]).await;
    guildhall::plugins::upgrading::follow(&app.app).await.unwrap();
    until("it is upgraded", async || lines(db, "life").await.len() == 3).await;
    let gone = ada.delete(&path(&installation)).await;
    assert_eq!(gone.status, 204);
    let life = ["installed", "changed greeting", "upgraded from 0.0.9", "uninstalling"];
    assert_eq!(lines(db, "life").await, life);
    let left = ["select count(*) from plugin_timers", "select count(*) from plugin_deliveries"];
    for sql in left {
        assert_eq!(number(db, sql).await, 0);
    }
    let cursors = "select count(*) from cursors where reader like 'plugins%'";
    assert!(number(db, cursors).await > 0);
    app.restart().await;
    let db = &app.app.db;
    until("the log is kept for nobody", async || number(db, cursors).await == 0).await;
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_nodes_each_thing_is_told_by_one() {
    let settings = |config: &mut Config| config.plugins.bundled = built().to_owned();
    let Some([here, there]) = TestApp::start_nodes(None, settings).await else { return };
    let [ada] = here.users(["ada"]).await;
    let (guild, general) = ada.guild("Engines").await;
    counting(&ada, &guild).await;
    let elsewhere = ada.on(&there);
    tokio::join!(
        async {
            for number in 0..50 {
                ada.say(&general, &format!("a{number}")).await;
            }
        },
        async {
            for number in 0..50 {
                elsewhere.say(&general, &format!("b{number}")).await;
            }
        },
    );
    ada.say(&general, "timer 300").await;
    let db = &here.app.db;
    until("all are told", async || counted(db, "created").await == 101).await;
    until("it rings", async || !lines(db, "timers").await.is_empty()).await;
    all_told(db).await;
    let talked: Vec<String> = said(&ada, &general).await;
    let told: Vec<String> = talked.into_iter().filter(|text| !text.starts_with("it is") && !text.is_empty()).collect();
    assert_eq!(lines(db, &format!("said:{general}")).await, told);
    until("they are batched", async || counted(db, "batched").await == 101).await;
    assert_eq!(lines(db, "timers").await, ["told"]);
    assert_eq!(codes(db).await, Vec::<String>::new());
    TestApp::stop_nodes([here, there]).await;
}
