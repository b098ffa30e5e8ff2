//! Members and who of them is there, over Socket.IO and both ways of travelling.

use crate::story;
use crate::support::{SocketIo, Travel, json};

story!(members_come_in_pages_and_are_watched_from_then_on, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    for (travel, other) in Travel::BOTH.into_iter().zip([&bob, &eve]) {
        let (guild, _) = ada.guild("Engines").await;
        other.join(&guild).await;
        let mut hers = SocketIo::connect(&ada, travel).await;

        let page = hers.request("request_members", json!({"guild_id": guild, "limit": 1})).await.unwrap();
        assert_eq!((&page["items"][0]["user"]["id"], &page["has_more"]), (&json!(ada.id), &json!(true)), "{travel:?}");
        let page = hers.request("request_members", json!({"guild_id": guild, "after": ada.id})).await.unwrap();
        assert_eq!((&page["items"][0]["user"]["id"], &page["has_more"]), (&json!(other.id), &json!(false)));
        assert_eq!(page["items"][0]["presence"], json!({"user_id": other.id, "status": "offline"}));

        let mut theirs = SocketIo::connect(other, travel).await;
        assert_eq!(hers.event("presence").await, json!({"user_id": other.id, "status": "online"}));
        for (said, shown) in [("dnd", "dnd"), ("invisible", "offline")] {
            let presence = json!({"user_id": other.id, "status": shown});
            assert_eq!(theirs.request("set_presence", json!({"status": said})).await.unwrap(), presence);
            assert_eq!(hers.event("presence").await, presence, "{travel:?}");
        }

        let refused = hers.request("request_members", json!({"guild_id": "1"})).await.unwrap_err();
        assert_eq!(refused["code"], "NOT_FOUND");
        let refused = theirs.request("set_presence", json!({"status": "asleep"})).await.unwrap_err();
        assert_eq!(refused["code"], "INVALID_FIELDS");
    }
});
