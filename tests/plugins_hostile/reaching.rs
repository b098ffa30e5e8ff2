//! Ids that aren't the installation's to use: of other guilds, of other installations, of nobody; and permissions
//! that nobody granted.

use std::time::Duration;

use crate::guilds_cast::id;
use crate::support::{Answer, User, json};

use super::yard::{Place, Yard};

/// What is reached for, how its id is called in the query, and what whoever asked is answered if it is another
/// guild's, and if it is nobody's.
pub const REACHES: &[(&str, &[&str], &str, &str)] = &[
    ("reach-send", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-edit", &["channel", "message"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-delete", &["channel", "message"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-react", &["channel", "message"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-direct", &["user"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-message", &["channel", "message"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-history", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-channel", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-thread", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-topic", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-resource", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-member", &["user"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-rights", &["user", "channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-badge", &["user"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-role", &["user", "role"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("reach-kick", &["user"], "403 FORBIDDEN", "403 FORBIDDEN"),
    ("reach-ban", &["user"], "403 FORBIDDEN", "403 FORBIDDEN"),
    ("reach-time-out", &["user"], "403 FORBIDDEN", "403 FORBIDDEN"),
    ("reach-delete-theirs", &["channel", "message"], "403 FORBIDDEN", "403 FORBIDDEN"),
    ("flood-messages", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("flood-topics", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("flood-resources", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("flood-content", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("nul-content", &["channel"], "404 NOT_FOUND", "404 NOT_FOUND"),
    ("nul-topic", &["channel"], "422 INVALID_FIELDS", "422 INVALID_FIELDS"),
    ("nul-thread", &["channel"], "422 INVALID_FIELDS", "422 INVALID_FIELDS"),
];

/// What even with ids of its own is refused, and how that stands in the log.
const EVEN_SO: &[(&str, &str, &str)] = &[
    ("flood-messages", "502 PLUGIN_FAILED", "ACTION_LIMIT"),
    ("flood-topics", "502 PLUGIN_FAILED", "ACTION_LIMIT"),
    ("flood-resources", "502 PLUGIN_FAILED", "ACTION_LIMIT"),
    ("flood-content", "422 INVALID_FIELDS", "FAILED"),
    ("nul-content", "422 INVALID_FIELDS", "FAILED"),
    ("nul-topic", "422 INVALID_FIELDS", "FAILED"),
    ("nul-thread", "422 INVALID_FIELDS", "FAILED"),
];

/// A guild's things: each name, and its id.
struct Things(Vec<(&'static str, String)>);

impl Things {
    fn query(&self, names: &[&str]) -> String {
        let pairs = names.iter().map(|name| {
            let (_, id) = self.0.iter().find(|(known, _)| known == name).expect("a thing of this name");
            format!("{name}={id}")
        });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    }
}

/// Goes through all of them.
pub async fn go_through(yard: &Yard<'_>) {
    let other = yard.place("hostile.none").await;
    let elsewhere = things(yard, &other, "bob", "none").await;
    let nothing = ["18446744073709551615", "0", "9223372036854775808"];
    let before = history(yard, &other).await;
    for (at, (fault, names, others, nobodys)) in REACHES.iter().enumerate() {
        let place = yard.place("hostile.none").await;
        yard.set(&place, json!({ "fault": fault })).await;
        let own = things(yard, &place, &format!("eve{at}"), fault).await;
        let told = answered(yard.ask(&place, &elsewhere.query(names)).await);
        assert_eq!(told, *others, "{fault} with another guild's ids");
        for id in nothing {
            let forged = Things(names.iter().map(|name| (*name, id.to_owned())).collect());
            let told = answered(yard.ask(&place, &forged.query(names)).await);
            assert_eq!(told, *nobodys, "{fault} with {id}");
            // Several refusals of one kind are no reason to leave it alone, but those that count are.
            yard.app.advance(Duration::from_secs(1));
        }
        let code = if nobodys.starts_with("502") { "REFUSED" } else { "FAILED" };
        assert_eq!(yard.failure(&place, "http-routes", 0).await.0, code, "{fault}");
        if fault.starts_with("reach-kick") || others.starts_with("403") {
            let told = answered(yard.ask(&place, &own.query(names)).await);
            assert_eq!(told, *others, "{fault} without its permission");
            grant_moderation(yard, &place).await;
        }
        match EVEN_SO.iter().find(|(known, ..)| known == fault) {
            Some((_, answer, code)) => {
                assert_eq!(answered(yard.ask(&place, &own.query(names)).await), *answer, "{fault}");
                assert_eq!(yard.failure(&place, "http-routes", 0).await.0, *code, "{fault}");
            }
            None => assert_eq!(answered(yard.ask(&place, &own.query(names)).await), "200 ", "{fault} with its own"),
        }
        yard.nobody_noticed(fault).await;
    }
    assert_eq!(history(yard, &other).await, before, "nobody has reached anything");
}

/// A resource of another installation is nobody's to delete.
pub async fn resources_belong_to_their_installations(yard: &Yard<'_>) {
    let [mine, other] = [yard.place("hostile.none").await, yard.place("hostile.none").await];
    yard.set(&other, json!({"fault": "reach-resource"})).await;
    yard.ask(&other, &format!("?channel={}", other.general)).await.expect(200);
    let sql = "select id from plugin_resources order by id desc limit 1";
    let (resource,): (i64,) = yard.app.app.db.read().await.unwrap().one(sql, &[]).await.unwrap();
    let query = format!("?resource={resource}");
    yard.set(&mine, json!({"fault": "reach-resource-delete"})).await;
    yard.set(&other, json!({"fault": "reach-resource-delete"})).await;
    assert_eq!(answered(yard.ask(&mine, &query).await), "404 NOT_FOUND");
    assert_eq!(answered(yard.ask(&other, &query).await), "200 ");
    assert_eq!(answered(yard.ask(&other, &query).await), "404 NOT_FOUND");
}

/// What a guild has that may be reached for. The message is the bot's own where that can be.
async fn things(yard: &Yard<'_>, place: &Place, who: &str, fault: &str) -> Things {
    let [user] = yard.app.users([who]).await;
    user.join(&place.guild).await;
    let body = json!({"name": "painters", "permissions": []});
    let role = yard.ada.post(&format!("/guilds/{}/roles", place.guild), body).await.expect(201);
    let message = own_message(yard, place, &user, fault).await;
    Things(vec![("channel", place.general.clone()), ("message", message), ("user", user.id), ("role", id(&role))])
}

async fn own_message(yard: &Yard<'_>, place: &Place, user: &User, fault: &str) -> String {
    if !["reach-edit", "reach-delete"].contains(&fault) {
        return id(&user.say(&place.general, "here").await);
    }
    yard.set(place, json!({"fault": "reach-send"})).await;
    yard.ask(place, &format!("?channel={}", place.general)).await.expect(200);
    yard.set(place, json!({ "fault": fault })).await;
    let page = yard.ada.get(&format!("/channels/{}/messages", place.general)).await.expect(200);
    let own = page["items"].as_array().unwrap().iter().find(|one| one["content"] == "hello");
    id(own.expect("the bot has said something"))
}

async fn grant_moderation(yard: &Yard<'_>, place: &Place) {
    let path = format!("/installations/{}", place.installation);
    let mut permissions = yard.ada.get(&path).await.expect(200)["permissions"].clone();
    permissions.as_array_mut().unwrap().push(json!("moderation"));
    yard.ada.patch(&path, json!({ "permissions": permissions })).await.expect(200);
}

async fn history(yard: &Yard<'_>, place: &Place) -> String {
    yard.ada.get(&format!("/channels/{}/messages", place.general)).await.text
}

fn answered(answer: Answer) -> String {
    format!("{} {}", answer.status, answer.body["code"].as_str().unwrap_or_default())
}
