//! What can't be given to a client that comes back: it is told why, for that stream alone, and gets a
//! snapshot instead.

use std::time::Duration;

use crate::story;
use crate::support::{Back, Cursors, Socket, TestApp, User, Value, json};

/// The snapshot that a `resync` of this stream brings.
#[track_caller]
fn snapshot<'b>(back: &'b Back, stream: &str) -> &'b Value {
    let resync = back.resyncs.iter().find(|resync| resync["stream"] == stream);
    &resync.unwrap_or_else(|| panic!("a resync of {stream}: {:?}", back.resyncs))["snapshot"]
}

fn names(things: &Value) -> Vec<&str> {
    things.as_array().expect("a list").iter().filter_map(|thing| thing["name"].as_str()).collect()
}

/// Somebody who was last there before everything that the log still knows.
pub struct LongGone {
    /// Owns the guild, and speaks in it.
    pub ada: User,
    /// Whose cursors are old.
    pub bob: User,
    pub guild: String,
    pub general: String,
    pub cursors: Cursors,
}

/// Lets two days go by after Bob was there, and a log of one day forget them.
pub async fn long_gone(app: &mut TestApp) -> LongGone {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    ada.say(&general, "long ago").await;
    app.advance(Duration::from_secs(2 * 24 * 3600));
    forget_the_log(app).await;
    // What is in memory is told as long as it is there.
    app.restart().await;
    LongGone { ada, bob, guild, general, cursors }
}

story!(
    a_cursor_older_than_the_log_brings_a_snapshot,
    |config| {
        config.retention.log_days = 1;
        config.tokens.access_seconds = 30 * 24 * 3600;
    },
    |app| {
        let LongGone { ada, bob, guild, general, cursors } = long_gone(&mut app).await;
        ada.say(&general, "lately").await;

        let mut back = Back::from(&bob, &cursors).await;

        let engines = snapshot(&back, &guild).clone();
        assert_eq!((&engines["kind"], &engines["guild"]["name"]), (&json!("guild"), &json!("Engines")));
        assert_eq!((names(&engines["channels"]), &engines["member"]["user"]["id"]), (vec!["general"], &json!(bob.id)));
        let reasons: Vec<_> = back.resyncs.iter().map(|resync| &resync["reason"]).collect();
        assert!(reasons.iter().all(|reason| *reason == "expired"), "{reasons:?}");
        assert!(!back.told().contains(&"message_created lately".to_owned()), "the snapshot stands after it");
        ada.say(&general, "now").await;
        let now = back.socket.event_frame("message_created").await;
        assert_eq!(now["d"]["content"], "now");
        assert!(now["s"].as_i64() > engines["s"].as_i64());
        drop(back.socket);

        let mut again = Back::from(&bob, &back.cursors).await;
        assert_eq!((again.told(), again.resyncs.len()), (vec!["message_created now".to_owned()], 0));
        again.socket.nothing("message_created").await;
    }
);

/// Lets the chores run until nothing of the log is left that may go.
async fn forget_the_log(app: &TestApp) {
    let begun = std::time::Instant::now();
    loop {
        guildhall::housekeeping::round(&app.app).await.expect("the chores");
        // The readers must have seen what goes.
        if app.log().await.iter().all(|entry| entry.kind.as_str() != "message_created") {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the log is kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

story!(a_change_of_what_one_sees_brings_a_snapshot_of_that_guild_alone, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let (quiet, quiet_general) = ada.guild("Quiet").await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    for guild in [&guild, &quiet] {
        bob.join(guild).await;
    }
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);

    ada.say(&general, "not for bob any more").await;
    ada.say(&quiet_general, "for bob").await;
    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
    ada.say(&general, "secret").await;
    ada.say(&other, "in the snapshot").await;

    let mut back = Back::from(&bob, &cursors).await;
    assert_eq!(back.resync(), (guild.as_str(), "changed"));
    assert_eq!(names(&snapshot(&back, &guild)["channels"]), ["other"]);
    let told = back.told();
    assert!(told.contains(&"message_created for bob".to_owned()), "{told:?}");
    assert!(!told.iter().any(|one| one.contains("secret") || one.contains("any more")), "{told:?}");
    ada.say(&general, "secret again").await;
    ada.say(&other, "live").await;
    assert_eq!(back.socket.event("message_created").await["content"], "live");
    back.socket.nothing("message_created").await;

    // Gaining is a change, too: what was said there before is read over REST.
    let cursors = back.cursors.clone();
    ada.delete(&format!("/channels/{general}/overwrites/{guild}")).await.expect(204);
    let back = Back::from(&bob, &cursors).await;
    assert_eq!(back.resync(), (guild.as_str(), "changed"));
    assert_eq!(names(&snapshot(&back, &guild)["channels"]).len(), 2);
});

story!(more_than_can_be_given_brings_a_snapshot, |config| { config.sockets.resume_rows = 20 }, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mut cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    for number in 0..30 {
        ada.say(&general, &number.to_string()).await;
    }

    let mut back = Back::from(&bob, &cursors).await;
    assert_eq!(back.resync(), (guild.as_str(), "too_many"));
    ada.say(&general, "live").await;
    assert_eq!(back.socket.event("message_created").await["content"], "live");
    drop(back.socket);

    cursors = back.cursors;
    for number in 0..5 {
        ada.say(&general, &number.to_string()).await;
    }
    let back = Back::from(&bob, &cursors).await;
    assert_eq!((back.missed.len(), back.resyncs.len()), (6, 0), "{:?}", back.told());
});

story!(ones_own_account_comes_whole_with_whom_it_has_blocked, |config| { config.sockets.resume_rows = 20 }, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    bob.post(&format!("/users/{}/block", ada.id), json!({})).await.expect(200);
    for number in 0..30 {
        bob.put("/users/@me/profile", json!({"bio": number.to_string()})).await.expect(200);
        ada.say(&general, &number.to_string()).await;
    }

    let mut back = Back::from(&bob, &cursors).await;
    let of = |stream: &str| back.resyncs.iter().find(|resync| resync["stream"] == stream).expect("a resync").clone();
    let (account, engines) = (of(&bob.id), of(&guild));
    assert_eq!((&account["reason"], &account["snapshot"]["kind"]), (&json!("too_many"), &json!("account")));
    assert_eq!(account["user"], bob.get("/users/@me/profile").await.expect(200));
    assert_eq!((&account["user"]["bio"], &account["blocked"]), (&json!("29"), &json!([ada.id])));
    assert_eq!((engines.get("user"), engines.get("blocked")), (None, None), "they are the account's alone");
    assert_eq!(back.resyncs.len(), 2);
    bob.put("/users/@me/profile", json!({"bio": "live"})).await.expect(200);
    let live = back.socket.event_frame("user_updated").await;
    assert_eq!((&live["d"]["bio"], &live["g"]), (&json!("live"), &json!(bob.id)));
    assert!(live["s"].as_i64() > account["snapshot"]["s"].as_i64());
});

story!(a_stream_that_one_is_out_of_is_gone, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (kicked_from, _) = ada.guild("Kicked").await;
    let (banned_from, _) = ada.guild("Banned").await;
    let (deleted, _) = ada.guild("Deleted").await;
    let (left, _) = ada.guild("Left").await;
    let (stays, _) = ada.guild("Stays").await;
    for guild in [&kicked_from, &banned_from, &deleted, &left, &stays] {
        bob.join(guild).await;
    }
    let group = json!({"recipient_ids": [bob.id, eve.id]});
    let group = ada.post("/users/@me/channels", group).await.expect(201)["id"].as_str().unwrap().to_owned();
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    assert!(cursors.0.contains_key(&group));

    ada.delete(&format!("/guilds/{kicked_from}/members/{}", bob.id)).await.expect(204);
    ada.post(&format!("/guilds/{banned_from}/bans"), json!({"user_id": bob.id})).await.expect(201);
    ada.delete(&format!("/guilds/{deleted}")).await.expect(204);
    bob.delete(&format!("/guilds/{left}/members/@me")).await.expect(204);

    let mut asked = cursors.clone();
    asked.0.insert("12345".into(), 0);
    let back = Back::from(&bob, &asked).await;
    for stream in [&kicked_from, &banned_from, &deleted, &left, &"12345".to_owned()] {
        let resync = back.resyncs.iter().find(|resync| resync["stream"] == stream.as_str());
        let resync = resync.unwrap_or_else(|| panic!("{stream} is gone: {:?}", back.resyncs));
        assert_eq!((&resync["reason"], &resync["snapshot"]), (&json!("gone"), &json!(null)));
    }
    assert_eq!(back.resyncs.len(), 5);
    let stand: Vec<_> = Cursors::of(&back.socket.ready).0.into_keys().collect();
    assert!(stand.contains(&stays) && stand.contains(&group) && !stand.contains(&left), "{stand:?}");
    // Nothing of what happened there after one was out.
    assert!(back.missed.iter().all(|frame| frame["g"] != kicked_from.as_str()), "{:?}", back.told());
});

story!(a_stream_that_one_came_into_is_new, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    let nothing_asked = Cursors::of(&Socket::connect_with(&bob, "none").await.ready);
    bob.join(&guild).await;
    ada.say(&general, "welcome").await;
    let direct = ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201);
    let direct = direct["id"].as_str().unwrap();
    ada.say(direct, "psst").await;

    let mut back = Back::from(&bob, &cursors).await;
    let whole = snapshot(&back, &guild);
    assert_eq!((&whole["guild"]["name"], &whole["member"]["user"]["id"]), (&json!("Engines"), &json!(bob.id)));
    assert_eq!(snapshot(&back, direct)["kind"], "direct");
    assert!(back.resyncs.iter().all(|resync| resync["reason"] == "new"), "{:?}", back.resyncs);
    ada.say(&general, "live").await;
    assert_eq!(back.socket.event("message_created").await["content"], "live");

    let back = Back::with(&bob, &nothing_asked, json!({"subscribe": "none"})).await;
    assert!(back.resyncs.iter().all(|resync| resync["stream"] != guild.as_str()), "{:?}", back.resyncs);
});

story!(leaving_and_coming_again_is_a_change, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let cursors = Cursors::of(&Socket::connect(&bob).await.ready);
    bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
    ada.say(&general, "while bob was out").await;
    bob.join(&guild).await;

    let back = Back::from(&bob, &cursors).await;
    assert_eq!(back.resync(), (guild.as_str(), "changed"));
    assert_eq!(back.told().iter().filter(|told| told.contains("while")).count(), 0);
});
