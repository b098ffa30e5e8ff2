//! What ends a voice state besides leaving: rights that are lost, places that go, sockets and nodes that end.

use guildhall::app::{App, Phase};
use guildhall::clock::Clock;
use guildhall::sockets::voice::{begin, sweep};
use guildhall::voice::ending::{forget_node, leave_if_session, take_over};

use crate::guilds_cast::{count, promote, rows};
use crate::story;
use crate::support::{Socket, TestApp, User, json};
use crate::voice_cast::{assert_told, hidden_lounge, join, lounge, refused, seen_by};

/// How many are in voice.
async fn present(app: &TestApp) -> i64 {
    count(app, "select count(*) from voice_states", &[]).await
}

/// The name of a socket's session as a number.
fn session(socket: &Socket) -> i64 {
    socket.ready["session_id"].as_str().expect("a name").parse().expect("a number")
}

fn user_id(user: &User) -> guildhall::id::UserId {
    user.id.parse().expect("an id")
}

story!(leaving_a_guild_or_being_shown_out_of_it_ends_it, |app| {
    let [ada, bob, cy, dee] = app.users(["ada", "bob", "cy", "dee"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let lounge = lounge(&ada, &guild).await;
    let mut hers = Socket::connect(&ada).await;

    for user in [&bob, &cy, &dee] {
        user.join(&guild).await;
        let mut his = Socket::connect(user).await;
        join(&mut his, &lounge).await;
        assert_told(&hers.event("voice_state").await, user, Some(&lounge));
        let member = format!("/guilds/{guild}/members/{}", user.id);
        match user.name.as_str() {
            "bob" => user.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204),
            "cy" => ada.delete(&member).await.expect(204),
            _ => ada.post(&format!("/guilds/{guild}/bans"), json!({"user_id": user.id})).await.expect(201),
        };
        assert_eq!(present(&app).await, 0, "in the same transaction");
        assert_told(&hers.event("voice_state").await, user, None);
        assert_told(&his.event("voice_state").await, user, Some(&lounge));
        assert_told(&his.event("voice_state").await, user, None);
        his.event("member_left").await;
    }
});

story!(deleting_the_channel_or_the_guild_ends_it, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let (first, second) = (lounge(&ada, &guild).await, lounge(&ada, &guild).await);
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;

    join(&mut his, &first).await;
    join(&mut hers, &second).await;
    ada.delete(&format!("/channels/{first}")).await.expect(204);
    assert_eq!(seen_by(&ada, &guild).await, [(ada.id.clone(), second.clone())]);
    for (user, channel) in [(&bob, Some(first.as_str())), (&ada, Some(second.as_str())), (&bob, None)] {
        assert_told(&his.event("voice_state").await, user, channel);
    }
    his.event("channel_deleted").await;

    ada.delete(&format!("/guilds/{guild}")).await.expect(204);
    assert_eq!(present(&app).await, 0);
    assert_told(&his.event("voice_state").await, &ada, None);
    his.event("guild_deleted").await;
});

story!(losing_the_right_to_be_there_ends_it, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let category = ada.make_channel(&guild, json!({"name": "c", "kind": "category"})).await;
    let lounge = ada.make_channel(&guild, json!({"name": "l", "kind": "voice", "parent_id": category})).await;
    let role = promote(&ada, &guild, &bob, &["CONNECT"]).await;
    let everyone = format!("/guilds/{guild}/roles/{guild}");
    let without = json!({"permissions": ["VIEW_CHANNEL"]});
    ada.patch(&everyone, without).await.expect(200);
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    join(&mut hers, &lounge).await;
    let soon = app.app.now().after(std::time::Duration::from_secs(600)).to_string();
    let of_category = format!("/channels/{category}/overwrites/{guild}");
    let member = format!("/guilds/{guild}/members/{}", bob.id);
    let own = format!("/channels/{lounge}/overwrites/{}", bob.id);
    let all = json!({"kind": "role", "deny": ["CONNECT"]});
    let him = json!({"kind": "member", "deny": ["VIEW_CHANNEL"]});

    for cause in ["overwrite", "category", "timeout", "role taken", "role changed", "role deleted"] {
        join(&mut his, &lounge).await;
        let held = seen_by(&ada, &guild).await;
        assert_eq!(held.len(), 2, "before {cause}");
        match cause {
            "overwrite" => drop(ada.put(&own, him.clone()).await.expect(200)),
            "category" => drop(ada.put(&of_category, all.clone()).await.expect(200)),
            "timeout" => drop(ada.patch(&member, json!({"timed_out_until": soon})).await.expect(200)),
            "role taken" => drop(ada.delete(&format!("{member}/roles/{role}")).await.expect(200)),
            "role changed" => {
                let change = json!({"permissions": []});
                ada.patch(&format!("/guilds/{guild}/roles/{role}"), change).await.expect(200);
            }
            _ => drop(ada.delete(&format!("/guilds/{guild}/roles/{role}")).await.expect(204)),
        }
        assert_eq!(seen_by(&ada, &guild).await, [(ada.id.clone(), lounge.clone())], "after {cause}");
        let told = rows(&app, &guild, "voice_state").await.pop().unwrap();
        assert_told(&told, &bob, None);
        match cause {
            "overwrite" => drop(ada.delete(&own).await.expect(204)),
            "category" => drop(ada.delete(&of_category).await.expect(204)),
            "timeout" => drop(ada.patch(&member, json!({"timed_out_until": null})).await.expect(200)),
            "role taken" => drop(ada.put(&format!("{member}/roles/{role}"), json!({})).await.expect(200)),
            "role changed" => {
                let change = json!({"permissions": ["CONNECT"]});
                ada.patch(&format!("/guilds/{guild}/roles/{role}"), change).await.expect(200);
            }
            _ => {}
        }
    }

    // Who gives the guild away holds what their roles say.
    join(&mut Socket::connect(&ada).await, &lounge).await;
    ada.post(&format!("/guilds/{guild}/transfer"), json!({"user_id": cy.id})).await.expect(200);
    assert_eq!(seen_by(&cy, &guild).await, []);
    assert_eq!(refused(&mut his, &lounge).await, "MISSING_PERMISSION");
});

story!(what_takes_no_right_ends_nothing, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let mut his = Socket::connect(&bob).await;
    join(&mut his, &lounge).await;

    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
    ada.except_everyone(&lounge, &guild, &[], &["SPEAK"]).await;
    ada.patch(&format!("/channels/{lounge}"), json!({"name": "Salon"})).await.expect(200);
    ada.patch(&format!("/guilds/{guild}/members/{}", bob.id), json!({"nick": "B"})).await.expect(200);
    ada.delete(&format!("/channels/{general}")).await.expect(204);

    assert_eq!(seen_by(&ada, &guild).await, [(bob.id.clone(), lounge)]);
    assert_eq!(rows(&app, &guild, "voice_state").await.len(), 1);
});

story!(who_loses_sight_of_the_channel_is_told_that_it_is_hidden_and_others_that_they_left, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let den = hidden_lounge(&ada, &guild, &[&bob]).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    join(&mut his, &den).await;
    hers.event("voice_state").await;
    his.event("voice_state").await;

    ada.delete(&format!("/channels/{den}/overwrites/{}", bob.id)).await.expect(204);

    assert_told(&hers.event("voice_state").await, &bob, None);
    assert_eq!(his.event("channel_hidden").await["channel_id"], den);
    his.nothing("voice_state").await;
});

story!(leaving_a_group_ends_it_there, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let group = ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id, cy.id]})).await.expect(201);
    let group = group["id"].as_str().unwrap().to_owned();
    let (mut hers, mut his, mut cys) =
        (Socket::connect(&ada).await, Socket::connect(&bob).await, Socket::connect(&cy).await);
    for socket in [&mut hers, &mut his, &mut cys] {
        join(socket, &group).await;
    }

    bob.delete(&format!("/channels/{group}/recipients/{}", bob.id)).await.expect(204);
    ada.delete(&format!("/channels/{group}/recipients/{}", cy.id)).await.expect(204);

    assert_eq!(seen_by(&ada, &group).await, [(ada.id.clone(), group.clone())]);
    for (user, channel) in [(&ada, Some(&group)), (&bob, Some(&group)), (&cy, Some(&group)), (&bob, None), (&cy, None)]
    {
        assert_told(&hers.event("voice_state").await, user, channel.map(String::as_str));
    }
    ada.delete(&format!("/channels/{group}/recipients/@me")).await.expect(204);
    assert_eq!(present(&app).await, 0);
});

story!(two_people_do_not_call_each_other_once_one_has_blocked_the_other, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let open = |ids: Vec<&str>| json!({"recipient_ids": ids});
    let call =
        ada.post("/users/@me/channels", open(vec![&bob.id])).await.expect(201)["id"].as_str().unwrap().to_owned();
    let group = ada.post("/users/@me/channels", open(vec![&bob.id, &cy.id])).await.expect(201);
    let group = group["id"].as_str().unwrap().to_owned();
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    join(&mut hers, &call).await;
    join(&mut his, &call).await;

    ada.post(&format!("/users/{}/block", bob.id), json!({})).await.expect(200);

    assert_eq!(present(&app).await, 0, "a block ends their call");
    for (user, channel) in [(&ada, Some(&call)), (&bob, Some(&call)), (&ada, None), (&bob, None)] {
        assert_told(&his.event("voice_state").await, user, channel.map(String::as_str));
    }
    let before = app.log_position().await;
    assert_eq!(refused(&mut hers, &call).await, "BLOCKED");
    assert_eq!(refused(&mut his, &call).await, "BLOCKED");
    assert_eq!(app.log_position().await, before);
    join(&mut his, &group).await;
    join(&mut hers, &group).await;
    ada.post(&format!("/users/{}/block", bob.id), json!({})).await.expect(200);
    assert_eq!(present(&app).await, 2, "others are in the group too");
    ada.delete(&format!("/users/{}/block", bob.id)).await.expect(204);
    join(&mut his, &call).await;
    // A block of somebody whom one never wrote to.
    cy.post(&format!("/users/{}/block", bob.id), json!({})).await.expect(200);
    assert_eq!(seen_by(&ada, &call).await, [(bob.id.clone(), call)]);
});

story!(a_session_that_goes_on_elsewhere_takes_its_place_along, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let (mut hers, mut old, new) =
        (Socket::connect(&ada).await, Socket::connect(&bob).await, Socket::connect(&bob).await);
    join(&mut old, &lounge).await;
    hers.event("voice_state").await;
    let before = app.log_position().await;
    let other = session(&new);

    leave_if_session(&app.app, user_id(&bob), other).await.unwrap();
    take_over(&app.app, user_id(&bob), session(&old), app.app.hub.voices.seat(other)).await.unwrap();
    for handle in app.app.hub.handles_of(user_id(&bob)) {
        app.app.hub.speaks(&handle);
    }
    take_over(&app.app, user_id(&ada), session(&hers), app.app.hub.voices.seat(other)).await.unwrap();
    leave_if_session(&app.app, user_id(&bob), session(&old)).await.unwrap();

    assert_eq!(app.log_position().await, before, "nobody is told");
    assert_eq!(seen_by(&ada, &guild).await, [(bob.id.clone(), lounge)]);
    drop(old);
    hers.nothing("voice_state").await;
    drop(new);
    assert_told(&hers.event("voice_state").await, &bob, None);
});

story!(a_place_that_was_given_after_its_socket_had_gone_is_taken_back, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    join(&mut hers, &lounge).await;
    join(&mut his, &lounge).await;
    let late = app.app.hub.voices.seat(99);
    take_over(&app.app, user_id(&bob), session(&his), late).await.unwrap();

    sweep(&app.app).await.unwrap();
    assert_eq!(present(&app).await, 2, "its session may go on elsewhere yet");
    sweep(&app.app).await.unwrap();

    assert_eq!(seen_by(&ada, &guild).await, [(ada.id.clone(), lounge)]);
    sweep(&app.app).await.unwrap();
    sweep(&app.app).await.unwrap();
    assert_eq!(present(&app).await, 1);
});

story!(a_place_of_a_node_that_nobody_goes_on_with_is_taken_back, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    join(&mut hers, &lounge).await;
    join(&mut his, &lounge).await;
    let seat = guildhall::voice::Seat { session: session(&his), node: 7, incarnation: 70 };
    take_over(&app.app, user_id(&bob), session(&his), seat).await.unwrap();

    sweep(&app.app).await.unwrap();

    assert_eq!(seen_by(&ada, &guild).await, [(ada.id.clone(), lounge)]);
    assert_told(&rows(&app, &guild, "voice_state").await.pop().unwrap(), &bob, None);
});

story!(whoever_took_part_through_a_node_that_is_gone_has_left, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let call = ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201);
    let call = call["id"].as_str().unwrap().to_owned();
    cy.join(&guild).await;
    let lounge = lounge(&ada, &guild).await;
    let (mut hers, mut his, mut cys) =
        (Socket::connect(&ada).await, Socket::connect(&bob).await, Socket::connect(&cy).await);
    join(&mut his, &call).await;
    join(&mut cys, &lounge).await;
    join(&mut hers, &lounge).await;
    for _ in 0..3 {
        hers.event("voice_state").await;
    }
    // Two of them come in through another node.
    for (user, socket) in [(&bob, &his), (&cy, &cys)] {
        let seat = guildhall::voice::Seat { session: session(socket), node: 7, incarnation: 70 };
        take_over(&app.app, user_id(user), session(socket), seat).await.unwrap();
    }

    forget_node(&app.app, 7, 69).await.unwrap();
    assert_eq!(present(&app).await, 3);
    forget_node(&app.app, 7, 70).await.unwrap();
    forget_node(&app.app, 7, 70).await.unwrap();

    let mut gone = [hers.event("voice_state").await, hers.event("voice_state").await];
    gone.sort_by_key(|state| state["user_id"].as_str().unwrap().to_owned());
    assert_told(&gone[0], &bob, None);
    assert_told(&gone[1], &cy, None);
    assert_eq!(seen_by(&ada, &guild).await, [(ada.id.clone(), lounge)]);
});

story!(a_server_that_starts_again_has_nobody_in_voice_from_before, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let lounge = lounge(&ada, &guild).await;
    let (mut hers, mut his) = (Socket::connect(&ada).await, Socket::connect(&bob).await);
    join(&mut hers, &lounge).await;
    join(&mut his, &lounge).await;
    let seat = app.app.hub.voices.seat(1);
    // On PostgreSQL somebody takes part through another node, which goes on.
    let elsewhere = guildhall::voice::Seat { session: session(&his), node: seat.node + 1, incarnation: 5 };
    take_over(&app.app, user_id(&bob), session(&his), elsewhere).await.unwrap();
    for _ in 0..2 {
        his.event("voice_state").await;
    }

    let again = App::beside(app.app.config.clone(), Clock::shifted()).await.expect("one more of it");
    assert_eq!(present(&app).await, 2, "the command line looks on");
    begin(&again, seat.node, seat.incarnation + 1).await.expect("a new run");

    let stays = i64::from(app.app.db.is_postgres());
    assert_eq!(present(&app).await, stays);
    let told = rows(&app, &guild, "voice_state").await;
    assert_eq!(told.len() as i64, 4 - stays);
    assert_told(&his.event("voice_state").await, &ada, None);
    again.shutdown.send_replace(Phase::Ended);
    again.db.close().await;
});
