//! History: pages in the order of the log, whichever way they are turned.

use crate::messages_cast::{channel, id, ids, quiet_guild};
use crate::story;
use crate::support::{User, json};

/// Turns pages of this size as long as there are more; answers what stood on them, page by page.
async fn turn(reader: &User, channel: &str, way: &str, from: Option<&str>, limit: usize) -> Vec<Vec<String>> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut anchor = from.map(str::to_owned);
    loop {
        let query = anchor.as_ref().map(|id| format!("&{way}={id}")).unwrap_or_default();
        let page = reader.get(&format!("/channels/{channel}/messages?limit={limit}{query}")).await.expect(200);
        let there = ids(&page);
        anchor = if way == "before" { there.last() } else { there.first() }.cloned();
        let more = page["has_more"] == true;
        pages.push(there);
        if !more {
            return pages;
        }
    }
}

story!(pages_hold_everything_once_whichever_way_they_are_turned, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = quiet_guild(&ada, "Engines").await;
    let mut said = Vec::new();
    for i in 0..250 {
        said.push(id(&ada.say(&general, &i.to_string()).await));
    }
    let gone: Vec<String> = said.iter().skip(5).step_by(10).cloned().collect();
    for message in &gone {
        ada.delete(&format!("/messages/{message}")).await.expect(204);
    }
    let left: Vec<String> = said.iter().filter(|id| !gone.contains(id)).cloned().collect();
    let newest_first: Vec<String> = left.iter().rev().cloned().collect();

    for limit in [1, 7, 50, 100] {
        let limit_or_fewer = if limit == 1 { 7 } else { limit };
        let back = turn(&ada, &general, "before", None, limit_or_fewer).await;
        assert_eq!(back.concat(), newest_first);
        let full = back.iter().rev().skip(1).all(|page| page.len() == limit_or_fewer);
        assert!(full, "deleted rows don't shorten pages");
        let forth = turn(&ada, &general, "after", Some(&gone[0]), limit_or_fewer).await;
        let forth: Vec<String> = forth.into_iter().rev().flatten().collect();
        let expected = newest_first.iter().filter(|id| said[5..].contains(id)).cloned();
        assert_eq!(forth, expected.collect::<Vec<_>>(), "a tombstone is an anchor too");
    }
    let whole = ada.get(&format!("/channels/{general}/messages?limit=100")).await.expect(200);
    assert_eq!(ids(&whole), newest_first[..100]);
    let default = ada.get(&format!("/channels/{general}/messages")).await.expect(200);
    assert_eq!(ids(&default), newest_first[..50]);
});

story!(a_page_around_a_message_has_it_in_the_middle, |app| {
    let [ada] = app.users(["ada"]).await;
    let (_, general) = quiet_guild(&ada, "Engines").await;
    let mut said = Vec::new();
    for i in 0..30 {
        said.push(id(&ada.say(&general, &i.to_string()).await));
    }
    let around = async |anchor: usize, limit: usize| {
        let path = format!("/channels/{general}/messages?around={}&limit={limit}", said[anchor]);
        let page = ada.get(&path).await.expect(200);
        let mut there = ids(&page);
        there.reverse();
        (there, page["has_more"] == true)
    };

    assert_eq!(around(15, 11).await, (said[10..21].to_vec(), true));
    assert_eq!(around(15, 10).await, (said[11..21].to_vec(), true));
    assert_eq!(around(15, 1).await, (said[15..16].to_vec(), true));
    assert_eq!(around(29, 10).await, (said[20..30].to_vec(), true), "where one side ends the other gives more");
    assert_eq!(around(0, 10).await, (said[0..10].to_vec(), true));
    assert_eq!(around(15, 100).await, (said.clone(), false));
    ada.delete(&format!("/messages/{}", said[15])).await.expect(204);
    let without: Vec<String> = [&said[10..15], &said[16..21]].concat();
    assert_eq!(around(15, 10).await, (without, true), "around a tombstone");
});

story!(pages_stand_still_while_people_write, |app| {
    let [ada, bob] = app.users(["ada", "bob"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    bob.join(&guild).await;
    let mut said = Vec::new();
    for i in 0..60 {
        said.push(id(&ada.say(&general, &i.to_string()).await));
    }
    let writing = tokio::spawn({
        let (bob, general) = (bob.clone(), general.clone());
        async move {
            for i in 0..60 {
                bob.say(&general, &format!("meanwhile {i}")).await;
            }
        }
    });
    let first = id(&ada.get(&format!("/channels/{general}/messages?limit=1")).await.expect(200)["items"][0]);

    let pages = turn(&ada, &general, "before", Some(&first), 7).await.concat();

    writing.await.expect("bob is done");
    let expected: Vec<String> = said.iter().rev().cloned().collect();
    let old: Vec<String> = pages.iter().filter(|id| said.contains(id)).cloned().collect();
    let all = turn(&ada, &general, "before", None, 100).await.concat();
    let from = all.iter().position(|id| *id == first).expect("the first one") + 1;
    assert_eq!(pages, all[from..], "nothing twice, nothing left out, nothing new");
    assert_eq!(old.len() + usize::from(said.contains(&first)), expected.len());
});

story!(a_page_that_cannot_be_is_refused, |app| {
    let [ada, eve] = app.users(["ada", "eve"]).await;
    let (guild, general) = quiet_guild(&ada, "Engines").await;
    let other = channel(&ada, &guild).await;
    let here = id(&ada.say(&general, "here").await);
    let there = id(&ada.say(&other, "there").await);
    let path = format!("/channels/{general}/messages");

    for query in [
        format!("before={here}&after={here}"),
        format!("around={here}&after={here}"),
        "limit=0".into(),
        "limit=101".into(),
        "limit=many".into(),
        "before=01".into(),
        "after=x".into(),
        "page=2".into(),
        format!("before={here}&before={here}"),
    ] {
        ada.get(&format!("{path}?{query}")).await.problem(400, "INVALID_QUERY");
    }
    for foreign in [there.as_str(), "123"] {
        for way in ["before", "after", "around"] {
            ada.get(&format!("{path}?{way}={foreign}")).await.problem(404, "NOT_FOUND");
        }
    }
    eve.get(&path).await.problem(404, "NOT_FOUND");
    app.nobody().get(&path).await.problem(401, "UNAUTHENTICATED");
    eve.get(&format!("/messages/{here}")).await.problem(404, "NOT_FOUND");
    assert_eq!(ada.get(&format!("{path}?after={here}")).await.expect(200), json!({"items": [], "has_more": false}));
});
