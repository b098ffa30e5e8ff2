//! Messages that wait for moderators: how they are read.

use crate::guilds_cast::{id, promote};
use crate::messages_cast::{channel, ids};
use crate::plugin_story;
use crate::plugins_moderation::{held, on_casino, watch};
use crate::support::{Socket, TestApp, User, json};

/// Ada's guild, where what bob says of casinos waits. Mo moderates all but the second channel, which he doesn't see,
/// and eve that one alone.
async fn casino(app: &TestApp) -> ([User; 4], String, [String; 2]) {
    let (people, guild, general) = app.guild_of(["ada", "bob", "mo", "eve"]).await;
    let [ada, _, mo, eve] = &people;
    let side = channel(ada, &guild).await;
    promote(ada, &guild, mo, &["MANAGE_MESSAGES"]).await;
    ada.except(&side, mo, &[], &["VIEW_CHANNEL"]).await;
    ada.except(&side, eve, &["MANAGE_MESSAGES"], &[]).await;
    watch(ada, &guild, on_casino("hold")).await;
    (people, guild, [general, side])
}

/// What somebody reads of what waits, page by page.
async fn pages(reader: &User, guild: &str, limit: usize) -> Vec<Vec<String>> {
    let (mut pages, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/guilds/{guild}/held-messages?limit={limit}{before}");
        let page = reader.get(&path).await.expect(200);
        let on_it = ids(&page);
        before = format!("&before={}", on_it.last().expect("something is on it"));
        pages.push(on_it);
        if page["has_more"] == false {
            return pages;
        }
    }
}

plugin_story!(what_waits_is_read_page_by_page, |app| {
    let ([ada, bob, mo, eve], guild, [general, side]) = casino(&app).await;
    let (mut all, mut seen, mut aside) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..9 {
        let hidden = at % 3 == 1;
        let place = if hidden { &side } else { &general };
        let waits = id(&held(&ada, &bob, &guild, place, &format!("Casino {at}")).await);
        all.insert(0, waits.clone());
        if hidden { &mut aside } else { &mut seen }.insert(0, waits);
    }

    assert_eq!(pages(&ada, &guild, 3).await, all.chunks(3).collect::<Vec<_>>());
    assert_eq!(pages(&mo, &guild, 4).await, seen.chunks(4).collect::<Vec<_>>(), "what is hidden takes no place");
    assert_eq!(pages(&eve, &guild, 4).await, [aside], "she moderates that channel alone");
    bob.get(&format!("/guilds/{guild}/held-messages")).await.problem(403, "MISSING_PERMISSION");

    // Whoever reads on finds the rest, whatever comes and goes meanwhile.
    ada.post(&format!("/held-messages/{}/reject", all[1]), json!({})).await.expect(204);
    held(&ada, &bob, &guild, &general, "One more casino").await;
    let path = format!("/guilds/{guild}/held-messages");
    let rest = ada.get(&format!("{path}?before={}", all[2])).await.expect(200);
    assert_eq!((ids(&rest), &rest["has_more"]), (all[3..].to_vec(), &json!(false)));
    for limit in [0, 101] {
        ada.get(&format!("{path}?limit={limit}")).await.problem(400, "INVALID_QUERY");
    }
});

plugin_story!(who_moderates_a_channel_hears_of_what_waits_there, |app| {
    let ([ada, bob, mo, eve], guild, [general, side]) = casino(&app).await;
    let (mut his, mut hers) = (Socket::connect(&mo).await, Socket::connect(&eve).await);

    let hidden = id(&held(&ada, &bob, &guild, &side, "A casino").await);
    let seen = id(&held(&ada, &bob, &guild, &general, "A casino").await);
    for waits in [&hidden, &seen] {
        ada.post(&format!("/held-messages/{waits}/reject"), json!({})).await.expect(204);
    }

    for event in ["message_held", "message_released"] {
        assert_eq!(his.event(event).await["id"], seen, "he doesn't see the other channel");
        assert_eq!(hers.event(event).await["id"], hidden, "she moderates that one");
    }
    hers.nothing("message_held").await;
});
