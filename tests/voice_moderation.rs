//! What moderators do in voice: mute, deafen, move and show out.

use crate::guilds_cast::{actions, give, promote, role_on_top, rows};
use crate::story;
use crate::support::{Socket, User, json};
use crate::voice_cast::{assert_told, hidden_lounge, join, lounge, seen_by};

fn at(guild: &str, user: &User) -> String {
    format!("/guilds/{guild}/members/{}", user.id)
}

story!(a_moderator_mutes_and_deafens_and_it_stays_with_the_member, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let lounge = lounge(&ada, &guild).await;
    promote(&ada, &guild, &cy, &["MUTE_MEMBERS"]).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;
    join(&mut his, &lounge).await;
    hers.event("voice_state").await;
    his.request("voice_state", json!({"channel_id": lounge, "speaking": true})).await.unwrap();
    hers.event("voice_state").await;

    let muted = cy.patch(&at(&guild, &bob), json!({"muted": true})).await.expect(200);

    assert_eq!((&muted["muted"], &muted["deafened"]), (&json!(true), &json!(false)));
    let told = hers.event_frame("voice_state").await;
    assert_eq!((&told["d"]["server_muted"], &told["d"]["muted"]), (&json!(true), &json!(false)));
    assert_eq!((told["s"].is_i64(), &told["d"]["speaking"]), (true, &json!(false)));
    assert_eq!(hers.event("member_updated").await, muted);
    let speaks = his.request("voice_state", json!({"channel_id": lounge, "speaking": true})).await.unwrap();
    assert_eq!((&speaks["speaking"], &speaks["server_muted"]), (&json!(false), &json!(true)));
    hers.nothing("voice_state").await;
    let entry = ada.get(&format!("/guilds/{guild}/audit-log?limit=1")).await.expect(200)["items"][0].clone();
    assert_eq!((&entry["action"], &entry["actor_id"]), (&json!("member_mute"), &json!(cy.id)), "{entry}");
    assert_eq!(entry["changes"], json!([{"key": "muted", "old": false, "new": true}]));

    // It is so in every channel of the guild, and after a detour.
    his.request("leave_voice", json!({"channel_id": lounge})).await.unwrap();
    assert_eq!(join(&mut his, &lounge).await["server_muted"], true);
    bob.delete(&format!("/guilds/{guild}/members/@me")).await.expect(204);
    let back = bob.put(&format!("/guilds/{guild}/members/@me"), json!({})).await.expect(201);
    assert_eq!((&back["muted"], &back["deafened"]), (&json!(true), &json!(false)));
    assert_eq!(bob.get(&at(&guild, &bob)).await.expect(200), back);
    assert_eq!(join(&mut his, &lounge).await["server_muted"], true);

    let before = app.log_position().await;
    cy.patch(&at(&guild, &bob), json!({"muted": true})).await.expect(200);
    cy.patch(&at(&guild, &bob), json!({"deafened": true})).await.problem(403, "MISSING_PERMISSION");
    bob.patch(&at(&guild, &cy), json!({"muted": true})).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);
    let both = ada.patch(&at(&guild, &bob), json!({"muted": false, "deafened": true})).await.expect(200);
    assert_eq!((&both["muted"], &both["deafened"]), (&json!(false), &json!(true)));
    let state = rows(&app, &guild, "voice_state").await.pop().unwrap();
    assert_eq!((&state["server_muted"], &state["server_deafened"]), (&json!(false), &json!(true)));
    // Nobody is in voice elsewhere by being muted.
    ada.patch(&at(&guild, &cy), json!({"muted": true})).await.expect(200);
    assert_eq!(seen_by(&ada, &guild).await, [(bob.id.clone(), lounge)]);
});

story!(who_stands_higher_is_not_muted, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let role = promote(&ada, &guild, &bob, &["MUTE_MEMBERS", "DEAFEN_MEMBERS", "MOVE_MEMBERS"]).await;
    give(&ada, &guild, &cy, &role).await;
    let before = app.log_position().await;

    for change in [json!({"muted": true}), json!({"deafened": true})] {
        bob.patch(&at(&guild, &ada), change.clone()).await.problem(403, "OWNER_PROTECTED");
        bob.patch(&at(&guild, &cy), change.clone()).await.problem(403, "ROLE_TOO_HIGH");
        bob.patch(&at(&guild, &bob), change.clone()).await.problem(403, "FORBIDDEN");
        ada.patch(&at(&guild, &ada), change).await.problem(403, "OWNER_PROTECTED");
    }
    bob.patch(&at(&guild, &ada), json!({"voice_channel_id": null})).await.problem(403, "OWNER_PROTECTED");
    bob.patch(&at(&guild, &cy), json!({"voice_channel_id": null})).await.problem(403, "ROLE_TOO_HIGH");
    assert_eq!(app.log_position().await, before);

    let administrators = role_on_top(&ada, &guild, "administrators", &["ADMINISTRATOR"]).await;
    give(&ada, &guild, &cy, &administrators).await;
    ada.patch(&at(&guild, &cy), json!({"muted": true})).await.problem(403, "ROLE_TOO_HIGH");
});

story!(a_moderator_moves_people_and_shows_them_out, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, general) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let here = lounge(&ada, &guild).await;
    let booth = json!({"name": "Booth", "kind": "voice", "user_limit": 1});
    let there = ada.make_channel(&guild, booth).await;
    let den = hidden_lounge(&ada, &guild, &[&cy]).await;
    promote(&ada, &guild, &cy, &["MOVE_MEMBERS"]).await;
    let mut hers = Socket::connect(&ada).await;
    join(&mut hers, &there).await;
    let mut his = Socket::connect(&bob).await;
    join(&mut his, &here).await;
    let bobs = at(&guild, &bob);
    let to = |channel: &str| json!({"voice_channel_id": channel});

    // Limits don't hold for those who are brought.
    cy.patch(&bobs, to(&there)).await.expect(200);
    for channel in [Some(&here), None, Some(&there)] {
        assert_told(&his.event("voice_state").await, &bob, channel.map(String::as_str));
    }
    assert_eq!(actions(&ada, &guild).await[0], "member_move");
    let before = app.log_position().await;
    cy.patch(&bobs, to(&there)).await.expect(200);
    assert_eq!(cy.patch(&bobs, to("1")).await.faults(), ["/voice_channel_id"]);
    assert_eq!(cy.patch(&bobs, to(&den)).await.faults(), ["/voice_channel_id"], "he doesn't see it");
    cy.patch(&bobs, to(&general)).await.problem(422, "WRONG_CHANNEL_KIND");
    assert_eq!(cy.patch(&at(&guild, &cy), to(&here)).await.faults(), ["/voice_channel_id"], "she is in none");
    cy.patch(&at(&guild, &cy), json!({"voice_channel_id": null})).await.expect(200);
    bob.patch(&at(&guild, &cy), json!({"voice_channel_id": null})).await.problem(403, "ROLE_TOO_HIGH");
    bob.patch(&bobs, to(&here)).await.problem(403, "MISSING_PERMISSION");
    ada.except(&here, &cy, &[], &["MOVE_MEMBERS"]).await;
    let before = before + 1;
    cy.patch(&bobs, to(&here)).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);

    cy.patch(&bobs, json!({"voice_channel_id": null, "nick": null})).await.problem(403, "MISSING_PERMISSION");
    let still = seen_by(&ada, &guild).await;
    assert!(still.contains(&(bob.id.clone(), there.clone())), "nothing or all: {still:?}");
    cy.patch(&bobs, json!({"voice_channel_id": null})).await.expect(200);
    assert_told(&his.event("voice_state").await, &bob, None);
    assert_eq!(actions(&ada, &guild).await[0], "member_disconnect");
    assert_eq!(rows(&app, &guild, "member_updated").await.len(), 1, "the role alone changed a member");
});

story!(a_moderator_who_does_not_see_the_channel_learns_nothing, |app| {
    let [ada, bob, cy] = app.users(["ada", "bob", "cy"]).await;
    let (guild, _) = ada.guild("Engines").await;
    for user in [&bob, &cy] {
        user.join(&guild).await;
    }
    let den = hidden_lounge(&ada, &guild, &[&bob]).await;
    let open = lounge(&ada, &guild).await;
    promote(&ada, &guild, &cy, &["MOVE_MEMBERS"]).await;
    let mut his = Socket::connect(&bob).await;
    join(&mut his, &den).await;
    let before = app.log_position().await;

    cy.patch(&at(&guild, &bob), json!({"voice_channel_id": null})).await.expect(200);
    let moved = cy.patch(&at(&guild, &bob), json!({"voice_channel_id": open})).await;
    assert_eq!(moved.faults(), ["/voice_channel_id"]);

    assert_eq!(app.log_position().await, before);
    assert_eq!(seen_by(&bob, &guild).await, [(bob.id.clone(), den)]);
});
