//! The first minute with Guildhall: an account, a guild, a message that somebody else receives.

use crate::story;
use crate::support::{Socket, json};

story!(a_message_reaches_a_second_client, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    let mut ears = Socket::connect(&bob).await;
    assert_eq!(ears.ready["user"]["username"], "bob");

    let sent = ada.say(&general, "Hello, <@1>!").await;

    let event = ears.event_frame("message_created").await;
    assert_eq!(event["g"], guild);
    assert_eq!(event["d"], sent);
    assert_eq!(event["d"]["author"]["username"], "ada");
    assert_eq!(bob.get(&format!("/channels/{general}/messages")).await.expect(200)["items"][0], sent);
});

story!(a_message_sent_over_a_socket_is_acknowledged_and_received, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut hers = Socket::connect(&ada).await;
    let mut his = Socket::connect_with(&bob, "none").await;
    his.request("join_room", json!({"room": format!("channel:{general}")})).await.unwrap();

    hers.request("typing", json!({"channel_id": general})).await.unwrap();
    assert_eq!(his.event("typing").await["user_id"], ada.id);
    let acknowledged = hers.request("send_message", json!({"channel_id": general, "content": "hi"})).await.unwrap();

    assert_eq!(his.event("message_created").await, acknowledged);
    assert_eq!(hers.event("message_created").await, acknowledged);
});

story!(clients_of_the_first_documentation_work_unchanged, |app| {
    let nobody = app.nobody();
    let account = json!({"username": "newuser", "password": "password", "email": "newuser@example.com"});

    let user = nobody.post("//register", account).await.expect(201);

    assert_eq!(user["username"], "newuser");
    assert_eq!(user["email"], "newuser@example.com");
    let tokens = nobody.post("//login", json!({"username": "newuser", "password": "password"})).await.expect(200);
    assert_eq!(tokens["user"], user);
});
