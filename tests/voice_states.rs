//! Voice: who is where, what of it stands in the log, and who hears of it.

use std::collections::BTreeMap;

use crate::guilds_cast::{body, count, rows};
use crate::story;
use crate::support::{Socket, Value, json};
use crate::voice_cast::{assert_told, hidden_lounge, join, lounge, refused, seen_by};

story!(coming_changing_and_leaving_stand_in_the_log, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;
    let first = join(&mut his, &lounge).await;
    let state = |muted: bool, deafened: bool| {
        json!({"user_id": bob.id, "channel_id": lounge, "joined_at": first["joined_at"], "muted": muted, "deafened": deafened,
            "server_muted": false, "server_deafened": false, "speaking": false})
    };

    assert_eq!(first, state(false, false));
    let came = hers.event_frame("voice_state").await;
    assert_eq!((&came["d"], &came["g"]), (&state(false, false), &json!(guild)));
    let change = json!({"channel_id": lounge, "muted": true, "deafened": true});
    assert_eq!(his.request("voice_state", change.clone()).await.unwrap(), state(true, true));
    let changed = hers.event_frame("voice_state").await;
    assert_eq!(changed["d"], state(true, true));
    assert!(changed["s"].as_i64() > came["s"].as_i64(), "{changed}");
    let logged = app.log().await.into_iter().find(|entry| entry.position == changed["s"].as_i64().unwrap()).unwrap();
    assert_eq!((logged.channel.unwrap().to_string(), body(&logged)), (lounge.clone(), state(true, true)));

    let before = app.log_position().await;
    his.request("voice_state", change).await.unwrap();
    assert_eq!(join(&mut his, &lounge).await, state(true, true), "whoever is there stays as they are");
    his.request("leave_voice", json!({"channel_id": general})).await.unwrap();
    assert_eq!(refused(&mut his, &general).await, "WRONG_CHANNEL_KIND");
    assert_eq!(refused(&mut his, "1").await, "NOT_FOUND");
    let elsewhere = his.request("voice_state", json!({"channel_id": general, "muted": false})).await;
    assert_eq!(elsewhere.unwrap_err()["code"], "NOT_FOUND");
    assert_eq!(his.request("leave_voice", json!({"channel_id": "1"})).await.unwrap_err()["code"], "NOT_FOUND");
    assert_eq!(app.log_position().await, before);

    his.request("leave_voice", json!({"channel_id": lounge})).await.unwrap();
    assert_told(&hers.event("voice_state").await, &bob, None);
    assert_eq!(rows(&app, &guild, "voice_state").await.len(), 3);
    let left = app.log_position().await;
    his.request("leave_voice", json!({"channel_id": lounge})).await.unwrap();
    let gone = his.request("voice_state", json!({"channel_id": lounge, "muted": false})).await;
    assert_eq!(gone.unwrap_err()["code"], "NOT_FOUND");
    assert_eq!(app.log_position().await, left);
});

story!(speaking_is_a_moment_that_only_sockets_know, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;
    join(&mut his, &lounge).await;
    hers.event("voice_state").await;
    let before = app.log_position().await;
    let speaks = json!({"channel_id": lounge, "speaking": true});

    assert_eq!(his.request("voice_state", speaks.clone()).await.unwrap()["speaking"], true);
    let heard = hers.event_frame("voice_state").await;
    assert_eq!((&heard["d"]["speaking"], heard.get("g"), heard.get("s")), (&json!(true), None, None));
    his.request("voice_state", speaks.clone()).await.unwrap();
    hers.nothing("voice_state").await;
    assert_eq!(app.log_position().await, before);
    let snapshot = Socket::connect(&ada).await.ready;
    let engines = snapshot["streams"].as_array().unwrap().iter().find(|one| one["id"] == guild.as_str()).unwrap();
    assert_eq!(engines["voice_states"][0]["speaking"], true);

    // A change that is logged ends it; who still speaks says so with it, and is heard after it.
    let deafened = json!({"channel_id": lounge, "deafened": true, "speaking": true});
    assert_eq!(his.request("voice_state", deafened).await.unwrap()["speaking"], true);
    let (first, second) = (hers.event_frame("voice_state").await, hers.event_frame("voice_state").await);
    assert_eq!((first["s"].is_i64(), &first["d"]["speaking"]), (true, &json!(false)));
    assert_eq!((second.get("s"), &second["d"]["speaking"]), (None, &json!(true)));

    // Muted people don't speak.
    his.request("voice_state", json!({"channel_id": lounge, "muted": true})).await.unwrap();
    assert_eq!(hers.event("voice_state").await["speaking"], false);
    assert_eq!(his.request("voice_state", speaks.clone()).await.unwrap()["speaking"], false);
    hers.nothing("voice_state").await;
    his.request("voice_state", json!({"channel_id": lounge, "muted": false})).await.unwrap();
    hers.event("voice_state").await;

    ada.except(&lounge, &bob, &[], &["SPEAK"]).await;
    assert_eq!(his.request("voice_state", speaks).await.unwrap_err()["code"], "MISSING_PERMISSION");
    his.request("voice_state", json!({"channel_id": lounge, "speaking": false})).await.unwrap();
    hers.nothing("voice_state").await;
    assert_eq!(seen_by(&ada, &guild).await, [(bob.id.clone(), lounge)]);
});

story!(speaking_is_heard_after_the_row_that_brought_somebody_there, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;

    for _ in 0..20 {
        join(&mut his, &lounge).await;
        his.request("voice_state", json!({"channel_id": lounge, "speaking": true})).await.unwrap();
        let (came, speaks) = (hers.event_frame("voice_state").await, hers.event_frame("voice_state").await);
        assert_eq!((came["s"].is_i64(), &speaks["d"]["speaking"]), (true, &json!(true)), "{came} {speaks}");
        his.request("leave_voice", json!({"channel_id": lounge})).await.unwrap();
        assert_told(&hers.event("voice_state").await, &bob, None);
    }
});

story!(whoever_does_not_see_the_channel_hears_nothing_of_it, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &eve] {
        user.join(&guild).await;
    }
    let den = hidden_lounge(&ada, &guild, &[&bob]).await;
    let mut hers = Socket::connect(&eve).await;
    let mut his = Socket::connect(&bob).await;

    assert_eq!(refused(&mut hers, &den).await, "NOT_FOUND");
    join(&mut his, &den).await;
    his.request("voice_state", json!({"channel_id": den, "muted": true})).await.unwrap();
    his.request("voice_state", json!({"channel_id": den, "muted": false, "speaking": true})).await.unwrap();
    let spied = hers.request("voice_state", json!({"channel_id": den, "muted": true})).await;
    assert_eq!(spied.unwrap_err()["code"], "NOT_FOUND");
    his.request("leave_voice", json!({"channel_id": den})).await.unwrap();
    hers.nothing("voice_state").await;

    join(&mut his, &den).await;
    assert_eq!(seen_by(&eve, &guild).await, []);
    assert_eq!(seen_by(&ada, &guild).await, [(bob.id.clone(), den.clone())]);
    ada.except(&den, &eve, &["VIEW_CHANNEL"], &["CONNECT"]).await;
    assert_eq!(refused(&mut hers, &den).await, "MISSING_PERMISSION");
});

story!(who_comes_to_see_a_channel_is_told_who_is_in_it, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &eve] {
        user.join(&guild).await;
    }
    let den = hidden_lounge(&ada, &guild, &[&bob]).await;
    let (mut hers, mut his) = (Socket::connect(&eve).await, Socket::connect(&bob).await);
    let state = join(&mut his, &den).await;

    ada.except(&den, &eve, &["VIEW_CHANNEL"], &[]).await;

    let shown = hers.event("channel_shown").await;
    assert_eq!((&shown["channel_id"], &shown["voice_states"]), (&json!(den), &json!([state])));
});

story!(who_sees_one_of_two_channels_hears_that_somebody_comes_or_goes, |app| {
    let [ada, bob, eve, cy] = app.users(["ada", "bob", "eve", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &eve, &cy] {
        user.join(&guild).await;
    }
    let den = hidden_lounge(&ada, &guild, &[&bob, &eve]).await;
    let attic = hidden_lounge(&ada, &guild, &[&bob, &cy]).await;
    let mut both = Socket::connect(&ada).await;
    let mut den_alone = Socket::connect(&eve).await;
    let mut attic_alone = Socket::connect(&cy).await;
    let mut his = Socket::connect(&bob).await;

    join(&mut his, &den).await;
    his.request("voice_state", json!({"channel_id": den, "muted": true})).await.unwrap();
    let moved = join(&mut his, &attic).await;

    assert_eq!(moved["muted"], true, "whoever muted themselves is so in the next channel");
    for ears in [&mut both, &mut den_alone] {
        assert_told(&ears.event("voice_state").await, &bob, Some(&den));
        assert_told(&ears.event("voice_state").await, &bob, Some(&den));
        assert_told(&ears.event("voice_state").await, &bob, None);
    }
    den_alone.nothing("voice_state").await;
    for ears in [&mut both, &mut attic_alone] {
        assert_told(&ears.event("voice_state").await, &bob, Some(&attic));
        ears.nothing("voice_state").await;
    }
    assert_eq!(seen_by(&cy, &guild).await, [(bob.id.clone(), attic)]);
    assert_eq!(seen_by(&eve, &guild).await, []);
});

story!(going_to_another_guild_or_call_leaves_the_first, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (engines, _) = ada.guild("Engines").await;
    let (looms, _) = ada.guild("Looms").await;
    bob.join(&engines).await;
    bob.join(&looms).await;
    let (here, there) = (lounge(&ada, &engines).await, lounge(&ada, &looms).await);
    let call = ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201);
    let call = call["id"].as_str().unwrap().to_owned();
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;

    for (stream, channel) in [(&engines, &here), (&looms, &there), (&call, &call), (&engines, &here)] {
        join(&mut his, channel).await;
        loop {
            let frame = hers.event_frame("voice_state").await;
            if frame["g"] == stream.as_str() {
                assert_told(&frame["d"], &bob, Some(channel));
                break;
            }
            assert_told(&frame["d"], &bob, None);
        }
        assert_eq!(seen_by(&ada, stream).await, [(bob.id.clone(), channel.clone())]);
    }
    for stream in [&looms, &call] {
        assert_eq!(seen_by(&ada, stream).await, []);
        let told = rows(&app, stream, "voice_state").await;
        assert_eq!(told.len(), 2);
        assert_told(&told[1], &bob, None);
    }
    assert_eq!(rows(&app, &engines, "voice_state").await.len(), 3);
});

story!(a_channel_holds_as_many_as_its_limit_says, |app| {
    let [ada, bob, cy, dee] = app.users(["ada", "bob", "cy", "dee"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &cy, &dee] {
        user.join(&guild).await;
    }
    let make = json!({"name": "Booth", "kind": "voice", "user_limit": 1});
    let booth = ada.make_channel(&guild, make).await;
    assert_eq!(ada.get(&format!("/channels/{booth}")).await.expect(200)["user_limit"], 1);
    let (mut his, mut hers) = (Socket::connect(&bob).await, Socket::connect(&cy).await);

    // Both want the last place at once, again and again.
    for _ in 0..10 {
        let ask = json!({"channel_id": booth});
        let (one, other) =
            tokio::join!(his.request("join_voice", ask.clone()), hers.request("join_voice", ask.clone()));
        assert_eq!(one.is_ok() as u8 + other.is_ok() as u8, 1, "{one:?} {other:?}");
        let (winner, loser) = if one.is_ok() { (&mut his, other) } else { (&mut hers, one) };
        let problem = loser.unwrap_err();
        assert_eq!((&problem["code"], &problem["status"]), (&json!("VOICE_FULL"), &json!(409)));
        assert_eq!(count(&app, "select count(*) from voice_states", &[]).await, 1);
        winner.request("leave_voice", ask).await.unwrap();
    }

    join(&mut his, &booth).await;
    join(&mut his, &booth).await;
    let before = app.log_position().await;
    assert_eq!(refused(&mut hers, &booth).await, "VOICE_FULL");
    assert_eq!(app.log_position().await, before);
    // Who may move members makes room for themselves, and a lower limit shows nobody out.
    ada.make_role(&guild, &["MOVE_MEMBERS"], &dee).await;
    join(&mut Socket::connect(&dee).await, &booth).await;
    ada.patch(&format!("/channels/{booth}"), json!({"user_limit": 3})).await.expect(200);
    join(&mut hers, &booth).await;
    let lowered = ada.patch(&format!("/channels/{booth}"), json!({"user_limit": 2})).await.expect(200);
    assert_eq!((&lowered["user_limit"], lowered["version"].as_i64()), (&json!(2), Some(3)));
    assert!(seen_by(&ada, &guild).await.len() >= 2);

    for (channel, limit) in [(&booth, json!(100)), (&booth, json!(-1)), (&general, json!(2))] {
        let change = json!({"user_limit": limit});
        assert_eq!(ada.patch(&format!("/channels/{channel}"), change).await.faults(), ["/user_limit"]);
    }
    for (kind, limit) in [("text", 1), ("voice", 100)] {
        let new = json!({"name": "n", "kind": kind, "user_limit": limit});
        assert_eq!(ada.post(&format!("/guilds/{guild}/channels"), new).await.faults(), ["/user_limit"]);
    }
});

story!(one_takes_part_through_the_socket_that_came_last, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let mut hers = Socket::connect(&ada).await;
    let (mut phone, mut desk) = (Socket::connect(&bob).await, Socket::connect(&bob).await);

    join(&mut phone, &lounge).await;
    join(&mut desk, &lounge).await;
    hers.event("voice_state").await;
    drop(phone);
    hers.nothing("voice_state").await;
    drop(desk);

    assert_told(&hers.event("voice_state").await, &bob, None);
});

story!(whatever_happens_at_once_the_log_tells_what_the_table_says, |app| {
    let people = app.users(["ada", "bob", "cy", "dee"]).await;
    let ada = &people[0];
    let mut places = Vec::new();
    for name in ["Engines", "Looms"] {
        let (guild, _) = ada.guild(name).await;
        for user in &people[1..] {
            user.join(&guild).await;
        }
        for limit in [0, 2] {
            let new = json!({"name": "v", "kind": "voice", "user_limit": limit});
            places.push((guild.clone(), ada.make_channel(&guild, new).await));
        }
    }
    let tasks: Vec<_> = (0..8)
        .map(|task: usize| {
            let (user, places) = (people[task % 4].clone(), places.clone());
            tokio::spawn(async move {
                let mut socket = Socket::connect(&user).await;
                for step in 0..12 {
                    let (_, channel) = &places[(task * 5 + step * 7 + step / 3) % places.len()];
                    let (op, body) = match step % 4 {
                        3 => ("leave_voice", json!({"channel_id": channel})),
                        2 => ("voice_state", json!({"channel_id": channel, "muted": step % 8 == 2})),
                        _ => ("join_voice", json!({"channel_id": channel})),
                    };
                    if let Err(problem) = socket.request(op, body).await {
                        let code = problem["code"].as_str().unwrap_or_default().to_owned();
                        assert!(["VOICE_FULL", "NOT_FOUND"].contains(&code.as_str()), "{problem}");
                    }
                }
                // Kept open, so that nobody leaves.
                socket
            })
        })
        .collect();
    let mut sockets = Vec::new();
    for task in tasks {
        sockets.push(task.await.expect("a task"));
    }

    let mut told: BTreeMap<(String, String), Value> = BTreeMap::new();
    for entry in app.log().await.iter().filter(|entry| entry.kind.as_str() == "voice_state") {
        let (state, stream) = (body(entry), entry.stream.to_string());
        let user = state["user_id"].as_str().unwrap().to_owned();
        match state["channel_id"].as_str() {
            Some(channel) => assert_eq!(Some(channel.to_owned()), entry.channel.map(|one| one.to_string())),
            None => assert!(told.contains_key(&(stream.clone(), user.clone())), "left without being there"),
        }
        match state["channel_id"].is_null() {
            true => drop(told.remove(&(stream, user))),
            false => drop(told.insert((stream, user), state)),
        }
    }
    for stream in [&places[0].0, &places[2].0] {
        let expected: Vec<(String, String)> = told
            .iter()
            .filter(|((one, _), _)| one == stream)
            .map(|((_, user), state)| (user.clone(), state["channel_id"].as_str().unwrap().to_owned()))
            .collect();
        let mut expected = expected;
        expected.sort();
        assert_eq!(seen_by(ada, stream).await, expected);
    }
});
