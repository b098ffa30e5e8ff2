//! How long a socket lives: longer than its token, and no longer than its login.

use std::time::Duration;

use crate::story;
use crate::support::{Back, Cursors, PASSWORD, Socket, User, id_of, json};

/// How long sockets may go on once their login has ended: they are promised a second, and a busy machine gets more.
pub const SOON: Duration = Duration::from_secs(5);

/// What ends a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It signs out.
    Logout,
    /// Another device of the same person ends it.
    Deleted,
    /// Another device changes the password.
    Password,
    /// Who runs the server closes the account.
    Disabled,
}

impl End {
    /// All that end one.
    pub const ALL: [End; 4] = [End::Logout, End::Deleted, End::Password, End::Disabled];

    /// Ends the login of a phone; the desk is the only other device of the same person.
    pub async fn of(self, phone: &User, desk: &User, root: &User) {
        match self {
            End::Logout => drop(phone.post("/logout", json!({})).await.expect(200)),
            End::Deleted => {
                let sessions = desk.get("/users/@me/sessions").await.expect(200);
                let mut sessions = sessions["items"].as_array().expect("logins").iter();
                let other = sessions.find(|session| session["current"] == false).expect("the other one");
                desk.delete(&format!("/users/@me/sessions/{}", id_of(other))).await.expect(204);
            }
            End::Password => {
                let change = json!({"current_password": PASSWORD, "new_password": "battery staple"});
                desk.put("/users/@me/password", change).await.expect(204);
            }
            End::Disabled => {
                root.patch(&format!("/admin/users/{}", desk.id), json!({"disabled": true})).await.expect(200);
            }
        }
    }
}

story!(a_socket_outlives_its_token_and_coming_back_needs_a_new_one, |app| {
    let ([_, bob], _, general) = app.guild_of(["ada", "bob"]).await;
    let mut socket = Socket::connect(&bob).await;
    let cursors = Cursors::of(&socket.ready);

    app.advance(Duration::from_secs(20 * 60));
    bob.get("/users/@me/profile").await.problem(401, "UNAUTHENTICATED");
    let body = json!({"channel_id": general, "content": "Still here"});
    assert_eq!(socket.request("send_message", body).await.unwrap()["content"], "Still here");

    assert_eq!(Back::refused(&bob, cursors.json(), json!({})).await, 4004);
    let tokens = app.nobody().post("/auth/refresh", json!({"refresh_token": bob.refresh_token})).await.expect(200);
    let bob = bob.with_tokens(&tokens);
    let back = Back::with(&bob, &cursors, json!({"session_id": socket.ready["session_id"]})).await;
    assert_eq!(back.told(), ["message_created Still here"]);
    assert_eq!(socket.close_code().await, 4010);
});

story!(a_login_that_ends_takes_its_sockets_and_the_way_back_with_it, |app| {
    let [ada] = app.users(["ada"]).await;
    let phone = app.nobody().login("ada", PASSWORD).await;
    let (mut here, mut there) = (Socket::connect(&ada).await, Socket::connect(&phone).await);
    let cursors = Cursors::of(&there.ready);
    let sessions = ada.get("/users/@me/sessions").await.expect(200);
    let other = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    ada.delete(&format!("/users/@me/sessions/{}", other["id"].as_str().unwrap())).await.expect(204);

    assert_eq!(there.close_code().await, 4014);
    assert_eq!(Back::refused(&phone, cursors.json(), json!({})).await, 4004);
    here.event("session_revoked").await;
    here.request("typing", json!({"channel_id": "1"})).await.unwrap_err();
    let back = Back::from(&ada, &cursors).await;
    assert_eq!(back.told(), ["session_revoked"]);
});

story!(a_new_password_ends_the_other_logins, |app| {
    let [ada] = app.users(["ada"]).await;
    let phone = app.nobody().login("ada", PASSWORD).await;
    let (mut here, mut there) = (Socket::connect(&ada).await, Socket::connect(&phone).await);
    let change = json!({"current_password": PASSWORD, "new_password": "battery staple"});
    ada.put("/users/@me/password", change).await.expect(204);
    assert_eq!(there.close_code().await, 4014);
    here.request("typing", json!({"channel_id": "1"})).await.unwrap_err();
});

story!(whatever_ends_a_login_ends_all_its_sockets_soon, |app| {
    let root = app.administrator().await;
    let people = app.users(["ada", "bob", "cy", "dee"]).await;
    for (desk, end) in people.iter().zip(End::ALL) {
        let phone = app.nobody().login(&desk.name, PASSWORD).await;
        let mut here = Socket::connect(desk).await;
        let mut there = Vec::new();
        for subscribe in ["all", "none", "all"] {
            there.push(Socket::connect_with(&phone, subscribe).await);
        }

        end.of(&phone, desk, &root).await;

        let ending = async {
            for socket in &mut there {
                assert_eq!(socket.close_code().await, 4014, "{end:?}");
            }
        };
        let ended = tokio::time::timeout(SOON, ending).await;
        assert!(ended.is_ok(), "{end:?}: they are still there");
        match end {
            End::Disabled => assert_eq!(here.close_code().await, 4014),
            _ => drop(here.request("typing", json!({"channel_id": "1"})).await.unwrap_err()),
        }
    }
});
