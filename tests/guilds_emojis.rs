//! Custom emoji: their images, names and limits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use guildhall::guilds::emoji_exists;
use guildhall::id::{EmojiId, GuildId};

use crate::guilds_cast::{actions, id, number, promote, tamper};
use crate::story;
use crate::support::{Socket, json};

const PNG: &[u8] = &[0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', 1, 2, 3];

fn image(content_type: &str, bytes: &[u8]) -> String {
    format!("data:{content_type};base64,{}", STANDARD.encode(bytes))
}

story!(an_emoji_is_made_shown_and_deleted, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    let emojis = format!("/guilds/{guild}/emojis");
    let mut ears = Socket::connect(&bob).await;

    let made = ada.post(&emojis, json!({"name": "gear_1", "image": image("image/png", PNG)})).await.expect(201);

    assert_eq!((&made["name"], &made["content_type"]), (&json!("gear_1"), &json!("image/png")));
    assert_eq!(ears.event("emoji_created").await, made);
    assert_eq!(bob.get(&emojis).await.expect(200)["items"], json!([made]));
    let shown = reqwest::get(format!("{}/api/v1/emojis/{}", app.url, id(&made))).await.unwrap();
    let header = |name: &str| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(shown.bytes().await.unwrap(), PNG);
    let (guild_id, emoji_id) = (GuildId(number(&guild)), EmojiId(number(&id(&made))));
    for (guild, name, there) in [(guild_id, "gear_1", true), (guild_id, "gear_2", false), (GuildId(7), "gear_1", false)]
    {
        let mut conn = app.app.db.read().await.unwrap();
        assert_eq!(emoji_exists(&mut conn, guild, emoji_id, name).await.unwrap(), there);
    }

    ada.delete(&format!("{emojis}/{}", id(&made))).await.expect(204);
    assert_eq!(ears.event("emoji_deleted").await["id"], made["id"]);
    bob.get(&format!("/emojis/{}", id(&made))).await.problem(404, "NOT_FOUND");
    assert_eq!(actions(&ada, &guild).await[..2], ["emoji_delete", "emoji_create"]);
});

story!(emoji_are_what_they_say_and_from_those_who_may, |app| {
    let [ada, bob, eve] = app.users(["ada", "bob", "eve"]).await;
    let (guild, _) = ada.guild("Engines").await;
    let (other, _) = eve.guild("Elsewhere").await;
    bob.join(&guild).await;
    let emojis = format!("/guilds/{guild}/emojis");
    let good = json!({"name": "gear", "image": image("image/png", PNG)});
    let foreign = eve.post(&format!("/guilds/{other}/emojis"), good.clone()).await.expect(201);
    let before = app.log_position().await;
    eve.get(&emojis).await.problem(404, "NOT_FOUND");
    eve.post(&emojis, good.clone()).await.problem(404, "NOT_FOUND");
    bob.post(&emojis, good.clone()).await.problem(403, "MISSING_PERMISSION");
    for name in ["g", "Gear", "ge ar", "gear-1", &"x".repeat(33)] {
        let wrong = json!({"name": name, "image": image("image/png", PNG)});
        assert_eq!(ada.post(&emojis, wrong).await.faults(), ["/name"], "{name}");
    }
    let large = [PNG, &[0; 64 * 1024]].concat();
    for wrong in [
        image("image/png", b"GIF89a"),
        image("image/svg+xml", b"<svg onload=alert(1)>"),
        image("text/html", PNG),
        image("image/png", &large),
        "data:image/png;base64,%%%".to_owned(),
        "https://example.com/gear.png".to_owned(),
        String::new(),
    ] {
        let faults = ada.post(&emojis, json!({"name": "gear", "image": wrong})).await.faults();
        assert_eq!(faults, ["/image"], "{}", &wrong[..wrong.len().min(40)]);
    }
    ada.delete(&format!("{emojis}/{}", id(&foreign))).await.problem(404, "NOT_FOUND");
    assert_eq!(app.log_position().await, before);

    promote(&ada, &guild, &bob, &["MANAGE_EMOJIS"]).await;
    for (name, content_type, bytes) in [
        ("gif", "image/gif", &b"GIF89a..."[..]),
        ("jpeg", "image/jpeg", &[0xff, 0xd8, 0xff, 0xe0, 1]),
        ("webp", "image/webp", b"RIFF1234WEBPVP8 "),
        ("full", "image/png", &large[..64 * 1024]),
    ] {
        let new = json!({"name": name, "image": image(content_type, bytes)});
        bob.post(&emojis, new.clone()).await.expect(201);
        bob.post(&emojis, new).await.problem(409, "ALREADY_EXISTS");
    }
});

story!(a_guild_has_two_hundred_emoji_at_most, |app| {
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    for i in 0..199_i64 {
        let sql = "insert into emojis (id, guild_id, name, content_type, image, creator_id, created_at)
            values ($1, $2, $3, 'image/png', $4, 1, 0)";
        tamper(&app, sql, &[&(i + 1), &number(&guild), &format!("e{i:03}"), &PNG.to_vec()]).await;
    }
    let emojis = format!("/guilds/{guild}/emojis");
    ada.post(&emojis, json!({"name": "last", "image": image("image/png", PNG)})).await.expect(201);
    let one_more = json!({"name": "more", "image": image("image/png", PNG)});
    ada.post(&emojis, one_more).await.problem(409, "LIMIT_REACHED");
});
