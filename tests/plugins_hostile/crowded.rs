//! What becomes of calls where there isn't room for all: of places, of what a minute allows, of storage, and where
//! others are always faster.

use std::time::Duration;

use futures_util::future::join_all;
use guildhall::plugins::engine::Engine;

use crate::guilds_cast::{number, tamper};
use crate::plugins_events::until;
use crate::support::{Value, json};

use super::guest;
use super::yard::{Place, Yard};

/// One plugin has more timers than are looked at together, all of them older than another one's.
pub async fn many_timers_keep_nobody_from_theirs(yard: &Yard<'_>) {
    let [many, one] = [yard.place("hostile.none").await, yard.place("hostile.none").await];
    for place in [&many, &one] {
        // Each timer leaves a line that says when its turn was.
        yard.set(place, json!({"fault": "error-refused", "hook": "scheduled"})).await;
    }
    let timers = "insert into plugin_timers (installation_id, id, at, payload)
        with recursive numbers (number) as (select 0 union all select number + 1 from numbers where number < 300)
        select case when number = 0 then $2 else $1 end, 't' || number, case when number = 0 then 2 else 1 end, $3
        from numbers";
    tamper(yard.app, timers, &[&number(&many.installation), &number(&one.installation), &Vec::<u8>::new()]).await;

    // Whatever is installed anywhere, timers are looked at then.
    yard.close(yard.place("hostile.none").await).await;

    until("the one timer rings", async || yard.failure(&one, "scheduled", 0).await.0 == "FAILED").await;
    let before = "select count(*) from plugin_logs
        where installation_id = $1 and id < (select min(id) from plugin_logs where installation_id = $2)";
    let mut conn = yard.app.app.db.read().await.unwrap();
    let (many_id, one_id) = (number(&many.installation), number(&one.installation));
    let (before,): (i64,) = conn.one(before, &[&many_id, &one_id]).await.unwrap();
    assert!(before < 100, "{before} of the other's came first");
    yard.close(many).await;
    yard.nobody_noticed("many timers").await;
}

/// All places are taken but those that are kept for filters: these run, and whatever else finds none in time comes
/// to nothing.
pub async fn filters_have_places_of_their_own(yard: &Yard<'_>) {
    let [filter, hurried] = [yard.place("hostile.none").await, yard.place("hostile.hurried").await];
    yard.goes_well("a filter", async || filters(yard, &filter).await).await;
    yard.goes_well("a request in a hurry", async || answers(yard, &hurried).await).await;
    let before = yard.log(&hurried).await.len();
    let settings = &yard.app.app.config.plugins;
    let engine = Engine::shared(settings).expect("an engine");
    // More than there are: so it goes on taking whatever others give back.
    let mut taken = Box::pin(engine.others.acquire_many(settings.instances));
    assert!(tokio::time::timeout(Duration::ZERO, taken.as_mut()).await.is_err());

    yard.goes_well("a filter where nothing else finds a place", async || filters(yard, &filter).await).await;
    let refused = yard.ask(&hurried, "").await;

    drop(taken);
    refused.problem(503, "UNAVAILABLE");
    let logged = yard.failure(&hurried, "http-routes", before).await;
    assert_eq!(logged, ("FULL".to_owned(), "no slot was free in time".to_owned()));
    yard.goes_well("a request once there are places again", async || answers(yard, &hurried).await).await;
    yard.nobody_noticed("places that were all taken").await;
}

/// An installation has as many calls under way as it may, and none of them ends by itself: its filter is asked all the
/// same.
pub async fn its_other_calls_keep_no_filter_waiting(yard: &Yard<'_>) {
    let place = yard.place("hostile.hurried").await;
    yard.set(&place, json!({"fault": "loop", "hook": "http-routes"})).await;
    let mut looping = Box::pin(join_all((0..40).map(|_| yard.ask(&place, ""))));

    loop {
        tokio::select! {
            answers = &mut looping => {
                assert!(answers.iter().all(|answer| answer.status >= 500), "they were broken off");
                break;
            }
            () = yard.goes_well("a filter beside loops", async || filters(yard, &place).await) => {}
        }
    }

    let throttled = |line: &Value| line["code"] == "THROTTLED" && line["hook"] == "filter-message";
    assert!(!yard.log(&place).await.iter().any(throttled));
    yard.nobody_noticed("as many loops as there may be").await;
}

async fn filters(yard: &Yard<'_>, place: &Place) -> Result<(), String> {
    let said = yard.ada.post(&format!("/channels/{}/messages", place.general), json!({"content": "storm"})).await;
    if said.body["content"] == "calm" { Ok(()) } else { Err(said.text) }
}

async fn answers(yard: &Yard<'_>, place: &Place) -> Result<(), String> {
    let answered = guest::ask(yard, place).await;
    if answered == "200 " { Ok(()) } else { Err(answered) }
}

/// A call that would say more than a minute allows says nothing of it.
pub async fn a_minute_allows_so_much(yard: &Yard<'_>) {
    let place = yard.place("hostile.none").await;
    yard.set(&place, json!({"fault": "many-messages"})).await;
    let (query, path) = (format!("?channel={}", place.general), format!("/channels/{}/messages", place.general));
    let said = async || {
        let page = yard.ada.get(&format!("{path}?limit=100")).await.expect(200);
        page["items"].as_array().unwrap().iter().filter(|one| one["content"] == "hello").count()
    };
    yard.ask(&place, &query).await.expect(200);
    assert_eq!((said().await, yard.failure(&place, "http-routes", 0).await.0), (40, String::new()));

    yard.ask(&place, &query).await.problem(429, "RATE_LIMITED");

    assert_eq!(yard.failure(&place, "http-routes", 0).await.0, "THROTTLED");
    assert_eq!(said().await, 40);
    yard.set(&place, json!({"fault": "reach-send"})).await;
    yard.ask(&place, &query).await.expect(200);
    assert_eq!(said().await, 41, "what it may still say it says");
    yard.nobody_noticed("a plugin that says too much").await;
}

/// What was kept for a while gives its room back.
pub async fn what_expires_makes_room_again(yard: &Yard<'_>) {
    let place = yard.place("hostile.none").await;
    yard.set(&place, json!({"fault": "kv-full-for-a-while"})).await;
    assert_eq!(guest::ask(yard, &place).await, "200 ");
    assert_eq!(guest::ask(yard, &place).await, "502 PLUGIN_FAILED");
    let logged = yard.failure(&place, "http-routes", 0).await;
    assert_eq!(logged, ("REFUSED".to_owned(), "quota: kv.bytes".to_owned()));

    yard.app.advance(Duration::from_secs(61));
    guildhall::housekeeping::round(&yard.app.app).await.expect("a round");

    assert_eq!(guest::ask(yard, &place).await, "200 ");
    yard.nobody_noticed("what expired").await;
}

/// A call that others overtake is run again, and at last alone.
pub async fn whoever_is_overtaken_goes_alone_at_last(yard: &Yard<'_>) {
    let place = yard.place("hostile.none").await;
    yard.set(&place, json!({"fault": "overtaken", "hook": "scheduled"})).await;

    let failed = tokio::select! {
        failed = yard.call(&place, rings("t")) => failed,
        () = overtake(yard, &place) => None,
    };

    assert_eq!((failed, attempt(yard, &place).await.as_deref()), (None, Some("4")));
    yard.nobody_noticed("a call that was overtaken").await;
}

/// If what it reads changes even then, it comes to nothing.
pub async fn whoever_is_always_overtaken_gives_up(yard: &Yard<'_>) {
    let place = yard.place("hostile.none").await;
    yard.set(&place, json!({"fault": "always-overtaken", "hook": "scheduled"})).await;
    assert_eq!(yard.call(&place, rings("other")).await, None);

    let failed = tokio::select! {
        failed = yard.call(&place, rings("t")) => failed,
        () = change_behind_its_back(yard, &place) => None,
    };

    assert_eq!((failed.as_deref(), attempt(yard, &place).await), (Some("CONFLICT"), None));
    let logged = yard.failure(&place, "scheduled", 0).await;
    assert_eq!(logged, ("CONFLICT".to_owned(), "others were always faster".to_owned()));
    yard.nobody_noticed("a call that was always overtaken").await;
}

fn rings(timer: &str) -> Value {
    json!({"Scheduled": [timer, []]})
}

/// Writes what the other call reads, in calls of the same installation.
async fn overtake(yard: &Yard<'_>, place: &Place) {
    loop {
        assert_eq!(yard.call(place, rings("other")).await, None);
    }
}

/// Writes it as another node would: there nobody knows that a call here runs alone.
async fn change_behind_its_back(yard: &Yard<'_>, place: &Place) {
    let change = "update plugin_kv set version = version + 1 where installation_id = $1";
    loop {
        tamper(yard.app, change, &[&number(&place.installation)]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// At which attempt a call has ended well: that is what it stores.
async fn attempt(yard: &Yard<'_>, place: &Place) -> Option<String> {
    let sql = "select value from plugin_kv where installation_id = $1 and key = $2";
    let mut conn = yard.app.app.db.read().await.unwrap();
    let found: Option<(Vec<u8>,)> =
        conn.optional(sql, &[&number(&place.installation), &b"attempt".to_vec()]).await.unwrap();
    found.map(|(value,)| String::from_utf8(value).unwrap())
}
