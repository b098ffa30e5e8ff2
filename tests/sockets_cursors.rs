//! A heartbeat's answer moves a client past what it may not see, so that it need not be told again.

use std::time::Duration;

use crate::story;
use crate::support::{Back, Cursors, Socket, Value, json};

/// Beats until the cursor of a stream is at a position or past it.
async fn until_moved(socket: &mut Socket, cursors: &mut Cursors, stream: &str, position: i64) {
    let begun = std::time::Instant::now();
    while cursors.at(stream) < position {
        assert!(begun.elapsed() < Duration::from_secs(10), "{stream} stays at {cursors:?}, not {position}");
        cursors.hear(&beat(socket).await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One heartbeat and its answer.
async fn beat(socket: &mut Socket) -> Value {
    socket.send(json!({"op": "heartbeat"})).await;
    loop {
        let frame = socket.frame().await;
        if frame["op"] == "heartbeat_ack" {
            return frame;
        }
    }
}

story!(a_heartbeat_moves_past_what_one_may_not_see, |config| { config.sockets.resume_rows = 20 }, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let hidden = json!({"name": "hidden", "kind": "text", "overwrites": [
        {"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]}]});
    let hidden = ada.make_channel(&guild, hidden).await;
    bob.join(&guild).await;
    let mut socket = Socket::connect(&bob).await;
    let old = Cursors::of(&socket.ready);
    for number in 0..30 {
        ada.say(&hidden, &number.to_string()).await;
    }
    let head = app.log().await.iter().filter(|entry| entry.stream.to_string() == guild).map(|e| e.position).max();

    let mut moved = old.clone();
    until_moved(&mut socket, &mut moved, &guild, head.unwrap()).await;
    let quiet = beat(&mut socket).await;
    assert!(quiet["d"]["cursors"].as_object().is_none_or(|cursors| cursors.is_empty()), "nothing moved: {quiet}");
    drop(socket);

    let back = Back::from(&bob, &moved).await;
    assert_eq!((back.told(), back.resyncs.len()), (Vec::new(), 0));
    // Without, so much would have to be read that a snapshot is less.
    let back = Back::from(&bob, &old).await;
    assert_eq!(back.resync(), (guild.as_str(), "too_many"));
});

story!(a_heartbeat_never_moves_past_what_one_has_still_to_hear, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mut socket = Socket::connect(&bob).await;
    let mut cursors = Cursors::of(&socket.ready);
    let mut heard = Vec::new();
    let saying = async {
        for number in 0..200 {
            ada.say(&general, &number.to_string()).await;
        }
    };
    let hearing = async {
        while heard.len() < 200 {
            socket.send(json!({"op": "heartbeat"})).await;
            loop {
                let frame = socket.frame().await;
                let before = cursors.clone();
                cursors.hear(&frame);
                if frame["op"] == "heartbeat_ack" {
                    for (stream, moved) in frame["d"]["cursors"].as_object().into_iter().flatten() {
                        let position = before.at(stream);
                        assert!(moved.as_i64() >= Some(position), "{stream} at {position} is put back: {frame}");
                    }
                    break;
                }
                assert!(frame["s"].as_i64() > before.0.get(&guild).copied(), "{frame} comes after {before:?}");
                heard.push(frame["d"]["content"].clone());
            }
        }
    };
    tokio::join!(saying, hearing);
    let expected: Vec<_> = (0..200).map(|number| json!(number.to_string())).collect();
    assert_eq!(heard, expected);
});

story!(streams_that_one_listens_to_are_told_of_and_no_others, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = ada.guild("Engines").await;
    let (foreign, foreign_general) = ada.guild("Foreign").await;
    bob.join(&guild).await;
    let mut socket = Socket::connect_with(&bob, "none").await;
    ada.say(&general, "one").await;
    ada.say(&foreign_general, "two").await;
    bob.put("/users/@me/profile", json!({"bio": "Here"})).await.expect(200);
    socket.event("user_updated").await;
    let answer = beat(&mut socket).await;
    for stream in [&guild, &foreign] {
        assert!(answer["d"]["cursors"].get(stream).is_none(), "{answer}");
    }
});
