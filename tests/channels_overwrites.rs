//! Exceptions for roles and members, inheritance, and the explanation of what somebody may do.

use crate::story;
use crate::support::{Value, json};

story!(a_channel_hears_its_category_first_and_itself_last, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let category = ada.make_channel(&guild, json!({"name": "Work", "kind": "category"})).await;
    let talk = ada.make_channel(&guild, json!({"name": "talk", "kind": "text", "parent_id": category})).await;
    bob.say(&talk, "one").await;

    ada.except_everyone(&category, &guild, &[], &["SEND_MESSAGES"]).await;
    let said = json!({"content": "two"});
    bob.post(&format!("/channels/{talk}/messages"), said.clone()).await.problem(403, "MISSING_PERMISSION");
    ada.except_everyone(&talk, &guild, &["SEND_MESSAGES"], &[]).await;
    bob.say(&talk, "three").await;
    ada.except(&talk, &bob, &[], &["SEND_MESSAGES"]).await;
    bob.post(&format!("/channels/{talk}/messages"), said).await.problem(403, "MISSING_PERMISSION");

    ada.delete(&format!("/channels/{talk}/overwrites/{}", bob.id)).await.expect(204);
    ada.delete(&format!("/channels/{talk}/overwrites/{guild}")).await.expect(204);
    ada.patch(&format!("/channels/{talk}"), json!({"inherits": false})).await.expect(200);
    bob.say(&talk, "without the category").await;
});

story!(an_overwrite_is_put_replaced_and_removed_and_each_is_told, |app| {
    let ([ada, bob], _, general) = app.guild_of(["ada", "bob"]).await;

    let put = ada.except(&general, &bob, &["MANAGE_MESSAGES"], &["ADD_REACTIONS"]).await;
    let view =
        json!([{"target_id": bob.id, "kind": "member", "allow": ["MANAGE_MESSAGES"], "deny": ["ADD_REACTIONS"]}]);
    assert_eq!((&put["overwrites"], &put["version"]), (&view, &json!(2)));
    let row = app.log().await.into_iter().rfind(|row| row.kind.as_str() == "channel_updated").expect("a row");
    assert_eq!(serde_json::from_str::<Value>(&row.payload).unwrap(), put);
    assert_eq!(row.channel.map(|id| id.to_string()).as_ref(), Some(&general));

    let before = app.log_position().await;
    assert_eq!(ada.except(&general, &bob, &["MANAGE_MESSAGES"], &["ADD_REACTIONS"]).await, put);
    assert_eq!(app.log_position().await, before, "the same again is no row");
    let replaced = ada.except(&general, &bob, &[], &[]).await;
    assert_eq!(replaced["overwrites"], json!([{"target_id": bob.id, "kind": "member", "allow": [], "deny": []}]));
    ada.delete(&format!("/channels/{general}/overwrites/{}", bob.id)).await.expect(204);
    ada.delete(&format!("/channels/{general}/overwrites/{}", bob.id)).await.problem(404, "NOT_FOUND");
    assert_eq!(ada.get(&format!("/channels/{general}")).await.expect(200)["overwrites"], json!([]));
});

story!(an_overwrite_that_makes_no_sense_is_refused, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    let thread = ada.post(&format!("/channels/{general}/threads"), json!({"name": "t"})).await.expect(201);
    let direct = ada.post("/users/@me/channels", json!({"recipient_ids": [bob.id]})).await.expect(201);
    let before = app.log_position().await;

    let put =
        async |target: &str, body: Value| ada.put(&format!("/channels/{general}/overwrites/{target}"), body).await;
    let both = put(&bob.id, json!({"kind": "member", "allow": ["SPEAK"], "deny": ["SPEAK"]})).await;
    assert_eq!(both.faults(), ["/deny"]);
    let unknown = put(&bob.id, json!({"kind": "member", "allow": ["FLY"]})).await;
    assert_eq!(unknown.faults(), ["/allow"]);
    let administrator = put(&bob.id, json!({"kind": "member", "allow": ["ADMINISTRATOR"]})).await;
    assert_eq!(administrator.faults(), ["/allow"]);
    put(&eve.id, json!({"kind": "member"})).await.problem(404, "NOT_FOUND");
    put(&bob.id, json!({"kind": "role"})).await.problem(404, "NOT_FOUND");
    for channel in [&thread, &direct] {
        let path = format!("/channels/{}/overwrites/{}", channel["id"].as_str().unwrap(), bob.id);
        ada.put(&path, json!({"kind": "member"})).await.problem(422, "WRONG_CHANNEL_KIND");
    }
    assert_eq!(app.log_position().await, before);
});

story!(one_gives_and_takes_only_what_one_holds_and_only_below_oneself, |app| {
    let ([ada, bob, cleo], guild, general) = app.guild_of(["ada", "bob", "cleo"]).await;
    let before = app.log_position().await;
    let path = format!("/channels/{general}/overwrites");
    let everyone = format!("{path}/{guild}");
    bob.put(&everyone, json!({"kind": "role", "deny": ["SPEAK"]})).await.problem(403, "MISSING_PERMISSION");
    bob.delete(&everyone).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);

    ada.except(&general, &bob, &["MANAGE_ROLES"], &["ATTACH_FILES"]).await;
    let before = app.log_position().await;
    bob.put(&everyone, json!({"kind": "role", "allow": ["MANAGE_MESSAGES"]})).await.problem(403, "MISSING_PERMISSION");
    bob.put(&everyone, json!({"kind": "role", "deny": ["ATTACH_FILES"]})).await.problem(403, "MISSING_PERMISSION");
    let his = format!("{path}/{}", bob.id);
    bob.put(&his, json!({"kind": "member", "allow": ["MANAGE_ROLES"]})).await.problem(403, "MISSING_PERMISSION");
    bob.delete(&his).await.problem(403, "MISSING_PERMISSION");
    let hers = format!("{path}/{}", ada.id);
    bob.put(&hers, json!({"kind": "member", "deny": ["VIEW_CHANNEL"]})).await.problem(403, "OWNER_PROTECTED");
    let beside = format!("{path}/{}", cleo.id);
    bob.put(&beside, json!({"kind": "member", "deny": ["SPEAK"]})).await.problem(403, "ROLE_TOO_HIGH");
    assert_eq!(app.log_position().await, before);
    bob.put(&everyone, json!({"kind": "role", "deny": ["SPEAK", "VIEW_CHANNEL"]})).await.expect(200);
    cleo.get(&format!("/channels/{general}")).await.problem(404, "NOT_FOUND");
    ada.say(&general, "the owner is never locked out").await;
});

story!(what_somebody_may_do_is_explained_step_by_step, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, general) = ada.guild("Engines").await;
    bob.join(&guild).await;
    ada.except(&general, &bob, &["MANAGE_MESSAGES"], &["SPEAK"]).await;

    let own = bob.get(&format!("/channels/{general}/permissions/@me?explain=true")).await.expect(200);
    assert_eq!((&own["user_id"], &own["channel_id"]), (&json!(bob.id), &json!(general)));
    let steps = own["steps"].as_array().expect("steps");
    assert_eq!(steps[0]["rule"], "everyone");
    assert_eq!(
        steps[1],
        json!({"rule": "member_overwrite", "at": general, "allowed": ["MANAGE_MESSAGES"], "denied": ["SPEAK"]})
    );
    let names = own["permission_names"].as_array().expect("names");
    assert!(names.contains(&json!("MANAGE_MESSAGES")) && !names.contains(&json!("SPEAK")));
    assert!(own["permissions"].as_str().is_some_and(|number| number.parse::<u64>().is_ok()));
    let plain = ada.get(&format!("/channels/{general}/permissions/{}", bob.id)).await.expect(200);
    assert_eq!((&plain["permissions"], &plain["steps"]), (&own["permissions"], &Value::Null));

    bob.get(&format!("/channels/{general}/permissions/{}", ada.id)).await.problem(403, "MISSING_PERMISSION");
    eve.get(&format!("/channels/{general}/permissions/@me")).await.problem(404, "NOT_FOUND");
    ada.get(&format!("/channels/{general}/permissions/{}", eve.id)).await.problem(404, "NOT_FOUND");
    bob.get(&format!("/channels/{general}/permissions/@me?explain=perhaps")).await.problem(400, "INVALID_QUERY");
    ada.except(&general, &bob, &[], &["VIEW_CHANNEL"]).await;
    let hidden = ada.get(&format!("/channels/{general}/permissions/{}?explain=true", bob.id)).await.expect(200);
    assert_eq!(hidden["permissions"], "0");
    assert_eq!(hidden["steps"].as_array().and_then(|steps| steps.last()).unwrap()["rule"], "hidden");
});

story!(roles_are_excepted_only_by_those_who_stand_above_them, |app| {
    let ([ada, bob, cleo], guild, general) = app.guild_of(["ada", "bob", "cleo"]).await;
    let his = ada.make_role(&guild, &["MANAGE_ROLES"], &bob).await;
    let hers = ada.make_role(&guild, &["MANAGE_MESSAGES"], &cleo).await;
    let path = format!("/channels/{general}/overwrites");
    let before = app.log_position().await;

    let deny = json!({"kind": "role", "deny": ["SEND_MESSAGES"]});
    bob.put(&format!("{path}/{his}"), deny.clone()).await.problem(403, "ROLE_TOO_HIGH");
    assert_eq!(app.log_position().await, before);
    bob.put(&format!("{path}/{hers}"), deny).await.expect(200);
    let said = json!({"content": "?"});
    cleo.post(&format!("/channels/{general}/messages"), said).await.problem(403, "MISSING_PERMISSION");
    bob.put(&format!("{path}/{}", cleo.id), json!({"kind": "member", "allow": ["SEND_MESSAGES"]})).await.expect(200);
    cleo.say(&general, "a member's own exception comes last").await;
    let steps = ada.get(&format!("/channels/{general}/permissions/{}?explain=true", cleo.id)).await.expect(200);
    let rules: Vec<_> = steps["steps"].as_array().unwrap().iter().map(|step| step["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["everyone", "role", "role_overwrites", "member_overwrite"]);
});

story!(an_administrator_passes_by_every_overwrite, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    ada.except_everyone(&general, &guild, &[], &["VIEW_CHANNEL", "SEND_MESSAGES"]).await;
    bob.get(&format!("/channels/{general}")).await.problem(404, "NOT_FOUND");

    ada.make_role(&guild, &["ADMINISTRATOR"], &bob).await;

    bob.say(&general, "here I am").await;
    bob.put(
        &format!("/channels/{general}/overwrites/{}", ada.id),
        json!({"kind": "member", "deny": ["SEND_MESSAGES"]}),
    )
    .await
    .problem(403, "OWNER_PROTECTED");
});

story!(the_audit_log_tells_what_an_overwrite_was_and_is, |app| {
    let ([ada, bob], guild, general) = app.guild_of(["ada", "bob"]).await;
    ada.except(&general, &bob, &["SPEAK"], &[]).await;
    ada.delete(&format!("/channels/{general}/overwrites/{}", bob.id)).await.expect(204);
    ada.patch(&format!("/channels/{general}"), json!({"name": "talk"})).await.expect(200);

    let log = ada.get(&format!("/guilds/{guild}/audit-log?target_id={general}")).await.expect(200);
    let view = json!({"target_id": bob.id, "kind": "member", "allow": ["SPEAK"], "deny": []});
    let told: Vec<_> = log["items"].as_array().unwrap().iter().map(|one| (&one["action"], &one["changes"])).collect();
    assert_eq!(
        told,
        [
            (&json!("channel_update"), &json!([{"key": "name", "old": "general", "new": "talk"}])),
            (&json!("overwrite_delete"), &json!([{"key": "overwrite", "old": view, "new": null}])),
            (&json!("overwrite_update"), &json!([{"key": "overwrite", "old": null, "new": view}])),
        ]
    );
});
