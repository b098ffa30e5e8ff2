//! What sockets hear of channels that come and go, and of those that come into sight and leave it.

use crate::story;
use crate::support::{Socket, id_of, json};

story!(a_channel_is_hidden_before_anything_later_and_shown_again, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let other = ada.make_channel(&guild, json!({"name": "other", "kind": "text"})).await;
    let mut ears = Socket::connect(&bob).await;

    ada.say(&general, "seen").await;
    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL"]).await;
    ada.say(&general, "unseen").await;
    ada.say(&other, "elsewhere").await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        let frame = ears.frame().await;
        heard.push((frame["t"].clone(), frame["d"]["content"].clone(), frame["d"]["channel_id"].clone()));
    }
    assert_eq!(heard[0], (json!("message_created"), json!("seen"), json!(general)));
    assert_eq!(heard[1], (json!("channel_hidden"), json!(null), json!(general)));
    assert_eq!(heard[2], (json!("message_created"), json!("elsewhere"), json!(other)));

    ada.delete(&format!("/channels/{general}/overwrites/{guild}")).await.expect(204);
    ada.say(&general, "seen again").await;
    let shown = ears.frame().await;
    assert_eq!((&shown["t"], &shown["d"]["channel_id"]), (&json!("channel_shown"), &json!(general)));
    let whole = ada.get(&format!("/channels/{general}")).await.expect(200);
    assert_eq!((&shown["d"]["guild_id"], &shown["d"]["channel"]), (&json!(guild), &whole));
    let updated = ears.frame().await;
    assert_eq!((&updated["t"], &updated["d"]["id"]), (&json!("channel_updated"), &json!(general)));
    assert_eq!(ears.event("message_created").await["content"], "seen again");
});

story!(a_category_hides_its_channels_and_their_threads_with_it, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let category = ada.make_channel(&guild, json!({"name": "c", "kind": "category"})).await;
    let talk = ada.make_channel(&guild, json!({"name": "talk", "kind": "text", "parent_id": category})).await;
    let thread = id_of(&ada.post(&format!("/channels/{talk}/threads"), json!({"name": "t"})).await.expect(201));
    let mut ears = Socket::connect(&bob).await;

    ada.except_everyone(&category, &guild, &[], &["VIEW_CHANNEL"]).await;

    let mut hidden = Vec::new();
    for _ in 0..3 {
        let frame = ears.frame().await;
        assert_eq!(frame["t"], "channel_hidden");
        hidden.push(frame["d"]["channel_id"].as_str().unwrap().to_owned());
    }
    hidden.sort_unstable();
    let mut expected = [category, talk.clone(), thread];
    expected.sort_unstable();
    assert_eq!(hidden, expected);
    ada.patch(&format!("/channels/{talk}"), json!({"name": "secret"})).await.expect(200);
    ears.nothing("channel_updated").await;
});

story!(channels_that_come_and_go_are_told_to_those_who_see_them, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;

    let secret = json!({"name": "secret", "kind": "text", "overwrites": [
        {"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]}]});
    ada.make_channel(&guild, secret).await;
    let talk = ada.make_channel(&guild, json!({"name": "talk", "kind": "text"})).await;
    let thread = id_of(&ada.post(&format!("/channels/{talk}/threads"), json!({"name": "t"})).await.expect(201));
    ada.delete(&format!("/channels/{talk}")).await.expect(204);

    for (name, id) in [("channel_created", &talk), ("channel_created", &thread)] {
        let frame = ears.frame().await;
        assert_eq!((&frame["t"], &frame["d"]["id"]), (&json!(name), &json!(id)));
    }
    assert_eq!(ears.frame().await["d"]["kind"], "thread", "the notice in the channel");
    for id in [&thread, &talk] {
        let frame = ears.frame().await;
        assert_eq!((&frame["t"], &frame["d"]["id"]), (&json!("channel_deleted"), &json!(id)));
    }
    ears.nothing("channel_hidden").await;
});

story!(webhooks_are_told_to_those_who_manage_them_alone, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect(&bob).await;

    let hook = ada.post(&format!("/channels/{general}/webhooks"), json!({"name": "w"})).await.expect(201);
    ada.delete(&format!("/webhooks/{}", id_of(&hook))).await.expect(204);

    let created = hers.event("webhook_created").await;
    assert_eq!((&created["id"], created.get("token")), (&hook["id"], None));
    assert_eq!(hers.event("webhook_deleted").await["id"], hook["id"]);
    his.nothing("webhook_created").await;
    his.nothing("webhook_deleted").await;
});

story!(a_role_that_comes_and_goes_shows_and_hides_channels, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let secret = ada
        .make_channel(
            &guild,
            json!({"name": "secret", "kind": "text", "overwrites": [
        {"target_id": guild, "kind": "role", "deny": ["VIEW_CHANNEL"]}]}),
        )
        .await;
    let role = ada.make_role(&guild, &[], &bob).await;
    let allow = json!({"kind": "role", "allow": ["VIEW_CHANNEL"]});
    ada.put(&format!("/channels/{secret}/overwrites/{role}"), allow).await.expect(200);
    let mut ears = Socket::connect(&bob).await;
    let given = format!("/guilds/{guild}/members/{}/roles/{role}", bob.id);

    ada.delete(&given).await.expect(200);
    ada.say(&secret, "unseen").await;
    ada.put(&given, json!({})).await.expect(200);
    ada.say(&secret, "seen").await;

    assert_eq!(ears.event("channel_hidden").await["channel_id"], secret);
    assert_eq!(ears.event("channel_shown").await["channel_id"], secret);
    assert_eq!(ears.event("message_created").await["content"], "seen");
});
