//! The plugins that come with the server: all are good, and installations follow them.

use std::time::Duration;

use guildhall::config::Config;
use guildhall::plugins::artifact::Artifact;

use crate::guilds_cast::{id, promote, tamper};
use crate::plugins_events::{number, until};
use crate::plugins_installing::{install, path};
use crate::plugins_polls::{ask, at, guild_with_polls};
use crate::story;
use crate::support::plugins::component;
use crate::support::source::root;
use crate::support::{Socket, TestApp, json};

/// Whatever comes with the server can be installed by a guild's owner, as far as it needs no settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plugins_that_come_with_the_server_can_be_installed() {
    let Some(folder) = std::env::var_os("GUILDHALL_PLUGINS_BUNDLED") else { return };
    let database = crate::support::Database::Sqlite;
    let Some(app) = TestApp::start(database, |config| config.plugins.bundled = folder.into()).await else { return };
    let ([ada], guild, _) = app.guild_of(["ada"]).await;
    let files = std::fs::read_dir(&app.app.config.plugins.bundled).expect("the folder").filter_map(Result::ok);
    let files = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "wasm")).count();
    let page = ada.get("/marketplace?limit=100").await.expect(200);
    let plugins = page["items"].as_array().unwrap();
    assert_eq!(plugins.len(), files, "none is broken");
    for plugin in plugins {
        let asked = ada.post(&format!("/marketplace/{}", id(plugin)), json!({"guild_id": guild})).await;
        let needs_settings = plugin["configuration"].as_array().unwrap().iter().any(|one| one["required"] == true);
        asked.expect(if needs_settings { 422 } else { 201 });
    }
    app.stop().await;
}

/// While a plugin's files are gone nothing of it is lost: its timers wait for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_whose_file_is_gone_for_a_while_goes_on_where_it_was() {
    let Some(folder) = std::env::var_os("GUILDHALL_PLUGINS_BUNDLED") else { return };
    let (file, plugins) = ("guildhall.polls.wasm", tempfile::tempdir().expect("a folder"));
    let put = || std::fs::copy(std::path::Path::new(&folder).join(file), plugins.path().join(file)).expect("a copy");
    put();
    let settings = |config: &mut Config| {
        config.plugins.bundled = plugins.path().to_owned();
        config.tokens.access_seconds = 200_000;
    };
    let Some(mut app) = TestApp::start(crate::support::Database::Sqlite, settings).await else { return };
    let [ada] = app.users(["ada"]).await;
    let (guild, general, polls) = guild_with_polls(&ada, &[]).await;
    let hour = app.app.now().after(Duration::from_secs(3_600));
    let poll = ask(&ada, &guild, &general, json!({"closes_at": hour})).await;

    std::fs::remove_file(plugins.path().join(file)).expect("it is gone");
    app.restart().await;
    app.advance(Duration::from_secs(7_200));
    let waits = "select count(*) from plugin_timers where id like 'close:%' and held_until > 0";
    until("its timer waits", async || number(&app.app.db, waits).await == 1).await;
    ada.get(&at(&poll)).await.problem(404, "NOT_FOUND");

    put();
    app.restart().await;
    until("the poll ends", async || !ada.get(&at(&poll)).await.expect(200)["closed_at"].is_null()).await;
    assert_eq!(ada.get(&path(&polls)).await.expect(200)["state"], "enabled");
    app.stop().await;
}

story!(installations_follow_the_server_as_far_as_their_admins_consented, |app| {
    let ([ada, bob], guild, _) = app.guild_of(["ada", "bob"]).await;
    promote(&ada, &guild, &bob, &["MANAGE_PLUGINS"]).await;
    let set = json!({"guild_id": guild, "config": {"days": 3, "token": "hunter2"}});
    let greeter = ada.post("/marketplace/tests.greeter", set).await.expect(201);
    let keeper = install(&ada, &guild, "tests.keeper").await;
    ada.patch(&path(&keeper), json!({"permissions": ["roles"]})).await.expect(200);
    // As if both had been installed from an earlier server, with settings that mean nothing any more.
    let older = "update installations set version = '0.0.9', digest = '', config = $1 where plugin = $2";
    let config = "select config from installations where plugin = 'tests.greeter'";
    let (stored,): (String,) = app.app.db.read().await.unwrap().one(config, &[]).await.unwrap();
    let stored = stored.replace("\"days\":3", "\"days\":30,\"gone\":true");
    tamper(&app, older, &[&stored, &"tests.greeter"]).await;
    tamper(&app, older, &[&"{}", &"tests.keeper"]).await;
    let mut ears = Socket::connect(&ada).await;

    guildhall::plugins::upgrading::follow(&app.app).await.unwrap();

    let told = ears.event("installation_updated").await;
    assert_eq!((&told["version"], &told["digest"]), (&json!("1.2.0"), &greeter["digest"]));
    assert_eq!(told["config"], json!({"greeting": "Hello", "token": "***"}), "what fits stays, its secret too");
    let waits = ada.get(&path(&keeper)).await.expect(200);
    assert_eq!(waits["version"], "0.0.9", "it can't do with what it is allowed");
    let before = app.log_position().await;
    guildhall::plugins::upgrading::follow(&app.app).await.unwrap();
    let upgrade = json!({"version": "0.1.0"});
    assert_eq!(ada.patch(&path(&keeper), json!({"version": "7.0.0"})).await.faults(), ["/version"]);
    assert_eq!(ada.patch(&path(&keeper), upgrade.clone()).await.faults(), ["/permissions"]);
    let allowed = json!({"version": "0.1.0", "permissions": ["roles", "moderation"]});
    bob.patch(&path(&keeper), allowed.clone()).await.problem(403, "MISSING_PERMISSION");
    assert_eq!(app.log_position().await, before);
    let upgraded = ada.patch(&path(&keeper), allowed).await.expect(200);
    assert_eq!((&upgraded["version"], &upgraded["digest"]), (&json!("0.1.0"), &keeper["digest"]));
    // The other way round nothing happens by itself.
    tamper(&app, "update installations set version = '99.0.0'", &[]).await;
    let before = app.log_position().await;
    guildhall::plugins::upgrading::follow(&app.app).await.unwrap();
    assert_eq!(app.log_position().await, before);
});

/// What the server thinks of the sources of the plugins that come with it, whether they are built or not.
#[test]
fn the_plugins_of_this_repository_say_what_they_are() {
    let mut found = 0;
    for folder in std::fs::read_dir(root().join("plugins")).expect("plugins").filter_map(Result::ok) {
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("text");
        let folder = folder.path();
        if !folder.join("plugin.toml").exists() {
            continue;
        }
        let locales = std::fs::read_dir(folder.join("locales")).into_iter().flatten().filter_map(Result::ok);
        let languages: Vec<(String, String)> = locales
            .map(|file| (file.path().file_stem().expect("a name").to_string_lossy().into_owned(), read(file.path())))
            .collect();
        let languages: Vec<(&str, &str)> = languages.iter().map(|(name, text)| (&**name, &**text)).collect();
        let bytes = component(&read(folder.join("plugin.toml")), &languages);
        let plugin = Artifact::read(bytes.into()).unwrap_or_else(|error| panic!("{}: {error:#}", folder.display()));
        // Others may stand there while somebody writes them.
        found += usize::from(plugin.manifest.plugin.id.publisher() == "guildhall");
    }
    assert_eq!(found, 2, "polls and automod");
}
